//! Commands that were counted several times each, to be compared with one of them (simulation and memory mode).
//!
//! The first count of each command lies where that of a command alone would, and is uploaded as such. All that belongs
//! to the others, and this file, lies in the folder that no archive contains: [`REPEATS`], [`REPEAT`] and
//! [`REPEATED_TIMESTAMPS`].
//!
//! [`REPEAT`]: crate::profile_dir::REPEAT
//! [`REPEATED_TIMESTAMPS`]: crate::profile_dir::REPEATED_TIMESTAMPS

use serde::{Deserialize, Serialize};

use super::Artifact;
use crate::{
    env_names::{self, EnvName},
    profile_dir::{ProfileFile, REPEATS},
};

/// The subject of a comparison of counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeats {
    /// Version of this layout.
    pub version: u32,
    /// Identity of the benchmark that the others are compared with.
    pub base_uri: String,
    /// The smallest difference that matters, as a share; `None` for the usual one of each counter.
    pub threshold: Option<f64>,
    /// The usual ones are no larger than this share.
    pub at_most: Option<f64>,
}

impl Repeats {
    /// The layout described here.
    pub const VERSION: u32 = 1;

    /// Bytes that the environment is longer in each repeat, the same for all commands: where the stack begins changes
    /// what caches do, and what programs do that copy their environment. Source: `peers.md` 3.3, step 2.
    pub const PADDINGS: [u32; 4] = [0, 64, 256, 1024];

    /// Returns the variable that makes the environment of a repeat longer, as its name and its value: from 0 on, and the
    /// first one again after the last padding. It is always set, so that all repeats have as many variables.
    pub fn padding(nth: usize) -> (EnvName, String) {
        let bytes = Self::PADDINGS.get(nth % Self::PADDINGS.len()).copied().unwrap_or(0);
        (env_names::PADDING, "x".repeat(usize::try_from(bytes).unwrap_or(0)))
    }

    /// Returns how often each command is counted if it may be `most` times: twice at least, as a single count says
    /// nothing of how much counts differ.
    pub fn count(most: Option<u64>) -> usize {
        let all = Self::PADDINGS.len();
        most.and_then(|most| usize::try_from(most).ok()).map_or(all, |most| most.clamp(2, all))
    }
}

impl Artifact for Repeats {
    const FILE: ProfileFile = REPEATS;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_repeats_lies_between_two_and_the_paddings() {
        let counts = [None, Some(0), Some(1), Some(2), Some(3), Some(4), Some(u64::MAX)];
        assert_eq!(counts.map(Repeats::count), [4, 2, 2, 2, 3, 4, 4]);
    }

    #[test]
    fn the_paddings_follow_each_other_in_one_variable() {
        let lengths = (0..5).map(Repeats::padding).map(|(name, value)| (name.name, value.len()));
        let expected = [0, 64, 256, 1024, 0].map(|length| ("CODSPEED_PADDING", length));
        assert!(lengths.eq(expected));
    }

    #[test]
    fn an_artifact_is_read_back() {
        let repeats = Repeats {
            version: Repeats::VERSION,
            base_uri: "exec_harness::a".to_owned(),
            threshold: None,
            at_most: Some(0.01),
        };
        assert_eq!(Repeats::decode(&repeats.encode()).unwrap(), repeats);
    }
}
