//! Time and memory that it takes to read and show the results of a large walltime suite: of one as large as
//! real ones are, and of one with more benchmarks than are kept.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench prints its figures")]

use std::{
    collections::BTreeSet,
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use results::{Reading, TableStyle, read_walltime, table};
use runner_shared::{bounds::BENCHMARKS, clock::now, profile_dir::ProfileDir, walltime::as_float};

/// Benchmarks in the file.
const SIZES: [usize; 2] = [20_000, 400_000];

fn main() -> Result<(), Box<dyn Error>> {
    for count in SIZES {
        let folder = tempfile::tempdir()?;
        write(folder.path(), count)?;
        let start = now();
        let Reading { report, broken } =
            read_walltime(&ProfileDir::new(folder.path()), &BTreeSet::new())?;
        let report = report.into();
        let shown = table(&report, &TableStyle::default());
        let seconds = as_float(now().since(start)) / 1e9;
        assert!(broken.is_empty(), "{broken:?}");
        assert_eq!(report.benchmarks().len(), count.min(BENCHMARKS));
        println!(
            "results read and shown\t{seconds:.2}\ts\t{count} benchmarks, {} bytes shown",
            shown.len()
        );
        let peak =
            peak_kilobytes().map_or_else(|| "-".to_owned(), |peak| format!("{:.0}", peak / 1e3));
        println!(
            "results peak memory\t{peak}\tMB\tafter {count} benchmarks, of which {BENCHMARKS} are kept"
        );
    }
    Ok(())
}

fn write(folder: &Path, count: usize) -> std::io::Result<()> {
    fs::create_dir(folder.join("results"))?;
    let mut out = BufWriter::new(File::create(folder.join("results/1.json"))?);
    write!(
        out,
        r#"{{"creator":{{"name":"x","version":"1","pid":1}},"instrument":{{"type":"walltime"}},"benchmarks":["#
    )?;
    for at in 0..count {
        let comma = if at == 0 { "" } else { "," };
        write!(
            out,
            r#"{comma}{{"name":"b{at}","uri":"tests/test_it.py::b{at}","config":{{}},"stats":{{"min_ns":1,"max_ns":2,"mean_ns":1.5,"stdev_ns":0.1,"q1_ns":1.2,"median_ns":1.5,"q3_ns":1.7,"rounds":3,"total_time":1e-6,"iqr_outlier_rounds":0,"stdev_outlier_rounds":0,"iter_per_round":1,"warmup_iters":1}}}}"#
        )?;
    }
    write!(out, "]}}")?;
    out.flush()
}

/// The most memory that the process had so far, as Linux counts it.
fn peak_kilobytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
