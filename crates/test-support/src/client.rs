//! An integration that says whatever a test wants, byte by byte, and looks closely at the answers.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::fcntl::OFlag;
use runner_shared::fifo::{Command, FifoPaths, FrameDecoder};

use crate::wait::arrives;

/// A connection to a runner. Dropping it is the death of the client.
#[derive(Debug)]
pub struct RawClient {
    ctl: File,
    ack: File,
    decoder: FrameDecoder,
}

impl RawClient {
    /// Connects to the runner whose FIFOs are in `folder`.
    pub fn connect(folder: &Path) -> Self {
        let paths = FifoPaths::in_dir(folder);
        let flags = OFlag::O_NONBLOCK.bits();
        let ack = OpenOptions::new().read(true).write(true).custom_flags(flags).open(paths.ack);
        Self {
            ctl: OpenOptions::new().write(true).open(paths.ctl).unwrap(),
            ack: ack.unwrap(),
            decoder: FrameDecoder::default(),
        }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.ctl.write_all(bytes).unwrap();
    }

    /// Sends a payload as a frame and returns the answer to it.
    #[track_caller]
    pub fn ask(&mut self, payload: &[u8]) -> Command {
        let len = u32::try_from(payload.len()).unwrap();
        self.send(&[&len.to_le_bytes()[..], payload].concat());
        self.answer()
    }

    /// The next answer. Fails if one arrives in pieces: clients of the second generation lose
    /// their footing then.
    #[track_caller]
    pub fn answer(&mut self) -> Command {
        if let Some(payload) = self.decoder.next_frame().unwrap() {
            return Command::decode(payload).unwrap();
        }
        assert!(arrives(&self.ack), "no answer");
        let mut bytes = [0; 4096];
        let len = self.ack.read(&mut bytes).unwrap();
        self.decoder.push(bytes.get(..len).unwrap_or_default());
        let payload = self.decoder.next_frame().unwrap().expect("the answer came in pieces");
        Command::decode(payload).unwrap()
    }
}
