//! A shared store against a real server of S3's protocol, on a good line and on bad ones.

#![expect(clippy::disallowed_methods, reason = "tests look at what they have made")]
#![expect(clippy::unwrap_used, reason = "a test fails here")]

mod looks;
mod server;

use server::{Fault, Server};
use store::{
    Filter, Imported, Part, Patience, Purpose, Record, RecordId, RecordedBenchmark, SharedError,
    SharedKey, SharedStore, Store,
};
use test_support::{folder_address, record_file};

/// A record of a run at this time.
fn record(time_ms: u64) -> Record {
    let benchmark = RecordedBenchmark { name: format!("at {time_ms}"), ..Default::default() };
    Record {
        version: Record::VERSION,
        time_ms,
        parts: vec![Part::default()],
        benchmarks: vec![benchmark],
        ..Default::default()
    }
}

/// The key of an object at this time.
fn key_at(time_ms: u64, id: RecordId) -> SharedKey {
    SharedKey::of(&record(time_ms), id)
}

fn push(shared: &SharedStore, record: &Record) -> SharedKey {
    let packed = record.pack().unwrap();
    let key = SharedKey::of(record, packed.id);
    shared.add(&key, &packed).unwrap();
    key
}

/// Fetches records and reads them.
fn fetch(shared: &SharedStore, keys: &[SharedKey]) -> Vec<Record> {
    let mut records = Vec::new();
    let fetched: Result<(), SharedError> = shared.fetch(keys, |key, bytes| {
        records.push(Record::unpack(&bytes.unwrap(), Some(key.id)).unwrap());
        Ok(())
    });
    fetched.unwrap();
    records
}

