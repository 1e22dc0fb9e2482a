//! A comparison in plain words.

use runner_shared::text::one_line;

use super::{Comparison, MINIMUM_PAIRS, Verdict};
use crate::model::Interval;

impl Comparison {
    /// One sentence for people, without a final period, as in: `slow` takes 1.52 times as long as
    /// `fast` (99 % interval 1.49 to 1.55, 23 pairs): slower.
    pub fn sentence(&self, base_name: &str, head_name: &str) -> String {
        let (base_name, head_name) = (one_line(base_name), one_line(head_name));
        let Some(ratio) = self.ratio else {
            return format!(
                "`{head_name}` and `{base_name}` can't be compared: they have no rounds in common"
            );
        };
        let pairs = match self.pairs {
            1 => "1 pair".to_owned(),
            pairs => format!("{pairs} pairs"),
        };
        let (decimals, evidence) = match self.interval {
            Some(Interval { low, high }) => {
                let decimals = decimals(high - low);
                (decimals, format!("99 % interval {low:.decimals$} to {high:.decimals$}, {pairs}"))
            }
            None => (2, pairs),
        };
        let verdict = self.verdict_in_words();
        format!(
            "`{head_name}` takes {ratio:.decimals$} times as long as `{base_name}` ({evidence}): {verdict}"
        )
    }

    fn verdict_in_words(&self) -> String {
        let effect = shortest(self.minimum_effect * 100.0);
        match self.verdict {
            Verdict::Regressed => "slower".to_owned(),
            Verdict::Improved => "faster".to_owned(),
            Verdict::Equivalent => format!("no difference of {effect} % or more"),
            Verdict::Inconclusive { pairs_needed: Some(pairs) } => {
                format!("undecided, about {pairs} pairs would decide it")
            }
            Verdict::Inconclusive { pairs_needed: None } => {
                format!("undecided, and too close to {effect} % for more pairs to decide it")
            }
            Verdict::Insufficient => {
                format!("too few pairs for a verdict, it takes {MINIMUM_PAIRS}")
            }
        }
    }
}

/// As many decimals as show the width of the interval, and two at least.
fn decimals(width: f64) -> usize {
    [0.01, 0.001].iter().fold(2, |decimals, least| decimals + usize::from(width < *least))
}

/// At most two decimals, and none that are zero.
fn shortest(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
