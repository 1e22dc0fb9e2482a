//! The stack of each allocation: `<pid>.MemtrackStacks.msgpack`, a file of our own beside the artifact.
//!
//! The file is a plain concatenation of MessagePack values inside zstd frames, like the artifact. Its end is the end of
//! the file. There are three kinds of values:
//!
//! | value | meaning |
//! |---|---|
//! | an unsigned integer | the stack of the next event of the artifact, in the order of the artifact; 0 is unknown, and is what every free has |
//! | an array of unsigned integers | defines the next stack: the numbers of its frames, innermost first |
//! | a map with the texts `function` and `module`, and, where they are known, `file` and the numbers `line` and `inlined` | defines the next frame; an empty text is unknown |
//!
//! A function that was inlined into another one has a frame of its own, before that of the other; its `inlined` is 1, or 2
//! if it belongs to a library or is a closure of its caller. `file` and `line` are the source of the call, or of the
//! allocation. Stacks and frames are numbered from 1 in the order of their definitions. A definition may come after its
//! use, so that names can be looked up when the run is over; a number that is never defined is unknown. Values of other
//! kinds and further keys of a map are passed over.

use super::wire::{
    Cursor, Head, Pieces, RecordError, Stop, put_array, put_map, put_text, put_unsigned,
};
use crate::{
    bounds::{Allowance, STACK_TABLE_BYTES, size},
    stacks::Inlined,
    text::bytes_as_text,
};

/// Longer records are refused. C++ makes names of many thousand characters.
const LONGEST: usize = 1 << 20;
/// Longer texts are cut when they are written.
const LONGEST_TEXT: usize = 64 << 10;
/// Deeper stacks are cut when they are written: the outermost frames are lost.
const MOST_FRAMES: usize = 4096;

/// Appends the stack of the next event.
pub fn encode_event_stack(into: &mut Vec<u8>, stack: u32) {
    put_unsigned(into, stack.into());
}

/// Appends the definition of the next stack; frames innermost first.
pub fn encode_stack(into: &mut Vec<u8>, frames: &[u32]) {
    let frames = frames.get(..MOST_FRAMES).unwrap_or(frames);
    put_array(into, frames.len());
    for frame in frames {
        put_unsigned(into, (*frame).into());
    }
}

/// Appends the definition of the next frame.
pub fn encode_frame(into: &mut Vec<u8>, frame: &StackFrame) {
    let StackFrame { function, module, file, line, inlined } = frame;
    let (has_file, is_inlined) = (!file.is_empty(), *inlined != Inlined::No);
    put_map(into, 2 + if has_file { 2 } else { 0 } + usize::from(is_inlined));
    put_pair(into, "function", function);
    put_pair(into, "module", module);
    if has_file {
        put_pair(into, "file", file);
        put_text(into, "line");
        put_unsigned(into, (*line).into());
    }
    if is_inlined {
        put_text(into, "inlined");
        put_unsigned(into, if *inlined == Inlined::Own { 1 } else { 2 });
    }
}

fn put_pair(into: &mut Vec<u8>, key: &str, text: &str) {
    put_text(into, key);
    put_text(into, text.get(..text.floor_char_boundary(LONGEST_TEXT)).unwrap_or(text));
}

/// A function and the file that it is in; an empty text is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct StackFrame {
    /// Name of the function.
    pub function: String,
    /// Path of the program or library.
    pub module: String,
    /// Path of the source file.
    pub file: String,
    /// Line in it; 0 if it is unknown.
    pub line: u32,
    /// Its relation to the code of the next frame out.
    pub inlined: Inlined,
}

impl StackFrame {
    /// A function of which no line is known.
    pub fn new(function: &str, module: &str) -> Self {
        let (function, module) = (function.to_owned(), module.to_owned());
        Self { function, module, ..Self::default() }
    }
}

/// All stacks and frames of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackTable {
    frames: Vec<StackFrame>,
    stacks: Vec<Vec<u32>>,
    left_out: u64,
}

impl StackTable {
    /// The numbers of the frames of a stack, innermost first; empty if it is unknown.
    pub fn stack(&self, stack: u32) -> &[u32] {
        nth(&self.stacks, stack).map_or(&[], Vec::as_slice)
    }

    /// Definitions for which there was no room: these stacks and frames are unknown.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// A frame, if it is known.
    pub fn frame(&self, frame: u32) -> Option<&StackFrame> {
        nth(&self.frames, frame)
    }
}

