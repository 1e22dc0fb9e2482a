//! From a stream to its parts.

use std::{
    collections::HashMap,
    io::{self, Read},
};

use runner_shared::text::bytes_as_text;
use system::lines::Lines;

use super::{
    hash::FastBuild,
    line::{Line, Place},
    names::{NameId, Names},
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

/// The receiver of what is read.
pub(crate) trait Parts {
    /// Tells whether costs are wanted by line, too, for the functions of an object.
    fn wants_lines(&mut self, object: &str) -> bool;
    /// Takes a part that is whole.
    fn take(&mut self, header: &Header, names: &Names, part: Part);
}

/// Reads a file to its end and hands over each part when it is whole.
pub(crate) fn read_parts(source: impl Read, mut to: impl Parts) -> io::Result<Damage> {
    let mut lines = Lines::new(source);
    let mut names = Names::default();
    let mut shorts = Shorts::default();
    let mut header = Header::default();
    let mut building: Option<Building> = None;
    let mut damage = Damage::default();
    let mut with_lines: HashMap<NameId, bool, FastBuild> = HashMap::default();
    while let Some(line) = lines.next_line()? {
        let line = Line::of(line);
        if let Line::Field(key, value) = line {
            if header.takes(key, value) {
                continue;
            }
            if key == b"part" {
                damage.parts += hand_over(building.take(), &mut to, &header, &names);
            }
        } else if building.is_none() {
            damage.odd_lines += u64::from(line != Line::Nothing);
            continue;
        }
        let part = building.get_or_insert_with(|| Building::new(&mut names));
        part.line(line, &mut shorts, &mut names);
        if let Line::Name(Place::Object, _) = line {
            let object = part.object();
            let wants = || to.wants_lines(&names.text(object));
            part.keep_lines(*with_lines.entry(object).or_insert_with(wants));
        }
    }
    damage.parts += hand_over(building.take(), &mut to, &header, &names);
    damage.odd_lines += lines.too_long;
    damage.names_left_out = names.left_out();
    Ok(damage)
}

/// Hands over a part, if there is one; the number of parts.
fn hand_over(part: Option<Building>, to: &mut impl Parts, header: &Header, names: &Names) -> u64 {
    let Some(part) = part.filter(|part| !part.is_empty()) else { return 0 };
    to.take(header, names, part.finish());
    1
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

/// Reads a file with all lines.
#[cfg(test)]
pub(super) fn read_whole(
    source: impl Read,
    each: impl FnMut(&Header, &Names, Part),
) -> io::Result<Damage> {
    struct Whole<F>(F);

    impl<F: FnMut(&Header, &Names, Part)> Parts for Whole<F> {
        fn wants_lines(&mut self, _: &str) -> bool {
            true
        }

        fn take(&mut self, header: &Header, names: &Names, part: Part) {
            (self.0)(header, names, part);
        }
    }

    read_parts(source, Whole(each))
}
