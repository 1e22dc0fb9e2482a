//! A run in simulation mode.

use std::time::SystemTime;

use results::{Allocations, Reading};
use system::temporary;

use super::{
    Measured, RunError, Stage,
    watch::{before, left_by_suite, watch},
};
use crate::{
    event::RunEvent,
    mode::simulation::{self, Keeper, Valgrind},
    process::ToolCommand,
    settings::RunPart,
};

/// Meaning of processes that outlive a suite.
const LEFT_RUNNING: &str = "its later instructions are not in the results";

impl Stage<'_> {
    /// Counts below Valgrind; nobody is spoken to.
    pub(super) fn simulation(self) -> Result<Measured, RunError> {
        let output = self.output();
        let Self { part, env, folder, before: old, instruments, paths: _, signals, ui } = self;
        let RunPart { workload, simulation: options, working_directory, python_allocator, .. } =
            part;
        let ready = simulation::prepare(
            workload,
            options,
            *python_allocator,
            working_directory,
            folder,
            env,
        )?;
        for warning in ready.warnings {
            ui.event(&RunEvent::warning(warning));
        }
        ui.event(&RunEvent::Step(counting_with(&ready.valgrind)));
        let command = ready.command;
        let command = ToolCommand { env: instruments.environment(command.env), output, ..command };
        ui.event(&RunEvent::Debug(format!("running: {}", command.shown())));
        let start = SystemTime::now();
        let before = before();
        let served = watch(command.spawn()?, &before, None, signals, ui)?;
        let left = left_by_suite(workload, &before, &served, LEFT_RUNNING);
        drop(ready.shims);
        temporary::tidy(folder.path());
        let kept = ready.keeper.map(Keeper::finish).unwrap_or_default();
        for warning in kept.into_iter().chain(simulation::harvest(folder, start)) {
            ui.event(&RunEvent::warning(warning));
        }
        let Reading { mut report, broken } = results::read_simulation(folder, &old.untouched())?;
        report.warnings.extend(left);
        report.view.model = options.cost_model;
        if options.exclude_allocations {
            report.view.allocations = Allocations::Excluded;
        }
        Ok(Measured { report: report.into(), broken, served, trouble: None, perf: None })
    }
}

/// Returns what counts, and what it can't do.
fn counting_with(valgrind: &Valgrind) -> String {
    let Valgrind { version, build, .. } = valgrind;
    match &valgrind.limits()[..] {
        [] => format!("counting with {version}"),
        limits => format!("counting with {version} ({build}: {})", limits.join(", ")),
    }
}
