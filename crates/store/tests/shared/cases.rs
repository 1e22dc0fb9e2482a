//! The things that a shared store does with any server: on a good line and on bad ones.

use store::{Depth, Filter, Imported, Present, Record, RecordId, SharedError, SharedKey, Store};
use tempfile::TempDir;
use test_support::record_file;

use super::{
    Start, fetch, key_at,
    looks::look_at,
    pull, push, record,
    server::{Fault, WRONG_SECRET},
};

pub(crate) fn records_come_back_in_the_order_of_time(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    assert_eq!(shared.keys(None, None).unwrap(), []);
    let records: Vec<Record> = [30, 10, 20].map(record).into();
    for record in &records {
        push(&shared, record);
    }
    let keys = shared.keys(None, None).unwrap();
    assert_eq!(keys.iter().map(|key| key.time_ms).collect::<Vec<_>>(), [10, 20, 30]);
    let names: Vec<String> =
        fetch(&shared, &keys).iter().map(|record| record.benchmarks[0].name.clone()).collect();
    assert_eq!(names, ["at 10", "at 20", "at 30"]);
    let newer = shared.keys(None, Some(20)).unwrap();
    assert_eq!(newer.iter().map(|key| key.time_ms).collect::<Vec<_>>(), [20, 30]);
}

pub(crate) fn more_records_than_a_page_are_listed(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    let count = server.page() + 100;
    let key = |time: u64| key_at(time, RecordId::of(&time.to_le_bytes()));
    server.place_all(&(0..count).map(key).collect::<Vec<_>>(), b"x");
    let keys = shared.keys(None, None).unwrap();
    assert_eq!(keys.len(), usize::try_from(count).unwrap());
    let newest = shared.keys(Some(""), Some(count - 3)).unwrap();
    assert_eq!(newest, keys[keys.len() - 3..]);
}

pub(crate) fn writers_at_the_same_time_lose_nothing(start: Start<'_>) {
    let server = start(&[]);
    let key = push(&server.open(), &record(1));
    let same = push(&server.open(), &record(1));
    assert_eq!(key, same);
    let threads = [2, 3, 4, 5].map(|time| {
        let shared = server.open();
        std::thread::spawn(move || push(&shared, &record(time)))
    });
    for thread in threads {
        thread.join().unwrap();
    }
    let shared = server.open();
    let keys = shared.keys(None, None).unwrap();
    assert_eq!(keys.len(), 5);
    assert_eq!(fetch(&shared, &keys).len(), 5);
}

pub(crate) fn foreign_objects_are_left_out(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    push(&shared, &record(1));
    for name in ["notes.txt", "1-2.zst", "000000000000001-ffff.zst"] {
        server.place_foreign(name, b"anything");
        let folder = key_at(1, RecordId::of(b"")).folder;
        server.place_foreign(&format!("{folder}/{name}"), b"anything");
    }
    assert_eq!(shared.keys(None, None).unwrap().len(), 1);
}

pub(crate) fn an_object_larger_than_any_record_is_refused(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    let key = key_at(1, RecordId::of(b"long"));
    server.place_long(&key, (64 << 20) + 1);
    let mut found = Vec::new();
    let fetched: Result<(), SharedError> = shared.fetch(&[key], |_, bytes| {
        found.push(bytes.unwrap_err());
        Ok(())
    });
    fetched.unwrap();
    assert!(matches!(found[..], [SharedError::Long { .. }]), "{found:?}");
}

pub(crate) fn a_record_that_has_gone_is_left_out(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    let key = push(&shared, &record(1));
    let gone = key_at(2, RecordId::of(b"gone"));
    assert_eq!(fetch(&shared, &[gone, key]), [record(1)]);
}

pub(crate) fn a_server_that_is_busy_is_asked_again(start: Start<'_>) {
    let server = start(&[Fault::Busy, Fault::Busy, Fault::Busy]);
    let shared = server.open();
    let key = push(&shared, &record(1));
    assert_eq!(fetch(&shared, std::slice::from_ref(&key)), [record(1)]);
}

pub(crate) fn a_connection_that_is_cut_is_made_again(start: Start<'_>) {
    let server = start(&[Fault::CutAtOnce, Fault::CutAfter(10), Fault::CutAfter(60)]);
    let shared = server.open();
    let key = push(&shared, &record(1));
    assert_eq!(shared.keys(None, None).unwrap(), std::slice::from_ref(&key));
    assert_eq!(fetch(&shared, std::slice::from_ref(&key)), [record(1)]);
}

