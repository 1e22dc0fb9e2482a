//! One row per benchmark of memory mode. Sizes are bytes.

use std::io;

use crate::{
    counts::MEMORY_COUNTERS,
    export::counts::{csv_fields, csv_heads},
    memory::{MemoryReport, MemoryResult},
};

/// Writes the report with a head; an unknown value is an empty field.
pub(in crate::export) fn csv(report: &MemoryReport, out: &mut dyn io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let heads = FIELDS.iter().map(|(head, _)| (*head).to_owned());
    csv.write_record(heads.chain(csv_heads(MEMORY_COUNTERS)))?;
    let comparisons = report.comparisons();
    for benchmark in &report.benchmarks {
        let compared = comparisons.iter().find(|it| it.head_uri == benchmark.uri);
        let fields = FIELDS.iter().map(|(_, field)| field(benchmark));
        csv.write_record(fields.chain(csv_fields(MEMORY_COUNTERS, compared)))?;
    }
    csv.flush()
}

/// The content of a column for a benchmark.
type Field = fn(&MemoryResult) -> String;

/// Head and content of each column. New ones come last: scripts count.
const FIELDS: &[(&str, Field)] = &[
    ("name", |of| of.name.clone()),
    ("uri", |of| of.uri.clone()),
    ("occurrence", |of| of.occurrence.to_string()),
    ("peak_bytes", |of| of.usage.peak_memory.to_string()),
    ("total_bytes", |of| of.usage.total_allocated.to_string()),
    ("allocations", |of| of.usage.alloc_calls.to_string()),
    ("frees", |of| of.usage.frees.to_string()),
    ("leaked_bytes", |of| of.usage.leaked_bytes.to_string()),
    ("leaked_blocks", |of| of.usage.leaked_blocks.to_string()),
    ("temporary", |of| of.usage.temporary.to_string()),
    ("largest_bytes", |of| of.usage.largest.to_string()),
    ("peak_at_ns", |of| of.usage.peak_at.map(|at| at.to_string()).unwrap_or_default()),
    ("live_at_end_bytes", |of| of.usage.leaked_bytes.to_string()),
    ("live_at_end_blocks", |of| of.usage.leaked_blocks.to_string()),
    ("unfreed_at_exit_bytes", |of| of.usage.unfreed_bytes.to_string()),
    ("unfreed_at_exit_blocks", |of| of.usage.unfreed_blocks.to_string()),
];
