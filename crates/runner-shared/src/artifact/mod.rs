//! Typed files of the profile folder, encoded as MessagePack with field names.

mod rounds;
mod timestamps;

use serde::{Serialize, de::DeserializeOwned};

pub use rounds::{BenchmarkRounds, Outcome, RobustSource, RoundLog, Rounds, Turns};
pub use timestamps::ExecutionTimestamps;

/// Where the modules of a profile lay and what ran when: JSON on top of a folder of walltime mode.
pub const WALLTIME_METADATA: &str = "walltime.metadata";
/// The name that the same content had before runner 4.16. Read, never written.
pub const OLDER_WALLTIME_METADATA: &str = "perf.metadata";

/// Bytes that are not the artifact they should be.
#[derive(Debug, thiserror::Error)]
#[error("not a valid `{name}` artifact")]
pub struct ArtifactError {
    /// Name of the artifact.
    pub name: &'static str,
    /// What the decoder says.
    #[source]
    pub source: rmp_serde::decode::Error,
}

/// A typed file. `NAME` is a literal, so that a rename in Rust can't change the format.
pub trait Artifact: Serialize + DeserializeOwned {
    /// The name on disk, without pid and ending.
    const NAME: &'static str;

    /// `NAME.msgpack`, or `<pid>.NAME.msgpack` for a file that each process writes for itself.
    fn file_name(pid: Option<u32>) -> String {
        match pid {
            Some(pid) => format!("{pid}.{}.msgpack", Self::NAME),
            None => format!("{}.msgpack", Self::NAME),
        }
    }

    /// The bytes of the file.
    fn encode(&self) -> Vec<u8> {
        // Our artifacts are plain data (no maps with odd keys): writing to memory always works.
        rmp_serde::to_vec_named(self).unwrap_or_default()
    }

    /// Reads the bytes of a file.
    fn decode(bytes: &[u8]) -> Result<Self, ArtifactError> {
        rmp_serde::from_slice(bytes).map_err(|source| ArtifactError { name: Self::NAME, source })
    }
}
