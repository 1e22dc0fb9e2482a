//! One sample: who ran where, for how long, and what lay on its stack.

use std::collections::HashMap;

use super::attr::{Attr, sample_bit as bit};
use crate::bytes::{Bytes, u64s, wide};

/// Bits of `read_format`.
mod read_bit {
    pub(super) const TOTAL_TIME_ENABLED: u64 = 1;
    pub(super) const TOTAL_TIME_RUNNING: u64 = 2;
    pub(super) const ID: u64 = 4;
    pub(super) const GROUP: u64 = 8;
    pub(super) const LOST: u64 = 16;
}

/// Bit of `branch_sample_type` that puts one more number before the branches.
const BRANCH_HW_INDEX: u64 = 1 << 17;

/// The fields that we use.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample<'a> {
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    /// Where it ran.
    pub(crate) ip: u64,
    pub(crate) period: u64,
    /// Addresses from the innermost function out, as 8 bytes each, with marks of the context.
    pub(crate) callchain: &'a [u8],
    /// User registers, 8 bytes each, in the order of the bits of `regs_mask`.
    pub(crate) regs: &'a [u8],
    pub(crate) regs_mask: u64,
    /// Bytes from the stack pointer on.
    pub(crate) stack: &'a [u8],
}

/// Which attribute lays out this sample.
pub(super) fn attr_of(body: &[u8], attrs: &[Attr], by_id: &HashMap<u64, usize>) -> Option<usize> {
    let first = attrs.first()?;
    if attrs.len() == 1 {
        return Some(0);
    }
    let mut fields = Bytes::new(body);
    if first.has(bit::IDENTIFIER) {
        return by_id.get(&fields.u64()?).copied();
    }
    if first.has(bit::ID) {
        let before = [bit::IP, bit::TID, bit::TIME, bit::ADDR];
        fields.skip_u64s(wide(before.iter().filter(|bit| first.has(**bit)).count()))?;
        return by_id.get(&fields.u64()?).copied();
    }
    Some(0)
}

/// When it was taken.
pub(super) fn time(body: &[u8], attr: &Attr) -> Option<u64> {
    let before = [bit::IDENTIFIER, bit::IP, bit::TID];
    let mut fields = Bytes::new(body);
    fields.skip_u64s(wide(before.iter().filter(|bit| attr.has(**bit)).count()))?;
    attr.has(bit::TIME).then(|| fields.u64())?
}

impl<'a> Sample<'a> {
    /// Reads a sample; `None` if it is shorter than it says.
    pub(crate) fn parse(body: &'a [u8], attr: &Attr) -> Option<Self> {
        let mut fields = Bytes::new(body);
        let mut sample = Self::default();
        let mut number = |wanted: u64| if attr.has(wanted) { fields.u64() } else { Some(0) };
        number(bit::IDENTIFIER)?;
        sample.ip = number(bit::IP)?;
        // Process in the lower half, thread in the upper one.
        let both = number(bit::TID)?;
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).ok().map(u32::cast_signed);
        (sample.pid, sample.tid) = (half(both)?, half(both >> 32)?);
        for skipped in [bit::TIME, bit::ADDR, bit::ID, bit::STREAM_ID, bit::CPU] {
            number(skipped)?;
        }
        sample.period = number(bit::PERIOD)?;
        if attr.has(bit::READ) {
            skip_read(&mut fields, attr.read_format)?;
        }
        if attr.has(bit::CALLCHAIN) {
            let count = fields.u64()?;
            sample.callchain = fields.take64(count.checked_mul(8)?)?;
        }
        if attr.has(bit::RAW) {
            let length = fields.u32()?;
            fields.take64(u64::from(length))?;
        }
        if attr.has(bit::BRANCH_STACK) {
            let count = fields.u64()?;
            let index = u64::from(attr.branch_sample_type & BRANCH_HW_INDEX != 0);
            fields.skip_u64s(count.checked_mul(3)?.checked_add(index)?)?;
        }
        if attr.has(bit::REGS_USER) && fields.u64()? != 0 {
            sample.regs_mask = attr.regs_user;
            sample.regs = fields.take64(u64::from(attr.regs_user.count_ones()) * 8)?;
        }
        if attr.has(bit::STACK_USER) {
            sample.stack = take_stack(&mut fields)?;
        }
        Some(sample)
    }

    /// A user register by its number in the kernel's `perf_regs.h`.
    pub(crate) fn reg(&self, number: u32) -> Option<u64> {
        let own = 1_u64.checked_shl(number)?;
        if self.regs_mask & own == 0 {
            return None;
        }
        let before = self.regs_mask & own.wrapping_sub(1);
        u64s(self.regs).nth(usize::try_from(before.count_ones()).ok()?)
    }
}

