//! Records in one file, from us and from others.

use std::{
    io::{self, Read},
    path::Path,
};

use proptest::{collection::vec, option, prelude::*, sample::Index};
use store::{Imported, Store, StoreError};
use tar::{Builder, EntryType, Header};

use crate::fixture::{Scene, id, import, is_sound, listed, record};

fn exported(store: &Store, numbers: &[u32]) -> Vec<u8> {
    let ids: Vec<_> = numbers.iter().map(|number| id(*number)).collect();
    let mut bytes = Vec::new();
    store.export(&ids, &mut bytes).unwrap();
    bytes
}

/// An archive with one entry.
fn archive(name: &str, kind: EntryType, bytes: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.set_size(u64::try_from(bytes.len()).unwrap());
    header.set_entry_type(kind);
    // As somebody does who wants to write elsewhere: the library would refuse such names.
    header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    let mut archive = Builder::new(Vec::new());
    archive.append(&header, bytes).unwrap();
    archive.into_inner().unwrap()
}

#[test]
fn runs_survive_the_way_to_another_store() {
    let (here, there) = (Scene::new(), Scene::new());
    let store = here.with(1..=4);
    let bytes = exported(&store, &[1, 2, 4]);
    assert_eq!(exported(&store, &[1, 2, 4]), bytes, "the same runs are the same bytes");
    let other = there.with([2]);
    let imported = import(&other, &mut bytes.as_slice()).unwrap();
    assert_eq!((imported.added, imported.known), (vec![id(1), id(4)], 1));
    assert_eq!(listed(&other), [4, 2, 1]);
    let again = import(&other, &mut bytes.as_slice()).unwrap();
    assert_eq!((again.added.len(), again.known), (0, 3));
    is_sound(&there.store());
}

#[test]
fn runs_before_a_damage_are_stored() {
    let here = Scene::new();
    let mut bytes = exported(&here.with(1..=3), &[1, 2, 3]);
    // Each has a head and as many blocks as it needs, and two blocks are the end.
    let last = here.store();
    let last = std::fs::metadata(test_support::record_file(&last, id(3))).unwrap().len();
    bytes.truncate(bytes.len() - 1024 - usize::try_from(last.next_multiple_of(512)).unwrap() - 100);
    let there = Scene::new();
    let mut imported = Imported::default();
    let error = there.open().import(&mut bytes.as_slice(), &mut imported).unwrap_err();
    assert!(matches!(error, StoreError::Archive), "{error:?}");
    assert_eq!((imported.added, imported.known), (vec![id(1), id(2)], 0));
    assert_eq!(listed(&there.open()), [2, 1]);
}

#[test]
fn a_single_record_is_taken_too() {
    let scene = Scene::new();
    let store = scene.open();
    let json = serde_json::to_vec(&record(1)).unwrap();
    let packed = record(2).pack().unwrap().bytes;
    for bytes in [json, packed] {
        assert_eq!(import(&store, &mut bytes.as_slice()).unwrap().added.len(), 1);
    }
    assert_eq!(listed(&store), [2, 1]);
}

#[test]
fn hostile_entries_are_refused_and_write_nothing() {
    let packed = record(1).pack().unwrap();
    let good = format!("codspeed-runs/{}.zst", packed.id);
    let bomb = zstd::bulk::compress(&vec![b' '; (64 << 20) + 1], 1).unwrap();
    let deep = format!("{{\"version\":1,\"x\":{}", "[".repeat(1_000_000));
    let mut dangling = record(1);
    dangling.benchmarks[0].part = 9;
    let dangling = serde_json::to_vec(&dangling).unwrap();
    let of = |bytes: &[u8]| format!("codspeed-runs/{}.zst", store::RecordId::of(bytes));
    let wrong_name = of(b"other");
    let entries: Vec<(String, EntryType, &[u8])> = vec![
        (format!("../../{good}"), EntryType::Regular, &packed.bytes),
        (format!("/{good}"), EntryType::Regular, &packed.bytes),
        ("codspeed-runs/../x.zst".to_owned(), EntryType::Regular, &packed.bytes),
        (good.clone(), EntryType::Symlink, b""),
        (good.clone(), EntryType::Link, b""),
        (good.clone(), EntryType::Directory, b""),
        (good.clone(), EntryType::Fifo, b""),
        (good.clone(), EntryType::GNULongName, b"codspeed-runs/x"),
        (good.clone(), EntryType::XHeader, b"20 path=../../x\n"),
        (wrong_name, EntryType::Regular, &packed.bytes),
        (of(deep.as_bytes()), EntryType::Regular, deep.as_bytes()),
        (of(&dangling), EntryType::Regular, &dangling),
        (good.clone(), EntryType::Regular, &bomb),
        (good.clone(), EntryType::Regular, b""),
        ("codspeed-runs/\x1b[31m\n.zst".to_owned(), EntryType::Regular, &packed.bytes),
    ];
    let mut reasons = Vec::new();
    for (name, kind, bytes) in &entries {
        let scene = Scene::new();
        let store = scene.open();
        let archive = archive(name, *kind, bytes);
        let imported = import(&store, &mut archive.as_slice()).unwrap();
        assert_eq!((imported.added.len(), imported.all_refused), (0, 1), "{name} {kind:?}");
        assert_eq!(listed(&store), [0; 0]);
        let refused = &imported.refused[0];
        let shown = refused.name.replace(&packed.id.to_string(), "[id]");
        let why = refused.why.replace(&packed.id.to_string(), "[id]");
        reasons.push(format!("{kind:?} {shown}: {why}"));
        assert!(std::fs::read_dir(scene.at("")).unwrap().count() == 1, "nothing beside the store");
    }
    // Names of records that differ with their layout don't matter here.
    insta::with_settings!({ filters => [(r"codspeed-runs/[0-9a-f]{32}", "codspeed-runs/[other]")] }, {
        insta::assert_snapshot!(reasons.join("\n"));
    });
}

