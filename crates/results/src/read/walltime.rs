//! The results JSON of one process, whoever wrote it.

use std::path::PathBuf;

use runner_shared::{
    artifact::Outcome,
    walltime::{Creator, WalltimeBenchmark, WalltimeResults},
};

use super::file::{ReadError, bytes};
use crate::model::{BenchResult, Integration, NoInterval};

/// A results file that was read.
pub(crate) struct Source {
    /// Where it lies.
    pub path: PathBuf,
    /// Who wrote it.
    pub creator: Creator,
    /// What is in it.
    pub benchmarks: Vec<WalltimeBenchmark>,
}

impl Source {
    /// Reads a file. `None` if it isn't about time: pytest leaves such a one in the other modes.
    pub(super) fn read(path: PathBuf) -> Result<Option<Self>, ReadError> {
        let bytes = bytes(&path)?;
        let WalltimeResults { creator, instrument, benchmarks } = match parse(&bytes) {
            Ok(results) => results,
            Err((at, source)) => return Err(ReadError::Malformed { path, at, source }),
        };
        let is_walltime = instrument.kind == "walltime" || !benchmarks.is_empty();
        Ok(is_walltime.then_some(Self { path, creator, benchmarks }))
    }
}

/// The results, or where the text is wrong and why.
fn parse(bytes: &[u8]) -> Result<WalltimeResults, (String, serde_json::Error)> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let results = serde_path_to_error::deserialize(&mut json).map_err(|err| {
        // Text that isn't JSON has unknown places.
        let at = err.path().to_string().replace('?', ".");
        (at, err.into_inner())
    })?;
    json.end().map_err(|err| (".".to_owned(), err))?;
    Ok(results)
}

/// A benchmark of which nothing is known but its entry in the JSON.
pub(super) fn plain(creator: &Creator, benchmark: WalltimeBenchmark) -> BenchResult {
    let WalltimeBenchmark { name, uri, config, stats } = benchmark;
    BenchResult {
        name,
        uri,
        integration: Integration {
            name: creator.name.clone(),
            version: Some(creator.version.clone()),
        },
        pid: creator.pid,
        stats,
        config,
        outcome: Outcome::Complete,
        cold: false,
        warmup_rounds: None,
        rounds: None,
        median_interval: None,
        mean_interval: None,
        no_interval: match stats.rounds {
            0 => None,
            1 => Some(NoInterval::OneRound),
            _ => Some(NoInterval::Unmarked),
        },
        robust: None,
        processor_ns: None,
        user_ns: None,
        system_ns: None,
        faults: None,
        switches: None,
        noise: None,
        notes: Vec::new(),
    }
}
