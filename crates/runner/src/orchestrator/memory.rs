//! A run in memory mode.

use std::os::fd::AsFd;

use results::MemoryReading;
use runner_shared::mode::Mode;

use super::{
    Measured, RunError, Stage,
    watch::{warn_of, watch},
};
use crate::{
    event::RunEvent,
    mode::{
        memory::{self, TracerControl},
        shims,
    },
    process::ToolCommand,
    report::AnyReport,
    session::{Conversation, FifoPair, ServeError, Session, SessionRecord},
    settings::RunPart,
};

impl Stage<'_> {
    /// Traces allocations in the windows that the integration names.
    pub(super) fn memory(self) -> Result<Measured, RunError> {
        let output = self.output();
        let Self { part, env, folder, before, instruments, paths, signals, ui } = self;
        let RunPart { workload, working_directory, memory: options, python_allocator, .. } = part;
        let memory::Traced { command, fifos: control, remarks } =
            memory::command(workload, *options, *python_allocator, working_directory, folder, env)?;
        let seen = instruments.environment(command.env);
        let (env, shims) = shims::install(Mode::Memory, workload, folder, seen)?;
        let command = ToolCommand { env, output, ..command };
        ui.event(&RunEvent::Debug(format!("starts: {}", command.shown())));
        let mut fifos = FifoPair::create(paths)?;
        let child = command.spawn()?;
        let ended = child.as_fd().try_clone_to_owned().map_err(ServeError::Watch)?;
        let mut control = TracerControl::new(control.connect(ended));
        let conversation =
            Conversation { fifos: &mut fifos, session: Session::memory(), control: &mut control };
        let served = watch(child, Some(conversation), &signals, ui)?;
        drop(shims);
        warn_of(&SessionRecord { open_windows: 0, ..served.record.clone() }, ui);
        memory::finish(&served.record, folder)?;
        let MemoryReading { mut report, broken } =
            results::read_fresh_memory(folder, &before.untouched())?;
        // Ours first: the tracer may have many.
        report.remarks.splice(..0, remarks);
        let trouble = memory::trouble(served.ended, control.failed(), &report);
        Ok(Measured { report: AnyReport::Memory(report), broken, served, trouble })
    }
}
