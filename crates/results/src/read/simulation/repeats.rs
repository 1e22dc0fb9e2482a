//! The repeats of a simulation whose commands are compared.

use std::collections::BTreeSet;

use runner_shared::{artifact::Repeats, profile_dir::ProfileDir};

use super::{SimulationReading, read_plainly};
use crate::{
    counts::{Repeated, RepeatedSide},
    read::{
        ReadError,
        repeats::{asked, side},
    },
    simulation::SimulationCounts,
};

/// Adds the repeats to the first counts, which are known.
pub(super) fn add(
    profile_dir: &ProfileDir,
    reading: &mut SimulationReading,
) -> Result<(), ReadError> {
    let SimulationReading { report, broken } = reading;
    let Some(asked) = asked(profile_dir, &mut report.warnings) else { return Ok(()) };
    let firsts = report.benchmarks.iter().filter(|it| it.occurrence == 1);
    let mut sides: Vec<RepeatedSide<SimulationCounts>> =
        firsts.map(|it| side(&it.name, &it.uri, SimulationCounts::of(it))).collect();
    for nth in 1..Repeats::PADDINGS.len() {
        let repeat = read_plainly(&profile_dir.repeat(nth), &BTreeSet::new())?;
        for benchmark in &repeat.report.benchmarks {
            if let Some(side) = sides.iter_mut().find(|side| side.uri == benchmark.uri) {
                side.counts.push(SimulationCounts::of(benchmark));
            }
        }
        broken.extend(repeat.broken);
    }
    report.repeated = Some(Repeated { asked, sides });
    Ok(())
}
