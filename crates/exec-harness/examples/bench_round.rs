//! The cost of a round beyond a bare loop of `posix_spawn` and `waitpid` in C, and compared with hyperfine.
//!
//! All are run in turns, so that the noise of the machine hits them alike; figures are medians
//! over the turns of the medians of a turn.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints its figures and starts what it compares"
)]

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use runner_shared::{
    artifact::{Artifact, RoundLog},
    clock::now,
    walltime::{WalltimeResults, as_float, quantile, sorted},
};

const TURNS: usize = 12;

const IDEAL: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
extern char **environ;
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e9 + t.tv_nsec; }
static int order(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return (x > y) - (x < y); }
int main(int argc, char **argv) {
  int n = atoi(argv[1]), status; pid_t pid;
  double *t = malloc(n * sizeof *t);
  posix_spawn_file_actions_t null;
  posix_spawn_file_actions_init(&null);
  for (int fd = 0; fd < 3; fd++) posix_spawn_file_actions_addopen(&null, fd, "/dev/null", O_RDWR, 0);
  for (int i = 0; i < n; i++) { double t0 = now(); posix_spawn(&pid, argv[2], &null, 0, argv + 2, environ); waitpid(pid, &status, 0); t[i] = now() - t0; }
  qsort(t, n, sizeof *t, order);
  printf("%f\n", t[n / 2]);
}
"#;

const SPIN: &str = "#include <stdlib.h>\nint main(int c, char **v) { volatile unsigned x = 1; for (long i = atol(v[1]); i > 0; i--) x = x * 1103515245u + 12345u; return c > 9; }";

/// A command to measure: words, rounds per turn.
struct Case {
    name: &'static str,
    words: Vec<String>,
    rounds: u64,
}

struct Bench {
    folder: PathBuf,
    harness: PathBuf,
    hyperfine: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let bench = Bench {
        folder: folder.path().to_owned(),
        harness: harness()?,
        hyperfine: Command::new("hyperfine")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok(),
    };
    compile(&bench.folder, "ideal", IDEAL)?;
    compile(&bench.folder, "spin", SPIN)?;
    let spin =
        |rounds: &str| vec![bench.folder.join("spin").display().to_string(), rounds.to_owned()];
    let calibration = bench.ideal(&Case { name: "", words: spin("10000000"), rounds: 5 })?;
    // Rounds of the spin loop in one millisecond, whatever the machine.
    let per_ms = 10_000_000.0 / (calibration / 1e6);
    for case in [
        Case { name: "true", words: vec!["/bin/true".to_owned()], rounds: 300 },
        Case { name: "5 ms", words: spin(&format!("{:.0}", per_ms * 5.0)), rounds: 40 },
        Case { name: "100 ms", words: spin(&format!("{:.0}", per_ms * 100.0)), rounds: 3 },
    ] {
        bench.compare(&case)?;
    }
    let output = vec!["/usr/bin/seq".to_owned(), "1".to_owned(), "1000000".to_owned()];
    bench.compare(&Case { name: "seq 1 1000000", words: output, rounds: 30 })?;
    let five = Case { name: "5 ms", words: spin(&format!("{:.0}", per_ms * 5.0)), rounds: 40 };
    bench.under_load(&five, &spin("1000000000000"))
}

impl Bench {
    fn compare(&self, case: &Case) -> Result<(), Box<dyn Error>> {
        let (mut ideal, mut ours, mut theirs, mut extra) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TURNS {
            ideal.push(self.ideal(case)?);
            let start = now();
            let (median, sum) = self.ours(case)?;
            let around = as_float(now().since(start)) - sum;
            extra.push(around / as_float(case.rounds));
            ours.push(median);
            if self.hyperfine {
                theirs.push(self.theirs(case)?);
            }
        }
        let name = case.name;
        let base = median(&ideal);
        println!("{name}: C loop\t{:.1}\tus\tposix_spawn and waitpid", base / 1e3);
        println!("{name}: exec-harness\t{:.3}\tx\tof the C loop", ratio(&ours, &ideal));
        println!(
            "{name}: around a round\t{:.1}\tus\tstart and end of the harness shared out",
            median(&extra) / 1e3
        );
        if self.hyperfine {
            println!("{name}: hyperfine -N\t{:.3}\tx\tof the C loop", ratio(&theirs, &ideal));
        }
        Ok(())
    }

