//! The conversation with the benchmark: a state machine without I/O, and the loop that feeds it.

mod beside;
mod clients;
mod fifos;
mod integrations;
pub(crate) mod journal;
mod serve;
mod state;
mod stop;
mod switches;
mod turns;

pub(crate) use fifos::{FifoError, FifoPair};
pub(crate) use journal::Journal;
pub(crate) use serve::{Conversation, ProfilerControl, ServeError, Served, serve};
pub(crate) use state::{Request, Session, SessionRecord};
pub(crate) use switches::Switches;
