//! How fast events of memory mode are read, put in order and counted, and whether memory depends on their number.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench prints its figures")]

use std::{
    collections::BTreeSet,
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use results::read_memory;
use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps},
    clock::now,
    fifo::MarkerType,
    memory::{Event, EventKind},
    profile_dir::ProfileDir,
    walltime::as_float,
};

/// Numbers of events.
const SIZES: [u64; 2] = [1_000_000, 10_000_000];
/// Blocks that are live at a time.
const LIVE: u64 = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    fs::create_dir(dir.path().join("results"))?;
    let mut memory = Vec::new();
    for events in SIZES {
        let file = dir.path().join("results/70.MemtrackArtifact.msgpack");
        let last = write(&file, events)?;
        let record = ExecutionTimestamps {
            uri_by_ts: vec![(last + 2, "a::b".to_owned())],
            markers: vec![MarkerType::SampleStart(0), MarkerType::SampleEnd(last + 1)],
        };
        fs::write(dir.path().join("ExecutionTimestamps.msgpack"), record.encode())?;
        let start = now();
        let reading = read_memory(&ProfileDir::new(dir.path()), &BTreeSet::new())?;
        let seconds = as_float(now().since(start)) / 1e9;
        assert!(reading.broken.is_empty() && reading.report.warnings.is_empty(), "all is read");
        let usage = &reading.report.benchmarks.first().ok_or("no benchmark")?.usage;
        assert_eq!((usage.alloc_calls, usage.frees), (events / 2, events / 2 - LIVE));
        let note = format!("{} million events, {LIVE} live blocks, one thread", events / 1_000_000);
        println!("memory events read\t{:.1}\tM/s\t{note}", as_float(events) / seconds / 1e6);
        memory.push((events, peak_kilobytes()));
    }
    for (events, peak) in memory {
        let peak = peak.map_or_else(|| "-".to_owned(), |peak| format!("{:.1}", peak / 1e3));
        println!(
            "memory peak of the reader\t{peak}\tMB\tafter {} million events",
            events / 1_000_000
        );
    }
    Ok(())
}

/// Writes half as many allocations as events, each freed after `LIVE` others. Returns the last time.
fn write(path: &Path, events: u64) -> std::io::Result<u64> {
    let file = BufWriter::new(File::create(path)?);
    let mut out = zstd::stream::write::Encoder::new(file, 1)?;
    let mut block = Vec::new();
    let mut time = 2_872_176_412_507;
    let mut put = |block: &mut Vec<u8>, thread, addr, kind| {
        // Frees are stamped before they are seen, so neighbours change places.
        time += 900;
        let timestamp = if kind == EventKind::Free { time - 1000 } else { time };
        Event { pid: 4242, tid: 4242 + thread, timestamp, addr, kind }.encode(block);
        time
    };
    let address = |nth: u64| 0x7f00_0000_0000 + (nth * 48) % (1 << 20);
    let mut last = 0;
    for nth in 0..events / 2 + LIVE {
        let thread = i32::from(nth % 4 == 0);
        if nth < events / 2 {
            let size = 16 + nth * 7919 % 1024;
            last = put(&mut block, thread, address(nth), EventKind::Malloc { size });
        }
        if let Some(old) = nth.checked_sub(LIVE).filter(|old| *old < events / 2 - LIVE) {
            last = put(&mut block, thread, address(old), EventKind::Free);
        } else if nth >= events / 2 {
            // What is never freed: as many events of something that isn't counted.
            last = put(&mut block, thread, 0, EventKind::Brk { size: 0 });
        }
        if block.len() > 256 << 10 {
            out.write_all(&block)?;
            block.clear();
        }
    }
    out.write_all(&block)?;
    out.finish()?.flush()?;
    Ok(last)
}

/// The most memory that the process had so far, as Linux counts it.
fn peak_kilobytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