    /// Prints which of the figures remain when all processors are busy with something else.
    fn under_load(&self, case: &Case, busy: &[String]) -> Result<(), Box<dyn Error>> {
        let (mut wall, mut robust) = (Vec::new(), Vec::new());
        let (program, args) = busy.split_first().ok_or("no program")?;
        for _ in 0..TURNS {
            let quiet = (self.ours(case)?.0, self.robust()?);
            let count = std::thread::available_parallelism()?.get();
            let mut load = Vec::new();
            for _ in 0..count {
                load.push(Command::new(program).args(args).spawn()?);
            }
            let loaded = self.ours(case).and_then(|ours| Ok((ours.0, self.robust()?)));
            for process in &mut load {
                process.kill()?;
                process.wait()?;
            }
            let loaded = loaded?;
            wall.push(loaded.0 / quiet.0);
            robust.push(loaded.1 / quiet.1);
        }
        let name = case.name;
        println!(
            "{name}: all processors busy\t{:.3}\tx\twall time, of the quiet one",
            median(&wall)
        );
        println!(
            "{name}: all processors busy\t{:.3}\tx\ttime without preemption, of the quiet one",
            median(&robust)
        );
        Ok(())
    }

    /// Median of the noise-robust times of the last run of ours, nanoseconds.
    fn robust(&self) -> Result<f64, Box<dyn Error>> {
        let log = RoundLog::decode(&fs::read(self.result("msgpack")?)?)?;
        let bench = log.benchmarks.first().ok_or("no benchmark")?;
        Ok(quantile(&sorted(&bench.rounds.robust_ns(bench.robust_source)), 0.5))
    }

    /// The file with this ending that the last run of ours left.
    fn result(&self, ending: &str) -> Result<PathBuf, Box<dyn Error>> {
        let files = fs::read_dir(self.folder.join(".codspeed/results"))?.flatten();
        let mut paths = files.map(|file| file.path());
        let wanted = paths.find(|path| path.extension().is_some_and(|end| end == ending));
        wanted.ok_or_else(|| "exec-harness left no result".into())
    }

    /// Median round of the C loop in nanoseconds.
    fn ideal(&self, case: &Case) -> Result<f64, Box<dyn Error>> {
        let mut command = Command::new(self.folder.join("ideal"));
        let output = command.arg(case.rounds.to_string()).args(&case.words).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    }

    /// Median and sum of our rounds in nanoseconds.
    fn ours(&self, case: &Case) -> Result<(f64, f64), Box<dyn Error>> {
        drop(fs::remove_dir_all(self.folder.join(".codspeed")));
        let rounds = case.rounds.to_string();
        let mut command = Command::new(&self.harness);
        command.args(["--quiet", "--warmup-time", "0", "--max-rounds", &rounds, "--"]);
        command.args(&case.words).current_dir(&self.folder).status()?;
        let results: WalltimeResults = serde_json::from_slice(&fs::read(self.result("json")?)?)?;
        let stats = results.benchmarks.first().ok_or("no benchmark")?.stats;
        Ok((stats.median_ns, stats.total_time * 1e9))
    }

    /// Median round of hyperfine in nanoseconds.
    fn theirs(&self, case: &Case) -> Result<f64, Box<dyn Error>> {
        let json = self.folder.join("hyperfine.json");
        let rounds = case.rounds.to_string();
        let mut command = Command::new("hyperfine");
        command.args(["-N", "--warmup", "0", "--runs", &rounds, "--export-json"]).arg(&json);
        command.arg(shell_words::join(&case.words)).stdout(Stdio::null()).stderr(Stdio::null());
        command.status()?;
        let json: serde_json::Value = serde_json::from_slice(&fs::read(json)?)?;
        let median = json.pointer("/results/0/median").and_then(serde_json::Value::as_f64);
        Ok(median.ok_or("hyperfine reported no median")? * 1e9)
    }
}

fn harness() -> Result<PathBuf, Box<dyn Error>> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).ok_or("the bench runs from a build folder")?;
    Ok(folder.join("exec-harness"))
}

fn compile(folder: &Path, name: &str, source: &str) -> Result<(), Box<dyn Error>> {
    let file = folder.join(name).with_extension("c");
    fs::write(&file, source)?;
    let status =
        Command::new("cc").args(["-O2", "-w", "-o"]).arg(folder.join(name)).arg(&file).status()?;
    status.success().then_some(()).ok_or_else(|| format!("cc could not compile {name}").into())
}

/// Median of the ratios turn by turn.
fn ratio(one: &[f64], other: &[f64]) -> f64 {
    median(&one.iter().zip(other).map(|(one, other)| one / other).collect::<Vec<_>>())
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}
