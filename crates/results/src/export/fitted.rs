//! Lines that fit the terminal: names behind columns of numbers are cut, sentences are broken.

use runner_shared::text::one_line;
use textwrap::{Options, WordSplitter, core::display_width};

/// Names are cut to so many columns where no terminal is in the way; those of templates may fill pages.
const LONGEST_NAME: usize = 100;
/// The shortest part of a name that is shown, however narrow the terminal is.
const SHORTEST_NAME: usize = 16;

/// The last part of the path of a program or library, on one line; empty if unknown.
pub(super) fn place(object: &str) -> String {
    one_line(object.rsplit('/').next().unwrap_or(object))
}

/// A name with its place in brackets, in a line that has so many columns before it. Both are on one line already. First
/// the name is cut, then the place is left out.
pub(super) fn cut_to(name: &str, place: &str, before: usize, width: Option<u16>) -> String {
    let place = if place.is_empty() { String::new() } else { format!(" ({place})") };
    let Some(width) = width else { return shortened(name, LONGEST_NAME) + &place };
    let room = usize::from(width).saturating_sub(before);
    let behind = display_width(&place);
    if room >= behind.saturating_add(SHORTEST_NAME).min(behind + display_width(name)) {
        return shortened(name, room.saturating_sub(behind).min(LONGEST_NAME)) + &place;
    }
    shortened(name, room.max(1))
}

/// The beginning of a text in at most so many columns, with a mark where it is cut.
pub(super) fn shortened(text: &str, columns: usize) -> String {
    if display_width(text) <= columns {
        return text.to_owned();
    }
    let mut used = 0_usize;
    let fits = |letter: &char| {
        used = used.saturating_add(display_width(letter.encode_utf8(&mut [0; 4])));
        used < columns
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// A sentence in lines of at most so many columns. Longer words, such as paths, stay whole.
pub(super) fn broken(sentence: &str, width: Option<u16>) -> Vec<String> {
    let Some(width) = width else { return vec![sentence.to_owned()] };
    let options = Options::new(usize::from(width))
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation)
        .subsequent_indent("  ");
    textwrap::wrap(sentence, options).into_iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(shortened(&"ä".repeat(100), 100), "ä".repeat(100));
        assert_eq!(shortened(&"ä".repeat(101), 100), "ä".repeat(99) + "…");
        assert_eq!(shortened("日本語", 5), "日本…");
        assert_eq!(shortened("日本語", 4), "日…");
    }

    #[test]
    fn a_line_fits_the_terminal() {
        assert_eq!(cut_to("sort", "libc.so.6", 20, None), "sort (libc.so.6)");
        assert_eq!(cut_to("sort", "libc.so.6", 20, Some(36)), "sort (libc.so.6)");
        assert_eq!(cut_to("sort", "libc.so.6", 20, Some(35)), "sort");
        let long = "a".repeat(200);
        for width in [0_u16, 1, 20, 21, 36, 40, 60, 80, 200] {
            let line = cut_to(&long, "libc.so.6", 20, Some(width));
            let room = usize::from(width).saturating_sub(20).max(1);
            assert!(display_width(&line) <= room, "{width}: {line}");
        }
        assert!(cut_to(&long, "libc.so.6", 20, Some(80)).ends_with("a… (libc.so.6)"));
    }
}
