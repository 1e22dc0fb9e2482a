//! Comparisons of counts as data, with all that it takes to judge them once more.
//!
//! | key of `comparisons[]` | value |
//! |---|---|
//! | `base`, `head` | `name` and `uri` of both |
//! | `verdict` | `regressed`, `improved`, `mixed`, `equivalent` or `insufficient`, of all counters that decide |
//! | `counters[]` | one object per counter; the first one leads |
//! | `.counter`, `.decides` | its name, and whether it is part of the verdict |
//! | `.verdict` | `same`, `within_floor`, `small`, `more`, `less`, `unknown` (a single repeat) or `missing` |
//! | `.base`, `.head`, `.ratio` | medians of the repeats, and head by base |
//! | `.floor`, `.exact` | what repeats differ by at most, and whether that is nothing |
//! | `.limit`, `.threshold`, `.absolute` | the difference that matters, and the share of the base and the number that it is made of |
//! | `.base_counts`, `.head_counts` | repeat by repeat |

use runner_shared::verdict::{CountJudgement, CountLimits};
use serde::Serialize;

use super::comparison::Named;
use crate::counts::{CountComparison, Counter, CountsVerdict, JudgedCount};

impl CountComparison {
    /// As in the JSON export.
    pub fn to_json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(JsonCounts::of(self))
    }
}

/// One comparison; its keys are described above.
#[derive(Serialize)]
pub(super) struct JsonCounts<'a> {
    base: Named<'a>,
    head: Named<'a>,
    verdict: &'static str,
    counters: Vec<JsonCounter<'a>>,
}

#[derive(Serialize)]
struct JsonCounter<'a> {
    counter: &'static str,
    decides: bool,
    verdict: &'static str,
    base: f64,
    head: f64,
    ratio: Option<f64>,
    floor: f64,
    exact: bool,
    limit: f64,
    threshold: f64,
    absolute: u64,
    base_counts: &'a [u64],
    head_counts: &'a [u64],
}

impl<'a> JsonCounts<'a> {
    /// Taken apart completely, so that a new field can't be forgotten here.
    pub(super) fn of(of: &'a CountComparison) -> Self {
        let CountComparison { base, base_uri, head, head_uri, counters } = of;
        Self {
            base: Named { name: base, uri: base_uri },
            head: Named { name: head, uri: head_uri },
            verdict: verdict_word(of.verdict()),
            counters: counters.iter().map(JsonCounter::of).collect(),
        }
    }
}

impl<'a> JsonCounter<'a> {
    fn of(of: &'a JudgedCount) -> Self {
        let JudgedCount { counter, limits, base: base_counts, head: head_counts, judged } = of;
        let CountLimits { threshold, absolute } = *limits;
        let CountJudgement { base, head, ratio, floor, limit, repeats: _, verdict } = *judged;
        Self {
            counter: counter.id,
            decides: counter.decides,
            verdict: verdict.id(),
            base,
            head,
            ratio,
            floor,
            exact: judged.is_exact(),
            limit,
            threshold,
            absolute,
            base_counts,
            head_counts,
        }
    }
}

/// Heads of the columns of a CSV file about comparisons by these counters.
pub(super) fn csv_heads(counters: &[Counter]) -> Vec<String> {
    let of = |counter: &Counter| {
        ["ratio", "floor", "verdict"].map(|what| format!("{}_{what}", counter.id))
    };
    let first = ["base_uri", "verdict", "repeats"].map(str::to_owned);
    first.into_iter().chain(counters.iter().flat_map(of)).collect()
}

/// The fields below them; all are empty for a benchmark that was compared with nothing.
pub(super) fn csv_fields(counters: &[Counter], compared: Option<&CountComparison>) -> Vec<String> {
    let of = |counter: &Counter| {
        let counts = || compared?.counters.iter().find(|it| it.counter.id == counter.id);
        let Some(JudgedCount { judged, .. }) = counts() else {
            return [const { String::new() }; 3];
        };
        let ratio = judged.ratio.map(|ratio| ratio.to_string()).unwrap_or_default();
        [ratio, judged.floor.to_string(), judged.verdict.id().to_owned()]
    };
    let first = compared.map_or([const { String::new() }; 3], |it| {
        let repeats = it.counters.first().map_or(0, |counter| counter.judged.repeats);
        [it.base_uri.clone(), verdict_word(it.verdict()).to_owned(), repeats.to_string()]
    });
    first.into_iter().chain(counters.iter().flat_map(of)).collect()
}

const fn verdict_word(verdict: CountsVerdict) -> &'static str {
    match verdict {
        CountsVerdict::Regressed => "regressed",
        CountsVerdict::Improved => "improved",
        CountsVerdict::Mixed => "mixed",
        CountsVerdict::Equivalent => "equivalent",
        CountsVerdict::Insufficient => "insufficient",
    }
}
