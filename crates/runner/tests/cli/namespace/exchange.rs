//! Exports before the programs that read them, and imports of what real tools have just written.

use serde_json::Value;
use test_support::{Run, Sandbox};

use crate::stage::{QUICK, codspeed, exec, sandbox};

/// The measures of an imported file.
fn converted(sandbox: &Sandbox, file: &str) -> Value {
    let run = codspeed(sandbox, ["import", "--no-store", "--export", "bmf=-", file]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

/// Runs shell text that has to go well.
#[track_caller]
fn shell(sandbox: &Sandbox, text: &str) -> Run {
    let run = sandbox.run(sandbox.command("sh", ["-ec", text]));
    assert_eq!(run.code, 0, "{}", run.shown());
    run
}

mod network {
    use super::*;
    use crate::stage::python_with;

    const READERS: &str = r#"
import json, sys
from junitparser import JUnitXml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = {family.name: family for family in text_string_to_metric_families(open("out.om").read())}
median = families["codspeed_median_seconds"]
assert (median.type, median.unit) == ("gauge", "seconds"), median
[sample] = [sample for sample in median.samples if sample.labels["benchmark"] == sys.argv[1]]
assert sample.labels["uri"] == "exec_harness::" + sys.argv[1], sample
complete = {s.labels["benchmark"]: s.value for s in families["codspeed_benchmark_complete"].samples}
[suite] = JUnitXml.fromfile("out.xml")
cases = {case.name: [type(result).__name__ for result in case.result] for case in suite}
print(json.dumps({"median": sample.value, "complete": complete, "cases": cases}))
"#;

    #[test]
    fn parsers_of_openmetrics_and_junit_read_our_exports() {
        let sandbox = sandbox();
        python_with(&sandbox, &["prometheus-client==0.26.0", "junitparser==5.0.3"]);
        sandbox.file("read.py", READERS);
        let name = r#"a "b" \n {<c>} é"#;
        let exports = ["--export", "openmetrics=out.om", "--export", "junit=out.xml"];
        let exports = [&exports[..], &["--export", "bmf=out.bmf"]].concat();
        let run = exec(&sandbox, &[QUICK, &exports, &["--name", name]].concat(), &["true"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let read = sandbox.run(sandbox.command("venv/bin/python", ["read.py", name]));
        assert_eq!(read.code, 0, "{}", read.shown());
        let read: Value = serde_json::from_str(&read.stdout).unwrap();
        let bmf: Value = serde_json::from_str(&sandbox.text("out.bmf")).unwrap();
        let median = bmf[name]["latency"]["value"].as_f64().unwrap();
        assert!((read["median"].as_f64().unwrap() * 1e9 - median).abs() < 1e-3, "{read}");
        assert_eq!(
            (&read["complete"][name], &read["cases"][name]),
            (&1.into(), &serde_json::json!([]))
        );
        let run = exec(&sandbox, &[QUICK, &exports, &["--name", "bad"]].concat(), &["false"]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(sandbox.text("out.xml").contains("<failure "), "{}", sandbox.text("out.xml"));
    }

    const SUITE: &str = "\
def test_sum(benchmark):
    benchmark.pedantic(sum, args=(range(1000),), rounds=8, iterations=10)
";

    #[test]
    fn what_pytest_benchmark_has_just_written_is_imported() {
        let sandbox = sandbox();
        python_with(&sandbox, &["pytest==9.2.0", "pytest-benchmark==5.3.1"]);
        sandbox.file("test_sum.py", SUITE);
        shell(
            &sandbox,
            "venv/bin/python -m pytest -q -p no:cacheprovider --benchmark-json=out.json",
        );
        let latency = converted(&sandbox, "out.json")["test_sum"]["latency"].clone();
        let json: Value = serde_json::from_str(&sandbox.text("out.json")).unwrap();
        let median = json["benchmarks"][0]["stats"]["median"].as_f64().unwrap() * 1e9;
        assert!((latency["value"].as_f64().unwrap() - median).abs() < 1e-3, "{latency}");
        assert!(latency["lower_value"].is_number(), "{latency}");
    }
}

mod debian {
    use super::*;

    /// Downloads packages and unpacks them to `unpacked`.
    fn unpack(sandbox: &Sandbox, packages: &str) {
        shell(
            sandbox,
            &format!(
                "apt-get download -q {packages}; for file in *.deb; do dpkg -x $file unpacked; done"
            ),
        );
    }

    #[test]
    fn what_hyperfine_has_just_written_is_imported() {
        let sandbox = sandbox();
        unpack(&sandbox, "hyperfine");
        shell(
            &sandbox,
            "unpacked/usr/bin/hyperfine -N -w 0 -r 6 --export-json out.json true 'sh -c :'",
        );
        let measures = converted(&sandbox, "out.json");
        assert_eq!(measures.as_object().unwrap().len(), 2, "{measures}");
        assert!(measures["sh -c :"]["latency"]["value"].as_f64().unwrap() > 1e4, "{measures}");
    }

    const GOOGLE: &str = r"
#include <benchmark/benchmark.h>
static void sum(benchmark::State& state) {
  for (auto _ : state) { int all = 0; for (int i = 0; i < 1000; ++i) benchmark::DoNotOptimize(all += i); }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(sum)->Unit(benchmark::kMicrosecond)->Repetitions(6);
BENCHMARK_MAIN();
";

    #[test]
    fn what_google_benchmark_has_just_written_is_imported() {
        let sandbox = sandbox();
        unpack(&sandbox, "libbenchmark-dev libbenchmark1debian");
        sandbox.file("sum.cc", GOOGLE);
        shell(
            &sandbox,
            "library=$(echo unpacked/usr/lib/*-linux-gnu*); \
             g++ -O1 -Iunpacked/usr/include sum.cc -o sum $library/libbenchmark.so -lpthread; \
             LD_LIBRARY_PATH=$library ./sum --benchmark_min_time=0.01 --benchmark_out=out.json \
               --benchmark_out_format=json > /dev/null",
        );
        let measures = converted(&sandbox, "out.json")["sum/repeats:6"].clone();
        assert!(measures["latency"]["value"].as_f64().unwrap() > 100.0, "{measures}");
        assert!(measures["latency"]["lower_value"].is_number(), "{measures}");
        assert!(measures["items-per-second"]["value"].as_f64().unwrap() > 1e3, "{measures}");
    }

    const GO: &str = "\
package x

import \"testing\"

var sink []byte

func BenchmarkMake(b *testing.B) {
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		sink = make([]byte, 100)
	}
}
";

    #[test]
    fn what_go_has_just_written_is_imported() {
        let sandbox = sandbox();
        let found = shell(
            &sandbox,
            "apt-cache depends golang-go | sed -n 's/.*Depends: \\(golang-1[^ ]*-go\\)$/\\1/p' | head -n 1",
        );
        let package = found.stdout.trim().trim_end_matches("-go").to_owned();
        unpack(&sandbox, &format!("{package}-go {package}-src"));
        sandbox.file("x_test.go", GO);
        sandbox.file("go.mod", "module example.org/x\n\ngo 1.18\n");
        let folder = package.replace("golang", "go");
        // Links of the package lead to where it is installed.
        let text = format!(
            "mkdir goroot; here=$PWD; for part in $here/unpacked/usr/lib/{folder}/* $here/unpacked/usr/share/{folder}/*; do \
               if [ ! -L $part ]; then ln -s $part goroot/$(basename $part); fi; done; \
             export GOROOT=$here/goroot GOCACHE=$here/cache GOPROXY=off GOFLAGS=-mod=mod GOPATH=$here/path; \
             goroot/bin/go test -bench . -benchtime 1000x -count 6 x_test.go > out.txt"
        );
        shell(&sandbox, &text);
        let measures = converted(&sandbox, "out.txt")["Make"].clone();
        assert_eq!(measures["allocs-per-op"]["value"], 1.0, "{measures}");
        assert!(measures["bytes-per-op"]["value"].as_f64().unwrap() >= 100.0, "{measures}");
        assert!(measures["latency"]["lower_value"].is_number(), "{measures}");
    }
}
