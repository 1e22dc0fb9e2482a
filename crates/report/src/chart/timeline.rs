//! Live memory over the time, of one run or of both sides.

use maud::{Markup, html};
use runner_shared::{duration::show_nanos, walltime::as_float};
use store::{MetricUnit, Timeline};

use super::scale::{LEFT, RIGHT, Scale, WIDTH, side};

const HEIGHT: f64 = 190.0;
const BASE_LINE: f64 = HEIGHT - 24.0;

/// Returns the chart of base, if there is one, and head; `None` without a point.
pub(crate) fn timeline(sides: [Option<&Timeline>; 2]) -> Option<Markup> {
    let thinned = sides.map(|side| side.map(thinned));
    let [base, head] =
        thinned.each_ref().map(|side| side.as_ref().filter(|side| !side.most_bytes.is_empty()));
    let all = || [base, head].into_iter().flatten();
    let bytes = all().flat_map(|side| side.most_bytes.iter().map(|bytes| as_float(*bytes)));
    all().next()?;
    let vertical = Scale::around(bytes.chain([0.0]), [BASE_LINE, 8.0])?;
    let length = all().map(length).fold(0.0, f64::max);
    let across = Scale { values: [0.0, length.max(1.0)], places: [LEFT, WIDTH - RIGHT] };
    let label = if base.is_some() { "of base and head" } else { "of the benchmark" };
    Some(html! {
        svg class="chart" role="img" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) }
            aria-label={ "live memory over the time, " (label) } {
            (side(&vertical, MetricUnit::Bytes))
            @for (class, of) in [("base", base), ("head", head)] {
                @if let Some(of) = of {
                    g class=(class) {
                        path class="area" d=(area(of, &across, &vertical)) {}
                    }
                }
            }
            @for time in across.ticks(6.0) {
                text class="tick" x=(across.place(time)) y=(HEIGHT - 6.0) text-anchor="middle" {
                    (show_nanos(time))
                }
            }
        }
    })
}

/// Returns a timeline with at most so many spans as can be seen: several become one, with the most of them.
fn thinned(of: &Timeline) -> Timeline {
    const MOST: usize = 512;
    let each = of.most_bytes.len().div_ceil(MOST).max(1);
    let most = of.most_bytes.chunks(each).map(|some| some.iter().copied().max().unwrap_or(0));
    let factor = u64::try_from(each).unwrap_or(u64::MAX);
    Timeline { span_ns: of.span_ns.saturating_mul(factor), most_bytes: most.collect() }
}

fn length(of: &Timeline) -> f64 {
    as_float(of.span_ns) * as_float(u64::try_from(of.most_bytes.len()).unwrap_or(u64::MAX))
}

/// The area below the line: each span is a step.
fn area(of: &Timeline, across: &Scale, vertical: &Scale) -> String {
    let span = as_float(of.span_ns);
    let place = |number: u64| across.place(as_float(number) * span);
    let steps = (0..).zip(&of.most_bytes).map(|(number, bytes)| {
        let y = vertical.place(as_float(*bytes));
        format!("L{} {y}L{} {y}", place(number), place(number + 1))
    });
    let steps: String = steps.collect();
    format!("M{LEFT} {BASE_LINE}{steps}L{} {BASE_LINE}Z", across.place(length(of)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_span_is_a_step() {
        let head = Timeline { span_ns: 1_000, most_bytes: vec![0, 1_000, 500] };
        let chart = timeline([None, Some(&head)]).unwrap().0;
        assert!(chart.contains("d=\"M78 166L78 166L262 166L262 "), "{chart}");
        assert!(chart.contains("3.000 µs"), "{chart}");
        assert!(timeline([None, None]).is_none());
        let empty = Timeline::default();
        assert!(timeline([None, Some(&empty)]).is_none());
    }
}
