//! The page: one HTML file with everything in it.
//!
//! | file | part |
//! |---|---|
//! | `document.rs` | the frame of the page: its policy, style and script |
//! | `head.rs` | which runs these are, and what was found |
//! | `turns.rs` | commands that were compared in turns |
//! | `shown.rs` | the benchmarks and their order |
//! | `overview.rs` | the table of all benchmarks, with or without verdicts |
//! | `benchmark.rs`, `figures.rs`, `flames.rs` | each benchmark: numbers, charts, flame graph |
//! | `surroundings.rs` | environments and their differences, warnings, the log |
//! | `size.rs` | what is left out so that the page stays small |

mod benchmark;
mod document;
mod figures;
mod flames;
mod head;
mod overview;
mod shown;
mod size;
mod surroundings;
mod turns;

use maud::{Markup, html};
use store::{
    compare::{Comparison, Run},
    gate::GateReport,
    history::History,
};

use shown::{Benchmarks, Shown};
use size::{Cut, LEVELS};

/// The content of a page.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The run that is shown.
    pub head: Run<'a>,
    /// The run that it is compared with, and what came out.
    pub base: Option<(Run<'a>, &'a Comparison)>,
    /// The judgement of a gate.
    pub gate: Option<&'a GateReport>,
    /// Histories of its benchmarks.
    pub history: &'a [History<'a>],
    /// The log of the run, where it is still there.
    pub log: Option<&'a str>,
    /// The most bytes that the page may have.
    pub most_bytes: usize,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The HTML.
    pub html: String,
    /// Sentences on what had no room, as the page has them, without final periods.
    pub left_out: Vec<String>,
}

impl Report<'_> {
    /// The usual bound of a page: 5 MB.
    pub const USUAL_BYTES: usize = 5_000_000;
}

/// Makes the page of a report: as much of it as there is room for, the worst benchmarks first.
pub fn page(report: &Report<'_>) -> Page {
    let of = Benchmarks::of(report);
    let mut last = Page { html: String::new(), left_out: Vec::new() };
    for level in LEVELS {
        let mut cut = Cut::new(level, of.shown.len());
        let Some(body) = body(report, &of, &mut cut) else { continue };
        last = Page { html: document::whole(report, &body), left_out: cut.sentences() };
        if last.html.len() <= report.most_bytes {
            return last;
        }
    }
    if last.html.len() > report.most_bytes {
        last.left_out
            .push("nothing more can be left out: the page is larger than wanted".to_owned());
    }
    last
}

/// The parts of the page; `None` if they are larger than the page may be.
fn body(report: &Report<'_>, of: &Benchmarks<'_>, cut: &mut Cut) -> Option<Markup> {
    let mut details: Vec<Markup> = Vec::new();
    let mut bytes = 0;
    for shown in of.shown.iter().take(cut.level.detailed) {
        let markup = benchmark::section(shown, report, cut);
        bytes += markup.0.len();
        if bytes > report.most_bytes && cut.level.may_shrink {
            return None;
        }
        details.push(markup);
    }
    let overview = overview::table(of, report, cut);
    Some(html! {
        (head::header(report))
        main id="content" {
            (head::found(report))
            (turns::table(report))
            (overview)
            @if !details.is_empty() {
                section aria-labelledby="benchmarks-title" {
                    h2 id="benchmarks-title" { "Benchmarks" }
                    @for one in &details { (one) }
                }
            }
            (surroundings::sections(report))
            @let sentences = cut.sentences();
            @if !sentences.is_empty() {
                section aria-labelledby="cut-title" {
                    h2 id="cut-title" { "Left out" }
                    p { "So that the page stays small:" }
                    ul { @for sentence in &sentences { li { (sentence) } } }
                }
            }
        }
    })
}
