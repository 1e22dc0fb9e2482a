//! Text of others, made fit for a terminal and for files that hold text only.

use std::{borrow::Cow, ffi::OsStr, fmt::Write, os::unix::ffi::OsStrExt};

/// Returns a large number in groups of three digits: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (left, digit) in (1..=digits.len()).rev().zip(digits.chars()) {
        text.push(digit);
        if left > 1 && left % 3 == 1 {
            text.push(',');
        }
    }
    text
}

/// Returns a word, a name or a path of the system as text, for names and files. What is UTF-8 is itself. In anything else
/// each byte that is no text becomes `\xNN`, and a backslash becomes two, so that two of them never look the same.
pub fn as_text(text: &(impl AsRef<OsStr> + ?Sized)) -> Cow<'_, str> {
    bytes_as_text(text.as_ref().as_bytes())
}

/// The same for bytes.
pub fn bytes_as_text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', r"\\"));
        for byte in chunk.invalid() {
            // A string takes all that is written to it.
            let _ = write!(text, r"\x{byte:02x}");
        }
    }
    Cow::Owned(text)
}

/// Returns a word, a name or a path of the system for people: as text on one line that can't steer a terminal.
pub fn shown(text: &(impl AsRef<OsStr> + ?Sized)) -> Cow<'_, str> {
    let text = as_text(text);
    if text.chars().any(steers) { Cow::Owned(one_line(&text)) } else { text }
}

