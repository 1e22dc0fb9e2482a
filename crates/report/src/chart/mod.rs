//! Charts as SVG: drawn here, so that a page shows them without a script and in print. Colours come from the style of the
//! page by classes; a picture in a file of its own has the same style inside.

mod distribution;
mod rounds;
mod scale;
mod timeline;
mod trend;

use maud::{Markup, PreEscaped, html};

pub(crate) use distribution::distribution;
pub(crate) use rounds::{Side, rounds};
pub(crate) use timeline::timeline;
pub(crate) use trend::trend;

/// The style of a picture in a file of its own.
const FILE_STYLE: &str = include_str!("../page/chart.css");

/// Returns a chart as the text of an SVG file.
pub(crate) fn as_file(chart: &Markup, title: &str) -> String {
    let chart = chart.0.replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
    let inside = html! { title { (crate::text::plain(title)) } style { (PreEscaped(FILE_STYLE)) } };
    let text = chart.replacen('>', &format!(">{}", inside.0), 1);
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}\n")
}
