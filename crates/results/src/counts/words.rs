//! Comparisons of counts in words.

use runner_shared::{
    text::bytes,
    verdict::CountVerdict,
    walltime::{as_float, as_whole},
};

use super::{CountComparison, CountUnit, Counter, JudgedCount};
use crate::{
    comparison::{factor, shortest},
    text::{grouped, quoted},
};

impl CountComparison {
    /// A line for people without a final period, as in: `new` against `old`: +4.2 % instructions (exact: +41,203),
    /// 1.042x as many.
    pub fn sentences(&self) -> Vec<String> {
        let names = format!("{} against {}", quoted(&self.head), quoted(&self.base));
        let Some(lead) = self.counters.first() else {
            return vec![format!("{names}: can't be compared, they have no counts in common")];
        };
        let moved: Vec<&JudgedCount> =
            self.counters.iter().filter(|it| it.judged.verdict.matters()).collect();
        let clauses: Vec<String> = if moved.is_empty() {
            vec![lead.unmoved(&self.counters)]
        } else {
            // What leads is said in any case.
            let rest = (!lead.judged.verdict.matters()).then(|| lead.briefly());
            moved.into_iter().map(JudgedCount::moved).chain(rest).collect()
        };
        vec![format!("{names}: {}", clauses.join("; "))]
    }
}

impl JudgedCount {
    /// Says that it has moved, how far and how sure that is.
    fn moved(&self) -> String {
        let Counter { title, relation, .. } = self.counter;
        match self.judged.ratio {
            Some(ratio) => {
                let change = change(ratio);
                format!("{change} {title} ({}), {} {relation}", self.certainty(), factor(ratio))
            }
            None => format!("{title} from none to {}", self.number(self.judged.head)),
        }
    }

    /// Says in few words that it has not moved as far as it matters.
    fn briefly(&self) -> String {
        let title = self.counter.title;
        match (self.judged.verdict, self.judged.ratio) {
            (CountVerdict::Same, _) | (_, None) => format!("the same {title}"),
            (_, Some(ratio)) => format!("{} {title}", change(ratio)),
        }
    }

    /// The sentence if no counter has moved.
    fn unmoved(&self, all: &[Self]) -> String {
        let Counter { title, .. } = self.counter;
        let certainty = self.certainty();
        let change = self.judged.ratio.map_or_else(|| "more".to_owned(), change);
        match self.judged.verdict {
            CountVerdict::Same | CountVerdict::WithinFloor => {
                let same = |it: &&Self| {
                    let is_same =
                        matches!(it.judged.verdict, CountVerdict::Same | CountVerdict::WithinFloor);
                    it.counter.decides && is_same
                };
                let titles: Vec<&str> =
                    all.iter().filter(same).map(|it| it.counter.title).collect();
                format!("no difference in {} ({certainty})", listed(&titles))
            }
            CountVerdict::Unknown | CountVerdict::Missing => {
                format!("{change} {title}, inconclusive: a verdict needs at least two repeats")
            }
            CountVerdict::Small | CountVerdict::More | CountVerdict::Less => {
                format!("{change} {title} ({certainty}), {}", self.too_small())
            }
        }
    }

    /// Gives the reason that a real difference does not matter.
    fn too_small(&self) -> String {
        let by_share = self.limits.threshold * self.judged.base;
        if self.judged.limit <= by_share {
            format!("less than the {} % that matter", shortest(self.limits.threshold * 100.0))
        } else if self.judged.limit <= as_float(self.limits.absolute) {
            let least = self.number(as_float(self.limits.absolute));
            format!("less than the {least} that matter")
        } else {
            "too close to the variation between repeats".to_owned()
        }
    }

    /// Says that repeats are equal, or by how much they differ.
    fn certainty(&self) -> String {
        let judged = &self.judged;
        if judged.is_exact() {
            let difference = judged.head - judged.base;
            let sign = if difference < 0.0 { "-" } else { "+" };
            if difference.abs() <= 0.0 {
                return "exact".to_owned();
            }
            return format!("exact: {sign}{}", self.number(difference.abs()));
        }
        if judged.base <= 0.0 {
            return format!("repeats differ by {}", self.number(judged.floor));
        }
        format!("repeats differ by {}", plain(judged.floor / judged.base))
    }

    fn number(&self, count: f64) -> String {
        shown(self.counter.unit, count)
    }
}

/// A count as people read it. Medians of an even number may be halves.
pub(crate) fn shown(unit: CountUnit, count: f64) -> String {
    let whole = as_whole(count);
    match unit {
        CountUnit::Number => grouped(whole),
        CountUnit::Bytes => bytes(whole),
        CountUnit::Cycles => format!("{} cycles", grouped(whole)),
    }
}

/// As `+4.2 %`.
fn change(ratio: f64) -> String {
    let sign = if ratio < 1.0 { "-" } else { "+" };
    let share = plain((ratio - 1.0).abs());
    if ratio.total_cmp(&1.0).is_eq() { share } else { format!("{sign}{share}") }
}

/// A share in percent with two digits that say something.
fn plain(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = match percent {
        _ if percent <= 0.0 => 0,
        _ if percent >= 100.0 => 0,
        _ if percent >= 1.0 => 1,
        _ if percent >= 0.1 => 2,
        _ if percent >= 0.01 => 3,
        _ if percent >= 0.0005 => 4,
        _ => 7,
    };
    let text = format!("{percent:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    };
    format!("{text} %")
}

fn listed(titles: &[&str]) -> String {
    match titles {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
