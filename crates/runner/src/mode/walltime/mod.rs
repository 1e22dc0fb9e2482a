//! Walltime mode: the benchmark measures itself and tells us; we keep what it says. Beside it, perf records a profile,
//! if there is one and the kernel allows it.

mod arguments;
mod crowd;
mod environment;
mod event_names;
mod isolation;
mod kernel;
mod perf;
mod recorder;
mod snapshots;
mod stacks;
mod status;
mod unwinding;

use std::{fs, path::Path};

use ::profile::{JitUnwindForm, ProfileError, Recording};
use results::WalltimeReport;
use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps, Preemptions},
    mode::Mode,
    profile_dir::{PERF_DATA, PREEMPTIONS, ProfileDir, TIMESTAMPS},
};
use system::files;

use super::{ModeError, Place, PlaceError, benchmark};
use crate::{
    env::Env,
    error::chain,
    event::RunEvent,
    process::{AskError, Child, Output, SpawnError, ToolCommand, rehearse},
    session::{ProfilerControl, Request, SessionRecord},
    workload::{Profiling, UnwindingMode, Workload},
};

use perf::{Perf, PerfError};
use stacks::Profiles;
use unwinding::Unwinding;

pub(crate) use crowd::{Crowd, take_turns};
pub(crate) use isolation::Isolation;
pub(crate) use kernel::try_recording;
pub(crate) use recorder::Recorded;
use recorder::{Recorder, RecorderError};
pub(crate) use status::status;

/// What is started, where, and what it sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    /// The workload.
    pub workload: &'a Workload,
    /// The place where it runs.
    pub cwd: &'a Path,
    /// The profile folder.
    pub folder: &'a ProfileDir,
    /// Our environment.
    pub env: &'a Env,
    /// What surrounds it.
    pub isolation: &'a Isolation,
    /// Processors and addresses.
    pub place: &'a Place,
    /// The place where what it says goes.
    pub output: Output,
}

