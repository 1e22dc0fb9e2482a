//! The benchmarks to measure and their options, checked before anything runs.

use runner_shared::{
    counters::{self, Event, UnknownEvent},
    harness::{Target, WalltimeArgs},
    mode::Mode,
};

use crate::{
    command::{Around, AroundError},
    limits::{Limits, LimitsError},
};

/// One benchmark, as asked for and checked.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// As asked for.
    pub target: Target,
    /// Options of the rounds.
    pub limits: Limits,
    /// The checks on each round.
    pub around: Around,
    /// The events that are counted in each round.
    pub counters: Vec<&'static Event>,
}

/// Options that make no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum PlanError {
    /// Limits that can't be met.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// A round can't be run like this.
    #[error(transparent)]
    Around(#[from] AroundError),
    /// Something that can't be counted.
    #[error(transparent)]
    Counter(#[from] UnknownEvent),
}

impl Plan {
    /// Checks a benchmark. One that runs only once needs no limits, but those that are given have to make sense.
    pub(crate) fn resolve(target: Target, mode: Mode) -> Result<Self, PlanError> {
        let limits = match (Limits::resolve(&target.walltime_args), mode) {
            (Err(LimitsError::Endless), Mode::Simulation | Mode::Memory) => {
                Limits::resolve(&WalltimeArgs::default())
            }
            (limits, _) => limits,
        }?;
        let around = Around::resolve(&target.run_args, mode)?;
        let counters = target.run_args.counters.iter().map(|name| counters::find(name));
        let counters = counters.collect::<Result<_, _>>()?;
        Ok(Self { target, limits, around, counters })
    }
}
