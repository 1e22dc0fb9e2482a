//! Sentences below any table: about single benchmarks, and what those of a walltime report have in common.

use std::collections::BTreeMap;

use runner_shared::{
    artifact::{Counted, Outcome, RobustSource},
    duration::show_nanos,
    text::{count, one_line},
    walltime::{Drift, Groups, Noise, NoiseVerdict, judge_times},
};

use crate::{
    model::{BenchResult, NoInterval, RawRounds, WalltimeReport},
    report::Benchmark,
    text::{percent, quoted},
};

/// Names that one sentence lists.
const NAMES: usize = 2;

/// A sentence and the benchmark that it is about.
pub(super) struct Note {
    /// Name on one line; empty for a warning about the whole report.
    pub benchmark: String,
    /// The sentence, on one line, without a final period.
    pub text: String,
}

impl Note {
    /// A sentence about the benchmark of this name, or about the whole report.
    pub(super) fn new(benchmark: &str, text: &str) -> Self {
        Self { benchmark: benchmark.to_owned(), text: one_line(text) }
    }
}

/// Sentences about a benchmark, the worst news first.
pub(super) fn notes(of: Benchmark<'_>) -> Vec<Note> {
    let first: Vec<String> = match of {
        Benchmark::Walltime(of) => ending(of).into_iter().chain(robust_stats(of)).collect(),
        Benchmark::Simulation(..) | Benchmark::Memory(_) => Vec::new(),
    };
    let name = of.shown_name();
    first.iter().chain(of.notes()).map(|text| Note::new(&name, text)).collect()
}

/// Sentences about all benchmarks that have something in common, each with the first of their names.
pub(super) fn remarks_on_all(report: &WalltimeReport) -> Vec<String> {
    let mut missing: BTreeMap<NoInterval, Vec<&BenchResult>> = BTreeMap::new();
    for benchmark in &report.benchmarks {
        if let Some(why) = benchmark.no_interval {
            missing.entry(why).or_default().push(benchmark);
        }
    }
    let no_interval =
        missing.iter().map(|(why, of)| format!("No interval for {}: {why}", names(of)));
    let doubts = noise(report).into_iter().chain(drifts(report));
    doubts.chain(no_interval).chain(other_counts(report)).chain(counters(report)).collect()
}

/// Gaps in counters: those that there are not, and those that are not whole.
fn counters(report: &WalltimeReport) -> Vec<String> {
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let (mut of_users, mut scaled) = (Vec::new(), Vec::new());
    for column in report.benchmarks.iter().flat_map(|of| &of.counters) {
        let names = match column {
            Counted { missing: why, .. } if !why.is_empty() => missing.entry(why).or_default(),
            Counted { with_kernel: false, .. } => &mut of_users,
            Counted { least_running, .. } if *least_running < 1.0 => &mut scaled,
            Counted { .. } => continue,
        };
        if !names.contains(&&*column.name) {
            names.push(&column.name);
        }
    }
    let listed =
        |names: &[&str]| names.iter().map(|name| one_line(name)).collect::<Vec<_>>().join(", ");
    let mut lines: Vec<String> = missing
        .iter()
        .map(|(why, names)| format!("Not counted ({}): {}", listed(names), one_line(why)))
        .collect();
    if !of_users.is_empty() {
        let names = listed(&of_users);
        lines.push(format!("Counted in user mode only ({names}): run `sysctl kernel.perf_event_paranoid=1` or grant \
            CAP_PERFMON for more"));
    }
    if !scaled.is_empty() {
        let names = listed(&scaled);
        lines.push(format!("Counted for part of the time and scaled up ({names}): the processor has fewer counters \
            than requested; use several runs with fewer counters each for exact counts"));
    }
    lines
}

