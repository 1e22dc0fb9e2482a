//! The sums of a trace, for people and as JSON.

use std::fmt::Write;

use runner_shared::{
    memory::{TracerStats, UsageSummary},
    text::{bytes, plural},
};
use serde_json::{Value, json};

/// Columns of the timeline.
const COLUMNS: usize = 60;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A few lines for the screen.
pub(crate) fn text(usage: &UsageSummary, stats: &TracerStats) -> String {
    let mut text = String::new();
    for (name, value) in [
        ("peak", bytes(usage.peak_memory)),
        ("total allocated", bytes(usage.total_allocated)),
        (
            "allocations",
            format!("{} ({} temporary)", grouped(usage.alloc_calls), grouped(usage.temporary)),
        ),
        ("live at end", blocks(usage.leaked_bytes, usage.leaked_blocks)),
        ("unfreed at exit", blocks(usage.unfreed_bytes, usage.unfreed_blocks)),
        ("largest", bytes(usage.largest)),
        ("also mapped", bytes(usage.peak_mapped)),
    ] {
        // Only traces with `--mappings` have a value; and where all processes ended, the other row repeats the one above.
        if (name == "also mapped" && usage.peak_mapped == 0)
            || (name == "unfreed at exit"
                && [0, usage.leaked_blocks].contains(&usage.unfreed_blocks))
        {
            continue;
        }
        let _ = writeln!(text, "  {name:<16} {value}");
    }
    let bars = timeline(usage.timeline.points());
    if !bars.is_empty() {
        let _ = writeln!(text, "  {:<16} {bars}", "live memory");
    }
    for note in stats.warnings.iter().chain(&stats.notes) {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

/// The same, and more, for programs. Sizes in bytes, times in nanoseconds.
pub(crate) fn json(usage: &UsageSummary, stats: &TracerStats) -> Value {
    let sizes: Vec<Value> = usage
        .sizes
        .classes()
        .map(|class| json!({"from": class.low, "to": class.high, "calls": class.count}))
        .collect();
    json!({
        "peak": usage.peak_memory,
        "total_allocated": usage.total_allocated,
        "allocations": usage.alloc_calls,
        "frees": usage.frees,
        "temporary": usage.temporary,
        "live_at_end": {"bytes": usage.leaked_bytes, "blocks": usage.leaked_blocks},
        "never_freed": {"bytes": usage.leaked_bytes, "blocks": usage.leaked_blocks},
        "unfreed_at_exit": {"bytes": usage.unfreed_bytes, "blocks": usage.unfreed_blocks},
        "largest": usage.largest,
        "peak_mapped": usage.peak_mapped,
        "sizes": sizes,
        "timeline": {"width_ns": usage.timeline.width_ns(), "peak": usage.timeline.points()},
        "tracer": stats,
    })
}

/// The most that was live in each of a row of spans.
fn timeline(points: &[u64]) -> String {
    let most = points.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let columns = points.len().min(COLUMNS);
    let column = |at: usize| {
        let from = at * points.len() / columns;
        let to = (at + 1) * points.len() / columns;
        let high = points.get(from..to).unwrap_or_default().iter().copied().max().unwrap_or(0);
        let last = u128::try_from(BARS.len() - 1).unwrap_or(0);
        let bar = u128::from(high) * last / u128::from(most);
        BARS.get(usize::try_from(bar).unwrap_or(0)).copied().unwrap_or(' ')
    };
    (0..columns).map(column).collect()
}

fn blocks(size: u64, number: u64) -> String {
    format!("{} in {}", bytes(size), plural(number, &grouped(number), "block"))
}

/// With commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use runner_shared::memory::{Event, EventKind, Usage};

    use super::*;

    fn usage() -> UsageSummary {
        let mut usage = Usage::starting_at(0);
        for (timestamp, addr, size) in [(1, 16, 1000), (2_000, 32, 3000), (4_000, 48, 500)] {
            let kind = EventKind::Malloc { size };
            usage.add(&Event { pid: 1, tid: 1, timestamp, addr, kind });
        }
        usage.add(&Event { pid: 1, tid: 1, timestamp: 5_000, addr: 32, kind: EventKind::Free });
        usage.finish(6_000)
    }

    #[test]
    fn a_summary_for_people() {
        let stats =
            TracerStats { notes: vec!["`x` is not seen".to_owned()], ..TracerStats::default() };
        insta::assert_snapshot!(text(&usage(), &stats));
    }

    #[test]
    fn a_summary_for_programs() {
        insta::assert_json_snapshot!(json(&usage(), &TracerStats::default()));
    }

    #[test]
    fn numbers_and_bars() {
        assert_eq!(
            ["0", "999", "1,000", "12,345,678"],
            [0, 999, 1000, 12_345_678].map(grouped)[..]
        );
        assert_eq!(timeline(&[0, 50, 100]), "▁▄█");
        assert_eq!(timeline(&[]), "");
        assert_eq!(timeline(&[0, 0]), "");
        assert_eq!(timeline(&[1; 200]).chars().count(), COLUMNS);
    }
}