/// Numbers begin at 1.
fn nth<T>(list: &[T], number: u32) -> Option<&T> {
    list.get(usize::try_from(number.checked_sub(1)?).ok()?)
}

/// Reads the stacks of the events one by one, and keeps the definitions that come between them.
#[derive(Debug)]
pub struct StackDecoder {
    pieces: Pieces,
    table: StackTable,
    room: Allowance,
}

/// Bytes of a definition besides its numbers and texts.
const DEFINITION: u64 = 64;

impl Default for StackDecoder {
    fn default() -> Self {
        Self::within(STACK_TABLE_BYTES)
    }
}

enum Record {
    Event(u32),
    Stack(Vec<u32>),
    Frame(StackFrame),
    Unknown,
}

impl StackDecoder {
    /// Keeps definitions of at most so many bytes.
    fn within(bytes: u64) -> Self {
        let room = Allowance::of(bytes);
        Self { pieces: Pieces::new(LONGEST), table: StackTable::default(), room }
    }

    /// Numbers follow from the order: once a definition has no room, none behind it has.
    fn has_room(&mut self, bytes: u64) -> bool {
        let needed = if self.room.left_out() > 0 { u64::MAX } else { bytes };
        let fits = self.room.take(needed);
        self.table.left_out = self.room.left_out();
        fits
    }

    /// The next bytes, without their compression.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pieces.push(bytes);
    }

    /// The stack of the next event; `None` if it is not there yet.
    pub fn next_event_stack(&mut self) -> Result<Option<u32>, RecordError> {
        while let Some(record) = self.pieces.record(record)? {
            match record {
                Record::Event(stack) => return Ok(Some(stack)),
                Record::Stack(frames) => {
                    if self.has_room(DEFINITION + 4 * size(frames.len())) {
                        self.table.stacks.push(frames);
                    }
                }
                Record::Frame(frame) => {
                    let texts = [&frame.function, &frame.module, &frame.file];
                    let texts: u64 = texts.map(|text| size(text.len())).iter().sum();
                    if self.has_room(DEFINITION + texts) {
                        self.table.frames.push(frame);
                    }
                }
                Record::Unknown => {}
            }
        }
        Ok(None)
    }

    /// The bytes have ended: all definitions. The error says what is wrong with the rest, if something is.
    pub fn finish(self) -> (StackTable, Result<(), RecordError>) {
        let end = self.pieces.finish();
        (self.table, end)
    }
}

fn record(cursor: &mut Cursor<'_>) -> Result<Record, Stop> {
    Ok(match cursor.head()? {
        Head::Unsigned(stack) => Record::Event(
            u32::try_from(stack).or(Err(Stop::Malformed("a stack of an impossible number")))?,
        ),
        Head::Array(len) => {
            let mut frames = Vec::new();
            for _ in 0..len {
                // A frame of an impossible number is unknown, as 0 is.
                frames.push(u32::try_from(cursor.unsigned()?).unwrap_or(0));
            }
            Record::Stack(frames)
        }
        Head::Map(len) => {
            let mut frame = StackFrame::default();
            for _ in 0..len {
                match cursor.text()? {
                    Some(b"function") => frame.function = text(cursor)?,
                    Some(b"module") => frame.module = text(cursor)?,
                    Some(b"file") => frame.file = text(cursor)?,
                    // A line of an impossible number is unknown.
                    Some(b"line") => frame.line = u32::try_from(cursor.unsigned()?).unwrap_or(0),
                    Some(b"inlined") => {
                        frame.inlined = match cursor.unsigned()? {
                            0 => Inlined::No,
                            1 => Inlined::Own,
                            _ => Inlined::Helper,
                        };
                    }
                    Some(_) | None => cursor.skip()?,
                }
            }
            Record::Frame(frame)
        }
        other @ (Head::Signed(_) | Head::Nil | Head::Text(_) | Head::Opaque(_)) => {
            cursor.skip_rest(other)?;
            Record::Unknown
        }
    })
}

