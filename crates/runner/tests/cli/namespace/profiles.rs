//! Contents of profiles: where the time of a benchmark is spent.

mod perf_records {
    //! Tests that need a perf that records.

    use serde_json::Value;
    use test_support::Sandbox;

    use crate::stage::{RUN, codspeed, exec, profiling_sandbox, python_with};

    /// Three functions that share the work as 7 to 2 to 1. Each works for much longer than the time between two samples.
    const SPLIT: &str = r"
static volatile unsigned long sink;
static unsigned long spin(unsigned long n) {
    unsigned long x = 1;
    for (unsigned long i = 0; i < n; i++) x = x * 31 + i;
    return x;
}
__attribute__((noinline)) void NAME_hot(unsigned long n) { sink += spin(7 * n); }
__attribute__((noinline)) void NAME_warm(unsigned long n) { sink += spin(2 * n); }
__attribute__((noinline)) void NAME_cool(unsigned long n) { sink += spin(n); }
int main(void) { NAME_hot(20000000); NAME_warm(20000000); NAME_cool(20000000); return 0; }
";

    fn with_program(sandbox: &Sandbox, name: &str) {
        sandbox.c_program(name, &SPLIT.replace("NAME", name));
    }

    /// Percent of the samples in the function itself and in all, from the row of a function.
    #[track_caller]
    fn shares(text: &str, function: &str) -> (f64, f64) {
        let row = text.lines().find(|line| line.contains(&format!("%  {function} (")));
        let words: Vec<_> = row.unwrap_or(text).split_whitespace().collect();
        (words[0].parse().unwrap(), words[2].parse().unwrap())
    }

    #[track_caller]
    fn are_near(text: &str, expected: &[(&str, f64)]) {
        for (function, share) in expected {
            let (own, all) = shares(text, function);
            // On a busy machine the kernel interrupts functions, which is part of all they take.
            let is_own = (share - 8.0..=share + 3.0).contains(&own);
            assert!(is_own && (all - share).abs() <= 3.0, "{text}");
        }
    }

    #[test]
    fn the_hottest_functions_are_shown_with_their_shares() {
        let sandbox = profiling_sandbox();
        with_program(&sandbox, "a");
        let limits = ["--warmup-time", "0", "--max-rounds", "8"];
        let options = [&limits[..], &["--export", "folded=folded"]].concat();
        let run = exec(&sandbox, &options, &["./a"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let expected = [("a_hot", 70.0), ("a_warm", 20.0), ("a_cool", 10.0)];
        are_near(&run.stdout, &expected);
        let folded = sandbox.text("folded");
        assert!(folded.lines().any(|line| line.contains(";main;a_hot ")), "{folded}");
        let inspected = codspeed(&sandbox, ["inspect", "profile", "--functions", "3"]);
        assert_eq!(inspected.code, 0, "{}", inspected.stderr);
        are_near(&inspected.stdout, &expected);
    }

    #[test]
    fn programs_that_are_compared_have_profiles_of_their_own() {
        let sandbox = profiling_sandbox();
        for name in ["a", "b"] {
            with_program(&sandbox, name);
        }
        let options = ["--warmup-time", "0", "--max-rounds", "8", "--vs", "./a"];
        let run = exec(&sandbox, &options, &["./b"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let both = run.stdout.strip_prefix("./a (").unwrap();
        let (of_a, of_b) = both.split_once("\n./b (").unwrap();
        are_near(of_a, &[("a_hot", 70.0), ("a_warm", 20.0)]);
        are_near(of_b, &[("b_hot", 70.0), ("b_warm", 20.0)]);
        assert!(!of_a.contains("b_") && !of_b.contains("a_"), "{both}");
    }

    mod network {
        use super::*;

        const SUITE: &str = r"
import os

def busy(n):
    x = 1
    for i in range(n):
        x = (x * 31 + i) & 0xFFFF
    return x

def test_first(benchmark):
    benchmark(busy, 1000)

def test_numpy(benchmark):
    import numpy
    numbers = numpy.arange(50_000, dtype=float)
    benchmark(lambda: numpy.sort(numpy.sin(numbers) * numbers))

def test_forked(benchmark):
    def run():
        pid = os.fork()
        if pid == 0:
            busy(100_000)
            os._exit(0)
        os.waitpid(pid, 0)
    benchmark(run)
";

        #[test]
        fn modules_that_come_late_and_forked_workers_have_symbols() {
            let sandbox = profiling_sandbox();
            let packages = ["pytest==9.2.0", "pytest-codspeed==5.0.4", "numpy"];
            python_with(&sandbox, &packages);
            sandbox.file("test_late.py", SUITE);
            std::fs::create_dir(sandbox.path().join(".git")).unwrap();
            let pytest = "venv/bin/python -m pytest -q --codspeed --codspeed-warmup-time=0.1 \
                --codspeed-max-time=0.5 -p no:cacheprovider test_late.py";
            let run = codspeed(&sandbox, [RUN, &["--", pytest]].concat());
            assert_eq!(run.code, 0, "{}", run.shown());
            for name in ["test_first", "test_numpy", "test_forked"] {
                assert!(run.stdout.contains(&format!("\n{name}")), "{}", run.stdout);
            }
            let metadata = sandbox.text("profile/walltime.metadata");
            let metadata: Value = serde_json::from_str(&metadata).unwrap();
            let paths = metadata["path_key_to_path"].as_object().unwrap();
            let mut keys = paths.iter().filter(|(key, _)| key.contains("_multiarray_umath"));
            let (key, path) = keys.next().unwrap();
            assert!(path.as_str().unwrap().contains("/numpy/"), "{path}");
            let symbols = sandbox.text(&format!("profile/{key}.symbols.map"));
            assert!(symbols.lines().count() > 1000, "{key}");
            // The workers were forked when numpy was there, and know it.
            let processes = metadata["mapped_process_module_symbols"].as_object().unwrap();
            let knows = |modules: &Value| {
                let mut modules = modules.as_array().unwrap().iter();
                modules.any(|module| module["perf_map_key"] == key.as_str())
            };
            assert!(processes.len() > 2 && processes.values().all(knows), "{processes:?}");
        }
    }
}
