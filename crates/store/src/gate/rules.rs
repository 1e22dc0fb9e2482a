//! The limits and waivers of a project, and which of them are about a benchmark.

use std::{collections::BTreeMap, fmt};

use runner_shared::duration::parse_nanos;
use wildmatch::WildMatch;

use super::day::Day;
use crate::{MetricUnit, Mode};

/// All that a project says about its gate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// Limits. For each key the last rule counts that is about the benchmark and has the key: later rules are
    /// exceptions from earlier ones, and need to repeat nothing.
    pub rules: Vec<Rule>,
    /// Exceptions that end.
    pub waivers: Vec<Waiver>,
}

/// Limits for some benchmarks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rule {
    /// The benchmarks; `None` for all.
    pub benchmarks: Option<Pattern>,
    /// Their mode; `None` for all.
    pub mode: Option<Mode>,
    /// The quantity that `max_regression` is about, by a word of [`BUDGETS`]; `None` for all that decide.
    pub metric: Option<&'static Budget>,
    /// The largest loss, as a share of base.
    pub max_regression: Option<Limit>,
    /// The largest values, by the words of [`BUDGETS`].
    pub budgets: BTreeMap<&'static str, Limit>,
}

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// Up to this value, which is allowed.
    Most(f64),
    /// None: takes away that of an earlier rule.
    Off,
}

/// An exception from limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiver {
    /// The benchmarks.
    pub benchmarks: Pattern,
    /// Their mode; `None` for all.
    pub mode: Option<Mode>,
    /// The quantity, by a word of [`BUDGETS`]; `None` for all.
    pub metric: Option<&'static Budget>,
    /// The reason for it.
    pub reason: String,
    /// The last day on which it counts.
    pub until: Day,
}

/// A quantity that can have a budget.
#[derive(Debug, PartialEq, Eq)]
pub struct Budget {
    /// Its key in `codspeed.yml`.
    pub word: &'static str,
    /// The mode that has it.
    pub mode: Mode,
    /// Its keys in records and comparisons.
    pub keys: &'static [&'static str],
    /// Its name in sentences.
    pub title: &'static str,
    /// Its unit.
    pub unit: MetricUnit,
    /// A sentence for the schema of `codspeed.yml`.
    pub about: &'static str,
}

const fn row(
    (word, mode): (&'static str, Mode),
    keys: &'static [&'static str],
    title: &'static str,
    unit: MetricUnit,
    about: &'static str,
) -> Budget {
    Budget { word, mode, keys, title, unit, about }
}

const fn time_row(
    word: &'static str,
    keys: &'static [&'static str],
    title: &'static str,
    about: &'static str,
) -> Budget {
    row((word, Mode::Walltime), keys, title, MetricUnit::Nanoseconds, about)
}

/// All quantities that can have a budget.
pub const BUDGETS: &[Budget] = &[
    time_row("median", &["median_ns"], "median", "Maximum of the median time, such as `10 ms`."),
    time_row(
        "undisturbed",
        &["robust_median_ns"],
        "undisturbed time",
        "Maximum of the undisturbed time, such as `10 ms`.",
    ),
    time_row("mean", &["mean_ns"], "mean", "Maximum of the mean time, such as `10 ms`."),
    time_row(
        "p99",
        &["p99_ns"],
        "99th percentile",
        "Maximum of the 99th percentile of the times, such as `20 ms`.",
    ),
    time_row("max", &["max_ns"], "longest round", "Maximum of the longest time, such as `50 ms`."),
    time_row(
        "processor",
        &["processor_ns"],
        "processor time",
        "Maximum of the processor time, such as `10 ms`.",
    ),
    row(
        ("max-rss", Mode::Walltime),
        &["max_rss_bytes"],
        "resident memory",
        MetricUnit::Bytes,
        "Maximum of the memory in use, measured beside times, such as `100 MB`.",
    ),
    row(
        ("instructions", Mode::Simulation),
        &["Ir", "instructions"],
        "instructions",
        MetricUnit::Number,
        "Maximum number of instructions.",
    ),
    row(
        ("estimated-time", Mode::Simulation),
        &["estimate_ns"],
        "estimated time",
        MetricUnit::Nanoseconds,
        "Maximum of the estimated time, such as `10 ms`.",
    ),
    row(
        ("peak", Mode::Memory),
        &["peak_bytes"],
        "peak memory",
        MetricUnit::Bytes,
        "Maximum of the peak memory, such as `100 MB`.",
    ),
    row(
        ("allocated", Mode::Memory),
        &["total_bytes"],
        "allocated memory",
        MetricUnit::Bytes,
        "Maximum of all allocated memory, such as `1 GB`.",
    ),
    row(
        ("allocations", Mode::Memory),
        &["allocations"],
        "allocations",
        MetricUnit::Number,
        "Maximum number of allocations.",
    ),
    row(
        ("leaked", Mode::Memory),
        &["live_at_end_bytes", "leaked_bytes"],
        "memory live at the end",
        MetricUnit::Bytes,
        "Maximum of the memory that is live at the end, such as `0`.",
    ),
];

