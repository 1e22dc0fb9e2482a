//! One row per benchmark, for spreadsheets and data frames. Times are nanoseconds, sizes bytes, shares between 0 and 1.

use std::io;

use super::{columns::counted, comparison, counts};
use crate::{
    counts::counters_of,
    metrics::{BEHIND_VERDICTS, Metric, metrics},
    report::{Benchmark, Compared, Report},
};

/// Writes a head and the rows; an unknown value is an empty field. Verdicts stand before the latest metrics, and last of
/// all events that were asked for: scripts count columns.
pub(super) fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let rows = metrics(report.mode()).in_csv();
    let is_early = |row: &&Metric| row.csv.is_some_and(|place| place < BEHIND_VERDICTS);
    let (early, late): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_early);
    let heads = |rows: &[&Metric]| rows.iter().flat_map(|row| row.csv_heads()).collect::<Vec<_>>();
    let events: Vec<String> = counted(report).map(|event| event.name.to_owned()).collect();
    csv.write_record(
        [heads(&early), verdict_heads(report), heads(&late), events.clone()].concat(),
    )?;
    let comparisons = report.comparisons();
    for of in report.benchmarks() {
        let compared = comparisons.iter().find(|it| it.head_uri() == of.uri());
        let fields =
            |rows: &[&Metric]| rows.iter().flat_map(|row| row.csv_fields(of)).collect::<Vec<_>>();
        let count = |event: &String| of.counted(event).map(|it| it.to_string()).unwrap_or_default();
        let counts = events.iter().map(count).collect();
        csv.write_record(
            [fields(&early), verdict_fields(of, compared), fields(&late), counts].concat(),
        )?;
    }
    csv.flush()
}

fn verdict_heads(report: &Report) -> Vec<String> {
    match report {
        Report::Walltime(_) => comparison::csv_heads(),
        Report::Simulation(_) | Report::Memory(_) => counts::csv_heads(counters_of(report.mode())),
    }
}

/// The fields below them; all are empty for a benchmark that was compared with nothing.
fn verdict_fields(of: Benchmark<'_>, compared: Option<&Compared<'_>>) -> Vec<String> {
    let counters = counters_of(of.mode());
    match compared {
        Some(Compared::Times(found)) => comparison::csv_fields(Some(found)),
        Some(Compared::Counts(found)) => counts::csv_fields(counters, Some(found)),
        None if counters.is_empty() => comparison::csv_fields(None),
        None => counts::csv_fields(counters, None),
    }
}
