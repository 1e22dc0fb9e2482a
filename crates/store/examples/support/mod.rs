//! The runs of the benches of stores, and `codspeed` as a user starts it.

#![expect(clippy::disallowed_methods, reason = "a bench starts what it measures")]

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::sys::resource::{UsageWho, getrusage};
use runner_shared::{clock::now, walltime::as_float};
use store::{
    CommitInfo, Environment, Metric, MetricUnit, Part, Processor, Record, RecordedBenchmark, Rounds,
};

/// Runs, if nobody says how many.
pub(crate) const RUNS: u32 = 10_000;
pub(crate) const BENCHMARKS: u32 = 200;
/// Rounds that are kept of each benchmark.
pub(crate) const ROUNDS: u32 = 5;
pub(crate) const PROJECT: &str = "acme/widgets";
/// Every fifth run is on another branch.
const BRANCHES: u32 = 5;
/// Each look is repeated, and the median shown.
pub(crate) const TIMES: usize = 7;

/// `codspeed` of this build, in a folder that belongs to the project.
pub(crate) struct Commands {
    binary: PathBuf,
    folder: tempfile::TempDir,
}

impl Commands {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let own = std::env::current_exe()?;
        let builds = own.parent().and_then(Path::parent).ok_or("no build folder")?;
        let binary = builds.join("codspeed");
        if !binary.is_file() {
            return Err("build `codspeed` first: cargo build --release".into());
        }
        let folder = tempfile::tempdir()?;
        let git = folder.path().join(".git");
        fs::create_dir(&git)?;
        fs::write(git.join("HEAD"), "ref: refs/heads/main\n")?;
        let remote = format!("[remote \"origin\"]\n\turl = git@example.com:{PROJECT}.git\n");
        fs::write(git.join("config"), remote)?;
        Ok(Self { binary, folder })
    }

    /// Runs a command with these variables and nothing else, and returns its nanoseconds.
    pub(crate) fn time(
        &self,
        words: &[&str],
        variables: &[(&str, String)],
    ) -> Result<u64, Box<dyn Error>> {
        let mut command = Command::new(&self.binary);
        command.args(words).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("PATH", "/usr/bin:/bin");
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let start = now();
        let run = command.output()?;
        let nanos = now().since(start);
        if run.status.success() && !run.stdout.is_empty() {
            return Ok(nanos);
        }
        Err(format!("{words:?}: {}", String::from_utf8_lossy(&run.stderr)).into())
    }
}

/// Returns the memory of the largest command so far.
pub(crate) fn peak_of_commands() -> Result<f64, Box<dyn Error>> {
    let kilobytes = u64::try_from(getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss())?;
    Ok(as_float(kilobytes) / 1e3)
}

pub(crate) fn median(mut all: Vec<u64>) -> u64 {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn peak_megabytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1e3)
}

/// The same record for the same number.
pub(crate) fn record(run: u32) -> Record {
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
