//! Commands that are compared by what the real needs Valgrind.

use serde_json::Value;

use crate::stage::{codspeed, exec, exported, sandbox};

const COUNT: &str = "#include <stdlib.h>
int main(int c, char **v) { volatile unsigned x = 1; for (int i = atoi(v[1]); i > 0; i--) x *= 3; return 0; }";

const COUNTED: &[&str] = &["-m", "simulation", "--export", "json=out.json"];

fn comparisons(sandbox: &test_support::Sandbox) -> Vec<Value> {
    let json: Value = serde_json::from_str(&sandbox.text("out.json")).unwrap();
    json["comparisons"].as_array().unwrap().clone()
}

#[test]
fn equal_programs_match_and_extra_instructions_are_exact() {
    let sandbox = sandbox();
    sandbox.c_program("count", COUNT);
    sandbox.c_program("other", COUNT);
    let others = ["--vs", "./count 20000", "--vs", "./count 30000", "--vs", "./other 20000"];
    let markdown = ["--export", "markdown=out.md", "--explain", "--fail-if-slower=5%"];
    let run = exec(&sandbox, &[COUNTED, &others, &markdown].concat(), &["./count", "40000"]);
    assert_eq!(run.code, 6, "{}", run.stderr);
    let slower = "slower by 5% or more (`--fail-if-slower`): `./count 30000` (instructions, estimated time), `./count 40000`";
    assert!(run.stderr.contains(slower), "{}", run.stderr);
    let found = comparisons(&sandbox);
    let lead = |nth: usize| &found[nth]["counters"][0];
    let more = |nth| {
        let [head, base] = ["head_counts", "base_counts"].map(|side| lead(nth)[side][0].as_u64());
        head.unwrap() - base.unwrap()
    };
    assert_eq!((more(1), &lead(1)["exact"]), (0, &true.into()), "{found:?}");
    assert!(more(0) >= 30_000, "at least three instructions in each round: {found:?}");
    assert_eq!((more(2), &lead(2)["exact"]), (2 * more(0), &true.into()), "{found:?}");
    let verdicts: Vec<&Value> = found.iter().map(|one| &one["verdict"]).collect();
    assert_eq!(verdicts, ["regressed", "equivalent", "regressed"]);
    assert_eq!(found[0]["counters"][0]["base_counts"].as_array().unwrap().len(), 4);
    let equal = "`./other 20000` against `./count 20000`: no difference in instructions and estimated time (exact)";
    for text in [&run.stdout, &sandbox.text("out.md")] {
        assert!(text.contains(equal), "{text}");
    }
    // Only the first count of each is a result.
    assert_eq!(exported(&sandbox).len(), 4);
    let results = std::fs::read_dir(sandbox.path().join("profile")).unwrap();
    let endings = results.map(|entry| entry.unwrap().path().extension().map(ToOwned::to_owned));
    assert_eq!(endings.filter(|ending| *ending == Some("out".into())).count(), 4);
    let shown = codspeed(&sandbox, ["inspect", "profile", "--explain", "--functions", "0"]);
    assert!(shown.stdout.starts_with(&run.stdout), "{}\n{}", run.stdout, shown.stdout);
    // What was compared before is none of the next run's.
    let alone = exec(&sandbox, COUNTED, &["./count", "20000"]);
    assert!(!alone.stdout.contains(" against "), "{}", alone.stdout);
}

#[test]
fn hooks_of_the_beginning_and_the_end_are_run_once() {
    let sandbox = sandbox();
    sandbox.c_program("count", COUNT);
    let hooks = [
        ["--setup", "mkdir made-{n}"],
        ["--prepare", "sh -c 'echo >> made-{n}/rounds'"],
        ["--cleanup", "sh -c 'cat made-{n}/rounds >> all; rm -r made-{n}'"],
    ];
    let twice = [COUNTED, &hooks.concat(), &["--max-rounds", "2", "-L", "n=100,200"]].concat();
    let run = exec(&sandbox, &twice, &["./count", "{n}"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(sandbox.text("all"), "\n\n\n\n", "{}", run.stderr);
    assert_eq!(run.stdout.matches(" against `./count 100`: ").count(), 1, "{}", run.stdout);
}

#[test]
fn a_failed_side_gives_no_verdict_but_a_count() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &[COUNTED, &["--vs", "false"]].concat(), &["true"]);
    assert_eq!((run.code, exported(&sandbox).len()), (1, 1), "{}", run.stderr);
    assert!(!run.stdout.contains(" against "), "{}", run.stdout);
}