/// The reason why a benchmark did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// It can't be prepared.
    #[error(transparent)]
    Mode(#[from] ModeError),
    /// It can't be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Its commands can't be checked.
    #[error(transparent)]
    Check(#[from] AskError),
    /// It can't run where it is wanted.
    #[error(transparent)]
    Place(#[from] PlaceError),
}

/// The reason why there is no profile.
#[derive(Debug, thiserror::Error)]
enum NoProfile {
    /// There is no perf.
    #[error(transparent)]
    Perf(#[from] PerfError),
    /// The kernel does not record for us.
    #[error(transparent)]
    Kernel(#[from] kernel::Refused),
    /// perf does not record for us.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
}

/// The party that records.
#[derive(Debug)]
pub(crate) enum Profiler {
    /// Nobody: there is nothing to switch, so switching always works.
    Nobody,
    /// perf.
    Perf(Box<Recorder>),
}

/// Starts the benchmark, with a profiler if one is wanted and can be had.
pub(crate) fn start(
    scene: &Scene<'_>,
    profiling: Profiling,
    tell: &dyn Fn(RunEvent),
) -> Result<(Child, Profiler), StartError> {
    recorder::clear(scene.folder);
    if let Profiling::On { insists, unwinding } = profiling {
        match profiled(scene, unwinding, tell)? {
            Ok((child, recorder)) => return Ok((child, Profiler::Perf(Box::new(recorder)))),
            Err(why) => {
                let text = format!("no profile is recorded, only times: {}", chain(&why));
                tell(if insists { RunEvent::warning(text) } else { RunEvent::Step(text) });
            }
        }
    }
    let env = super::environment(scene.env, Mode::Walltime, scene.folder);
    let command = scene.command(env)?;
    tell(starts(&command));
    let child = scene.place.during(|| command.spawn())??;
    Ok((child, Profiler::Nobody))
}

/// Starts the benchmark below the eyes of perf. What keeps perf from recording is no error.
fn profiled(
    scene: &Scene<'_>,
    asked: Option<UnwindingMode>,
    tell: &dyn Fn(RunEvent),
) -> Result<Result<(Child, Recorder), NoProfile>, StartError> {
    let Scene { workload, folder, env, .. } = *scene;
    let found = || Ok::<_, NoProfile>((try_recording()?, Perf::find(env)?).1);
    let perf = match found() {
        Ok(perf) => perf,
        Err(why) => return Ok(Err(why)),
    };
    let unwinding = Unwinding::choose(asked, workload, scene.cwd, env);
    let seen = super::environment(env, Mode::Walltime, folder);
    let command = scene.command(environment::recorded(seen, workload, unwinding))?;
    tell(starts(&command));
    let held = scene.place.during(|| command.hold())??;
    match Recorder::attach(&perf, unwinding, held.pid(), folder, env) {
        Ok(recorder) => {
            let how = unwinding.shown();
            tell(RunEvent::Step(format!("profiling with perf {}, {how}", perf.version)));
            Ok(Ok((held.release()?, recorder)))
        }
        // What waits sees a wrong environment, and is dropped.
        Err(why) => Ok(Err(why.into())),
    }
}

/// Returns what is started, for those who want to repeat it.
fn starts(command: &ToolCommand) -> RunEvent {
    RunEvent::Debug(format!("running: {}", command.shown()))
}

impl Scene<'_> {
    fn command(&self, env: Env) -> Result<ToolCommand, ModeError> {
        let command = self.isolation.around(benchmark(self.workload, self.cwd, env)?);
        let address_space = self.place.address_space;
        Ok(ToolCommand { output: self.output, address_space, ..command })
    }
}

/// Keeps what was said during the run, if anything was.
pub(crate) fn finish(record: &ExecutionTimestamps, folder: &ProfileDir) -> Result<(), ModeError> {
    let path = folder.file(&TIMESTAMPS);
    // One that an earlier run left would be taken for what was said in this one.
    if *record == ExecutionTimestamps::default() && !path.exists() {
        return Ok(());
    }
    files::replace_private(&path, &record.encode())
        .map_err(|source| ModeError::Write { path, source })
}

/// Keeps when the threads of a suite were disturbed, if any was watched. What an earlier run has left is replaced.
pub(crate) fn keep_preemptions(seen: &Preemptions, folder: &ProfileDir) -> Result<(), ModeError> {
    let path = folder.file(&PREEMPTIONS);
    if *seen == Preemptions::default() {
        // It is not there, as a rule.
        drop(fs::remove_file(path));
        return Ok(());
    }
    files::replace_private(&path, &seen.encode())
        .map_err(|source| ModeError::Write { path, source })
}

impl Profiler {
    /// Returns what was recorded, after the end of the benchmark.
    pub(crate) fn finish(self) -> Option<Recorded> {
        match self {
            Self::Nobody => None,
            Self::Perf(recorder) => Some(recorder.finish()),
        }
    }
}

impl ProfilerControl for Profiler {
    fn ask(&mut self, request: Request) -> bool {
        match self {
            Self::Nobody => true,
            Self::Perf(recorder) => recorder.ask(request),
        }
    }

    fn meet(&mut self, pid: i32) {
        match self {
            Self::Nobody => {}
            Self::Perf(recorder) => recorder.meet(pid),
        }
    }

    fn ended(&mut self) {
        match self {
            Self::Nobody => {}
            Self::Perf(recorder) => recorder.ended(),
        }
    }
}

/// Turns what perf has left into the files of a profile, and adds it to the report. Trouble is told; the times don't
/// suffer from it.
pub(crate) fn add_profile(
    recorded: Recorded,
    record: &SessionRecord,
    folder: &ProfileDir,
    report: &mut WalltimeReport,
    tell: &dyn Fn(RunEvent),
) {
    let Recorded { version: _, snapshots, started, failed } = recorded;
    if let Some(why) = &failed {
        tell(RunEvent::warning(format!("the profile is incomplete: {why}")));
    }
    // What else is wrong then follows from it.
    let warn = |text| {
        if failed.is_none() {
            tell(RunEvent::warning(text));
        }
    };
    if record.timestamps.uri_by_ts.is_empty() || !files::is_there(&folder.file(&PERF_DATA)) {
        // Nobody knows what the samples would be of, or there are none.
        return;
    }
    tell(RunEvent::Debug("reads what perf has recorded".to_owned()));
    let recording = Recording {
        folder,
        integration: record.integration.as_ref().map(|(name, version)| (&**name, &**version)),
        pids: &record.pids,
        timestamps: &record.timestamps,
        snapshots: snapshots.taken(),
        started,
        jit_unwind: JitUnwindForm::Correct,
    };
    let all = || {
        drop(::profile::write_artifacts(&recording));
        drop(stacks::profiles(folder, &report.benchmarks));
    };
    if let Err(why) = rehearse(all) {
        return tell(RunEvent::warning(format!("there is no profile: {why}")));
    }
    let written = ::profile::write_artifacts(&recording);
    let read = written.and_then(|written| {
        for mapping in &written.mappings {
            tell(RunEvent::Debug(format!("the profile uses {mapping}")));
        }
        written.warnings.into_iter().for_each(warn);
        stacks::profiles(folder, &report.benchmarks)
    });
    match read {
        // What is missing for stacks is missing in the artifacts, and has been said.
        Ok(Profiles { list, advice, warnings: _ }) => {
            report.profiles = list;
            advice.into_iter().for_each(warn);
        }
        // What was measured is shown, and why there is an end is said.
        Err(ProfileError::Interrupted) => {}
        Err(err) => warn(format!("there is no profile: {}", chain(&err))),
    }
}

/// Adds the profile that an earlier run has left to the report of that run.
pub(crate) fn read_profile(folder: &ProfileDir, report: &mut WalltimeReport) {
    match stacks::profiles(folder, &report.benchmarks) {
        Ok(Profiles { list, advice, warnings }) => {
            report.profiles = list;
            report.warnings.extend(warnings.into_iter().chain(advice));
        }
        Err(err) => report.warnings.push(format!("there is no profile: {}", chain(&err))),
    }
}
