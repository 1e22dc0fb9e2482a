//! Talks with the CodSpeed service: what a run is called there, and what must stay secret on the way.

mod context;
mod secret;

pub use context::{
    Event, JobReference, RepositoryProvider, RunContext, RunEnvironment, RunPart, Sender,
};
pub use secret::Secret;
