//! Writes events as one JSON object per line, for another program. Keys are only ever added within a version.
//!
//! | `event` | keys |
//! |---|---|
//! | all | `schema` (1), `event` |
//! | `run_started` | `version` of this program |
//! | `part_started` | `mode` |
//! | `benchmark_ran` | `name`, `uri`, `mode`, `outcome`, `value` (`null`: not known), `unit` (`s` or `B`), `stats`; `time` (the value as text, as it was before there was a schema) |
//! | `compared` | `comparison`: one object of `comparisons[]` of the JSON export, or of `benchmarks[]` of that of `ab` |
//! | `warning`, `announcement` | `message`, `hint` or `title` |
//! | `error` | `message`, `causes`, `hints` |
//! | `uploaded` | `run_id`, `url` |
//! | `run_finished` | `run_id` (`null`: not uploaded), `exit_code` |

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::out::Out;
use crate::event::{Benchmark, Failure, RunEvent};

/// Version of the schema.
const SCHEMA: u32 = 1;

/// The stream.
#[derive(Debug)]
pub(super) struct Json<W> {
    /// The place where lines go.
    pub to: Out<W>,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    #[serde(flatten)]
    message: Message<'a>,
}

#[derive(Serialize)]
#[serde(tag = "event")]
enum Message<'a> {
    #[serde(rename = "run_started")]
    RunStarted { version: &'a str },
    #[serde(rename = "part_started")]
    PartStarted { mode: &'a str },
    #[serde(rename = "benchmark_ran")]
    BenchmarkRan {
        name: &'a str,
        uri: &'a str,
        mode: &'a str,
        outcome: &'a str,
        value: Option<f64>,
        unit: &'a str,
        stats: &'a Map<String, Value>,
        time: Option<String>,
    },
    #[serde(rename = "compared")]
    Compared { comparison: &'a Value },
    #[serde(rename = "warning")]
    Warning { message: &'a str, hint: Option<&'a str> },
    #[serde(rename = "announcement")]
    Announcement { title: &'a str, message: &'a str },
    #[serde(rename = "error")]
    Error { message: &'a str, causes: &'a [String], hints: &'a [String] },
    #[serde(rename = "uploaded")]
    Uploaded { run_id: &'a str, url: &'a str },
    #[serde(rename = "run_finished")]
    RunFinished { run_id: Option<&'a str>, exit_code: u8 },
}

impl<W: Write> Json<W> {
    /// Writes what another program wants to know of the event.
    pub(super) fn on(&mut self, event: &RunEvent) -> io::Result<()> {
        let message = match event {
            RunEvent::RunStarted => Message::RunStarted { version: env!("CARGO_PKG_VERSION") },
            RunEvent::PartStarted(mode) => Message::PartStarted { mode: mode.names().cli },
            RunEvent::Report(finished) => {
                finished.benchmarks.iter().try_for_each(|bench| self.line(ran(bench)))?;
                let compared = finished.comparisons.iter();
                return compared
                    .map(|comparison| Message::Compared { comparison })
                    .try_for_each(|it| self.line(it));
            }
            RunEvent::Warning { text, hint } => {
                Message::Warning { message: text, hint: hint.as_deref() }
            }
            RunEvent::Announcement { title, text } => {
                Message::Announcement { title, message: text }
            }
            RunEvent::Error(Failure { what, causes, hints }) => {
                Message::Error { message: what, causes, hints }
            }
            RunEvent::Uploaded { run_id, url } => Message::Uploaded { run_id, url },
            RunEvent::RunFinished { run_id, code } => {
                Message::RunFinished { run_id: run_id.as_deref(), exit_code: *code }
            }
            RunEvent::GroupStart { .. }
            | RunEvent::GroupEnd { .. }
            | RunEvent::Step(_)
            | RunEvent::Debug(_)
            | RunEvent::Output { .. }
            | RunEvent::Waiting { .. }
            | RunEvent::Stopping
            | RunEvent::Killing
            | RunEvent::Progress { .. }
            | RunEvent::Activity { .. }
            | RunEvent::Details(_) => return Ok(()),
        };
        self.line(message)
    }

    fn line(&mut self, message: Message<'_>) -> io::Result<()> {
        self.to.line(&serde_json::to_string(&Line { schema: SCHEMA, message })?)
    }
}

fn ran(bench: &Benchmark) -> Message<'_> {
    let Benchmark { name, uri, mode, outcome, value, unit, stats } = bench;
    Message::BenchmarkRan {
        name,
        uri,
        mode: mode.names().cli,
        outcome,
        value: *value,
        unit,
        stats,
        time: value.map(|value| value.to_string()),
    }
}
