//! A file of values in one zstd frame, encoded and compressed in large pieces by a thread of its own.

use std::{
    io::{self, Write},
    path::Path,
    sync::mpsc::{Receiver, SyncSender, channel, sync_channel},
    thread::{Builder, JoinHandle},
};

use system::files;
use zstd::{
    stream::write::Encoder,
    zstd_safe::{CParameter, Strategy},
};

/// Values of a piece. Compressing value by value would cost many times as much.
const PIECE: usize = 4096;
/// So many pieces may wait for the thread; after that, who writes waits as well.
const WAITING: usize = 4;
/// The level that zstd calls -2, with a window and a table that stay in the nearest cache, and no shorter matches than the
/// names of two fields: events are alike, and this takes a third less time than level 1 for files that are 2 % larger.
const PARAMETERS: [CParameter; 5] = [
    CParameter::Strategy(Strategy::ZSTD_fast),
    CParameter::TargetLength(2),
    CParameter::WindowLog(17),
    CParameter::HashLog(12),
    CParameter::MinMatch(7),
];

/// The file.
#[derive(Debug)]
pub(super) struct Frames<T> {
    piece: Vec<T>,
    compressor: Option<Compressor<T>>,
}

/// The thread. It ends when nothing more can come, or with the first error.
#[derive(Debug)]
struct Compressor<T> {
    full: SyncSender<Vec<T>>,
    /// Pieces that can be filled again.
    empty: Receiver<Vec<T>>,
    thread: JoinHandle<io::Result<()>>,
}

impl<T: Send + 'static> Frames<T> {
    /// Makes it; one of the same name is replaced. `encode` appends the bytes of a value.
    pub(super) fn create(path: &Path, encode: fn(&T, &mut Vec<u8>)) -> io::Result<Self> {
        let mut encoder = Encoder::new(files::create_private(path)?, 1)?;
        for parameter in PARAMETERS {
            encoder.set_parameter(parameter)?;
        }
        let (full, filled) = sync_channel::<Vec<T>>(WAITING);
        let (emptied, empty) = channel();
        let thread = Builder::new().name("compressor".to_owned()).spawn(move || {
            let mut bytes = Vec::new();
            for mut piece in filled {
                for value in piece.drain(..) {
                    encode(&value, &mut bytes);
                }
                encoder.write_all(&bytes)?;
                bytes.clear();
                // Nobody wants it back when the file is being completed.
                drop(emptied.send(piece));
            }
            encoder.finish().map(drop)
        })?;
        let piece = Vec::with_capacity(PIECE);
        Ok(Self { piece, compressor: Some(Compressor { full, empty, thread }) })
    }

    /// Appends a value.
    #[inline]
    pub(super) fn put(&mut self, value: T) -> io::Result<()> {
        self.piece.push(value);
        if self.piece.len() < PIECE { Ok(()) } else { self.pass_on() }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let Some(Compressor { full, empty, .. }) = &self.compressor else { return Ok(()) };
        let next = empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(PIECE));
        let passed = full.send(std::mem::replace(&mut self.piece, next));
        // The thread is gone, and knows why.
        if passed.is_err() { self.end() } else { Ok(()) }
    }

    /// Completes the file.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.pass_on()?;
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(Compressor { full, empty: _, thread }) = self.compressor.take() else {
            return Ok(());
        };
        drop(full);
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
