//! Reads the names of the recorded events from the head of perf's stream, while perf is running.
//!
//! They are needed to switch events one by one: a plain `disable` also stops the event that follows mappings
//! and forks, and what is loaded between two benchmarks would have no symbols.

use std::ops::Range;

/// The stream begins with this and its own length.
const MAGIC: &[u8] = b"PERFILE2";
/// Record type `PERF_RECORD_HEADER_FEATURE`.
const FEATURE: u32 = 80;
/// Feature `HEADER_EVENT_DESC`: all events with their names.
const EVENT_DESC: u64 = 12;
/// Feature `HEADER_GROUP_DESC`: which events follow which.
const GROUP_DESC: u64 = 17;
/// Type `PERF_TYPE_SOFTWARE` and configuration `PERF_COUNT_SW_DUMMY` of an event: it records no samples.
const DUMMY: (u32, u64) = (1, 9);
/// More events than this are not of our making.
const MOST_EVENTS: u32 = 64;

/// The names of all events that switch samples on and off: neither members of a group, which follow their
/// leader, nor the one that records no samples. Empty if the bytes don't tell.
pub(super) fn leaders(head: &[u8]) -> Vec<String> {
    let names = feature(head, EVENT_DESC).and_then(events).unwrap_or_default();
    let groups = feature(head, GROUP_DESC).and_then(members).unwrap_or_default();
    let is_member = |at: &u32| groups.iter().any(|group| group.contains(at));
    let sampling = (0..).zip(names).filter(|(at, event)| !event.is_dummy && !is_member(at));
    sampling.map(|(_, event)| event.name).collect()
}

/// The data of a feature, if it is among the complete records.
fn feature(head: &[u8], wanted: u64) -> Option<&[u8]> {
    let mut reader = Reader(head);
    if reader.take(MAGIC.len())? != MAGIC {
        return None;
    }
    let rest = usize::try_from(reader.u64()?).ok()?.checked_sub(16)?;
    reader.take(rest)?;
    loop {
        let (kind, _misc, size) = (reader.u32()?, reader.u16()?, reader.u16()?);
        let mut record = Reader(reader.take(usize::from(size).checked_sub(8)?)?);
        if kind == FEATURE && record.u64()? == wanted {
            return Some(record.0);
        }
    }
}

struct Event {
    name: String,
    is_dummy: bool,
}

fn events(data: &[u8]) -> Option<Vec<Event>> {
    let mut reader = Reader(data);
    let (count, attribute_size) = (reader.u32()?, usize::try_from(reader.u32()?).ok()?);
    let event = |_| {
        let mut attribute = Reader(reader.take(attribute_size)?);
        let (kind, _size, config) = (attribute.u32()?, attribute.u32()?, attribute.u64()?);
        let ids = usize::try_from(reader.u32()?).ok()?;
        let name = reader.text()?;
        reader.take(ids.checked_mul(8)?)?;
        Some(Event { name, is_dummy: (kind, config) == DUMMY })
    };
    (0..count.min(MOST_EVENTS)).map(event).collect()
}

/// The places of the events that follow a leader, group by group.
fn members(data: &[u8]) -> Option<Vec<Range<u32>>> {
    let mut reader = Reader(data);
    let count = reader.u32()?;
    let group = |_| {
        let (_name, leader, events) = (reader.text()?, reader.u32()?, reader.u32()?);
        Some(leader.checked_add(1)?..leader.checked_add(events)?)
    };
    (0..count.min(MOST_EVENTS)).map(group).collect()
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    /// A length and so many bytes, of which those up to the first zero are the text.
    fn text(&mut self) -> Option<String> {
        let len = usize::try_from(self.u32()?).ok()?;
        let text = self.take(len)?.split(|byte| *byte == 0).next()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u32, data: &[u8]) -> Vec<u8> {
        let size = u16::try_from(data.len() + 8).unwrap();
        [&kind.to_le_bytes()[..], &[0, 0], &size.to_le_bytes(), data].concat()
    }

    fn text(text: &str) -> Vec<u8> {
        let mut bytes = 64_u32.to_le_bytes().to_vec();
        bytes.extend(text.as_bytes());
        bytes.resize(68, 0);
        bytes
    }

    fn event(name: &str, kind: u32, config: u64) -> Vec<u8> {
        let mut bytes = [&kind.to_le_bytes()[..], &[128, 0, 0, 0], &config.to_le_bytes()].concat();
        bytes.resize(128, 0xff);
        // Two processors, two ids.
        [bytes, 2_u32.to_le_bytes().to_vec(), text(name), vec![0xee; 16]].concat()
    }

    fn stream(events: &[Vec<u8>], groups: &[(u32, u32)]) -> Vec<u8> {
        let count = |len: usize| u32::try_from(len).unwrap().to_le_bytes().to_vec();
        let names = [count(events.len()), 128_u32.to_le_bytes().to_vec(), events.concat()].concat();
        let group = |(leader, len): &(u32, u32)| {
            [text("{g}"), leader.to_le_bytes().to_vec(), len.to_le_bytes().to_vec()].concat()
        };
        let groups_data =
            [count(groups.len()), groups.iter().flat_map(group).collect::<Vec<u8>>()].concat();
        let head = [MAGIC, &16_u64.to_le_bytes()].concat();
        let other = record(64, &[1; 144]);
        let names = record(FEATURE, &[EVENT_DESC.to_le_bytes().to_vec(), names].concat());
        let groups_data =
            record(FEATURE, &[GROUP_DESC.to_le_bytes().to_vec(), groups_data].concat());
        [head, other, names, groups_data, record(9, &[0; 40])].concat()
    }

    #[test]
    fn the_event_without_samples_and_members_of_groups_are_left_out() {
        let dummy = event("dummy:HG", 1, 9);
        let one = stream(&[event("cpu-clock:ppp", 1, 0), dummy.clone()], &[]);
        assert_eq!(leaders(&one), ["cpu-clock:ppp"]);
        let five = ["cpu-cycles", "a", "b", "c", "instructions"].map(|name| event(name, 4, 1));
        assert_eq!(leaders(&stream(&[&five[..], &[dummy]].concat(), &[(0, 5)])), ["cpu-cycles"]);
        let hybrid = ["cpu_core/cycles/P", "cpu_atom/cycles/P"].map(|name| event(name, 0, 0));
        assert_eq!(leaders(&stream(&hybrid, &[])), ["cpu_core/cycles/P", "cpu_atom/cycles/P"]);
    }

    #[test]
    fn a_head_that_was_cut_or_changed_anywhere_is_no_harm() {
        let whole = stream(&[event("cycles", 0, 0), event("dummy:u", 1, 9)], &[(0, 1)]);
        for len in 0..whole.len() {
            let names = leaders(&whole[..len]);
            assert!(names.is_empty() || names == ["cycles"], "{names:?}");
        }
        for at in 0..whole.len() {
            for value in [0, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                assert!(leaders(&changed).len() <= 2);
            }
        }
    }
}
