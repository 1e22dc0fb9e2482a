//! Names of functions in profiles of real programs: the one that a reader would name comes first.

mod perf_records {
    //! Tests that need a perf that records.

    use std::process::Command;

    use test_support::Sandbox;

    use crate::stage::{codspeed, exec, profiling_sandbox};

    const ROUNDS: &[&str] = &["--warmup-time", "0", "--max-rounds", "4"];

    /// Returns the texts shown after a run of this command and by `inspect` of its folder, and its folded stacks.
    #[track_caller]
    fn measured(sandbox: &Sandbox, command: &[&str]) -> (String, String, String) {
        let options = [ROUNDS, &["--export", "folded=out.folded"]].concat();
        let run = exec(sandbox, &options, command);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let inspected = codspeed(sandbox, ["inspect", "profile"]);
        assert_eq!(inspected.code, 0, "{}", inspected.stderr);
        let folded = sandbox.text("out.folded");
        // What measures is no part of what is measured.
        assert!(!folded.contains("exec-harness") && !folded.contains("exec_harness"), "{folded}");
        (run.stdout, inspected.stdout, folded)
    }

    /// The rows below the head of the list by self, or of that by total.
    fn rows<'t>(text: &'t str, head: &str) -> Vec<&'t str> {
        let from = text.split_once(head).map_or("", |(_, rest)| rest);
        from.lines().skip(1).take_while(|line| !line.is_empty()).collect()
    }

    const BY_SELF: &str = "   Self    Total  Function";
    const BY_TOTAL: &str = "  Total     Self  Function";

    /// Checks that the first function by self that is none of the kernel has this name.
    #[track_caller]
    fn is_first(text: &str, function: &str) {
        let rows = rows(text, BY_SELF);
        let first = rows.iter().find(|row| !row.contains("[kernel]"));
        assert!(first.is_some_and(|row| row.contains(function)), "{function}: {text}");
    }

    const RUST: &str = r"
mod m {
    #[inline(always)]
    pub fn fill(table: &mut [u64], seed: u64) {
        table.iter_mut().enumerate().for_each(|(at, value)| {
            *value = (at as u64 ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17) / 3;
        });
    }
    #[inline(never)]
    pub fn sum(table: &[u64]) -> u64 {
        table.iter().fold(0, |sum, value| sum ^ value)
    }
}
fn main() {
    let mut table = vec![0_u64; 1 << 16];
    let mut all = 0_u64;
    for round in 0..1500 {
        m::fill(&mut table, round);
        all ^= m::sum(std::hint::black_box(&table));
    }
    println!(`{all}`);
}
";

    #[test]
    fn inlined_code_of_rust_counts_for_the_function_in_the_source() {
        let sandbox = profiling_sandbox();
        sandbox.file("hot.rs", RUST.replace('`', "\""));
        let compile = ["-C", "opt-level=3", "-g", "-o", "hot", "hot.rs"];
        // With the settings of the user, which say where the compiler is.
        let built = Command::new("rustc").args(compile).current_dir(sandbox.path()).output();
        assert!(built.unwrap().status.success());
        let (after, inspected, folded) = measured(&sandbox, &["./hot"]);
        is_first(&after, "hot::m::fill (hot)");
        is_first(&inspected, "hot::m::fill (hot)");
        assert!(folded.contains("hot::main;hot::m::fill"), "{folded}");
        // Its parts are there for who asks for them.
        assert!(!inspected.contains("core::iter"), "{inspected}");
        let all = codspeed(&sandbox, ["inspect", "profile", "--all-frames"]);
        assert!(all.stdout.contains("core::"), "{}", all.stdout);
        let last = codspeed(&sandbox, ["inspect", "--tree"]);
        assert!(last.stdout.contains("hot::m::fill (hot)"), "{}", last.shown());
    }

    const CPP: &str = r"
