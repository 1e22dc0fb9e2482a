//! Throws damaged bytes at the readers of a crate: the loop behind each example `fuzz`.
//!
//! An input is one of a reader's own seeds, or an earlier input, changed a little: bytes, numbers, pieces, lengths. A
//! finding is a panic, an input that takes more than ten seconds, or more than 512 MB of memory; it is written to a file,
//! and ends the program.

#![expect(
    clippy::print_stdout,
    clippy::exit,
    clippy::indexing_slicing,
    reason = "a tool for developers, which says what it does and stops at a fault of its own"
)]

use std::{
    env, fs,
    panic::catch_unwind,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// A reader of bytes of others.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Whole inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Reads an input. May panic only if the reader has a fault.
    pub read: fn(&[u8]),
}

const SLOWEST: Duration = Duration::from_secs(10);
const MOST_KILOBYTES: u64 = 512_000;
/// Inputs are cut to this, so that most time goes into new ones.
const MOST_BYTES: usize = 1 << 20;
/// So many changed inputs are changed on, so that several changes add up.
const KEPT: usize = 64;

/// Reads all seeds of all targets, as a test.
///
/// # Panics
///
/// If a reader does, or has no seed.
pub fn read_seeds(targets: &[Target]) {
    for Target { name, seeds, read } in targets {
        let seeds = seeds();
        assert!(!seeds.is_empty(), "{name} has no seed");
        let cut = seeds.iter().map(|seed| &seed[..seed.len() / 2]);
        cut.chain(seeds.iter().map(Vec::as_slice)).chain([&[][..]]).for_each(read);
    }
}

/// The program: `fuzz TARGET SECONDS [SEED]`, or `fuzz TARGET FILE` for a finding once more.
pub fn main(targets: &[Target]) -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let name = words.first().map_or("", String::as_str);
    let Some(target) = targets.iter().find(|target| target.name == name) else {
        let names: Vec<&str> = targets.iter().map(|target| target.name).collect();
        println!("usage: fuzz TARGET SECONDS|FILE [SEED]; targets: {}", names.join(", "));
        return ExitCode::from(2);
    };
    let number = |at: usize| words.get(at).map(|word| word.parse::<u64>());
    match number(1) {
        Some(Err(_)) => {
            let file = words.get(1).map(PathBuf::from).unwrap_or_default();
            let start = Instant::now();
            (target.read)(&fs::read(file).unwrap());
            println!("{name}: {} ms, {} MB", start.elapsed().as_millis(), peak_kilobytes() / 1000);
            ExitCode::SUCCESS
        }
        seconds => {
            let seconds = Duration::from_secs(seconds.and_then(Result::ok).unwrap_or(60));
            run(target, seconds, number(2).and_then(Result::ok).unwrap_or(1))
        }
    }
}

/// The input that is being read, and since when.
type Current = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

fn run(target: &Target, time: Duration, seed: u64) -> ExitCode {
    let Target { name, seeds, read } = *target;
    let mut pool = seeds();
    for seed in &mut pool {
        seed.truncate(MOST_BYTES);
    }
    let (originals, mut random) =
        (pool.len(), Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
    let current: Current = Arc::default();
    watch(name, Arc::clone(&current));
    let (start, mut inputs, mut slowest) = (Instant::now(), 0_u64, Duration::ZERO);
    while start.elapsed() < time {
        let input = changed(&pool, originals, &mut random);
        let begin = Instant::now();
        *current.lock().unwrap() = Some((begin, input.clone()));
        let outcome = catch_unwind(|| read(&input));
        *current.lock().unwrap() = None;
        slowest = slowest.max(begin.elapsed());
        inputs += 1;
        if outcome.is_err() {
            return found(name, "panic", &input);
        }
        if (begin.elapsed() > Duration::from_millis(1) || inputs.is_multiple_of(256))
            && peak_kilobytes() > MOST_KILOBYTES
        {
            return found(name, "memory", &input);
        }
        if random.below(8) == 0 {
            if pool.len() < originals + KEPT {
                pool.push(input);
            } else {
                let at = originals + random.below(KEPT);
                pool[at] = input;
            }
        }
    }
    println!(
        "{name}\t{inputs}\tinputs\tin {} s, no finding, slowest {} ms, peak memory {} MB",
        time.as_secs(),
        slowest.as_millis(),
        peak_kilobytes() / 1000
    );
    ExitCode::SUCCESS
}

/// Ends the program if an input takes too long: who hangs can't say so.
fn watch(name: &'static str, current: Current) {
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            let current = current.lock().unwrap();
            if let Some((begin, input)) = &*current
                && begin.elapsed() > SLOWEST
            {
                found(name, "slow", input);
                std::process::exit(1);
            }
        }
    });
}

fn found(name: &str, what: &str, input: &[u8]) -> ExitCode {
    let path = env::temp_dir().join(format!("fuzz-{name}-{what}"));
    fs::write(&path, input).unwrap();
    println!("{name}: {what}, see {}", path.to_string_lossy());
    ExitCode::FAILURE
}

fn peak_kilobytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

/// A generator of numbers that are random enough (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Less than `limit`; 0 for 0.
    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap();
        usize::try_from(self.next() % limit).unwrap()
    }

    /// One that makes trouble more often than others do.
    fn number(&mut self) -> u64 {
        const SPECIAL: [u64; 10] =
            [0, 1, 7, 8, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 63, u64::MAX];
        match self.below(4) {
            0 => self.next(),
            1 => self.next() % 0x1_0000,
            _ => SPECIAL[self.below(SPECIAL.len())],
        }
    }
}

/// An input of the pool with one to eight changes. Half of them are of the seeds: with each change, less is left that a
/// reader follows to its end.
fn changed(pool: &[Vec<u8>], originals: usize, random: &mut Random) -> Vec<u8> {
    let of = if random.below(2) == 0 { originals } else { pool.len() };
    let mut bytes = pool[random.below(of)].clone();
    for _ in 0..=random.below(8) {
        // Heads are worth more than what follows them.
        let reach = if random.below(2) == 0 { bytes.len().min(4096) } else { bytes.len() };
        let at = random.below(reach + 1);
        let length = [1, 2, 4, 8][random.below(4)];
        let end = (at + random.below(64)).min(bytes.len());
        match random.below(8) {
            0 => bytes.truncate(at.max(16)),
            1 => {
                // Within the input: pieces of lines, numbers, names.
                let copied = bytes[at.min(end)..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, copied);
            }
            2 => drop(bytes.drain(at..bytes.len().min(at + length))),
            3 => {
                // From another one.
                let other = &pool[random.below(pool.len())];
                let from = random.below(other.len() + 1);
                let piece = &other[from..other.len().min(from + random.below(4096))];
                bytes.splice(at..at, piece.iter().copied());
            }
            4 => {
                let text = random.number().to_string();
                bytes.splice(at..end, text.into_bytes());
            }
            _ => {
                let piece = random.number().to_le_bytes();
                let place = bytes.iter_mut().skip(at).zip(piece.iter().take(length));
                place.for_each(|(to, from)| *to = *from);
            }
        }
    }
    bytes.truncate(MOST_BYTES);
    bytes
}
