//! A suite, or a command, that was run in two states of its sources: a record for each state, that of head with the
//! verdicts.

use std::collections::BTreeMap;

use results::{
    Report, Suite, SuiteComparison, SuiteReading, SuiteSide, Value, Verdicts as _, counters_of,
};
use runner_shared::walltime::{as_float, median};

use super::metrics::lower;
use crate::record::{MetricUnit, Mode, Part, Record, RecordedBenchmark, Rounds, Verdict};

impl Record {
    /// Adds what a suite that was run again and again in two states says of one of them. Each round of a benchmark is a
    /// run of the suite: the lower quartile of its wall times (`q1_ns`), its undisturbed median, its shortest round.
    pub fn add_suite(
        &mut self,
        part: Part,
        (suite, found): (&Suite, &SuiteComparison),
        side: SuiteSide,
    ) {
        let number = self.next_part();
        // By identity, and the number among those of a run that share it: a suite may measure something twice.
        let mut benchmarks: BTreeMap<(&str, u32), Vec<&SuiteReading>> = BTreeMap::new();
        let mut order: Vec<(&str, u32)> = Vec::new();
        for run in suite.runs.iter().filter(|run| run.side == side) {
            let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
            for reading in &run.readings {
                let nth = seen.entry(&reading.uri).or_default();
                *nth += 1;
                let key = (reading.uri.as_str(), *nth);
                let readings = benchmarks.entry(key).or_default();
                if readings.is_empty() {
                    order.push(key);
                }
                readings.push(reading);
            }
        }
        for key in order {
            let readings = benchmarks.remove(&key).unwrap_or_default();
            let benchmark = of_runs(&readings, part.mode, number);
            self.benchmarks.push(RecordedBenchmark { occurrence: key.1, ..benchmark });
        }
        self.add_verdicts(found, side);
        self.parts.push(part);
    }

    /// Adds what a command whose rounds took turns in both states says of one of them, under its own name and identity.
    /// In the report each state is a benchmark whose name begins with that of the side.
    pub fn add_turns(
        &mut self,
        part: Part,
        (report, found): (&Report, &SuiteComparison),
        (name, uri): (&str, &str),
        side: SuiteSide,
    ) {
        let first = self.benchmarks.len();
        self.add_benchmarks(part.mode, report);
        let begins = format!("{}: ", side.name());
        let mut added = self.benchmarks.split_off(first);
        added.retain(|benchmark| benchmark.name.starts_with(&begins));
        for benchmark in &mut added {
            (benchmark.name, benchmark.uri) = (name.to_owned(), uri.to_owned());
        }
        self.benchmarks.extend(added);
        self.add_verdicts(found, side);
        self.close_part(part, report);
    }

    /// The verdicts belong to head.
    fn add_verdicts(&mut self, found: &SuiteComparison, side: SuiteSide) {
        if side == SuiteSide::Base {
            return;
        }
        let told = found.objects().unwrap_or_default();
        let verdicts = found.benchmarks.iter().zip(told).map(|(benchmark, found)| Verdict {
            base: benchmark.uri.clone(),
            head: benchmark.uri.clone(),
            found,
        });
        self.verdicts.extend(verdicts);
    }
}

/// A benchmark from its readings, one of each run.
fn of_runs(readings: &[&SuiteReading], mode: Mode, part: u32) -> RecordedBenchmark {
    let (name, uri) = readings
        .first()
        .map_or_else(Default::default, |reading| (reading.name.clone(), reading.uri.clone()));
    let mut benchmark = RecordedBenchmark { part, name, uri, ..Default::default() };
    match mode {
        Mode::Walltime => times(&mut benchmark, readings),
        Mode::Simulation | Mode::Memory => counts(&mut benchmark, readings, mode),
    }
    benchmark
}

fn times(benchmark: &mut RecordedBenchmark, readings: &[&SuiteReading]) {
    let nanos = |picoseconds: u64| as_float(picoseconds) / 1e3;
    let (mut walls, mut undisturbed, mut shortest) = (Vec::new(), Vec::new(), Vec::new());
    for reading in readings {
        if let Value::Time { wall, undisturbed: robust, shortest: least } = &reading.value {
            walls.push(nanos(*wall));
            undisturbed.extend(robust.map(nanos));
            shortest.push(nanos(*least));
        }
    }
    if undisturbed.len() != walls.len() {
        undisturbed.clear();
    }
    let all = [("q1_ns", &walls), ("robust_median_ns", &undisturbed), ("min_ns", &shortest)];
    for (key, values) in all {
        if let Some(value) = median(values.iter().copied()) {
            benchmark.metrics.insert(key.to_owned(), lower(value, MetricUnit::Nanoseconds));
        }
    }
    let headline = if undisturbed.is_empty() { "q1_ns" } else { "robust_median_ns" };
    headline.clone_into(&mut benchmark.headline);
    let mut rounds = Rounds {
        wall_ns: walls,
        undisturbed_ns: undisturbed,
        processor_ns: Vec::new(),
        left_out: 0,
    };
    rounds.thin_out(Rounds::MOST);
    benchmark.rounds = Some(rounds).filter(|rounds| !rounds.wall_ns.is_empty());
}

fn counts(benchmark: &mut RecordedBenchmark, readings: &[&SuiteReading], mode: Mode) {
    for (place, counter) in counters_of(mode.into()).iter().enumerate() {
        let counts = readings.iter().filter_map(|reading| match &reading.value {
            Value::Counts(counts) => counts.get(place).copied().flatten().map(as_float),
            Value::Time { .. } => None,
        });
        let Some(value) = median(counts) else { continue };
        let metric = lower(value, counter.unit.into());
        if benchmark.metrics.is_empty() {
            counter.id.clone_into(&mut benchmark.headline);
        }
        benchmark.metrics.insert(counter.id.to_owned(), metric);
    }
}
