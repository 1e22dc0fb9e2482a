//! The distribution of the rounds: a histogram of each side, head above the line and base below, with the judged times and
//! their intervals.

use maud::{Markup, html};
use store::{MetricUnit, shown::float};

use super::{
    rounds::Side,
    scale::{LEFT, RIGHT, Scale, WIDTH, bottom, rounded},
};

const BINS: usize = 60;
/// Height of the bars of a side.
const BARS: f64 = 52.0;

/// Returns the chart; `None` if no side has enough rounds. Times beyond the middle 98 % are counted in the outermost bars.
pub(crate) fn distribution(sides: [Option<&Side>; 2]) -> Option<Markup> {
    let is_enough = |side: &&Side| side.times.len() >= 8;
    let [base, head] = sides.map(|side| side.filter(is_enough));
    let all = [base, head].into_iter().flatten();
    let scale = Scale::around(all.flat_map(inner), [LEFT, WIDTH - RIGHT])?;
    let both = base.is_some() && head.is_some();
    let middle = BARS + 14.0;
    let height = if both { 2.0 * middle + 18.0 } else { middle + 30.0 };
    let label = if both { "times of the rounds of base and head" } else { "times of the rounds" };
    Some(html! {
        svg class="chart" role="img" viewBox={ "0 0 " (WIDTH) " " (height) }
            aria-label={ "how often each time was measured: " (label) } {
            line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(middle) y2=(middle) {}
            @if let Some(of) = head.or(base) { (bars(of, "head", &scale, middle, -1.0)) }
            @if let (Some(of), true) = (base, both) { (bars(of, "base", &scale, middle, 1.0)) }
            (bottom(&scale, MetricUnit::Nanoseconds, height - 5.0))
        }
    })
}

/// The bars of a side, upwards (-1) or downwards (1), with its judged time.
fn bars(of: &Side, class: &str, scale: &Scale, middle: f64, way: f64) -> Markup {
    let counts = counted(of, scale);
    let most = counts.iter().copied().fold(1.0, f64::max);
    let width = (WIDTH - LEFT - RIGHT) / float(BINS);
    let end = middle + way * (BARS + 7.0);
    html! {
        g class=(class) {
            @for (nth, count) in counts.iter().enumerate() {
                @if *count > 0.0 {
                    @let height = rounded((BARS * count / most).max(1.0));
                    rect class="bar" x=(rounded(LEFT + float(nth) * width)) width=(rounded(width - 1.0))
                        y=(if way < 0.0 { middle - height } else { middle }) height=(height) {}
                }
            }
            @if let Some([low, high]) = of.interval {
                line class="interval" x1=(scale.place(low)) x2=(scale.place(high)) y1=(end) y2=(end) {}
            }
            @if let Some(judged) = of.judged {
                @let x = scale.place(judged);
                line class="judged" x1=(x) x2=(x) y1=(middle) y2=(end) {}
            }
        }
    }
}

fn counted(of: &Side, scale: &Scale) -> Vec<f64> {
    let mut counts = vec![0.0; BINS];
    let [low, high] = scale.values;
    for time in &of.times {
        let part = ((time - low) / (high - low)).clamp(0.0, 1.0) * float(BINS);
        let place = (0..BINS).rev().find(|place| float(*place) <= part).unwrap_or(0);
        if let Some(count) = counts.get_mut(place) {
            *count += 1.0;
        }
    }
    counts
}

/// The middle 98 % of the times, and what is judged.
fn inner(of: &Side) -> Vec<f64> {
    let mut times: Vec<f64> = of.times.iter().copied().filter(|time| time.is_finite()).collect();
    times.sort_by(f64::total_cmp);
    let cut = times.len() / 100;
    let middle = times.get(cut..times.len() - cut).unwrap_or_default();
    middle.iter().copied().chain(of.judged).chain(of.interval.into_iter().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rounds_are_counted() {
        let times: Vec<f64> = (0..200_u32).map(|number| 100.0 + f64::from(number % 20)).collect();
        let side = Side { times, judged: Some(110.0), interval: Some([109.0, 111.0]) };
        let scale = Scale::around(inner(&side).into_iter(), [LEFT, WIDTH - RIGHT]).unwrap();
        assert_eq!(format!("{}", counted(&side, &scale).iter().sum::<f64>()), "200");
        let chart = distribution([None, Some(&side)]).unwrap().0;
        assert_eq!(chart.matches("class=\"bar\"").count(), 20);
        let both = distribution([Some(&side), Some(&side)]).unwrap().0;
        assert_eq!(both.matches("class=\"bar\"").count(), 40);
        assert_eq!(both.matches("class=\"interval\"").count(), 2);
    }

    #[test]
    fn a_few_rounds_have_no_histogram() {
        let side = Side { times: vec![1.0; 7], judged: None, interval: None };
        assert!(distribution([None, Some(&side)]).is_none());
    }
}
