//! Archives of folders with everything in them that a folder can have.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    io::Write,
    ops::ControlFlow,
    os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener},
};

use flate2::read::GzDecoder;
use nix::{sys::stat::Mode, unistd::mkfifo};
use tar::EntryType;
use tempfile::TempDir;

use super::*;
use crate::watch::{Step, unwatched};

/// A folder for a profile and for what becomes of it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("profile")).unwrap();
        Self(dir)
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("profile")
    }

    fn to(&self) -> PathBuf {
        self.0.path().join("archive.tar")
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn pack(&self, executor: Executor) -> Packed {
        Archive::pack(&ProfileDir::new(self.folder()), executor, &self.to(), &mut unwatched)
            .unwrap()
    }

    /// Names of what lies beside the profile.
    fn beside(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "profile").collect()
    }
}

/// Names, kinds and contents, as a reader sees them.
fn entries(tar: impl Read) -> Vec<(Vec<u8>, EntryType, Vec<u8>)> {
    let mut tar = tar::Archive::new(tar);
    let entry = |entry: io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let header = entry.header();
        assert_eq!(&header.as_bytes()[257..265], b"ustar  \0");
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(header.username_bytes(), Some(&b""[..]));
        let (name, kind) = (entry.path_bytes().into_owned(), header.entry_type());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (name, kind, content)
    };
    tar.entries().unwrap().map(entry).collect()
}

fn names(tar: impl Read) -> Vec<String> {
    let names = entries(tar).into_iter().map(|(name, ..)| String::from_utf8(name).unwrap());
    names.collect()
}

fn skipped(packed: &Packed) -> Vec<(&str, Why)> {
    packed.skipped.iter().map(|it| (it.path.to_str().unwrap(), it.why)).collect()
}

#[test]
fn an_archive_holds_the_folder_sorted_and_without_owners() {
    let place = Place::new();
    place.file("results/2.json", b"two");
    place.file("results/1.json", b"one");
    place.file("a.out", b"");
    place.file("results-1", b"x");
    fs::create_dir(place.folder().join("empty")).unwrap();
    let packed = place.pack(Executor::Walltime);
    let (folder, file) = (EntryType::Directory, EntryType::Regular);
    let entry = |name: &str, kind, content: &str| (name.into(), kind, content.into());
    let expected: Vec<(Vec<u8>, EntryType, Vec<u8>)> = vec![
        entry("./", folder, ""),
        entry("a.out", file, ""),
        entry("empty/", folder, ""),
        entry("results/", folder, ""),
        entry("results/1.json", file, "one"),
        entry("results/2.json", file, "two"),
        entry("results-1", file, "x"),
    ];
    assert_eq!(entries(File::open(place.to()).unwrap()), expected);
    assert_eq!((packed.archive.encoding, skipped(&packed)), (None, vec![]));
    assert_eq!(packed.archive.size, fs::metadata(place.to()).unwrap().len());
    assert_eq!(place.pack(Executor::Walltime), packed);
}

#[test]
fn the_metadata_of_an_older_folder_have_the_name_of_today() {
    let place = Place::new();
    place.file("perf.metadata", b"older");
    place.file("part/perf.metadata", b"of something else");
    place.pack(Executor::Walltime);
    let names = || names(File::open(place.to()).unwrap());
    assert_eq!(names(), ["./", "part/", "part/perf.metadata", "walltime.metadata"]);
    place.file("walltime.metadata", b"newer");
    place.pack(Executor::Walltime);
    let entries = entries(File::open(place.to()).unwrap());
    assert_eq!(entries.last().unwrap().2, b"newer");
    assert_eq!(names(), ["./", "part/", "part/perf.metadata", "walltime.metadata"]);
}

#[test]
fn names_may_be_long_and_any_bytes() {
    let place = Place::new();
    let long = format!("{}/{}", "d".repeat(90), "f".repeat(200));
    place.file(&long, b"deep");
    let odd = OsStr::from_bytes(b"\xff\n.out");
    fs::write(place.folder().join(odd), "odd").unwrap();
    place.pack(Executor::Walltime);
    let entries = entries(File::open(place.to()).unwrap());
    let contents: BTreeMap<_, _> =
        entries.into_iter().map(|(name, _, text)| (name, text)).collect();
    assert_eq!(contents.get(long.as_bytes()).unwrap(), b"deep");
    assert_eq!(contents.get(odd.as_bytes()).unwrap(), b"odd");
}

