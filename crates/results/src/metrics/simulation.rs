//! The metrics of simulation mode.

use super::{Figure, Get, Metric, Unit, known};
use crate::simulation::{Estimate, SimulationResult, View};

const fn row(
    key: &'static str,
    unit: Unit,
    get: fn(&SimulationResult, &View) -> Option<Figure>,
) -> Metric {
    Metric::new(key, unit, Get::Simulation(get))
}

pub(super) const FACTS: &[Metric] = &[
    row("name", Unit::Word, |of, _| known(Some(&of.name))).json().csv(1),
    row("uri", Unit::Word, |of, _| known(Some(&of.uri))).json().csv(2),
    row("occurrence", Unit::Number, |of, _| known(Some(of.occurrence))).neutral().json().csv(3),
    row("integration", Unit::Word, |of, _| known(of.integration.as_ref().map(ToString::to_string)))
        .csv(4),
    row("integration.name", Unit::Word, |of, _| known(of.integration.as_ref().map(|it| &it.name)))
        .json(),
    row("integration.version", Unit::Word, |of, _| {
        known(of.integration.as_ref()?.version.as_ref())
    })
    .json(),
    row("pid", Unit::Number, |of, _| known(Some(of.pid))).neutral().json().csv(5),
    row("thread", Unit::Number, |of, _| known(of.thread)).neutral().json().csv(6),
    row("model", Unit::Word, |_, view| known(Some(view.model.id))).csv(7),
];

pub(super) const MEASURED: &[Metric] = &[
    row("Ir", Unit::Number, |of, view| known(of.instructions(view)))
        .column("Instructions", 0)
        .json_as("instructions")
        .csv(16)
        .measure("instructions"),
    row("estimate_cycles", Unit::Cycles, |of, view| estimate(of, view, |it| it.cycles))
        .json_as("estimate.cycles")
        .csv(9)
        .measure("estimated-cycles"),
    row("estimate_ns", Unit::Nanoseconds, |of, view| estimate(of, view, |it| it.nanos))
        .column("Est. time", 1)
        .json_as("estimate.nanos")
        .csv(8)
        .measure("estimated-latency"),
    row("instructions_share", Unit::Share, |of, view| estimate(of, view, |it| it.instructions))
        .neutral()
        .column("Instr. %", 3)
        .json_as("estimate.instructions")
        .csv(10),
    row("cache_share", Unit::Share, |of, view| estimate(of, view, |it| it.cache))
        .neutral()
        .column("Cache %", 3)
        .json_as("estimate.cache")
        .csv(11),
    row("memory_share", Unit::Share, |of, view| estimate(of, view, |it| it.memory))
        .neutral()
        .column("Memory %", 3)
        .json_as("estimate.memory")
        .csv(12),
    row("allocations_share", Unit::Share, |of, _| known(of.allocations_share()))
        .neutral()
        .column("Alloc %", 2)
        .json()
        .csv(13),
    row("syscalls", Unit::Number, |of, _| known(of.syscalls()))
        .column("Syscalls", 4)
        .json()
        .csv(14),
    row("syscall_ns", Unit::Nanoseconds, |of, _| known(of.syscall_ns())).json().csv(15),
    // Counts by the names of callgrind. In JSON they are in `events`.
    row("Dr", Unit::Number, |of, view| count(of, view, "Dr")).alone("Data reads").csv(17),
    row("Dw", Unit::Number, |of, view| count(of, view, "Dw")).alone("Data writes").csv(18),
    row("I1mr", Unit::Number, |of, view| count(of, view, "I1mr"))
        .alone("First-level misses, instructions")
        .csv(19),
    row("D1mr", Unit::Number, |of, view| count(of, view, "D1mr"))
        .alone("First-level misses, reads")
        .csv(20),
    row("D1mw", Unit::Number, |of, view| count(of, view, "D1mw"))
        .alone("First-level misses, writes")
        .csv(21),
    row("ILmr", Unit::Number, |of, view| count(of, view, "ILmr"))
        .alone("Last-level misses, instructions")
        .csv(22),
    row("DLmr", Unit::Number, |of, view| count(of, view, "DLmr"))
        .alone("Last-level misses, reads")
        .csv(23),
    row("DLmw", Unit::Number, |of, view| count(of, view, "DLmw"))
        .alone("Last-level misses, writes")
        .csv(24),
    row("Ct", Unit::Number, |of, view| count(of, view, "Ct")).csv(25),
    row("Cl", Unit::Number, |of, view| count(of, view, "Cl")).csv(26),
];

fn estimate(of: &SimulationResult, view: &View, part: fn(&Estimate) -> f64) -> Option<Figure> {
    known(of.estimate(view).map(|estimate| part(&estimate)))
}

fn count(of: &SimulationResult, view: &View, event: &str) -> Option<Figure> {
    known(of.counted(view).get(event))
}
