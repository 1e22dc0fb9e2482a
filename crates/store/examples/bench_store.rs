//! Time and memory of a store with many runs: `bench_store [RUNS] [FOLDER]`. A folder that is named stays, and is used
//! again as it is.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod support;

use std::{
    error::Error,
    fs,
    hint::black_box,
    path::{Path, PathBuf},
};

use runner_shared::{clock::now, env_names, text::as_text, walltime::as_float};
use store::{BenchmarkKey, Filter, Scope, Store, Wanted};

use support::{
    BENCHMARKS, Commands, PROJECT, ROUNDS, RUNS, TIMES, median, peak_megabytes, peak_of_commands,
    record,
};

/// Commands that look at stored runs.
const COMMANDS: &[&[&str]] = &[
    &["compare"],
    &["compare", "main"],
    &["history"],
    &["history", "benchmark 7"],
    &["history", "benchmark 7", "--limit", "0"],
    &["history", "--limit", "0"],
    &["store", "list"],
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let runs: u32 = words.next().map_or(Ok(RUNS), |word| word.parse())?;
    let told = words.next().map(PathBuf::from);
    #[expect(clippy::disallowed_methods, reason = "a bench is not ended by signals")]
    let own = if told.is_none() { Some(tempfile::tempdir()?) } else { None };
    let folder = told.or_else(|| own.as_ref().map(|own| own.path().join("store")));
    let folder = folder.unwrap_or_default();
    if !folder.join("records").is_dir() {
        fill(&folder, runs)?;
    }
    let size = files(&folder.join("records"))? + files(&folder)?;
    println!("store size\t{:.0}\tMB\t{runs} runs x {BENCHMARKS} benchmarks", as_float(size) / 1e6);
    // The peak from here on.
    #[expect(clippy::disallowed_methods, reason = "a file of the kernel")]
    fs::write("/proc/self/clear_refs", "5")?;
    lookups(&folder)?;
    let peak = peak_megabytes().map_or_else(|| "-".to_owned(), |peak| format!("{peak:.0}"));
    println!("store peak memory\t{peak}\tMB\tof all lookups");
    commands(&folder)?;
    fs::remove_file(folder.join("index"))?;
    let start = now();
    drop(Store::open(&folder)?);
    println!("store new index\t{:.1}\ts\tof all records", as_float(now().since(start)) / 1e9);
    Ok(())
}

/// Makes the store.
fn fill(folder: &Path, runs: u32) -> Result<(), Box<dyn Error>> {
    let store = Store::open(folder)?;
    let start = now();
    for run in 0..runs {
        store.add(&record(run))?;
    }
    let each = as_float(now().since(start)) / 1e6 / f64::from(runs.max(1));
    println!("store add\t{each:.1}\tms\ta run of {BENCHMARKS} benchmarks, {ROUNDS} rounds each");
    Ok(())
}

/// The same as a user sees it.
fn commands(folder: &Path) -> Result<(), Box<dyn Error>> {
    let commands = Commands::new()?;
    let variables = [(env_names::STORE.name, as_text(folder).into_owned())];
    for words in COMMANDS {
        let times = (0..TIMES).map(|_| commands.time(words, &variables));
        let nanos = median(times.collect::<Result<_, _>>()?);
        println!(
            "codspeed {}\t{:.0}\tms\tthe whole command",
            words.join(" "),
            as_float(nanos) / 1e6
        );
    }
    println!("commands' peak memory\t{:.0}\tMB\tof the largest", peak_of_commands()?);
    Ok(())
}

fn lookups(folder: &Path) -> Result<(), Box<dyn Error>> {
    let time = |name: &str, note: &str, look: &dyn Fn() -> Result<usize, store::StoreError>| {
        let mut all = Vec::new();
        let mut found = 0;
        for _ in 0..TIMES {
            let start = now();
            found = look()?;
            all.push(now().since(start));
        }
        println!("store {name}\t{:.1}\tms\t{found} {note}", as_float(median(all)) / 1e6);
        Ok::<(), store::StoreError>(())
    };
    time("open", "unreadable records", &|| Ok(Store::open(folder)?.unreadable()))?;
    let store = Store::open(folder)?;
    let all = || Filter::of_project(PROJECT);
    let newest = |most| Filter { newest: Some(most), ..all() };
    let main = || Filter { branch: Some("main".to_owned()), ..all() };
    time("list, newest 20", "entries", &|| Ok(store.entries(&newest(20))?.len()))?;
    time("list, all", "entries", &|| Ok(store.entries(&all())?.len()))?;
    let points =
        |filter: &Filter, metric: Option<&str>, is_wanted: &dyn Fn(&BenchmarkKey) -> bool| {
            let history = store.series(filter, metric, is_wanted)?;
            Ok(black_box(&history).series.iter().map(|series| series.points.len()).sum())
        };
    time("history, 200 benchmarks, newest 100", "points", &|| {
        points(&newest(100), None, &|_| true)
    })?;
    time("history, 200 benchmarks, a branch", "points", &|| points(&main(), None, &|_| true))?;
    time("history, 200 benchmarks, all", "points", &|| points(&all(), None, &|_| true))?;
    let one = |benchmark: &BenchmarkKey| benchmark.name == "benchmark 7";
    time("history, one benchmark, all", "points", &|| points(&all(), None, &one))?;
    let peak = Some("rounds");
    time("history, another metric, all", "points", &|| points(&all(), peak, &|_| true))?;
    let scope = Scope { project: PROJECT, commit_of: &|_| None, is_suitable: &|_| true };
    time("last two and main, read", "benchmarks", &|| {
        let mut benchmarks = 0;
        for wanted in [Wanted::Last(0), Wanted::Last(1), Wanted::Word("main".to_owned())] {
            let found = store.select(&wanted, &scope);
            let entry =
                found.map_err(|_none| store::StoreError::None { folder: folder.to_owned() })?;
            benchmarks += store.get(entry.id)?.benchmarks.len();
        }
        Ok(benchmarks)
    })?;
    Ok(())
}

/// Bytes of all files below a folder, two levels deep.
fn files(folder: &Path) -> Result<u64, Box<dyn Error>> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            bytes += entry.metadata()?.len();
        } else if folder.ends_with("records") {
            bytes += files(&entry.path())?;
        }
    }
    Ok(bytes)
}
