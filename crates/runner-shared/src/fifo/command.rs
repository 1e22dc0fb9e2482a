//! The messages between the runner and integrations. The order of the variants is the tag on the wire.

use serde::{Deserialize, Serialize};

use super::frame::encode_frame;

/// The protocol that we speak.
pub const PROTOCOL_VERSION: u64 = 2;
/// The oldest protocol that we still serve.
pub const MINIMUM_VERSION: u64 = 1;

/// A message in either direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Tag 0: this process ran this benchmark. Sent after the measurement.
    CurrentBenchmark {
        /// Process that ran it.
        pid: i32,
        /// Identity of the benchmark.
        uri: String,
    },
    /// Tag 1: switch the profiler on; answered when it is on.
    StartBenchmark,
    /// Tag 2: switch the profiler off; answered when it is off.
    StopBenchmark,
    /// Tag 3, from the runner: done.
    Ack,
    /// Tag 4: is the profiler there? Old clients only.
    PingPerf,
    /// Tag 5: who speaks.
    SetIntegration {
        /// For example `pytest-codspeed`.
        name: String,
        /// Semantic version.
        version: String,
    },
    /// Tag 6, from the runner: refused.
    Err,
    /// Tag 7: a point in time that the integration took itself.
    AddMarker {
        /// Process that measured.
        pid: i32,
        /// Kind and time.
        marker: MarkerType,
    },
    /// Tag 8: the protocol that the integration speaks.
    SetVersion(u64),
    /// Tag 9: which mode is this? Since protocol 2.
    GetIntegrationMode,
    /// Tag 10, from the runner: the mode.
    IntegrationModeResponse(IntegrationMode),
}

/// A point in time, in nanoseconds on `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MarkerType {
    /// Tag 0: the recording window opened. Made by the runner.
    #[serde(rename = "SampleStart")]
    SampleStart(u64),
    /// Tag 1: the recording window closed. Made by the runner.
    #[serde(rename = "SampleEnd")]
    SampleEnd(u64),
    /// Tag 2: measured code begins.
    #[serde(rename = "RoundStart", alias = "BenchmarkStart")]
    RoundStart(u64),
    /// Tag 3: measured code ends.
    #[serde(rename = "RoundEnd", alias = "BenchmarkEnd")]
    RoundEnd(u64),
}

/// The task of an integration, as the protocol names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntegrationMode {
    /// Tag 0: measure time.
    Walltime,
    /// Tag 1: never sent over the FIFO; simulation is detected inside the process.
    Simulation,
    /// Tag 2: run once, we look on (memory mode).
    Analysis,
}

/// A complete frame that is no message.
#[derive(Debug, thiserror::Error)]
#[error("a frame of {len} bytes is not a valid message of protocol {PROTOCOL_VERSION}")]
pub struct CommandError {
    /// Length of the payload.
    pub len: usize,
    /// The error of the decoder.
    #[source]
    pub source: bincode::Error,
}

impl Command {
    /// The whole frame: length prefix and payload (bincode 1: little endian, fixed width).
    pub fn encode(&self) -> Vec<u8> {
        // A message is a handful of integers and two strings: it always serialises.
        encode_frame(&bincode::serialize(self).unwrap_or_default())
    }

    /// Reads the payload of one frame. Bytes after the message are ignored, so that it can grow.
    pub fn decode(payload: &[u8]) -> Result<Self, CommandError> {
        bincode::deserialize(payload).map_err(|source| CommandError { len: payload.len(), source })
    }
}