/// The bytes of the stack that were really copied.
fn take_stack<'a>(fields: &mut Bytes<'a>) -> Option<&'a [u8]> {
    let size = fields.u64()?;
    if size == 0 {
        return Some(&[]);
    }
    let stack = fields.take64(size)?;
    let copied = usize::try_from(fields.u64()?).ok()?;
    Some(stack.get(..copied).unwrap_or(stack))
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
    use super::*;

    /// An attribute of 112 bytes with these fields.
    fn attr(sample_type: u64, read_format: u64, branch: u64, regs: u64) -> Attr {
        let mut fields = vec![112 << 32, 0, 1000, sample_type, read_format, 0, 0, 0, 0];
        fields.extend([branch, regs, 0, 0, 0]);
        let bytes: Vec<u8> = fields.iter().flat_map(|field| field.to_le_bytes()).collect();
        Attr::parse(&bytes).unwrap()
    }

    fn body(fields: &[u64]) -> Vec<u8> {
        fields.iter().flat_map(|field| field.to_le_bytes()).collect()
    }

    #[test]
    fn all_fields_in_their_order() {
        let all = bit::IDENTIFIER
            | (bit::IP | bit::TID | bit::TIME | bit::ADDR | bit::ID | bit::STREAM_ID)
            | (bit::CPU | bit::PERIOD | bit::READ | bit::CALLCHAIN | bit::RAW)
            | (bit::BRANCH_STACK | bit::REGS_USER | bit::STACK_USER);
        let attr = attr(all, read_bit::GROUP | read_bit::ID, BRANCH_HW_INDEX, 0b1_1000_0001);
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
        let sample = Sample::parse(&bytes, &attr).unwrap();
        assert_eq!((sample.pid, sample.tid), (8, 9));
        assert_eq!((sample.ip, sample.period), (0x1000, 33));
        assert_eq!(u64s(sample.callchain).collect::<Vec<_>>(), [0x1000, 0x2000]);
        assert_eq!(
            [0, 7, 8, 6].map(|reg| sample.reg(reg)),
            [Some(100), Some(107), Some(108), None]
        );
        assert_eq!(sample.stack, body(&[0xabcd]));
        for length in 0..bytes.len() {
            assert!(Sample::parse(&bytes[..length], &attr).is_none(), "{length}");
        }
    }

    #[test]
    fn a_kernel_thread_has_no_user_registers_and_no_stack() {
        let attr = attr(bit::IP | bit::REGS_USER | bit::STACK_USER, 0, 0, 0b11);
        let bytes = body(&[5, 0, 0]);
        let sample = Sample::parse(&bytes, &attr).unwrap();
        assert_eq!((sample.ip, sample.reg(0), sample.stack), (5, None, &[][..]));
    }

    #[test]
    fn the_event_of_a_sample() {
        let first = attr(bit::IDENTIFIER | bit::IP, 0, 0, 0);
        let attrs = [first.clone(), first];
        let by_id = HashMap::from([(70, 0), (71, 1)]);
        let event = |id| attr_of(&body(&[id, 5]), &attrs, &by_id);
        assert_eq!([70, 71, 72].map(event), [Some(0), Some(1), None]);
        assert_eq!(attr_of(&[], &attrs, &by_id), None);
        assert_eq!(attr_of(&[], &[], &by_id), None);
    }
}
