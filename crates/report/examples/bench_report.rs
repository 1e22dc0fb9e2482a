//! Time and memory of making pages: `bench_report [FOLDER]`. With a folder, the pages stay there to be looked at.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench prints its figures and ends where it can't go on"
)]

#[path = "../tests/chromium/runs.rs"]
mod runs;

use std::{error::Error, fs, path::PathBuf};

use report::Page;
use runner_shared::{clock::now, walltime::as_float};
use store::{Record, StackNode};

/// Times that each page is made.
const TIMES: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let all = [
        ("one run", runs::head(), None),
        ("a comparison", runs::head(), Some(runs::base())),
        ("hostile names", runs::hostile(2), Some(runs::hostile(1))),
        ("10,000 benchmarks compared", runs::many(10_000, 2), Some(runs::many(10_000, 1))),
        ("a million functions", million(), None),
    ];
    for (title, head, base) in &all {
        let mut times = Vec::new();
        let mut made = Page { html: String::new(), left_out: Vec::new() };
        for _ in 0..TIMES {
            let start = now();
            made = runs::page_of(head, base.as_ref());
            times.push(now().since(start));
        }
        times.sort_unstable();
        println!(
            "{title}\t{:.0}\tms\t{} KB; {}",
            as_float(times[TIMES / 2]) / 1e6,
            made.html.len() / 1000,
            made.left_out.join("; ")
        );
        if let Some(folder) = &folder {
            fs::create_dir_all(folder)?;
            fs::write(folder.join(format!("{}.html", title.replace(' ', "-"))), &made.html)?;
        }
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?");
    println!("peak memory\t{}\t\tof all pages", peak.trim());
    Ok(())
}

/// A run of one benchmark with a million functions, each of which costs as much: more than any record keeps.
fn million() -> Record {
    let mut record = runs::head();
    record.benchmarks.truncate(1);
    let stacks = record.benchmarks[0].stacks.as_mut().unwrap();
    stacks.functions = (0..1_000_000).map(|number| format!("function number {number}")).collect();
    stacks.nodes = (0..1_000_000)
        .map(|function| StackNode {
            parent: function / 50,
            function,
            weight: 3,
            ..StackNode::default()
        })
        .collect();
    record
}
