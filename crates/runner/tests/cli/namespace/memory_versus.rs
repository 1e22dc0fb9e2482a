//! Commands that are compared by what our tracer counts.

use serde_json::Value;

use crate::stage::{codspeed, exec, exported, sandbox};

const ALLOCATE: &str = "#include <stdlib.h>
int main(int c, char **v) {
  for (int i = atoi(v[1]); i > 0; i--) { volatile char *p = malloc(10000); p[0] = 1; if (c > 2) free((void *)p); }
  return 0;
}";

const TRACED: &[&str] = &["-m", "memory", "--backend", "preload", "--export", "json=out.json"];

#[test]
fn equal_programs_match_and_extra_bytes_are_found_exactly() {
    let sandbox = sandbox();
    sandbox.c_program("allocate", ALLOCATE);
    sandbox.c_program("other", ALLOCATE);
    let others =
        ["--vs", "./allocate 100", "--vs", "./allocate 110", "--vs", "./allocate 100 freed"];
    let options = [TRACED, &others, &["--explain", "--fail-if-slower"]].concat();
    let run = exec(&sandbox, &options, &["./other", "100"]);
    assert_eq!(run.code, 6, "{}", run.stderr);
    let more = "needs more memory (`--fail-if-slower`): `./allocate 110` (peak memory, bytes allocated, allocations)\n";
    assert!(run.stderr.contains(more), "{}", run.stderr);
    let json: Value = serde_json::from_str(&sandbox.text("out.json")).unwrap();
    let found = json["comparisons"].as_array().unwrap();
    let more: Vec<Vec<f64>> = found
        .iter()
        .map(|one| {
            let counters = one["counters"].as_array().unwrap().iter();
            let exact = counters.filter(|it| it["exact"] == true);
            exact.map(|it| it["head"].as_f64().unwrap() - it["base"].as_f64().unwrap()).collect()
        })
        .collect();
    assert_eq!(more, [[100_000.0, 100_000.0, 10.0], [-990_000.0, 0.0, 0.0], [0.0; 3]]);
    let verdicts: Vec<&Value> = found.iter().map(|one| &one["verdict"]).collect();
    assert_eq!(verdicts, ["regressed", "improved", "equivalent"]);
    assert_eq!(exported(&sandbox).len(), 4, "only the first count of each is a result");
    let shown = codspeed(&sandbox, ["inspect", "profile", "--explain", "--functions", "0"]);
    assert!(shown.stdout.starts_with(&run.stdout), "{}\n{}", run.stdout, shown.stdout);
}
