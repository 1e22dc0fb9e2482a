//! One pass over a recording: events in the order of time for whoever wants them.

use std::{
    collections::HashMap,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use linux_perf_event_reader::RecordType;
use system::files::{self, Links};

use super::{
    attr::Attr,
    event::{self, Event},
    order::Order,
    sample,
    source::{Broken, Record, Source},
};
use crate::{
    bytes::{Bytes, wide},
    error::{ProfileError, go_on, interrupted},
};

const MAGIC: &[u8; 8] = b"PERFILE2";
/// Length of the header of a stream; the one of a file is longer.
const PIPE_HEADER: u64 = 16;
const HEADER_ATTR: u32 = 64;
const FINISHED_ROUND: u32 = 68;
const HEADER_FEATURE: u32 = 80;
const FEATURE_ARCH: u64 = 6;
/// Attributes in a file, at most; perf has one per event and processor type.
const MOST_ATTRS: u64 = 4096;
/// Ids of all attributes, at most: one per event and processor.
const MOST_IDS: u64 = 1 << 20;

/// Whoever wants to hear of a recording.
pub(crate) trait Visitor {
    /// Returns true if the sample of this time is wanted; others are never copied.
    fn wants_sample(&self, time: u64) -> bool;
    /// An event; times never decrease within what perf can put in order.
    fn event(&mut self, time: u64, event: Event, attrs: &[Attr]);
}

/// The findings about a recording as a whole.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// The reason why it ends early, for the user.
    pub(crate) warning: Option<String>,
    /// Samples and other records.
    pub(crate) samples: u64,
    pub(crate) records: u64,
    /// Records that the kernel could not deliver.
    pub(crate) lost: u64,
    /// Machine as `uname -m` says it; empty if unknown.
    pub(crate) arch: String,
}

/// Reads a recording from its begin to its end, or to where it breaks off.
pub(crate) fn scan(path: &Path, visitor: &mut impl Visitor) -> Result<Summary, ProfileError> {
    let failed = |source| ProfileError::Read { path: path.to_owned(), source };
    let file = files::open(path, Links::Refuse).map_err(failed)?;
    let summary = scan_input(file, visitor).map_err(failed)?;
    go_on()?;
    summary.ok_or_else(|| ProfileError::NotPerf { path: path.to_owned() })
}

/// The same for anything that can be read; `None`: not a recording.
pub(crate) fn scan_input(
    mut input: impl Read + Seek,
    visitor: &mut impl Visitor,
) -> io::Result<Option<Summary>> {
    let Some(start) = Start::read(&mut input)? else { return Ok(None) };
    let mut source = Source::new(BufReader::with_capacity(1 << 18, input), start.records);
    let mut scan = Scan::new(visitor, start.attrs, start.refused);
    // What is there by then is dropped by whoever asks again.
    while !interrupted()
        && let Some(record) = source.next()?
    {
        scan.record(record);
    }
    scan.finish();
    let mut summary = scan.summary;
    summary.warning = source.broken().map(|broken| match broken {
        Broken::Truncated => "perf's recording is truncated; using the complete part".to_owned(),
        Broken::Damaged => {
            "perf's recording is damaged; using the part before the damage".to_owned()
        }
    });
    Ok(Some(summary))
}

/// The begin of a recording.
struct Start {
    attrs: Vec<Attr>,
    /// Attributes that could not be read.
    refused: u64,
    /// Bytes of records that follow.
    records: u64,
}

impl Start {
    /// Reads the header and leaves the file where the records begin. `None`: not a recording.
    fn read(file: &mut (impl Read + Seek)) -> io::Result<Option<Self>> {
        let mut header = Vec::new();
        file.by_ref().take(PIPE_HEADER).read_to_end(&mut header)?;
        let mut fields = Bytes::new(&header);
        if fields.take(8) != Some(MAGIC) {
            return Ok(None);
        }
        match fields.u64() {
            // Nothing but the magic: perf was ended before it wrote a word.
            None | Some(PIPE_HEADER) => {
                Ok(Some(Self { attrs: Vec::new(), refused: 0, records: u64::MAX }))
            }
            Some(_) => Self::read_file(file),
        }
    }

    /// A file (in contrast to a stream) has its attributes in a table.
    fn read_file(file: &mut (impl Read + Seek)) -> io::Result<Option<Self>> {
        let header = read_at(file, 0, 72)?;
        let mut fields = Bytes::new(&header);
        let numbers = (|| {
            fields.skip(16)?;
            let attr_size = fields.u64()?;
            let (attrs_at, attrs_length) = (fields.u64()?, fields.u64()?);
            Some((attr_size, attrs_at, attrs_length, fields.u64()?, fields.u64()?))
        })();
        let Some((attr_size, attrs_at, attrs_length, data_at, data_length)) = numbers else {
            return Ok(None);
        };
        // An entry is the attribute and where its ids lie (two numbers).
        let count = attrs_length.checked_div(attr_size).unwrap_or(0).min(MOST_ATTRS);
        let (16.., ..=4096) = (attr_size, attr_size) else { return Ok(None) };
        let table = read_at(file, attrs_at, count.saturating_mul(attr_size))?;
        let (mut attrs, mut refused, mut ids_left) = (Vec::new(), 0, MOST_IDS);
        let step = usize::try_from(attr_size).unwrap_or(usize::MAX);
        for entry in table.chunks_exact(step) {
            let (attr, ids) = entry.split_at(step.saturating_sub(16));
            let mut ids = Bytes::new(ids);
            let (Some(at), Some(length)) = (ids.u64(), ids.u64()) else { continue };
            let Some(attr) = Attr::parse(attr) else {
                refused += 1;
                continue;
            };
            // All tables of ids together: a made-up file could have each begin at its start.
            let ids = read_at(file, at, length.min(ids_left.saturating_mul(8)))?;
            ids_left = ids_left.saturating_sub(wide(ids.len()) / 8);
            attrs.push(attr.with_ids(&ids));
        }
        file.seek(SeekFrom::Start(data_at))?;
        // perf fills in the length at its end; a killed one leaves zero.
        let records = if data_length == 0 { u64::MAX } else { data_length };
        Ok(Some(Self { attrs, refused, records }))
    }
}

