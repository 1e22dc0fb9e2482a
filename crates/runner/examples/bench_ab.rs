//! Counts how often `codspeed ab` and `codspeed bisect` are right: real suites of pytest-codspeed and divan with ten
//! benchmarks, one of which a commit makes 5 % slower, and a history of 16 commits with such a one.
//!
//! The first argument of the bench is the number of comparisons of each row (2), the second one chooses the rows whose
//! names contain it: `bench_ab 10 pytest`. Packages come from the registries; rows of divan need
//! `cargo codspeed`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints its figures and starts what it measures"
)]

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A suite of ten benchmarks, `B0` to `B9`.
struct Suite {
    name: &'static str,
    /// File and text; `@n@` is the number of steps of benchmark n.
    files: &'static [(&'static str, &'static str)],
    /// The file with the numbers of steps.
    numbers: &'static str,
    /// A definition of one of them.
    number: fn(usize, u64) -> String,
    build: &'static str,
    command: &'static str,
    /// Run once before all, in the folder of the bench.
    prepare: &'static str,
    /// The end of the name of the slow benchmark.
    slow: &'static str,
}

/// The benchmark that gets slower.
const SLOW: usize = 3;
/// Runs that a tracer elsewhere may end.
const TRIES: usize = 20;
/// Steps of each benchmark.
const STEPS: u64 = 2000;

const SUITES: &[Suite] = &[
    Suite {
        name: "pytest",
        files: &[
            (
                "work.py",
                "def many(n):\n    total = 0\n    for step in range(n):\n        total = (total * 31 + step) % 1000003\n    return total\n",
            ),
            (
                "test_work.py",
                "import pytest, sizes, work\n\n@pytest.mark.parametrize('name', [f'B{n}' for n in range(10)])\ndef test_many(benchmark, name):\n    benchmark(work.many, getattr(sizes, name))\n",
            ),
            (".gitignore", "__pycache__\n.pytest_cache\n.codspeed\n"),
        ],
        numbers: "sizes.py",
        number: |n, steps| format!("B{n} = {steps}\n"),
        build: "true",
        command: "@BENCH@/venv/bin/python -m pytest -q --codspeed --codspeed-warmup-time 0.02 --codspeed-max-time 0.1",
        prepare: "python3 -m venv venv && venv/bin/pip install --quiet pytest pytest-codspeed",
        slow: "B3]",
    },
    Suite {
        name: "divan",
        files: &[
            (
                "Cargo.toml",
                "[package]\nname = \"suite\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[lib]\npath = \"lib.rs\"\n\n[dev-dependencies]\ndivan = { version = \"=6.0.0\", package = \"codspeed-divan-compat\" }\n\n[[bench]]\nname = \"d\"\npath = \"d.rs\"\nharness = false\n\n[workspace]\n",
            ),
            (
                "lib.rs",
                "#[inline(never)]\npub fn many(n: u64) -> u64 {\n    let mut total = 1;\n    for step in 0..n * 20 {\n        total = std::hint::black_box((total * 31 + step) % 1_000_003);\n    }\n    total\n}\n",
            ),
            (
                "d.rs",
                "mod sizes;\n\nfn main() {\n    divan::main();\n}\n\n#[divan::bench(args = [\"B0\", \"B1\", \"B2\", \"B3\", \"B4\", \"B5\", \"B6\", \"B7\", \"B8\", \"B9\"], max_time = 0.1)]\nfn many(name: &str) -> u64 {\n    suite::many(divan::black_box(sizes::of(name)))\n}\n",
            ),
            (".gitignore", "target\n"),
        ],
        numbers: "sizes.rs",
        number: |n, steps| match n {
            0 => format!(
                "pub fn of(name: &str) -> u64 {{\n    match name {{\n        \"B0\" => {steps},\n"
            ),
            9 => format!("        _ => {steps},\n    }}\n}}\n"),
            _ => format!("        \"B{n}\" => {steps},\n"),
        },
        build: "cargo codspeed build -m @MODE@",
        command: "cargo codspeed run",
        // Version 6.0.0 says its version as an error.
        prepare: "cargo codspeed --version 2>&1 | grep -q '^cargo-codspeed '",
        slow: "[B3]",
    },
];

const MODES: &[&str] = &["simulation", "walltime"];

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (times, rows) = match words[..] {
        [times, rows] => (times.parse()?, rows),
        [times] => (times.parse()?, ""),
        _ => (2, ""),
    };
    let bench = tempfile::tempdir()?;
    let own = std::env::current_exe()?;
    let codspeed = own.parent().and_then(Path::parent).ok_or("no build folder")?.join("codspeed");
    for suite in SUITES {
        let titles = MODES.iter().map(|mode| (*mode, format!("ab {} {mode}", suite.name)));
        let wanted: Vec<(&str, String)> =
            titles.filter(|(_, title)| title.contains(rows)).collect();
        let bisect = format!("bisect {} simulation", suite.name);
        let bisects = bisect.contains(rows);
        if wanted.is_empty() && !bisects {
            continue;
        }
        if shell(suite.prepare, bench.path()).is_err() {
            println!("{}\t0 of 0\tright\tleft out: `{}` fails here", suite.name, suite.prepare);
            continue;
        }
        for (mode, title) in wanted {
            let found: Vec<Found> = (0..times)
                .map(|seed| compare(suite, mode, seed, &codspeed, bench.path()))
                .collect::<Result<_, _>>()?;
            tell(&title, &found);
        }
        if bisects {
            let found = search(suite, &codspeed, bench.path())?;
            println!("{bisect}\t{} of 1\tright\tamong 16 commits; {}", u8::from(found.0), found.1);
        }
    }
    Ok(())
}

