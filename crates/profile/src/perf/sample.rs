//! One sample: who ran where, for how long, and what lay on its stack.

use std::collections::HashMap;

use byteorder::LittleEndian;
use linux_perf_event_reader::{
    RawData, RawDataU64, RecordType, Regs, SampleFormat, SampleRecord, get_record_id,
    get_record_timestamp,
};

use super::attr::{Attr, HEAD};
use crate::bytes::{Bytes, wide};

/// Bits of `read_format`.
mod read_bit {
    pub(super) const TOTAL_TIME_ENABLED: u64 = 1;
    pub(super) const TOTAL_TIME_RUNNING: u64 = 2;
    pub(super) const ID: u64 = 4;
    pub(super) const GROUP: u64 = 8;
    pub(super) const LOST: u64 = 16;
}

/// The fields that we use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample<'a> {
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    /// The address where it ran.
    pub(crate) ip: u64,
    pub(crate) period: u64,
    /// Addresses from the innermost function out, with marks of the context.
    callchain: Option<RawDataU64<'a>>,
    /// User registers by their numbers in the kernel's `perf_regs.h`.
    regs: Option<Regs<'a>>,
    /// Bytes from the stack pointer on.
    pub(crate) stack: &'a [u8],
}

/// Returns the place of the attribute that lays out this sample.
pub(super) fn attr_of(body: &[u8], attrs: &[Attr], by_id: &HashMap<u64, usize>) -> Option<usize> {
    let layout = &attrs.first()?.layout.id_parse_info;
    if layout.sample_record_id_offset_from_start.is_none() {
        return Some(0);
    }
    let id = get_record_id::<LittleEndian>(RecordType::SAMPLE, body.into(), layout)?;
    by_id.get(&id).copied()
}

/// Returns the time at which it was taken.
pub(super) fn time(body: &[u8], attr: &Attr) -> Option<u64> {
    get_record_timestamp::<LittleEndian>(RecordType::SAMPLE, body.into(), &attr.layout)
}

/// Copies the body of a sample for [`Sample::parse`]. The values of counters are left out: nobody needs them, and the
/// library reads those of one event as if they were of a group, and the other way round. `None` if there can't be as many
/// callers as it says, which the library multiplies unchecked.
pub(super) fn copy(body: &[u8], attr: &Attr) -> Option<Vec<u8>> {
    let fields = attr.layout.sample_format;
    let mut rest = Bytes::new(body);
    let length = fields.intersection(HEAD).bits().count_ones().checked_mul(8)?;
    let head = rest.take(usize::try_from(length).ok()?)?;
    if let Some(format) = attr.read_format {
        skip_read(&mut rest, format)?;
    }
    let rest = rest.rest();
    let callers =
        if fields.contains(SampleFormat::CALLCHAIN) { Bytes::new(rest).u64()? } else { 0 };
    (callers <= wide(rest.len()) / 8).then(|| [head, rest].concat())
}

impl<'a> Sample<'a> {
    /// Reads the copy of a sample; `None` if it is shorter than it says.
    pub(crate) fn parse(copy: &'a [u8], attr: &Attr) -> Option<Self> {
        let record = SampleRecord::parse::<LittleEndian>(copy.into(), 0, &attr.layout).ok()?;
        let stack = match record.user_stack {
            // The bytes of the stack that were really copied.
            Some((RawData::Single(stack), copied)) => {
                stack.get(..usize::try_from(copied).ok()?).unwrap_or(stack)
            }
            Some((RawData::Split(..), _)) | None => &[],
        };
        Some(Self {
            pid: record.pid.unwrap_or(0),
            tid: record.tid.unwrap_or(0),
            ip: record.ip.unwrap_or(0),
            period: record.period.unwrap_or(0),
            callchain: record.callchain,
            regs: record.user_regs,
            stack,
        })
    }

    /// Nothing but registers, 8 bytes each, in the order of the bits of the mask.
    pub(crate) fn of_registers(mask: u64, bytes: &'a [u8]) -> Self {
        Self { regs: Some(Regs::new(mask, numbers(bytes))), ..Self::default() }
    }

    /// Nothing but a place and a callchain, 8 bytes for each address.
    #[cfg(test)]
    pub(crate) fn of_callchain(ip: u64, bytes: &'a [u8]) -> Self {
        Self { ip, callchain: Some(numbers(bytes)), ..Self::default() }
    }

    /// A user register by its number in the kernel's `perf_regs.h`, of which there are less than 64.
    pub(crate) fn reg(&self, number: u32) -> Option<u64> {
        self.regs.as_ref()?.get(u64::from(number))
    }

    /// The addresses of its callchain.
    pub(crate) fn callchain(&self) -> impl Iterator<Item = u64> {
        let callchain = self.callchain;
        let length = callchain.map_or(0, |callchain| callchain.len());
        (0..length).filter_map(move |place| callchain?.get(place))
    }
}

fn numbers(bytes: &[u8]) -> RawDataU64<'_> {
    RawDataU64::from_raw_data::<LittleEndian>(bytes.into())
}

fn skip_read(fields: &mut Bytes<'_>, format: u64) -> Option<()> {
    let count = |bits: &[u64]| wide(bits.iter().filter(|bit| format & **bit != 0).count());
    let times = count(&[read_bit::TOTAL_TIME_ENABLED, read_bit::TOTAL_TIME_RUNNING]);
    let extra = count(&[read_bit::ID, read_bit::LOST]);
    if format & read_bit::GROUP == 0 {
        return fields.skip_u64s(1 + times + extra);
    }
    let members = fields.u64()?;
    fields.skip_u64s(members.checked_mul(1 + extra)?.checked_add(times)?)
}

