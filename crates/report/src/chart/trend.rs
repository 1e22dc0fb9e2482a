//! The history of a benchmark: a dot for each run, a line for each level, a mark where the level changed.

use maud::{Markup, html};
use store::{history::History, shown::float};

use super::scale::{LEFT, RIGHT, Scale, WIDTH, rounded, side};

const HEIGHT: f64 = 150.0;

/// Returns the chart; `None` with fewer than two runs.
pub(crate) fn trend(history: &History<'_>) -> Option<Markup> {
    let points = &history.series.points;
    if points.len() < 2 {
        return None;
    }
    let scale = Scale::around(points.iter().map(|point| point.value), [HEIGHT - 12.0, 8.0])?;
    let across = |nth: usize| {
        rounded(LEFT + (WIDTH - LEFT - RIGHT) * (float(nth) + 0.5) / float(points.len()))
    };
    let better = history.series.better;
    Some(html! {
        svg class="chart" role="img" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) }
            aria-label={ "values of " (points.len()) " runs, " (history.changes.len()) " changes of level" } {
            (side(&scale, history.series.unit))
            g class="head" {
                @for (nth, point) in points.iter().enumerate() {
                    circle cx=(across(nth)) cy=(scale.place(point.value)) r="2" {}
                }
            }
            @for change in &history.changes {
                @let x = rounded(across(change.at) - 3.0);
                g class=(if change.is_worse(better) { "worse" } else { "better" }) {
                    line class="change" x1=(x) x2=(x) y1="6" y2=(HEIGHT - 12.0) {}
                    line class="level" x1=(rounded((x - 60.0).max(LEFT))) x2=(x)
                        y1=(scale.place(change.before)) y2=(scale.place(change.before)) {}
                    line class="level" x1=(x) x2=(rounded((x + 60.0).min(WIDTH - RIGHT)))
                        y1=(scale.place(change.after)) y2=(scale.place(change.after)) {}
                }
            }
        }
    })
}
