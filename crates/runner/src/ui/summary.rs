//! The page that GitHub shows for a job: results as a table, appended to what other steps have written.
//!
//! Source: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary>

use runner_shared::text::shown;
use system::files::{self, Links};

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::PathBuf,
};

/// A step may write 1 MiB; GitHub drops the whole page of one that writes more.
const LIMIT: usize = 1024 * 1024;
/// Stands where lines were left out.
const CUT: &str = "\nSee the log for more results: this page is limited to 1 MiB.\n";

/// The page.
#[derive(Debug)]
pub(super) struct Summary {
    path: PathBuf,
    /// The number of bytes written so far.
    written: usize,
}

impl Summary {
    /// The page in this file, which GitHub has made.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, written: 0 }
    }

    /// Appends results, as far as there is room for them.
    pub(super) fn add(&mut self, markdown: &str) -> io::Result<()> {
        let text = format!("\n{}\n", markdown.trim_end());
        let room = LIMIT.saturating_sub(self.written);
        let text = if text.len() <= room { text } else { cut(&text, room) };
        let mut file = files::open_with(
            &self.path,
            Links::Follow,
            OpenOptions::new().append(true).create(true),
        )?;
        file.write_all(text.as_bytes())?;
        self.written += text.len();
        Ok(())
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> std::borrow::Cow<'_, str> {
        shown(&self.path)
    }
}

/// Whole lines of the text that fit, and a remark on the others.
fn cut(text: &str, room: usize) -> String {
    let Some(room) = room.checked_sub(CUT.len()) else { return String::new() };
    let start = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
    let whole = start.rfind('\n').map_or("", |end| start.get(..=end).unwrap_or_default());
    format!("{whole}{CUT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_appended_until_the_page_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary");
        let mut summary = Summary::new(path.clone());
        summary.add("| a |\n").unwrap();
        summary.add("| µ |\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "\n| a |\n\n| µ |\n");
        summary.add(&"| µµµ |\n".repeat(200_000)).unwrap();
        summary.add("| never |\n").unwrap();
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page.len() <= LIMIT && page.len() > LIMIT - 100, "{}", page.len());
        assert!(page.ends_with(&format!("| µµµ |\n{CUT}")));
    }

    #[test]
    fn a_page_that_can_t_be_written_is_an_error() {
        assert!(Summary::new("/no/such/folder/page".into()).add("| a |\n").is_err());
    }
}