pub(crate) fn a_slow_server_is_waited_for(start: Start<'_>) {
    let server = start(&[Fault::ByteByByte]);
    let shared = server.open();
    let key = push(&shared, &record(1));
    assert_eq!(fetch(&shared, std::slice::from_ref(&key)), [record(1)]);
}

pub(crate) fn wrong_credentials_are_an_error(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open_with_secret(WRONG_SECRET);
    let refused = shared.keys(None, None).unwrap_err();
    let mut chain = refused.to_string();
    let mut cause = std::error::Error::source(&refused);
    while let Some(one) = cause {
        chain = format!("{chain}: {one}");
        cause = one.source();
    }
    let words = ["403", "SignatureDoesNotMatch", "AuthorizationFailure"];
    assert!(words.iter().any(|word| chain.contains(word)), "{chain}");
}

pub(crate) fn stores_get_what_they_lack(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [one, other] = folders.each_ref().map(|folder| Store::open(folder.path()).unwrap());
    let ids = [1, 2, 3].map(|time| one.add(&record(time)).unwrap());
    assert_eq!(one.push(&shared, &ids, Present::Believe, &mut |_| {}).unwrap().added, 3);
    assert_eq!(one.push(&shared, &ids, Present::Believe, &mut |_| {}).unwrap().added, 0);
    other.add(&record(2)).unwrap();
    let mut steps = Vec::new();
    let mut pulled = Imported::default();
    other.pull(&shared, None, &mut pulled, &mut |done, of| steps.push((done, of))).unwrap();
    assert_eq!((pulled.added.len(), pulled.all_refused), (2, 0));
    assert_eq!(steps, [(1, 2), (2, 2)]);
    assert_eq!(other.entries(&Filter::default()).unwrap().len(), 3);
    assert_eq!(other.get(ids[0]).unwrap(), record(1));
    assert_eq!(pull(&other, &shared).added.len(), 0);
}

pub(crate) fn runs_that_were_removed_here_come_back(start: Start<'_>) {
    const DAY_MS: u64 = 24 * 3600 * 1000;
    let server = start(&[]);
    let shared = server.open();
    push(&shared, &record(800 * DAY_MS));
    push(&shared, &record(900 * DAY_MS));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let look = || look_at(&store, &shared, Depth::All).0.added;
    assert_eq!(look().len(), 2);
    let oldest = store.entries(&Filter::default()).unwrap().pop().unwrap();
    store.remove(&[oldest.id]).unwrap();
    assert_eq!(look(), [oldest.id]);
}

pub(crate) fn old_runs_that_come_late_are_fetched(start: Start<'_>) {
    const DAY_MS: u64 = 24 * 3600 * 1000;
    let server = start(&[]);
    let shared = server.open();
    push(&shared, &record(900 * DAY_MS));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(pull(&store, &shared).added.len(), 1);
    // The branch that somebody pushes after a month, and a clock that is wrong.
    push(&shared, &record(860 * DAY_MS));
    push(&shared, &record(0));
    assert_eq!(pull(&store, &shared).added.len(), 2);
}

pub(crate) fn objects_of_others_are_refused_one_by_one(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    push(&shared, &record(1));
    let wrong = record(2).pack().unwrap();
    let key = |text: &[u8]| key_at(3, RecordId::of(text));
    server.place(&key(b"other"), &wrong.bytes);
    server.place(&key(b"junk"), b"<script>");
    server.place_long(&key(b"long"), (64 << 20) + 1);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let pulled = pull(&store, &shared);
    assert_eq!((pulled.added.len(), pulled.all_refused), (1, 3));
    let why: Vec<&str> = pulled.refused.iter().map(|refused| refused.why.as_str()).collect();
    assert!(why.contains(&"its content is that of another run"), "{why:?}");
}

