//! `codspeed isolate`, with files of a machine that has everything in place of those of the kernel.

use std::{fs, path::Path};

use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, sandbox};

/// Settings below `machine`, and their values: two cores, of which the second one is the processors 1 and 3.
const FILES: &[(&str, &str)] = &[
    ("cpu/online", "0-3"),
    ("cpu/cpu0/topology/core_cpus_list", "0,2"),
    ("cpu/cpu1/topology/core_cpus_list", "1,3"),
    ("cpu/cpu2/topology/core_cpus_list", "0,2"),
    ("cpu/cpu3/topology/core_cpus_list", "1,3"),
    ("cpu/cpu0/cpufreq/scaling_governor", "powersave"),
    ("cpu/cpu1/cpufreq/scaling_governor", "schedutil"),
    ("cpu/intel_pstate/no_turbo", "0"),
    ("cpu/cpu2/online", "1"),
    ("cpu/cpu3/online", "1"),
    ("irq/7/smp_affinity_list", "0-3"),
    ("irq/8/smp_affinity_list", "0"),
];

/// The same when the processor 1 is calm.
const CALM: &[(&str, &str)] = &[
    ("cpu/cpu0/cpufreq/scaling_governor", "performance"),
    ("cpu/cpu1/cpufreq/scaling_governor", "performance"),
    ("cpu/intel_pstate/no_turbo", "1"),
    ("cpu/cpu3/online", "0"),
    ("irq/7/smp_affinity_list", "0,2"),
];

/// Puts the machine in place, and becomes `$@`.
const STAGE: &str = "mount --bind run /run && mount --bind machine/cpu /sys/devices/system/cpu && mount --bind machine/irq /proc/irq && exec \"$@\"";

/// Kills the process right before the write of the number `KILL_AT` to a setting or to the journal.
const KILLER: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
ssize_t write(int fd, const void *bytes, size_t count) {
    static int writes;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length > 0) {
        path[length] = 0;
        int concerned = !strncmp(path, "/sys/", 5) || !strncmp(path, "/proc/irq/", 10) || strstr(path, "codspeed-tuning");
        if (concerned && ++writes == atoi(getenv("KILL_AT"))) kill(getpid(), SIGKILL);
    }
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    return real(fd, bytes, count);
}
"#;

fn machine() -> Sandbox {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path().join("run")).unwrap();
    for (path, value) in FILES {
        put(&sandbox, path, value);
    }
    sandbox
}

fn put(sandbox: &Sandbox, path: &str, value: &str) {
    let place = sandbox.path().join("machine").join(path);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, format!("{value}\n")).unwrap();
}

fn value(sandbox: &Sandbox, path: &str) -> String {
    sandbox.text(&format!("machine/{path}")).trim().to_owned()
}

fn has_journal(sandbox: &Sandbox) -> bool {
    sandbox.path().join("run/codspeed-tuning.journal").exists()
}

/// Settings that are neither as they were nor as `expected` says.
#[track_caller]
fn assert_values(sandbox: &Sandbox, expected: &[(&str, &str)], when: &str) {
    for (path, old) in FILES {
        let wanted = expected.iter().find(|(one, _)| one == path).map_or(old, |(_, new)| new);
        assert_eq!(value(sandbox, path), *wanted, "{path} {when}");
    }
}

fn isolate(sandbox: &Sandbox, words: &[&str]) -> Run {
    staged(sandbox, &[&[CODSPEED, "isolate"], words].concat())
}

fn staged(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.run(sandbox.private("sh", [&["-c", STAGE, "sh"], words].concat()))
}

const CORE: &[&str] = &["on", "--cpu=1"];

#[test]
fn settings_are_changed_shown_and_brought_back() {
    let sandbox = machine();
    let on = isolate(&sandbox, CORE);
    assert_eq!(on.code, 0, "{}", on.shown());
    assert_values(&sandbox, CALM, "after `on`");
    insta::assert_snapshot!(on.stdout);
    let status = isolate(&sandbox, &["status"]);
    assert!(
        status.stdout.starts_with("on: processor 1 reserved, 5 settings files changed\n"),
        "{}",
        status.stdout
    );
    let twice = isolate(&sandbox, &["on"]);
    assert_eq!(twice.code, 0, "{}", twice.shown());
    let other = isolate(&sandbox, &["on", "--cpu=0"]);
    assert_eq!(other.code, 1, "{}", other.shown());
    assert!(other.stderr.contains("processor 1 is already reserved"), "{}", other.stderr);
    assert_values(&sandbox, CALM, "after `on` twice");
    let off = isolate(&sandbox, &["off"]);
    assert_eq!(off.code, 0, "{}", off.shown());
    assert_values(&sandbox, &[], "after `off`");
    insta::assert_snapshot!(off.stdout);
    assert_eq!(isolate(&sandbox, &["off"]).stdout, "nothing is changed\n");
    let status = isolate(&sandbox, &["status"]);
    assert!(status.stdout.starts_with("off: nothing is changed\n"), "{}", status.stdout);
}

#[test]
fn what_somebody_else_has_changed_stays_and_is_told() {
    let sandbox = machine();
    isolate(&sandbox, CORE);
    put(&sandbox, "cpu/cpu1/cpufreq/scaling_governor", "ondemand");
    let off = isolate(&sandbox, &["off"]);
    assert_eq!(off.code, 0, "{}", off.shown());
    assert!(
        off.stdout.contains(
            "keeps the value ondemand that somebody else set; the original was schedutil"
        ),
        "{}",
        off.stdout
    );
    assert_values(&sandbox, &[("cpu/cpu1/cpufreq/scaling_governor", "ondemand")], "after `off`");
}