/// Returns the quantity of this word.
pub fn budget(word: &str) -> Option<&'static Budget> {
    BUDGETS.iter().find(|budget| budget.word == word)
}

/// A text that is no value of a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct QuantityError(&'static str);

/// Keys of times that a comparison may judge: one of them, the best one that both sides have.
const JUDGED_TIMES: [&str; 3] = ["median_ns", "robust_median_ns", "processor_ns"];
/// Keys of the counts that decide a comparison.
const JUDGED_COUNTS: [&str; 4] = ["instructions", "peak_bytes", "total_bytes", "allocations"];
/// Keys of values, and of the counts in other units that are compared in their stead.
const STAND_INS: [(&str, &str); 1] = [("estimate_ns", "estimated_cycles")];

impl Budget {
    /// Returns true if the quantity can get worse in a comparison, so that a loss of it can have a limit.
    pub fn is_compared(&self) -> bool {
        let is_judged = |key| JUDGED_TIMES.contains(key) || JUDGED_COUNTS.contains(key);
        self.keys.iter().any(is_judged) || self.stand_in().is_some()
    }

    /// Returns the key of the count that is compared in its stead.
    fn stand_in(&self) -> Option<&'static str> {
        let found = STAND_INS.iter().find(|(own, _)| self.keys.contains(own));
        found.map(|(_, compared)| *compared)
    }

    /// Returns true if a comparison that judges this key is about this quantity. All times that can be judged stand for
    /// the one that is.
    fn is_judged_as(&self, key: &str) -> bool {
        let is_time = self.keys.iter().any(|own| JUDGED_TIMES.contains(own));
        self.keys.contains(&key)
            || is_time && JUDGED_TIMES.contains(&key)
            || self.stand_in() == Some(key)
    }

    /// Reads a value: `10 ms`, `100 MB`, `5000`.
    ///
    /// # Errors
    ///
    /// A text that is no value with the unit of this quantity.
    pub fn read(&self, text: &str) -> Result<f64, QuantityError> {
        match self.unit {
            MetricUnit::Nanoseconds => time(text),
            MetricUnit::Bytes => size(text),
            MetricUnit::Number | MetricUnit::Cycles | MetricUnit::Share | MetricUnit::PerSecond => {
                number(text).ok_or(QuantityError("a number such as `5000` or `0`"))
            }
        }
    }
}

fn number(text: &str) -> Option<f64> {
    // No comma: it parts thousands for some, and fractions for others.
    let digits = text.trim().replace('_', "");
    digits.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

/// A bare number could be seconds or nanoseconds.
fn time(text: &str) -> Result<f64, QuantityError> {
    const WANTED: QuantityError = QuantityError("a time with its unit, such as `10 ms`");
    if number(text).is_some_and(|number| number > 0.0) {
        return Err(WANTED);
    }
    let nanos = parse_nanos(&text.replace('µ', "u")).or_else(|_unparsed| {
        // Fractions such as `1.5 ms`.
        let text = text.trim();
        let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        let digits = text.strip_suffix(unit).and_then(number).ok_or(WANTED)?;
        let scale = match unit.trim() {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            _ => return Err(WANTED),
        };
        Ok(runner_shared::walltime::as_whole(digits * scale))
    })?;
    Ok(runner_shared::walltime::as_float(nanos))
}

fn size(text: &str) -> Result<f64, QuantityError> {
    const WANTED: QuantityError = QuantityError("a size such as `100 MB` or `0`");
    let text = text.trim();
    let unit = text
        .trim_start_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '_'));
    let digits = text.strip_suffix(unit).and_then(number).ok_or(WANTED)?;
    // As sizes are shown: 1 KB has 1024 bytes.
    let scale = match unit.trim() {
        "" | "B" => 0,
        "KB" | "kB" | "KiB" => 1,
        "MB" | "MiB" => 2,
        "GB" | "GiB" => 3,
        "TB" | "TiB" => 4,
        _ => return Err(WANTED),
    };
    Ok(digits * 1024_f64.powi(scale))
}

