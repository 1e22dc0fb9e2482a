//! Switches the tracer on behalf of the benchmark.

use crate::{
    profiler::{ControlChannel, ControlError},
    session::{ProfilerControl, Request},
};

/// A running tracer. Recording is off until it is asked for.
#[derive(Debug)]
pub(crate) struct TracerControl(ControlChannel);

impl TracerControl {
    /// The tracer behind this channel.
    pub(crate) fn new(channel: ControlChannel) -> Self {
        Self(channel)
    }

    /// Returns why the tracer was given up, if it was.
    pub(crate) fn failed(&self) -> Option<ControlError> {
        self.0.failed()
    }
}

impl ProfilerControl for TracerControl {
    fn ask(&mut self, request: Request) -> bool {
        match request {
            Request::Enable => self.0.say("enable").is_ok(),
            Request::Disable => self.0.say("disable").is_ok(),
            // Its answer would tell nothing about the tracer that the next `enable` doesn't.
            Request::Ping => self.0.failed().is_none(),
        }
    }
}
