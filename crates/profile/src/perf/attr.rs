//! The attributes of the recorded events (`perf_event_attr`), as far as they decide how records are laid out.

use byteorder::LittleEndian;
use linux_perf_event_reader::{
    Endianness, PerfEventAttr, PerfEventType, RecordParseInfo, RecordType, SampleFormat,
    SamplingPolicy, SoftwareCounterType, get_record_timestamp,
};

use crate::bytes::u64s;

/// The place of `read_format` among the numbers of 64 bits of an attribute.
const READ_FORMAT: usize = 4;

/// The fields of a sample before the values of counters, 8 bytes each.
pub(super) const HEAD: SampleFormat = SampleFormat::IDENTIFIER
    .union(SampleFormat::IP)
    .union(SampleFormat::TID)
    .union(SampleFormat::TIME)
    .union(SampleFormat::ADDR)
    .union(SampleFormat::ID)
    .union(SampleFormat::STREAM_ID)
    .union(SampleFormat::CPU)
    .union(SampleFormat::PERIOD);

/// The fields between the values of counters and the end of the stack.
const BEHIND_COUNTERS: SampleFormat = SampleFormat::CALLCHAIN
    .union(SampleFormat::RAW)
    .union(SampleFormat::BRANCH_STACK)
    .union(SampleFormat::REGS_USER)
    .union(SampleFormat::STACK_USER);

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Attr {
    kind: PerfEventType,
    policy: SamplingPolicy,
    /// The fields that are left in the copy of a sample, and where times and ids are in all records.
    pub(super) layout: RecordParseInfo,
    /// The form of the values of counters in a sample, if it has any.
    pub(super) read_format: Option<u64>,
    /// Bytes of the stack that are copied with each sample.
    pub(crate) stack_user: u32,
    pub(super) ids: Vec<u64>,
}

impl Attr {
    /// Reads the attribute and the ids behind it: the content of a `HEADER_ATTR` record.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (attr, size) = PerfEventAttr::parse::<_, LittleEndian>(bytes).ok()?;
        let ids = bytes.get(usize::try_from(size).ok()?..)?;
        let mut layout = RecordParseInfo::new(&attr, Endianness::LittleEndian);
        // Nobody needs what comes behind the stack, and counters are left out of the copy.
        layout.sample_format &= HEAD | BEHIND_COUNTERS;
        let has_counters = attr.sample_format.contains(SampleFormat::READ);
        Some(Self {
            kind: attr.type_,
            policy: attr.sampling_policy,
            layout,
            // All of its bits: the library drops those that it doesn't know.
            read_format: if has_counters { u64s(bytes).nth(READ_FORMAT) } else { None },
            stack_user: attr.sample_stack_user,
            ids: u64s(ids).collect(),
        })
    }

    /// The ids of its events, 8 bytes each.
    pub(super) fn with_ids(self, ids: &[u8]) -> Self {
        Self { ids: u64s(ids).collect(), ..self }
    }

    /// The event that perf adds only to hear of mappings and processes.
    pub(crate) const fn is_dummy(&self) -> bool {
        matches!(self.kind, PerfEventType::Software(SoftwareCounterType::Dummy))
    }

    /// Returns the time that a sample stands for, in nanoseconds: the period of a clock, else one part of a second.
    pub(crate) fn weight_ns(&self, period: u64) -> u64 {
        use SoftwareCounterType::{CpuClock, TaskClock};
        let (constant, frequency) = match self.policy {
            SamplingPolicy::Period(period) => (period.get(), None),
            SamplingPolicy::Frequency(frequency) => (0, Some(frequency)),
            SamplingPolicy::NoSampling => (0, None),
        };
        let is_clock = matches!(self.kind, PerfEventType::Software(CpuClock | TaskClock));
        if is_clock && period.max(constant) > 0 {
            return period.max(constant);
        }
        // Events counted by a fixed period have no length: each sample counts alike.
        let length = |frequency| 1_000_000_000_u64.checked_div(frequency);
        frequency.and_then(length).unwrap_or(1).max(1)
    }

    /// The time in the fields that end every record that isn't a sample.
    pub(super) fn trailer_time(&self, body: &[u8]) -> Option<u64> {
        // Any kind but that of samples.
        get_record_timestamp::<LittleEndian>(RecordType::COMM, body.into(), &self.layout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits of the flags: a frequency instead of a period, times in all records.
    const FREQ: u64 = 1 << 10;
    const SAMPLE_ID_ALL: u64 = 1 << 18;

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
        let mut bytes = attr(1, 0, 997, FREQ, 7);
        bytes.extend([5, 0, 0, 0, 0, 0, 0, 0]);
        let attr = Attr::parse(&bytes).unwrap();
        assert_eq!(attr.ids, [5]);
        assert_eq!((attr.layout.sample_regs_user, attr.layout.sample_format.bits()), (0, 7));
        assert!(!attr.is_dummy());
        assert!(Attr::parse(&bytes[..60]).is_none());
    }

    #[test]
    fn a_clock_weighs_its_period_other_events_a_share_of_a_second() {
        let parse = |bytes: &[u8]| Attr::parse(bytes).unwrap();
        assert_eq!(parse(&attr(1, 0, 1000, FREQ, 7)).weight_ns(1_003_009), 1_003_009);
        assert_eq!(parse(&attr(1, 0, 500, 0, 7)).weight_ns(0), 500);
        assert_eq!(parse(&attr(0, 0, 1000, FREQ, 7)).weight_ns(33_000), 1_000_000);
        assert_eq!(parse(&attr(0, 0, 100_000, 0, 7)).weight_ns(100_000), 1);
        assert_eq!(parse(&attr(0, 0, 0, FREQ, 7)).weight_ns(0), 1);
    }

    #[test]
    fn the_time_stands_before_the_fields_that_follow_it() {
        let fields =
            SampleFormat::TID | SampleFormat::TIME | SampleFormat::CPU | SampleFormat::IDENTIFIER;
        let attr = Attr::parse(&attr(1, 9, 0, SAMPLE_ID_ALL, fields.bits())).unwrap();
        let body: Vec<u8> =
            [1_u64, 2, 77, 3, 4].iter().flat_map(|field| field.to_le_bytes()).collect();
        assert_eq!(attr.trailer_time(&body), Some(77));
        assert_eq!(attr.trailer_time(&body[..8]), None);
        assert!(attr.is_dummy());
    }
}