/// Rounds that were run and are not as many as the integration states.
fn other_counts(report: &WalltimeReport) -> Option<String> {
    let differs = |of: &&BenchResult| of.round_count() != of.stats.rounds;
    let differing: Vec<&BenchResult> = report.benchmarks.iter().filter(differs).collect();
    let first = differing.first()?;
    let (run, stated) = (first.round_count(), first.stats.rounds);
    Some(format!(
        "The rounds shown are those that were run. {} reports the planned number, which its time limit did not always \
            allow: {run} of {stated} of {}",
        one_line(&first.integration.name),
        names(&differing)
    ))
}

/// The first few names.
fn names(of: &[&BenchResult]) -> String {
    let mut names: Vec<String> = of.iter().take(NAMES).map(|one| quoted(&one.name)).collect();
    match of.len().saturating_sub(NAMES) {
        0 => {}
        more => names.push(format!("{more} more")),
    }
    match names.pop() {
        Some(last) if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        Some(only) => only,
        None => String::new(),
    }
}

fn ending(of: &BenchResult) -> Option<String> {
    let kept = match of.stats.rounds {
        0 => "no round was kept".to_owned(),
        1 => "1 round before it is kept".to_owned(),
        rounds => format!("{} before it are kept", count(rounds, "round")),
    };
    match &of.outcome {
        Outcome::Complete => None,
        Outcome::Failed { reason } => Some(format!("failed: {reason}; {kept}")),
        Outcome::Interrupted => Some(format!("interrupted; {kept}")),
    }
}

fn robust_stats(of: &BenchResult) -> Option<String> {
    let robust = of.robust.as_ref().filter(|robust| robust.in_stats)?;
    Some(format!("all figures are {}, not wall times", label(robust.source)?))
}

/// One line for all benchmarks whose numbers are not to be trusted for the same reason, and with the same advice.
fn noise(report: &WalltimeReport) -> Vec<String> {
    let mut noisy: BTreeMap<(Noise, String), Vec<&BenchResult>> = BTreeMap::new();
    for of in &report.benchmarks {
        if let Some(noise) = of.noise.and_then(NoiseVerdict::noise) {
            noisy.entry((noise, advice(of))).or_default().push(of);
        }
    }
    let line = |((noise, advice), of): (&(Noise, String), &Vec<&BenchResult>)| {
        Some(format!("{}; {advice}", what(*noise, of)?))
    };
    noisy.iter().filter_map(line).collect()
}

/// Says why these benchmarks are noisy, with the figures of the worst of them.
fn what(noise: Noise, of: &[&BenchResult]) -> Option<String> {
    let figure = |of: &BenchResult| {
        let NoiseVerdict { spread, below, tail, groups, .. } = of.noise.unwrap_or_default();
        match noise {
            Noise::Disturbed => of.noise.unwrap_or_default().flagged_share(),
            Noise::Grouped => groups.map_or(0.0, |groups| groups.high_ns / groups.low_ns),
            Noise::Wide => spread.max(below),
            Noise::Tail => tail,
        }
    };
    let worst = of.iter().max_by(|one, other| figure(one).total_cmp(&figure(other)))?;
    let verdict = worst.noise?;
    // Of one benchmark alone the figures are its own.
    let example = |figures: String| match of {
        [_] => figures,
        _ => format!("{}: {figures}", quoted(&worst.name)),
    };
    let (all, up_to) = (names(of), if of.len() > 1 { "up to " } else { "" });
    Some(match noise {
        Noise::Disturbed => {
            let share = percent(verdict.flagged_share());
            format!("Noisy machine: {up_to}{share} of the rounds of {all} were disturbed")
        }
        Noise::Grouped => {
            let Groups { low_ns, high_ns, high_share } = verdict.groups?;
            let (low, high) = (show_nanos(low_ns), show_nanos(high_ns));
            let figures = example(format!("{low}, and {high} in {}", percent(high_share)));
            format!("The rounds of {all} fall into two groups ({figures})")
        }
        Noise::Wide => {
            let figures = if verdict.spread >= verdict.below {
                format!("the middle half spans {} of the median", percent(verdict.spread))
            } else {
                format!("the fastest are {} below the median", percent(verdict.below))
            };
            format!("The rounds of {all} vary widely ({})", example(figures))
        }
        Noise::Tail => {
            let figures = example(format!("{} of the time", percent(verdict.tail)));
            format!("A few rounds of {all} took far longer than the others ({figures})")
        }
    })
}

