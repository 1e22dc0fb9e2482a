//! The quick clients, with the programs that `cargo xtask test` has built.

use super::*;
use crate::say;

fn asked(only: &[&str], quick: bool) -> Request {
    let only = only.iter().map(|&word| word.to_owned()).collect();
    Request { only, quick, record: false, readme: false }
}

#[test]
fn words_are_clients_or_modes() {
    let count = |only: &[&str]| asked(only, false).chosen().unwrap().len();
    assert_eq!(count(&["pytest", "memory", "c"]), 2);
    assert_eq!(count(&["walltime"]), clients::all().count());
    assert_eq!(count(&["vitest"]), MODES.len());
    let quick = asked(&["walltime"], true).chosen().unwrap();
    assert!(quick.iter().all(|(client, mode)| client.is_quick && *mode == "walltime"));
    let unknown = asked(&["pitest"], false).chosen().unwrap_err().to_string();
    assert!(unknown.starts_with("unknown client `pitest`; use one of pytest, "), "{unknown}");
}

/// Tries a client in every mode.
#[track_caller]
fn is_measured_in_every_mode(name: &str) {
    let workspace = Workspace::load().unwrap();
    let codspeed = workspace.target.join("debug/codspeed");
    assert!(
        codspeed.is_file(),
        "`{}` is missing: run `cargo xtask test` to build it",
        say::path(&codspeed)
    );
    let listings = Listings::load(&workspace).unwrap();
    let mut bench = Bench { workspace, codspeed, listings };
    let request = asked(&[name], true);
    let chosen = request.chosen().unwrap();
    assert_eq!(chosen.len(), MODES.len());
    for (client, mode) in chosen {
        if let Err(err) = bench.cell(client, mode, &request) {
            panic!("{mode}: {err:#}");
        }
    }
}

mod network {
    #[test]
    fn pytest_codspeed_is_measured_in_every_mode() {
        super::is_measured_in_every_mode("pytest");
    }

    #[test]
    fn a_c_program_with_the_core_library_works_in_every_mode() {
        super::is_measured_in_every_mode("c");
    }
}

mod node {
    #[test]
    fn tinybench_is_measured_in_every_mode() {
        super::is_measured_in_every_mode("tinybench");
    }
}
