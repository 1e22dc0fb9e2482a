//! The lines at the bottom of the terminal that are drawn again and again. Makes text, writes nothing.
//!
//! The cursor always rests at the beginning of the line below them, visible and in no special state: whoever writes
//! next, be it a panic, the shell after a `kill -9` or the echo of a Ctrl-C, begins on a line of its own.

use console::measure_text_width;

/// The lines drawn at the moment.
#[derive(Debug, Default)]
pub(super) struct Region {
    /// The width of each line.
    drawn: Vec<usize>,
}

impl Region {
    /// Returns what takes the lines away. A terminal that has become narrower has broken them into more rows.
    pub(super) fn erase(&mut self, columns: u16) -> String {
        let columns = usize::from(columns).max(1);
        let rows: usize = self.drawn.drain(..).map(|width| width.div_ceil(columns).max(1)).sum();
        if rows == 0 { String::new() } else { format!("\r\x1b[{rows}A\x1b[0J") }
    }

    /// Returns what draws these lines, each of which fits into a row.
    pub(super) fn draw(&mut self, lines: &[String]) -> String {
        self.drawn.extend(lines.iter().map(|line| measure_text_width(line)));
        lines.iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// The lines stay where they are, for ever.
    pub(super) fn forget(&mut self) {
        self.drawn.clear();
    }

    /// Nothing is drawn.
    pub(super) const fn is_empty(&self) -> bool {
        self.drawn.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_drawn_is_erased_also_when_the_terminal_is_narrower() {
        let mut region = Region::default();
        assert_eq!(region.erase(80), "");
        let lines = ["\x1b[31mfour\x1b[0m".to_owned(), String::new()];
        assert_eq!(region.draw(&lines), "\x1b[31mfour\x1b[0m\n\n");
        assert_eq!(region.erase(3), "\r\x1b[3A\x1b[0J");
        assert!(region.is_empty());
    }
}
