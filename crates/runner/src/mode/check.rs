//! Asks `exec-harness` for faults of its commands before it runs them: programs, files, durations.

use std::{ffi::OsString, path::Path};

use runner_shared::{
    env_names,
    harness::{CHECK_SAYS, CHECKED_FAILED, CHECKED_USAGE},
    mode::Mode,
};

use super::{benchmark, walltime::StartError};
use crate::{
    env::Env,
    error::ExitKind,
    process::{Answer, Ended, Limits, ToolCommand},
    workload::Workload,
};

/// The reason why commands can't be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Kind of the first fault.
    pub kind: ExitKind,
    /// A sentence for each reason.
    pub reasons: Vec<String>,
}

/// Asks whether the workload can be run in the folder `cwd` in this mode. Of a suite nothing is known but that there is
/// a shell for it.
pub(crate) fn check(
    workload: &Workload,
    mode: Mode,
    cwd: &Path,
    env: &Env,
) -> Result<Option<Refusal>, StartError> {
    let env = env.clone().with(env_names::RUNNER_MODE, mode.names().env);
    let command = benchmark(workload, cwd, env)?;
    let Workload::Commands { .. } = workload else { return Ok(None) };
    let mut args: Vec<OsString> = vec!["--check".into()];
    args.extend(command.args);
    let Answer { ended, stdout: _, stderr: said } =
        ToolCommand { args, ..command }.answer(Limits::CHECK)?;
    let kind = match ended {
        Ended::Code(code) if code == i32::from(CHECKED_USAGE) => ExitKind::Usage,
        Ended::Code(code) if code == i32::from(CHECKED_FAILED) => ExitKind::Failed,
        // All is well, or it is a harness of another time, which knows no checks.
        Ended::Code(_) | Ended::Signal(_) => return Ok(None),
    };
    let reasons = said.lines().filter_map(|line| line.strip_prefix(CHECK_SAYS));
    let reasons: Vec<String> = reasons.map(str::to_owned).collect();
    Ok(Some(Refusal { kind, reasons }).filter(|refusal| !refusal.reasons.is_empty()))
}
