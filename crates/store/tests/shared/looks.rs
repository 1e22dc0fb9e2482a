//! Looks at what has come to a shared store: no more is fetched than a command needs, and nothing is forgotten.

use store::{Depth, Filter, Imported, Look, Record, RecordId, SharedKey, SharedStore, Store};
use tempfile::TempDir;

use super::{Start, key_at, pull, push, record, server::Server};

/// A look at the runs of the project without a name.
const LOOK: Look<'static> = Look {
    project: "",
    depth: Depth::All,
    until_ms: None,
    id: None,
    now_ms: 0,
    is_thorough: false,
};

/// Looks at the runs of the project without a name, so deep.
pub(crate) fn look_at(
    store: &Store,
    shared: &SharedStore,
    depth: Depth,
) -> (Imported, Option<u64>) {
    look(store, shared, Look { depth, ..LOOK })
}

/// Returns what has come, and the time since when all runs are here.
fn look(store: &Store, shared: &SharedStore, look: Look<'_>) -> (Imported, Option<u64>) {
    let mut found = Imported::default();
    let since = store.refresh(shared, look, &mut found, &mut |_, _| {}).unwrap();
    (found, since)
}

fn refresh(
    store: &Store,
    shared: &SharedStore,
    depth: Depth,
    now_ms: u64,
) -> (Imported, Option<u64>) {
    look(store, shared, Look { depth, now_ms, ..LOOK })
}

pub(crate) fn refused_objects_are_not_fetched_again_by_themselves(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    let newer = Record { version: Record::VERSION + 1, ..record(2) }.pack().unwrap();
    server.place(&key_at(2, newer.id), &newer.bytes);
    server.place(&key_at(3, RecordId::of(b"junk")), b"junk");
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let refused = || refresh(&store, &shared, Depth::All, 0).0.all_refused;
    assert_eq!([refused(), refused()], [2, 0]);
    assert_eq!(pull(&store, &shared).all_refused, 2);
    // The run itself, under whose ID somebody has put something else before.
    let true_one = record(9).pack().unwrap();
    server.place(&key_at(8, true_one.id), b"junk");
    assert_eq!(refused(), 1);
    server.place(&key_at(9, true_one.id), &true_one.bytes);
    assert_eq!(refresh(&store, &shared, Depth::All, 0).0.added, [true_one.id]);
}

