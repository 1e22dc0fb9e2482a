//! The search for the first slow commit, by halves, as `git bisect` does it for a history of first parents. No I/O.

use std::ops::RangeInclusive;

/// Knowledge of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing.
    Unknown,
    /// It is as fast as the good one.
    Fast,
    /// It is slower.
    Slow,
    /// It can't be built or not be judged.
    Skipped,
}

/// Candidates from old to new; the one before the first is fast, and the last one is slow.
#[derive(Debug)]
pub(crate) struct Search {
    marks: Vec<Mark>,
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Look at this candidate.
    Test(usize),
    /// The first slow one is among these: one, unless others were skipped.
    Found(RangeInclusive<usize>),
}

impl Search {
    /// A search among so many candidates, at least one.
    pub(crate) fn new(candidates: usize) -> Self {
        let mut marks = vec![Mark::Unknown; candidates.max(1)];
        if let Some(last) = marks.last_mut() {
            *last = Mark::Slow;
        }
        Self { marks }
    }

    /// Notes what was found out about a candidate.
    pub(crate) fn note(&mut self, candidate: usize, mark: Mark) {
        if let Some(known) = self.marks.get_mut(candidate) {
            *known = mark;
        }
    }

    /// The candidates among which the first slow one is.
    pub(crate) fn left(&self) -> RangeInclusive<usize> {
        let slow = self.marks.iter().position(|mark| *mark == Mark::Slow).unwrap_or(0);
        let before = self.marks.iter().take(slow).rposition(|mark| *mark == Mark::Fast);
        before.map_or(0, |fast| fast + 1)..=slow
    }

    /// The candidate that tells most: the one in the middle, or the nearest one that was not skipped.
    pub(crate) fn next(&self) -> Step {
        let left = self.left();
        let (low, high) = (*left.start(), *left.end());
        let is_unknown = |index: &usize| self.marks.get(*index) == Some(&Mark::Unknown);
        // With the middle as the first slow one, as many are left as with it as the last fast one.
        let middle = (low + high).saturating_sub(1) / 2;
        let nearest = (low..high).filter(is_unknown).min_by_key(|index| index.abs_diff(middle));
        nearest.map_or(Step::Found(left), Step::Test)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps and result of a search in which `slow` is the first slow one and some can't be judged.
    fn search(candidates: usize, slow: usize, skipped: &[usize]) -> (usize, RangeInclusive<usize>) {
        let mut search = Search::new(candidates);
        for steps in 0.. {
            match search.next() {
                Step::Found(range) => return (steps, range),
                Step::Test(one) if skipped.contains(&one) => search.note(one, Mark::Skipped),
                Step::Test(one) if one >= slow => search.note(one, Mark::Slow),
                Step::Test(one) => search.note(one, Mark::Fast),
            }
            assert!(steps < candidates, "every candidate is looked at once at most");
        }
        unreachable!("a search ends");
    }

    #[test]
    fn the_first_slow_one_is_found_in_a_logarithm_of_steps() {
        for candidates in 1..40 {
            for slow in 0..candidates {
                let (steps, found) = search(candidates, slow, &[]);
                assert_eq!(found, slow..=slow, "of {candidates}");
                assert!(1 << steps < 2 * candidates.max(2), "{steps} steps for {candidates}");
            }
        }
        assert_eq!(search(16, 9, &[]).0, 4);
    }

    #[test]
    fn what_can_not_be_judged_leaves_a_range_that_holds_it() {
        for slow in 0..16 {
            for hole in 0..13 {
                let skipped = [hole, hole + 1, hole + 2];
                let (_, found) = search(16, slow, &skipped);
                assert!(found.contains(&slow), "{slow} {hole}: {found:?}");
                let inner = found.clone().take(found.clone().count() - 1);
                assert!(
                    inner.clone().all(|one| skipped.contains(&one)),
                    "{slow} {hole}: {found:?}"
                );
            }
        }
        assert_eq!(search(4, 2, &[0, 1, 2]).1, 0..=3);
    }
}
