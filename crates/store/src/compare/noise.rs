//! The noise between runs of a benchmark that was timed: what equal programs usually differ by, and what they hardly
//! ever differ by.
//!
//! Rounds of one run say how the machine was during this second, not how it will be in an hour. Where nothing is known of
//! that, it is assumed. Measured on two shared processors with a load of 5 to 8 and four programs (one that computes, one
//! that misses caches, an interpreter, a pipeline of three processes), 120 runs of each, of a second, in 25 minutes: of all
//! 28,560 pairs of runs of equal programs, medians of undisturbed and of processor times differ by up to 5 % where the
//! quartiles of the rounds are 2 to 3 % apart, and by up to 100 % where they are 20 % apart (caches and memory are
//! shared, and no clock can take that away). Five times the distance of the quartiles, and at least what is assumed
//! here, was exceeded by 13 pairs, and by none of the 2,340 pairs that were less than two minutes apart; of wall times,
//! seven times the distance by 29. `bench_stored` measures this once more.

use runner_shared::{
    verdict::{ALPHA, Shifted, shift},
    walltime::quantile,
};

use super::{
    evidence::{Level, Times},
    floors::Floors,
    model::{Doubt, FloorSource},
    times::{Kind, Levels},
};
use crate::Mode;

/// The noise that is assumed, as shares.
#[derive(Debug, Clone, Copy)]
struct Prior {
    /// A hundredth of all pairs is further apart.
    usual: f64,
    /// Next to no pair is further apart.
    most: f64,
    /// The same in distances between the quartiles of the rounds.
    most_spreads: f64,
}

/// Rounds that are processes of their own, on a quiet machine.
const UNDISTURBED: Prior = Prior { usual: 0.03, most: 0.08, most_spreads: 5.0 };
/// The processor time of them, which knows less of what caches did.
const PROCESSOR: Prior = Prior { usual: 0.04, most: 0.12, most_spreads: 5.0 };
/// Rounds within one process share its addresses, seeds and compiled code: medians of runs differ by several percent.
const WITHIN_PROCESS: Prior = Prior { usual: 0.05, most: 0.12, most_spreads: 5.0 };
/// The wall clock counts the work of all other programs.
const WALL: Prior = Prior { usual: 0.15, most: 0.5, most_spreads: 7.0 };

/// Usual noise in distances between the quartiles of rounds.
const USUAL_SPREADS: f64 = 1.5;
/// The most that equal programs differ by, as a share, where nothing is known of how their rounds spread: three times
/// as slow.
const UNKNOWN_MOST: f64 = 2.0;
/// Equal programs often differ by this share while others use the processors, by the wall clock, or with too few rounds
/// to see how far they spread: ten programs on two processors made that of one or two rounds 12 to 54 % in the middle,
/// and a factor of ten at worst.
const BUSY_USUAL: f64 = 1.0;
/// Runs further apart, in milliseconds, have a machine in another state.
const HOUR_MS: u64 = 3_600_000;
/// The factor of the noise then.
const FAR_APART: f64 = 1.5;
/// The same between two machines of the same kind.
const OTHER_MACHINE: f64 = 2.0;
/// The most that equal programs differ by, in differences that were seen.
const BEYOND_HISTORY: f64 = 2.0;
/// Name of the program that starts a process for each round.
const OF_PROCESSES: &str = "exec-harness";

/// Facts about the two sides beside their times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub mode: Mode,
    pub uri: &'a str,
    pub integration: Option<&'a str>,
    /// The largest distance between the start of a run of base and one of head.
    pub apart_ms: u64,
    pub other_machine: bool,
    /// Other programs took the processor from many rounds of a run, or may have.
    pub busy: bool,
    pub floors: Option<&'a Floors>,
    pub seed: u64,
}

/// Times with what is said of them.
pub(super) struct Judged {
    pub times: Times,
    pub source: FloorSource,
    pub p: Option<f64>,
    pub doubts: Vec<Doubt>,
}

impl Judged {
    /// Measures the difference between both sides. Values are turned round where higher ones are better.
    pub(super) fn of(levels: &Levels, sign: f64, about: &Circumstances<'_>) -> Self {
        let logs =
            |side: &[Level]| side.iter().map(|level| sign * level.logs[2]).collect::<Vec<_>>();
        match shift(&logs(&levels.base), &logs(&levels.head), ALPHA, about.seed) {
            Some(found) => Self::of_many(levels, found, about),
            None => Self::of_few(levels, sign, about),
        }
    }

