//! Time and memory of a store with many runs: `bench_store [RUNS] [FOLDER]`. A folder that is named stays, and is used
//! again as it is.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    hint::black_box,
    path::{Path, PathBuf},
};

use runner_shared::{clock::now, walltime::as_float};
use store::{
    BenchmarkKey, CommitInfo, Environment, Filter, Metric, MetricUnit, Part, Processor, Record,
    RecordedBenchmark, Rounds, Scope, Store, Wanted,
};

/// Runs, if nobody says how many.
const RUNS: u32 = 10_000;
const BENCHMARKS: u32 = 200;
/// Rounds that are kept of each benchmark.
const ROUNDS: u32 = 5;
const PROJECT: &str = "acme/widgets";
/// Every fifth run is on another branch.
const BRANCHES: u32 = 5;
/// Each lookup is repeated, and the median shown.
const TIMES: usize = 7;

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

fn lookups(folder: &Path) -> Result<(), Box<dyn Error>> {
    let time = |name: &str, note: &str, look: &dyn Fn() -> Result<usize, store::StoreError>| {
        let mut all = Vec::new();
        let mut found = 0;
        for _ in 0..TIMES {
            let start = now();
            found = look()?;
            all.push(now().since(start));
        }
        all.sort_unstable();
        let median = all.get(TIMES / 2).copied().unwrap_or_default();
        println!("store {name}\t{:.1}\tms\t{found} {note}", as_float(median) / 1e6);
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

/// The same record for the same number.
fn record(run: u32) -> Record {
    let branch = if run.is_multiple_of(BRANCHES) { "feature" } else { "main" };
    let hash = format!("{:040x}", u128::from(run).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060));
    Record {
        version: Record::VERSION,
        time_ms: 1_700_000_000_000 + u64::from(run) * 600_000,
        program: "codspeed 5.1.0".to_owned(),
        command: ["pytest", "--codspeed"].map(str::to_owned).to_vec(),
        project: PROJECT.to_owned(),
        commit: Some(CommitInfo { hash, branch: Some(branch.to_owned()), dirty: Some(false) }),
        environment: Environment {
            architecture: "x86_64".to_owned(),
            processor: Processor {
                model: "a processor".to_owned(),
                cores: 8,
                ..Default::default()
            },
            ..Default::default()
        },
        parts: vec![Part::default()],
        benchmarks: (0..BENCHMARKS).map(|number| benchmark(run, number)).collect(),
        ..Default::default()
    }
}

fn benchmark(run: u32, number: u32) -> RecordedBenchmark {
    let mut state = u64::from(run) << 32 | u64::from(number);
    let mut noise = || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        as_float(mixed >> 40) / as_float(1 << 24)
    };
    let typical = 1e6 * (1.0 + f64::from(number));
    let wall_ns: Vec<f64> =
        (0..ROUNDS).map(|_| (typical * (1.0 + 0.02 * noise())).round()).collect();
    let mut metrics = BTreeMap::new();
    for key in ["median_ns", "robust_median_ns", "mean_ns", "min_ns", "max_ns", "user_ns"] {
        let value = typical * (1.0 + 0.02 * noise());
        let ends = Some((value * 0.99, value * 1.01)).filter(|_| key.ends_with("median_ns"));
        let metric = Metric {
            value,
            low: ends.map(|ends| ends.0),
            high: ends.map(|ends| ends.1),
            unit: MetricUnit::Nanoseconds,
            ..Default::default()
        };
        metrics.insert(key.to_owned(), metric);
    }
    metrics.insert("rounds".to_owned(), Metric { value: ROUNDS.into(), ..Default::default() });
    RecordedBenchmark {
        name: format!("benchmark {number}"),
        uri: format!("tests/test_suite.py::test_benchmark[{number}]"),
        occurrence: 1,
        metrics,
        headline: "robust_median_ns".to_owned(),
        rounds: Some(Rounds { wall_ns, ..Default::default() }),
        ..Default::default()
    }
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

fn peak_megabytes() -> Option<f64> {
    #[expect(clippy::disallowed_methods, reason = "a file of the kernel")]
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1e3)
}
