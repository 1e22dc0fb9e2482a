//! The arithmetic of the verdicts, step by step, so that whoever doubts one can compute it once more by hand from the
//! JSON export.

use results::{
    explain::{Step, count, number, paragraph},
    words::{quoted, shortest},
};
use runner_shared::{
    text::one_line,
    verdict::{FEWEST_RUNS, FLOORS, MOST_EXACT_RUNS, SHIFT_RESAMPLES},
};

use super::{
    class::Reason,
    evidence::{Level, Times},
    model::{Compared, Comparison, Doubt, FloorSource, Quantity, Verdict},
    suite::FALSE_DISCOVERIES,
};
use crate::Better;

impl Comparison {
    /// Returns paragraphs with the arithmetic: one for the whole, and one for each benchmark. With a final line break.
    pub fn explain(&self) -> String {
        let mut paragraphs = vec![paragraph("All benchmarks", &self.of_all())];
        for one in &self.benchmarks {
            paragraphs.push(paragraph(&quoted(&one.shown_name()), &of_one(one)));
        }
        paragraphs.join("\n")
    }

    fn of_all(&self) -> Vec<Step> {
        let mut steps = vec![("seed", format!("{}, from the IDs of the records", self.seed))];
        let tested = self.tested;
        if tested > 0 {
            steps.push((
                "among all",
                format!(
                    "Benjamini-Hochberg: of the {tested} benchmarks with a p-value, by p from the smallest on, the k-th \
                        one has to have p <= {FALSE_DISCOVERIES} * k / {tested}"
                ),
            ));
        }
        for shift in self.modes.iter().filter_map(|mode| mode.shift) {
            let way = if shift.worse { "worse" } else { "better" };
            steps.push(("shift", format!("{} of {} got {way}", shift.moved, shift.all)));
        }
        steps
    }
}

fn of_one(one: &Compared) -> Vec<Step> {
    let mut steps: Vec<Step> = vec![("class", one.class.words().to_owned())];
    steps.extend(one.reasons.iter().map(of_reason));
    for of in one.quantities.iter().filter(|of| of.better != Better::Neither || of.times.is_some())
    {
        let note = if of.decides { "" } else { "; informational only" };
        steps.push(("quantity", format!("{}, `{}`{note}", one_line(&of.title), one_line(&of.key))));
        match &of.times {
            Some(times) => steps.extend(of_times(of, times)),
            None => steps.extend(of_counts(of)),
        }
    }
    let doubts = one.doubts.iter().filter_map(|doubt| doubt.words());
    steps.extend(doubts.map(|words| ("doubt", words.to_owned())));
    steps.push(("verdict", conclusion(one).to_owned()));
    steps
}

fn of_reason(reason: &Reason) -> Step {
    use super::class::Effect::{Degrades, Forbids, Ignored, Noted};
    let effect = match reason.effect {
        Forbids => "no verdict",
        Degrades => "nothing is certain",
        Noted | Ignored => "changes nothing",
    };
    ("difference", format!("{} ({effect})", reason.sentence()))
}

fn of_times(of: &Quantity, times: &Times) -> Vec<Step> {
    let Times { base, head, estimate, agreed, half_width, .. } = times;
    let many = base.len().min(head.len()) >= FEWEST_RUNS;
    let mut steps: Vec<Step> = Vec::new();
    steps.extend(base.iter().map(|level| ("base", of_level(level))));
    steps.extend(head.iter().map(|level| ("head", of_level(level))));
    let how = if !many {
        "ln of head's median less that of base's".to_owned()
    } else if base.len().max(head.len()) <= MOST_EXACT_RUNS {
        "Hodges-Lehmann: the median of all differences of ln between a run of head and one of base"
            .to_owned()
    } else {
        format!("Hodges-Lehmann; its interval from {SHIFT_RESAMPLES} resamples of each side")
    };
    let sign = match estimate {
        worse if *worse > 0.0 => "worse",
        better if *better < 0.0 => "better",
        _ => "neither worse nor better",
    };
    steps.push(("estimate", format!("{how}: {} ({sign})", number(estimate.abs()))));
    if !many {
        steps.push((
            "agreed",
            format!(
                "{}: the smallest difference of the 5 % quantiles, the lower quartiles and the medians of the rounds",
                number(agreed.abs())
            ),
        ));
    }
    steps.push((
        "within",
        format!("{}: half the 99 % interval without noise between the sides", number(*half_width)),
    ));
    steps.extend(of_noise(of.floor_source, times, many));
    if let Some(p) = of.p {
        steps.push(("p", format!("{p:.3e}, two-sided")));
    }
    steps.push((
        "threshold",
        format!(
            "{} %: ln(1 + {}) = {}",
            shortest(of.threshold * 100.0),
            of.threshold,
            number(of.threshold.ln_1p())
        ),
    ));
    steps.push(("rule", rule(of.verdict).to_owned()));
    steps
}

