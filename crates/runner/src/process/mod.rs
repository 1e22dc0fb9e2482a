//! Starts programs and watches them. Nothing else in this crate does.

mod children;
mod descendants;
mod feed;
mod held;
mod helper;
mod lines;
mod pipes;
mod question;
mod rehearse;
mod relay;
mod spawn;

pub(crate) use children::Children;
pub(crate) use descendants::{kill_descendants, left_running};
pub(crate) use feed::feed;
pub(crate) use helper::{Helper, Streams, send_signal};
pub(crate) use pipes::{Output, words};
pub(crate) use question::{Answer, AskError, Limits, ask, run_hook};
pub(crate) use rehearse::rehearse;
pub(crate) use relay::{Relayed, relay};
pub(crate) use spawn::{
    AddressSpace, Child, Ended, Poll, SpawnError, Stdin, ToolCommand, can_fix_addresses,
    run_visibly, start_and_forget,
};
