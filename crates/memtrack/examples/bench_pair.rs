//! `bench_pair`: what a pair of malloc and free costs below the tracer, by each backend, beside none and beside
//! heaptrack. Prints one line per figure: name, value, unit, note.
//!
//! All ways take turns, so that the noise of the machine hits all alike; the best turn of each counts.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench prints its figures and starts what it measures"
)]
#![expect(dead_code, reason = "benches share a module, and not all need all of it")]

mod support;

use std::process::Command;

use support::{Bench, Outcome};

const PAIRS: &str = "500000";
const TURNS: usize = 7;
const WAYS: [Way; 6] = [
    Way { name: "native", how: How::Bare, bar: None },
    Way { name: "heaptrack", how: How::Heaptrack, bar: None },
    Way { name: "ebpf", how: How::Tracer(&["--backend", "ebpf"]), bar: Some(6.0) },
    Way {
        name: "ebpf with stacks",
        how: How::Tracer(&["--backend", "ebpf", "--stacks"]),
        bar: None,
    },
    Way { name: "preload", how: How::Tracer(&["--backend", "preload"]), bar: Some(0.4) },
    Way {
        name: "preload with stacks",
        how: How::Tracer(&["--backend", "preload", "--stacks"]),
        bar: None,
    },
];

/// A way to run the program.
struct Way {
    name: &'static str,
    how: How,
    /// The most that it may cost, as a multiple of what heaptrack costs.
    bar: Option<f64>,
}

enum How {
    Bare,
    Heaptrack,
    Tracer(&'static [&'static str]),
}

fn main() -> Outcome<()> {
    let bench = Bench::new()?;
    for threads in ["1", "2"] {
        let mut best = WAYS.map(|way| (way, None));
        for _ in 0..TURNS {
            for (way, best) in &mut best {
                if let Some(nanos) = way.nanos(&bench, threads)? {
                    *best = Some(best.map_or(nanos, |best: f64| best.min(nanos)));
                }
            }
        }
        let found = |name| best.iter().find(|(way, _)| way.name == name).and_then(|(_, ns)| *ns);
        let (native, heaptrack) = (found("native").ok_or("no figure")?, found("heaptrack"));
        for (way, nanos) in &best {
            print(way, threads, *nanos, native, heaptrack);
        }
    }
    Ok(())
}

fn print(way: &Way, threads: &str, nanos: Option<f64>, native: f64, heaptrack: Option<f64>) {
    let name = way.name;
    let Some(nanos) = nanos else {
        println!("{name}, {threads} thread(s)\t-\tns/pair\tnot installed, or not permitted");
        return;
    };
    let note = format!("{:.0} ns more than native", nanos - native);
    println!("{name}, {threads} thread(s)\t{nanos:.1}\tns/pair\t{note}");
    if let How::Tracer(_) = way.how
        && let Some(heaptrack) = heaptrack
    {
        let cost = (nanos - native) / (heaptrack - native);
        let bar = way.bar.map(|bar| format!("; bar: at most {bar}")).unwrap_or_default();
        let note = format!("beyond native; with it {:.2}{bar}", nanos / heaptrack);
        println!("{name} / heaptrack, {threads} thread(s)\t{cost:.2}\tx\t{note}");
    }
}

impl Way {
    /// Nanoseconds per pair as a thread of the program sees it. `None`: this can't be had here.
    fn nanos(&self, bench: &Bench, threads: &str) -> Outcome<Option<f64>> {
        match self.how {
            How::Bare => output(Command::new(&bench.pairs).args([PAIRS, threads])).map(Some),
            How::Heaptrack => {
                if Command::new("heaptrack").arg("--version").output().is_err() {
                    return Ok(None);
                }
                let mut command = Command::new("heaptrack");
                command.arg("-o").arg(bench.folder.path().join("heaptrack")).arg(&bench.pairs);
                output(command.args([PAIRS, threads])).map(Some)
            }
            How::Tracer(options) => {
                let words = [bench.pairs.as_os_str(), PAIRS.as_ref(), threads.as_ref()];
                let Some(tracked) = bench.track(options, &words)? else { return Ok(None) };
                let wanted = 2 * PAIRS.parse::<u64>()? * threads.parse::<u64>()?;
                let events = tracked.stats.events.total();
                if events < wanted || tracked.stats.lost_events > 0 {
                    return Err(format!("{events} events are too few").into());
                }
                parse(&tracked.stdout).map(Some)
            }
        }
    }
}

fn output(command: &mut Command) -> Outcome<f64> {
    parse(&String::from_utf8(command.output()?.stdout)?)
}

fn parse(stdout: &str) -> Outcome<f64> {
    let line = stdout.lines().find(|line| line.contains("ns/pair")).ok_or("the program failed")?;
    Ok(line.split_whitespace().next().ok_or("no figure")?.parse()?)
}
