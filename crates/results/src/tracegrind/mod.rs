//! Reads what tracegrind writes, as far as its format is described: version 3, one row per entry
//! into and exit from a function. The rows are summed up per benchmark and written as callgrind's
//! text, so that everything else knows one format only.
//!
//! Costs of a row are what was counted since the row before, in the function that ran until then;
//! a marker ends what its text names. Both are taken from the description, not from files.

mod chunks;
mod rows;
mod sums;

use std::{
    fmt::Write,
    io::{self, Read},
};

use runner_shared::bounds::{self, TRACEGRIND_BYTES, Unit, size};

use chunks::Chunks;
use rows::{Head, Row};
use sums::Sums;

/// The reason why a trace can't be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TraceError {
    /// Not readable, or cut.
    #[error("it can't be read completely ({0})")]
    Io(#[from] io::Error),
    /// Something else.
    #[error("it is not a tracegrind trace of version 3")]
    Unknown,
    /// It holds more than is kept.
    #[error(
        "it has more functions and calls than the {} that are kept",
        bounds::shown(size(TRACEGRIND_BYTES), Unit::Bytes)
    )]
    TooLarge,
    /// Against the description.
    #[error("it has an invalid format: {0}")]
    Damaged(&'static str),
}

/// The same as text of callgrind: a part for each marker, and one for the end of the process.
pub(crate) fn to_callgrind(source: impl Read) -> Result<Vec<u8>, TraceError> {
    let mut chunks = Chunks::open(source)?;
    let head = chunks.next_chunk()?.ok_or(TraceError::Damaged("it has no header"))?;
    let head = Head::parse(&head)?;
    let mut text = format!("# callgrind format\nversion: 1\ncreator: {}\n", head.creator());
    let events = head.events();
    let mut sums = Sums::new(events.len());
    let mut number = 0;
    let mut end_part = |text: &mut String, sums: &mut Sums, trigger: &str| {
        number += 1;
        let names = events.join(" ");
        // Writing to a string doesn't fail.
        let _ = write!(
            text,
            "\npart: {number}\n\ndesc: Trigger: {trigger}\n\npositions: line\nevents: {names}\n\n"
        );
        sums.write_and_clear(text);
    };
    while let Some(chunk) = chunks.next_chunk()? {
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            match head.row(&mut rest)? {
                Row::Marker(label) => {
                    // Nothing is known of markers but those of dumps; others have no cost.
                    if !sums.is_empty() || label.starts_with("Metadata:") {
                        end_part(&mut text, &mut sums, &format!("Client Request: {label}"));
                    }
                }
                Row::Enter { thread, function, costs } => sums.enter(thread, function, &costs),
                Row::Exit { thread, function, costs } => sums.exit(thread, &function, &costs),
                Row::Inlined { thread, costs } => sums.spend(thread, &costs),
                Row::Other => {}
            }
            if sums.is_full() || text.len() > TRACEGRIND_BYTES {
                return Err(TraceError::TooLarge);
            }
        }
    }
    end_part(&mut text, &mut sums, "Program termination");
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests;