/// Steps from the noise to the limits.
fn of_noise(source: FloorSource, times: &Times, many: bool) -> Vec<Step> {
    let Times { spread, usual, most, resolution, limit, .. } = times;
    let mut steps: Vec<Step> = Vec::new();
    let noise = match (source, spread) {
        (FloorSource::Runs, _) => {
            "what is assumed, or was seen in earlier runs, to happen between the sides".to_owned()
        }
        (FloorSource::History, _) => {
            "the largest difference between earlier runs of the same programs".to_owned()
        }
        (FloorSource::Assumed, Some(spread)) => format!(
            "assumed, with quartiles of rounds (or runs of a side) {} apart",
            number(*spread)
        ),
        (FloorSource::Assumed, None) => {
            "assumed, as it is not known how the rounds differ".to_owned()
        }
    };
    let most = most.map_or_else(|| "unbounded (nothing is certain)".to_owned(), number);
    steps.push(("noise", format!("{} usually, {most} at most: {noise}", number(*usual))));
    steps.push((
        "resolution",
        format!("{}: root of the squares of within and usual noise", number(*resolution)),
    ));
    let limit = limit.map_or_else(|| "none".to_owned(), number);
    steps.push((
        "limit",
        format!("{limit}: the same with the most noise{}", if many { ", as a sum" } else { "" }),
    ));
    steps
}

fn of_level(level: &Level) -> String {
    let Level { value, rounds, logs: [shortest, quartile, median], half_width, spread } = level;
    let spread = spread.map_or_else(|| "not known".to_owned(), number);
    format!(
        "{} ({rounds} rounds): ln of the 5 % quantile {}, lower quartile {}, median {} +- {}; quartiles apart {spread}",
        count(*value),
        number(*shortest),
        number(*quartile),
        number(*median),
        number(*half_width)
    )
}

const fn rule(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed | Verdict::Improved => {
            "certain: estimate >= threshold, and agreed > limit"
        }
        Verdict::Suspect => "suspect: estimate >= threshold and > resolution, but agreed <= limit",
        Verdict::Unchanged => {
            "unchanged: estimate < threshold, and the resolution is not coarser than 10 % or the threshold, whichever is larger"
        }
        Verdict::Inconclusive | Verdict::Incomparable => {
            "inconclusive: estimate >= threshold, but not above the resolution; or below the threshold, with a resolution coarser than 10 % and the threshold"
        }
    }
}

fn of_counts(of: &Quantity) -> Vec<Step> {
    let [base, head] = &of.runs;
    let side = |counts: &[f64], median: f64| {
        let counts: Vec<String> = counts.iter().map(|value| count(*value)).collect();
        format!("{}; median {}", counts.join(", "), count(median))
    };
    let ratio = of
        .ratio
        .map_or_else(|| "no ratio".to_owned(), |it| format!("head / base = {}", number(it)));
    let source = match of.floor_source {
        FloorSource::History => "the largest difference between earlier runs of the same programs",
        FloorSource::Runs => "the larger of the differences between the runs of each side",
        FloorSource::Assumed => "assumed, as there is a single run of a side",
    };
    let limit = of.limit.map_or_else(|| "none".to_owned(), number);
    let matters = match of.verdict {
        Verdict::Regressed | Verdict::Improved => "the difference reaches the limit",
        Verdict::Suspect => "the difference reaches the threshold, but not the limit",
        Verdict::Unchanged | Verdict::Inconclusive | Verdict::Incomparable => {
            "the difference does not reach the limit"
        }
    };
    vec![
        ("base", side(base, of.base)),
        ("head", side(head, of.head)),
        ("difference", format!("{}; {ratio}", count(of.head - of.base))),
        ("floor", format!("{} of base: {source}", number(of.floor))),
        (
            "limit",
            format!(
                "{limit} of base: the largest of {} % ({}), {FLOORS} floors, and the least that matters",
                shortest(of.threshold * 100.0),
                number(of.threshold)
            ),
        ),
        ("rule", format!("{}: {matters}", of.verdict.word())),
    ]
}

/// The conclusion from the first quantity, the class and all other benchmarks.
fn conclusion(one: &Compared) -> &'static str {
    let taken_back = one.lead().is_some_and(|of| of.verdict != one.verdict);
    match one.verdict {
        Verdict::Regressed => "regressed: a quantity that decides got worse",
        Verdict::Improved => "improved: a quantity that decides got better, and none worse",
        Verdict::Suspect if one.doubts.contains(&Doubt::Shift) && taken_back => {
            "suspect: no further than many others"
        }
        Verdict::Suspect if taken_back => "suspect: the finding is taken back by a doubt",
        Verdict::Suspect => "suspect: a difference that may be noise",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Incomparable => "incomparable: a difference of the environment forbids it",
        Verdict::Unchanged if taken_back => "unchanged: the same programs and arguments",
        Verdict::Unchanged => "unchanged: no quantity that decides differs by what matters",
    }
}
