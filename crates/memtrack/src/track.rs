//! The loop of a trace: the command, the client, signals, and the stream of events from the backend to the files.

use std::{
    ffi::OsString,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::Pid,
};
use runner_shared::{
    clock::{Monotonic, now},
    memory::{CoveredObject, TraceUsage, TracerStats, UsageSummary},
    profile_dir::{ProfileFile, TRACE_USAGE, TRACER_STATS},
    run_as::RunAs,
    text::{processes, shown},
};
use system::{
    files, guard,
    orphans::{Leftover, Orphans},
    signals::Signals,
    stopped::Stopped,
};

use crate::{
    backend::{Backend, Coverage},
    command::{Ended, Running, StartError, command},
    console::say,
    control::{Control, Request},
    progress::Progress,
    writer::{Options, Writer},
};

/// Calls come without notice while they are recorded: look this often, in milliseconds, if there was something, and
/// else.
const BUSY_MS: u8 = 1;
const IDLE_MS: u8 = 10;
/// After so much time without recording the next may be far away. Waking up takes the backend some milliseconds.
const PAUSE_NS: u64 = 1_000_000_000;

/// The reason for which there is no trace.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrackError {
    /// The client's FIFOs can't be opened.
    #[error("could not open the client's FIFOs")]
    Control(#[source] io::Error),
    /// The command can't be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The backend failed.
    #[error("tracing failed")]
    Backend(#[source] io::Error),
    /// A file can't be written.
    #[error("could not write the trace to `{}`", shown(folder))]
    Write {
        /// The folder.
        folder: PathBuf,
        #[source]
        /// The error of the system.
        source: io::Error,
    },
    /// Waiting failed.
    #[error("could not watch the command")]
    Watch(#[source] io::Error),
}

/// The order to trace something.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// The program and its arguments.
    pub command: &'a [OsString],
    /// Its environment.
    pub environment: &'a [(OsString, OsString)],
    /// The user that it runs as and who owns the files, if that isn't us.
    pub user: Option<&'a RunAs>,
    /// The folder for the files.
    pub folder: &'a Path,
    /// FIFOs of a client that switches recording.
    pub control: Option<&'a (PathBuf, PathBuf)>,
    /// A FIFO of a client that wants to know how far the trace is.
    pub progress: Option<&'a Path>,
    /// Options for the files.
    pub options: Options,
}

/// A trace that is complete.
#[derive(Debug)]
pub(crate) struct Trace {
    /// The end of the command.
    pub ended: Ended,
    /// The process that the files are named after.
    pub root: u32,
    /// Statistics, and all that is to be said about the trace.
    pub stats: TracerStats,
    /// The sums of its events, if they were wanted.
    pub usage: Option<UsageSummary>,
}

/// Traces a command to its end.
pub(crate) fn track(
    plan: &Plan<'_>,
    backend: &mut dyn Backend,
    signals: &Signals,
) -> Result<Trace, TrackError> {
    let failed = |source| TrackError::Write { folder: plan.folder.to_owned(), source };
    // Before the command does something that nobody will see.
    for_user(plan.user, || files::create_private_folder(plan.folder)).map_err(failed)?;
    let control = plan.control.map(|(ctl, ack)| Control::open(ctl, ack)).transpose();
    let control = control.map_err(TrackError::Control)?;
    let progress = plan.progress.map(|fifo| Progress::open(fifo, backend.name())).transpose();
    let progress = progress.map_err(TrackError::Control)?;
    if control.is_none() {
        backend.record(true).map_err(TrackError::Backend)?;
    } else {
        backend.rest();
    }
    let start = now().0;
    // From here on there is something to keep, also when the second signal has ended the command.
    let _heeding = signals.heed(2);
    let (running, orphans) = start_command(plan, backend)?;
    let root = running.pid();
    let create = || Writer::create(plan.folder, root, plan.options, backend.is_ordered());
    let mut writer = for_user(plan.user, create).map_err(failed)?;
    if control.is_none() {
        writer.switched(true, start);
    }
    let (rest_at, failure) = (None, None);
    let mut follow = Follow {
        running,
        recording: control.is_none(),
        control,
        progress,
        rest_at,
        backend,
        writer,
        failure,
        signals,
        orphans,
        stopped: guard::is_posted().then(Stopped::default),
    };
    let ended = follow.accompany()?;
    let Follow { mut writer, mut failure, backend, orphans, .. } = follow;
    let left = orphans.newcomers();
    let coverage = backend.finish(&mut |record| {
        if failure.is_none() {
            failure = writer.take(record).err();
        }
    });
    let coverage = coverage.map_err(TrackError::Backend)?;
    let written = match failure {
        Some(err) => Err(err),
        None => writer.finish(now().0),
    };
    let written = written.map_err(failed)?;
    let mut stats = TracerStats {
        events: written.counts,
        synthetic_frees: written.releases,
        left_out_frees: written.left_out,
        ..stats(backend, coverage)
    };
    stats.notes.extend(written.notes);
    stats.notes.extend(forbidden_call(ended, backend.name()));
    stats.notes.extend(outlived(&left));
    write_beside(plan, root, &stats, written.usage.as_ref()).map_err(failed)?;
    Ok(Trace { ended, root, stats, usage: written.last })
}

/// Starts the command, so that the backend sees it and all that it starts.
fn start_command(
    plan: &Plan<'_>,
    backend: &mut dyn Backend,
) -> Result<(Running, Orphans), TrackError> {
    let mut orphans = Orphans::adopt();
    let mut command = command(plan.command);
    command.env_clear().envs(plan.environment.iter().map(|(name, value)| (name, value)));
    command.envs(backend.environment(plan.environment));
    backend.prepare(&mut command).map_err(TrackError::Backend)?;
    orphans.note_children();
    let running = Running::start(&mut command, plan.user);
    backend.started().map_err(TrackError::Backend)?;
    let running = running?;
    orphans.note_command(Pid::from_raw(running.pid().cast_signed()));
    Ok((running, orphans))
}

/// Writes what goes with the events.
fn write_beside(
    plan: &Plan<'_>,
    root: u32,
    stats: &TracerStats,
    usage: Option<&TraceUsage>,
) -> io::Result<()> {
    let place = |file: &ProfileFile| plan.folder.join(file.named(root));
    let text = serde_json::to_vec_pretty(stats)?;
    for_user(plan.user, || files::replace_private(&place(&TRACER_STATS), &text))?;
    // For the client who has opened the windows; without one it is all shown at once.
    match usage.filter(|_| plan.control.is_some()) {
        Some(usage) => {
            for_user(plan.user, || files::replace_private(&place(&TRACE_USAGE), &usage.encode()))
        }
        None => Ok(()),
    }
}

/// Returns a sentence about processes of the command that go on without being seen, if there are some.
fn outlived(left: &[Leftover]) -> Option<String> {
    let names = processes(left.iter().map(|process| (process.pid.as_raw(), &*process.name)));
    let (which, their) = match left {
        [] => return None,
        [_] => ("a process started by the command was", "its"),
        _ => ("processes started by the command were", "their"),
    };
    Some(format!(
        "{which} still running at its end: {names}; an unpredictable part of {their} allocations is counted"
    ))
}

/// Says why a command with a sandbox may have been ended by our library.
fn forbidden_call(ended: Ended, backend: &str) -> Option<String> {
    // A shell says it by its code.
    (ended.code() == Ended::Signal(libc::SIGSYS).code() && backend == "preload").then(|| {
        "the command was ended because of a system call that its own filter forbids (SIGSYS, seccomp): if that happens with `--backend preload` only, the preloaded library made the call; use `--backend ebpf` instead".to_owned()
    })
}

/// Makes files that belong to `user`. Where they may not write and we may, the files are ours.
pub(crate) fn for_user<T>(user: Option<&RunAs>, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let Some(user) = user else { return make() };
    let theirs = {
        let _theirs = user.own_files();
        make()
    };
    match theirs {
        Err(err) if err.kind() == io::ErrorKind::PermissionDenied => make(),
        other => other,
    }
}

fn stats(backend: &dyn Backend, coverage: Coverage) -> TracerStats {
    let Coverage { lost, untracked, objects, notes } = coverage;
    let object = |object: crate::backend::Covered| CoveredObject {
        path: object.path,
        allocators: object.allocators,
        probes: object.probes.into(),
    };
    TracerStats {
        version: TracerStats::VERSION,
        tracer: concat!("codspeed-memtrack ", env!("CARGO_PKG_VERSION")).to_owned(),
        backend: backend.name().to_owned(),
        rung: backend.method().to_owned(),
        lost_events: lost,
        failed_tracks: untracked,
        objects: objects.into_iter().map(object).collect(),
        notes,
        ..TracerStats::default()
    }
}

/// Returns the milliseconds that are left, rounded up.
fn until(at: Monotonic) -> PollTimeout {
    let millis = at.since(now()).div_ceil(1_000_000);
    PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
}

/// A trace that goes on.
struct Follow<'a> {
    running: Running,
    control: Option<Control>,
    progress: Option<Progress>,
    recording: bool,
    /// The time from which the backend may rest, while recording is off and it is awake.
    rest_at: Option<Monotonic>,
    backend: &'a mut dyn Backend,
    writer: Writer,
    /// Nothing can be written any more; the command goes on all the same.
    failure: Option<io::Error>,
    signals: &'a Signals,
    /// The processes that are not of the command.
    orphans: Orphans,
    /// Looks for stopped processes, if nobody above us does.
    stopped: Option<Stopped>,
}

