//! Suites of Go, with stand-ins for `go` and for the program that measures its benchmarks.

use std::fs;

use runner_shared::text::shown;
use test_support::Sandbox;

use crate::stage::{CODSPEED, codspeed, exported, sandbox, suite, the_exported};

/// Says what it is called with, and knows where programs are installed.
const GO: &str = r#"#!/bin/sh
echo "$*" >> "$HOME/go-calls"
case "$1 $2" in
"env GOPATH") echo "$HOME/go" ;;
"test "*) echo "BenchmarkPlain 100 12 ns/op" ;;
esac
"#;

/// Does what the real one does: lets the real `go` run the tests, each of which leaves raw results, and makes one file of
/// results of these.
const RUNNER: &str = r#"#!/bin/sh
echo "$*" >> "$HOME/runner-calls"
set -e
raw=$CODSPEED_PROFILE_FOLDER/raw_results
results=$CODSPEED_PROFILE_FOLDER/results
mkdir -p "$raw" "$results"
go test -ldflags="-s=false -w=false" -work -run='^$' ./...
"$HOME/client" # speaks as a test binary does
rm "$results"/*.json
echo '{"name":"BenchmarkSum","uri":"sum_test.go::BenchmarkSum","pid":77,"codspeed_time_per_round_ns":[1000,1100,1200],"codspeed_iters_per_round":[10,10,10]}' > "$raw/0123456789abcdef0123456789abcdef.json"
cat > "$results/77.json" <<END
{"creator":{"name":"codspeed-go","version":"1.2.0","pid":77},"instrument":{"type":"walltime"},"benchmarks":[
{"name":"BenchmarkSum","uri":"sum_test.go::BenchmarkSum","config":{"warmup_time_ns":null,"min_round_time_ns":null,"max_time_ns":3e9,"max_rounds":null},
"stats":{"min_ns":100.0,"max_ns":120.0,"mean_ns":110.0,"stdev_ns":10.0,"q1_ns":100.0,"median_ns":110.0,"q3_ns":120.0,"rounds":3,"total_time":3.3e-6,"iqr_outlier_rounds":0,"stdev_outlier_rounds":0,"iter_per_round":10,"warmup_iters":0}}]}
END
rm "$raw"/*.json
"#;

fn with_go() -> Sandbox {
    let sandbox = sandbox();
    sandbox.c_program("client", include_str!("../../../fixtures/client.c"));
    let folder = sandbox.path().to_owned();
    for below in ["bin", "go/bin", "own"] {
        fs::create_dir_all(folder.join(below)).unwrap();
    }
    sandbox.program("bin/go", GO);
    let path = format!("{}:/usr/bin:/bin", shown(&folder.join("bin")));
    sandbox.with("PATH", path).with("HOME", folder)
}

#[test]
fn benchmarks_of_go_are_measured_by_their_runner_and_shown() {
    let sandbox = with_go();
    sandbox.program("bin/codspeed-go-runner", RUNNER);
    let run = suite(&sandbox, &["--export", "json=out.json"], "go test -bench=. ./...");
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(sandbox.text("runner-calls"), "test -bench=. ./...\n");
    let calls = sandbox.text("go-calls");
    assert_eq!(calls, "test -ldflags=-s=false -w=false -work -run=^$ ./...\n");
    let benchmark = the_exported(&sandbox);
    assert_eq!(benchmark["uri"], "sum_test.go::BenchmarkSum");
    assert_eq!(benchmark["integration"]["name"], "codspeed-go");
    assert!(run.stdout.contains("110.0 ns"), "{}", run.stdout);
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
}

#[test]
fn the_go_runner_is_found_where_go_installs_it() {
    let sandbox = with_go();
    let run = suite(&sandbox, &[], "go test ./...");
    assert_eq!(run.code, 1, "{}", run.shown());
    let mend = "`codspeed setup --go-runner` installs it";
    assert!(run.shown().contains(mend), "{}", run.shown());
    sandbox.program("go/bin/codspeed-go-runner", RUNNER);
    let run = suite(&sandbox, &["--export", "json=out.json"], "go test ./...");
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(exported(&sandbox).len(), 1);
    fs::remove_dir_all(sandbox.path().join("go")).unwrap();
    sandbox.program("own/codspeed-go-runner", RUNNER);
    let run = suite(&sandbox, &[], "GOBIN=$HOME/own go test ./...");
    assert_eq!(run.code, 0, "{}", run.shown());
}

#[test]
fn other_uses_of_go_stay_what_they_are() {
    let sandbox = with_go();
    let text = "go build ./cmd && go run ./cmd 'a b'";
    let run = suite(&sandbox, &["--allow-empty"], text);
    assert_eq!(run.code, 0, "{}", run.shown());
    let expected = "build ./cmd\nrun -work -ldflags=-s=false -w=false ./cmd a b\n";
    assert_eq!(sandbox.text("go-calls"), expected);
}

#[test]
fn the_runner_of_go_is_installed_in_the_version_that_is_wanted() {
    let sandbox = with_go();
    let run = codspeed(&sandbox, ["setup", "--go-runner"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let run = codspeed(&sandbox, ["setup", "--go-runner", "--go-runner-version", "1.2.1"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let sandbox = sandbox.with("CODSPEED_GO_RUNNER_VERSION", "1.1.0");
    let run = codspeed(&sandbox, ["setup", "--go-runner"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let calls = sandbox.text("go-calls");
    let versions: Vec<_> = calls.lines().filter_map(|line| line.split_once('@')).collect();
    let install = "install github.com/CodSpeedHQ/codspeed-go/cmd/codspeed-go-runner";
    assert_eq!(versions, [(install, "latest"), (install, "v1.2.1"), (install, "v1.1.0")]);
    let dry = codspeed(&sandbox, ["setup", "--go-runner", "--dry-run"]);
    assert!(dry.stderr.contains("@v1.1.0"), "{}", dry.stderr);
    assert_eq!(sandbox.text("go-calls"), calls);
    let without = sandbox.with("PATH", "/nowhere");
    let run = without.run(without.command(CODSPEED, ["setup", "--go-runner"]));
    assert_eq!(run.code, 3, "{}", run.shown());
}
