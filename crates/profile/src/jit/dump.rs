//! `jit-<pid>.dump`, as in the kernel's `jitdump-specification.txt`, and the unwind data in it.

use crate::{
    bytes::{Bytes, wide},
    unwind_data::{Section, UnwindData},
};

const MAGIC: u32 = 0x4A69_5444;
const HEADER: usize = 40;
const CODE_LOAD: u32 = 0;
const UNWINDING_INFO: u32 = 4;
/// The alignment that compilers give to the data behind a function's code.
const CODE_ALIGNMENT: u64 = 16;

/// The layout of the unwind data of generated functions.
///
/// A record has `.eh_frame` and `.eh_frame_hdr` in one piece. The written description puts the
/// header first; CPython and perf itself put it last. Tools that follow the description cut the
/// piece at the wrong place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JitUnwindForm {
    /// Cut where the header really is, with addresses relative to the function's code.
    #[default]
    Correct,
    /// Cut as described, with all addresses 0, as services may expect it from existing tools.
    Legacy,
}

/// A function that was generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loaded<'a> {
    /// Time of the event, nanoseconds.
    pub(crate) time: u64,
    pub(crate) start: u64,
    pub(crate) size: u64,
    pub(crate) name: &'a [u8],
    pub(crate) unwind: Option<JitUnwind<'a>>,
}

/// Unwind data as a record has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JitUnwind<'a> {
    /// `.eh_frame` and `.eh_frame_hdr`.
    data: &'a [u8],
    hdr_size: usize,
}

/// The functions of a dump; `None` if it is none. A broken end is left out.
pub(crate) fn parse_dump(file: &[u8]) -> Option<impl Iterator<Item = Loaded<'_>>> {
    let mut header = Bytes::new(file);
    (header.u32()? == MAGIC).then_some(())?;
    header.skip(4)?;
    let size = usize::try_from(header.u32()?).ok()?;
    let mut records = Bytes::new(file.get(size.max(HEADER)..)?);
    let mut unwind = None;
    Some(std::iter::from_fn(move || {
        loop {
            let (id, size, time) = (records.u32()?, records.u32()?, records.u64()?);
            let body = records.take(usize::try_from(size).ok()?.checked_sub(16)?)?;
            match id {
                UNWINDING_INFO => unwind = parse_unwind(Bytes::new(body)),
                CODE_LOAD => {
                    if let Some(loaded) = parse_load(Bytes::new(body), time, unwind.take()) {
                        return Some(loaded);
                    }
                }
                _ => {}
            }
        }
    }))
}

fn parse_load<'a>(
    mut body: Bytes<'a>,
    time: u64,
    unwind: Option<JitUnwind<'a>>,
) -> Option<Loaded<'a>> {
    body.skip(8)?;
    let start = body.u64()?;
    body.skip(8)?;
    let size = body.u64()?;
    body.skip(8)?;
    start.checked_add(size)?;
    Some(Loaded { time, start, size, name: body.c_str(), unwind })
}

