//! gzip on all cores. Blocks are compressed one by one and put together to one member, as `pigz` does: a reader can't
//! tell, also one that knows of no further members.

use std::{
    collections::VecDeque,
    io::{self, Write},
    mem,
    sync::mpsc::{Receiver, sync_channel},
};

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress};
use system::threads::start_pool;

/// Input of one block: large enough that what blocks don't know of each other costs less than 1 %.
const BLOCK: usize = 256 << 10;
/// Blocks that are on their way for each thread: it finds another one when it has finished one.
const AHEAD: usize = 2;
/// More threads get no more blocks, so that memory stays bounded.
const MOST_THREADS: usize = 64;
/// Magic number, deflate, no flags, no time, no hint, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// A last block of deflate without content.
const END: [u8; 2] = [3, 0];

/// A block that has been compressed.
struct Block {
    output: Vec<u8>,
    checksum: Hasher,
}

/// Compresses what is written to it. Without [`Gzip::finish`] the output is half a file.
pub(super) struct Gzip<W: Write> {
    out: W,
    /// Bytes that don't fill a block yet.
    input: Vec<u8>,
    /// In the order of the input.
    on_their_way: VecDeque<Receiver<io::Result<Block>>>,
    most_on_their_way: usize,
    checksum: Hasher,
    /// Bytes of the input so far, modulo 2^32, as the format counts them.
    amount: u32,
}

impl<W: Write> Gzip<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        Ok(Self {
            out,
            input: Vec::with_capacity(BLOCK),
            on_their_way: VecDeque::new(),
            most_on_their_way: rayon::current_num_threads().min(MOST_THREADS) * AHEAD,
            checksum: Hasher::new(),
            amount: 0,
        })
    }

    /// Compresses what is left, and returns the writer below.
    pub(super) fn finish(mut self) -> io::Result<W> {
        if !self.input.is_empty() {
            self.start_block()?;
        }
        while !self.on_their_way.is_empty() {
            self.take_block()?;
        }
        self.out.write_all(&END)?;
        self.out.write_all(&self.checksum.clone().finalize().to_le_bytes())?;
        self.out.write_all(&self.amount.to_le_bytes())?;
        Ok(self.out)
    }

    fn start_block(&mut self) -> io::Result<()> {
        if self.on_their_way.len() >= self.most_on_their_way {
            self.take_block()?;
        }
        let input = mem::replace(&mut self.input, Vec::with_capacity(BLOCK));
        let (done, receiver) = sync_channel(1);
        self.on_their_way.push_back(receiver);
        // Nobody takes it when the archive was given up.
        if start_pool() {
            rayon::spawn_fifo(move || drop(done.send(compress(&input))));
        } else {
            drop(done.send(compress(&input)));
        }
        Ok(())
    }

    /// Writes the oldest block, once it is compressed.
    fn take_block(&mut self) -> io::Result<()> {
        let Some(receiver) = self.on_their_way.pop_front() else { return Ok(()) };
        let Block { output, checksum } = receiver.recv().map_err(io::Error::other)??;
        self.checksum.combine(&checksum);
        self.out.write_all(&output)
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(BLOCK - self.input.len());
        self.input.extend_from_slice(bytes.get(..len).unwrap_or_default());
        // A block fits.
        self.amount = self.amount.wrapping_add(u32::try_from(len).map_err(io::Error::other)?);
        if self.input.len() == BLOCK {
            self.start_block()?;
        }
        Ok(len)
    }

    /// Keeps what doesn't fill a block: half blocks would compress badly.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// One block of deflate (RFC 1951) that ends at a byte's border, so that another one can follow.
fn compress(input: &[u8]) -> io::Result<Block> {
    let mut checksum = Hasher::new();
    checksum.update(input);
    let mut deflate = Compress::new(Compression::default(), false);
    let mut output = Vec::with_capacity(input.len() / 2);
    loop {
        // Needs room, or it would write nothing.
        output.reserve(4 << 10);
        let taken = usize::try_from(deflate.total_in()).map_err(io::Error::other)?;
        let rest = input.get(taken..).unwrap_or_default();
        let room = output.capacity() - output.len();
        let before = output.len();
        deflate.compress_vec(rest, &mut output, FlushCompress::Sync).map_err(io::Error::other)?;
        // Done when all is taken and the room was enough for the border.
        let is_all = usize::try_from(deflate.total_in()).is_ok_and(|taken| taken == input.len());
        if is_all && output.len() - before < room {
            return Ok(Block { output, checksum });
        }
    }
}