    /// The interval says how the runs of a side differ, the floor what may have happened between both sides.
    fn of_many(levels: &Levels, found: Shifted, about: &Circumstances<'_>) -> Self {
        let Shifted { shift, interval, p } = found;
        let half_width = (interval.high - shift).max(shift - interval.low);
        let floor = history(levels, about).unwrap_or(prior(levels, about).usual).ln_1p();
        let is_disturbed = is_disturbed(levels, about);
        let floor = if is_disturbed { floor.max(BUSY_USUAL.ln_1p()) } else { floor };
        let most = (!is_disturbed).then_some(floor);
        let times = Times {
            base: levels.base.clone(),
            head: levels.head.clone(),
            estimate: shift,
            agreed: shift,
            half_width,
            spread: None,
            usual: floor,
            most,
            resolution: half_width.hypot(floor),
            limit: most.map(|most| half_width + most),
        };
        Self { times, source: FloorSource::Runs, p: Some(p), doubts: doubts(levels, about) }
    }

    /// Too few runs for an interval between them: the noise between runs is known from earlier ones, or assumed.
    fn of_few(levels: &Levels, sign: f64, about: &Circumstances<'_>) -> Self {
        let prior = prior(levels, about);
        let shifts = shifts(levels, sign);
        let within = |side: &[Level]| side.iter().map(|level| level.half_width).fold(0.0, f64::max);
        let half_width = within(&levels.base).hypot(within(&levels.head));
        let spread = spread(levels);
        let seen = history(levels, about).map(f64::ln_1p);
        let (usual, most) = match (seen, spread) {
            (Some(seen), spread) => {
                let spread = spread.unwrap_or_else(|| between(levels));
                (seen, Some((BEYOND_HISTORY * seen).max(spread)))
            }
            (None, Some(spread)) => (
                prior.usual.ln_1p().max(USUAL_SPREADS * spread),
                Some(prior.most.ln_1p().max(prior.most_spreads * spread)),
            ),
            (None, None) => {
                // Nothing is known of how rounds differ, but of how runs do.
                let between = between(levels);
                let most = (factor(about) * UNKNOWN_MOST).ln_1p().max(prior.most_spreads * between);
                (prior.usual.ln_1p().max(USUAL_SPREADS * between), Some(most))
            }
        };
        let is_disturbed = is_disturbed(levels, about);
        let most = most.filter(|_| !is_disturbed);
        let is_vague = is_disturbed || (about.busy && spread.is_none());
        let usual = if is_vague { usual.max(BUSY_USUAL.ln_1p()) } else { usual };
        let is_noisy = spread.is_none_or(|spread| prior.most_spreads * spread > prior.most.ln_1p());
        let (estimate, agreed) = (shifts[2], agreed(shifts));
        let more = [
            (true, Doubt::FewRuns),
            (is_noisy && seen.is_none(), Doubt::NoisyRounds),
            (agreed.abs() < estimate.abs() / 2.0, Doubt::Uneven),
        ];
        let more = more.into_iter().filter_map(|(is_so, doubt)| is_so.then_some(doubt));
        let source = if seen.is_some() { FloorSource::History } else { FloorSource::Assumed };
        let times = Times {
            base: levels.base.clone(),
            head: levels.head.clone(),
            estimate,
            agreed,
            half_width,
            spread,
            usual,
            most,
            resolution: half_width.hypot(usual),
            limit: most.map(|most| half_width.hypot(most)),
        };
        Self {
            times,
            source,
            p: None,
            doubts: doubts(levels, about).into_iter().chain(more).collect(),
        }
    }
}

/// The largest distance between rounds of a run, or between runs of a side.
fn spread(levels: &Levels) -> Option<f64> {
    let mut all = levels.base.iter().chain(&levels.head);
    all.try_fold(between(levels), |most, level| Some(most.max(level.spread?)))
}

/// The largest distance between runs of a side.
fn between(levels: &Levels) -> f64 {
    range(&levels.base).max(range(&levels.head))
}

/// Returns true for wall times of a busy machine: no bound holds for them, however many runs there are. Rounds of an
/// interpreter took up to twelve times as long as in another minute, on two processors with ten programs.
fn is_disturbed(levels: &Levels, about: &Circumstances<'_>) -> bool {
    about.busy && levels.kind == Kind::Wall
}

fn doubts(levels: &Levels, about: &Circumstances<'_>) -> Vec<Doubt> {
    let wall = matches!(levels.kind, Kind::Wall | Kind::Stated(_));
    let busy = is_disturbed(levels, about);
    let all = [
        (wall && !busy, Doubt::WallClock),
        (busy, Doubt::Busy),
        (about.apart_ms > HOUR_MS, Doubt::FarApart),
        (about.other_machine, Doubt::OtherMachine),
    ];
    all.into_iter().filter_map(|(is_so, doubt)| is_so.then_some(doubt)).collect()
}