/// A store with three runs, and their IDs.
fn three_runs() -> (TempDir, Store, [RecordId; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let ids = [1, 2, 3].map(|time| store.add(&record(time)).unwrap());
    (folder, store, ids)
}

pub(crate) fn runs_that_can_not_be_read_keep_no_other_from_being_sent(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    let (folder, store, ids) = three_runs();
    std::fs::write(record_file(folder.path(), ids[0]), "damaged").unwrap();
    let pushed = store.push(&shared, &ids, Present::Believe, &mut |_| {}).unwrap();
    assert_eq!((pushed.added, pushed.unreadable.len()), (2, 1));
    assert_eq!(shared.keys(None, None).unwrap().len(), 2);
}

pub(crate) fn runs_that_are_there_are_not_even_read(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    let (folder, store, ids) = three_runs();
    assert_eq!(store.push(&shared, &ids[..2], Present::Believe, &mut |_| {}).unwrap().added, 2);
    std::fs::write(record_file(folder.path(), ids[0]), "damaged").unwrap();
    let twice = [ids[0], ids[1], ids[2], ids[2]];
    let mut steps = Vec::new();
    assert_eq!(
        store.push(&shared, &twice, Present::Believe, &mut |done| steps.push(done)).unwrap().added,
        1
    );
    assert_eq!(steps, [1, 2, 3, 4]);
    assert_eq!(shared.keys(None, None).unwrap().len(), 3);
}

pub(crate) fn large_objects_come_in_their_order_among_small_ones(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    let keys: Vec<SharedKey> =
        (0..20).map(|time| key_at(time, RecordId::of(&time.to_le_bytes()))).collect();
    let length =
        |key: &SharedKey| if key.time_ms % 4 == 1 { (1 << 20) + key.time_ms } else { key.time_ms };
    for key in &keys {
        server.place_long(key, length(key));
    }
    let mut found = Vec::new();
    let fetched: Result<(), SharedError> = shared.fetch(&keys, |key, bytes| {
        found.push((key.time_ms, u64::try_from(bytes.unwrap().len()).unwrap()));
        Ok(())
    });
    fetched.unwrap();
    let expected: Vec<(u64, u64)> = keys.iter().map(|key| (key.time_ms, length(key))).collect();
    assert_eq!(found, expected);
}

pub(crate) fn damaged_objects_are_replaced_by_who_verifies(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [one, other] = folders.each_ref().map(|folder| Store::open(folder.path()).unwrap());
    let records: Vec<Record> = (1..=5).map(record).collect();
    let ids: Vec<RecordId> = records.iter().map(|record| one.add(record).unwrap()).collect();
    let push = |present| {
        let pushed = one.push(&shared, &ids, present, &mut |_| {}).unwrap();
        (pushed.added, pushed.replaced)
    };
    assert_eq!(push(Present::Verify), (5, 0));
    let key = |at: usize| SharedKey::of(&records[at], ids[at]);
    let sound = records[1].pack().unwrap().bytes;
    server.place(&key(0), b"junk");
    server.place(&key(1), &sound[..sound.len() / 2]);
    server.place(&key(2), &sound);
    let look = || look_at(&other, &shared, Depth::All).0;
    let first = look();
    assert_eq!((first.added.len(), first.all_refused), (2, 3));
    assert_eq!(push(Present::Believe), (0, 0));
    assert_eq!(push(Present::Verify), (0, 3));
    assert_eq!(push(Present::Verify), (0, 0));
    // What was refused is looked at again, as it is another object.
    let second = look();
    assert_eq!((second.added.len(), second.all_refused), (3, 0));
    assert_eq!(fetch(&shared, &shared.keys(None, None).unwrap()), records);
}

pub(crate) fn one_damaged_object_is_replaced(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let id = store.add(&record(1)).unwrap();
    server.place(&key_at(1, id), b"");
    let push = |present| store.push(&shared, &[id], present, &mut |_| {}).unwrap();
    assert_eq!(push(Present::Believe).added, 0);
    let mended = push(Present::Verify);
    assert_eq!((mended.added, mended.replaced), (0, 1));
    assert_eq!(fetch(&shared, &[key_at(1, id)]), [record(1)]);
}

pub(crate) fn junk_of_the_same_id_keeps_no_run_from_being_sent(start: Start<'_>) {
    let server = start(&[]);
    let shared = server.open();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let ids = [1, 2].map(|time| store.add(&record(time)).unwrap());
    server.place(&key_at(9, ids[0]), b"junk");
    assert_eq!(store.push(&shared, &ids, Present::Believe, &mut |_| {}).unwrap().added, 2);
}
