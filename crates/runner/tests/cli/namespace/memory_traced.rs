//! Memory mode with our tracer, in the way that needs no rights and disturbs nobody.

use std::path::Path;

use runner_shared::text::shown;
use test_support::Sandbox;

use crate::stage::{CODSPEED, codspeed, exec, exported, sandbox, the_exported};

/// 10 MiB and 20 MiB live at a time, then 1000 pairs, and ten blocks that are never freed.
const PATTERN: &str = "#include <stdlib.h>
__attribute__((noinline)) static void *grow(size_t n) { volatile char *p = malloc(n); p[0] = 1; return (void *)p; }
__attribute__((noinline)) static void leak(void) { for (int i = 0; i < 10; i++) grow(1000); }
int main(void) {
  void *a = grow(10 << 20), *b = grow(20 << 20);
  free(a);
  for (int i = 0; i < 1000; i++) free(grow(64));
  leak();
  free(b);
  return 0;
}";

const TRACED: &[&str] = &["-m", "memory", "--backend", "preload", "--export", "json=out.json"];

#[track_caller]
fn with_pattern() -> Sandbox {
    let tracer = Path::new(CODSPEED).with_file_name("codspeed-memtrack");
    let missing = "is missing: `cargo xtask test` and `cargo build --workspace --bins` make it";
    assert!(tracer.is_file(), "`{}` {missing}", shown(&tracer));
    let sandbox = sandbox();
    sandbox.c_program("pattern", PATTERN);
    sandbox
}

#[test]
fn a_known_pattern_is_counted_exactly() {
    let sandbox = with_pattern();
    let run = exec(&sandbox, TRACED, &["./pattern"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let benchmark = the_exported(&sandbox);
    let number = |key: &str| benchmark[key].as_u64().unwrap();
    assert_eq!(number("peak_bytes"), 30 << 20);
    assert_eq!(number("total_bytes"), (30 << 20) + 64_000 + 10_000);
    assert_eq!((number("allocations"), number("frees")), (1012, 1002));
    assert_eq!((number("leaked_bytes"), number("leaked_blocks")), (10_000, 10));
    assert_eq!((number("temporary"), number("largest_bytes")), (1000, 20 << 20));
}

#[test]
fn a_program_that_starts_others_is_counted_with_them() {
    let sandbox = with_pattern();
    let run = exec(&sandbox, TRACED, &["sh", "-c", "./pattern; ./pattern"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let benchmark = the_exported(&sandbox);
    let peak = benchmark["peak_bytes"].as_u64().unwrap();
    assert!((30 << 20..31 << 20).contains(&peak), "one after the other: {peak}");
    assert!(benchmark["allocations"].as_u64().unwrap() >= 2 * 1012);
}

#[test]
fn the_places_that_allocate_are_told_apart() {
    for (option, frames) in
        [("--stacks", "omit"), ("--stacks=dwarf", "omit"), ("--stacks=fp", "no-omit")]
    {
        let sandbox = with_pattern();
        let source = format!("#pragma GCC optimize(\"{frames}-frame-pointer\")\n{PATTERN}");
        sandbox.c_program("framed", &source);
        let options = [TRACED, &[option, "--export", "folded=stacks.txt"]].concat();
        let run = exec(&sandbox, &options, &["./framed"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let folded = sandbox.text("stacks.txt");
        let weight = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
        let weights: Vec<u64> = folded.lines().map(weight).collect();
        assert_eq!(Some(weights.iter().sum()), the_exported(&sandbox)["total_bytes"].as_u64());
        assert!(weights.contains(&10_000), "`leak` is a place of its own: {folded}");
        assert!(!run.shown().contains("lack callers"), "not of the harness: {}", run.shown());
        let again = codspeed(&sandbox, ["inspect", "profile", "--functions", "1"]);
        let shown = &again.stdout;
        assert!(shown.contains("Live at end:\n      9.8 KB   100 %"), "{shown}");
    }
}

#[test]
fn only_what_lies_in_a_window_is_counted() {
    let sandbox = with_pattern();
    sandbox.c_program("client", include_str!("../../../fixtures/client.c"));
    let words = [&["run", "--profile-folder", "profile"], TRACED, &["--", "./pattern && ./client"]];
    let run = codspeed(&sandbox, words.concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let [benchmark] = exported(&sandbox).try_into().unwrap();
    // Three rounds of two blocks each; the first peak is the only one.
    assert_eq!(benchmark["peak_bytes"], 150_000);
    assert_eq!((&benchmark["allocations"], &benchmark["leaked_bytes"]), (&6.into(), &0.into()));
}

#[test]
fn a_library_that_the_command_removes_is_named() {
    let sandbox = with_pattern();
    let prepare = ["--prepare", "rm -rf /tmp/codspeed-memtrack-*"];
    let run = exec(&sandbox, &[TRACED, &prepare].concat(), &["./pattern"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(the_exported(&sandbox)["allocations"], 0);
    let told = "was removed during the trace, by the command or by somebody else";
    assert!(run.stdout.contains(told), "{}", run.shown());
}