impl Follow<'_> {
    fn accompany(&mut self) -> Result<Ended, TrackError> {
        let mut was_busy = true;
        loop {
            self.wait(was_busy)?;
            if self.rest_at.is_some_and(|at| now() >= at) {
                self.rest_at = None;
                self.backend.rest();
            }
            if let Some(text) = self.stopped.as_mut().and_then(Stopped::look) {
                say(&format!("warning: {text}"));
            }
            self.running.pass_on(self.signals, self.control.is_some(), &self.orphans);
            was_busy = self.drain()? > 0;
            if let Some(progress) = self.progress.as_mut().filter(|_| self.recording) {
                progress.tell(self.writer.events());
            }
            self.serve()?;
            if let Some(ended) = self.running.ended().map_err(TrackError::Watch)? {
                return Ok(ended);
            }
        }
    }

    /// Returns when there may be something to do.
    fn wait(&self, was_busy: bool) -> Result<(), TrackError> {
        let readable = self.backend.readable();
        let unnoticed = self.recording || readable.is_none();
        let timeout = match (unnoticed, was_busy) {
            (true, true) => PollTimeout::from(BUSY_MS),
            (true, false) => PollTimeout::from(IDLE_MS),
            (false, _) => {
                let looks = self.stopped.as_ref().map(Stopped::next);
                self.rest_at.into_iter().chain(looks).min().map_or(PollTimeout::NONE, until)
            }
        };
        let mut watched = vec![
            PollFd::new(self.running.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        watched.extend(self.control.as_ref().map(|it| PollFd::new(it.as_fd(), PollFlags::POLLIN)));
        // While calls are recorded this is readable as soon as one is there to be taken, and there would be no rest.
        let rests = self.recording && self.backend.has_room();
        watched.extend(readable.filter(|_| !rests).map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        match poll(&mut watched, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(TrackError::Watch(errno.into())),
        }
    }

    fn drain(&mut self) -> Result<usize, TrackError> {
        let (writer, failure) = (&mut self.writer, &mut self.failure);
        let failed_before = failure.is_some();
        // Written as they come: what a backend hands out at once may be much.
        let count = self.backend.drain(&mut |record| {
            if failure.is_none() {
                *failure = writer.take(record).err();
            }
        });
        let count = count.map_err(TrackError::Backend)?;
        if self.failure.is_some() && !failed_before {
            // There is no use in holding the command back for events that nobody keeps.
            self.backend.record(false).map_err(TrackError::Backend)?;
        }
        Ok(count)
    }

    /// Does what the client wants. It may end as soon as it has the answer, and all that is known of it goes with it: the
    /// names of its functions are found while its calls are taken. So these are taken first.
    fn serve(&mut self) -> Result<(), TrackError> {
        while let Some(request) = self.next_request()? {
            match request {
                Request::Enable | Request::Disable if self.failure.is_some() => {}
                Request::Enable => {
                    self.rest_at = None;
                    self.backend.wake();
                    self.writer.switched(true, now().0);
                    self.backend.record(true).map_err(TrackError::Backend)?;
                    self.recording = true;
                }
                Request::Disable => {
                    self.backend.record(false).map_err(TrackError::Backend)?;
                    self.writer.switched(false, now().0);
                    self.recording = false;
                    self.rest_at = Some(now().plus(PAUSE_NS));
                    while self.drain()? > 0 {}
                }
                // Calls may go on to come.
                Request::Ping => {
                    self.drain()?;
                }
            }
            if let Some(control) = &mut self.control {
                control.acknowledge().map_err(TrackError::Control)?;
            }
        }
        Ok(())
    }

    fn next_request(&mut self) -> Result<Option<Request>, TrackError> {
        let next = self.control.as_mut().map(Control::next).transpose();
        next.map(Option::flatten).map_err(TrackError::Control)
    }
}
