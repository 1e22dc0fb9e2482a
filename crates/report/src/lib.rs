//! Reports: one HTML page that opens anywhere, and single pictures as SVG.
//!
//! Pure: records, comparisons and histories in, text out. A page asks no other host for anything, and nothing that a
//! record says is executed: texts are escaped by `maud`, data is compressed text, and the page's policy allows its own
//! script and style alone.
//!
//! | to change | edit |
//! |---|---|
//! | what is on the page, and its order | `page/mod.rs`, a file for each part |
//! | what the page does | `page/script/`, hand-written, without dependencies |
//! | a chart | `chart/` |
//! | a flame graph: both sides as one tree | `flame/mod.rs`; as data of the page `packed.rs`; as a picture `picture.rs` |
//! | what is left out of a large page | `page/size.rs` |

#![forbid(unsafe_code)]

mod chart;
mod flame;
mod page;
mod text;

pub use flame::flame_picture;
pub use page::{Page, Report, page};

/// The picture of the live memory of a benchmark over the time, as an SVG file; `None` if its record has no such timeline.
pub fn memory_picture(
    head: &store::RecordedBenchmark,
    base: Option<&store::RecordedBenchmark>,
) -> Option<String> {
    let title = results::words::numbered(&head.name, head.occurrence);
    let sides = [base.and_then(|base| base.timeline.as_ref()), head.timeline.as_ref()];
    Some(chart::as_file(&chart::timeline(sides)?, &title))
}
