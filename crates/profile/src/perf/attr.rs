//! What was recorded (`perf_event_attr`), as far as it decides how records are laid out.

use crate::bytes::{Bytes, u64s};

/// Bits of `sample_type`.
pub(super) mod sample_bit {
    pub(in crate::perf) const IP: u64 = 1 << 0;
    pub(in crate::perf) const TID: u64 = 1 << 1;
    pub(in crate::perf) const TIME: u64 = 1 << 2;
    pub(in crate::perf) const ADDR: u64 = 1 << 3;
    pub(in crate::perf) const READ: u64 = 1 << 4;
    pub(in crate::perf) const CALLCHAIN: u64 = 1 << 5;
    pub(in crate::perf) const ID: u64 = 1 << 6;
    pub(in crate::perf) const CPU: u64 = 1 << 7;
    pub(in crate::perf) const PERIOD: u64 = 1 << 8;
    pub(in crate::perf) const STREAM_ID: u64 = 1 << 9;
    pub(in crate::perf) const RAW: u64 = 1 << 10;
    pub(in crate::perf) const BRANCH_STACK: u64 = 1 << 11;
    pub(in crate::perf) const REGS_USER: u64 = 1 << 12;
    pub(in crate::perf) const STACK_USER: u64 = 1 << 13;
    pub(in crate::perf) const IDENTIFIER: u64 = 1 << 16;
}

/// Type of events that the kernel counts itself.
const TYPE_SOFTWARE: u32 = 1;
const SOFTWARE_CPU_CLOCK: u64 = 0;
const SOFTWARE_TASK_CLOCK: u64 = 1;
const SOFTWARE_DUMMY: u64 = 9;
const FLAG_FREQ: u64 = 1 << 10;
const FLAG_SAMPLE_ID_ALL: u64 = 1 << 18;
/// Length of the first published `perf_event_attr`.
const SMALLEST: u32 = 64;

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Attr {
    kind: u32,
    config: u64,
    /// Every so many events, or so many times per second.
    pub(super) period_or_freq: u64,
    flags: u64,
    pub(super) sample_type: u64,
    pub(super) read_format: u64,
    pub(super) branch_sample_type: u64,
    pub(super) regs_user: u64,
    /// Bytes of the stack that are copied with each sample.
    pub(crate) stack_user: u32,
    pub(super) ids: Vec<u64>,
}