#[test]
fn only_regular_files_are_packed_and_no_link_is_followed() {
    let place = Place::new();
    let folder = place.folder();
    let outside = place.0.path().join("outside");
    fs::write(&outside, "outside").unwrap();
    let link = |target: &Path, name: &str| symlink(target, folder.join(name)).unwrap();
    link(&outside, "file-link");
    link(Path::new("file-link"), "link-link");
    link(Path::new("gone"), "dead");
    link(Path::new("loop-2"), "loop-1");
    link(Path::new("loop-1"), "loop-2");
    link(Path::new("."), "self");
    link(Path::new("/"), "root");
    link(Path::new("/dev/zero"), "zero");
    link(Path::new("file-link/below"), "below-file");
    mkfifo(&folder.join("fifo"), Mode::S_IRWXU).unwrap();
    let _listener = UnixListener::bind(folder.join("socket")).unwrap();
    let packed = place.pack(Executor::Walltime);
    let entries = entries(File::open(place.to()).unwrap());
    assert_eq!(entries.len(), 1, "only the folder itself: {entries:?}");
    assert_eq!(
        skipped(&packed),
        [
            ("below-file", Why::Link),
            ("dead", Why::Link),
            ("fifo", Why::Special),
            ("file-link", Why::Link),
            ("link-link", Why::Link),
            ("loop-1", Why::Link),
            ("loop-2", Why::Link),
            ("root", Why::Link),
            ("self", Why::Link),
            ("socket", Why::Special),
            ("zero", Why::Link),
        ]
    );
}

/// Bytes that compress, but not to nothing.
fn text(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0] % 32 + b'a'
    };
    (0..len).map(|_| byte()).collect()
}

#[test]
fn gzip_is_one_member_that_any_reader_understands() {
    for len in [0, 1, 262_144, 600_000] {
        let input = text(len);
        let mut gzip = gzip::Gzip::new(Vec::new()).unwrap();
        // Neither one piece nor pieces that fit.
        for piece in input.chunks(70_001) {
            gzip.write_all(piece).unwrap();
        }
        let bytes = gzip.finish().unwrap();
        let mut rest = bytes.as_slice();
        let mut output = Vec::new();
        // It reads one member, and checks sum and length.
        flate2::bufread::GzDecoder::new(&mut rest).read_to_end(&mut output).unwrap();
        assert!(output == input && rest.is_empty(), "{len} bytes");
        assert!(len < 1000 || bytes.len() < len * 3 / 4, "{len} bytes to {}", bytes.len());
    }
}

#[test]
fn bytes_that_can_not_be_compressed_stay_whole() {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let input: Vec<u8> = (0..50_000).flat_map(|_| next()).collect();
    let mut gzip = gzip::Gzip::new(Vec::new()).unwrap();
    gzip.write_all(&input).unwrap();
    let bytes = gzip.finish().unwrap();
    let mut output = Vec::new();
    GzDecoder::new(bytes.as_slice()).read_to_end(&mut output).unwrap();
    assert!(output == input);
}

#[test]
fn simulation_and_large_archives_are_compressed() {
    let place = Place::new();
    place.file("1.out", &text(300_000));
    let packed = place.pack(Executor::Valgrind);
    assert_eq!(packed.archive.encoding, Some(Encoding::Gzip));
    let tar = GzDecoder::new(File::open(place.to()).unwrap());
    assert_eq!(names(tar), ["./", "1.out"]);

    let five_gib = 5 * 1024 * 1024 * 1024;
    for executor in [Executor::Walltime, Executor::Memory] {
        assert_eq!(encoding_of(executor, five_gib - 1), None);
        assert_eq!(encoding_of(executor, five_gib), Some(Encoding::Gzip));
    }
}

#[test]
fn an_archive_that_was_left_is_taken_up_as_it_was() {
    let place = Place::new();
    place.file("1.out", &text(300_000));
    for executor in [Executor::Valgrind, Executor::Memory] {
        let packed = place.pack(executor);
        assert_eq!(Archive::open(&place.to()).unwrap(), packed.archive);
    }
    fs::write(place.to(), "").unwrap();
    // Vector 3: the MD5 of nothing.
    assert_eq!(Archive::open(&place.to()).unwrap().md5, "1B2M2Y8AsgTpgAmY7PhCfg==");
    Archive::open(&place.to()).unwrap().remove().unwrap();
    let err = Archive::open(&place.to()).unwrap_err();
    assert!(matches!(err, ArchiveError::Read { .. }));
}

