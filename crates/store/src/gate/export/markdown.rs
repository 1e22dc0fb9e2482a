//! The report as a comment of a pull request: what failed first, and never longer than a comment may be.

use super::{
    super::report::{Check, GateReport, Status},
    escape::{benchmark_cell, code_cell, plain_cell},
    words,
};
use crate::{compare::Title, shown};

/// Characters of the whole; GitHub takes 65,536.
const LIMIT: usize = 60_000;
/// Room for what closes the text.
const RESERVE: usize = 600;
const HEAD: &str =
    "| Benchmark | Metric | Base | Head | Change | Limit | Why |\n|---|---|--:|--:|--:|--:|---|\n";

/// Returns the report in Markdown, with at most 60,000 characters.
pub fn markdown(report: &GateReport) -> String {
    let mark = if report.passed { "✅" } else { "❌" };
    let mut page = Page::default();
    page.add(&format!("### {mark} codspeed {}\n\n", report.summary()));
    page.add(&runs(report));
    for note in &report.notes {
        page.add(&format!("{}\n\n", plain_cell(note)));
    }
    for status in Status::ALL {
        section(report, status, &mut page);
    }
    waivers(report, &mut page);
    page.finish()
}

/// A text with a limit.
#[derive(Default)]
struct Page {
    text: String,
    /// Characters so far: the limit is not one of bytes.
    length: usize,
    /// Rows that found no room.
    left_out: usize,
}

impl Page {
    fn has_room(&self, text: &str) -> bool {
        self.length + text.chars().count() + RESERVE <= LIMIT
    }

    fn add(&mut self, text: &str) {
        if self.has_room(text) {
            self.text.push_str(text);
            self.length += text.chars().count();
        }
    }

    fn row(&mut self, row: &str) {
        if self.left_out == 0 && self.has_room(row) {
            self.add(row);
        } else {
            self.left_out += 1;
        }
    }

    fn finish(self) -> String {
        let Self { text, left_out, .. } = self;
        match left_out {
            0 => text,
            1 => format!("{text}\n1 more row has no room here.\n"),
            _ => format!("{text}\n{left_out} more rows have no room here.\n"),
        }
    }
}

fn section(report: &GateReport, status: Status, page: &mut Page) {
    let checks: Vec<&Check> = report.with(status).collect();
    if checks.is_empty() || page.left_out > 0 {
        page.left_out += checks.len();
        return;
    }
    let title = format!("{} {}", checks.len(), status.word());
    let folded = matches!(status, Status::Improved | Status::Passed);
    let start = if folded {
        format!("<details><summary>{title}</summary>\n\n{HEAD}")
    } else {
        format!("**{title}**\n\n{HEAD}")
    };
    // A head without rows says nothing.
    let first = checks.first().map(|check| row(check)).unwrap_or_default();
    if !page.has_room(&format!("{start}{first}")) {
        page.left_out += checks.len();
        return;
    }
    page.add(&start);
    for check in &checks {
        page.row(&row(check));
    }
    // There is room: the reserve is for it.
    page.text.push_str(if folded { "\n</details>\n\n" } else { "\n" });
}

fn row(check: &Check) -> String {
    let cells = [
        benchmark_cell(check),
        plain_cell(&check.title),
        words::value(check, check.base),
        words::value(check, check.head),
        words::change(check),
        words::limit(check),
        plain_cell(&check.reason),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn runs(report: &GateReport) -> String {
    let list = |titles: &[Title]| {
        let names = titles.iter().take(3).map(|title| {
            let commit = title.commit.as_ref().map(|commit| shown::commit(&commit.hash));
            let id: String = title.id.chars().take(12).filter(char::is_ascii_hexdigit).collect();
            format!("`{}`", commit.unwrap_or(id))
        });
        let more = if titles.len() > 3 { ", …" } else { "" };
        format!("{}{more}", names.collect::<Vec<_>>().join(", "))
    };
    match (report.base.as_slice(), report.head.as_slice()) {
        (_, []) => String::new(),
        ([], head) => format!("Run {}\n\n", list(head)),
        (base, head) => format!("{} compared with {}\n\n", list(head), list(base)),
    }
}

fn waivers(report: &GateReport, page: &mut Page) {
    for waiver in &report.waivers {
        let (benchmarks, reason) = (code_cell(&waiver.benchmarks), plain_cell(&waiver.reason));
        let end = words::end_of(waiver);
        page.add(&format!("- The waiver for {benchmarks} ({reason}) {end}\n"));
    }
}
