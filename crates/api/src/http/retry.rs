//! Policy of retries: how often, and after which pause. Does not wait itself, and reads no clock.

use std::{fmt, time::Duration};

/// The first pause is at most so long; each further one at most twice as long as the one before.
const FIRST: Duration = Duration::from_secs(1);
/// No pause is longer, unless the service asks for one.
const LONGEST: Duration = Duration::from_secs(30);
/// A service that asks for a longer pause is not asked again: nobody waits that long.
const MOST_PATIENCE: Duration = Duration::from_mins(1);

/// The way in which a program waits. Tests have one that doesn't.
pub trait Pause: fmt::Debug + Send + Sync {
    /// Does nothing for so long.
    fn pause(&self, duration: Duration);
    /// A fresh random number from 0 up to 1.
    fn random(&self) -> f64;
}

/// Really waits.
#[derive(Debug, Clone, Copy)]
pub struct RealPause;

impl Pause for RealPause {
    #[expect(clippy::disallowed_methods, reason = "the service is given time to recover")]
    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

/// A check whether somebody wants an end.
pub trait Stop: fmt::Debug + Send + Sync {
    /// Asked several times a second while something goes on. Once it is wanted, it stays so.
    fn is_wanted(&self) -> bool;
}

impl Stop for system::signals::Signals {
    fn is_wanted(&self) -> bool {
        self.interrupted()
    }
}

/// The number of times that a request is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retries {
    /// Somebody waits for the answer.
    Never,
    /// Requests that carry the results of a run, and downloads.
    Some,
    /// A token of the CI system: whole runs depend on it.
    Many,
}

impl Retries {
    pub(crate) fn count(self) -> u32 {
        match self {
            Self::Never => 0,
            Self::Some => 3,
            Self::Many => 10,
        }
    }
}

/// The pause before a retry (the first one is 0), if there shall be one: exponential with full jitter, so that many
/// clients don't come back at the same time, or what the service asked for.
///
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
pub(crate) fn pause_before(
    retry: u32,
    asked: Option<Duration>,
    pause: &dyn Pause,
) -> Option<Duration> {
    if let Some(asked) = asked {
        return (asked <= MOST_PATIENCE).then_some(asked);
    }
    let bound = FIRST.saturating_mul(2_u32.saturating_pow(retry)).min(LONGEST);
    Some(bound.mul_f64(pause.random().clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Dice(f64);

    impl Pause for Dice {
        fn pause(&self, _: Duration) {}

        fn random(&self) -> f64 {
            self.0
        }
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_are_spread_over_all_of_it() {
        let bounds = |random| -> Vec<f64> {
            let dice = Dice(random);
            let pauses = (0..8).map(|retry| pause_before(retry, None, &dice).unwrap());
            pauses.map(|pause| pause.as_secs_f64()).collect()
        };
        assert_eq!(bounds(1.0), [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        assert_eq!(bounds(0.5), [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]);
        assert_eq!(bounds(0.0), [0.0; 8]);
        assert_eq!(pause_before(u32::MAX, None, &Dice(1.0)), Some(LONGEST));
    }

    #[test]
    fn a_pause_that_the_service_asks_for_is_made_or_not_waited_for() {
        let pause = |seconds| pause_before(0, Some(Duration::from_secs(seconds)), &Dice(0.0));
        assert_eq!(pause(60), Some(MOST_PATIENCE));
        assert_eq!(pause(61), None);
    }
}
