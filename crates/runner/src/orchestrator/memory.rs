//! A run in memory mode.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
    thread::{Builder, scope},
};

use nix::sys::signal::Signal;
use results::Reading;
use runner_shared::mode::Mode;

use super::{
    Measured, RunError, Stage,
    watch::{before, warn_of_messages, watch},
};
use crate::{
    event::RunEvent,
    mode::{
        addresses,
        memory::{self, TracerControl, TracerTrouble},
        shims,
    },
    process::{Child, Output, ToolCommand, send_signal},
    session::{Conversation, FifoPair, Journal, ServeError, Session, Switches, journal},
    settings::RunPart,
};

impl Stage<'_> {
    /// Traces allocations in the windows that the integration names.
    pub(super) fn memory(self) -> Result<Measured, RunError> {
        // Also for `exec-harness`, which runs the command once and has nothing to draw; we have.
        let output = Output::Piped;
        let Self { part, env, folder, before: old, instruments, paths, signals, ui } = self;
        let RunPart { workload, working_directory, memory: options, python_allocator, .. } = part;
        let memory::Traced { command, fifos: control, progress, remarks, warnings, python } =
            memory::command(workload, *options, *python_allocator, working_directory, folder, env)?;
        for warning in warnings {
            ui.event(&RunEvent::warning(warning));
        }
        let seen = instruments.environment(command.env);
        let (env, shims) = shims::install(Mode::Memory, workload, folder, seen)?;
        let (address_space, refused) = addresses(part.place.no_aslr);
        if let Some(warning) = refused {
            ui.event(&RunEvent::warning(warning));
        }
        let command = ToolCommand { env, output, address_space, ..command };
        ui.event(&RunEvent::Debug(format!("running: {}", command.shown())));
        let mut fifos = FifoPair::create(paths)?;
        let before = before();
        let child = command.spawn()?;
        let ended = child.as_fd().try_clone_to_owned().map_err(ServeError::Watch)?;
        let mut control = TracerControl::new(control.connect(ended));
        let tracer = Tracer::of(&child)?;
        let (session, journal) = (Session::memory(), Journal::begin(folder));
        let conversation = Conversation {
            fifos: &mut fifos,
            session,
            control: &mut control,
            journal,
            switches: Switches::off(),
        };
        let (over, ended) = io::pipe().map_err(ServeError::Watch)?;
        let served = scope(|scope| {
            let follow = Builder::new().name("progress".to_owned()).spawn_scoped(scope, || {
                progress.follow(&over, python, &|| tracer.give_up(), &|event| ui.event(&event))
            });
            let served = watch(child, &before, Some(conversation), signals, ui);
            drop(ended);
            let followed = follow.map(|thread| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            // It is only for those who look on.
            if let Err(err) = followed.flatten() {
                ui.event(&RunEvent::Debug(format!(
                    "could not read the progress of the tracer: {err}"
                )));
            }
            served
        })?;
        drop(shims);
        warn_of_messages(&served.record, ui);
        memory::finish(&served.record.timestamps, folder)?;
        journal::remove(folder);
        let Reading { mut report, broken } =
            results::read_fresh_memory(folder, &old.untouched(), &served.record.beside)?;
        // Ours first: the tracer may have many.
        report.remarks.splice(..0, remarks);
        let trouble = tracer.trouble();
        let trouble = trouble.or_else(|| memory::trouble(served.ended, control.failed(), &report));
        Ok(Measured { report: report.into(), broken, served, trouble, perf: None })
    }
}

/// The running tracer, which is ended if it never says anything.
struct Tracer {
    pidfd: OwnedFd,
    given_up: AtomicBool,
}

impl Tracer {
    fn of(child: &Child) -> Result<Self, ServeError> {
        let pidfd = child.as_fd().try_clone_to_owned().map_err(ServeError::Watch)?;
        Ok(Self { pidfd, given_up: AtomicBool::new(false) })
    }

    fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
        send_signal(self.pidfd.as_fd(), Signal::SIGKILL);
    }

    fn trouble(&self) -> Option<TracerTrouble> {
        self.given_up.load(Ordering::Relaxed).then_some(TracerTrouble::Silent)
    }
}
