//! Reasons that a program can't be counted are shown, and nothing of what Valgrind says besides.

use test_support::Run;

use crate::stage::{codspeed, exec, sandbox, the_exported};

const SIMULATION: &[&str] = &["-m", "simulation", "--export", "json=out.json"];

/// Runs a program in C below Valgrind.
#[track_caller]
fn counted(body: &str) -> Run {
    let sandbox = sandbox();
    let head = "#include <pthread.h>\n#include <stdlib.h>\n#include <unistd.h>\n";
    sandbox.c_program("program", &format!("{head}{body}"));
    exec(&sandbox, SIMULATION, &["./program"])
}

#[track_caller]
fn nothing_of_valgrind(run: &Run) {
    for boilerplate in ["LL cache", "Valgrind says", " at 0x", " by 0x", "PyObject"] {
        assert!(!run.stderr.contains(boilerplate), "{boilerplate}: {}", run.stderr);
    }
}

#[test]
fn a_program_that_fails_by_itself_shows_just_that() {
    let run = counted("int main(void) { write(2, \"wrong\\n\", 6); return 7; }");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("exit status 7") && run.stderr.contains("wrong"), "{}", run.stderr);
    nothing_of_valgrind(&run);
}

#[test]
fn a_suite_that_fails_by_itself_shows_just_that() {
    let sandbox = sandbox();
    let words =
        ["run", "-m", "simulation", "--profile-folder", "profile", "--", "echo FAILED; exit 1"];
    let run = codspeed(&sandbox, words);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("exited with status 1"), "{}", run.stderr);
    nothing_of_valgrind(&run);
}

#[test]
fn more_threads_than_valgrind_bears_by_default_are_counted() {
    let run = counted(
        "static void *wait_for_ever(void *x) { pause(); return x; }
         int main(void) {
           pthread_attr_t small; pthread_attr_init(&small); pthread_attr_setstacksize(&small, 65536);
           for (int i = 0; i < 700; i++) { pthread_t one; if (pthread_create(&one, &small, wait_for_ever, 0)) return 3; }
           exit(0);
         }",
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn an_instruction_that_valgrind_does_not_know_is_named() {
    // vmovaps of 512 bits, from AVX-512.
    let run = counted(
        "int main(void) { __asm__ volatile(\".byte 0x62,0xf1,0x7c,0x48,0x28,0xc0\"); return 0; }",
    );
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("build it for an older processor"), "{}", run.stderr);
    assert!(run.stderr.contains("unhandled instruction bytes: 0x62 0xF1"), "{}", run.stderr);
    assert!(
        !run.stderr.contains("LL cache") && !run.stderr.contains("1. Your program"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_last_of_a_chain_of_programs_is_named_with_the_result() {
    let sandbox = sandbox();
    for quiet in [false, true] {
        let more: &[&str] = if quiet { &["--quiet"] } else { &[] };
        let run = exec(&sandbox, &[SIMULATION, more].concat(), &["sh", "-c", "exec true x"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(
            run.stdout.contains("only `")
                && run.stdout.contains("true x`, which replaced the command, is counted"),
            "{}",
            run.stdout
        );
        let note = the_exported(&sandbox)["notes"][0].as_str().unwrap().to_owned();
        assert!(note.contains("true x`, which replaced the command, is counted"), "{note}");
        let again = codspeed(&sandbox, ["inspect", "profile"]);
        assert!(
            again.stdout.contains("which replaced the command, is counted"),
            "{}",
            again.stdout
        );
    }
    // Another benchmark in the same folder.
    let run = exec(&sandbox, SIMULATION, &["true"]);
    assert!(!run.stdout.contains("which replaced the command"), "{}", run.stdout);
}

mod privileged {
    use super::*;

    #[test]
    fn a_program_that_changes_user_or_root_gets_the_reason() {
        for call in ["setuid(65534)", "chroot(\"/tmp\")"] {
            let run = counted(&format!("int main(void) {{ return {call} ? 9 : 0; }}"));
            assert_eq!(run.code, 1, "{}", run.stderr);
            let reason = "changed its user or its root folder";
            assert!(run.stderr.contains(reason), "{call}: {}", run.stderr);
        }
    }

    #[test]
    fn a_full_disk_is_no_other_program() {
        let sandbox = sandbox();
        std::fs::create_dir(sandbox.path().join("small")).unwrap();
        // Room for the beginning of the count.
        let text = "mount -t tmpfs -o size=80k small small && exec \"$@\"";
        let codspeed = crate::stage::CODSPEED;
        let words = [
            "-c",
            text,
            "sh",
            codspeed,
            "exec",
            "-m",
            "simulation",
            "--profile-folder",
            "small/p",
            "--",
            "ls",
            "-l",
            "/",
        ];
        let run = sandbox.run(sandbox.private("sh", words));
        assert_ne!(run.code, 0, "{}", run.stderr);
        assert!(
            run.stderr.contains("disk is full") || run.stderr.contains("No space left"),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("executed another program"), "{}", run.stderr);
    }
}
