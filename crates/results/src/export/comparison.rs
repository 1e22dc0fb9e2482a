//! Comparisons of benchmarks that took turns, as JSON and in CSV: with all that it takes to judge them once more.

use runner_shared::verdict::{self, ALPHA, JudgedTime, Judgement, Verdict};
use serde::Serialize;

use crate::{comparison::Comparison, model::Interval};

impl Comparison {
    /// As in the JSON export.
    pub fn to_json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(JsonComparison::of(self))
    }
}

/// One comparison; its keys are described in `json/walltime.rs`.
#[derive(Serialize)]
pub(super) struct JsonComparison<'a> {
    base: Named<'a>,
    head: Named<'a>,
    verdict: &'static str,
    time: &'static str,
    judged: JsonJudgement,
    wall: Option<JsonJudgement>,
    waits: bool,
    without_shell: bool,
    threshold: f64,
    alpha: f64,
    seed: u64,
    resolves: Option<f64>,
    pairs_needed: Option<u64>,
}

/// A benchmark that is compared.
#[derive(Serialize)]
pub(super) struct Named<'a> {
    pub name: &'a str,
    pub uri: &'a str,
}

/// The numbers of a judgement.
#[derive(Serialize)]
pub(super) struct JsonJudgement {
    ratio: Option<f64>,
    interval: Option<Interval>,
    pairs: u64,
    p: f64,
}

impl<'a> JsonComparison<'a> {
    /// Taken apart completely, so that a new field can't be forgotten here.
    pub(super) fn of(of: &'a Comparison) -> Self {
        let Comparison { base, base_uri, head, head_uri, seed, side_ns: _, without_shell, found } =
            of;
        let verdict::Comparison { time, waits, differ: _, judged, wall } = *found;
        let (resolves, pairs_needed) = match judged.verdict {
            Verdict::Inconclusive { resolves, pairs_needed } => (resolves, pairs_needed),
            Verdict::Regressed
            | Verdict::Improved
            | Verdict::Equivalent
            | Verdict::Insufficient => (None, None),
        };
        Self {
            base: Named { name: base, uri: base_uri },
            head: Named { name: head, uri: head_uri },
            verdict: verdict_word(judged.verdict),
            time: time_word(time),
            judged: JsonJudgement::of(judged),
            wall: wall.map(JsonJudgement::of),
            waits,
            without_shell: *without_shell,
            threshold: judged.threshold,
            alpha: ALPHA,
            seed: *seed,
            resolves,
            pairs_needed,
        }
    }
}

impl JsonJudgement {
    pub(super) fn of(judgement: Judgement) -> Self {
        let Judgement { ratio, interval, pairs, p, threshold: _, verdict: _ } = judgement;
        Self { ratio, interval, pairs, p }
    }
}

/// The content of a column of CSV.
type Field = fn(&Comparison) -> String;

/// Columns of CSV about comparisons.
const FIELDS: &[(&str, Field)] = &[
    ("base_uri", |of| of.base_uri.clone()),
    ("verdict", |of| verdict_word(of.found.judged.verdict).to_owned()),
    ("judged_time", |of| time_word(of.found.time).to_owned()),
    ("ratio", |of| optional(of.found.judged.ratio)),
    ("ratio_low", |of| optional(of.found.judged.interval.map(|it| it.low))),
    ("ratio_high", |of| optional(of.found.judged.interval.map(|it| it.high))),
    ("pairs", |of| of.found.judged.pairs.to_string()),
    ("threshold", |of| of.found.judged.threshold.to_string()),
    ("seed", |of| of.seed.to_string()),
];

/// A number of CSV; empty if it is unknown.
pub(super) fn optional(number: Option<f64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// The heads of these columns.
pub(super) fn csv_heads() -> Vec<String> {
    FIELDS.iter().map(|(head, _)| (*head).to_owned()).collect()
}

/// The fields below them; all are empty for a benchmark that was compared with nothing.
pub(super) fn csv_fields(compared: Option<&Comparison>) -> Vec<String> {
    FIELDS.iter().map(|(_, field)| compared.map(field).unwrap_or_default()).collect()
}

/// The verdict as one word.
pub(super) const fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed => "regressed",
        Verdict::Improved => "improved",
        Verdict::Equivalent => "equivalent",
        Verdict::Inconclusive { .. } => "inconclusive",
        Verdict::Insufficient => "insufficient",
    }
}

/// The time that is judged, as one word.
pub(super) const fn time_word(time: JudgedTime) -> &'static str {
    match time {
        JudgedTime::Undisturbed => "undisturbed",
        JudgedTime::Processor => "processor",
        JudgedTime::Wall => "wall",
        JudgedTime::Shortest => "shortest",
    }
}
