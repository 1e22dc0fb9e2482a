//! The arithmetic of verdicts, step by step, so that whoever doubts one can compute it once more by hand from the
//! exported rounds or counts.
//!
//! [`of_pairs`] and [`of_count`] explain a judgement alone, whoever has made it; those of a suite are in
//! `suite/explain.rs`.

use runner_shared::{
    artifact::Repeats,
    verdict::{
        self, ALPHA, CountJudgement, CountLimits, CountVerdict, FLOORS, IntervalRank, JudgedTime,
        Judgement, MINIMUM_PAIRS, Verdict, interval_rank,
    },
};

use crate::{
    comparison::{Comparison, shortest},
    counts::{CountComparison, CountUnit, Counter, CountsVerdict, JudgedCount},
    model::Interval,
    text::quoted,
};

/// A step: what it is called, and what it says.
pub type Step = (&'static str, String);

/// Decimals of logarithms and ratios: more than any rounding of the steps can change.
const DECIMALS: usize = 8;

impl Comparison {
    /// A paragraph with the arithmetic of this verdict, with a final line break.
    pub fn explain(&self) -> String {
        let verdict::Comparison { time, judged, wall, .. } = self.found;
        let mut steps = vec![
            (
                "order",
                format!(
                    "drawn for each round from the seed {} (xoshiro256++, Fisher-Yates)",
                    self.seed
                ),
            ),
            ("times", self.why_these()),
        ];
        steps.extend(of_pairs(&judged, TURNS));
        if let Some(wall) = wall.filter(|_| time != JudgedTime::Wall) {
            let beside = of_pairs(&wall, TURNS);
            let estimate = beside.into_iter().find(|(name, _)| *name == "estimate");
            steps.extend(estimate.map(|(_, text)| ("wall times", text)));
        }
        paragraph(&against(&self.head, &self.base), &steps)
    }

    /// The times that are judged, where they are in the export, and why these.
    fn why_these(&self) -> String {
        let verdict::Comparison { time, waits, differ, .. } = self.found;
        let what = match time {
            JudgedTime::Undisturbed => {
                "undisturbed times, `kernel_ns` minus `preempted_ns` of each round: both have kernel timestamps, and \
                    neither had a second thread or process"
            }
            JudgedTime::Processor => {
                "processor times, `user_ns` plus `system_ns` of each round: a side has several threads or processes, \
                    or no kernel timestamps, and both spend most of their time computing"
            }
            JudgedTime::Wall if differ => {
                "wall times, `wall_ns` of each round: one side mostly waits and the other mostly computes, so nothing \
                    is certain"
            }
            JudgedTime::Wall if waits => "wall times, `wall_ns` of each round: both mostly wait",
            JudgedTime::Wall | JudgedTime::Shortest => {
                "wall times, `wall_ns` of each round: kernel timestamps and processor times are not available for both"
            }
        };
        let shell = "; the start-up time of the shell is subtracted (`shell` of each benchmark)";
        format!("{what}{}", if self.without_shell { shell } else { "" })
    }
}

/// The pairs of rounds that took turns.
const TURNS: &str = "turns (`block`) in which both have a time above 0; several rounds of a side in a turn count as \
    their median";

/// Returns the steps from the times of pairs to a verdict. `pairs_from` says which pairs there are.
pub fn of_pairs(judged: &Judgement, pairs_from: &str) -> Vec<Step> {
    let Judgement { ratio, interval, pairs, p, threshold, verdict } = *judged;
    let mut steps = vec![
        (
            "pairs",
            format!(
                "{pairs}: {pairs_from}; with more than {MINIMUM_PAIRS}, the first is a warm-up and is left out"
            ),
        ),
        ("differences", "d = ln(time of head / time of base) for each pair".to_owned()),
    ];
    let Some(ratio) = ratio else { return steps };
    let estimate = ratio.ln();
    steps.push((
        "estimate",
        format!(
            "Hodges-Lehmann, the median of all means of two d (each with itself, too): {}, so head / base = {}",
            number(estimate),
            number(ratio)
        ),
    ));
    let IntervalRank { rank, averages, is_exact } = interval_rank(pairs, ALPHA);
    let how = if is_exact { "exact" } else { "normal approximation" };
    let level = shortest((1.0 - ALPHA) * 100.0);
    let interval_text = match interval {
        Some(Interval { low, high }) => format!(
            "{level} % (alpha {ALPHA}), signed-rank, {how}: of the {averages} means of two d, number {rank} from below and from above: {} to {}, so {} to {}",
            number(low.ln()),
            number(high.ln()),
            number(low),
            number(high)
        ),
        None => format!("none: {level} % needs at least {MINIMUM_PAIRS} pairs"),
    };
    steps.push(("interval", interval_text));
    steps.push(("p", format!("{p:.3e}: signed-rank test of \"d lies around 0\", two-sided")));
    let limit = threshold.ln_1p();
    steps.push((
        "threshold",
        format!("{} %: ln(1 + {threshold}) = {}", shortest(threshold * 100.0), number(limit)),
    ));
    steps.push(("rule", rule(verdict, estimate, interval, limit)));
    steps
}

/// The rule that gave the verdict, with its numbers: all in logarithms.
fn rule(verdict: Verdict, estimate: f64, interval: Option<Interval>, limit: f64) -> String {
    let (low, high) = interval.map_or((0.0, 0.0), |it| (it.low.ln(), it.high.ln()));
    let [low, high, estimate, limit, below] = [low, high, estimate, limit, -limit].map(number);
    match verdict {
        Verdict::Regressed => format!(
            "regressed: the interval is above 0 ({low} > 0), and the estimate reaches the threshold ({estimate} >= {limit})"
        ),
        Verdict::Improved => format!(
            "improved: the interval is below 0 ({high} < 0), and the estimate reaches the threshold ({estimate} <= {below})"
        ),
        Verdict::Equivalent => format!(
            "equivalent: the interval lies within the threshold ({below} < {low} and {high} < {limit})"
        ),
        Verdict::Inconclusive { resolves: None, .. } => {
            "inconclusive: these times are not reliable for such a pair".to_owned()
        }
        Verdict::Inconclusive { .. } => format!(
            "inconclusive: the interval ({low} to {high}) neither leaves out 0 with an estimate ({estimate}) of at least the threshold ({limit}), nor lies within it"
        ),
        Verdict::Insufficient => format!("insufficient: fewer than {MINIMUM_PAIRS} pairs"),
    }
}

impl CountComparison {
    /// A paragraph with the arithmetic of this verdict, with a final line break.
    pub fn explain(&self) -> String {
        let repeats = self.counters.iter().map(|it| it.base.len().max(it.head.len())).max();
        let mut steps = vec![of_padding(repeats.unwrap_or(0))];
        for JudgedCount { counter, limits, base, head, judged } in &self.counters {
            steps.push(of_counter(counter));
            steps.extend(of_count(judged, *limits, base, head));
        }
        steps.push(("verdict", self.why().to_owned()));
        paragraph(&against(&self.head, &self.base), &steps)
    }

    const fn why_words(verdict: CountsVerdict) -> &'static str {
        match verdict {
            CountsVerdict::Regressed => {
                "regressed: a deciding counter increased, and none decreased"
            }
            CountsVerdict::Improved => "improved: a deciding counter decreased, and none increased",
            CountsVerdict::Mixed => "mixed: one deciding counter increased, and another decreased",
            CountsVerdict::Equivalent => "equivalent: no deciding counter differs by its limit",
            CountsVerdict::Insufficient => {
                "insufficient: counts differ, and a side has fewer than two repeats"
            }
        }
    }

    fn why(&self) -> &'static str {
        Self::why_words(self.verdict())
    }
}

