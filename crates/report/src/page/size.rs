//! The size of a page: how much of it is left out so that it is no larger than it may be, and how that is said.

use runner_shared::text::count;

/// The content of a page of some size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Level {
    /// Smaller parts of flame graphs, as a share, are not told apart.
    pub smallest: f64,
    /// Rounds of a side in a chart.
    pub rounds: usize,
    /// Benchmarks that have more than a row in the table.
    pub detailed: usize,
    /// Rows of the table.
    pub rows: usize,
    /// There is a smaller level.
    pub may_shrink: bool,
}

const fn level(smallest: f64, rounds: usize, detailed: usize, rows: usize) -> Level {
    Level { smallest, rounds, detailed, rows, may_shrink: true }
}

/// The levels, the largest first.
pub(super) const LEVELS: &[Level] = &[
    level(0.001, 400, usize::MAX, usize::MAX),
    level(0.003, 300, usize::MAX, usize::MAX),
    level(0.01, 200, 2_000, usize::MAX),
    level(0.01, 200, 500, usize::MAX),
    level(0.02, 150, 200, 20_000),
    level(0.02, 100, 50, 20_000),
    level(0.03, 100, 20, 10_000),
    level(0.05, 60, 5, 5_000),
    Level { may_shrink: false, ..level(0.1, 40, 1, 200) },
];

/// The parts that were left out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cut {
    pub level: Level,
    /// Benchmarks of the page.
    benchmarks: usize,
    /// Flame graphs of which parts are missing.
    pub flames: usize,
    /// Charts in which rounds are missing.
    pub charts: usize,
}

impl Cut {
    pub(super) const fn new(level: &Level, benchmarks: usize) -> Self {
        Self { level: *level, benchmarks, flames: 0, charts: 0 }
    }

    /// Returns sentences on what was left out, without final periods.
    pub(super) fn sentences(&self) -> Vec<String> {
        let Self { level, benchmarks, flames, charts } = self;
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let beyond = |most: usize| number(benchmarks.saturating_sub(most));
        let share = format!("{} %", level.smallest * 100.0);
        let all = [
            (
                number(*flames),
                format!(
                    "parts below {share} of the whole are not told apart in {}",
                    count(number(*flames), "flame graph")
                ),
            ),
            (
                number(*charts),
                format!(
                    "at most {} rounds are drawn, evenly spread, in {}",
                    level.rounds,
                    count(number(*charts), "chart")
                ),
            ),
            (
                beyond(level.detailed),
                format!(
                    "charts and flame graphs of {}, the last ones of the table",
                    count(beyond(level.detailed), "benchmark")
                ),
            ),
            (beyond(level.rows), format!("the rows of {}", count(beyond(level.rows), "benchmark"))),
        ];
        all.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_said() {
        let mut cut = Cut::new(&LEVELS[5], 10_000);
        (cut.flames, cut.charts) = (2, 1);
        insta::assert_snapshot!(cut.sentences().join("\n"), @r"
        parts below 2 % of the whole are not told apart in 2 flame graphs
        at most 100 rounds are drawn, evenly spread, in 1 chart
        charts and flame graphs of 9950 benchmarks, the last ones of the table
        ");
        assert_eq!(Cut::new(&LEVELS[0], 10).sentences(), Vec::<String>::new());
    }

    #[test]
    fn levels_become_smaller() {
        for pair in LEVELS.windows(2) {
            assert!(pair[0].smallest <= pair[1].smallest && pair[0].rounds >= pair[1].rounds);
            assert!(pair[0].detailed >= pair[1].detailed && pair[0].rows >= pair[1].rows);
            assert!(pair[0].may_shrink);
        }
        assert!(!LEVELS[LEVELS.len() - 1].may_shrink);
    }
}