#[test]
fn the_archive_is_no_part_of_itself() {
    let place = Place::new();
    place.file("1.out", b"x");
    let to = place.folder().join("kept.tar");
    for _ in 0..2 {
        Archive::pack(&ProfileDir::new(place.folder()), Executor::Walltime, &to, &mut unwatched)
            .unwrap();
        assert_eq!(names(File::open(&to).unwrap()), ["./", "1.out"]);
    }
}

/// Archives while `meddle` does something after the first piece of a file was read.
fn meddle(place: &Place, meddle: impl Fn(&Path)) -> Result<Packed, ArchiveError> {
    let path = place.folder().join("1.out");
    let mut watch = |step: Step<'_>| {
        if matches!(step, Step::Archived { bytes, .. } if bytes <= 8192) {
            meddle(&path);
        }
        ControlFlow::Continue(())
    };
    Archive::pack(&ProfileDir::new(place.folder()), Executor::Walltime, &place.to(), &mut watch)
}

#[test]
fn a_file_that_grows_meanwhile_is_archived_as_it_was() {
    let place = Place::new();
    place.file("1.out", &text(300_000));
    let grow = |path: &Path| {
        File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
    };
    meddle(&place, grow).unwrap();
    let entries = entries(File::open(place.to()).unwrap());
    assert!(entries[1].2 == text(300_000));
}

#[test]
fn a_file_that_shrinks_meanwhile_ends_it_and_nothing_is_left() {
    let place = Place::new();
    place.file("1.out", &text(300_000));
    let shrink = |path: &Path| File::options().write(true).open(path).unwrap().set_len(1).unwrap();
    let err = meddle(&place, shrink).unwrap_err();
    assert!(matches!(err, ArchiveError::Shrank { path } if path == place.folder().join("1.out")));
    assert_eq!(place.beside(), [""; 0]);
}

#[test]
fn a_file_that_goes_away_meanwhile_is_skipped() {
    let place = Place::new();
    place.file("1.out", b"x");
    place.file("2.out", b"y");
    let remove = |path: &Path| fs::remove_file(path.with_file_name("2.out")).unwrap();
    let packed = meddle(&place, remove).unwrap();
    assert_eq!(skipped(&packed), [("2.out", Why::Vanished)]);
    assert_eq!(names(File::open(place.to()).unwrap()), ["./", "1.out"]);
}

#[test]
fn whoever_watches_sees_all_bytes_and_can_stop_it() {
    let place = Place::new();
    place.file("1.out", &text(300_000));
    fs::write(place.to(), "an older one").unwrap();
    for executor in [Executor::Walltime, Executor::Valgrind] {
        let mut stop = |_: Step<'_>| ControlFlow::Break(());
        let err = Archive::pack(&ProfileDir::new(place.folder()), executor, &place.to(), &mut stop)
            .unwrap_err();
        assert!(matches!(err, ArchiveError::Cancelled));
        assert_eq!(place.beside(), ["archive.tar"]);
        assert_eq!(fs::read(place.to()).unwrap(), b"an older one");
    }
    let mut last = (0, 0);
    let mut watch = |step: Step<'_>| {
        if let Step::Archived { bytes, total } = step {
            last = (bytes, total);
        }
        ControlFlow::Continue(())
    };
    Archive::pack(&ProfileDir::new(place.folder()), Executor::Walltime, &place.to(), &mut watch)
        .unwrap();
    assert_eq!(last, (300_000, 300_000));
}

#[test]
fn a_folder_or_a_target_that_is_not_there_is_named() {
    let place = Place::new();
    let gone = place.0.path().join("gone");
    let pack = |folder: &Path, to: &Path| {
        Archive::pack(&ProfileDir::new(folder), Executor::Walltime, to, &mut unwatched).unwrap_err()
    };
    let err = pack(&gone, &place.to());
    assert!(matches!(err, ArchiveError::Read { path, .. } if path == gone));
    let err = pack(&place.folder(), &gone.join("a.tar"));
    assert!(matches!(err, ArchiveError::Write { path, .. } if path == gone.join("a.tar")));
}