impl Attr {
    /// Reads the attribute and the ids behind it: the content of a `HEADER_ATTR` record.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut size = Bytes::new(bytes);
        size.skip(4)?;
        let size = match size.u32()? {
            // What perf 2.6.31 wrote.
            0 => SMALLEST,
            size => size,
        };
        let mut all = Bytes::new(bytes);
        let attr = all.take(usize::try_from(size).ok()?)?;
        Some(Self::parse_fields(attr)?.with_ids(all.rest()))
    }

    /// The ids of its events, 8 bytes each.
    pub(super) fn with_ids(self, ids: &[u8]) -> Self {
        Self { ids: u64s(ids).collect(), ..self }
    }

    /// Reads an attribute alone.
    pub(super) fn parse_fields(attr: &[u8]) -> Option<Self> {
        let mut fields = Bytes::new(attr);
        let kind = fields.u32()?;
        fields.skip(4)?;
        let (config, period_or_freq) = (fields.u64()?, fields.u64()?);
        let (sample_type, read_format, flags) = (fields.u64()?, fields.u64()?, fields.u64()?);
        // wakeup_events, bp_type, bp_addr; newer fields are zero when they are missing.
        fields.skip(16)?;
        let mut newer = || fields.u64().unwrap_or(0);
        let _bp_len = newer();
        let (branch_sample_type, regs_user) = (newer(), newer());
        let stack_user = fields.u32().unwrap_or(0);
        Some(Self {
            kind,
            config,
            period_or_freq,
            flags,
            sample_type,
            read_format,
            branch_sample_type,
            regs_user,
            stack_user,
            ids: Vec::new(),
        })
    }

    pub(super) const fn has(&self, bit: u64) -> bool {
        self.sample_type & bit != 0
    }

    /// The event that perf adds only to hear of mappings and processes.
    pub(crate) const fn is_dummy(&self) -> bool {
        self.kind == TYPE_SOFTWARE && self.config == SOFTWARE_DUMMY
    }

    /// What a sample stands for in nanoseconds: the period of a clock, else one part of a second.
    pub(crate) fn weight_ns(&self, period: u64) -> u64 {
        let is_clock = self.kind == TYPE_SOFTWARE
            && (self.config == SOFTWARE_CPU_CLOCK || self.config == SOFTWARE_TASK_CLOCK);
        if is_clock {
            let constant = if self.flags & FLAG_FREQ == 0 { self.period_or_freq } else { 0 };
            if period.max(constant) > 0 {
                return period.max(constant);
            }
        }
        if self.flags & FLAG_FREQ == 0 {
            // Events counted by a fixed period have no length: each sample counts alike.
            return 1;
        }
        1_000_000_000_u64.checked_div(self.period_or_freq).unwrap_or(1).max(1)
    }

    /// The time in the fields that end every record that isn't a sample.
    pub(super) fn trailer_time(&self, body: &[u8]) -> Option<u64> {
        use sample_bit::{CPU, ID, IDENTIFIER, STREAM_ID, TIME};
        if self.flags & FLAG_SAMPLE_ID_ALL == 0 || !self.has(TIME) {
            return None;
        }
        let behind = [ID, STREAM_ID, CPU, IDENTIFIER].iter().filter(|bit| self.has(**bit)).count();
        u64s(body.get(body.len() % 8..)?).rev().nth(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attr(kind: u32, config: u64, freq: u64, flags: u64, sample_type: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(kind.to_le_bytes());
        bytes.extend(64_u32.to_le_bytes());
        for field in [config, freq, sample_type, 0, flags, 0, 0] {
            bytes.extend(field.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn a_short_attribute_with_ids() {
        let mut bytes = attr(1, 0, 997, FLAG_FREQ, 7);
        bytes.extend([5, 0, 0, 0, 0, 0, 0, 0]);
        let attr = Attr::parse(&bytes).unwrap();
        assert_eq!(attr.ids, [5]);
        assert_eq!((attr.regs_user, attr.sample_type), (0, 7));
        assert!(!attr.is_dummy());
        assert!(Attr::parse(&bytes[..60]).is_none());
    }

    #[test]
    fn a_clock_weighs_its_period_other_events_a_share_of_a_second() {
        let parse = |bytes: &[u8]| Attr::parse(bytes).unwrap();
        assert_eq!(parse(&attr(1, 0, 1000, FLAG_FREQ, 7)).weight_ns(1_003_009), 1_003_009);
        assert_eq!(parse(&attr(1, 0, 500, 0, 7)).weight_ns(0), 500);
        assert_eq!(parse(&attr(0, 0, 1000, FLAG_FREQ, 7)).weight_ns(33_000), 1_000_000);
        assert_eq!(parse(&attr(0, 0, 100_000, 0, 7)).weight_ns(100_000), 1);
        assert_eq!(parse(&attr(0, 0, 0, FLAG_FREQ, 7)).weight_ns(0), 1);
    }

    #[test]
    fn the_time_stands_before_the_fields_that_follow_it() {
        use sample_bit::{CPU, IDENTIFIER, TID, TIME};
        let flags = FLAG_SAMPLE_ID_ALL;
        let attr = Attr::parse(&attr(1, 9, 0, flags, TID | TIME | CPU | IDENTIFIER)).unwrap();
        let body: Vec<u8> =
            [1_u64, 2, 77, 3, 4].iter().flat_map(|field| field.to_le_bytes()).collect();
        assert_eq!(attr.trailer_time(&body), Some(77));
        assert_eq!(attr.trailer_time(&body[..8]), None);
        assert!(attr.is_dummy());
    }
}
