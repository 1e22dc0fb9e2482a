//! The results JSON of one process, whoever wrote it.

use std::path::PathBuf;

use runner_shared::{
    artifact::Outcome,
    walltime::{Creator, WalltimeBenchmark, WalltimeResults},
};

use super::{
    ReadError,
    file::bytes,
    room::{Room, shown_name},
};
use crate::model::{BenchResult, Integration, NoInterval};

/// A results file that was read.
pub(crate) struct Source {
    /// The path of the file.
    pub path: PathBuf,
    /// The integration that wrote it.
    pub creator: Creator,
    /// The benchmarks in it.
    pub benchmarks: Vec<WalltimeBenchmark>,
}

impl Source {
    /// Reads a file. `None` if it isn't about time: pytest leaves such a one in the other modes. Benchmarks for which
    /// there is no room are left out.
    pub(super) fn read(path: PathBuf, room: &mut Room) -> Result<Option<Self>, ReadError> {
        let bytes = bytes(&path)?;
        let (is_empty, results) = match parse(&bytes, room) {
            Ok(found) => found,
            Err((at, source)) => return Err(ReadError::Malformed { path, at, source }),
        };
        let WalltimeResults { creator, instrument, benchmarks } = results;
        let Creator { name, version, pid } = creator;
        let creator = Creator { name: shown_name(name), version: shown_name(version), pid };
        let is_walltime = instrument.kind == "walltime" || !is_empty;
        Ok(is_walltime.then_some(Self { path, creator, benchmarks }))
    }
}

/// Returns whether there are no benchmarks, and the results as far as there is room for them; or where the text is wrong and
/// why.
fn parse(
    bytes: &[u8],
    room: &mut Room,
) -> Result<(bool, WalltimeResults), (String, serde_json::Error)> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let mut is_empty = true;
    let mut keep = |benchmark: &WalltimeBenchmark| {
        is_empty = false;
        room.takes(&benchmark.uri)
    };
    let mut track = serde_path_to_error::Track::new();
    let path = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let results = WalltimeResults::deserialize_some(path, &mut keep).map_err(|err| {
        // Text that isn't JSON has unknown places.
        (track.path().to_string().replace('?', "."), err)
    })?;
    json.end().map_err(|err| (".".to_owned(), err))?;
    Ok((is_empty, results))
}

/// A benchmark of which nothing is known but its entry in the JSON.
pub(super) fn plain(creator: &Creator, benchmark: WalltimeBenchmark) -> BenchResult {
    let WalltimeBenchmark { name, uri, config, stats } = benchmark;
    BenchResult {
        name: shown_name(name),
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
        split_step_ns: None,
        faults: None,
        switches: None,
        max_rss: None,
        counters: Vec::new(),
        noise: None,
        shell: None,
        notes: Vec::new(),
    }
}
