//! Everything that happens to a profile folder after the measurement and needs no network:
//! reading it, judging it, showing it.
//!
//! [`read()`] turns a folder into a [`Report`], whatever the mode of its run; [`table`] and the entries of [`EXPORTERS`]
//! render reports, those of [`PROFILE_EXPORTERS`] render [`Stacks`]. What is told of a benchmark as a named value is a
//! row of the registry of [`Metric`]s. Benchmarks that took turns
//! are compared while they are read ([`Comparison`]), those that were counted several times when it is asked for
//! ([`CountComparison`]); [`explain`] shows the arithmetic of both. Suites that were run again and again in two states
//! are compared by [`Suite`]. Reading opens files, the rest computes: nothing here prints,
//! looks at the clock or at the environment.
//!
//! | to add | edit |
//! |---|---|
//! | an export format | a file in `export/` and its entry in `EXPORTERS`; one for other programs gets [`Measured`] |
//! | a format for stacks | a file in `export/profile/` and its entry in `PROFILE_EXPORTERS` |
//! | a metric, in tables, CSV and JSON | a row in `metrics/walltime.rs`, `metrics/simulation.rs` or `metrics/memory.rs` |
//! | a question about places that allocate | an entry in `SITE_ORDERS` of `memory/sites.rs` |
//! | a kind of function (kernel, interpreter, harness) | an entry in `SIGNS` of `kinds.rs` |
//! | a count that commands are compared by | an entry in `counts/mod.rs` |
//! | a model of time | an entry in `simulation/cost_model.rs` |
//! | a file that enriches benchmarks | a file in `read/`, called by `read/mod.rs` |

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]
#![forbid(unsafe_code)]

mod bootstrap;
mod callgrind;
mod comparison;
mod counts;
pub mod explain;
mod export;
mod functions;
mod kinds;
mod measured;
mod memory;
mod metrics;
mod model;
mod precheck;
mod read;
mod report;
mod simulation;
mod suite;
mod text;
mod tracegrind;
pub mod words;

use runner_shared::stacks;

pub use bootstrap::{Intervals, intervals};
pub use comparison::Comparison;
pub use counts::{
    CountComparison, CountUnit, Counter, CountsVerdict, JudgedCount, Repeated, RepeatedSide,
    counters_of,
};
pub use export::{
    Alarm, BenchmarkLine, EXPORTERS, Exporter, FreeRow, LINES_SCHEMA, Listing, PROFILE_EXPORTERS,
    ProfileExporter, TableStyle, VerdictRow, Verdicts, call_tree, details, environment_details,
    exporter, fitted_table, free_table, hottest_functions, hottest_samples, is_stream, list_table,
    markdown_code, profile_exporter, sentences, table, verdict_table,
};
pub use functions::{FrameView, FunctionCost, function_costs, readable};
pub use kinds::{FrameKind, is_of_script, kind};
pub use measured::{End, Measured, Quantity};
pub use memory::{
    MemoryCounts, MemoryReport, MemoryResult, MemorySite, MemoryTrace, SITE_ORDERS, SiteOrder,
};
pub use metrics::{Direction, Head, Metric, Metrics, Unit as MetricUnit, metrics};
pub use model::{
    BenchResult, Faults, Integration, Interval, MaxRss, NoInterval, Profile, RawRounds, Robust,
    Switches, WalltimeReport,
};
pub use precheck::{Concern, precheck};
pub use read::{
    Beside, Environment, Fact, Library, ReadError, Reading, TraceError, first_windows, read,
    read_environments, read_fresh_memory, read_memory, read_simulation, read_walltime,
};
pub use report::{Benchmark, Compared, Report};
pub use runner_shared::stacks::{Children, Frame, Inlined, StackNode, Stacks, Thread, Unit};
pub use simulation::{
    Allocations, COST_MODELS, CostModel, Estimate, Events, HotFunction, Hottest, SimulationCounts,
    SimulationReport, SimulationResult, Unattributed, View, cost_model,
};
pub use suite::{
    CounterFinding, Doubt, Evidence, Found, OneSided, Shift, Stage, Suite, SuiteBenchmark,
    SuiteComparison, SuiteReading, SuiteRun, SuiteSide, SuiteVerdict, Unit as SuiteUnit, Value,
    explain_turns,
};
