//! The bytes of a record: JSON below zstd, with a digest as their name.

use std::{borrow::Cow, fmt, io::Read, str::FromStr};

use runner_shared::{
    bounds::{RECORD_BYTES, RECORD_PACKED_BYTES, RECORD_VALUES_BYTES, Unit, shown},
    text::{hex, one_line},
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Metric, Record, RecordedBenchmark, Rounds, weight::weight};

/// The level of zstd: higher ones take much longer for a few percent.
const LEVEL: i32 = 6;
/// Bytes of the digest that are the name of a record.
const DIGEST_BYTES: usize = 16;

/// The name of a record: the first 16 bytes of the SHA-256 of its JSON. Written as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId([u8; DIGEST_BYTES]);

/// A record as it is kept and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its name.
    pub id: RecordId,
    /// Its JSON, compressed by zstd.
    pub bytes: Vec<u8>,
}

/// The reason why bytes are no record.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// More bytes than any record has.
    #[error("a record has at most {most} bytes")]
    Long {
        /// The bound.
        most: u64,
    },
    /// Values that take more memory than those of any record.
    #[error("the values of a record take at most {} of memory", shown(*most, Unit::Bytes))]
    Heavy {
        /// The bound.
        most: u64,
    },
    /// They can't be decompressed.
    #[error("the record is damaged: it can't be decompressed")]
    Damaged(#[source] std::io::Error),
    /// They are not the JSON of a record.
    #[error("not a record of a run")]
    Json(#[from] serde_json::Error),
    /// They are of a version that does not exist yet.
    #[error("a record of version {found}; this program reads versions up to {known}")]
    Version {
        /// The version of the bytes.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// Their digest is not their name.
    #[error("the record is damaged: its content is not that of {expected}")]
    Digest {
        /// The name.
        expected: RecordId,
    },
    /// A value is no number, or infinite, which JSON can't hold.
    #[error("a value of the benchmark `{0}` is not a number")]
    Number(String),
    /// A number in it points to nothing.
    #[error("the record is damaged: {0}")]
    Dangling(&'static str),
    /// The name is not one of a record.
    #[error("`{0}` is not the ID of a record: expected 32 hexadecimal digits")]
    Id(String),
}

/// That of a record which every version has.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl RecordId {
    /// Returns the name of a record with this JSON.
    pub fn of(json: &[u8]) -> Self {
        let digest = Sha256::digest(json);
        let mut id = [0; DIGEST_BYTES];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(id)
    }

    /// The name with these bytes.
    pub(crate) const fn from_bytes(bytes: [u8; DIGEST_BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the name.
    pub(crate) const fn bytes(&self) -> [u8; DIGEST_BYTES] {
        self.0
    }

    /// Digits that people see.
    pub(crate) const SHORT: usize = 12;

    /// Returns its first 12 digits, as people see it.
    pub fn short(&self) -> String {
        self.to_string().chars().take(Self::SHORT).collect()
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl FromStr for RecordId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::Id(text.chars().take(80).collect());
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 2 * DIGEST_BYTES || !text.bytes().all(is_hex) {
            return Err(invalid());
        }
        let mut id = [0; DIGEST_BYTES];
        for (to, place) in id.iter_mut().zip((0..).step_by(2)) {
            let digits = text.get(place..place + 2).ok_or_else(invalid)?;
            *to = u8::from_str_radix(digits, 16).ok().ok_or_else(invalid)?;
        }
        Ok(Self(id))
    }
}

impl Packed {
    /// Returns the JSON, whose digest is the name.
    ///
    /// # Errors
    ///
    /// If it can't be decompressed.
    pub fn json(&self) -> Result<Vec<u8>, Invalid> {
        decompress(&self.bytes, RECORD_BYTES)
    }

    /// Takes the bytes of a record, which anybody may have made; plain JSON is compressed. Returns the record as well.
    ///
    /// # Errors
    ///
    /// As those of [`Record::unpack`].
    pub fn accept(bytes: Vec<u8>) -> Result<(Self, Record), Invalid> {
        Self::accept_sized(bytes).map(|(packed, record, _)| (packed, record))
    }

    /// The same, with the number of bytes of the JSON.
    pub(crate) fn accept_sized(bytes: Vec<u8>) -> Result<(Self, Record, usize), Invalid> {
        check_length(bytes.len(), RECORD_PACKED_BYTES)?;
        let is_plain = bytes.starts_with(b"{");
        let decompressed = if is_plain { None } else { Some(decompress(&bytes, RECORD_BYTES)?) };
        let json = decompressed.as_ref().unwrap_or(&bytes);
        let (id, record) = (RecordId::of(json), Record::read(json)?);
        let length = json.len();
        let bytes = if is_plain { compress(json)? } else { bytes };
        Ok((Self { id, bytes }, record, length))
    }
}

impl Record {
    /// Returns the bytes to keep.
    ///
    /// # Errors
    ///
    /// [`Invalid::Number`] for a value that JSON can't hold, which would be read as nothing; [`Invalid::Long`] or
    /// [`Invalid::Heavy`] if the record is too large.
    pub fn pack(&self) -> Result<Packed, Invalid> {
        self.check_numbers()?;
        let json = serde_json::to_vec(self)?;
        check_length(json.len(), RECORD_BYTES)?;
        check_weight(&json)?;
        Ok(Packed { id: RecordId::of(&json), bytes: compress(&json)? })
    }

    /// Reads kept bytes, which anybody may have made: plain JSON is taken, too.
    ///
    /// # Errors
    ///
    /// The reason why they are no record, or not the one of this name.
    pub fn unpack(bytes: &[u8], expected: Option<RecordId>) -> Result<Self, Invalid> {
        check_length(bytes.len(), RECORD_PACKED_BYTES)?;
        Self::unpack_within(bytes, expected, RECORD_BYTES)
    }

    /// The same; one whose JSON has more than `most` bytes is [`Invalid::Long`].
    pub(crate) fn unpack_within(
        bytes: &[u8],
        expected: Option<RecordId>,
        most: u64,
    ) -> Result<Self, Invalid> {
        let json = if bytes.starts_with(b"{") {
            check_length(bytes.len(), most)?;
            Cow::Borrowed(bytes)
        } else {
            decompress(bytes, most)?.into()
        };
        if let Some(expected) = expected.filter(|id| *id != RecordId::of(&json)) {
            return Err(Invalid::Digest { expected });
        }
        Self::read(&json)
    }

    /// Reads the JSON of a record.
    fn read(json: &[u8]) -> Result<Self, Invalid> {
        let parse = || {
            check_weight(json)?;
            let record: Self = serde_json::from_slice(json)?;
            record.check_places()?;
            Ok(record)
        };
        let parsed: Result<Self, Invalid> = parse();
        let found = match &parsed {
            Ok(record) => record.version,
            // The rest of a newer record may be anything.
            Err(_) => {
                serde_json::from_slice(json).map_or(Self::VERSION, |Version { version }| version)
            }
        };
        if found > Self::VERSION {
            return Err(Invalid::Version { found, known: Self::VERSION });
        }
        parsed
    }

    /// Checks that all values are numbers: of others JSON has `null`, and a record with one could never be read.
    fn check_numbers(&self) -> Result<(), Invalid> {
        let is_sound = |one: &&RecordedBenchmark| {
            one.metrics.values().all(Metric::is_finite)
                && one.rounds.as_ref().is_none_or(Rounds::is_finite)
        };
        match self.benchmarks.iter().find(|one| !is_sound(one)) {
            Some(one) => Err(Invalid::Number(one_line(&one.name))),
            None => Ok(()),
        }
    }

    /// Checks that all places that the record names exist, so that later readers need not.
    fn check_places(&self) -> Result<(), Invalid> {
        let exists =
            |place: u32, count: usize| usize::try_from(place).is_ok_and(|place| place < count);
        for part in &self.parts {
            let modules = self.environment_of(part).modules.len();
            if !part.modules.iter().all(|place| exists(*place, modules)) {
                return Err(Invalid::Dangling("a part names a module that it doesn't have"));
            }
        }
        for benchmark in &self.benchmarks {
            if !exists(benchmark.part, self.parts.len()) {
                return Err(Invalid::Dangling("a benchmark names a part that it doesn't have"));
            }
            let Some(stacks) = &benchmark.stacks else { continue };
            let is_sound = stacks.nodes.iter().enumerate().all(|(place, node)| {
                usize::try_from(node.parent).is_ok_and(|parent| parent <= place)
                    && exists(node.function, stacks.functions.len())
                    && exists(node.object, stacks.objects.len())
            });
            if !is_sound {
                return Err(Invalid::Dangling("a stack names a function that it doesn't have"));
            }
            let mut columns = stacks.columns.values();
            if !columns.all(|column| column.weights.len() == stacks.nodes.len()) {
                return Err(Invalid::Dangling("a column doesn't have as many costs as stacks"));
            }
        }
        Ok(())
    }
}

fn check_length(length: usize, most: u64) -> Result<(), Invalid> {
    if u64::try_from(length).is_ok_and(|length| length <= most) {
        return Ok(());
    }
    Err(Invalid::Long { most })
}

/// Refuses the JSON of a record whose values would take more memory than any may.
fn check_weight(json: &[u8]) -> Result<(), Invalid> {
    if weight(json)? > RECORD_VALUES_BYTES {
        return Err(Invalid::Heavy { most: RECORD_VALUES_BYTES });
    }
    Ok(())
}

fn compress(json: &[u8]) -> Result<Vec<u8>, Invalid> {
    let bytes = zstd::bulk::compress(json, LEVEL).map_err(Invalid::Damaged)?;
    check_length(bytes.len(), RECORD_PACKED_BYTES)?;
    Ok(bytes)
}

/// Decompresses at most so many bytes.
fn decompress(bytes: &[u8], most: u64) -> Result<Vec<u8>, Invalid> {
    let decoder = zstd::stream::read::Decoder::new(bytes).map_err(Invalid::Damaged)?;
    let mut json = Vec::new();
    decoder.take(most.saturating_add(1)).read_to_end(&mut json).map_err(Invalid::Damaged)?;
    check_length(json.len(), most)?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Part, Stacks, Verdict};

    fn record() -> Record {
        let benchmark = RecordedBenchmark { name: "sort".to_owned(), ..Default::default() };
        Record {
            version: Record::VERSION,
            parts: vec![Part::default()],
            benchmarks: vec![benchmark],
            ..Default::default()
        }
    }

    #[test]
    fn a_record_survives_packing() {
        let packed = record().pack().unwrap();
        assert_eq!(Record::unpack(&packed.bytes, Some(packed.id)).unwrap(), record());
        assert_eq!(packed.id.to_string().parse::<RecordId>().unwrap(), packed.id);
        let json = serde_json::to_vec(&record()).unwrap();
        assert_eq!(Record::unpack(&json, Some(packed.id)).unwrap(), record());
    }

    #[test]
    fn a_value_that_is_no_number_is_refused() {
        let with = |metric: Metric, wall: f64| {
            let mut record = record();
            record.benchmarks[0].metrics.insert("median_ns".to_owned(), metric);
            let rounds = Rounds { wall_ns: vec![1.0, wall], ..Rounds::default() };
            record.benchmarks[0].rounds = Some(rounds);
            record.pack().map(|packed| Record::unpack(&packed.bytes, None).unwrap())
        };
        assert!(with(Metric::default(), 2.0).is_ok());
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let value = Metric { value: odd, ..Metric::default() };
            let low = Metric { low: Some(odd), ..Metric::default() };
            for refused in [with(value, 2.0), with(low, 2.0), with(Metric::default(), odd)] {
                let refused = refused.unwrap_err().to_string();
                assert_eq!(refused, "a value of the benchmark `sort` is not a number");
            }
        }
    }

    #[test]
    fn plain_json_is_kept_under_the_digest_of_its_own_bytes() {
        let json = serde_json::to_string_pretty(&record()).unwrap().into_bytes();
        let (packed, read) = Packed::accept(json.clone()).unwrap();
        assert_eq!((packed.id, &read), (RecordId::of(&json), &record()));
        let (again, _) = Packed::accept(packed.bytes.clone()).unwrap();
        assert_eq!(again, packed);
        assert!(Packed::accept(b"[]".to_vec()).is_err());
    }

    #[test]
    fn whatever_is_unpacked_is_accepted_too() {
        let json = [b"\n ", serde_json::to_string(&record()).unwrap().as_bytes()].concat();
        let bytes = compress(&json).unwrap();
        let id = RecordId::of(&json);
        assert_eq!(Record::unpack(&bytes, Some(id)).unwrap(), record());
        let (packed, read) = Packed::accept(bytes.clone()).unwrap();
        assert_eq!((packed, read), (Packed { id, bytes }, record()));
    }

    #[test]
    fn a_record_that_takes_too_much_memory_is_refused_both_ways() {
        let mut heavy = record();
        let found = vec![serde_json::json!({ "a": 0 }); 160_000].into();
        heavy.verdicts = vec![Verdict { found, ..Verdict::default() }];
        assert!(matches!(heavy.pack(), Err(Invalid::Heavy { .. })));
        let json = serde_json::to_vec(&heavy).unwrap();
        let refused = Packed::accept(json).unwrap_err().to_string();
        assert_eq!(refused, "the values of a record take at most 96 MiB of memory");
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let packed = record().pack().unwrap();
        let other = Some(RecordId::of(b"other"));
        assert!(matches!(Record::unpack(&packed.bytes, other), Err(Invalid::Digest { .. })));
        let half = packed.bytes.get(..packed.bytes.len() / 2).unwrap();
        assert!(Record::unpack(half, None).is_err());
        assert!(Record::unpack(b"", None).is_err());
        assert!(Record::unpack(b"{}", None).is_err());
        let deep = "[".repeat(1_000_000);
        assert!(Record::unpack(format!("{{\"x\":{deep}").as_bytes(), None).is_err());
        let newer = serde_json::to_vec(&Record { version: 2, ..record() }).unwrap();
        let error = Record::unpack(&newer, None).unwrap_err();
        assert_eq!(error.to_string(), "a record of version 2; this program reads versions up to 1");
    }

    #[test]
    fn places_that_do_not_exist_are_refused() {
        let mut dangling = record();
        dangling.benchmarks[0].part = 1;
        let json = serde_json::to_vec(&dangling).unwrap();
        assert!(matches!(Record::unpack(&json, None), Err(Invalid::Dangling(_))));
        let mut circle = record();
        let node = crate::StackNode { parent: 1, ..Default::default() };
        let stacks = Stacks {
            functions: vec![String::new()],
            objects: vec![String::new()],
            nodes: vec![node],
            ..Default::default()
        };
        circle.benchmarks[0].stacks = Some(stacks.clone());
        let json = serde_json::to_vec(&circle).unwrap();
        assert!(matches!(Record::unpack(&json, None), Err(Invalid::Dangling(_))));
        let nodes = vec![crate::StackNode::default()];
        let column = |weights| crate::Column { weights, left_out: 0 };
        for (weights, is_sound) in [(vec![1], true), (vec![], false), (vec![1, 2], false)] {
            let columns = [("calls".to_owned(), column(weights))].into();
            circle.benchmarks[0].stacks =
                Some(Stacks { nodes: nodes.clone(), columns, ..stacks.clone() });
            let json = serde_json::to_vec(&circle).unwrap();
            assert_eq!(Record::unpack(&json, None).is_ok(), is_sound);
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let zeros = vec![b' '; (64 << 20) + 1];
        let bomb = zstd::bulk::compress(&zeros, 1).unwrap();
        assert!(matches!(Record::unpack(&bomb, None), Err(Invalid::Long { .. })));
    }

    #[test]
    fn an_id_is_32_digits() {
        for text in ["", "abc", "../../etc/passwd", &"g".repeat(32), &"é".repeat(16)] {
            assert!(text.parse::<RecordId>().is_err(), "{text}");
        }
    }
}
