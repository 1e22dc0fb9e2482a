//! The single rounds of a benchmark: as many as a record has room for, evenly spread.

use results::{BenchResult, RawRounds};
use runner_shared::{artifact::RobustSource, walltime::as_float};

use crate::record::Rounds;

/// Returns the rounds of a benchmark; `None` if nobody kept them.
pub(super) fn recorded(of: &BenchResult) -> Option<Rounds> {
    let raw = of.rounds.as_ref()?;
    let wall_ns = raw.per_iteration_ns();
    let count = wall_ns.len();
    let has_stamps =
        of.robust.as_ref().is_some_and(|robust| robust.source == RobustSource::KernelStamps);
    let undisturbed_ns = if has_stamps { raw.undisturbed_ns() } else { Vec::new() };
    let processor_ns = match raw {
        RawRounds::Logged(rounds) => {
            rounds.robust_ns(RobustSource::ProcessorTime).into_iter().map(as_float).collect()
        }
        RawRounds::Marked { .. } => Vec::new(),
    };
    // A list that lacks some rounds could not be told from one of others.
    let whole = |list: Vec<f64>| {
        let is_whole = list.len() == count && list.iter().all(|value| value.is_finite());
        if is_whole { list } else { Vec::new() }
    };
    let mut rounds = Rounds {
        wall_ns: whole(wall_ns),
        undisturbed_ns: whole(undisturbed_ns),
        processor_ns: whole(processor_ns),
        left_out: 0,
    };
    for list in [&mut rounds.wall_ns, &mut rounds.undisturbed_ns, &mut rounds.processor_ns] {
        for value in list {
            *value = in_picoseconds(*value);
        }
    }
    rounds.thin_out(Rounds::MOST);
    (!rounds.wall_ns.is_empty()).then_some(rounds)
}

/// The same without digits that no clock has: they would make up most of a record.
fn in_picoseconds(nanos: f64) -> f64 {
    (nanos * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_below_a_picosecond_are_dropped() {
        let shown = |nanos| in_picoseconds(nanos).to_string();
        assert_eq!(shown(1.000_499), "1");
        assert_eq!(shown(123_456.789_9), "123456.79");
    }
}
