//! Makes a record small enough to be kept: the least that is worth of it goes first.

use std::io::{self, Write};

use runner_shared::bounds::{RECORD_BYTES, RECORD_VALUES_BYTES};

use crate::record::{Record, Rounds, weight, whole_weight};

/// The parts of each benchmark that are kept, from many to few: rounds, and functions of stacks.
const STEPS: &[(usize, usize)] = &[(500, 500), (100, 100), (25, 0), (0, 0)];

impl Record {
    /// Leaves out rounds and stacks of a run that is too large to be kept, and says so in a warning of each part.
    pub fn fit(&mut self) {
        self.fit_into(RECORD_BYTES, RECORD_VALUES_BYTES);
    }

    /// The same if its values may take so many bytes of memory.
    pub(crate) fn fit_within(&mut self, heaviest: u64) {
        self.fit_into(RECORD_BYTES, heaviest);
    }

    fn fit_into(&mut self, most: u64, heaviest: u64) {
        if self.is_within(most, heaviest) {
            return;
        }
        for (rounds, nodes) in STEPS {
            self.thin_out(*rounds, *nodes);
            if self.is_within(most, heaviest) {
                break;
            }
        }
    }

    fn thin_out(&mut self, rounds: usize, nodes: usize) {
        for benchmark in &mut self.benchmarks {
            if let Some(kept) = &mut benchmark.rounds {
                kept.thin_out(rounds);
            }
            if let Some(stacks) = &mut benchmark.stacks {
                stacks.prune(nodes);
            }
            benchmark.rounds.take_if(|rounds| rounds.wall_ns.is_empty());
            benchmark.stacks.take_if(|stacks| stacks.nodes.is_empty());
        }
        let text = warning(rounds, nodes);
        for part in &mut self.parts {
            part.warnings.retain(|warning| !warning.starts_with(TOO_LARGE));
            part.warnings.push(text.clone());
        }
    }

    /// Returns whether it can be kept in so many bytes, and read with so much memory.
    fn is_within(&self, most: u64, heaviest: u64) -> bool {
        let weigh = if heaviest < RECORD_VALUES_BYTES { whole_weight } else { weight };
        let is_light = |json: Vec<u8>| weigh(&json).is_ok_and(|weight| weight <= heaviest);
        self.length() <= most && serde_json::to_vec(self).is_ok_and(is_light)
    }

    /// Returns the bytes of its JSON.
    fn length(&self) -> u64 {
        let mut length = Length(0);
        // It takes whatever comes.
        drop(serde_json::to_writer(&mut length, self));
        length.0
    }
}

/// Beginning of the warning.
const TOO_LARGE: &str = "the run is too large for a record";

fn warning(rounds: usize, nodes: usize) -> String {
    match (rounds, nodes) {
        (0, 0) => format!("{TOO_LARGE}: it keeps no single rounds and no stacks"),
        (rounds, 0) => format!(
            "{TOO_LARGE}: of each benchmark it keeps {rounds} of at most {} rounds, and no stacks",
            Rounds::MOST
        ),
        (rounds, nodes) => format!(
            "{TOO_LARGE}: of each benchmark it keeps {rounds} of at most {} rounds, and the {nodes} largest parts of \
                its stacks",
            Rounds::MOST
        ),
    }
}

/// Counts what is written.
struct Length(u64);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Part, RecordedBenchmark, StackNode, Stacks};

    fn record() -> Record {
        let node = |weight| StackNode { weight, ..StackNode::default() };
        let stacks = Stacks {
            functions: vec!["main".to_owned()],
            objects: vec![String::new()],
            nodes: (1..=1_500).map(node).collect(),
            ..Stacks::default()
        };
        let benchmark = RecordedBenchmark {
            rounds: Some(Rounds { wall_ns: vec![1.0; 2_000], ..Rounds::default() }),
            stacks: Some(stacks),
            ..RecordedBenchmark::default()
        };
        let parts = vec![Part::default()];
        Record { parts, benchmarks: vec![benchmark; 3], ..Record::default() }
    }

    #[test]
    fn a_small_record_stays_as_it_is() {
        let mut fitted = record();
        fitted.fit();
        assert_eq!(fitted, record());
        assert_eq!(
            record().length(),
            u64::try_from(serde_json::to_vec(&record()).unwrap().len()).unwrap()
        );
    }

    #[test]
    fn a_record_that_takes_too_much_memory_is_thinned_out() {
        let mut record = record();
        let rounds = vec![1.0; 300_000];
        record.benchmarks[0].rounds = Some(Rounds { wall_ns: rounds, ..Rounds::default() });
        let weight = weight(&serde_json::to_vec(&record).unwrap()).unwrap();
        let mut same = record.clone();
        same.fit_into(RECORD_BYTES, weight);
        assert_eq!(same, record);
        record.fit_into(RECORD_BYTES, weight - 1);
        assert_eq!(record.benchmarks[0].rounds.as_ref().unwrap().wall_ns.len(), 500);
    }

    #[test]
    fn a_large_record_loses_rounds_and_stacks_and_says_so() {
        for (most, rounds, warning) in [
            (
                100_000,
                Some(500),
                "500 of at most 2000 rounds, and the 500 largest parts of its stacks",
            ),
            (
                25_000,
                Some(100),
                "100 of at most 2000 rounds, and the 100 largest parts of its stacks",
            ),
            (1_500, Some(25), "25 of at most 2000 rounds, and no stacks"),
            (10, None, "it keeps no single rounds and no stacks"),
        ] {
            let mut record = record();
            record.fit_into(most, RECORD_VALUES_BYTES);
            let kept = record.benchmarks[0].rounds.as_ref().map(|rounds| rounds.wall_ns.len());
            assert_eq!(kept, rounds, "{most}: {} bytes", record.length());
            let [only] = &record.parts[0].warnings[..] else { panic!("{:?}", record.parts) };
            assert!(only.starts_with(TOO_LARGE) && only.ends_with(warning), "{only}");
        }
    }
}
