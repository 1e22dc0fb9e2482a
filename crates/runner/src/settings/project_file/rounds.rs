//! Limits of rounds: options of several levels become one consistent set.

use runner_shared::{duration::parse_nanos, harness::WalltimeArgs};

use super::{
    check::{Duration, Fields, Placed},
    keys,
};
use crate::settings::yaml::Flaw;

/// Options of the rounds, as far as they are given on one level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RoundOptions {
    /// Time for rounds that are not counted.
    pub warmup_time: Option<Placed<Duration>>,
    /// Most time for all measured rounds; zero for no limit.
    pub max_time: Option<Placed<Duration>>,
    /// Least time for all measured rounds.
    pub min_time: Option<Placed<Duration>>,
    /// Maximum number of measured rounds.
    pub max_rounds: Option<Placed<u64>>,
    /// Least measured rounds.
    pub min_rounds: Option<Placed<u64>>,
}

impl RoundOptions {
    pub(super) fn take(fields: &mut Fields) -> Self {
        Self {
            warmup_time: fields.duration(keys::WARMUP_TIME),
            max_time: fields.duration(keys::MAX_TIME),
            min_time: fields.duration(keys::MIN_TIME),
            max_rounds: fields.count(keys::MAX_ROUNDS),
            min_rounds: fields.count(keys::MIN_ROUNDS),
        }
    }

    /// Returns whether nothing is given.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These, and where nothing is given, those of the level above.
    #[must_use]
    pub(crate) fn over(&self, above: &Self) -> Self {
        let Self { warmup_time, max_time, min_time, max_rounds, min_rounds } = self.clone();
        let above = above.clone();
        Self {
            warmup_time: warmup_time.or(above.warmup_time),
            max_time: max_time.or(above.max_time),
            min_time: min_time.or(above.min_time),
            max_rounds: max_rounds.or(above.max_rounds),
            min_rounds: min_rounds.or(above.min_rounds),
        }
    }

    /// Refuses what contradicts itself.
    pub(super) fn check(&self) -> Result<(), Flaw> {
        let Self { warmup_time: _, max_time, min_time, max_rounds, min_rounds } = self;
        if let (Some(time), Some(rounds)) = (min_time, max_rounds) {
            return Err(mixed((keys::MIN_TIME, time), (keys::MAX_ROUNDS, rounds)));
        }
        if let (Some(time), Some(rounds)) = (max_time, min_rounds) {
            return Err(mixed((keys::MAX_TIME, time), (keys::MIN_ROUNDS, rounds)));
        }
        if let (Some(least), Some(most)) = (min_time, max_time)
            && is_reversed(least.value.nanos, most.value.nanos)
        {
            let (low, high) = (&least.value.text, &most.value.text);
            let what = format!(
                "`min-time` ({low}, at {}) is longer than `max-time` ({high}, at {})",
                least.at, most.at
            );
            return Err(Flaw::new(least.at.max(most.at), what));
        }
        if let (Some(least), Some(most)) = (min_rounds, max_rounds)
            && least.value > most.value
        {
            let (low, high) = (least.value, most.value);
            let what = format!(
                "`min-rounds` ({low}, at {}) is more than `max-rounds` ({high}, at {})",
                least.at, most.at
            );
            return Err(Flaw::new(least.at.max(most.at), what));
        }
        Ok(())
    }

    /// For `exec-harness`.
    pub(crate) fn to_args(&self) -> WalltimeArgs {
        self.below(WalltimeArgs::default())
    }

    /// The command line, and where it says nothing, these.
    pub(super) fn below(&self, told: WalltimeArgs) -> WalltimeArgs {
        let Self { warmup_time, max_time, min_time, max_rounds, min_rounds } = self;
        let text = |time: &Option<Placed<Duration>>| Some(time.as_ref()?.value.text.clone());
        let count = |count: &Option<Placed<u64>>| Some(count.as_ref()?.value);
        WalltimeArgs {
            warmup_time: told.warmup_time.or_else(|| text(warmup_time)),
            max_time: told.max_time.or_else(|| text(max_time)),
            min_time: told.min_time.or_else(|| text(min_time)),
            max_rounds: told.max_rounds.or_else(|| count(max_rounds)),
            min_rounds: told.min_rounds.or_else(|| count(min_rounds)),
            target_precision: told.target_precision,
        }
    }

    /// Refuses a limit of the file that the command line contradicts.
    pub(super) fn check_beside(&self, told: &WalltimeArgs) -> Result<(), Flaw> {
        // What is no duration is refused by `exec-harness`.
        let nanos = |text: &Option<String>| text.as_ref().and_then(|text| parse_nanos(text).ok());
        let time =
            |time: &Option<Placed<Duration>>| time.as_ref().map(|time| (time.at, time.value.nanos));
        let count =
            |count: &Option<Placed<u64>>| count.as_ref().map(|count| (count.at, count.value));
        let dimensions = [
            (
                "time",
                time(&self.min_time),
                time(&self.max_time),
                nanos(&told.min_time),
                nanos(&told.max_time),
            ),
            (
                "rounds",
                count(&self.min_rounds),
                count(&self.max_rounds),
                told.min_rounds,
                told.max_rounds,
            ),
        ];
        for (what, least, most, told_least, told_most) in dimensions {
            let is_reversed =
                |least, most| (what == "rounds" && least > most) || is_reversed(least, most);
            if let (Some((at, least)), Some(most), None) = (least, told_most, told_least)
                && is_reversed(least, most)
            {
                return Err(Flaw::new(
                    at,
                    format!(
                        "`min-{what}` here is more than `--max-{what}`; use `--min-{what}` to override it"
                    ),
                ));
            }
            if let (Some((at, most)), Some(least), None) = (most, told_least, told_most)
                && is_reversed(least, most)
            {
                return Err(Flaw::new(
                    at,
                    format!(
                        "`max-{what}` here is less than `--min-{what}`; use `--max-{what}` to override it"
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// Returns whether the least is more than the most, of which zero is no limit.
const fn is_reversed(least: u64, most: u64) -> bool {
    0 < most && most < least
}

fn mixed(time: (&str, &Placed<Duration>), rounds: (&str, &Placed<u64>)) -> Flaw {
    let ((time, time_at), (rounds, rounds_at)) = ((time.0, time.1.at), (rounds.0, rounds.1.at));
    let what = format!(
        "`{time}` (at {time_at}) and `{rounds}` (at {rounds_at}) can't be combined: limit either the time or the rounds"
    );
    Flaw::new(time_at.max(rounds_at), what)
}
