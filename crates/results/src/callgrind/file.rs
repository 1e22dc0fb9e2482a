//! From a stream to its parts.

use std::io::{self, Read};

use runner_shared::text::bytes_as_text;
use system::lines::Lines;

use super::{
    line::Line,
    names::Names,
    part::{Building, Part, Shorts},
};

/// Longer command lines are cut: they are shown, and looked at for names of tools.
const LONGEST_COMMAND: usize = 64 << 10;

/// The header of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// For example `callgrind-3.19.0`; empty if it isn't said.
    pub creator: String,
    /// Program and arguments of the process.
    pub command: String,
}

/// The faults of a file as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Lines before the first part, or too long for any part, that made no sense.
    pub odd_lines: u64,
    /// The number of parts.
    pub parts: u64,
    /// Names for which there was no room.
    pub names_left_out: u64,
}

/// Reads a file to its end and hands over each part when it is whole.
pub(crate) fn read_parts(
    source: impl Read,
    mut each: impl FnMut(&Header, &Names, Part),
) -> io::Result<Damage> {
    let mut lines = Lines::new(source);
    let mut names = Names::default();
    let mut shorts = Shorts::default();
    let mut header = Header::default();
    let mut building: Option<Building> = None;
    let mut damage = Damage::default();
    let mut hand_over = |part: Option<Building>, header: &Header, names: &Names| {
        let Some(part) = part.filter(|part| !part.is_empty()) else { return 0 };
        each(header, names, part.finish());
        1
    };
    while let Some(line) = lines.next_line()? {
        let line = Line::of(line);
        if let Line::Field(key, value) = line {
            if header.takes(key, value) {
                continue;
            }
            if key == b"part" {
                damage.parts += hand_over(building.take(), &header, &names);
            }
        } else if building.is_none() {
            damage.odd_lines += u64::from(line != Line::Nothing);
            continue;
        }
        let part = building.get_or_insert_with(|| Building::new(&mut names));
        part.line(line, &mut shorts, &mut names);
    }
    damage.parts += hand_over(building.take(), &header, &names);
    damage.odd_lines += lines.too_long;
    damage.names_left_out = names.left_out();
    Ok(damage)
}

impl Header {
    /// Keeps what it knows.
    fn takes(&mut self, key: &[u8], value: &[u8]) -> bool {
        let text = || bytes_as_text(value).into_owned();
        let cut = |mut text: String| {
            text.truncate(text.floor_char_boundary(LONGEST_COMMAND));
            text
        };
        match key {
            b"creator" => self.creator = cut(text()),
            b"cmd" => self.command = cut(text()),
            // The name of the file says it, too.
            b"pid" | b"version" => {}
            _ => return false,
        }
        true
    }
}
