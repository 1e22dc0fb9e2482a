//! A comparison of suites for a terminal, a page, a spreadsheet and another program.

mod csv;
mod json;

use std::io;

use runner_shared::duration::show_nanos;

use super::verdicts::{Alarm, VerdictRow, Verdicts};
use crate::{
    counts,
    measured::Measured,
    suite::{Found, SuiteBenchmark, SuiteComparison, SuiteVerdict, Unit},
};

/// Sentences below the table; it has the others as well.
const MOST_SENTENCES: usize = 10;

impl SuiteComparison {
    fn told(&self) -> impl Iterator<Item = &SuiteBenchmark> {
        self.benchmarks.iter().filter(|one| one.found.verdict != SuiteVerdict::Unchanged)
    }
}

/// Shows what has changed or is in doubt.
impl Verdicts for SuiteComparison {
    fn rows(&self) -> Vec<VerdictRow> {
        self.told().map(row).collect()
    }

    fn footer(&self) -> Vec<String> {
        self.conditions.sentence().into_iter().collect()
    }

    fn sentences(&self) -> Vec<String> {
        let of_benchmarks = self.told().take(MOST_SENTENCES).map(SuiteBenchmark::sentence);
        of_benchmarks.chain(self.remarks()).collect()
    }

    fn objects(&self) -> serde_json::Result<Vec<serde_json::Value>> {
        json::lines(self).iter().map(serde_json::to_value).collect()
    }

    fn measured(&self) -> Vec<Measured> {
        self.measured_heads()
    }

    fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, &json::File::of(self))?;
        writeln!(out)
    }

    fn write_csv(&self, out: &mut dyn io::Write) -> io::Result<()> {
        csv::write(self, out)
    }
}

fn row(of: &SuiteBenchmark) -> VerdictRow {
    let Found { verdict, base, head, unit, ratio, interval, evidence: _ } = &of.found;
    VerdictRow {
        name: of.name.clone(),
        remarks: Vec::new(),
        base: Some(amount(*base, *unit)),
        head: Some(amount(*head, *unit)),
        ratio: *ratio,
        interval: *interval,
        verdict: verdict.word(),
        alarm: match verdict {
            SuiteVerdict::Regressed => Alarm::Failure,
            SuiteVerdict::Inconclusive(_) => Alarm::Doubt,
            SuiteVerdict::Improved | SuiteVerdict::Unchanged => Alarm::None,
        },
    }
}

/// A number with its unit.
fn amount(number: f64, unit: Unit) -> String {
    match unit {
        Unit::Time => show_nanos(number / 1e3),
        Unit::Counted(unit) => counts::shown(unit, number),
    }
}