/// Up to `length` bytes from a place of the file; fewer if it ends before.
fn read_at(file: &mut (impl Read + Seek), at: u64, length: u64) -> io::Result<Vec<u8>> {
    // A place beyond what can be sought to holds no bytes either.
    if i64::try_from(at).is_err() {
        return Ok(Vec::new());
    }
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.by_ref().take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

struct Scan<'v, V> {
    visitor: &'v mut V,
    attrs: Vec<Attr>,
    /// Attributes that could not be read.
    refused: u64,
    /// Place of the attribute by the id of its event.
    by_id: HashMap<u64, usize>,
    order: Order<Event>,
    summary: Summary,
}

impl<'v, V: Visitor> Scan<'v, V> {
    fn new(visitor: &'v mut V, attrs: Vec<Attr>, refused: u64) -> Self {
        let mut scan = Self {
            visitor,
            attrs: Vec::new(),
            refused,
            by_id: HashMap::new(),
            order: Order::new(),
            summary: Summary::default(),
        };
        for attr in attrs {
            scan.attr(attr);
        }
        scan
    }

    fn attr(&mut self, attr: Attr) {
        if wide(self.attrs.len()) >= MOST_ATTRS || wide(self.by_id.len()) >= MOST_IDS {
            return;
        }
        let place = self.attrs.len();
        self.by_id.extend(attr.ids.iter().map(|id| (*id, place)));
        self.attrs.push(attr);
    }

    fn record(&mut self, record: Record<'_>) {
        self.summary.records = self.summary.records.saturating_add(1);
        match record.kind {
            HEADER_ATTR => match Attr::parse(record.body) {
                Some(attr) => self.attr(attr),
                None => self.refused = self.refused.saturating_add(1),
            },
            HEADER_FEATURE => self.feature(record.body),
            FINISHED_ROUND => {
                let (visitor, attrs) = (&mut *self.visitor, &self.attrs);
                self.order.round(|time, event| visitor.event(time, event, attrs));
            }
            kind => self.of_kernel(RecordType(kind), record),
        }
    }

    fn of_kernel(&mut self, kind: RecordType, record: Record<'_>) {
        match kind {
            RecordType::SAMPLE => self.sample(record.body),
            RecordType::LOST | RecordType::LOST_SAMPLES => {
                let mut fields = Bytes::new(record.body);
                // An id comes before the number of lost records, none before that of samples.
                let first = fields.u64();
                let second = if kind == RecordType::LOST { fields.u64() } else { first };
                self.summary.lost = self.summary.lost.saturating_add(second.unwrap_or(0));
            }
            _ => {
                let event = event::parse(kind, record.misc, record.body);
                let Some((event, own_time)) = event else { return };
                let trailer = || self.attrs.first()?.trailer_time(record.body);
                let time = own_time.or_else(trailer).unwrap_or(0);
                self.push(time, event, record.body.len());
            }
        }
    }

    fn sample(&mut self, body: &[u8]) {
        self.summary.samples = self.summary.samples.saturating_add(1);
        // Of one event alone, there may be no ids.
        let is_alone = self.attrs.len() == 1 && self.refused == 0;
        let place =
            if is_alone { Some(0) } else { sample::attr_of(body, &self.attrs, &self.by_id) };
        let Some(attr) = place else { return };
        let Some(layout) = self.attrs.get(attr) else { return };
        let Some(time) = sample::time(body, layout) else { return };
        if self.visitor.wants_sample(time)
            && let Some(copy) = sample::copy(body, layout)
        {
            self.push(time, Event::Sample { attr, body: copy }, body.len());
        }
    }

    fn push(&mut self, time: u64, event: Event, bytes: usize) {
        let (visitor, attrs) = (&mut *self.visitor, &self.attrs);
        self.order.push(time, bytes, event, |time, event| visitor.event(time, event, attrs));
    }

    fn feature(&mut self, body: &[u8]) {
        let mut fields = Bytes::new(body);
        if fields.u64() == Some(FEATURE_ARCH) && fields.u32().is_some() {
            self.summary.arch = String::from_utf8_lossy(fields.c_str()).into_owned();
        }
    }

    fn finish(&mut self) {
        let (visitor, attrs) = (&mut *self.visitor, &self.attrs);
        self.order.finish(|time, event| visitor.event(time, event, attrs));
    }
}