/// Advice about noise.
fn advice(of: &BenchResult) -> String {
    if of.undisturbed().is_some() {
        let times = of.rounds.as_ref().map(RawRounds::undisturbed_ns).unwrap_or_default();
        if judge_times(&times, &[], 0.0).is_noisy() {
            return format!("the undisturbed times vary as well: {DOCTOR}");
        }
        return "`Undisturbed` is the most reliable time".to_owned();
    }
    let Some(robust) = &of.robust else { return DOCTOR.to_owned() };
    match robust.source {
        RobustSource::KernelStamps => "all figures are of undisturbed times".to_owned(),
        RobustSource::ProcessorTime if robust.in_stats => {
            "all figures are of processor times".to_owned()
        }
        RobustSource::ProcessorTime if of.user_ns.is_some() => {
            "`User` and `System` are affected less".to_owned()
        }
        RobustSource::ProcessorTime => "`Processor` is affected less".to_owned(),
        RobustSource::WallClock if robust.missing.is_empty() => DOCTOR.to_owned(),
        RobustSource::WallClock => {
            format!("{DOCTOR} (no undisturbed time: {})", one_line(&robust.missing))
        }
    }
}

/// The way on where there is no better time.
const DOCTOR: &str = "run `codspeed doctor` to find causes of noise, use `--pin` to keep a benchmark on one processor";

/// One line for all benchmarks whose rounds changed in the same way while they were measured.
fn drifts(report: &WalltimeReport) -> Vec<String> {
    let drift = |of: &&BenchResult| of.noise.and_then(|noise| noise.drift);
    let drifting = |is_meant: fn(Drift) -> bool| -> Vec<&BenchResult> {
        let all = report.benchmarks.iter();
        all.filter(|of| drift(of).is_some_and(is_meant)).collect()
    };
    let line = |of: &[&BenchResult], what: &str, way_out: &str| {
        let first = of.first()?;
        let Drift { slow_rounds, from_ns, to_ns } = drift(first)?;
        let whose = if of.len() > 1 { format!("{}: ", quoted(&first.name)) } else { String::new() };
        let rounds =
            if slow_rounds > 0 { format!("first {slow_rounds} rounds ") } else { String::new() };
        let figures =
            format!("{whose}{rounds}{}, later {}", show_nanos(from_ns), show_nanos(to_ns));
        Some(format!("{what}: {} ({figures}){way_out}", names(of)))
    };
    let warming = drifting(|drift| drift.slow_rounds > 0);
    let is_ours = warming.iter().all(|of| matches!(of.rounds, Some(RawRounds::Logged(_))));
    let warm_up = if is_ours {
        "; use a longer `--warmup-time` to leave them out"
    } else {
        "; use a longer warm-up to leave them out"
    };
    let slower = drifting(|drift| drift.slow_rounds == 0 && drift.to_ns > drift.from_ns);
    let faster = drifting(|drift| drift.slow_rounds == 0 && drift.to_ns <= drift.from_ns);
    let machine = "; the machine may be overheating or used by others: run `codspeed doctor`";
    let lines = [
        line(&warming, "Still warming up", warm_up),
        line(&slower, "Getting slower during the measurement", machine),
        line(&faster, "Getting faster during the measurement", "; a longer warm-up may help"),
    ];
    lines.into_iter().flatten().collect()
}

/// `None` for the wall clock, which is what all other figures are.
fn label(source: RobustSource) -> Option<&'static str> {
    match source {
        RobustSource::KernelStamps => Some("undisturbed times"),
        RobustSource::ProcessorTime => Some("processor time"),
        RobustSource::WallClock => None,
    }
}