/// A pattern for the names and identities of benchmarks: `*` is any text, `?` any character, all else itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    text: String,
    matcher: WildMatch,
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), matcher: WildMatch::new(text) }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern {
    /// Returns true if the pattern is about this benchmark.
    pub fn is_about(&self, name: &str, uri: &str) -> bool {
        [name, uri].iter().any(|text| self.text == *text || self.matcher.matches(text))
    }
}

/// A benchmark as rules see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub name: &'a str,
    pub uri: &'a str,
    pub mode: Mode,
}

impl Rule {
    fn is_about(&self, of: Subject<'_>) -> bool {
        self.mode.is_none_or(|mode| mode == of.mode)
            && self.benchmarks.as_ref().is_none_or(|it| it.is_about(of.name, of.uri))
    }
}

impl Rules {
    /// Returns the largest loss that a quantity of a benchmark may have; without a rule any loss that is certain is too
    /// much. `None` if there is no limit.
    pub(super) fn max_regression(&self, of: Subject<'_>, key: &str) -> Option<f64> {
        match self.found(of, key) {
            Some(Limit::Most(share)) => Some(share),
            Some(Limit::Off) => None,
            None => Some(0.0),
        }
    }

    fn found(&self, of: Subject<'_>, key: &str) -> Option<Limit> {
        let mut about = self.rules.iter().rev().filter(|rule| rule.is_about(of));
        about.find_map(|rule| {
            let is_about = rule.metric.is_none_or(|metric| metric.is_judged_as(key));
            rule.max_regression.filter(|_| is_about)
        })
    }

    /// Returns the budgets of a benchmark.
    pub(super) fn budgets(&self, of: Subject<'_>) -> Vec<(&'static Budget, f64)> {
        let has = |budget: &'static Budget| {
            let mut about = self.rules.iter().rev().filter(|rule| rule.is_about(of));
            match about.find_map(|rule| rule.budgets.get(budget.word))? {
                Limit::Most(most) => Some((budget, *most)),
                Limit::Off => None,
            }
        };
        BUDGETS.iter().filter(|budget| budget.mode == of.mode).filter_map(has).collect()
    }

    /// Returns the limit that the threshold of a quantity must not exceed, as a share; `None` if no rule says one. No time
    /// can be told from itself, so that a limit of 0 says nothing of them.
    pub fn threshold(&self, mode: Mode, name: &str, uri: &str, key: &str) -> Option<f64> {
        let limit = match self.found(Subject { name, uri, mode }, key)? {
            Limit::Most(share) => share,
            Limit::Off => return None,
        };
        (mode != Mode::Walltime || limit > 0.0).then_some(limit)
    }

    /// Returns the smallest of all limits of losses in a mode: differences from there on have to be told from noise.
    pub fn smallest_regression(&self, mode: Mode) -> Option<f64> {
        let is_about = |rule: &&Rule| {
            rule.mode.is_none_or(|it| it == mode) && rule.metric.is_none_or(|it| it.mode == mode)
        };
        let limits = self.rules.iter().filter(is_about);
        let limits = limits.filter_map(|rule| match rule.max_regression? {
            Limit::Most(share) => Some(share),
            Limit::Off => None,
        });
        limits.filter(|share| mode != Mode::Walltime || *share > 0.0).reduce(f64::min)
    }
}

impl Waiver {
    /// Returns true if a loss of this quantity is waived.
    pub(super) fn permits_loss(&self, of: Subject<'_>, key: &str) -> bool {
        self.is_about(of, |metric| metric.is_judged_as(key))
    }

    /// Returns true if the budget of this quantity is waived: each time has a budget of its own.
    pub(super) fn permits_value(&self, of: Subject<'_>, key: &str) -> bool {
        self.is_about(of, |metric| metric.keys.contains(&key))
    }

    fn is_about(&self, of: Subject<'_>, fits: impl Fn(&Budget) -> bool) -> bool {
        self.mode.is_none_or(|mode| mode == of.mode)
            && self.metric.is_none_or(fits)
            && self.benchmarks.is_about(of.name, of.uri)
    }
}