/// Text on one line that can't steer a terminal: control characters (a name may hold an escape
/// sequence) and characters that turn the direction of writing are spelt out.
pub fn one_line(text: &str) -> String {
    let mut line = String::new();
    for letter in text.chars() {
        if steers(letter) {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}

/// The same for text that may have several lines, and tabs in them.
pub fn lines(text: &str) -> String {
    let pieces = text.split_inclusive(['\n', '\t']);
    let safe = |piece: &str| match piece.strip_suffix(['\n', '\t']) {
        Some(start) => one_line(start) + piece.get(start.len()..).unwrap_or_default(),
        None => one_line(piece),
    };
    pieces.map(safe).collect()
}

/// Text for the log of a CI system, in which others may have written a workflow command of GitHub: of today's form at
/// the beginning of a line, of the older one (`##[error]`) anywhere. It becomes text.
pub fn without_commands(text: &str) -> String {
    let line = |line: &str| {
        let start = line.trim_start();
        let indent = line.get(..line.len() - start.len()).unwrap_or_default();
        let mark = if start.starts_with("::") { r"\" } else { "" };
        format!("{indent}{mark}{}", start.replace("##[", r"#\#["))
    };
    text.split_inclusive('\n').map(line).collect()
}

/// So many processes are named at most.
const MOST_NAMES: usize = 4;

/// Names processes, given by their ids and the names of their programs, in a sentence.
pub fn processes<'a>(those: impl IntoIterator<Item = (i32, &'a str)>) -> String {
    let all: Vec<_> = those.into_iter().collect();
    let named = all.iter().take(MOST_NAMES).map(|(pid, name)| match *name {
        "" => format!("process {pid}"),
        name => format!("`{}` (process {pid})", one_line(name)),
    });
    let mut parts: Vec<String> = named.collect();
    if let more @ 1.. = all.len().saturating_sub(MOST_NAMES) {
        parts.push(format!("{more} more"));
    }
    match parts.pop() {
        Some(last) if !parts.is_empty() => format!("{} and {last}", parts.join(", ")),
        last => last.unwrap_or_default(),
    }
}

/// Returns a text of at most so many bytes, 20 or more. A cut one ends with a number that is that of the whole text, so
/// that two of them stay two.
pub fn within(text: &str, most: usize) -> String {
    const TAIL: usize = 20;
    if text.len() <= most {
        return text.to_owned();
    }
    // FNV-1a: the same number in every version.
    let number = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let end = text.floor_char_boundary(most.saturating_sub(TAIL));
    format!("{}~{number:016x}", text.get(..end).unwrap_or_default())
}

/// Returns bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

fn steers(letter: char) -> bool {
    let turns = matches!(letter, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || turns
}

/// Returns a number with its noun, which is in the singular for one: `1 round`, `2 processes`,
/// `3 entries`.
pub fn count(number: u64, noun: &str) -> String {
    plural(number, &number.to_string(), noun)
}

/// Returns a number as it is shown with its noun, as [`count`] does: `1,234 rounds`.
pub fn plural(number: u64, shown: &str, noun: &str) -> String {
    let stem = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match (number, stem) {
        (1, _) => format!("{shown} {noun}"),
        (_, Some(stem)) => format!("{shown} {stem}ies"),
        (_, None) if noun.ends_with('s') => format!("{shown} {noun}es"),
        (_, None) => format!("{shown} {noun}s"),
    }
}

/// Returns the length of a list with its noun, as [`count`] does.
pub fn count_of<T>(list: &[T], noun: &str) -> String {
    count(u64::try_from(list.len()).unwrap_or(u64::MAX), noun)
}

/// Units of [`bytes`], each 1024 times the one before.
const UNITS: &[&str] = &["B", "KB", "MB", "GB", "TB", "PB"];

/// A number of bytes for people: at most one digit behind the point, as in `1.5 KB`, `10 MB` or `0 B`.
pub fn bytes(number: u64) -> String {
    // Tenths of the unit, rounded half up. What is rounded to 1024 is one of the next unit.
    let tenths = |scale: u128| (u128::from(number) * 20 + scale) / (scale * 2);
    let scaled = UNITS.iter().zip((0..).map(|nth| 1_u128 << (10 * nth)));
    let fits = |(_, scale): &(&&str, u128)| tenths(*scale) < 10_240;
    let last = (&"PB", 1_u128 << 50);
    let (unit, scale) = scaled.clone().find(fits).unwrap_or(last);
    let (whole, tenth) = (tenths(scale) / 10, tenths(scale) % 10);
    if tenth == 0 { format!("{whole} {unit}") } else { format!("{whole}.{tenth} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_texts_that_differ_stay_two() {
        assert_eq!(within("é", 2), "é");
        let long = "é".repeat(20);
        assert_eq!(within(&long, 40), long);
        let cut = within(&long, 39);
        assert_eq!(cut, "ééééééééé~9b8b0c26381232f5");
        assert_ne!(within(&format!("{long}x"), 39), cut);
    }

    #[test]
    fn bytes_have_two_digits_each() {
        assert_eq!(hex(&[0, 0x0a, 0xff]), "000aff");
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        let shown = [count(0, "round"), count(1, "round"), count(2, "round"), count(2, "process")];
        assert_eq!(shown, ["0 rounds", "1 round", "2 rounds", "2 processes"]);
        assert_eq!(
            (plural(1, "1", "process"), count_of(&[1, 2], "pair")),
            ("1 process".into(), "2 pairs".into())
        );
        let shown = [count(1, "entry"), count(2, "entry"), count(2, "day")];
        assert_eq!(shown, ["1 entry", "2 entries", "2 days"]);
    }

    #[test]
    fn processes_are_named_as_in_a_sentence() {
        let of = |count: usize| {
            let all = [(1, "a"), (2, ""), (3, "c\x1b"), (4, "d"), (5, "e"), (6, "f")];
            processes(all.into_iter().take(count))
        };
        assert_eq!(of(0), "");
        assert_eq!(of(1), "`a` (process 1)");
        assert_eq!(of(2), "`a` (process 1) and process 2");
        let four = "`a` (process 1), process 2, `c\\u{1b}` (process 3) and `d` (process 4)";
        assert_eq!(of(4), four);
        assert_eq!(of(6), format!("{} and 2 more", four.replace(" and", ",")));
    }

    #[test]
    fn bytes_are_shown_in_units_of_1024() {
        let rows = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KB"),
            (1536, "1.5 KB"),
            (10 << 20, "10 MB"),
            ((10 << 20) + 1, "10 MB"),
            ((1 << 20) - 1, "1 MB"),
            (1_048_000, "1023.4 KB"),
            (5 << 40, "5 TB"),
            (u64::MAX, "16384 PB"),
        ];
        for (number, shown) in rows {
            assert_eq!(bytes(number), shown);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_spelt_out_and_never_look_the_same() {
        let rows: [(&[u8], &str); 5] = [
            ("é \\xe9 \u{fffd}".as_bytes(), "é \\xe9 \u{fffd}"),
            (b"caf\xe9.txt", r"caf\xe9.txt"),
            (b"caf\xe8.txt", r"caf\xe8.txt"),
            (b"\\xe9\xe9", r"\\xe9\xe9"),
            (b"\xff\xc3\xa9\xc3", r"\xffé\xc3"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(as_text(OsStr::from_bytes(bytes)), expected);
            assert_eq!(shown(OsStr::from_bytes(bytes)), expected);
        }
        assert!(matches!(shown("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_could_steer_a_terminal_is_spelt_out() {
        let (steering, spelt) = ("a\u{1b}[31m\nb\u{202e}é", "a\\u{1b}[31m\\nb\\u{202e}é");
        assert_eq!(one_line(steering), spelt);
        assert_eq!(shown(steering), spelt);
        assert_eq!(shown(OsStr::from_bytes(b"\x1b\xe9")), "\\u{1b}\\xe9");
        assert_eq!(as_text(steering), steering, "a name is kept as it is");
    }

    #[test]
    fn lines_stay_and_nothing_else_steers() {
        let text = "a\tb\u{1b}[2J\r\n\u{202e}c\n\n";
        assert_eq!(lines(text), "a\tb\\u{1b}[2J\\r\n\\u{202e}c\n\n");
        assert_eq!((lines(""), lines("µ: plain")), (String::new(), "µ: plain".to_owned()));
    }

    #[test]
    fn what_would_be_a_command_is_none() {
        assert_eq!(without_commands("a::b: c\n  ::error::x\n"), "a::b: c\n  \\::error::x\n");
        assert_eq!(without_commands("::group::\na ##[error]b"), "\\::group::\na #\\#[error]b");
        assert_eq!(without_commands(" table\n\n"), " table\n\n");
    }
}