/// The factor of the noise that is due to where and when the sides were measured.
fn factor(about: &Circumstances<'_>) -> f64 {
    if about.other_machine {
        OTHER_MACHINE
    } else if about.apart_ms > HOUR_MS {
        FAR_APART
    } else {
        1.0
    }
}

fn prior(levels: &Levels, about: &Circumstances<'_>) -> Prior {
    let of_processes = about.integration.is_some_and(|name| name.starts_with(OF_PROCESSES));
    let prior = match levels.kind {
        Kind::Wall | Kind::Stated(_) => WALL,
        Kind::Undisturbed | Kind::Processor if !of_processes => WITHIN_PROCESS,
        Kind::Undisturbed => UNDISTURBED,
        Kind::Processor => PROCESSOR,
    };
    let factor = factor(about);
    Prior { usual: factor * prior.usual, most: factor * prior.most, ..prior }
}

/// Returns the largest difference that runs of the same programs had, which were neighbours.
fn history(levels: &Levels, about: &Circumstances<'_>) -> Option<f64> {
    let seen = about.floors?.of(about.mode, about.uri, levels.kind.key())?;
    Some(factor(about) * seen)
}

/// Returns the distance of head above base, by each of the quantiles: the medians over the runs.
fn shifts(levels: &Levels, sign: f64) -> [f64; 3] {
    let median = |side: &[Level], pick: fn(&Level) -> f64| {
        let mut logs: Vec<f64> = side.iter().map(pick).collect();
        logs.sort_by(f64::total_cmp);
        quantile(&logs, 0.5)
    };
    let picks: [fn(&Level) -> f64; 3] = [|of| of.logs[0], |of| of.logs[1], |of| of.logs[2]];
    picks.map(|pick| sign * (median(&levels.head, pick) - median(&levels.base, pick)))
}

/// The smallest of shifts that all go the same way, else none.
fn agreed(shifts: [f64; 3]) -> f64 {
    let least = shifts.into_iter().fold(f64::INFINITY, f64::min);
    let most = shifts.into_iter().fold(f64::NEG_INFINITY, f64::max);
    if least > 0.0 { least } else { most.min(0.0) }
}

/// The distance between the lowest and the highest run of a side.
fn range(side: &[Level]) -> f64 {
    let logs = || side.iter().map(|level| level.logs[2]);
    let width = logs().fold(f64::NEG_INFINITY, f64::max) - logs().fold(f64::INFINITY, f64::min);
    width.max(0.0)
}

#[cfg(test)]
mod tests {
    use runner_shared::walltime::NOISY_SHARE;

    use super::*;

    #[test]
    fn the_table_in_the_readme_has_these_limits() {
        let rows = [
            ("undisturbed time of commands (`exec`)", UNDISTURBED),
            ("processor time of commands", PROCESSOR),
            (
                "undisturbed or processor time of suites, whose rounds share a process",
                WITHIN_PROCESS,
            ),
            ("wall time, and numbers of other tools", WALL),
        ];
        let row = |(time, Prior { usual, most, most_spreads }): (&str, Prior)| {
            let [usual, most] = [usual, most].map(|share| format!("{:.0} %", 100.0 * share));
            format!("  | {time} | {usual} | {USUAL_SPREADS} | {most} | {most_spreads} |\n")
        };
        let table: String = rows.map(row).concat();
        let further = format!(
            "The shares are {FAR_APART} times as large between runs that are more than an hour apart, and twice as large"
        );
        let readme = std::fs::read_to_string("../../README.md").unwrap();
        assert!(readme.contains(&table), "put this into README.md:\n{table}");
        assert!(readme.contains(&further) && (OTHER_MACHINE - 2.0).abs() < f64::EPSILON);
        let factors = [1.0, FAR_APART, OTHER_MACHINE].map(|times| 1.0 + times * UNKNOWN_MOST);
        let [near, far, other] = factors;
        let unknown = format!(
            "a factor of {near} is the most ({far} between runs more than an hour apart, {other} between machines)"
        );
        assert!(readme.contains(&unknown), "{unknown}");
        let percent = 100.0 * NOISY_SHARE;
        let busy = format!(
            "more than {percent} % of the rounds are never certain, and a factor of {} is usual between them",
            1.0 + BUSY_USUAL
        );
        assert!(readme.contains(&busy), "{busy}");
        let learnt = format!("the most is {BEYOND_HISTORY} times as much");
        assert!(readme.contains(&learnt), "{learnt}");
    }
}
