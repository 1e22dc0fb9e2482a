//! The outcome as a small image for a readme.

use super::super::report::{CheckKind, GateReport, Status};

/// Width of a character, about.
const LETTER: usize = 7;
/// Room beside a text.
const MARGIN: usize = 12;
const LABEL: &str = "performance";

/// Returns the outcome as SVG, with a title for those who can't see it.
pub fn badge(report: &GateReport) -> String {
    let failed = report.with(Status::Failed);
    let regressions = failed.filter(|check| check.kind == CheckKind::Regression).count();
    let failures = report.failures().count();
    let (text, colour) = match (report.passed, regressions, failures) {
        _ if report.checks.is_empty() => ("no data".to_owned(), "#9f9f9f"),
        (true, ..) if report.with(Status::Doubtful).next().is_some() => {
            ("passing, not certain".to_owned(), "#97ca00")
        }
        (true, ..) => ("passing".to_owned(), "#4c1"),
        (false, 1, 1) => ("1 regression".to_owned(), "#e05d44"),
        (false, regressions, failures) if regressions == failures => {
            (format!("{regressions} regressions"), "#e05d44")
        }
        (false, ..) => (format!("{failures} failing"), "#e05d44"),
    };
    draw(LABEL, &text, colour)
}

/// Draws two texts of ours, in which nothing is markup.
fn draw(label: &str, text: &str, colour: &str) -> String {
    let width = |text: &str| text.chars().count() * LETTER + MARGIN;
    let (left, right) = (width(label), width(text));
    let (all, middle, other) = (left + right, left / 2, left + right / 2);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{all}" height="20" role="img" aria-label="{label}: {text}">
<title>{label}: {text}</title>
<clipPath id="r"><rect width="{all}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#555"/><rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11"><text x="{middle}" y="14">{label}</text><text x="{other}" y="14">{text}</text></g>
</svg>
"##
    )
}
