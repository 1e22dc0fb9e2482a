//! Measures the overhead of `codspeed exec -m simulation` over a bare callgrind with the same arguments, and
//! how far counts of the same program differ when the environment does.
//!
//! Runs are made in turns, so that the noise of the machine hits all alike.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints its figures and starts what it measures"
)]

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use runner_shared::{
    clock::now,
    walltime::{as_float, quantile, sorted},
};
use serde_json::Value;

const TURNS: usize = 7;
/// Runs per environment, each with another number of bytes added to it.
const RUNS: usize = 10;

/// Works for about two seconds below callgrind.
const WORK: &str = "#include <stdlib.h>
int main(int c, char **v) { volatile unsigned x = 1; for (long i = 20000000; i > 0; i--) x = x * 3 + c; return 0; }";
/// Allocates, sorts, and looks at its environment, so that addresses matter.
const SORT: &str = "#include <stdlib.h>
static int order(const void *a, const void *b) { return *(int *)a - *(int *)b; }
int main(void) { int n = 20000, *t = malloc(n * sizeof *t); unsigned x = 1;
for (int i = 0; i < n; i++) t[i] = (x = x * 1103515245u + 12345u) >> 8; qsort(t, n, sizeof *t, order); return getenv(\"NOPE\") != 0; }";
/// As the runner gives them.
const ARGUMENTS: &str = "--command-line-only=yes -q --trace-children=yes --cache-sim=yes --I1=32768,8,64 --D1=32768,8,64 --LL=8388608,16,64 --instr-atstart=yes --vgdb=no --collect-systime=nsec --tool=callgrind --compress-strings=no --combine-dumps=yes";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let bench = Bench::new(folder.path())?;
    bench.overhead()?;
    bench.spread("as it is", &[])?;
    bench.spread("with --stable-env", &["--stable-env"])
}

struct Bench<'a> {
    folder: &'a Path,
    codspeed: PathBuf,
    valgrind: String,
}

impl<'a> Bench<'a> {
    fn new(folder: &'a Path) -> Result<Self, Box<dyn Error>> {
        for (name, text) in [("work", WORK), ("sort", SORT)] {
            let source = folder.join(format!("{name}.c"));
            fs::write(&source, text)?;
            let mut cc = Command::new("cc");
            succeed(cc.args(["-O1", "-o"]).arg(folder.join(name)).arg(source))?;
        }
        let own = std::env::current_exe()?;
        let release = own.parent().and_then(Path::parent).ok_or("no build folder")?;
        let find = ["-c", "command -v valgrind.bin || command -v valgrind"];
        let found = Command::new("sh").args(find).output()?;
        let valgrind = String::from_utf8(found.stdout)?.trim().to_owned();
        Ok(Self { folder, codspeed: release.join("codspeed"), valgrind })
    }

    fn overhead(&self) -> Result<(), Box<dyn Error>> {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let start = now();
            succeed(&mut self.exec("work"))?;
            ours.push(now().since(start));
            let files = ["--callgrind-out-file=bare.out", "--log-file=bare.log"];
            let mut command = Command::new(&self.valgrind);
            command.args(ARGUMENTS.split(' ')).args(files).arg("./work").current_dir(self.folder);
            let start = now();
            succeed(&mut command)?;
            bare.push(now().since(start));
        }
        let median = |times: &[u64]| quantile(&sorted(times), 0.5) / 1e9;
        let (ours, bare) = (median(&ours), median(&bare));
        println!("exec -m simulation\t{ours:.2}\ts\tmedian of {TURNS}, one C program");
        println!(
            "exec -m simulation\t{:.3}\tx\tof a bare callgrind ({bare:.2} s), bar 1.1",
            ours / bare
        );
        Ok(())
    }

    fn spread(&self, note: &str, options: &[&str]) -> Result<(), Box<dyn Error>> {
        let (mut instructions, mut nanos) = (Vec::new(), Vec::new());
        for run in 0..RUNS {
            let mut command = self.exec_with("sort", options);
            command.env("SOME_BRANCH_NAME", "x".repeat(run * 1024 / (RUNS - 1)));
            succeed(&mut command)?;
            let text = fs::read_to_string(self.folder.join("out.json"))?;
            let json: Value = serde_json::from_str(&text)?;
            let figure = |key: &str| {
                let found = json.pointer(&format!("/benchmarks/0{key}")).and_then(Value::as_f64);
                found.ok_or_else(|| format!("no `{key}` in the export"))
            };
            instructions.push(figure("/instructions")?);
            nanos.push(figure("/estimate/nanos")?);
        }
        for (what, values) in [("instructions", instructions), ("estimated time", nanos)] {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(0.0, f64::max);
            let spread = (most - least) / least * 100.0;
            let runs = as_float(u64::try_from(RUNS)?);
            println!(
                "spread of {what}\t{spread:.4}\t%\t{runs} runs, environment padded by 0 to 1 KB, {note}"
            );
        }
        Ok(())
    }

    fn exec(&self, program: &str) -> Command {
        self.exec_with(program, &[])
    }

    fn exec_with(&self, program: &str, options: &[&str]) -> Command {
        let mut command = Command::new(&self.codspeed);
        command.args(["exec", "--quiet", "-m", "simulation", "--profile-folder", "profile"]);
        command.args(["--export", "json=out.json"]).args(options);
        command.args(["--", &format!("./{program}")]).current_dir(self.folder);
        command
    }
}

fn succeed(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}
