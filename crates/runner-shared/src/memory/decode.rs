//! Reads events out of the artifact's bytes, wherever these are cut into pieces.

use super::{
    event::{Event, EventKind},
    wire::{Cursor, Head, Pieces, RecordError, Stop},
};

/// An event of ours has less than 100 bytes; other writers may add to theirs.
const LONGEST: usize = 64 << 10;

/// Reads events. The end of the bytes has to be told, as only then a cut can be seen.
///
/// Fields may come in any order and width. Unknown fields and events of unknown kinds are passed over.
#[derive(Debug)]
pub struct EventDecoder {
    pieces: Pieces,
    unknown: u64,
}

impl Default for EventDecoder {
    fn default() -> Self {
        Self { pieces: Pieces::new(LONGEST), unknown: 0 }
    }
}

impl EventDecoder {
    /// The next bytes, without their compression. They are kept until they have been read as events: read all events
    /// before more is pushed.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pieces.push(bytes);
    }

    /// The next event; `None` if there is no whole one yet.
    pub fn next_event(&mut self) -> Result<Option<Event>, RecordError> {
        loop {
            match self.pieces.record(event)? {
                None => return Ok(None),
                Some(Some(event)) => return Ok(Some(event)),
                Some(None) => self.unknown += 1,
            }
        }
    }

    /// The bytes have ended. An error if they end within an event, or if there was an error before.
    pub fn finish(&self) -> Result<(), RecordError> {
        self.pieces.finish()
    }

    /// Events of unknown kinds so far.
    pub const fn unknown(&self) -> u64 {
        self.unknown
    }
}

/// The fields of an event read so far.
#[derive(Default)]
struct Draft<'a> {
    pid: Option<i32>,
    tid: Option<i32>,
    timestamp: Option<u64>,
    addr: Option<u64>,
    tag: Option<&'a [u8]>,
    old_addr: Option<u64>,
    size: Option<u64>,
}

/// One event; `None` if its kind is unknown.
fn event(cursor: &mut Cursor<'_>) -> Result<Option<Event>, Stop> {
    let head = cursor.head()?;
    let Head::Map(fields) = head else {
        return Err(Stop::Malformed("a value that is no map, which an event is"));
    };
    let mut draft = Draft::default();
    for _ in 0..fields {
        match cursor.text()? {
            Some(b"pid") => draft.pid = Some(cursor.signed()?),
            Some(b"tid") => draft.tid = Some(cursor.signed()?),
            Some(b"timestamp") => draft.timestamp = Some(cursor.unsigned()?),
            Some(b"addr") => draft.addr = Some(cursor.unsigned()?),
            Some(b"type") => draft.tag = cursor.text()?,
            Some(b"old_addr") => draft.old_addr = cursor.optional()?,
            Some(b"size") => draft.size = Some(cursor.unsigned()?),
            Some(_) | None => cursor.skip()?,
        }
    }
    draft.event()
}

