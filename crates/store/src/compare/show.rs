//! A comparison for a terminal, a page, a spreadsheet and another program.
//!
//! Keys of JSON, which are only ever added within a version:
//!
//! | key | value |
//! |---|---|
//! | `version` | 1 |
//! | `base[]`, `head[]` | `id`, `time_ms`, `name` and `commit` of the runs |
//! | `seed`, `forced` | what random numbers come from; `--force` |
//! | `modes[]` | `mode`, `compared` (benchmarks), `mean` (`ratio` and its 95 % `interval`, from 6 on) and `shift` (`worse`, `moved`, `all`) |
//! | `benchmarks[]` | worst first |
//! | `.mode`, `.name`, `.uri`, `.occurrence` | the benchmark, as head has it |
//! | `.class` | `same_binary`, `comparable`, `degraded` or `incomparable` |
//! | `.reasons[]` | `effect` (`forbids`, `degrades`, `noted`), `field`, `base` and `head` of each difference of the environment |
//! | `.verdict` | `regressed`, `suspect`, `inconclusive`, `incomparable`, `improved` or `unchanged` |
//! | `.doubts[]` | `few_runs`, `noisy_rounds`, `uneven`, `wall_clock`, `far_apart`, `other_machine`, `degraded`, `shift`, `chance` or `same_program` |
//! | `.quantities[]` | the first one leads |
//! | `..key`, `..title`, `..unit`, `..better`, `..decides` | the metric or counter |
//! | `..base`, `..head`, `..ratio`, `..interval` | typical values; head by base with its 99 % interval, noise between runs included |
//! | `..runs` | the values of each run, of base and of head |
//! | `..threshold`, `..floor`, `..floor_source`, `..limit` | shares: what matters, what runs of equal programs differ by (`history`, `runs`, `assumed`), what is certain |
//! | `..p`, `..verdict` | of enough runs; of this quantity alone |
//! | `..times` | `null` for counts, else in logarithms, worse above 0: `base[]` and `head[]` (`value`, `rounds`, `logs` of three quantiles, `half_width`, `spread`), `estimate`, `agreed`, `half_width`, `spread`, `usual`, `most`, `resolution`, `limit` |
//! | `.moved` | `null`, or `unit`, `noise`, `by_self[]` and `by_total[]`: `function`, `object`, `base`, `head` |
//! | `unmatched[]` | `mode`, `name`, `uri` and `absence`: `new`, `removed`, `unfinished_in_base` or `unfinished_in_head` |
//! | `tested` | number of benchmarks with a `..p`, those that `--benchmark` leaves out included |
//! | `paired_command` | the command that would tell more, or `null` |

use std::io;

use results::{Alarm, Direction, End, Measured, MetricUnit, VerdictRow, Verdicts};

use super::model::{Compared, Comparison, Quantity, Verdict};
use crate::shown;

/// Sentences below the table; it has the others as well.
const MOST_SENTENCES: usize = 10;
/// Unchanged benchmarks of shorter suites are rows like all others.
const SHORT_SUITE: usize = 10;

/// A comparison as it is to be shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The comparison.
    pub of: &'a Comparison,
    /// Unchanged benchmarks of long suites are rows, too.
    pub all: bool,
}

impl Shown<'_> {
    fn shows_all(&self) -> bool {
        self.all || self.of.benchmarks.len() <= SHORT_SUITE
    }
}

impl Verdicts for Shown<'_> {
    fn rows(&self) -> Vec<VerdictRow> {
        let names_mode = self.of.modes.len() > 1;
        let is_shown = |one: &&Compared| self.shows_all() || one.verdict != Verdict::Unchanged;
        let rows = self.of.benchmarks.iter().filter(is_shown);
        rows.map(|one| row(one, names_mode)).collect()
    }

    fn footer(&self) -> Vec<String> {
        Vec::new()
    }

    fn sentences(&self) -> Vec<String> {
        let is_told = |one: &&Compared| one.verdict != Verdict::Unchanged;
        let told = self.of.benchmarks.iter().filter(is_told).take(MOST_SENTENCES);
        let told = told.flat_map(|one| std::iter::once(one.sentence()).chain(one.what_moved()));
        told.chain(self.of.remarks(self.shows_all())).collect()
    }

    fn objects(&self) -> serde_json::Result<Vec<serde_json::Value>> {
        self.of.benchmarks.iter().map(serde_json::to_value).collect()
    }

    fn measured(&self) -> Vec<Measured> {
        self.of.benchmarks.iter().map(measured).collect()
    }

    fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self.of)?;
        writeln!(out)
    }

    fn write_csv(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(FIELDS.iter().map(|(head, _)| head))?;
        for one in &self.of.benchmarks {
            csv.write_record(FIELDS.iter().map(|(_, field)| field(one)))?;
        }
        csv.flush()
    }
}