#include <algorithm>
#include <vector>
namespace m {
__attribute__((noinline)) void fill(std::vector<unsigned long> &table, unsigned long seed) {
    unsigned long at = 0;
    std::for_each(table.begin(), table.end(), [&](unsigned long &value) {
        value = ((at++ ^ seed) * 0x9E3779B97F4A7C15ul) / 3;
    });
}
}
int main() {
    std::vector<unsigned long> table(1 << 16);
    unsigned long all = 0;
    for (unsigned long round = 0; round < 1500; round++) {
        m::fill(table, round);
        all ^= table[round];
    }
    return all == 1;
}
";

    #[test]
    fn cpp_without_frame_pointers_has_whole_stacks() {
        let sandbox = profiling_sandbox();
        sandbox.file("hot.cpp", CPP);
        let compile = ["-O2", "-g", "-fomit-frame-pointer", "-o", "hot", "hot.cpp"];
        let built = sandbox.run(sandbox.command("c++", compile));
        assert_eq!(built.code, 0, "{}", built.shown());
        let (after, inspected, folded) = measured(&sandbox, &["./hot"]);
        is_first(&after, "m::fill(");
        is_first(&inspected, "m::fill(");
        assert!(folded.contains(";main;m::fill("), "{folded}");
    }

    const SCRIPT: &str = r"
def hot(count):
    value = 1
    for at in range(count):
        value = (value * 31 + at) & 0xFFFF
    return value

def main():
    print(hot(3_000_000))

main()
";

    /// A Python of pyenv.
    #[track_caller]
    fn pyenv(version: &str) -> String {
        let versions = std::env::home_dir().unwrap().join(".pyenv/versions");
        let found = std::fs::read_dir(&versions).unwrap().flatten().find(|entry| {
            entry.file_name().to_str().is_some_and(|name| name.starts_with(&format!("{version}.")))
        });
        let path = found.unwrap().path().join("bin/python3");
        path.to_str().unwrap().to_owned()
    }

    mod pyenv {
        use super::*;

        #[track_caller]
        fn functions_have_names(version: &str) {
            let sandbox = profiling_sandbox();
            sandbox.file("hot.py", SCRIPT);
            let python = pyenv(version);
            let (after, inspected, folded) = measured(&sandbox, &[&python, "hot.py"]);
            is_first(&after, "py::hot:");
            is_first(&inspected, "py::hot:");
            let totals = rows(&inspected, BY_TOTAL);
            assert!(totals[0].contains("py::"), "{inspected}");
            assert!(totals.iter().any(|row| row.contains("py::main:")), "{inspected}");
            let weight = |names: &[&str]| -> f64 {
                let lines = folded.lines();
                let such = lines.filter(|line| names.iter().all(|name| line.contains(name)));
                such.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
            };
            let whole = weight(&["py::<module>:", "py::main:", "py::hot:"]);
            assert!(whole > 0.95 * weight(&["py::hot:"]) && whole > 0.0, "{folded}");
            let last = codspeed(&sandbox, ["inspect"]);
            is_first(&last.stdout, "py::hot:");
        }

        #[test]
        fn functions_of_python_3_12() {
            functions_have_names("3.12");
        }

        #[test]
        fn functions_of_python_3_13() {
            functions_have_names("3.13");
        }

        #[test]
        fn of_an_older_python_it_is_said_why_there_are_none() {
            let sandbox = profiling_sandbox();
            sandbox.file("hot.py", SCRIPT);
            let (after, inspected, _) = measured(&sandbox, &[&pyenv("3.11"), "hot.py"]);
            let expected = "Python 3.11 can't tell profilers which function it runs; Python 3.12 and \
                later can";
            assert!(after.contains(expected) && inspected.contains(expected), "{after}{inspected}");
            assert!(codspeed(&sandbox, ["inspect"]).stdout.contains(expected));
        }
    }

    mod node {
        use super::*;

        const SCRIPT: &str = r"
function hot(count) {
    let value = 1;
    for (let at = 0; at < count; at++) value = (value * 31 + at) & 0xFFFF;
    return value;
}
console.log(hot(150000000) + hot(150000000));
";

        #[test]
        fn functions_of_a_script() {
            let sandbox = profiling_sandbox();
            sandbox.file("hot.js", SCRIPT);
            let (after, inspected, _) = measured(&sandbox, &["node", "hot.js"]);
            is_first(&after, "hot ");
            is_first(&inspected, "hot ");
        }
    }
}

mod simulation {
    //! The same where instructions are counted: by function and line, so that debug information tells what was inlined.

    use std::process::Command;

    use serde_json::Value;
    use test_support::Sandbox;

    use crate::stage::{codspeed, exec, sandbox};

