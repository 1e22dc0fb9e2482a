//! The table of real benchmark clients. To add one, add a row, and a folder below `xtask/compat/` if no other fits.
//!
//! Each row is checked against a run, and shown in the README.

mod native;
mod node;
mod python;
mod rust;

/// A client, and a suite that it measures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    /// The name on the command line.
    pub(super) name: &'static str,
    /// The package under test, with its version.
    pub(super) package: &'static str,
    /// The folder with the suite, below `xtask/compat`. Clients may share one.
    pub(super) folder: &'static str,
    /// The name of the copy in which it is built. Clients that need the same packages share one.
    pub(super) place: &'static str,
    /// Makes the suite ready, for a mode (`@MODE@`) and a version of the integration (`@VERSION@`); run by a shell in the copy. Done again at the next time, so it has
    /// to be quick then. `$TOOLS` is a folder for programs, whose `bin` is in `PATH`.
    pub(super) prepare: &'static str,
    /// The command that `codspeed run` runs.
    pub(super) command: &'static str,
    /// Name and version, as they are announced.
    pub(super) integration: (&'static str, &'static str),
    /// The version in the results, if another program writes them.
    pub(super) writer: Option<&'static str>,
    pub(super) benchmarks: &'static [Benchmark],
    pub(super) walltime: Cell,
    pub(super) simulation: Cell,
    pub(super) memory: Cell,
    /// Files (in the words of a listing) that depend on the version of the language.
    pub(super) may_leave: &'static [&'static str],
    /// True if `--quick` runs it.
    pub(super) is_quick: bool,
}

/// A benchmark of a suite.
#[derive(Debug, Clone, Copy)]
pub(super) struct Benchmark {
    pub(super) uri: &'static str,
    /// The rounds marked in its window, in walltime mode.
    pub(super) rounds: Rounds,
    /// The bytes that are live at its peak lie between these.
    pub(super) peak: (u64, u64),
}

/// The number of rounds a client marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounds {
    /// As the suite says.
    Exactly(usize),
    /// One or more: as many as the time allows.
    Some,
    /// The client is older than these markers, or has none.
    Never,
}

/// The expectation of a client in a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// Everything is measured.
    Measured,
    /// Results are there, but the client does not speak with the runner: no window, no profile.
    Silent,
    /// `codspeed` must end with this code and these words on its standard error.
    Fails { code: u8, says: &'static str, why: &'static str },
    /// It can't be run here.
    NotRun { why: &'static str },
}

/// The modes, as one types them.
pub(super) const MODES: &[&str] = &["walltime", "simulation", "memory"];

/// All tables.
pub(super) fn all() -> impl Iterator<Item = &'static Client> {
    [python::CLIENTS, rust::CLIENTS, node::CLIENTS, native::CLIENTS].into_iter().flatten()
}

impl Client {
    pub(super) fn cell(&self, mode: &str) -> Option<Cell> {
        match mode {
            "walltime" => Some(self.walltime),
            "simulation" => Some(self.simulation),
            "memory" => Some(self.memory),
            _ => None,
        }
    }

    /// One that can't be run in any mode.
    const fn absent(name: &'static str, package: &'static str, why: &'static str) -> Self {
        // Said once.
        let other = Cell::NotRun { why: "" };
        Self {
            name,
            package,
            folder: "",
            place: "",
            prepare: "",
            command: "",
            integration: ("", ""),
            writer: None,
            benchmarks: &[],
            walltime: Cell::NotRun { why },
            simulation: other,
            memory: other,
            may_leave: &[],
            is_quick: false,
        }
    }
}

impl Benchmark {
    /// One that allocates nothing that is known.
    const fn new(uri: &'static str, rounds: Rounds) -> Self {
        Self { uri, rounds, peak: (0, 64_000_000) }
    }

    /// One whose peak is known but for what the client itself allocates: up to 200 KB.
    const fn allocating(uri: &'static str, rounds: Rounds, bytes: u64) -> Self {
        Self { uri, rounds, peak: (bytes, bytes.saturating_add(200_000)) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_packages_too() {
        let names: BTreeSet<_> = all().map(|client| client.name).collect();
        let packages: BTreeSet<_> = all().map(|client| client.package).collect();
        assert_eq!((names.len(), packages.len()), (all().count(), all().count()));
    }

    #[test]
    fn clients_in_one_place_have_one_folder() {
        for one in all() {
            let others = all().filter(|other| other.place == one.place);
            assert!(others.into_iter().all(|other| other.folder == one.folder), "{}", one.name);
        }
    }

    #[test]
    fn every_mode_has_a_cell() {
        assert!(MODES.iter().all(|mode| all().all(|client| client.cell(mode).is_some())));
    }
}
