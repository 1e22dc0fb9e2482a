//! Allocations as seen by a library inside the traced processes: needs no privileges.
//!
//! The library (`preload/*.c`) writes records into memory that it shares with us; nothing is lost, as a thread waits
//! when we are behind. What the loader doesn't start can't be seen: static and set-user-ID programs, and programs
//! without our environment.

mod asides;
mod executable;
mod folder;
mod merge;
mod processes;
mod segment;
mod stream;
mod wire;

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::Command,
};

use runner_shared::{
    clock,
    env_names::{LD_PRELOAD, MEMTRACK_SEGMENT, PATH},
    text::shown,
};

use self::{
    asides::Asides,
    folder::{Folders, preload_list},
    merge::{Merger, Sink},
    segment::{BLOCK_BYTES, Segment, Shape},
};
use super::{Backend, Coverage, Record, Stacks};

/// Blocks for the first records of as many threads at once.
const FIRST_BLOCKS: u32 = 28 * 1024;

/// The library finds where the stack of its caller begins by its own frame pointer, which on other machines doesn't tell.
const CAN_COPY: bool = cfg!(target_arch = "x86_64");

/// The wishes of the tracer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The way in which stacks are taken. Copies need x86-64.
    pub stacks: Stacks,
    /// User and group of the command, when it doesn't run as us.
    pub owner: Option<(u32, u32)>,
    /// Bytes of records that may wait for us, all threads together.
    pub buffer: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { stacks: Stacks::None, owner: None, buffer: 64 << 20 }
    }
}

/// The reason for which programs can't be traced by a library.
#[derive(Debug, thiserror::Error)]
pub enum PreloadError {
    /// There is no folder for the library.
    #[error(
        "could not write the library to preload below {path} ({source}); set TMPDIR to a folder without spaces and colons in its name, on a file system that isn't mounted with `noexec`", path = .shown(&path)
    )]
    Library {
        /// The folder that was tried last.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// There is no memory to share.
    #[error("could not create the memory shared with traced programs, {path}: {source}", path = .shown(&path))]
    Segment {
        /// The file or its folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// The backend.
#[derive(Debug)]
pub struct Preload {
    segment: Segment,
    merger: Merger,
    asides: Asides,
    /// Gone after `finish`.
    folders: Option<Folders>,
    library: PathBuf,
    segment_path: PathBuf,
    /// Whom the command runs as.
    user: u32,
}

impl Preload {
    /// Makes the library and the shared memory, below `temp` or where else it is possible.
    pub fn start(temp: &Path, options: &Options) -> Result<Self, PreloadError> {
        let (folders, file) = Folders::create(temp, options.owner)?;
        let block = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
        // Others want some of the memory, too.
        let buffer = options.buffer.min(folders.room / 4);
        let shared = u32::try_from(buffer / block).unwrap_or(u32::MAX).clamp(512, 32 * 1024);
        // The directory then fills whole pages, so that each block begins with one.
        let shared = shared.next_multiple_of(512);
        let stacks = options.stacks;
        let stacks =
            if stacks == Stacks::Copies && !CAN_COPY { Stacks::FramePointers } else { stacks };
        let shape = Shape {
            blocks: shared + FIRST_BLOCKS,
            shared,
            frames: stacks.frames(),
            copied: if CAN_COPY { stacks.copied() } else { 0 },
            epoch: clock::now().0,
        };
        let segment = Segment::create(file, shape)
            .map_err(|source| PreloadError::Segment { path: folders.segment.clone(), source })?;
        Ok(Self {
            segment,
            merger: Merger::new(shape.blocks),
            asides: Asides::default(),
            library: folders.library.clone(),
            segment_path: folders.segment.clone(),
            user: options.owner.map_or_else(|| nix::unistd::geteuid().as_raw(), |(user, _)| user),
            folders: Some(folders),
        })
    }

    fn collect(&mut self, all: bool, take: &mut dyn FnMut(Record<'_>)) -> usize {
        let now = clock::now().0.saturating_sub(self.segment.shape().epoch);
        self.segment.look(now);
        let asides = &mut self.asides;
        let mut sink = Sink { record: take, aside: &mut |aside| asides.add(aside) };
        self.merger.drain(&self.segment, now, all, &mut sink)
    }
}

impl Backend for Preload {
    fn name(&self) -> &'static str {
        "preload"
    }

    fn method(&self) -> &'static str {
        "library"
    }

    fn environment(&mut self, env: &[(OsString, OsString)]) -> Vec<(OsString, OsString)> {
        let value = |wanted: &str| {
            let last = env.iter().rev().find(|(name, _)| name == wanted);
            last.map(|(_, value)| value.as_os_str())
        };
        value(PATH.name).unwrap_or_default().clone_into(&mut self.asides.search);
        let list = preload_list(&self.library, value(LD_PRELOAD.name));
        vec![
            (LD_PRELOAD.name.into(), list),
            (MEMTRACK_SEGMENT.name.into(), self.segment_path.clone().into()),
        ]
    }

    /// Notes what can't be seen of the command itself; nobody else tells of it.
    fn prepare(&mut self, command: &mut Command) -> io::Result<()> {
        let asked = command.get_program().as_encoded_bytes();
        // It starts in our folder.
        let found = if asked.contains(&b'/') {
            Some(PathBuf::from(command.get_program()))
        } else {
            executable::find(asked, &self.asides.search)
        };
        let user = self.user;
        let note = found.and_then(|path| {
            executable::why_unseen(&path, Some(user)).or_else(|| executable::own_allocators(&path))
        });
        self.asides.notes.extend(note);
        Ok(())
    }

    fn record(&mut self, on: bool) -> io::Result<()> {
        self.segment.enable(on);
        Ok(())
    }

    fn is_ordered(&self) -> bool {
        true
    }

    fn drain(&mut self, take: &mut dyn FnMut(Record<'_>)) -> io::Result<usize> {
        Ok(self.collect(false, take))
    }

    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>)) -> io::Result<Coverage> {
        // Threads that wait for us go on, and what they have written is read.
        self.segment.close();
        self.collect(true, take);
        if let Some(path) = self.folders.as_ref().and_then(Folders::missing) {
            let path = shown(&path);
            self.asides.notes.insert(format!(
                "`{path}` was removed during the trace, by the command or by somebody else: programs started after that are not counted"
            ));
        }
        self.folders = None;
        let asides = std::mem::take(&mut self.asides);
        Ok(asides.coverage(self.segment.lost(), self.merger.damaged()))
    }
}

/// Reads words as the records that traced programs write, for the example that throws damaged ones at us.
#[doc(hidden)]
pub fn fuzz_records(bytes: &[u8]) {
    let words: Vec<u64> = bytes
        .chunks_exact(8)
        .map(|word| word.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
        .collect();
    for start in 0..words.len() {
        let word = |at: usize| words.get(start + at).copied().unwrap_or(0);
        let len = words.len() - start;
        drop((wire::decode_call(word, len).is_some(), wire::decode(word, len)));
    }
}
