//! Benchmarks that took turns, each against the first: found in the log of `exec-harness`, judged, and told in words.

use runner_shared::{
    artifact::{BenchmarkRounds, RoundLog, Rounds},
    statistics::Interval,
    text::count,
    verdict::{self, JudgedTime, Judgement, MINIMUM_PAIRS, Side, Verdict},
    walltime::as_float,
};

use crate::text::quoted;

/// The relation of one benchmark (head) to another (base).
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Name of the benchmark that the other is compared with.
    pub base: String,
    /// Its identity.
    pub base_uri: String,
    /// Name of the other one.
    pub head: String,
    /// Its identity.
    pub head_uri: String,
    /// Seed of the order in which they took turns.
    pub seed: u64,
    /// Nanoseconds that each of the benchmarks took in a turn, everything around its rounds included.
    pub side_ns: f64,
    /// The start of a shell was taken off the times of one of them, or of both.
    pub without_shell: bool,
    /// The result of judging their rounds.
    pub found: verdict::Comparison,
}

/// The comparisons of a run whose benchmarks took turns; empty for any other.
pub(crate) fn comparisons(log: &RoundLog) -> Vec<Comparison> {
    let Some(turns) = &log.turns else { return Vec::new() };
    let is_base = |of: &&BenchmarkRounds| of.uri == turns.base_uri;
    let Some(base) = log.benchmarks.iter().find(is_base) else { return Vec::new() };
    let sides = as_float(u64::try_from(log.benchmarks.len()).unwrap_or(u64::MAX));
    log.benchmarks
        .iter()
        .filter(|head| !is_base(head))
        .filter(|head| !base.rounds.is_empty() && !head.rounds.is_empty())
        .map(|head| Comparison {
            base: base.name.clone(),
            base_uri: base.uri.clone(),
            head: head.name.clone(),
            head_uri: head.uri.clone(),
            seed: turns.seed,
            side_ns: turn_ns(&base.rounds, &head.rounds) / sides,
            without_shell: [base, head]
                .iter()
                .any(|of| of.shell.is_some_and(|shell| shell.subtracted)),
            found: verdict::compare(side_of(base), side_of(head), turns.threshold),
        })
        .collect()
}

const fn side_of(of: &BenchmarkRounds) -> Side<'_> {
    Side { rounds: &of.rounds, source: of.robust_source }
}

/// From the first start to the last end, by the number of turns. Other benchmarks of the same turns count as well.
fn turn_ns(base: &Rounds, head: &Rounds) -> f64 {
    let both = |of: fn(&Rounds) -> Option<u64>| [of(base), of(head)].into_iter().flatten();
    let first = both(|rounds| rounds.start_ns.first().copied()).min().unwrap_or(0);
    let end =
        |rounds: &Rounds| Some(rounds.start_ns.last()?.saturating_add(*rounds.wall_ns.last()?));
    let last = both(end).max().unwrap_or(0);
    let turns = both(|rounds| rounds.block.last().map(|turn| u64::from(*turn) + 1)).max();
    as_float(last.saturating_sub(first)) / as_float(turns.unwrap_or(1))
}

impl Comparison {
    /// Lines for people, each without a final period, as in: `slow` against `fast`: +4.8 %, 1.048x slower (99 % interval
    /// +4.5 to +5.1 %, 240 pairs of undisturbed times).
    pub fn sentences(&self) -> Vec<String> {
        let verdict::Comparison { time, waits, differ, judged, wall } = self.found;
        let names = format!("{} against {}", quoted(&self.head), quoted(&self.base));
        let Some(ratio) = judged.ratio else {
            return vec![format!("{names}: can't be compared, they have no rounds in common")];
        };
        let without = if self.without_shell { " without the shell" } else { "" };
        let evidence = format!("{}{without}", evidence(&judged, time));
        let change = change(ratio, judged.interval);
        let words = self.in_words(ratio);
        let first = if judged.verdict.is_final() {
            format!("{names}: {change}, {words} ({evidence})")
        } else {
            format!("{names}: {change} ({evidence}), {words}")
        };
        let wall = wall.filter(|_| self.found.wall_disagrees()).and_then(other_wall_times);
        let waits = (waits && !differ).then(|| {
            "wall times are compared, because most of the time is spent waiting".to_owned()
        });
        std::iter::once(first).chain(wall).chain(waits).collect()
    }

    /// The verdict behind the number.
    fn in_words(&self, ratio: f64) -> String {
        let judged = self.found.judged;
        let threshold = shortest(judged.threshold * 100.0);
        match judged.verdict {
            Verdict::Regressed => format!("{} slower", factor(ratio)),
            Verdict::Improved => format!("{} faster", factor(ratio.recip())),
            Verdict::Equivalent => format!("no difference of {threshold} % or more"),
            Verdict::Inconclusive { resolves: None, .. } => {
                "inconclusive: one of them spends most of its time waiting, so only wall times can be compared, which \
                    are affected by other programs".to_owned()
            }
            Verdict::Inconclusive { resolves: Some(resolves), pairs_needed } => {
                let resolves = shortest(resolves * 100.0);
                let found = format!("inconclusive: this run resolves {resolves} %");
                match pairs_needed {
                    Some(pairs) => format!("{found}; {} would be needed", self.longer(pairs)),
                    None => {
                        format!("inconclusive: too close to the {threshold} % threshold")
                    }
                }
            }
            Verdict::Insufficient => {
                format!("inconclusive: a verdict needs at least {MINIMUM_PAIRS} pairs")
            }
        }
    }

