//! Real integrations from their registries.

mod network {
    //! Tests that fetch packages.

    use test_support::Sandbox;

    use crate::stage::{RUN, codspeed, exported, python_with, sandbox};

    const SUITE: &str = r#"
import pytest

def work(n):
    total = 0
    for i in range(n):
        total = (total * 31 + i) & 0xFFFFFFFF
    return total

@pytest.mark.benchmark(max_rounds=3, min_time=0)
def test_marked():
    assert work(2000) >= 0

@pytest.mark.parametrize("n", [500, 1000])
def test_fixture(benchmark, n):
    benchmark(work, n)

def test_pedantic(benchmark):
    benchmark.pedantic(work, args=(1500,), rounds=4, iterations=2, warmup_rounds=1)
"#;

    #[test]
    fn pytest_codspeed_is_measured_with_all_its_benchmarks() {
        let sandbox = sandbox();
        python_with(&sandbox, &["pytest==9.2.0", "pytest-codspeed==5.0.4"]);
        sandbox.file("test_interop.py", SUITE);
        // The integration names benchmarks relative to the repository.
        std::fs::create_dir(sandbox.path().join(".git")).unwrap();
        let pytest = "venv/bin/python -m pytest -q --codspeed --codspeed-warmup-time=0.1 \
            --codspeed-max-time=0.3 -p no:cacheprovider test_interop.py";
        let run = codspeed(&sandbox, [RUN, &["--export", "json=out.json", "--", pytest]].concat());
        assert_eq!(run.code, 0, "{}", run.shown());
        let benchmarks = exported(&sandbox);
        let uris: Vec<_> = benchmarks.iter().map(|one| one["uri"].as_str().unwrap()).collect();
        let expected = ["test_marked", "test_fixture[500]", "test_fixture[1000]", "test_pedantic"];
        assert_eq!(uris, expected.map(|name| format!("test_interop.py::{name}")));
        for (benchmark, name) in benchmarks.iter().zip(expected) {
            assert!(run.stdout.contains(name), "{}", run.stdout);
            assert_eq!(benchmark["integration"]["name"], "pytest-codspeed");
            assert_eq!(benchmark["integration"]["version"], "5.0.4");
        }
        // The others stop when their time is up but report the rounds that they had planned, which
        // need not fit what they marked.
        for fixed in [&benchmarks[0], &benchmarks[3]] {
            assert_eq!(fixed["rounds"]["source"], "markers", "{fixed}");
        }
        assert!(!run.stderr.contains("warning: "), "{}", run.stderr);
        counted_by_valgrind(&sandbox, pytest, &expected);
    }

    /// The same suite in simulation mode: what is shown are the totals that callgrind wrote.
    #[track_caller]
    fn counted_by_valgrind(sandbox: &Sandbox, pytest: &str, names: &[&str]) {
        let options = ["--profile-folder", "counts", "--export", "json=counts.json"];
        let words = [&["run", "-m", "simulation"], &options[..], &["--", pytest]].concat();
        let run = codspeed(sandbox, words);
        assert_eq!(run.code, 0, "{}", run.shown());
        let json: serde_json::Value = serde_json::from_str(&sandbox.text("counts.json")).unwrap();
        let files = std::fs::read_dir(sandbox.path().join("counts")).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let dumps = paths.filter(|path| path.extension().is_some_and(|end| end == "out"));
        let dumps: String = dumps.map(|path| std::fs::read_to_string(path).unwrap()).collect();
        for (benchmark, name) in json["benchmarks"].as_array().unwrap().iter().zip(names) {
            let uri = benchmark["uri"].as_str().unwrap();
            assert!(uri.ends_with(name), "{uri}");
            let (_, part) = dumps.split_once(&format!("Client Request: {uri}\n")).unwrap();
            let (_, totals) = part.split_once("\ntotals: ").unwrap();
            let instructions = totals.split_whitespace().next().unwrap().parse().ok();
            assert_eq!(benchmark["instructions"].as_u64(), instructions, "{uri}");
        }
        assert_eq!(json["benchmarks"].as_array().unwrap().len(), names.len());
    }
}

mod node {
    //! Tests that need Node and fetch packages.

    use std::env;

    use crate::stage::{codspeed, exported, sandbox};

    const SUITE: &str = r#"
import { Bench } from "tinybench";
import { withCodSpeed } from "@codspeed/tinybench-plugin";
const sum = (n) => { let t = 0; for (let i = 0; i < n; i++) t = (t * 31 + i) >>> 0; return t; };
const bench = withCodSpeed(new Bench({ time: 30, iterations: 4, warmupTime: 10 }));
bench.add("tiny", () => { sum(1000); });
await bench.run();
"#;

    /// The plugin asks for options by way of our script before `node`; without them it fails.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the way to the registry is a setting of the machine"
    )]
    fn tinybench_is_counted_with_the_options_that_its_plugin_wants() {
        let sandbox = sandbox();
        let packages = ["tinybench@6.2.3", "@codspeed/tinybench-plugin@5.7.1"];
        let words = [&["install", "--silent", "--no-audit", "--no-fund"][..], &packages].concat();
        let mut install = sandbox.command("npm", words);
        install.envs(env::vars_os().filter(|(name, _)| name != "HOME"));
        let installed = sandbox.run(install);
        assert_eq!(installed.code, 0, "{}", installed.shown());
        std::fs::create_dir(sandbox.path().join(".git")).unwrap();
        sandbox.file("tb.mjs", SUITE);
        let options = ["--profile-folder", "profile", "--export", "json=out.json"];
        let words = [&["run", "-m", "simulation"], &options[..], &["--", "node tb.mjs"]].concat();
        let run = codspeed(&sandbox, words);
        assert_eq!(run.code, 0, "{}", run.shown());
        let benchmarks = exported(&sandbox);
        assert_eq!(benchmarks.len(), 1, "{benchmarks:?}");
        assert_eq!(benchmarks[0]["uri"], "tb.mjs::tiny");
        assert_eq!(benchmarks[0]["integration"]["name"], "codspeed-node");
        assert!(benchmarks[0]["instructions"].as_u64() > Some(10_000), "{benchmarks:?}");
    }
}
