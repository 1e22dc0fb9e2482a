//! Shared stores without a server, and with one that never answers.

use store::{Patience, Purpose, SharedError, SharedStore};
use test_support::folder_address;

use super::{fetch, key_at, push, record, server};

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