fn parse_unwind(mut body: Bytes<'_>) -> Option<JitUnwind<'_>> {
    let (size, hdr_size) = (body.u64()?, body.u64()?);
    body.skip(8)?;
    let hdr_size = usize::try_from(hdr_size.min(size)).ok()?;
    let data = body.take64(size)?;
    (hdr_size < data.len()).then_some(JitUnwind { data, hdr_size })
}

/// Returns true if the bytes begin like `.eh_frame_hdr`: version 1, then three encodings of pointers.
fn is_hdr(bytes: &[u8]) -> bool {
    let Some([1, frame, count, table]) = bytes.first_chunk::<4>() else { return false };
    let is_plausible = |encoding: u8| {
        encoding == 0xff
            || (matches!(encoding & 0x0f, 0..=4 | 9..=12)
                && matches!(encoding & 0x70, 0 | 0x10 | 0x30))
    };
    // A relative pointer to the frames, a plain count, a table relative to the header.
    is_plausible(*frame) && matches!(count & 0x70, 0 | 0x70) && is_plausible(*table)
}

impl<'a> JitUnwind<'a> {
    /// The content of the file for a function of this size.
    pub(crate) fn form(self, form: JitUnwindForm, path: &'a str, size: u64) -> UnwindData<'a> {
        let Self { data, hdr_size } = self;
        let first = data.split_at_checked(hdr_size).unwrap_or((&[], data));
        let (hdr, eh_frame) = first;
        if form == JitUnwindForm::Legacy {
            let section = |data| Section { data, svma: 0..0 };
            let (eh_frame_hdr, eh_frame) = (Some(section(hdr)), section(eh_frame));
            return UnwindData { path, base_svma: 0, eh_frame_hdr, eh_frame };
        }
        let behind_code = size.checked_next_multiple_of(CODE_ALIGNMENT).unwrap_or(size);
        let section = |data: &'a [u8], after: usize| {
            let start = behind_code.saturating_add(wide(after));
            Section { data, svma: start..start.saturating_add(wide(data.len())) }
        };
        let split = data.len().saturating_sub(hdr_size);
        let last = data.split_at_checked(split).unwrap_or((data, &[]));
        if hdr_size == 0 {
            let eh_frame = section(data, 0);
            return UnwindData { path, base_svma: 0, eh_frame_hdr: None, eh_frame };
        }
        let (eh_frame_hdr, eh_frame) = if !is_hdr(last.1) && is_hdr(hdr) {
            (section(hdr, 0), section(eh_frame, hdr_size))
        } else {
            (section(last.1, last.0.len()), section(last.0, 0))
        };
        UnwindData { path, base_svma: 0, eh_frame_hdr: Some(eh_frame_hdr), eh_frame }
    }

    /// Returns a key that is equal for functions that share a file: the same bytes at the same distance from the code.
    pub(crate) fn sharing(self, form: JitUnwindForm, size: u64) -> (Vec<u8>, usize, u64) {
        let distance = match form {
            JitUnwindForm::Correct => size.checked_next_multiple_of(CODE_ALIGNMENT).unwrap_or(size),
            JitUnwindForm::Legacy => 0,
        };
        (self.data.to_vec(), self.hdr_size, distance)
    }
}

/// The sections of a legacy file, put together again.
pub(crate) fn rejoin(legacy: &UnwindData<'_>) -> Vec<u8> {
    let hdr = legacy.eh_frame_hdr.as_ref().map_or(&[][..], |hdr| hdr.data);
    [hdr, legacy.eh_frame.data].concat()
}

/// The joined sections of a legacy file, cut where the header is.
pub(crate) fn resplit<'a>(legacy: &UnwindData<'a>, joined: &'a [u8], size: u64) -> UnwindData<'a> {
    let hdr_size = legacy.eh_frame_hdr.as_ref().map_or(0, |hdr| hdr.data.len());
    JitUnwind { data: joined, hdr_size }.form(JitUnwindForm::Correct, legacy.path, size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HDR: [u8; 8] = [1, 0x1b, 3, 0x3b, 9, 9, 9, 9];
    const CFI: [u8; 12] = [8, 0, 0, 0, 0, 0, 0, 0, 5, 5, 5, 5];

    fn record(id: u32, body: &[u8]) -> Vec<u8> {
        let mut record = id.to_le_bytes().to_vec();
        record.extend((u32::try_from(body.len()).unwrap() + 16).to_le_bytes());
        record.extend(77_u64.to_le_bytes());
        record.extend(body);
        record
    }

    fn numbers(numbers: &[u64]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn dump() -> Vec<u8> {
        let mut dump = MAGIC.to_le_bytes().to_vec();
        dump.extend([1, 0, 0, 0, 40, 0, 0, 0]);
        dump.resize(HEADER, 0);
        let load = |name: &[u8]| [&numbers(&[7, 0x1000, 0x1000, 0x21, 1])[..], name].concat();
        dump.extend(record(CODE_LOAD, &load(b"bare\0code")));
        dump.extend(record(3, &[1, 2, 3]));
        let unwind = [&numbers(&[20, 8, 20])[..], &CFI, &HDR, &[0; 4]].concat();
        dump.extend(record(UNWINDING_INFO, &unwind));
        dump.extend(record(CODE_LOAD, &load(b"py::f:/a/b.py\0code")));
        dump
    }

    #[test]
    fn unwind_data_belongs_to_the_next_function() {
        let dump = dump();
        let loaded: Vec<_> = parse_dump(&dump).unwrap().collect();
        let [bare, unwindable] = &loaded[..] else { panic!("{loaded:?}") };
        assert_eq!((bare.name, bare.unwind), (&b"bare"[..], None));
        assert_eq!((unwindable.start, unwindable.size, unwindable.time), (0x1000, 0x21, 77));
        let unwind = unwindable.unwind.unwrap();
        let correct = unwind.form(JitUnwindForm::Correct, "jit_f", 0x21);
        assert_eq!(correct.eh_frame, Section { data: &CFI, svma: 0x30..0x3c });
        assert_eq!(correct.eh_frame_hdr, Some(Section { data: &HDR, svma: 0x3c..0x44 }));
        let legacy = unwind.form(JitUnwindForm::Legacy, "jit_f", 0x21);
        assert_eq!(legacy.eh_frame_hdr.as_ref().unwrap().data, &CFI[..8]);
        assert_eq!(legacy.eh_frame.svma, 0..0);
        assert_eq!(resplit(&legacy, &rejoin(&legacy), 0x21), correct);
    }

    #[test]
    fn a_header_that_really_comes_first() {
        let data = [&HDR[..], &CFI].concat();
        let unwind = JitUnwind { data: &data, hdr_size: 8 };
        let correct = unwind.form(JitUnwindForm::Correct, "", 16);
        assert_eq!(correct.eh_frame, Section { data: &CFI, svma: 24..36 });
        assert_eq!(correct.eh_frame_hdr, Some(Section { data: &HDR, svma: 16..24 }));
    }

    #[test]
    fn a_dump_cut_anywhere_gives_its_begin() {
        let dump = dump();
        for length in 0..dump.len() {
            let functions = parse_dump(&dump[..length]).map_or(0, Iterator::count);
            assert!(functions < 2);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(tail in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..300, byte: u8) {
            let mut dump = dump();
            dump.extend(tail);
            if let Some(place) = dump.get_mut(at) {
                *place = byte;
            }
            for loaded in parse_dump(&dump).into_iter().flatten() {
                for form in [JitUnwindForm::Correct, JitUnwindForm::Legacy] {
                    loaded.unwind.map(|unwind| unwind.form(form, "", loaded.size));
                }
            }
        }
    }
}
