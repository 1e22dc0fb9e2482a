//! `codspeed doctor` where nothing can be seen, for a user without rights, for other programs, and interrupted.

use std::collections::BTreeSet;

use nix::sys::signal::Signal;
use serde_json::Value;
use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, codspeed, nothing_is_left, sandbox, start};

/// Becomes `$@` in a namespace where these commands were run.
#[track_caller]
fn after(sandbox: &Sandbox, setup: &str, words: &[&str]) -> Run {
    let text = format!("{setup} && exec \"$@\"");
    let run = sandbox.run(sandbox.private("sh", [&["-c", &text, "sh"], words].concat()));
    nothing_is_left(sandbox);
    run
}

fn grades(json: &Value) -> BTreeSet<(String, String)> {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let checks = json["checks"].as_array().unwrap();
    checks.iter().map(|one| (text(one, "id"), text(one, "grade"))).collect()
}

#[test]
fn what_can_not_be_seen_is_unknown_and_no_error() {
    let sandbox = sandbox();
    let hide = "mount -t tmpfs none /sys && mount -t tmpfs none /proc/pressure";
    let run = after(&sandbox, hide, &[CODSPEED, "doctor", "--no-measure", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let grades = grades(&serde_json::from_str(&run.stdout).unwrap());
    let of = |id: &str| grades.iter().find(|(one, _)| one == id).unwrap().1.clone();
    for id in ["governor", "boost", "siblings", "idle_states", "clock_source", "pressure"] {
        assert_eq!(of(id), "unknown", "{id}");
    }
    let count = system::processors::allowed().unwrap().len();
    assert_eq!(of("cpuset"), if count == 1 { "note" } else { "ok" });
}

#[test]
fn a_user_without_rights_is_told_what_helps() {
    let sandbox = sandbox();
    let binaries = std::path::Path::new(CODSPEED).parent().unwrap().display().to_string();
    let setup = format!("mount --bind '{binaries}' /mnt && chmod 1777 /tmp && cd / && exec \"$@\"");
    let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let doctor = ["/mnt/codspeed", "doctor", "--time", "0.4"];
    let words = [&["-c", &setup, "sh"][..], &user, &doctor].concat();
    let run = sandbox.run(sandbox.private("sh", words));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("\nok       processors "), "{}", run.stdout);
    assert!(run.stdout.contains(" compared with itself, "), "{}", run.shown());
    assert!(run.stdout.contains("\n  wall times:        "), "{}", run.shown());
    nothing_is_left(&sandbox);
}

#[test]
fn the_floor_is_measured_and_json_is_all_of_standard_output() {
    let sandbox = sandbox();
    let run = codspeed(&sandbox, ["doctor", "--json", "--time", "0.4"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["checks", "floor", "floor_missing", "version"]);
    let (floor, wall) = (&json["floor"], &json["floor"]["times"][1]);
    assert!(floor["program_ns"].as_f64().unwrap() > 100_000.0, "{floor}");
    assert_eq!(wall["time"], "wall");
    for noise in [&floor["times"][0], wall] {
        assert!(noise["pairs"].as_u64().unwrap() >= 8 && noise["resolves"].as_f64().unwrap() > 0.0);
        let [one, three] =
            ["1", "3"].map(|share| noise[format!("seconds_for_{share}_percent")].as_f64().unwrap());
        assert!(one >= three && three > 0.0, "{noise}");
    }
}

/// Changes the first byte of a function of the C library, as a probe of the kernel does.
const PROBE: &str = r"
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
__attribute__((constructor)) static void probe(void) {
    long size = sysconf(_SC_PAGESIZE);
    char *page = (char *)((uintptr_t)&l64a & -size);
    mprotect(page, size, PROT_READ | PROT_WRITE | PROT_EXEC);
    *(unsigned char *)&l64a = 0xcc;
    mprotect(page, size, PROT_READ | PROT_EXEC);
}
";

#[test]
fn a_probe_in_the_c_library_is_a_problem() {
    let sandbox = sandbox();
    sandbox.file("probe.c", PROBE);
    let words = ["-shared", "-fPIC", "-o", "probe.so", "probe.c"];
    let compiled = sandbox.run(sandbox.command("cc", words));
    assert_eq!(compiled.code, 0, "{}", compiled.stderr);
    let preload = format!("LD_PRELOAD={}", sandbox.path().join("probe.so").display());
    let words = [&preload, CODSPEED, "doctor", "--no-measure", "--json"];
    let run = sandbox.run(sandbox.command("env", words));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let grades = grades(&serde_json::from_str(&run.stdout).unwrap());
    assert!(grades.contains(&("probes".to_owned(), "problem".to_owned())), "{}", run.stdout);
}

#[test]
fn problems_fail_only_if_that_is_asked_for() {
    let sandbox = sandbox();
    // No Valgrind: a mode that can't measure.
    let sandbox = sandbox.with("PATH", "/nowhere");
    let look = |options: &[&str]| {
        let unshare = ["/usr/bin/env", CODSPEED, "doctor", "--no-measure"];
        sandbox.run(sandbox.command(unshare[1], [&unshare[2..], options].concat()))
    };
    let run = look(&[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("\nproblem  mode simulation "), "{}", run.stdout);
    assert!(run.stdout.contains("-> codspeed setup -m simulation  (you)"), "{}", run.stdout);
    let run = look(&["--strict"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("found (`--strict`)"), "{}", run.stderr);
    let run = look(&["--time", "5"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
}

#[test]
fn an_interruption_ends_the_measurement_and_leaves_nothing() {
    let sandbox = sandbox();
    let mut running = start(&sandbox, ["doctor", "--time", "10m"]);
    running.says("comparing a program with itself");
    running.says("benchmark 1 of 2");
    running.signal(Signal::SIGINT);
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.stderr);
    assert!(run.stdout.contains("processors"), "{}", run.stdout);
    nothing_is_left(&sandbox);
}