/// The outcome of one comparison.
struct Found {
    is_right: bool,
    note: String,
}

fn compare(
    suite: &Suite,
    mode: &str,
    seed: usize,
    codspeed: &Path,
    bench: &Path,
) -> Outcome<Found> {
    let repository = repository(suite, bench, 1, 1)?;
    let export = bench.join("out.json");
    let run = answer(|| {
        let mut command = codspeed_in(&repository, codspeed);
        command
            .args(["ab", "-m", mode, "--base", "HEAD~1", "--head", "HEAD", "--max-pairs", "40"])
            .args(["--seed", &seed.to_string(), "--build", &suite.build.replace("@MODE@", mode)])
            .arg(format!("--export=json={}", export.display()))
            .arg("--build-dir")
            .arg(bench.join(format!("{}-{mode}", suite.name)))
            .args(["--", &suite.command.replace("@BENCH@", &bench.display().to_string())]);
        command
    })?;
    if !run.status.success() {
        return Err(String::from_utf8_lossy(&run.stderr).into());
    }
    let json: Value = serde_json::from_slice(&fs::read(export)?)?;
    let all = json.get("benchmarks").and_then(Value::as_array).ok_or("no benchmarks")?;
    let has = |one: &Value, verdict: &str| text(one, "verdict") == verdict;
    let moved: Vec<&Value> =
        all.iter().filter(|one| has(one, "regressed") || has(one, "improved")).collect();
    let is_right = all.len() == 10
        && matches!(&moved[..], [one] if text(one, "name").ends_with(suite.slow) && has(one, "regressed"));
    let open = all.iter().filter(|one| has(one, "inconclusive")).count();
    let shown = moved.iter().map(|one| {
        let ratio = one.get("ratio").and_then(Value::as_f64).unwrap_or(f64::NAN);
        format!("{} {:+.1} %", text(one, "name"), (ratio - 1.0) * 100.0)
    });
    let shown: Vec<String> = shown.collect();
    let number = |key| json.get(key).and_then(Value::as_u64).unwrap_or(0);
    let note = format!(
        "seed {seed}: {} ({open} inconclusive, {}+{} pairs)",
        shown.join(" "),
        number("pairs"),
        number("pairs_again")
    );
    Ok(Found { is_right, note })
}

/// Returns whether the commit was found, and what was said.
fn search(suite: &Suite, codspeed: &Path, bench: &Path) -> Outcome<(bool, String)> {
    let repository = repository(suite, bench, 16, 11)?;
    let run = answer(|| {
        let mut command = codspeed_in(&repository, codspeed);
        command
            .args(["bisect", "-m", "simulation", "--good", "HEAD~16"])
            .args(["--build", &suite.build.replace("@MODE@", "simulation"), "--build-dir"])
            .arg(bench.join(format!("{}-bisect", suite.name)))
            .args(["--", &suite.command.replace("@BENCH@", &bench.display().to_string())]);
        command
    })?;
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let is_right = run.status.success() && said.contains("\n    Change 11\n");
    Ok((is_right, said.lines().collect::<Vec<_>>().join(" ")))
}

/// Runs the command; once more if a tracer that somebody else has running ended Valgrind.
fn answer(command: impl Fn() -> Command) -> Outcome<Output> {
    for _ in 0..TRIES {
        let run = command().output()?;
        // `cargo codspeed` says the number of the signal only.
        let said = String::from_utf8_lossy(&run.stderr);
        if !["SIGTRAP", "exit code: 133"].iter().any(|sign| said.contains(sign)) {
            return Ok(run);
        }
    }
    Err("a probe in the C library ends Valgrind again and again".into())
}

fn text<'a>(one: &'a Value, key: &str) -> &'a str {
    one.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn codspeed_in(folder: &Path, codspeed: &Path) -> Command {
    let mut command = Command::new(codspeed);
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// A repository with so many commits after the first; the one of this number makes a benchmark slower.
fn repository(suite: &Suite, bench: &Path, commits: usize, slow: usize) -> Outcome<PathBuf> {
    let folder = bench.join("repository");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder)?;
    for (name, text) in suite.files {
        fs::write(folder.join(name), text)?;
    }
    let numbers = |steps: u64| {
        let of = |n| (suite.number)(n, if n == SLOW { steps } else { STEPS });
        fs::write(folder.join(suite.numbers), (0..10).map(of).collect::<String>())
    };
    let commit = "git -c user.name=a -c user.email=a@localhost commit --quiet";
    numbers(STEPS)?;
    shell(&format!("git init --quiet . && git add --all && {commit} -m Begin"), &folder)?;
    for number in 1..=commits {
        if number == slow {
            numbers(STEPS + STEPS / 20)?;
        }
        fs::write(folder.join("notes"), number.to_string())?;
        shell(&format!("git add --all && {commit} -m 'Change {number}'"), &folder)?;
    }
    Ok(folder)
}

fn shell(text: &str, folder: &Path) -> Outcome<()> {
    let run = Command::new("sh").args(["-c", text]).current_dir(folder).output()?;
    if run.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&run.stderr).into()) }
}

fn tell(title: &str, found: &[Found]) {
    let right = found.iter().filter(|one| one.is_right).count();
    let notes: Vec<&str> = found.iter().map(|one| one.note.as_str()).collect();
    println!("{title}\t{right} of {}\tright\t{}", found.len(), notes.join("; "));
}
