//! `bench_pair`: what a pair of malloc and free costs below the tracer, by each backend, beside none and beside
//! heaptrack: as the program sees it, and for the whole command, to the last line of the summary. Prints one line per
//! figure: name, value, unit, note.
//!
//! All ways take turns, so that the noise of the machine hits all alike; the best turn of each counts as the program
//! sees it, the median for whole commands. On a busy machine their processor time says more than how long they take.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench prints its figures and starts what it measures"
)]
#![expect(dead_code, reason = "benches share a module, and not all need all of it")]

mod support;

use std::process::Command;

use support::{Bench, Cost, Outcome, cost};

const PAIRS: &str = "500000";
const TURNS: usize = 7;
const WAYS: [Way; 8] = [
    Way { name: "native", how: How::Bare },
    Way { name: "heaptrack", how: How::Heaptrack },
    Way { name: "ebpf", how: How::Tracer(&["--backend", "ebpf"]) },
    Way { name: "ebpf with stacks", how: How::Tracer(&["--backend", "ebpf", "--stacks"]) },
    Way { name: "ebpf with stacks, fp", how: How::Tracer(&["--backend", "ebpf", "--stacks=fp"]) },
    Way { name: "preload", how: How::Tracer(&["--backend", "preload"]) },
    Way { name: "preload with stacks", how: How::Tracer(&["--backend", "preload", "--stacks"]) },
    Way {
        name: "preload with stacks, fp",
        how: How::Tracer(&["--backend", "preload", "--stacks=fp"]),
    },
];

/// A way to run the program.
struct Way {
    name: &'static str,
    how: How,
}

/// Pairs of a whole command.
const WHOLE_PAIRS: &str = "1000000";
const WHOLE_TURNS: usize = 9;
/// Options of tracing, and the most that the whole command may take, as a multiple of what heaptrack takes.
const WHOLE: [(&str, &[&str], Option<f64>); 6] = [
    ("preload", &["--backend", "preload"], Some(0.4)),
    ("preload with stacks", &["--backend", "preload", "--stacks"], None),
    ("preload with stacks, fp", &["--backend", "preload", "--stacks=fp"], None),
    ("ebpf", &["--backend", "ebpf"], Some(4.0)),
    ("ebpf with stacks", &["--backend", "ebpf", "--stacks"], Some(7.0)),
    ("ebpf with stacks, fp", &["--backend", "ebpf", "--stacks=fp"], Some(7.0)),
];

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
    whole(&bench)
}

/// A whole command.
struct Whole {
    name: String,
    /// By the runner or by the tracer alone, and with these options; heaptrack otherwise.
    traced: Option<(bool, &'static [&'static str])>,
    bar: Option<f64>,
    costs: Vec<Cost>,
}

/// Costs of whole commands: heaptrack's, and those of the tracer alone and of the runner with it, summaries included.
fn whole(bench: &Bench) -> Outcome<()> {
    let row = |name, traced, bar| Whole { name, traced, bar, costs: Vec::new() };
    let mut rows = vec![row("heaptrack".to_owned(), None, None)];
    for (name, options, bar) in WHOLE {
        rows.push(row(format!("track, {name}"), Some((false, options)), bar));
        rows.push(row(format!("exec -m memory, {name}"), Some((true, options)), bar));
    }
    let has_heaptrack = heaptrack(bench).arg("--version").output().is_ok();
    if !has_heaptrack {
        println!(
            "heaptrack is not installed: there is nothing to compare with (on Debian: apt-get install heaptrack)"
        );
    }
    for _ in 0..WHOLE_TURNS {
        for Whole { traced, costs, .. } in &mut rows {
            let cost = match traced {
                None if has_heaptrack => cost(heaptrack(bench).arg(&bench.pairs).arg(WHOLE_PAIRS))?,
                None => None,
                Some((by_runner, options)) => cost_of_trace(bench, *by_runner, options)?,
            };
            costs.extend(cost);
        }
    }
    let mut beside = None;
    for Whole { name, traced, bar, costs } in &rows {
        let name = format!("whole command of {WHOLE_PAIRS} pairs, {name}");
        let Some(medians) = Cost::medians(costs) else {
            println!("{name}\t-\ts\tnot installed, or not permitted");
            continue;
        };
        let note = format!("median of {}; processor time {:.3} s", costs.len(), medians.cpu / 1e9);
        println!("{name}\t{:.3}\ts\t{note}", medians.wall / 1e9);
        if traced.is_none() {
            beside = Some(medians);
        } else if let Some(heaptrack) = &beside {
            let (wall, cpu) = (medians.wall / heaptrack.wall, medians.cpu / heaptrack.cpu);
            let judged = bar.map_or_else(String::new, |bar| {
                let met = |ratio: f64| if ratio <= bar { "met" } else { "missed" };
                format!("; bar {bar}: {}, by processor time {}", met(wall), met(cpu))
            });
            println!("{name} / heaptrack\t{wall:.2}\tx\tprocessor time {cpu:.2} x{judged}");
        }
    }
    Ok(())
}

fn heaptrack(bench: &Bench) -> Command {
    let mut command = Command::new("heaptrack");
    command.arg("-o").arg(bench.folder.path().join("heaptrack"));
    command
}

/// The cost of a trace, whose events must be all there. `None`: this can't be had here.
fn cost_of_trace(bench: &Bench, by_runner: bool, options: &[&str]) -> Outcome<Option<Cost>> {
    let trace = bench.fresh_folder()?;
    let mut command = bench.program(if by_runner { "codspeed" } else { "codspeed-memtrack" });
    if by_runner {
        command.args(["exec", "-m", "memory", "--skip-upload", "--profile-folder"]);
    } else {
        command.args(["track", "--output"]);
    }
    command.arg(&trace).args(options).arg("--").arg(&bench.pairs).arg(WHOLE_PAIRS);
    let Some(cost) = cost(&mut command)? else { return Ok(None) };
    let results = if by_runner { trace.join("results") } else { trace };
    let stats = Bench::stats(&results)?;
    let wanted = 2 * WHOLE_PAIRS.parse::<u64>()?;
    if stats.events.total() < wanted || stats.lost_events > 0 {
        return Err(format!("{} events are too few", stats.events.total()).into());
    }
    Ok(Some(cost))
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
        let note = format!("beyond native; with it {:.2}", nanos / heaptrack);
        println!("{name} / heaptrack, {threads} thread(s)\t{cost:.2}\tx\t{note}");
    }
}

impl Way {
    /// Nanoseconds per pair as a thread of the program sees it. `None`: this can't be had here.
    fn nanos(&self, bench: &Bench, threads: &str) -> Outcome<Option<f64>> {
        match self.how {
            How::Bare => output(Command::new(&bench.pairs).args([PAIRS, threads])).map(Some),
            How::Heaptrack => {
                if heaptrack(bench).arg("--version").output().is_err() {
                    return Ok(None);
                }
                output(heaptrack(bench).arg(&bench.pairs).args([PAIRS, threads])).map(Some)
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