#[cfg(test)]
mod tests {
    use linux_perf_event_reader::BranchSampleFormat;

    use super::*;

    /// An attribute of 112 bytes with these fields.
    fn attr(fields: SampleFormat, read_format: u64, branch: u64, regs: u64) -> Attr {
        let mut fields = vec![112 << 32, 0, 1000, fields.bits(), read_format, 0, 0, 0, 0];
        fields.extend([branch, regs, 0, 0, 0]);
        let bytes: Vec<u8> = fields.iter().flat_map(|field| field.to_le_bytes()).collect();
        Attr::parse(&bytes).unwrap()
    }

    fn body(fields: &[u64]) -> Vec<u8> {
        fields.iter().flat_map(|field| field.to_le_bytes()).collect()
    }

    #[test]
    fn all_fields_in_their_order() {
        let all = HEAD
            | (SampleFormat::READ | SampleFormat::CALLCHAIN | SampleFormat::RAW)
            | (SampleFormat::BRANCH_STACK | SampleFormat::REGS_USER | SampleFormat::STACK_USER);
        let index = BranchSampleFormat::HW_INDEX.bits();
        let attr = attr(all, read_bit::GROUP | read_bit::ID, index, 0b1_1000_0001);
        let mut bytes = body(&[1, 0x1000, 9 << 32 | 8, 77, 0, 1, 1, 0, 33]);
        // Two counters with ids, two callers, raw bytes, one branch.
        bytes.extend(body(&[2, 5, 1, 6, 2]));
        bytes.extend(body(&[2, 0x1000, 0x2000]));
        bytes.extend(4_u32.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(body(&[1, 0, 1, 2, 3]));
        // Three registers; 16 bytes of stack, of which 8 were copied.
        bytes.extend(body(&[2, 100, 107, 108]));
        bytes.extend(body(&[16, 0xabcd, 0, 8]));
        assert_eq!(time(&bytes, &attr), Some(77));
        let copied = copy(&bytes, &attr).unwrap();
        let sample = Sample::parse(&copied, &attr).unwrap();
        assert_eq!((sample.pid, sample.tid), (8, 9));
        assert_eq!((sample.ip, sample.period), (0x1000, 33));
        assert_eq!(sample.callchain().collect::<Vec<_>>(), [0x1000, 0x2000]);
        assert_eq!(
            [0, 7, 8, 6].map(|reg| sample.reg(reg)),
            [Some(100), Some(107), Some(108), None]
        );
        assert_eq!(sample.stack, body(&[0xabcd]));
        for length in 0..bytes.len() {
            let copied = copy(&bytes[..length], &attr).unwrap_or_default();
            assert!(Sample::parse(&copied, &attr).is_none(), "{length}");
        }
    }

    #[test]
    fn a_kernel_thread_has_no_user_registers_and_no_stack() {
        let fields = SampleFormat::IP | SampleFormat::REGS_USER | SampleFormat::STACK_USER;
        let attr = attr(fields, 0, 0, 0b11);
        let bytes = body(&[5, 0, 0]);
        let sample = Sample::parse(&bytes, &attr).unwrap();
        assert_eq!((sample.ip, sample.reg(0), sample.stack), (5, None, &[][..]));
    }

    #[test]
    fn counters_are_left_out_in_each_of_their_forms() {
        use read_bit::{GROUP, ID, LOST, TOTAL_TIME_ENABLED};
        let copied = |format, fields: &[u64]| {
            let attr = attr(SampleFormat::IP | SampleFormat::READ, format, 0, 0);
            copy(&body(fields), &attr)
        };
        assert_eq!(copied(0, &[5, 1_000_000]), Some(body(&[5])));
        assert_eq!(copied(TOTAL_TIME_ENABLED | ID | LOST, &[5, 1, 2, 3, 4]), Some(body(&[5])));
        assert_eq!(copied(GROUP | LOST, &[5, 2, 1, 2, 3, 4]), Some(body(&[5])));
        assert_eq!(copied(GROUP, &[5, u64::MAX, 1]), None);
    }

    #[test]
    fn more_callers_than_bytes_are_no_sample() {
        let attr = attr(SampleFormat::IP | SampleFormat::CALLCHAIN, 0, 0, 0);
        for callers in [2, 1 << 61, u64::MAX] {
            assert_eq!(copy(&body(&[5, callers]), &attr), None, "{callers}");
        }
        assert_eq!(copy(&body(&[5, 1, 7]), &attr), Some(body(&[5, 1, 7])));
    }

    #[test]
    fn the_event_of_a_sample() {
        let first = attr(SampleFormat::IDENTIFIER | SampleFormat::IP, 0, 0, 0);
        let attrs = [first.clone(), first];
        let by_id = HashMap::from([(70, 0), (71, 1)]);
        let event = |id| attr_of(&body(&[id, 5]), &attrs, &by_id);
        assert_eq!([70, 71, 72].map(event), [Some(0), Some(1), None]);
        assert_eq!(attr_of(&[], &attrs, &by_id), None);
        assert_eq!(attr_of(&[], &[], &by_id), None);
    }
}