/// A server with nine runs, and a store that has none of them.
fn with_nine(start: Start<'_>) -> (Server, SharedStore, TempDir, Store) {
    let server = start(&[]);
    let shared = server.open();
    for time in 1..=9 {
        push(&shared, &record(time));
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (server, shared, folder, store)
}

/// The times of all runs, the newest first.
fn times(store: &Store) -> Vec<u64> {
    store.entries(&Filter::default()).unwrap().iter().map(|entry| entry.time_ms).collect()
}

pub(crate) fn no_more_than_the_newest_runs_are_fetched(start: Start<'_>) {
    let (_server, shared, _folder, store) = with_nine(start);
    let times = || times(&store);
    assert_eq!(refresh(&store, &shared, Depth::Newest(3), 20).1, Some(7));
    assert_eq!(times(), [9, 8, 7]);
    push(&shared, &record(10));
    // There are four, and more than that are not here.
    assert_eq!(refresh(&store, &shared, Depth::Newest(4), 21).1, Some(7));
    assert_eq!(times(), [10, 9, 8, 7]);
    assert_eq!(refresh(&store, &shared, Depth::Newest(6), 22).1, Some(5));
    assert_eq!(refresh(&store, &shared, Depth::Since(4), 23).1, Some(4));
    assert_eq!(times(), [10, 9, 8, 7, 6, 5, 4]);
    assert_eq!(refresh(&store, &shared, Depth::All, 24).1, None);
    assert_eq!(times().len(), 10);
    assert_eq!(refresh(&store, &shared, Depth::Newest(2), 25).1, None);
}

pub(crate) fn named_runs_are_fetched_however_old_they_are(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    push(&shared, &Record { name: Some("stable".to_owned()), ..record(1) });
    for time in 2..=5 {
        push(&shared, &record(time));
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (found, since) = refresh(&store, &shared, Depth::Newest(2), 9);
    assert_eq!((found.added.len(), since), (3, Some(4)));
    let named = Filter { name: Some("stable".to_owned()), ..Filter::default() };
    assert_eq!(store.entries(&named).unwrap().len(), 1);
}

pub(crate) fn a_run_is_fetched_alone_by_its_id(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    let keys: Vec<SharedKey> = (1..=9).map(|time| push(&shared, &record(time))).collect();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(refresh(&store, &shared, Depth::Newest(2), 20).0.added.len(), 2);
    let id = keys[3].id.to_string();
    let by_id = Look { depth: Depth::Newest(2), id: Some(&id[..8]), now_ms: 21, ..LOOK };
    let (found, since) = look(&store, &shared, by_id);
    assert_eq!((found.added, since), (vec![keys[3].id], Some(8)));
    // A typing error fetches nothing.
    let by_id = Look { id: Some("main"), ..by_id };
    assert_eq!(look(&store, &shared, by_id).0.added, []);
}

pub(crate) fn runs_before_a_time_are_fetched_alone(start: Start<'_>) {
    let (_server, shared, _folder, store) = with_nine(start);
    assert_eq!(refresh(&store, &shared, Depth::Newest(2), 20).1, Some(8));
    let before = Look { depth: Depth::Newest(3), until_ms: Some(5), now_ms: 21, ..LOOK };
    assert_eq!(look(&store, &shared, before).1, Some(8));
    assert_eq!(times(&store), [9, 8, 5, 4, 3]);
    assert_eq!(refresh(&store, &shared, Depth::Newest(5), 22).1, Some(3));
    let entries = store.entries(&Filter::default()).unwrap();
    assert_eq!(entries.len(), 7);
}

pub(crate) fn refused_objects_are_none_of_the_newest(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    for time in 1..=3 {
        push(&shared, &record(time));
    }
    for time in 7..=9 {
        server.place(&key_at(time, RecordId::of(&[1])), b"junk");
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (first, since) = refresh(&store, &shared, Depth::Newest(2), 9);
    assert_eq!((first.added.len(), first.all_refused, since), (0, 2, Some(8)));
    // There are fewer than two since then, so the list is read again.
    let (second, since) = refresh(&store, &shared, Depth::Newest(2), 10);
    assert_eq!((second.added.len(), second.all_refused, since), (1, 1, Some(3)));
    let (third, since) = refresh(&store, &shared, Depth::Newest(2), 11);
    assert_eq!((third.added.len(), third.all_refused, since), (1, 0, Some(2)));
    // Whoever looks at everything looks at them again.
    let thorough = Look { now_ms: 12, is_thorough: true, ..LOOK };
    let (fourth, since) = look(&store, &shared, thorough);
    assert_eq!((fourth.added.len(), fourth.all_refused, since), (1, 3, None));
}

pub(crate) fn the_whole_list_is_read_once_a_day(start: Start<'_>) {
    const DAY_MS: u64 = 24 * 3600 * 1000;
    let server = start(&[]);
    let shared = server.open();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let now = 100 * DAY_MS;
    push(&shared, &record(now));
    let come = |now| refresh(&store, &shared, Depth::All, now).0.added.len();
    assert_eq!(come(now), 1);
    push(&shared, &record(now - 7 * DAY_MS));
    push(&shared, &record(now - 9 * DAY_MS));
    assert_eq!([come(now + 1), come(now + DAY_MS - 1), come(now + DAY_MS)], [1, 0, 1]);
    push(&shared, &record(1));
    let thorough = Look { now_ms: now + DAY_MS, is_thorough: true, ..LOOK };
    assert_eq!(look(&store, &shared, thorough).0.added.len(), 1);
    // A clock that was set back.
    push(&shared, &record(2));
    assert_eq!(come(now), 1);
}

pub(crate) fn runs_of_other_projects_stay_there(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    push(&shared, &record(1));
    push(&shared, &Record { project: "acme/widgets".to_owned(), ..record(2) });
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(refresh(&store, &shared, Depth::All, 0).0.added.len(), 1);
    // A run that lies about its project or its time is none.
    let foreign = Record { project: "other".to_owned(), ..record(3) }.pack().unwrap();
    server.place(&key_at(3, foreign.id), &foreign.bytes);
    server.place(&key_at(4, record(5).pack().unwrap().id), &record(5).pack().unwrap().bytes);
    assert_eq!(refresh(&store, &shared, Depth::All, 0).0.all_refused, 2);
    assert_eq!(pull(&store, &shared).added.len(), 1);
}
