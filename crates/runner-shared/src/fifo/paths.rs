//! The paths of the FIFO pair and of the maps of generated code. The only place that knows the
//! well-known folder.

use std::path::{Path, PathBuf};

use crate::profile_dir::PERF_MAP;

/// The FIFO pair of a run, and the lock that guards it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FifoPaths {
    /// From the integration to the runner.
    pub ctl: PathBuf,
    /// From the runner to the integration.
    pub ack: PathBuf,
    /// Held (`flock`) by the runner that owns the pair. Never removed: a lock file that can vanish locks nothing.
    pub lock: PathBuf,
}

/// The folder in which programs that generate code look for each other, whatever `TMPDIR` says.
const WELL_KNOWN: &str = "/tmp";

/// Returns the file to which the process `pid` writes the names of the functions that it generates.
pub fn perf_map(pid: u32) -> PathBuf {
    Path::new(WELL_KNOWN).join(PERF_MAP.named(pid))
}

impl FifoPaths {
    /// The pair that every existing integration opens.
    pub fn well_known() -> Self {
        Self::in_dir(Path::new(WELL_KNOWN))
    }

    /// A pair with the same names in another folder, for tests.
    pub fn in_dir(dir: &Path) -> Self {
        Self {
            ctl: dir.join("runner.ctl.fifo"),
            ack: dir.join("runner.ack.fifo"),
            lock: dir.join("runner.lock"),
        }
    }
}
