//! A run today, a changed program, a run tomorrow.

mod timing {
    use test_support::Sandbox;

    use crate::stage::{CODSPEED, codspeed, sandbox};

    const PROGRAM: &str = "
    int main(void) {
        unsigned long total = 1;
        for (unsigned long step = 0; step < STEPS; step++) {
            total = (total * 31 + step) % 1000003;
        }
        return total == 0;
    }
    ";

    /// Options of short runs without a profile.
    const SHORT: &[&str] = &["--no-perf", "--warmup-time", "0", "--max-rounds", "12"];

    fn program(sandbox: &Sandbox, steps: &str) {
        let made = sandbox.c_program("program", &PROGRAM.replace("STEPS", steps));
        assert!(made.is_file());
    }

    #[test]
    fn a_program_that_takes_far_longer_is_found_tomorrow() {
        let sandbox = sandbox();
        for (steps, folder) in
            [("100000ul", "today"), ("100000ul", "again"), ("3000000ul", "tomorrow")]
        {
            program(&sandbox, steps);
            let words =
                [&["exec"], SHORT, &["--profile-folder", folder, "--", "./program"]].concat();
            let run = codspeed(&sandbox, words);
            assert_eq!(run.code, 0, "{}", run.shown());
        }
        let compare = |words: &[&str]| {
            let run = sandbox.run(sandbox.command(CODSPEED, [&["compare"], words].concat()));
            assert!([0, 6].contains(&run.code), "{}", run.shown());
            (run.code, run.stdout)
        };
        let (code, stored) = compare(&["--fail-if-slower"]);
        assert!(code == 6 && stored.contains("regressed"), "{stored}");
        let (_, same) = compare(&["last~2", "last~1", "--json"]);
        let same: serde_json::Value = serde_json::from_str(&same).unwrap();
        assert_eq!(same["benchmarks"][0]["class"], "same_binary", "{same}");
        assert_eq!(same["benchmarks"][0]["verdict"], "unchanged", "{same}");
        // Nobody knows of which machines the folders are, which is said.
        let (_, folders) = compare(&["./today", "./tomorrow", "--json"]);
        let folders: serde_json::Value = serde_json::from_str(&folders).unwrap();
        let one = &folders["benchmarks"][0];
        assert_eq!(one["verdict"], "regressed", "{folders}");
        assert_eq!(one["reasons"][0]["field"], "environment", "{folders}");
    }
}