impl Draft<'_> {
    fn event(self) -> Result<Option<Event>, Stop> {
        let Self { pid, tid, timestamp, addr, tag, old_addr, size } = self;
        let tag = tag.ok_or(Stop::Malformed("an event without a type"))?;
        let size = || size.ok_or(Stop::Malformed("an allocation without a size"));
        let kind = match tag {
            b"Malloc" => EventKind::Malloc { size: size()? },
            b"Calloc" => EventKind::Calloc { size: size()? },
            b"Realloc" => EventKind::Realloc { old_addr, size: size()? },
            b"AlignedAlloc" => EventKind::AlignedAlloc { size: size()? },
            b"Free" => EventKind::Free,
            b"Mmap" => EventKind::Mmap { size: size()? },
            b"Munmap" => EventKind::Munmap { size: size()? },
            b"Brk" => EventKind::Brk { size: size()? },
            _ => return Ok(None),
        };
        let (Some(pid), Some(tid), Some(timestamp), Some(addr)) = (pid, tid, timestamp, addr)
        else {
            return Err(Stop::Malformed("an event without process, thread, time or address"));
        };
        Ok(Some(Event { pid, tid, timestamp, addr, kind }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &[u8]) -> Result<Vec<Event>, RecordError> {
        pieces([bytes])
    }

    fn pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Event>, RecordError> {
        let mut decoder = EventDecoder::default();
        let mut events = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            while let Some(event) = decoder.next_event()? {
                events.push(event);
            }
        }
        decoder.finish().map(|()| events)
    }

    fn encoded(events: &[Event]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for event in events {
            event.encode(&mut bytes);
        }
        bytes
    }

    /// All shapes with their frozen bytes, behind the four fields that all have.
    #[test]
    fn the_nine_shapes_are_frozen_and_read() {
        let rows: [(EventKind, u8, &[u8]); 9] = [
            (EventKind::Malloc { size: 24 }, 0x86, b"\xa6Malloc\xa4size\x18"),
            (EventKind::Calloc { size: 128 }, 0x86, b"\xa6Calloc\xa4size\xcc\x80"),
            (
                EventKind::Realloc { old_addr: Some(7), size: 256 },
                0x87,
                b"\xa7Realloc\xa8old_addr\x07\xa4size\xcd\x01\0",
            ),
            (
                EventKind::Realloc { old_addr: None, size: 65_536 },
                0x86,
                b"\xa7Realloc\xa4size\xce\0\x01\0\0",
            ),
            (
                EventKind::AlignedAlloc { size: 1 << 32 },
                0x86,
                b"\xacAlignedAlloc\xa4size\xcf\0\0\0\x01\0\0\0\0",
            ),
            (EventKind::Free, 0x85, b"\xa4Free"),
            (EventKind::Mmap { size: 4096 }, 0x86, b"\xa4Mmap\xa4size\xcd\x10\0"),
            (EventKind::Munmap { size: 127 }, 0x86, b"\xa6Munmap\xa4size\x7f"),
            (EventKind::Brk { size: 0 }, 0x86, b"\xa3Brk\xa4size\0"),
        ];
        for (kind, head, tail) in rows {
            let event = Event { pid: -2, tid: 300, timestamp: 255, addr: 0xffff_ffff, kind };
            let front = b"\xa3pid\xfe\xa3tid\xcd\x01\x2c\xa9timestamp\xcc\xff\xa4addr\xce\xff\xff\xff\xff\xa4type";
            let expected = [&[head], &front[..], tail].concat();
            assert_eq!(encoded(&[event]), expected, "{kind:?}");
            assert_eq!(decode(&expected), Ok(vec![event]));
        }
    }

    #[test]
    fn order_and_width_don_t_matter_and_the_unknown_is_passed_over() {
        let odd = b"\xde\0\x09\xa4size\xd3\0\0\0\0\0\0\0\x05\xd9\x04type\xda\0\x07Realloc\
            \xa8old_addr\xc0\xa4addr\xcf\0\0\0\0\0\0\0\x01\x07\x93\x01\x02\x81\x01\x02\
            \xa3tid\xd1\0\x02\xa3pid\xce\0\0\0\x03\xa9timestamp\xcd\0\x04\xa5stack\xcb12345678";
        let event = Event {
            pid: 3,
            tid: 2,
            timestamp: 4,
            addr: 1,
            kind: EventKind::Realloc { old_addr: None, size: 5 },
        };
        let strange = b"\x82\xa4type\xa5Sbrk2\xa3pid\xa1x";
        // A process that is a text is an error, whatever the kind.
        assert!(decode(strange).is_err());
        let strange = b"\x82\xa4type\xa5Sbrk2\xa3new\xa1x";
        let bytes = [&odd[..], strange, odd].concat();
        assert_eq!(decode(&bytes), Ok(vec![event, event]));
        let mut decoder = EventDecoder::default();
        decoder.push(strange);
        assert_eq!((decoder.next_event(), decoder.unknown()), (Ok(None), 1));
    }

    #[test]
    fn ends_cuts_and_garbage_are_told_apart() {
        let event = Event { pid: 1, tid: 1, timestamp: 9, addr: 2, kind: EventKind::Free };
        let bytes = encoded(&[event, event]);
        let first = bytes.len() / 2;
        assert_eq!(decode(b""), Ok(Vec::new()));
        for end in 1..bytes.len() {
            let offset = if end > first { first } else { 0 };
            let cut = Err(RecordError::Truncated { offset: u64::try_from(offset).unwrap() });
            assert_eq!(decode(&bytes[..end]), if end == first { Ok(vec![event]) } else { cut });
        }
        let garbage: [&[u8]; 7] = [
            b"\xc1",
            b"\x93\x01\x02\x03",
            b"\x80",
            b"\x81\xa4type\x01",
            b"\x81\xa3pid\xcf\0\0\0\x01\0\0\0\0",
            b"\x82\xa4type\xa6Malloc\xa3pid\x01",
            b"\x82\xa4type\xa4Free\xa3pid\x01",
        ];
        for garbage in garbage {
            let err = decode(&[&bytes, garbage].concat());
            let offset = u64::try_from(bytes.len()).unwrap();
            let here =
                matches!(err, Err(RecordError::Malformed { offset: at, .. }) if at == offset);
            assert!(here, "{garbage:02x?}: {err:?}");
        }
    }

    #[test]
    fn an_error_stays_and_a_record_without_end_is_one() {
        let mut decoder = EventDecoder::default();
        decoder.push(b"\xc1");
        let first = decoder.next_event();
        decoder.push(b"\x80");
        assert_eq!(decoder.next_event(), first);
        assert_eq!(decoder.finish(), first.map(drop));
        let mut decoder = EventDecoder::default();
        decoder.push(b"\x81\xa1x\xdb\xff\xff\xff\xff");
        assert!(decoder.next_event().is_err(), "4 GiB are not waited for");
        let mut decoder = EventDecoder::default();
        decoder.push(&[0xdf, 0xff, 0xff, 0xff, 0xff]);
        let mut pushed = 0;
        while decoder.next_event().is_ok() {
            decoder.push(&[0x01; 10_000]);
            pushed += 10_000;
            assert!(pushed < 2 * LONGEST, "such a record is never waited for");
        }
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let size = prop_oneof![0_u64..300, any::<u64>()];
        let kind =
            (0..8_u8, size, any::<Option<u64>>()).prop_map(|(kind, size, old_addr)| match kind {
                0 => EventKind::Malloc { size },
                1 => EventKind::Calloc { size },
                2 => EventKind::Realloc { old_addr, size },
                3 => EventKind::AlignedAlloc { size },
                4 => EventKind::Mmap { size },
                5 => EventKind::Munmap { size },
                6 => EventKind::Brk { size },
                _ => EventKind::Free,
            });
        (any::<i32>(), any::<i32>(), any::<u64>(), any::<u64>(), kind)
            .prop_map(|(pid, tid, timestamp, addr, kind)| Event { pid, tid, timestamp, addr, kind })
    }

    proptest! {
        #[test]
        fn events_come_back_however_the_bytes_are_cut(
            events in prop::collection::vec(any_event(), 0..20),
            size in 1_usize..200,
        ) {
            let bytes = encoded(&events);
            prop_assert_eq!(pieces(bytes.chunks(size)), Ok(events));
        }

        #[test]
        fn any_bytes_end_well(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(decode(&bytes));
        }

        #[test]
        fn one_changed_byte_is_no_panic(
            events in prop::collection::vec(any_event(), 1..4),
            at in any::<prop::sample::Index>(),
            to in any::<u8>(),
        ) {
            let mut bytes = encoded(&events);
            let at = at.index(bytes.len());
            bytes[at] = to;
            drop(decode(&bytes));
        }
    }
}
