//! Patience with a connection: the time until which more has to come or go. Reads no clock.

use std::time::Duration;

use tokio::time::Instant;

use super::HttpSettings;

/// The bytes that have moved, and the time until which more have to.
#[derive(Debug)]
pub(super) struct Pace<'a> {
    settings: &'a HttpSettings,
    /// All that has moved.
    bytes: u64,
    /// The end of patience with silence.
    silent: Instant,
    /// All that had moved when this stretch of time began.
    before: u64,
    /// The end of the stretch.
    slow: Instant,
}

impl<'a> Pace<'a> {
    /// Begins at this time.
    pub(super) fn new(settings: &'a HttpSettings, now: Instant) -> Self {
        let (silent, slow) = (now + settings.idle_timeout, now + settings.slow_timeout);
        Self { settings, bytes: 0, silent, before: 0, slow }
    }

    /// Returns the time until which more has to move.
    pub(super) fn deadline(&self) -> Instant {
        self.silent.min(self.slow)
    }

    /// So much has moved up to now, in all.
    pub(super) fn moved(&mut self, bytes: u64, now: Instant) {
        if bytes > self.bytes {
            (self.bytes, self.silent) = (bytes, now + self.settings.idle_timeout);
        }
        if bytes.saturating_sub(self.before) >= self.settings.least_bytes {
            (self.before, self.slow) = (bytes, now + self.settings.slow_timeout);
        }
    }

    /// Returns whether it is slow at the deadline, and not silent.
    pub(super) fn is_slow(&self) -> bool {
        self.slow < self.silent
    }
}

/// The longest time that one try of a request can take: so many bytes as slowly as is allowed, and so many heads.
pub(super) fn longest(settings: &HttpSettings, bytes: u64, heads: u32) -> Duration {
    let stretches = bytes.div_ceil(settings.least_bytes.max(1));
    let stretches = u32::try_from(stretches).unwrap_or(u32::MAX);
    let heads = settings.idle_timeout.saturating_mul(heads);
    settings.slow_timeout.saturating_mul(stretches).saturating_add(heads)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> HttpSettings {
        let (idle_timeout, slow_timeout) = (Duration::from_secs(10), Duration::from_secs(15));
        HttpSettings { idle_timeout, slow_timeout, least_bytes: 100, ..HttpSettings::default() }
    }

    #[test]
    fn a_byte_ends_silence_and_only_enough_of_them_ends_slowness() {
        let (settings, start) = (settings(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::new(&settings, start);
        assert_eq!((pace.deadline(), pace.is_slow()), (at(10), false));
        pace.moved(99, at(4));
        assert_eq!((pace.deadline(), pace.is_slow()), (at(14), false));
        pace.moved(99, at(8));
        assert_eq!((pace.deadline(), pace.is_slow()), (at(14), false), "nothing new");
        pace.moved(99 + 1, at(9));
        assert_eq!((pace.deadline(), pace.is_slow()), (at(19), false));
        pace.moved(150, at(15));
        assert_eq!((pace.deadline(), pace.is_slow()), (at(24), true));
        pace.moved(450, at(16));
        assert_eq!((pace.deadline(), pace.is_slow()), (at(26), false));
    }

    #[test]
    fn a_whole_has_an_end_that_depends_on_its_length() {
        let seconds = |bytes, heads| longest(&settings(), bytes, heads).as_secs();
        assert_eq!((seconds(0, 1), seconds(1, 1), seconds(1000, 2)), (10, 25, 170));
        assert!(seconds(u64::MAX, u32::MAX) > u64::from(u32::MAX));
    }
}
