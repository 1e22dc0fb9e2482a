//! A comparison of suites in words: a sentence for each benchmark that has changed or is in doubt, and for the whole.

use runner_shared::{
    text::count,
    verdict::{CountVerdict, JudgedTime, MINIMUM_PAIRS},
    walltime::as_float,
};

use super::{
    CounterFinding, Doubt, Evidence, Shift, Stage, SuiteBenchmark, SuiteComparison, SuiteSide,
    SuiteVerdict,
};
use crate::{
    comparison::{change, ends, evidence, factor, shortest},
    text::quoted,
};

/// At most so many names stand in a sentence.
const MOST_NAMES: usize = 8;

impl SuiteBenchmark {
    fn is_of(&self, wanted: JudgedTime) -> bool {
        matches!(self.found.evidence, Evidence::Times { time, .. } if time == wanted)
    }

    /// The verdict in a line without a final period, as in: `parse`: +4.8 %, 1.048x slower (99 % interval +4.5 to
    /// +5.1 %, 16 pairs of wall times).
    pub fn sentence(&self) -> String {
        let name = quoted(&self.name);
        match &self.found.evidence {
            Evidence::Times { time, first, again, .. } => {
                let shown = match self.found.verdict.stage_shown() {
                    Stage::First => *first,
                    Stage::Again => again.unwrap_or(*first),
                };
                let Some(ratio) = shown.ratio else {
                    return format!("{name}: no pair of runs has it on both sides");
                };
                let (change, evidence) = (change(ratio, shown.interval), evidence(&shown, *time));
                let words = words(self.found.verdict, ratio, shown.threshold);
                match self.found.verdict {
                    SuiteVerdict::Inconclusive(_) => {
                        format!("{name}: {change} ({evidence}), {words}")
                    }
                    SuiteVerdict::Regressed | SuiteVerdict::Improved | SuiteVerdict::Unchanged => {
                        format!("{name}: {change}, {words} ({evidence})")
                    }
                }
            }
            Evidence::Counts(findings) => {
                let verdict = self.found.verdict;
                let doubt = match verdict {
                    SuiteVerdict::Inconclusive(_) => {
                        format!(", {}", words(verdict, 1.0, f64::NAN))
                    }
                    SuiteVerdict::Regressed | SuiteVerdict::Improved | SuiteVerdict::Unchanged => {
                        String::new()
                    }
                };
                format!("{name}: {}{doubt}", moved(findings))
            }
        }
    }
}

/// Names the quantities that have moved, the deciding ones first.
fn moved(findings: &[CounterFinding]) -> String {
    let moved: Vec<&CounterFinding> =
        findings.iter().filter(|finding| finding.first.verdict.matters()).collect();
    let shown: Vec<String> = moved.iter().map(|finding| counter_sentence(finding)).collect();
    if shown.is_empty() { "no change".to_owned() } else { shown.join(", ") }
}

/// One quantity, as in: instructions +5.1 % (exact).
fn counter_sentence(finding: &CounterFinding) -> String {
    let latest = finding.latest();
    let change = match latest.ratio {
        Some(ratio) => change(ratio, None),
        None => "from nothing".to_owned(),
    };
    let sure = if latest.is_exact() {
        "exact".to_owned()
    } else if latest.repeats < 2 {
        "a single run".to_owned()
    } else {
        let share = if latest.base > 0.0 { latest.floor / latest.base } else { 1.0 };
        match shortest(share * 100.0).as_str() {
            "0" => "repeats differ by less than 0.01 %".to_owned(),
            percent => format!("repeats differ by up to {percent} %"),
        }
    };
    let gone = match finding.again.map(|again| again.verdict) {
        Some(verdict) if verdict != finding.first.verdict => match verdict {
            CountVerdict::More | CountVerdict::Less => ", opposite in the first measurement",
            CountVerdict::Same
            | CountVerdict::WithinFloor
            | CountVerdict::Small
            | CountVerdict::Unknown
            | CountVerdict::Missing => ", larger in the first measurement",
        },
        Some(_) | None => "",
    };
    format!("{} {change} ({sure}{gone})", finding.counter.title)
}

