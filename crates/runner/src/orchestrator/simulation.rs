//! A run in simulation mode.

use std::time::SystemTime;

use results::{Allocations, SimulationReading};

use super::{Measured, RunError, Stage, watch::watch};
use crate::{
    event::RunEvent,
    mode::simulation::{self, Keeper, Valgrind},
    process::ToolCommand,
    report::AnyReport,
    settings::RunPart,
};

impl Stage<'_> {
    /// Counts below Valgrind; nobody is spoken to.
    pub(super) fn simulation(self) -> Result<Measured, RunError> {
        let output = self.output();
        let Self { part, env, folder, before, instruments, paths: _, signals, ui } = self;
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
        ui.event(&RunEvent::Step(counting_with(&ready.valgrind)));
        let command = ready.command;
        let command = ToolCommand { env: instruments.environment(command.env), output, ..command };
        ui.event(&RunEvent::Debug(format!("starts: {}", command.shown())));
        let start = SystemTime::now();
        let served = watch(command.spawn()?, None, &signals, ui)?;
        drop(ready.shims);
        let kept = ready.keeper.map(Keeper::finish).unwrap_or_default();
        for warning in kept.into_iter().chain(simulation::harvest(folder, start)) {
            ui.event(&RunEvent::warning(warning));
        }
        let SimulationReading { mut report, broken } =
            results::read_simulation(folder, &before.untouched())?;
        report.view.model = options.cost_model;
        if options.exclude_allocations {
            report.view.allocations = Allocations::Excluded;
        }
        Ok(Measured { report: AnyReport::Simulation(report), broken, served, trouble: None })
    }
}

/// What counts, and what it can't do.
fn counting_with(valgrind: &Valgrind) -> String {
    let Valgrind { version, build, .. } = valgrind;
    match &valgrind.limits()[..] {
        [] => format!("counting with {version}"),
        limits => format!("counting with {version} ({build}: {})", limits.join(", ")),
    }
}