#[test]
fn what_is_no_archive_is_an_error() {
    let scene = Scene::new();
    let store = scene.open();
    let good = exported(&scene.with([1]), &[1]);
    let other = Scene::new();
    let into = other.open();
    for bytes in [b"".to_vec(), b"hello".repeat(300), vec![0; 4096], good[..700].to_vec()] {
        let error = import(&into, &mut bytes.as_slice()).unwrap_err();
        assert!(matches!(error, StoreError::Archive), "{error:?}");
    }
    for bytes in [b"{}".as_slice(), b"{\"version\": 1", &[0x28, 0xb5, 0x2f, 0xfd, 1]] {
        let error = import(&into, &mut &*bytes).unwrap_err();
        assert!(matches!(error, StoreError::Record(_)), "{error:?}");
    }
    assert_eq!(listed(&into), [0; 0]);
    let missing = store.export(&[id(9)], &mut io::sink()).unwrap_err();
    assert!(matches!(missing, StoreError::Missing { .. }));
}

#[test]
fn an_endless_record_is_refused_without_being_kept() {
    let scene = Scene::new();
    let mut endless = Counted { from: b"{\"version\":1,".chain(io::repeat(b' ')), read: 0 };
    let error = import(&scene.open(), &mut endless).unwrap_err();
    assert!(matches!(error, StoreError::Record(store::Invalid::Long { .. })), "{error:?}");
    assert_eq!(endless.read, (64 << 20) + 1, "one byte more than it may have");
}

/// Counts what is read.
struct Counted<R> {
    from: R,
    read: usize,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.read += read;
        Ok(read)
    }
}

#[test]
fn a_huge_entry_is_refused_by_what_it_says() {
    let scene = Scene::new();
    let mut header = Header::new_ustar();
    header.set_size(1 << 33);
    header.set_entry_type(EntryType::Regular);
    header.set_path(Path::new(&format!("codspeed-runs/{}.zst", id(1)))).unwrap();
    header.set_cksum();
    let bytes = header.as_bytes().to_vec();
    // It says that it has 8 GiB, and nothing of it follows.
    let error = import(&scene.open(), &mut bytes.as_slice()).unwrap_err();
    assert!(matches!(error, StoreError::Archive), "{error:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_archives_bring_whole_records_or_none(
        flips in vec((any::<Index>(), 1..=u8::MAX), 1..6),
        end in option::of(any::<Index>()),
    ) {
        let scene = Scene::new();
        let mut bytes = exported(&scene.with([1, 2, 3]), &[1, 2, 3]);
        for (at, change) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= change;
        }
        bytes.truncate(end.map_or(bytes.len(), |end| end.index(bytes.len())));
        let other = Scene::new();
        let store = other.open();
        // Whatever it says, what is in the store is one of the records.
        drop(import(&store, &mut bytes.as_slice()));
        let times = listed(&store);
        prop_assert!(times.iter().all(|time| (1..=3).contains(time)), "{:?}", times);
        prop_assert_eq!(store.unreadable(), 0);
    }
}

#[test]
fn an_export_that_cant_be_written_says_so() {
    let scene = Scene::new();
    let store = scene.with([1]);
    let mut full = [0_u8; 100];
    let error = store.export(&[id(1)], &mut full.as_mut_slice()).unwrap_err();
    assert!(error.to_string().starts_with("could not write the export: "), "{error}");
}