/// The verdict behind the number.
fn words(verdict: SuiteVerdict, ratio: f64, threshold: f64) -> String {
    let threshold = shortest(threshold * 100.0);
    match verdict {
        SuiteVerdict::Regressed => format!("{} slower", factor(ratio)),
        SuiteVerdict::Improved => format!("{} faster", factor(ratio.recip())),
        SuiteVerdict::Unchanged => format!("no difference of {threshold} % or more"),
        SuiteVerdict::Inconclusive(Doubt::Few) => {
            format!("inconclusive: a verdict needs at least {MINIMUM_PAIRS} pairs")
        }
        SuiteVerdict::Inconclusive(Doubt::Wide { resolves, pairs_needed }) => {
            let found = match resolves {
                Some(resolves) => {
                    format!("inconclusive: these pairs resolve {} %", shortest(resolves * 100.0))
                }
                None => "inconclusive".to_owned(),
            };
            match pairs_needed {
                Some(pairs) => format!("{found}; about {pairs} would be needed"),
                None => format!("inconclusive: too close to the {threshold} % threshold"),
            }
        }
        SuiteVerdict::Inconclusive(Doubt::Chance) => {
            "inconclusive: among this many benchmarks, such a difference can occur by chance; use `--max-pairs` for \
                more pairs"
                .to_owned()
        }
        SuiteVerdict::Inconclusive(Doubt::Unconfirmed) => {
            "inconclusive: found once, but not confirmed by a second measurement".to_owned()
        }
        SuiteVerdict::Inconclusive(Doubt::Contradicted) => {
            "inconclusive: found at first, but not in the second measurement".to_owned()
        }
    }
}

impl SuiteComparison {
    /// Lines about the whole suite, each without a final period: what is unchanged, what only one side has, the mean, a
    /// shift, and what it all rests on.
    pub fn remarks(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let unchanged: Vec<&str> =
            self.with(SuiteVerdict::Unchanged).map(|one| one.name.as_str()).collect();
        if !unchanged.is_empty() {
            let threshold = shortest(self.threshold * 100.0);
            lines.push(format!(
                "{} unchanged (no difference of {threshold} % or more): {}",
                unchanged.len(),
                names(&unchanged)
            ));
        }
        for side in SuiteSide::BOTH {
            let of_side: Vec<&str> = self
                .one_sided
                .iter()
                .filter(|one| one.side == side)
                .map(|one| one.name.as_str())
                .collect();
            if !of_side.is_empty() {
                lines.push(format!("only in {}: {}", side.name(), names(&of_side)));
            }
        }
        if let Some((mean, interval)) = self.mean.filter(|_| self.benchmarks.len() > 1) {
            let ends = interval.map(|found| format!(" (95 % interval {})", ends(found)));
            lines.push(format!(
                "geometric mean of {} benchmarks: {}{}",
                self.benchmarks.len(),
                change(mean, interval),
                ends.unwrap_or_default()
            ));
        }
        lines.extend(self.shift.map(shift_sentence));
        let any_of = |time| self.benchmarks.iter().any(|one| one.is_of(time));
        if !self.by_turns && any_of(JudgedTime::Wall) {
            lines.push("for wall times, the lower quartile of a run's rounds is compared, because other programs only \
                add to them".to_owned());
        }
        if any_of(JudgedTime::Shortest) {
            lines.push("where typical times differ too much from run to run, the shortest round of each run is compared (the lower quartile over runs): a change of the longer rounds alone doesn't show there".to_owned());
        }
        lines.push(self.evidence());
        lines
    }

    /// Pairs and seed.
    fn evidence(&self) -> String {
        let pairs = match self.pairs {
            [first, 0] => count(first, "pair"),
            [first, again] => {
                format!("{}, and {again} more for confirmation", count(first, "pair"))
            }
        };
        format!("{pairs}; seed of the order {}", self.seed)
    }
}

fn shift_sentence(shift: Shift) -> String {
    let Shift { worse, moved, all } = shift;
    let number = |length| as_float(u64::try_from(length).unwrap_or(u64::MAX));
    let share = 100.0 * number(moved) / number(all);
    let way = if worse { "worse" } else { "better" };
    format!(
        "environment shift: {moved} of {all} benchmarks ({share:.0} %) got {way} alike, so first look for a common \
            cause: a shared function, the compiler and its options, a library, a dependency of the builds"
    )
}

/// The first few names.
fn names(all: &[&str]) -> String {
    let shown: Vec<String> = all.iter().take(MOST_NAMES).map(|name| quoted(name)).collect();
    let more = all.len().saturating_sub(MOST_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
