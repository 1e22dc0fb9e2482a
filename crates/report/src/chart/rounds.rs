//! The single rounds in the order of their run: a dot each, both sides one above the other, with the judged time and the
//! noise between runs as a band.

use maud::{Markup, html};
use store::{MetricUnit, shown::float};

use super::scale::{LEFT, RIGHT, Scale, WIDTH, rounded, side};

const HEIGHT: f64 = 170.0;

/// The rounds of a side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Side {
    /// Times of an iteration in nanoseconds.
    pub times: Vec<f64>,
    /// The time that is judged.
    pub judged: Option<f64>,
    /// 95 % interval of it.
    pub interval: Option<[f64; 2]>,
}

impl Side {
    /// Returns it with at most so many rounds, evenly spread.
    pub(crate) fn thinned(mut self, most: usize) -> Self {
        let count = self.times.len();
        if count > most {
            let kept = (0..most).filter_map(|nth| self.times.get(nth * count / most).copied());
            self.times = kept.collect();
        }
        self
    }

    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.times.iter().copied().chain(self.judged)
    }
}

/// Returns the chart of base, if there is one, and head; `None` without any round. `noise` is the share by which equal
/// programs may differ.
pub(crate) fn rounds(sides: [Option<&Side>; 2], noise: Option<f64>) -> Option<Markup> {
    let all = || sides.into_iter().flatten();
    let most = all().map(|side| side.times.len()).max().filter(|most| *most > 1)?;
    let scale = Scale::around(all().flat_map(Side::values), [HEIGHT - 12.0, 8.0])?;
    let judged = sides.into_iter().flatten().next().and_then(|side| side.judged);
    let band = noise.zip(judged).map(|(noise, judged)| {
        let [low, high] = [1.0 - noise.min(0.99), 1.0 + noise.min(10.0)];
        [scale.place(judged * high), scale.place(judged * low)]
    });
    let across = |nth: usize| LEFT + (WIDTH - LEFT - RIGHT) * (part(nth, most));
    Some(html! {
        svg class="chart" role="img" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } aria-label=(label(sides)) {
            @if let Some([top, bottom]) = band {
                rect class="noise" x=(LEFT) y=(top) width=(WIDTH - LEFT - RIGHT)
                    height=(rounded((bottom - top).max(1.0))) {}
            }
            (side(&scale, MetricUnit::Nanoseconds))
            @for (class, of) in ["base", "head"].into_iter().zip(sides) {
                @if let Some(of) = of {
                    g class=(class) {
                        @for (nth, time) in of.times.iter().enumerate() {
                            circle cx=(rounded(across(nth))) cy=(scale.place(*time)) r="1.8" {}
                        }
                        @if let Some(judged) = of.judged {
                            @let y = scale.place(judged);
                            line class="judged" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y) y2=(y) {}
                        }
                    }
                }
            }
        }
    })
}

fn label(sides: [Option<&Side>; 2]) -> String {
    let count = |side: Option<&Side>| side.map_or(0, |side| side.times.len());
    match sides {
        [None, head] => format!("times of {} rounds in the order of their run", count(head)),
        [base, head] => format!(
            "times of {} rounds of base and {} of head in the order of their run",
            count(base),
            count(head)
        ),
    }
}

fn part(nth: usize, most: usize) -> f64 {
    (float(nth) + 0.5) / float(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_is_a_dot() {
        let side = Side { times: vec![1e6, 2e6, 1.5e6], judged: Some(1.5e6), interval: None };
        let chart = rounds([None, Some(&side)], Some(0.1)).unwrap().0;
        assert_eq!(chart.matches("<circle").count(), 3);
        assert_eq!(chart.matches("class=\"judged\"").count(), 1);
        assert_eq!(chart.matches("class=\"noise\"").count(), 1);
        assert!(rounds([None, None], None).is_none());
        let single = Side { times: vec![1.0], ..side };
        assert!(rounds([None, Some(&single)], None).is_none());
    }

    #[test]
    fn many_rounds_are_thinned_evenly() {
        let times = (0..10_u32).map(f64::from).collect();
        let side = Side { times, judged: None, interval: None };
        assert_eq!(side.thinned(4).times, [0.0, 2.0, 5.0, 7.0]);
    }
}
