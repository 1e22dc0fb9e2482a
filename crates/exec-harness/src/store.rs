//! Writes results: whole files or none, after each benchmark (several very short ones together),
//! so that nothing finished is lost.

use std::{io, path::PathBuf};

use runner_shared::{
    artifact::{Artifact, BenchmarkRounds, RoundLog, Turns},
    clock::{Monotonic, now},
    harness::INTEGRATION,
    profile_dir::{ProfileDir, ProfileFile, RESULTS, ROUND_LOG},
    text::shown,
    walltime::{Creator, Instrument, WalltimeBenchmark, WalltimeResults},
};
use system::files;

use crate::process;

/// Results that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write the results to `{}`", shown(&path))]
pub(crate) struct StoreError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The results of this process.
#[derive(Debug)]
pub(crate) struct Store {
    folder: ProfileDir,
    pid: u32,
    results: Vec<WalltimeBenchmark>,
    log: RoundLog,
    /// Not before this time is everything written again.
    not_before: Monotonic,
}

impl Store {
    /// Makes the folder for results now: better no benchmark than one whose result can't be kept.
    pub(crate) fn open(folder: ProfileDir, turns: Option<Turns>) -> Result<Self, StoreError> {
        files::create_private_subfolder(&folder.results())
            .map_err(|source| StoreError { path: folder.results(), source })?;
        let log = RoundLog {
            version: RoundLog::VERSION,
            tick_ns: process::tick_ns(),
            turns,
            benchmarks: Vec::new(),
        };
        Ok(Self {
            folder,
            pid: std::process::id(),
            results: Vec::new(),
            log,
            not_before: Monotonic(0),
        })
    }

    /// Adds a benchmark: its result if it finished, its rounds in any case.
    pub(crate) fn add(
        &mut self,
        result: Option<WalltimeBenchmark>,
        rounds: BenchmarkRounds,
    ) -> Result<(), StoreError> {
        self.log.benchmarks.push(rounds);
        self.results.extend(result);
        let begin = now();
        if begin < self.not_before {
            return Ok(());
        }
        self.flush()?;
        // All is written each time. With many short benchmarks that would soon be most of the work.
        self.not_before = now().plus(now().since(begin).saturating_mul(4));
        Ok(())
    }

    /// Writes everything that was added.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        self.not_before = Monotonic(0);
        self.write(&ROUND_LOG, &self.log.encode())?;
        if self.results.is_empty() {
            return Ok(());
        }
        let results = WalltimeResults {
            creator: Creator {
                name: INTEGRATION.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: self.pid,
            },
            instrument: Instrument { kind: "walltime".to_owned() },
            benchmarks: self.results.clone(),
        };
        let json = serde_json::to_vec_pretty(&results).map_err(|err| {
            let path = self.folder.file_of(&RESULTS, self.pid);
            StoreError { path, source: err.into() }
        })?;
        self.write(&RESULTS, &json)
    }

    fn write(&self, file: &ProfileFile, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.folder.file_of(file, self.pid);
        files::replace_private(&path, bytes).map_err(|source| StoreError { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let err = Store::open(ProfileDir::new(file.path()), None).unwrap_err();
        let expected = format!("could not write the results to `{}/results`", shown(file.path()));
        assert_eq!(err.to_string(), expected);
    }
}
