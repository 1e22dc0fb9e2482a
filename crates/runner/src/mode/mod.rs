//! The ways to measure: how each starts a benchmark and what it leaves in the profile folder.

mod check;
mod interpreters;
pub(crate) mod memory;
mod place;
mod python;
pub(crate) mod readiness;
pub(crate) mod shims;
pub(crate) mod simulation;
pub(crate) mod status;
pub(crate) mod walltime;

use std::{
    ffi::OsString,
    fs::File,
    io::{self, IsTerminal, Seek, Write},
    path::{Path, PathBuf},
};

use runner_shared::{
    env_names, mode::Mode, profile_dir::ProfileDir, text::shown, verdict::DEFAULT_THRESHOLD,
};

pub(crate) use check::{Refusal, check};
pub(crate) use place::{Place, PlaceError, Settled, addresses, named, usage};

use crate::{
    env::Env,
    process::{AddressSpace, Output, Stdin, ToolCommand},
    profiler::ChannelError,
    tools::{self, MissingSibling},
    workload::{Versus, Workload},
};

/// The reason why a benchmark can't be started or its record not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModeError {
    /// `exec-harness` is nowhere.
    #[error(transparent)]
    MissingSibling(#[from] MissingSibling),
    /// There is no shell.
    #[error("neither `bash` nor `sh` was found in PATH to run the benchmark command")]
    NoShell,
    /// There is no Valgrind that can do it.
    #[error(transparent)]
    Valgrind(#[from] simulation::ValgrindError),
    /// The tracer may not trace in the way that is wanted; it says why.
    #[error("{0}")]
    Rights(String),
    /// The tracer can't be given a control channel.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// A file can't be written.
    #[error("could not write `{}`", shown(&path))]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// Files of an earlier run can't be removed.
    #[error("could not remove `{}`, left by an earlier comparison", shown(&path))]
    Remove {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
}

/// The benchmark as a program to start in the folder `cwd`, seeing `env`.
fn benchmark(workload: &Workload, cwd: &Path, env: Env) -> Result<ToolCommand, ModeError> {
    let (program, args, stdin) = match workload {
        Workload::Suite(text) => {
            let shell = tools::find("bash", &env).or_else(|| tools::find("sh", &env));
            let args = vec!["-c".into(), text.into()];
            // In a process group of its own the benchmark could only be stopped by a terminal.
            let stdin = if io::stdin().is_terminal() { Stdin::Null } else { Stdin::Inherit };
            (shell.ok_or(ModeError::NoShell)?, args, stdin)
        }
        Workload::Commands { targets, versus, robust, quiet } => {
            let program = tools::sibling("exec-harness", env_names::EXEC_HARNESS, &env)?;
            let flags = [("--robust", robust), ("--quiet", quiet)];
            let mut args: Vec<OsString> =
                flags.iter().filter(|(_, wanted)| **wanted).map(|(flag, _)| flag.into()).collect();
            if let Some(Versus { threshold, fails: _, limit, explain: _, seed }) = versus {
                // A difference that fails the run matters.
                let usual = || limit.map_or(DEFAULT_THRESHOLD, |it| it.min(DEFAULT_THRESHOLD));
                let threshold = threshold.unwrap_or_else(usual);
                args.extend(["--interleave".into(), format!("--threshold={threshold}").into()]);
                args.extend(seed.map(|seed| format!("--seed={seed}").into()));
            }
            args.push("-".into());
            let list = serde_json::to_vec(targets).map_err(io::Error::from);
            let list = list.and_then(|list| unnamed_file(&list));
            let failed = |source| ModeError::Write { path: "list of benchmarks".into(), source };
            (program, args, Stdin::File(list.map_err(failed)?))
        }
    };
    let (cwd, address_space) = (cwd.to_owned(), AddressSpace::Random);
    // Who starts it may decide otherwise.
    let output = Output::Piped;
    Ok(ToolCommand { program, args, cwd, env, stdin, output, address_space })
}

/// Returns what the benchmark sees in any mode: everything that we see but secrets, and what the
/// integrations expect.
fn environment(env: &Env, mode: Mode, folder: &ProfileDir) -> Env {
    env.clone()
        .with(env_names::ENV, "runner")
        .with(env_names::RUNNER_MODE, mode.names().env)
        .with(env_names::PROFILE_FOLDER, folder)
        .with(env_names::PYTHONHASHSEED, "0")
        // Without a profiler nobody reads the dump, and writing it slows Python's start.
        .with(env_names::PYTHON_PERF_JIT_SUPPORT, "0")
        .with(env_names::ARCH, std::env::consts::ARCH)
}

fn unnamed_file(bytes: &[u8]) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn the_benchmark_sees_what_integrations_expect_and_no_secret() {
        let env = Env::default().with(env_names::PATH, "/bin");
        let env = env_names::SECRETS.iter().fold(env, |env, name| env.with(*name, "secret"));
        let seen = environment(&env, Mode::Walltime, &ProfileDir::new("/profile folder"));
        let names: Vec<_> = seen
            .iter()
            .map(|(name, value)| format!("{}={}", shown(&name), shown(&value)))
            .collect();
        let expected = [
            &format!("ARCH={}", std::env::consts::ARCH),
            "CODSPEED_ENV=runner",
            "CODSPEED_PROFILE_FOLDER=/profile folder",
            "CODSPEED_RUNNER_MODE=walltime",
            "PATH=/bin",
            "PYTHONHASHSEED=0",
            "PYTHON_PERF_JIT_SUPPORT=0",
        ];
        assert_eq!(names, expected);
        assert_eq!(env.get(env_names::TOKEN), Some(OsStr::new("secret")), "ours is untouched");
    }
}
