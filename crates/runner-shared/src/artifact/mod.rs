//! Typed files of the profile folder, encoded as MessagePack with field names.

mod preemptions;
mod repeats;
mod rounds;
mod timestamps;
mod weight;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    bounds::{self, RESULTS_VALUES_BYTES, Unit},
    profile_dir::ProfileFile,
};

pub use preemptions::{Preemptions, Span, WatchedWindow};
pub use repeats::Repeats;
pub use rounds::{
    BenchmarkRounds, Counted, Outcome, RobustSource, RoundLog, Rounds, ShellStart, Turns,
};
pub use timestamps::ExecutionTimestamps;
use weight::Weight;

/// Bytes that are not the artifact they should be.
#[derive(Debug, thiserror::Error)]
#[error("not a valid `{name}` artifact")]
pub struct ArtifactError {
    /// Name of the artifact.
    pub name: &'static str,
    /// The error of the decoder.
    #[source]
    pub source: rmp_serde::decode::Error,
}

/// About what the values of a file of MessagePack take in memory, in bytes. Needs no memory itself.
pub(crate) fn weigh(bytes: &[u8]) -> Result<u64, rmp_serde::decode::Error> {
    let Weight(sum) = rmp_serde::from_slice(bytes)?;
    Ok(sum)
}

/// Returns about what the values of a JSON take in memory, in bytes. Needs no memory itself.
///
/// # Errors
///
/// If it is no JSON.
pub fn weigh_json(bytes: &[u8]) -> Result<u64, serde_json::Error> {
    let Weight(sum) = serde_json::from_slice(bytes)?;
    Ok(sum)
}

/// Reads JSON of somebody else, unless its values would take more than `most` bytes of memory, about.
///
/// # Errors
///
/// If it is no JSON, of another shape, or has too many values.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8], most: u64) -> Result<T, serde_json::Error> {
    if weigh_json(bytes)? > most {
        let most = bounds::shown(most, Unit::Bytes);
        let text = format!("its values would take more than {most} of memory");
        return Err(serde::de::Error::custom(text));
    }
    serde_json::from_slice(bytes)
}

/// A typed file.
pub trait Artifact: Serialize + DeserializeOwned {
    /// Its name, and where it lies as a rule.
    const FILE: ProfileFile;

    /// The bytes of the file.
    fn encode(&self) -> Vec<u8> {
        // Our artifacts are plain data (no maps with odd keys): writing to memory always works.
        rmp_serde::to_vec_named(self).unwrap_or_default()
    }

    /// About what [`Artifact::decode`] makes of these bytes at most, in bytes. Needs no memory itself.
    fn weigh(bytes: &[u8]) -> Result<u64, ArtifactError> {
        weigh(bytes).map_err(|source| ArtifactError { name: Self::FILE.kind(), source })
    }

    /// Reads the bytes of a file, unless its values would take too much memory.
    fn decode(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let failed = |source| ArtifactError { name: Self::FILE.kind(), source };
        if Self::weigh(bytes)? > RESULTS_VALUES_BYTES {
            let most = bounds::shown(RESULTS_VALUES_BYTES, Unit::Bytes);
            let text = format!("its values would take more than {most} of memory");
            return Err(failed(serde::de::Error::custom(text)));
        }
        rmp_serde::from_slice(bytes).map_err(failed)
    }
}
