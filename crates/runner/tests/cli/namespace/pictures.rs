//! Pictures of a real program whose functions take known parts of the whole: 70, 20 and 10 %, in all three modes.

use test_support::Sandbox;

use crate::stage::codspeed;

/// Calls three functions; the second one as often as its argument says.
const PROGRAM: &str = r#"
#include <stdlib.h>
void *volatile kept;
// Each step waits for the one before it, so that it takes as long wherever the code lies.
#define ONE(name) \
    __attribute__((noinline)) void name(int times) { \
        for (int i = 0; i < times; i++) { \
            unsigned long step = 3; \
            for (int j = 0; j < 20000; j++) { \
                step = step * 6364136223846793005UL; \
                __asm__ volatile ("" : "+r" (step)); \
            } \
            kept = malloc(1000); \
            free(kept); \
        } \
    }
ONE(seventy)
ONE(twenty)
ONE(ten)
int main(int argc, char **argv) {
    int twice = argc > 1 ? atoi(argv[1]) : 20;
    seventy(70 * 20);
    twenty(twice * 20);
    ten(10 * 20);
    return 0;
}
"#;

/// Measures the program twice, the second time with 40 in place of 20.
#[track_caller]
fn measure(sandbox: &Sandbox, options: &[&str]) {
    sandbox.file("split.c", PROGRAM);
    let words = ["-O1", "-g", "-fno-omit-frame-pointer", "-o", "split", "split.c"];
    assert_eq!(sandbox.run(sandbox.command("cc", words)).code, 0);
    for (name, times) in [("before", "20"), ("after", "40")] {
        let run = codspeed(
            sandbox,
            [
                &["exec", "--save-as", name, "--name", "split", "--profile-folder", name],
                options,
                &["--", "./split", times],
            ]
            .concat(),
        );
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
}

/// The words of the title of a function in a flame graph: `total: 5.0 ms (70.0 %)`, or with a base `... to ...`.
#[track_caller]
fn total(svg: &str, function: &str) -> String {
    let titles = svg.split("<title>").map(|rest| rest.split("</title>").next().unwrap_or(rest));
    let of = |title: &&str| title.starts_with(&format!("{function} (split)\n"));
    let title = titles.into_iter().find(of);
    assert!(title.is_some(), "{function}: {svg}");
    title.unwrap().lines().find_map(|line| line.strip_prefix("total: ")).unwrap().to_owned()
}

/// The number before ` %)`.
#[track_caller]
fn percent(text: &str) -> f64 {
    let (_, share) = text.rsplit_once('(').unwrap();
    share.trim_end_matches(" %)").parse().unwrap()
}

/// Checks both pictures: parts within 3 points, and that 20 became 40 while the others stayed.
#[track_caller]
fn check(sandbox: &Sandbox) {
    let picture = |words: &[&str]| {
        let run = codspeed(sandbox, [&["report", "flamegraph"], words, &["-o", "-"]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    let svg = picture(&["before"]);
    for (function, part) in [("seventy", 70.0), ("twenty", 20.0), ("ten", 10.0)] {
        let found = percent(&total(&svg, function));
        assert!((found - part).abs() <= 3.0, "{function}: {found}\n{svg}");
    }
    let svg = picture(&["after", "--base", "before"]);
    let found = percent(&total(&svg, "twenty"));
    // Of what it was: 3 points of the whole are 15 % of it on each side.
    assert!((70.0..=130.0).contains(&found), "{found}\n{svg}");
    let red = svg.split("<g>").filter(|one| one.contains("hsl(4 ")).count();
    assert!(red >= 1, "{svg}");
    let run = codspeed(sandbox, ["report", "after", "--base", "before", "-o", "page.html"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(sandbox.text("page.html").contains("Flame graph of the difference"));
}

mod perf_records {
    use super::{check, measure};
    use crate::stage::profiling_sandbox;

    #[test]
    fn parts_are_those_of_the_program_in_walltime_mode() {
        let sandbox = profiling_sandbox();
        measure(&sandbox, &["-m", "walltime", "--warmup-time", "0", "--max-rounds", "60"]);
        check(&sandbox);
    }
}

mod simulation {
    use super::{check, measure};
    use crate::stage::sandbox;

    #[test]
    fn parts_are_those_of_the_program_in_simulation_mode() {
        let sandbox = sandbox();
        measure(&sandbox, &["-m", "simulation"]);
        check(&sandbox);
    }
}

mod private {
    use super::{check, measure};
    use crate::stage::sandbox;

    #[test]
    fn parts_are_those_of_the_program_in_memory_mode() {
        let sandbox = sandbox();
        measure(&sandbox, &["-m", "memory", "--backend", "preload", "--stacks"]);
        check(&sandbox);
        let run = crate::stage::codspeed(&sandbox, ["report", "memory", "before", "-o", "m.svg"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
}
