//! A quick look at each attack: each kind of trouble at each command once.

#![expect(clippy::disallowed_methods, reason = "the program is run as a user runs it")]
#![expect(clippy::unwrap_used, reason = "a test that can not run has failed")]

/// They need a mount namespace; Valgrind and probes of the kernel are in them, and nothing may go on beside.
mod namespace {
    mod tools {
        use std::process::Command;

        #[track_caller]
        fn finds_nothing(attack: &str) {
            let words = ["attack", attack, "--quick"];
            let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(words).output().unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert!(output.status.success(), "{}{}", text(&output.stderr), text(&output.stdout));
        }

        #[test]
        fn files_that_are_none() {
            finds_nothing("files");
        }

        #[test]
        fn calls_that_fail() {
            finds_nothing("faults");
        }
    }
}
