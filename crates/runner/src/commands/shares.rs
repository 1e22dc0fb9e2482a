//! Chooses the earlier run that is compared with the newest: the one that has most benchmarks in common with it.

use std::collections::BTreeSet;

use store::{Entry, Mode, Outcome, Record, RecordId};

use super::Context;
use crate::event::RunEvent;

/// Earlier runs that are looked at for one that shares benchmarks.
pub(super) const MOST_TRIED: usize = 50;

/// A run with its name.
pub(super) type Loaded = (RecordId, Record);

/// The benchmarks that two sides have finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shared {
    /// Number of those that both have.
    common: usize,
    /// Number of those of head.
    of_head: usize,
}

impl Shared {
    pub(super) fn of(run: &Loaded, heads: &[Loaded]) -> Self {
        let own = identities(&run.1);
        let of_head: BTreeSet<_> = heads.iter().flat_map(|(_, head)| identities(head)).collect();
        Self { common: of_head.intersection(&own).count(), of_head: of_head.len() }
    }

    /// Returns true if there is a benchmark to compare.
    pub(super) const fn is_some(self) -> bool {
        self.common > 0
    }

    /// Returns true if half of the benchmarks of head can be compared.
    pub(super) const fn is_half(self) -> bool {
        self.common > 0 && self.common >= self.of_head.div_ceil(2)
    }

    /// Returns true if the first one has more benchmarks to compare than the second one.
    pub(super) const fn is_more((one, other): (Self, Self)) -> bool {
        one.common > other.common
    }

    /// Warns if fewer can be compared.
    pub(super) fn tell(self, base: &Loaded, context: &Context) {
        if !self.is_half() {
            let Self { common, of_head } = self;
            let text = format!(
                "the base {} has only {common} of the {of_head} benchmarks, and no earlier run that fits has half of \
                    them",
                base.0.short()
            );
            let hint = "name another base; `codspeed store list` shows the stored runs".to_owned();
            context.ui.event(&RunEvent::Warning { text, hint: Some(hint) });
        }
    }
}

/// Returns the first of these runs that has half of the benchmarks of head, else the one that has most; of runs that have
/// as many the first one. Of each group, which is a better one than the next, only some are looked at; a group with a run
/// that has any decides.
pub(super) fn closest<'a>(
    groups: impl Iterator<Item = &'a [&'a Entry]>,
    heads: &[Loaded],
    readable: impl Fn(&Entry) -> Option<Loaded>,
) -> Option<(&'a Entry, Loaded, Shared)> {
    for group in groups {
        let mut best: Option<(&Entry, Loaded, Shared)> = None;
        for entry in group.iter().take(MOST_TRIED) {
            let Some(run) = readable(entry) else { continue };
            let shared = Shared::of(&run, heads);
            let most = best.as_ref().map_or(0, |(_, _, best)| best.common);
            if shared.common > most {
                best = Some((entry, run, shared));
            }
            if shared.is_half() {
                break;
            }
        }
        if best.is_some() {
            return best;
        }
    }
    None
}

/// Returns the identities of the benchmarks that a run has finished.
pub(super) fn identities(of: &Record) -> BTreeSet<(Option<Mode>, &str)> {
    let finished = of.benchmarks.iter().filter(|one| one.outcome == Outcome::Complete);
    finished.map(|one| (of.mode_of(one), one.uri.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use store::{Part, RecordedBenchmark};

    use super::*;

    fn run(uris: &[&str]) -> Loaded {
        let one = |uri: &&str| RecordedBenchmark { uri: (*uri).to_owned(), ..Default::default() };
        let benchmarks = uris.iter().map(one).collect();
        let record = Record { parts: vec![Part::default()], benchmarks, ..Default::default() };
        (RecordId::of(b"run"), record)
    }

    #[test]
    fn half_of_the_benchmarks_of_head_are_enough() {
        let head = [run(&["a", "b", "c"])];
        let of = |uris: &[&str]| Shared::of(&run(uris), &head);
        assert!(of(&["a", "b", "x", "y"]).is_half());
        assert!(of(&["a"]).is_some() && !of(&["a"]).is_half());
        assert!(!of(&["x"]).is_some() && !of(&["x"]).is_half());
        assert!(!Shared::of(&run(&[]), &[run(&[])]).is_half());
        let heads = [run(&["a"]), run(&["b"])];
        assert_eq!(Shared::of(&run(&["a"]), &heads), Shared { common: 1, of_head: 2 });
    }
}
