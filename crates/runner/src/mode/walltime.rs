//! Walltime mode: the benchmark measures itself and tells us; we keep what it says.

use std::path::Path;

use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps},
    mode::Mode,
};

use super::{ModeError, benchmark, environment};
use crate::{
    env::Env,
    files,
    process::ToolCommand,
    session::{ProfilerControl, Request, SessionRecord},
    workload::Workload,
};

/// The benchmark as a program to start in the folder `cwd`; `folder` is the profile folder.
pub(crate) fn command(
    workload: &Workload,
    cwd: &Path,
    folder: &Path,
    env: &Env,
) -> Result<ToolCommand, ModeError> {
    benchmark(workload, cwd, environment(env, Mode::Walltime, folder))
}

/// Keeps what was said during the run, if anything was.
pub(crate) fn finish(record: &SessionRecord, folder: &Path) -> Result<(), ModeError> {
    let path = folder.join(ExecutionTimestamps::file_name(None));
    // One that an earlier run left would be taken for what was said in this one.
    if record.timestamps == ExecutionTimestamps::default() && !path.exists() {
        return Ok(());
    }
    files::replace(&path, &record.timestamps.encode())
        .map_err(|source| ModeError::Write { path, source })
}

/// No profiler: there is nothing to switch, so switching always works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoProfiler;

impl ProfilerControl for NoProfiler {
    fn ask(&mut self, request: Request) -> bool {
        match request {
            Request::Enable | Request::Disable | Request::Ping => true,
        }
    }
}
