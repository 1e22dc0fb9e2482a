//! The rows: arrays of `MessagePack`, whose columns the head of the file names.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, SeqAccess, Visitor},
};

use super::{TraceError, sums::Function};

/// Events by their numbers.
const MARKER: i64 = 0;
const ENTER: i64 = 1;
const EXIT: i64 = 2;
const INLINED: [i64; 2] = [3, 4];
/// The column before the first cost.
const LAST_PLACE: &str = "line";
/// Columns up to that one, if the head does not name it.
const PLACE_COLUMNS: usize = 7;

/// The first chunk.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    #[serde(default)]
    creator: String,
    #[serde(default)]
    creator_version: String,
    #[serde(default)]
    event_schemas: BTreeMap<String, Vec<String>>,
}

/// The content of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// A client request with a text.
    Marker(String),
    /// A function begins.
    Enter { thread: i64, function: Function, costs: Vec<u64> },
    /// A function ends.
    Exit { thread: i64, function: Function, costs: Vec<u64> },
    /// Inlined code begins or ends.
    Inlined { thread: i64, costs: Vec<u64> },
    /// A process or a thread was made, or something unknown.
    Other,
}

/// The cells of a row, which are few.
struct Cells(Vec<Cell>);

/// Columns for places, and some for each event.
const MOST_CELLS: usize = 256;

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(OneRow)
    }
}

struct OneRow;

impl<'de> Visitor<'de> for OneRow {
    type Value = Cells;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MOST_CELLS} cells")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cells, A::Error> {
        let mut cells = Vec::new();
        while let Some(cell) = list.next_element()? {
            if cells.len() == MOST_CELLS {
                return Err(A::Error::invalid_length(cells.len() + 1, &self));
            }
            cells.push(cell);
        }
        Ok(Cells(cells))
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Cell {
    Int(i64),
    Big(u64),
    Text(String),
    Other(IgnoredAny),
}

impl Head {
    pub(super) fn parse(chunk: &[u8]) -> Result<Self, TraceError> {
        let head: Self = rmp_serde::from_slice(chunk)
            .map_err(|_unsaid| TraceError::Damaged("its header can't be read"))?;
        if head.events().is_empty() {
            return Err(TraceError::Damaged("its header names no events"));
        }
        Ok(head)
    }

    /// As callgrind writes it.
    pub(super) fn creator(&self) -> String {
        let name = if self.creator.is_empty() { "tracegrind" } else { &self.creator };
        one_line(&format!("{name}-{}", self.creator_version))
    }

    /// Returns the names of the counted events.
    pub(super) fn events(&self) -> &[String] {
        let columns = self.event_schemas.get("1").map_or(&[][..], Vec::as_slice);
        columns.get(self.place_columns()..).unwrap_or_default()
    }

    fn place_columns(&self) -> usize {
        let columns = self.event_schemas.get("1").map_or(&[][..], Vec::as_slice);
        let last = columns.iter().position(|column| column == LAST_PLACE);
        last.map_or(PLACE_COLUMNS, |last| last.saturating_add(1))
    }

    /// Takes a row off the front.
    pub(super) fn row(&self, rest: &mut &[u8]) -> Result<Row, TraceError> {
        let Cells(cells) = rmp_serde::from_read(rest)
            .map_err(|_unsaid| TraceError::Damaged("a row can't be read"))?;
        let short = TraceError::Damaged("a row is too short");
        let [_, Cell::Int(thread), Cell::Int(event), ..] = cells[..] else { return Err(short) };
        let text = |at: usize| match cells.get(at) {
            Some(Cell::Text(text)) => one_line(text),
            Some(Cell::Int(_) | Cell::Big(_) | Cell::Other(_)) | None => String::new(),
        };
        let costs = || {
            let cells = cells.get(self.place_columns()..).unwrap_or_default();
            cells.iter().map(Cell::cost).collect::<Vec<u64>>()
        };
        let function = || Function { name: text(3), object: text(4), file: text(5) };
        Ok(match event {
            MARKER => {
                let label = text(3);
                let own = label.strip_prefix("Client Request:").map(str::trim);
                Row::Marker(own.unwrap_or(&label).to_owned())
            }
            ENTER => Row::Enter { thread, function: function(), costs: costs() },
            EXIT => Row::Exit { thread, function: function(), costs: costs() },
            event if INLINED.contains(&event) => Row::Inlined { thread, costs: costs() },
            _ => Row::Other,
        })
    }
}

impl Cell {
    /// A count is not negative.
    fn cost(&self) -> u64 {
        match self {
            Self::Int(value) => u64::try_from(*value).unwrap_or(0),
            Self::Big(value) => *value,
            Self::Text(_) | Self::Other(_) => 0,
        }
    }
}

/// Without what would end a line of text.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ").trim().to_owned()
}