/// Returns the step that names a counter.
pub(crate) fn of_counter(counter: &Counter) -> Step {
    let note = if counter.decides { "" } else { "; informational only" };
    let unit = match counter.unit {
        CountUnit::Number => "",
        CountUnit::Bytes => ", in bytes",
        CountUnit::Cycles => ", in cycles",
    };
    ("counter", format!("{}{unit}{note}", counter.title))
}

/// Returns the step that says how the environment is longer in `repeats` repeats.
pub(crate) fn of_padding(repeats: usize) -> Step {
    let paddings = Repeats::PADDINGS.iter().cycle().take(repeats).map(ToString::to_string);
    let paddings: Vec<String> = paddings.collect();
    let text = "the environment is lengthened by";
    ("repeats", format!("{text} {} bytes in turn, the same for both", paddings.join(", ")))
}

/// Returns the steps from the counts of repeats to a verdict.
pub fn of_count(
    judged: &CountJudgement,
    limits: CountLimits,
    base: &[u64],
    head: &[u64],
) -> Vec<Step> {
    let CountJudgement {
        base: base_median,
        head: head_median,
        ratio,
        floor,
        limit,
        repeats: _,
        verdict,
    } = *judged;
    let side = |counts: &[u64], median: f64| {
        let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
        format!("{}; median {}", counts.join(", "), count(median))
    };
    let difference = head_median - base_median;
    let ratio = ratio.map_or_else(
        || "no ratio, because the base is 0".to_owned(),
        |ratio| format!("head / base = {}", number(ratio)),
    );
    let exact = if judged.is_exact() { ", so the difference is exact" } else { "" };
    let CountLimits { threshold, absolute } = limits;
    let by_share = threshold * base_median;
    vec![
        ("base", side(base, base_median)),
        ("head", side(head, head_median)),
        ("difference", format!("{}; {ratio}", count(difference))),
        (
            "floor",
            format!(
                "{}: the larger of the differences between repeats of each side{exact}",
                count(floor)
            ),
        ),
        (
            "limit",
            format!(
                "{}: the largest of {} % of the base ({}), {FLOORS} floors ({}) and {absolute}",
                count(limit),
                shortest(threshold * 100.0),
                count(by_share),
                count(FLOORS * floor)
            ),
        ),
        ("rule", count_rule(verdict, difference, floor, limit)),
    ]
}

