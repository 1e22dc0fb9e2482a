//! Throws damaged bytes at the readers of this crate: `cargo xtask fuzz`. What is read becomes a record and is exported as
//! well, and has to keep what it promises.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "whoever can't go on has found something"
)]

use std::{fs, path::Path, process::ExitCode};

use store::{
    Metric, Record,
    import::{IMPORTERS, Imported, Origin, read, read_folder},
};
use test_support::fuzz::{self, Target};

/// To add a reader, add a row here and its name to the table in `xtask/src/fuzz.rs`.
const TARGETS: &[Target] = &[
    Target { name: "import", seeds: import_seeds, read: import },
    Target { name: "import-folder", seeds: folder_seeds, read: import_folder },
];

/// The file of criterion with the times.
const SAMPLE: &str = "sample.json";
/// The others.
const OTHERS: &[&str] = &["benchmark.json", "estimates.json"];

fn main() -> ExitCode {
    fuzz::main(TARGETS)
}

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/import"))
}

fn import_seeds() -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(fixtures())
        .expect("fixtures")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files.iter().map(|path| fs::read(path).expect("a fixture")).collect()
}

/// The format that fits, and then each of them.
fn import(bytes: &[u8]) {
    let named = IMPORTERS.iter().map(Some);
    for importer in [None].into_iter().chain(named) {
        if let Ok(imported) = read(bytes, importer) {
            check(imported);
        }
    }
}

fn folder_seeds() -> Vec<Vec<u8>> {
    let new = fixtures().join("criterion-0.8.2/sum/new");
    let names = OTHERS.iter().chain([&SAMPLE]);
    names.map(|name| fs::read(new.join(name)).expect("a fixture")).collect()
}

/// The bytes in the place of each file of a benchmark.
fn import_folder(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let new = folder.path().join("a/new");
    fs::create_dir_all(&new).expect("a folder");
    let from = fixtures().join("criterion-0.8.2/sum/new");
    let names = || OTHERS.iter().chain([&SAMPLE]);
    for damaged in names() {
        for name in names() {
            let whole = fs::read(from.join(name)).expect("a fixture");
            let content = if name == damaged { bytes } else { &whole };
            fs::write(new.join(name), content).expect("a file");
        }
        if let Ok(imported) = read_folder(folder.path()) {
            check(imported);
        }
    }
}

/// Checks the properties of every import.
fn check(imported: Imported) {
    let record = imported.into_record(Origin::default());
    for of in &record.benchmarks {
        for (key, Metric { value, low, high, .. }) in &of.metrics {
            let is_sound = value.is_finite()
                && low.is_none_or(|low| low <= *value)
                && high.is_none_or(|high| *value <= high);
            assert!(is_sound, "`{}`, {key}: {value} in {low:?} to {high:?}", of.name);
        }
        let leads = of.metrics.is_empty() || of.metrics.contains_key(&of.headline);
        assert!(leads, "`{}` has no `{}`", of.name, of.headline);
        if let Some(rounds) = &of.rounds {
            assert!(rounds.wall_ns.iter().all(|time| time.is_finite() && *time >= 0.0));
            let processor = rounds.processor_ns.len();
            assert!(processor == 0 || processor == rounds.wall_ns.len());
        }
    }
    let packed = record.pack().expect("an import fits into a record");
    let unpacked = Record::unpack(&packed.bytes, Some(packed.id)).expect("a record can be read");
    assert_eq!(unpacked, record);
    let measured = record.measured();
    for exporter in results::EXPORTERS.iter().filter(|exporter| exporter.takes_measured()) {
        let written = exporter.write_measured(&measured, &mut std::io::sink());
        written.expect("a sink takes all");
    }
}

#[test]
fn every_target_reads_its_seeds() {
    fuzz::read_seeds(TARGETS);
}