    /// Counts a program whose function `fill` is inlined, and which calls `leaf` from another one that is. Returns its
    /// folded stacks.
    #[track_caller]
    fn counted(sandbox: &Sandbox, fill: &str, calls: &str) -> String {
        let exports = ["--export", "folded=out.folded", "--export", "json=out.json"];
        let options = [&["--mode", "simulation"][..], &exports].concat();
        let run = exec(sandbox, &options, &["./hot"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        // Once more by what is stored, when the program is gone.
        std::fs::remove_file(sandbox.path().join("hot")).unwrap();
        let stored = codspeed(sandbox, ["inspect", "--tree"]);
        assert!(stored.stdout.contains(fill), "{}", stored.shown());
        let folded = sandbox.text("out.folded");
        let weight = |names: &[&str]| -> u64 {
            let lines = folded.lines();
            let such = lines.filter(|line| names.iter().all(|name| line.contains(name)));
            such.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
        };
        let json: Value = serde_json::from_str(&sandbox.text("out.json")).unwrap();
        let json = &json["benchmarks"][0];
        let total = json["instructions"].as_u64().unwrap();
        let first = json["hottest"]["by_self"][0]["name"].as_str().unwrap();
        assert!(fill.ends_with(first), "{first}");
        assert_eq!(weight(&[]), total, "{folded}");
        // 60 and 30 of 100 parts, but for what starts the program.
        assert!(weight(&[fill]) * 100 > total * 55, "{fill}: {folded}");
        assert!(weight(&[&format!("{calls};"), "leaf"]) * 100 > total * 25, "{calls}: {folded}");
        assert!(weight(&["leaf"]) == weight(&[calls, "leaf"]), "{folded}");
        folded
    }

    const RUST: &str = r"
use std::hint::black_box;
mod m {
    #[inline(always)]
    pub fn fill(table: &mut [u64], seed: u64) -> u64 {
        table.iter_mut().enumerate().fold(seed, |sum, (at, value)| {
            *value = std::hint::black_box(sum ^ at as u64);
            *value
        })
    }
    #[inline(never)]
    pub fn leaf(count: u64) -> u64 {
        (0..count).fold(0, |sum, at| std::hint::black_box(sum ^ at))
    }
    #[inline(always)]
    pub fn calls(count: u64) -> u64 {
        leaf(count) + 1
    }
}
fn main() {
    let mut table = vec![0_u64; 100_000];
    let mut all = 0_u64;
    for round in 0..20 {
        all ^= m::fill(&mut table, round);
        all ^= m::calls(black_box(60_000));
    }
    std::process::exit(i32::from(all == 1));
}
";

    #[test]
    fn inlined_code_of_rust_is_counted_for_its_function() {
        let sandbox = sandbox();
        sandbox.file("hot.rs", RUST);
        let compile = ["-C", "opt-level=3", "-g", "-o", "hot", "hot.rs"];
        // With the settings of the user, which say where the compiler is.
        let built = Command::new("rustc").args(compile).current_dir(sandbox.path()).output();
        assert!(built.unwrap().status.success());
        let folded = counted(&sandbox, "hot::m::fill", "hot::m::calls");
        assert!(folded.contains("hot::main;hot::m::fill"), "{folded}");
        let plain = codspeed(&sandbox, ["inspect"]);
        let first = plain.stdout.lines().find(|line| line.contains("%  ")).unwrap_or_default();
        assert!(!plain.stdout.contains("core::iter"), "{first} {}", plain.stdout);
    }

    const CPP: &str = r"
#include <vector>
static volatile unsigned long kept;
static inline __attribute__((always_inline)) void fill(std::vector<unsigned long> &table) {
    for (unsigned long &value : table) { value = kept * 31; kept = value / 3; }
}
__attribute__((noinline)) void leaf(unsigned long count) {
    for (unsigned long at = 0; at < count; at++) { kept = kept * 31 + at; }
}
static inline __attribute__((always_inline)) void calls(unsigned long count) {
    kept = count;
    leaf(count);
    kept = count;
}
int main() {
    std::vector<unsigned long> table(100000);
    for (int round = 0; round < 20; round++) {
        fill(table);
        calls(60000);
    }
    return 0;
}
";

    #[test]
    fn inlined_code_of_cpp_is_counted_for_its_function() {
        let sandbox = sandbox();
        sandbox.file("hot.cpp", CPP);
        let built = sandbox.run(sandbox.command("c++", ["-O2", "-g", "-o", "hot", "hot.cpp"]));
        assert_eq!(built.code, 0, "{}", built.shown());
        let folded = counted(&sandbox, "fill", "calls");
        assert!(folded.contains("main;calls;leaf(unsigned long)"), "{folded}");
    }
}