fn count_rule(verdict: CountVerdict, difference: f64, floor: f64, limit: f64) -> String {
    let (size, floor, limit) = (count(difference.abs()), count(floor), count(limit));
    match verdict {
        CountVerdict::Same => "the same: the difference is 0".to_owned(),
        CountVerdict::WithinFloor => {
            format!("no difference: no more than the floor ({size} <= {floor})")
        }
        CountVerdict::Small => {
            format!(
                "too small: more than the floor ({size} > {floor}), less than the limit ({size} < {limit})"
            )
        }
        CountVerdict::More => format!("more: the difference reaches the limit ({size} >= {limit})"),
        CountVerdict::Less => format!("less: the difference reaches the limit ({size} >= {limit})"),
        CountVerdict::Unknown => "unknown: they differ, and a side has a single repeat".to_owned(),
        CountVerdict::Missing => "missing: a side has no repeats".to_owned(),
    }
}

/// All digits of a logarithm or ratio that matter.
pub fn number(value: f64) -> String {
    format!("{value:.DECIMALS$}")
}

/// A count, which may be a half or a share of one.
pub fn count(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The names of two that were compared.
fn against(head: &str, base: &str) -> String {
    format!("{} against {}", quoted(head), quoted(base))
}

/// The steps on a line each, below the title.
pub fn paragraph(title: &str, steps: &[Step]) -> String {
    let width = steps.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = steps.iter().map(|(name, text)| format!("  {name:<width$}  {text}\n"));
    std::iter::once(format!("{title}, step by step:\n")).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use runner_shared::{verdict::judge, walltime::as_float};

    use super::*;
    use crate::counts::{
        MEMORY_COUNTERS, Repeated,
        tests::{asked, side},
    };

    /// A judgement of so many pairs, head slower by a share that varies a little.
    fn judged(pairs: u32, share: f64) -> Judgement {
        let blocks: Vec<u32> = (0..=pairs).collect();
        let base: Vec<u64> =
            blocks.iter().map(|pair| 1_000_000 + u64::from(pair % 7) * 1000).collect();
        let times = |time: &u64| as_float(*time) * (1.0 + share);
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small and positive"
        )]
        let head: Vec<u64> = base
            .iter()
            .zip(0_u64..)
            .map(|(time, nth)| times(time) as u64 + nth % 5 * 900)
            .collect();
        judge((&base, &blocks), (&head, &blocks), 0.03, ALPHA)
    }

    fn said(time: JudgedTime, judged: Judgement, wall: Option<Judgement>) -> String {
        let name = |name: &str| (name.to_owned(), format!("exec_harness::{name}"));
        let ((base, base_uri), (head, head_uri)) = (name("old"), name("new\n"));
        let found = verdict::Comparison { time, waits: false, differ: false, judged, wall };
        let (seed, side_ns, without_shell) = (7, 1e6, wall.is_some());
        Comparison { base, base_uri, head, head_uri, seed, side_ns, without_shell, found }.explain()
    }

    #[test]
    fn each_verdict_about_times_is_explained() {
        let few = judged(3, 0.05);
        let all = [
            said(JudgedTime::Undisturbed, judged(20, 0.05), Some(judged(20, 0.06))),
            said(JudgedTime::Processor, judged(200, -0.05), None),
            said(JudgedTime::Wall, judged(61, 0.0), None),
            said(JudgedTime::Wall, judged(8, 0.0294), None),
            said(JudgedTime::Wall, few, None),
            said(JudgedTime::Wall, Judgement { ratio: None, interval: None, ..few }, None),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn each_verdict_about_counts_is_explained() {
        let of = |head: [[u64; 3]; 2]| {
            let base = vec![[10 << 20, 40 << 20, 1000]; 2];
            let sides = vec![side("old", base), side("new", head.to_vec())];
            let repeated = Repeated { asked: asked(None), sides };
            let nth = |id: &str| MEMORY_COUNTERS.iter().position(|it| it.id == id);
            let all = repeated
                .compare(MEMORY_COUNTERS, |counts, counter| counts.get(nth(counter.id)?).copied());
            all[0].explain()
        };
        insta::assert_snapshot!(
            [
                of([[11 << 20, 40 << 20, 1001]; 2]),
                of([[10 << 20, 40 << 20, 900], [10 << 20, 41 << 20, 903]]),
            ]
            .join("\n")
        );
    }

    #[test]
    fn the_steps_lead_to_the_numbers_that_are_shown() {
        let judged = judged(20, 0.05);
        let IntervalRank { rank, averages, is_exact } = interval_rank(20, ALPHA);
        assert_eq!((rank, averages, is_exact), (38, 210, true));
        let ratio = judged.ratio.unwrap();
        let steps = of_pairs(&judged, TURNS);
        let estimate = &steps.iter().find(|(name, _)| *name == "estimate").unwrap().1;
        assert!(estimate.ends_with(&format!("head / base = {ratio:.8}")), "{estimate}");
    }
}
