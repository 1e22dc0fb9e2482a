//! Reports as JSON, on one line: ten thousand rounds would be a hundred thousand lines. Our own schema, versioned apart
//! from all others; the files here describe it mode by mode. Facts and metrics of benchmarks come from the registry,
//! what has more than a value from here. Keys are only ever added within a version, `null` is "not known".

mod memory;
mod rows;
mod simulation;
mod walltime;

use std::io::{self, Write};

use crate::report::Report;

/// Version of the schema.
const VERSION: u32 = 1;

/// Writes the report, with a final line break.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    // serde writes in small pieces.
    let mut out = io::BufWriter::new(out);
    match report {
        Report::Walltime(report) => {
            serde_json::to_writer(&mut out, &walltime::File::of(report))?;
        }
        Report::Simulation(report) => {
            let compared = report.comparisons();
            serde_json::to_writer(&mut out, &simulation::File::of(report, &compared))?;
        }
        Report::Memory(report) => {
            let compared = report.comparisons();
            serde_json::to_writer(&mut out, &memory::File::of(report, &compared))?;
        }
    }
    out.write_all(b"\n")?;
    out.flush()
}
