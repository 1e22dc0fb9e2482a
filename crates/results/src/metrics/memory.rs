//! The metrics of memory mode. New columns of CSV get the next number.

use runner_shared::{text::bytes, walltime::as_float};

use super::{Figure, Get, Metric, Unit, known, said};
use crate::{memory::MemoryResult, text::grouped};

const fn row(key: &'static str, unit: Unit, get: fn(&MemoryResult) -> Option<Figure>) -> Metric {
    Metric::new(key, unit, Get::Memory(get))
}

const fn size(key: &'static str, get: fn(&MemoryResult) -> Option<Figure>) -> Metric {
    row(key, Unit::Bytes, get).json()
}

const fn number(key: &'static str, get: fn(&MemoryResult) -> Option<Figure>) -> Metric {
    row(key, Unit::Number, get).json()
}

pub(super) const FACTS: &[Metric] = &[
    row("name", Unit::Word, |of| known(Some(&of.name))).json().csv(1),
    row("uri", Unit::Word, |of| known(Some(&of.uri))).json().csv(2),
    number("occurrence", |of| known(Some(of.occurrence))).neutral().csv(3),
];

pub(super) const MEASURED: &[Metric] = &[
    size("peak_bytes", |of| known(Some(of.usage.peak_memory)))
        .column("Peak", 0)
        .csv(4)
        .measure("peak-memory"),
    row("peak_at_ns", Unit::Nanoseconds, |of| known(of.usage.peak_at)).neutral().json().csv(12),
    size("total_bytes", |of| known(Some(of.usage.total_allocated)))
        .column("Total allocated", 1)
        .csv(5)
        .measure("allocated-memory"),
    number("allocations", |of| known(Some(of.usage.alloc_calls)))
        .column("Allocations", 2)
        .csv(6)
        .measure("allocations"),
    number("frees", |of| known(Some(of.usage.frees))).neutral().alone("Frees").csv(7),
    size("live_at_end_bytes", live_at_end).column("Live at end", 3).csv(13).measure("live-at-end"),
    number("live_at_end_blocks", |of| known(Some(of.usage.leaked_blocks))).csv(14),
    // The same by their older names.
    size("leaked_bytes", |of| known(Some(of.usage.leaked_bytes))).csv(8),
    number("leaked_blocks", |of| known(Some(of.usage.leaked_blocks))).csv(9),
    size("unfreed_at_exit_bytes", |of| known(Some(of.usage.unfreed_bytes))).csv(15),
    number("unfreed_at_exit_blocks", |of| known(Some(of.usage.unfreed_blocks))).csv(16),
    number("temporary", |of| known(Some(of.usage.temporary))).csv(10),
    size("largest_bytes", |of| known(Some(of.usage.largest))).alone("Largest").csv(11),
    size("mapped_bytes", |of| known(Some(of.usage.peak_mapped))),
    row("temporary_share", Unit::Share, |of| {
        known(Some(as_float(of.usage.temporary) / as_float(of.usage.alloc_calls.max(1))))
    })
    .alone("Freed before the next"),
];

/// Bytes alone would hide that many small blocks are kept by one place.
fn live_at_end(of: &MemoryResult) -> Option<Figure> {
    let (size, blocks) = (of.usage.leaked_bytes, of.usage.leaked_blocks);
    let text = match blocks {
        0 => bytes(0),
        blocks => format!("{} in {}", bytes(size), grouped(blocks)),
    };
    said(size, text)
}