#[test]
fn records_come_back_in_the_order_of_time() {
    let server = Server::start(&[]);
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

#[test]
fn more_records_than_a_page_are_listed() {
    let server = Server::start(&[]);
    let shared = server.open();
    for time in 0..1_100 {
        let key = key_at(time, RecordId::of(&time.to_le_bytes()));
        server.place(&key.to_string(), b"x");
    }
    assert_eq!(shared.keys(None, None).unwrap().len(), 1_100);
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let server = Server::start(&[]);
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

#[test]
fn foreign_objects_are_left_out() {
    let server = Server::start(&[]);
    let shared = server.open();
    push(&shared, &record(1));
    for name in ["notes.txt", "1-2.zst", "000000000000001-ffff.zst"] {
        server.place(name, b"anything");
        server.place(&format!("{}/{name}", key_at(1, RecordId::of(b"")).folder), b"anything");
    }
    assert_eq!(shared.keys(None, None).unwrap().len(), 1);
}

#[test]
fn an_object_larger_than_any_record_is_refused() {
    let server = Server::start(&[]);
    let shared = server.open();
    let key = key_at(1, RecordId::of(b"long"));
    server.place_sparse(&key.to_string(), (64 << 20) + 1);
    let mut found = Vec::new();
    let fetched: Result<(), SharedError> = shared.fetch(&[key], |_, bytes| {
        found.push(bytes.unwrap_err());
        Ok(())
    });
    fetched.unwrap();
    assert!(matches!(found[..], [SharedError::Long { .. }]), "{found:?}");
}

#[test]
fn a_record_that_has_gone_is_left_out() {
    let server = Server::start(&[]);
    let shared = server.open();
    let key = push(&shared, &record(1));
    let gone = key_at(2, RecordId::of(b"gone"));
    assert_eq!(fetch(&shared, &[gone, key]), [record(1)]);
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let server = Server::start(&[Fault::Busy, Fault::Busy, Fault::Busy]);
    let shared = server.open();
    let key = push(&shared, &record(1));
    assert_eq!(fetch(&shared, std::slice::from_ref(&key)), [record(1)]);
}

#[test]
fn a_connection_that_is_cut_is_made_again() {
    let server = Server::start(&[Fault::CutAtOnce, Fault::CutAfter(10), Fault::CutAfter(60)]);
    let shared = server.open();
    let key = push(&shared, &record(1));
    assert_eq!(shared.keys(None, None).unwrap(), std::slice::from_ref(&key));
    assert_eq!(fetch(&shared, std::slice::from_ref(&key)), [record(1)]);
}

#[test]
fn a_slow_server_is_waited_for() {
    let server = Server::start(&[Fault::ByteByByte]);
    let shared = server.open();
    let key = push(&shared, &record(1));
    assert_eq!(fetch(&shared, std::slice::from_ref(&key)), [record(1)]);
}

#[test]
fn wrong_credentials_are_an_error() {
    let server = Server::start(&[]);
    let shared = server.open_with_secret("wrong");
    let refused = shared.keys(None, None).unwrap_err();
    let mut chain = refused.to_string();
    let mut cause = std::error::Error::source(&refused);
    while let Some(one) = cause {
        chain = format!("{chain}: {one}");
        cause = one.source();
    }
    assert!(chain.contains("403") || chain.contains("SignatureDoesNotMatch"), "{chain}");
}

fn open_folder(address: &str, purpose: Purpose) -> Result<SharedStore, SharedError> {
    SharedStore::open(address, std::iter::empty(), purpose, Patience::Long)
}

#[test]
fn a_folder_is_made_by_who_writes_and_only_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let address = |path: &str| folder_address(&folder.path().join(path));
    let missing = open_folder(&address("new"), Purpose::Read);
    assert!(matches!(missing, Err(SharedError::NoFolder { .. })), "{missing:?}");
    let without_drive = open_folder(&address("drive/new"), Purpose::Write);
    assert!(matches!(without_drive, Err(SharedError::Folder { .. })), "{without_drive:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    open_folder(&address("new"), Purpose::Write).unwrap();
    open_folder(&address("new"), Purpose::Read).unwrap();
}

#[test]
fn a_server_that_never_answers_ends_with_the_patience() {
    let within = std::time::Duration::from_millis(50);
    let (_listener, shared) = server::open_silent(Patience::Within(within));
    let keys = shared.keys(None, None);
    assert!(matches!(keys, Err(SharedError::Late { .. })), "{keys:?}");
    let packed = record(1).pack().unwrap();
    let pushed = shared.add(&key_at(1, packed.id), &packed);
    assert!(matches!(pushed, Err(SharedError::Late { .. })), "{pushed:?}");
}

#[test]
fn a_folder_is_a_shared_store() {
    let folder = tempfile::tempdir().unwrap();
    let address = folder_address(&folder.path().join("new"));
    let shared = open_folder(&address, Purpose::Write).unwrap();
    let key = push(&shared, &record(7));
    assert!(shared.has(&key).unwrap());
    assert_eq!(shared.keys(None, None).unwrap(), std::slice::from_ref(&key));
    assert_eq!(fetch(&shared, std::slice::from_ref(&key)), [record(7)]);
    assert_eq!(shared.keys(None, Some(8)).unwrap(), []);
}

#[test]
fn stores_get_what_they_lack() {
    let server = Server::start(&[]);
    let shared = server.open();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [one, other] = folders.each_ref().map(|folder| Store::open(folder.path()).unwrap());
    let ids = [1, 2, 3].map(|time| one.add(&record(time)).unwrap());
    assert_eq!(one.push(&shared, &ids, &mut |_| {}).unwrap().added, 3);
    assert_eq!(one.push(&shared, &ids, &mut |_| {}).unwrap().added, 0);
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

#[test]
fn old_runs_that_come_late_are_fetched() {
    const DAY_MS: u64 = 24 * 3600 * 1000;
    let server = Server::start(&[]);
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

#[test]
fn objects_of_others_are_refused_one_by_one() {
    let server = Server::start(&[]);
    let shared = server.open();
    push(&shared, &record(1));
    let wrong = record(2).pack().unwrap();
    let name = |text: &[u8]| key_at(3, RecordId::of(text)).to_string();
    server.place(&name(b"other"), &wrong.bytes);
    server.place(&name(b"junk"), b"<script>");
    server.place_sparse(&name(b"long"), (64 << 20) + 1);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let pulled = pull(&store, &shared);
    assert_eq!((pulled.added.len(), pulled.all_refused), (1, 3));
    let why: Vec<&str> = pulled.refused.iter().map(|refused| refused.why.as_str()).collect();
    assert!(why.contains(&"its content is that of another run"), "{why:?}");
}

/// Gets all runs.
fn pull(store: &Store, shared: &SharedStore) -> Imported {
    let mut found = Imported::default();
    store.pull(shared, None, &mut found, &mut |_, _| {}).unwrap();
    found
}

#[test]
fn runs_that_can_not_be_read_keep_no_other_from_being_sent() {
    let server = Server::start(&[]);
    let shared = server.open();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let ids = [1, 2, 3].map(|time| store.add(&record(time)).unwrap());
    std::fs::write(record_file(folder.path(), ids[0]), "damaged").unwrap();
    let pushed = store.push(&shared, &ids, &mut |_| {}).unwrap();
    assert_eq!((pushed.added, pushed.unreadable.len()), (2, 1));
    assert_eq!(shared.keys(None, None).unwrap().len(), 2);
}

#[test]
fn runs_that_are_there_are_not_even_read() {
    let server = Server::start(&[]);
    let shared = server.open();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let ids = [1, 2, 3].map(|time| store.add(&record(time)).unwrap());
    assert_eq!(store.push(&shared, &ids[..2], &mut |_| {}).unwrap().added, 2);
    std::fs::write(record_file(folder.path(), ids[0]), "damaged").unwrap();
    let twice = [ids[0], ids[1], ids[2], ids[2]];
    let mut steps = Vec::new();
    assert_eq!(store.push(&shared, &twice, &mut |done| steps.push(done)).unwrap().added, 1);
    assert_eq!(steps, [1, 2, 3, 4]);
    assert_eq!(shared.keys(None, None).unwrap().len(), 3);
}

#[test]
fn large_objects_come_in_their_order_among_small_ones() {
    let server = Server::start(&[]);
    let shared = server.open();
    let keys: Vec<SharedKey> =
        (0..20).map(|time| key_at(time, RecordId::of(&time.to_le_bytes()))).collect();
    let length =
        |key: &SharedKey| if key.time_ms % 4 == 1 { (1 << 20) + key.time_ms } else { key.time_ms };
    for key in &keys {
        server.place_sparse(&key.to_string(), length(key));
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