    /// The option that allows so many pairs: each benchmark gets a time of its own.
    fn longer(&self, pairs: u64) -> String {
        let seconds = (as_float(pairs) * self.side_ns / 1e9).ceil().max(1.0);
        let time = if seconds > 120.0 {
            format!("{:.0}m", (seconds / 60.0).ceil())
        } else {
            format!("{seconds:.0}s")
        };
        format!("about {} (`--max-time {time}`, with enough rounds)", count(pairs, "pair"))
    }
}

pub(crate) fn evidence(judged: &Judgement, time: JudgedTime) -> String {
    let pairs = count(judged.pairs, "pair");
    let interval = judged.interval.map(|interval| format!("99 % interval {}, ", ends(interval)));
    let times = match time {
        JudgedTime::Undisturbed => "undisturbed times",
        JudgedTime::Processor => "processor times",
        JudgedTime::Wall => "wall times",
        JudgedTime::Shortest => "shortest rounds",
    };
    format!("{}{pairs} of {times}", interval.unwrap_or_default())
}

/// Wall times that tell something else than the times that are judged.
fn other_wall_times(wall: Judgement) -> Option<String> {
    let change = change(wall.ratio?, wall.interval);
    let ends = ends(wall.interval?);
    Some(format!(
        "wall times differ by {change} (99 % interval {ends}); they include waiting and the work of other programs"
    ))
}

/// Both ends, in percent.
pub fn ends(Interval { low, high }: Interval) -> String {
    let decimals = decimals(high - low);
    format!("{} to {} %", signed(low, decimals), signed(high, decimals))
}

/// As `+4.8 %`, with as many decimals as the interval shows.
pub fn change(ratio: f64, interval: Option<Interval>) -> String {
    let width = interval.map_or(0.1, |Interval { low, high }| high - low);
    format!("{} %", signed(ratio, decimals(width)))
}

fn signed(ratio: f64, decimals: usize) -> String {
    let text = format!("{:+.decimals$}", (ratio - 1.0) * 100.0);
    // Nothing is less than nothing.
    let is_zero = text.chars().all(|character| !character.is_ascii_digit() || character == '0');
    if is_zero { text.trim_start_matches(['+', '-']).to_owned() } else { text }
}

/// As many decimals of percent as show the width of an interval.
fn decimals(width: f64) -> usize {
    [0.02, 0.002].iter().map(|least| usize::from(width < *least)).sum::<usize>()
        + usize::from(width < 1.0)
}

/// As `1.048x` or `12.3x`: what is close to 1 needs more digits.
pub fn factor(ratio: f64) -> String {
    let limits = [1.1, 10.0, 100.0];
    let decimals = limits.iter().filter(|limit| ratio < **limit).count();
    format!("{ratio:.decimals$}x")
}

/// At most two decimals, and none that are zero.
pub fn shortest(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(ratio: f64, width: f64, verdict: Verdict) -> Judgement {
        Judgement {
            ratio: Some(ratio),
            interval: Some(Interval { low: ratio - width, high: ratio + width }),
            pairs: 240,
            p: 0.5,
            threshold: 0.03,
            verdict,
        }
    }

    fn of(time: JudgedTime, judged: Judgement, wall: Option<Judgement>) -> String {
        let found = verdict::Comparison { time, waits: false, differ: false, judged, wall };
        said(found)
    }

    fn said(found: verdict::Comparison) -> String {
        let name = |name: &str| (name.to_owned(), format!("exec_harness::{name}"));
        let ((base, base_uri), (head, head_uri)) = (name("old"), name("new\n"));
        let side_ns = 25e6;
        let without_shell = false;
        Comparison { base, base_uri, head, head_uri, seed: 7, side_ns, without_shell, found }
            .sentences()
            .join("\n")
    }

    #[test]
    fn sentences_for_every_verdict() {
        use JudgedTime::{Processor, Undisturbed, Wall};
        let unsure = |pairs_needed| Verdict::Inconclusive { resolves: Some(0.0412), pairs_needed };
        let few = Judgement { interval: None, pairs: 1, ..judged(1.5, 0.0, Verdict::Insufficient) };
        let none = Judgement { ratio: None, pairs: 0, ..few };
        let slower = judged(1.048, 0.0025, Verdict::Regressed);
        insta::assert_snapshot!(
            [
                of(Undisturbed, slower, Some(slower)),
                of(Processor, slower, Some(judged(1.3, 0.1, Verdict::Regressed))),
                of(Processor, slower, Some(judged(1.052, 0.001, Verdict::Regressed))),
                of(Processor, judged(0.5, 0.04, Verdict::Improved), None),
                of(Wall, judged(1.0, 0.0004, Verdict::Equivalent), None),
                of(Wall, judged(1.02, 0.04, unsure(Some(700))), None),
                of(Wall, judged(1.02, 0.04, unsure(Some(70_000))), None),
                of(Wall, judged(1.0299, 0.04, unsure(None)), None),
                of(Wall, judged(1234.4, 9.0, Verdict::Regressed), None),
                of(Wall, few, None),
                of(Wall, none, None),
                said(verdict::Comparison {
                    time: Wall,
                    waits: true,
                    differ: false,
                    judged: slower,
                    wall: None
                }),
            ]
            .join("\n")
        );
    }
}
