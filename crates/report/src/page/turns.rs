//! The verdicts that a run itself gave about its benchmarks, of commands that took turns (`exec --vs`).

use maud::{Markup, html};
use serde_json::Value;
use store::{Verdict, shown};

use super::Report;
use crate::text::plain;

/// The most rows.
const MOST_ROWS: usize = 1_000;

/// The table; nothing of a run that compared nothing, or where another comparison is the subject of the page.
pub(super) fn table(report: &Report<'_>) -> Markup {
    let verdicts = &report.head.record.verdicts;
    if verdicts.is_empty() || report.base.is_some() {
        return html! {};
    }
    html! {
        section aria-labelledby="turns-title" {
            h2 id="turns-title" { "Compared in turns" }
            div class="scroll" {
                table class="sortable" {
                    thead {
                        tr {
                            @for head in ["Head", "Base", "Change", "99 % interval", "Verdict"] {
                                th scope="col" { (head) }
                            }
                        }
                    }
                    tbody { @for verdict in verdicts.iter().take(MOST_ROWS) { (row(verdict)) } }
                }
            }
        }
    }
}

fn row(of: &Verdict) -> Markup {
    let text = |place: &str| of.found.pointer(place).and_then(Value::as_str).map(plain);
    // Counts have the one that leads first.
    let judged = of.found.pointer("/judged").or_else(|| of.found.pointer("/counters/0"));
    let number = |place: &str| judged.and_then(|it| it.pointer(place)).and_then(Value::as_f64);
    let ratio = number("/ratio");
    let ends = number("/interval/low").zip(number("/interval/high"));
    let ends = ends.map(|(low, high)| format!("{} .. {}", shown::change(low), shown::change(high)));
    let known = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    html! {
        tr {
            th scope="row" { (text("/head/name").unwrap_or_else(|| plain(&of.head))) }
            td { (text("/base/name").unwrap_or_else(|| plain(&of.base))) }
            td class="number" data-value=(ratio.map_or_else(|| "NaN".to_owned(), |it| it.to_string())) {
                (known(ratio.map(shown::change)))
            }
            td { (known(ends)) }
            td { (known(text("/verdict"))) }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown_row(found: Value) -> String {
        row(&Verdict { base: "b".to_owned(), head: "h".to_owned(), found }).0
    }

    #[test]
    fn verdicts_of_times_and_of_counts_are_rows() {
        let row = shown_row(json!({
            "base": {"name": "old"}, "head": {"name": "<new>"}, "verdict": "regressed",
            "judged": {"ratio": 1.25, "interval": {"low": 1.2, "high": 1.3}}
        }));
        for text in ["&lt;new&gt;", ">old<", "+25.0 %", "+20.0 % .. +30.0 %", "regressed"] {
            assert!(row.contains(text), "{text}: {row}");
        }
        let row = shown_row(json!({"verdict": "unchanged", "counters": [{"ratio": 1.0}]}));
        for text in [">h<", ">b<", "0.0 %", "unchanged"] {
            assert!(row.contains(text), "{text}: {row}");
        }
        assert!(shown_row(json!(null)).contains("NaN"));
    }
}
