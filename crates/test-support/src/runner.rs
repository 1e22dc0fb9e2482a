//! A runner that records what an integration says and answers by a script.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::Path,
    thread::JoinHandle,
};

use nix::{
    fcntl::OFlag,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::stat::Mode,
    unistd::mkfifo,
};
use runner_shared::fifo::{Command, FifoPaths, FrameDecoder};

/// Messages of an integration, in order.
pub type Transcript = Vec<Command>;

/// A runner in a thread, on FIFOs in a folder of its own.
#[derive(Debug)]
pub struct ScriptedRunner {
    paths: FifoPaths,
    thread: JoinHandle<Transcript>,
    /// Closing it ends the thread.
    alive: File,
}

impl ScriptedRunner {
    /// Serves FIFOs in `folder`; `answer` says what each message is answered with.
    pub fn start(folder: &Path, answer: impl Fn(&Command) -> Command + Send + 'static) -> Self {
        let paths = FifoPaths::in_dir(folder);
        for path in [&paths.ctl, &paths.ack] {
            mkfifo(path, Mode::S_IRWXU).unwrap();
        }
        let mut both = OpenOptions::new();
        both.read(true).write(true).custom_flags(OFlag::O_NONBLOCK.bits());
        let (ctl, ack) = (both.open(&paths.ctl).unwrap(), both.open(&paths.ack).unwrap());
        // A third FIFO that nobody writes to: its end tells the thread to stop.
        let stop = folder.join("stop.fifo");
        mkfifo(&stop, Mode::S_IRWXU).unwrap();
        let nonblocking = OFlag::O_NONBLOCK.bits();
        let ended = OpenOptions::new().read(true).custom_flags(nonblocking).open(&stop).unwrap();
        let alive = OpenOptions::new().write(true).open(&stop).unwrap();
        fs::remove_file(stop).unwrap();
        let thread = std::thread::spawn(move || serve(ctl, ack, &ended, answer));
        Self { paths, thread, alive }
    }

    /// Returns where integrations connect.
    pub fn paths(&self) -> &FifoPaths {
        &self.paths
    }

    /// Ends the runner and returns what was said.
    pub fn transcript(self) -> Transcript {
        let Self { thread, alive, .. } = self;
        drop(alive);
        thread.join().unwrap()
    }
}

fn serve(
    mut ctl: File,
    mut ack: File,
    ended: &File,
    answer: impl Fn(&Command) -> Command,
) -> Transcript {
    let mut decoder = FrameDecoder::default();
    let mut transcript = Vec::new();
    loop {
        let mut watched = [
            PollFd::new(ctl.as_fd(), PollFlags::POLLIN),
            PollFd::new(ended.as_fd(), PollFlags::empty()),
        ];
        poll(&mut watched, PollTimeout::NONE).unwrap();
        let [_, over] = watched.map(|fd| fd.any().unwrap_or(false));
        let mut chunk = [0; 4096];
        while let Ok(len @ 1..) = ctl.read(&mut chunk) {
            decoder.push(chunk.get(..len).unwrap_or_default());
            while let Some(payload) = decoder.next_frame().unwrap() {
                let command = Command::decode(payload).unwrap();
                ack.write_all(&answer(&command).encode()).unwrap();
                transcript.push(command);
            }
        }
        if over {
            return transcript;
        }
    }
}
