//! The quick clients, with the programs that `cargo xtask test` has built.

use super::*;

/// Tries a client in every mode.
#[track_caller]
fn is_measured_in_every_mode(name: &str) {
    let workspace = Workspace::load().unwrap();
    let codspeed = workspace.target.join("debug/codspeed");
    assert!(codspeed.is_file(), "`{}` is missing: `cargo xtask test` makes it", codspeed.display());
    let listings = Listings::load(&workspace).unwrap();
    let mut bench = Bench { workspace, codspeed, listings };
    let request = Request {
        client: Some(name.to_owned()),
        mode: None,
        quick: true,
        record: false,
        readme: false,
    };
    let chosen = request.chosen();
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
    fn a_c_program_with_the_library_of_the_integrations_is_measured_in_every_mode() {
        super::is_measured_in_every_mode("c");
    }
}

mod node {
    #[test]
    fn tinybench_is_measured_in_every_mode() {
        super::is_measured_in_every_mode("tinybench");
    }
}
