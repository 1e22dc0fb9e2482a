#![doc = include_str!("../../PROTOCOL.md")]

mod client;
mod command;
mod frame;
mod paths;

pub use client::{Client, ClientError, MAX_BATCH_BYTES};
pub use command::{
    Command, CommandError, IntegrationMode, MINIMUM_VERSION, MarkerType, PROTOCOL_VERSION,
};
pub use frame::{FrameDecoder, FrameError, MAX_FRAME_LEN, encode_frame};
pub use paths::{FifoPaths, perf_map};