/// Kills `first` at each write; the next start brings all back. Returns how often it was killed.
#[track_caller]
fn killed_at_each_write(first: &[&str], before: &[&[&str]]) -> usize {
    let sandbox = machine();
    sandbox.file("killer.c", KILLER);
    let compiled = sandbox
        .run(sandbox.command("cc", ["-shared", "-fPIC", "-o", "killer.so", "killer.c", "-ldl"]));
    assert_eq!(compiled.code, 0, "{}", compiled.stderr);
    let preload = format!("LD_PRELOAD={}", sandbox.path().join("killer.so").display());
    let mut at = 0;
    loop {
        at += 1;
        assert!(at < 100, "it never comes to its end");
        for words in before {
            isolate(&sandbox, words);
        }
        let kill_at = format!("KILL_AT={at}");
        let run =
            staged(&sandbox, &[&["env", &preload, &kill_at, CODSPEED, "isolate"], first].concat());
        if run.code == 0 {
            return at - 1;
        }
        assert_eq!(run.code, -1, "killed at {at}: {}", run.shown());
        // Not `isolate off`: any program of ours.
        let next = staged(&sandbox, &[CODSPEED, "show"]);
        assert_eq!(next.code, 0, "{}", next.shown());
        let is_on = isolate(&sandbox, &["status"]).stdout.starts_with("on: ");
        if is_on {
            // `off` was killed before it began.
            assert_values(&sandbox, CALM, "as before");
            isolate(&sandbox, &["off"]);
        }
        assert_values(&sandbox, &[], &format!("after a kill at {at}"));
        assert!(!has_journal(&sandbox), "{}", next.shown());
    }
}

#[test]
fn a_kill_at_any_write_is_recovered_from_by_the_next_start() {
    // The first line, two for each of five settings, and the last one.
    assert_eq!(killed_at_each_write(CORE, &[]), 12);
    assert_eq!(killed_at_each_write(&["off"], &[CORE]), 11);
}

#[test]
fn the_next_start_says_what_it_has_brought_back() {
    let sandbox = machine();
    isolate(&sandbox, CORE);
    let journal = sandbox.path().join("run/codspeed-tuning.journal");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.trim_end_matches("on\n")).unwrap();
    let harness = Path::new(CODSPEED).with_file_name("exec-harness");
    let run = staged(
        &sandbox,
        &[harness.to_str().unwrap(), "--max-rounds", "1", "--warmup-time", "0", "true"],
    );
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stderr.contains("`codspeed isolate on` was interrupted"), "{}", run.stderr);
    assert!(
        run.stderr.contains("/sys/devices/system/cpu/cpu3/online: restored to 1"),
        "{}",
        run.stderr
    );
    assert_values(&sandbox, &[], "after the start of another program");
}

#[test]
fn without_root_nothing_is_changed_and_the_command_is_told() {
    let sandbox = machine();
    let binaries = Path::new(CODSPEED).parent().unwrap().display().to_string();
    let text =
        format!("mount --bind '{binaries}' /mnt && {}", STAGE.replace("exec", "cd / && exec"));
    let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let run = |words: &[&str]| {
        let words =
            [&["-c", &text, "sh"][..], &user, &["/mnt/codspeed", "isolate"], words].concat();
        sandbox.run(sandbox.private("sh", words))
    };
    for verb in ["on", "off"] {
        let run = run(&[verb]);
        assert_eq!(run.code, 1, "{}", run.shown());
        let hint = format!("hint: sudo \"$(command -v codspeed)\" isolate {verb}");
        assert!(
            run.stderr.contains("nothing was changed") && run.stderr.contains(&hint),
            "{}",
            run.stderr
        );
    }
    assert_values(&sandbox, &[], "without root");
    assert!(!has_journal(&sandbox));
    isolate(&sandbox, CORE);
    let status = run(&["status"]);
    assert!(
        status.stdout.starts_with("on: settings are changed; run as root to see which\n"),
        "{}",
        status.shown()
    );
}

#[test]
fn what_can_not_be_written_is_told_one_by_one() {
    let sandbox = machine();
    let read_only =
        STAGE.replace("&& exec", "&& mount -o remount,ro,bind /sys/devices/system/cpu && exec");
    let run = |words: &[&str]| {
        let words = [&["-c", &read_only, "sh", CODSPEED, "isolate"], words].concat();
        sandbox.run(sandbox.private("sh", words))
    };
    let on = run(CORE);
    assert_eq!(on.code, 0, "interrupts can be moved: {}", on.shown());
    let refused = on.stdout.lines().filter(|line| line.contains("could not be changed: Read-only"));
    assert_eq!(refused.count(), 4, "{}", on.stdout);
    assert_values(&sandbox, &[("irq/7/smp_affinity_list", "0,2")], "where the rest is read-only");
    let off = run(&["off"]);
    assert_eq!(off.code, 0, "{}", off.shown());
    assert_values(&sandbox, &[], "after `off`");
    // Nothing at all.
    fs::remove_dir_all(sandbox.path().join("machine/irq")).unwrap();
    fs::create_dir(sandbox.path().join("machine/irq")).unwrap();
    let on = run(CORE);
    assert_eq!(on.code, 1, "{}", on.shown());
    assert!(on.stderr.contains("nothing could be changed on this machine"), "{}", on.stderr);
    assert!(!has_journal(&sandbox));
}
