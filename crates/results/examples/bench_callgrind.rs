//! How fast files of callgrind are read, and whether memory depends on their size.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench prints its figures")]

use std::{
    collections::BTreeSet,
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use results::{Reading, SimulationReport, read_simulation};
use runner_shared::{clock::now, profile_dir::ProfileDir, walltime::as_float};

/// Sizes of the files in megabytes.
const SIZES: [u64; 2] = [30, 300];
/// How often each is read.
const TURNS: u32 = 3;
/// Functions per benchmark: as many as a Python test has.
const FUNCTIONS: u64 = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let mut memory = Vec::new();
    for megabytes in SIZES {
        let file = dir.path().join("4242.out");
        let benchmarks = write(&file, megabytes * 1_000_000)?;
        let bytes = fs::metadata(&file)?.len();
        // The file lies in the page cache now: the parser is measured, not the disk. What else
        // the machine does only ever adds to the time.
        let (mut seconds, mut reading) = (f64::INFINITY, Reading::<SimulationReport>::default());
        for _ in 0..TURNS {
            let start = now();
            reading = read_simulation(&ProfileDir::new(dir.path()), &BTreeSet::new())?;
            seconds = seconds.min(as_float(now().since(start)) / 1e9);
        }
        assert!(reading.broken.is_empty() && reading.report.warnings.is_empty(), "all is read");
        assert_eq!(reading.report.benchmarks.len(), usize::try_from(benchmarks)?);
        let note = format!(
            "{megabytes} MB of text, {benchmarks} benchmarks, one thread, best of {TURNS}, bar 200"
        );
        println!("callgrind parsed\t{:.0}\tMB/s\t{note}", as_float(bytes) / seconds / 1e6);
        memory.push(peak_kilobytes());
    }
    for (megabytes, peak) in SIZES.iter().zip(memory) {
        let peak = peak.map_or_else(|| "-".to_owned(), |peak| format!("{:.1}", peak / 1e3));
        println!("callgrind peak memory\t{peak}\tMB\tafter {megabytes} MB of text");
    }
    Ok(())
}

/// Writes benchmarks until the file has about this size, always at least ten of the same size:
/// a larger file has more lines per function, as one of a longer suite has. Returns how many.
fn write(path: &Path, size: u64) -> std::io::Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(
        out,
        "# callgrind format\nversion: 1\ncreator: callgrind-3.19.0\npid: 4242\ncmd: ./b"
    )?;
    let benchmarks = 10;
    let lines = size / benchmarks / FUNCTIONS / 32;
    for benchmark in 0..benchmarks {
        let mut total = 0;
        writeln!(out, "part: {}\n", benchmark + 1)?;
        writeln!(out, "desc: Trigger: Client Request: bench.rs::number_{benchmark}\n")?;
        writeln!(
            out,
            "positions: line\nevents: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw\nsummary: 0\n"
        )?;
        for function in 0..FUNCTIONS {
            writeln!(out, "\nob=/usr/lib/libdemo.so.{}", function % 7)?;
            writeln!(out, "fl=/usr/src/demo/module_{}/source.c", function % 97)?;
            writeln!(out, "fn=demo_module_{}_function_with_a_name_{function}", function % 97)?;
            for line in 0..lines {
                if line % 5 == 4 {
                    let called = (function * 2 + line % 50) % FUNCTIONS;
                    writeln!(out, "cob=/usr/lib/libdemo.so.{}", called % 7)?;
                    writeln!(out, "cfi=/usr/src/demo/module_{}/source.c", called % 97)?;
                    writeln!(out, "cfn=demo_module_{}_function_with_a_name_{called}", called % 97)?;
                    writeln!(out, "calls={line} {called}\n{line} {} 30 11 0 1", 100 + line)?;
                } else {
                    total += 10 + line;
                    writeln!(out, "{line} {} 4 2 1 0 0 1", 10 + line)?;
                }
            }
        }
        let own = FUNCTIONS * (lines - lines / 5);
        writeln!(out, "\ntotals: {} {} {} {own} 0 0 {own}\n", total, own * 4, own * 2)?;
    }
    out.flush()?;
    Ok(benchmarks)
}

/// The most memory that the process had so far, as Linux counts it.
fn peak_kilobytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