/// The numbers of head, the ratio that leads, and what was found.
fn measured(of: &Compared) -> Measured {
    let mode = runner_shared::mode::Mode::from(of.mode);
    let sentence = of.sentence();
    let leading = of.lead().map(|lead| lead.key.clone()).unwrap_or_default();
    let quantity = |one: &Quantity| {
        let unit = MetricUnit::from(one.unit);
        results::Quantity {
            key: one.key.clone(),
            measure: results::Quantity::measure_of(&one.key, mode, unit, one.key == leading),
            unit,
            better: one.better.into(),
            value: one.head,
            interval: None,
        }
    };
    let ratio = of.lead().and_then(|lead| lead.ratio.map(|ratio| (ratio, lead.interval)));
    let ratio = ratio.map(|(value, interval)| results::Quantity {
        key: "ratio".to_owned(),
        measure: None,
        unit: MetricUnit::Share,
        better: Direction::Lower,
        value,
        interval,
    });
    let mut quantities: Vec<_> = of.quantities.iter().map(quantity).chain(ratio).collect();
    quantities.retain(|one| one.value.is_finite());
    Measured {
        name: of.name.clone(),
        uri: of.uri.clone(),
        mode,
        occurrence: of.occurrence,
        end: match of.verdict {
            Verdict::Regressed => End::Regressed(sentence.clone()),
            Verdict::Suspect
            | Verdict::Inconclusive
            | Verdict::Incomparable
            | Verdict::Improved
            | Verdict::Unchanged => End::Complete,
        },
        headline: leading,
        quantities,
        stats: serde_json::Map::new(),
        remarks: vec![sentence],
    }
}

fn row(of: &Compared, names_mode: bool) -> VerdictRow {
    let lead = of.lead();
    let mode = shown::mode(of.mode);
    let value = |pick: fn(&Quantity) -> f64| lead.map(|lead| shown::value(pick(lead), lead.unit));
    VerdictRow {
        name: of.name.clone(),
        remarks: names_mode.then(|| mode.to_owned()).into_iter().collect(),
        base: value(|of| of.base),
        head: value(|of| of.head),
        ratio: lead.and_then(|of| of.ratio),
        interval: lead.and_then(|of| of.interval),
        verdict: of.verdict.word(),
        alarm: match of.verdict {
            Verdict::Regressed => Alarm::Failure,
            Verdict::Suspect | Verdict::Inconclusive | Verdict::Incomparable => Alarm::Doubt,
            Verdict::Improved | Verdict::Unchanged => Alarm::None,
        },
    }
}

/// The content of a column.
type Field = fn(&Compared) -> String;

/// Head and content of each column of CSV. New ones come last: scripts count.
const FIELDS: &[(&str, Field)] = &[
    ("name", |of| of.name.clone()),
    ("uri", |of| of.uri.clone()),
    ("mode", |of| shown::mode(of.mode).to_owned()),
    ("verdict", |of| of.verdict.word().to_owned()),
    ("class", |of| word(&of.class)),
    ("doubts", |of| of.doubts.iter().map(word).collect::<Vec<_>>().join(" ")),
    ("base", |of| led(of, |lead| Some(lead.base))),
    ("head", |of| led(of, |lead| Some(lead.head))),
    ("unit", |of| of.lead().map(|lead| word(&lead.unit)).unwrap_or_default()),
    ("ratio", |of| led(of, |lead| lead.ratio)),
    ("ratio_low", |of| led(of, |lead| lead.interval.map(|interval| interval.low))),
    ("ratio_high", |of| led(of, |lead| lead.interval.map(|interval| interval.high))),
    ("judged", |of| of.lead().map(|lead| lead.key.clone()).unwrap_or_default()),
    ("threshold", |of| led(of, |lead| Some(lead.threshold))),
    ("floor", |of| led(of, |lead| Some(lead.floor))),
    ("limit", |of| led(of, |lead| lead.limit)),
    ("p", |of| led(of, |lead| lead.p)),
    ("differences", |of| of.reasons.iter().map(|it| it.field).collect::<Vec<_>>().join(" ")),
    ("occurrence", |of| of.occurrence.to_string()),
];

/// A number of the quantity that leads; empty if there is none.
fn led(of: &Compared, pick: fn(&Quantity) -> Option<f64>) -> String {
    of.lead().and_then(pick).map(|number| number.to_string()).unwrap_or_default()
}

/// The word that JSON has for it.
fn word(of: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(of).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