fn text(cursor: &mut Cursor<'_>) -> Result<String, Stop> {
    let text = cursor.text()?.unwrap_or_default();
    Ok(bytes_as_text(text).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &[u8], size: usize) -> (Vec<u32>, StackTable, Result<(), RecordError>) {
        let mut decoder = StackDecoder::default();
        let mut stacks = Vec::new();
        for piece in bytes.chunks(size) {
            decoder.push(piece);
            while let Ok(Some(stack)) = decoder.next_event_stack() {
                stacks.push(stack);
            }
        }
        let (table, end) = decoder.finish();
        (stacks, table, end)
    }

    #[test]
    fn the_three_kinds_are_frozen_and_read() {
        let mut bytes = Vec::new();
        encode_event_stack(&mut bytes, 0);
        encode_stack(&mut bytes, &[1, 300]);
        encode_event_stack(&mut bytes, 1);
        encode_frame(&mut bytes, &StackFrame::new("main", "/bin/x"));
        let expected = b"\x00\x92\x01\xcd\x01\x2c\x01\x82\xa8function\xa4main\xa6module\xa6/bin/x";
        assert_eq!(bytes, expected);
        for size in 1..=bytes.len() {
            let (stacks, table, end) = decode(&bytes, size);
            assert_eq!((stacks, end), (vec![0, 1], Ok(())));
            assert_eq!(table.stack(1), [1, 300]);
            assert_eq!((table.stack(0), table.stack(2)), (&[][..], &[][..]));
            let main = StackFrame::new("main", "/bin/x");
            assert_eq!(
                (table.frame(1), table.frame(300), table.frame(0)),
                (Some(&main), None, None)
            );
        }
        let (_, _, end) = decode(&bytes[..bytes.len() - 1], 1);
        assert_eq!(end, Err(RecordError::Truncated { offset: 7 }));
    }

    #[test]
    fn a_frame_may_have_a_line_and_be_inlined() {
        let frame = StackFrame { file: "a.c".to_owned(), line: 300, ..StackFrame::new("f", "m") };
        let mut bytes = Vec::new();
        encode_frame(&mut bytes, &frame);
        let expected = b"\x84\xa8function\xa1f\xa6module\xa1m\xa4file\xa3a.c\xa4line\xcd\x01\x2c";
        assert_eq!(bytes, expected);
        let own = StackFrame { inlined: Inlined::Own, ..StackFrame::new("f", "m") };
        encode_frame(&mut bytes, &own);
        let expected = b"\x83\xa8function\xa1f\xa6module\xa1m\xa7inlined\x01";
        assert!(bytes.ends_with(expected));
        let helper = StackFrame { inlined: Inlined::Helper, ..frame.clone() };
        encode_frame(&mut bytes, &helper);
        let (_, table, end) = decode(&bytes, 5);
        assert_eq!(end, Ok(()));
        assert_eq!([1, 2, 3].map(|at| table.frame(at)), [Some(&frame), Some(&own), Some(&helper)]);
    }

    #[test]
    fn unknown_values_and_keys_are_skipped_bad_numbers_refused() {
        let odd = b"\xa3new\xc0\x83\xa1x\x91\x07\xa6module\x05\xa8function\xd9\x01\xff\xff";
        let (stacks, table, end) = decode(odd, 3);
        assert_eq!((stacks, end), (Vec::new(), Ok(())));
        let frame = StackFrame { function: r"\xff".to_owned(), ..StackFrame::default() };
        assert_eq!(table.frame(1), Some(&frame));
        assert!(decode(b"\xcf\0\0\0\x01\0\0\0\0", 9).2.is_err());
        assert!(decode(b"\xdd\xff\xff\xff\xff", 5).2.is_err());
    }

    #[test]
    fn definitions_beyond_the_bound_are_unknown_and_counted() {
        let mut bytes = Vec::new();
        for name in ["a", "b", "c"] {
            encode_frame(&mut bytes, &StackFrame::new(name, "m"));
        }
        encode_event_stack(&mut bytes, 1);
        let mut decoder = StackDecoder::within(2 * (DEFINITION + 2));
        decoder.push(&bytes);
        assert_eq!(decoder.next_event_stack(), Ok(Some(1)));
        let (table, end) = decoder.finish();
        assert_eq!((end, table.left_out()), (Ok(()), 1));
        assert!(table.frame(2).is_some() && table.frame(3).is_none());
    }

    #[test]
    fn what_is_too_long_is_cut_so_that_it_can_be_read() {
        let mut bytes = Vec::new();
        encode_frame(&mut bytes, &StackFrame::new(&"é".repeat(100_000), ""));
        encode_stack(&mut bytes, &vec![u32::MAX; 100_000]);
        let (_, table, end) = decode(&bytes, 4096);
        assert_eq!(end, Ok(()));
        assert_eq!(table.frame(1).unwrap().function.len(), LONGEST_TEXT);
        assert_eq!(table.stack(1).len(), MOST_FRAMES);
    }

    proptest! {
        #[test]
        fn any_bytes_end_well(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(decode(&bytes, 7));
        }
    }
}
