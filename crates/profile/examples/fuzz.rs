//! Throws damaged files at every reader of foreign bytes: `fuzz -- <seconds per
//! reader> [reader] [seed]`.
//!
//! The files are those of `tests/data`, changed a little: bytes, numbers, pieces, lengths. A
//! finding (panic, more than 5 s, more than 1 GB) is written to a file and ends the program.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a tool for developers: it takes times and says what it does"
)]

use std::{
    error::Error,
    fs,
    panic::catch_unwind,
    path::Path,
    time::{Duration, Instant},
};

use profile::fuzzing::{TARGETS, Target};

const SLOWEST: Duration = Duration::from_secs(5);
const MOST_KILOBYTES: u64 = 1_000_000;
/// Larger files are cut: what matters is at their begin, and time is short.
const MOST_BYTES: usize = 1 << 20;

/// Which files are for which reader.
const CORPUS: &[(&str, &[&str])] = &[
    ("perf", &["client/perf.pipedata", "python/perf.pipedata.zst"]),
    ("jitdump", &["python/jit-13661.dump.zst"]),
    ("perfmap", &["client/0__client.symbols.map.zst"]),
    ("elf", &["client/client.zst", "client/ld-linux-x86-64.so.2.zst", "python/python3.13.zst"]),
    ("dwarf", &["client/client.zst", "client/ld-linux-x86-64.so.2.debug.zst"]),
    ("unwind", &["client/0__client.unwind_data.zst", "client/2__libc.so.6.unwind_data.zst"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `fuzz -- file reader`: a finding once more.
    if let [file, name] = &args[..]
        && let Ok(bytes) = fs::read(file)
    {
        let begin = Instant::now();
        TARGETS.iter().filter(|(target, _)| target == name).for_each(|(_, read)| read(&bytes));
        println!("{name}: {} ms", begin.elapsed().as_millis());
        return Ok(());
    }
    let seconds = args.first().map_or(Ok(60), |text| text.parse())?;
    let seed = args.get(2).map_or(Ok(1), |text| text.parse())?;
    for target in TARGETS {
        if args.get(1).is_none_or(|name| name == target.0) {
            run(target, Duration::from_secs(seconds), seed)?;
        }
    }
    Ok(())
}

fn corpus(name: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let (_, files) = CORPUS.iter().find(|(reader, _)| *reader == name).ok_or("no such reader")?;
    let mut corpus = Vec::new();
    for file in *files {
        let bytes = fs::read(dir.join(file))?;
        let mut bytes = if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            zstd::decode_all(&bytes[..])?
        } else {
            bytes
        };
        if name == "perf" {
            corpus.extend(as_file(&bytes));
            bytes.truncate(MOST_BYTES);
        }
        corpus.push(bytes);
    }
    Ok(corpus)
}

/// The same recording as a file with a table of attributes, as `perf record -o file` writes it.
fn as_file(pipe: &[u8]) -> Option<Vec<u8>> {
    // The first record holds the attribute, of 136 bytes in this version.
    let attr = pipe.get(24..160)?;
    let records = pipe.get(16..pipe.len().min(MOST_BYTES))?;
    let mut file = b"PERFILE2".to_vec();
    let (at, length) = (104_u64, 152_u64);
    let fields = [104, length, at, length, at + length, u64::try_from(records.len()).ok()?];
    file.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
    file.resize(104, 0);
    file.extend(attr);
    file.resize(usize::try_from(at + length).ok()?, 0);
    file.extend(records);
    Some(file)
}

fn run(target: &Target, time: Duration, seed: u64) -> Result<(), Box<dyn Error>> {
    let (name, read) = *target;
    let corpus = corpus(name)?;
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (start, mut inputs, mut slowest) = (Instant::now(), 0_u64, Duration::ZERO);
    while start.elapsed() < time {
        let input = mutate(&corpus, &mut random);
        let begin = Instant::now();
        let outcome = catch_unwind(|| read(&input));
        let took = begin.elapsed();
        slowest = slowest.max(took);
        inputs += 1;
        let finding = match outcome {
            Err(_) => Some("panic"),
            Ok(()) if took > SLOWEST => Some("slow"),
            Ok(()) if peak_kilobytes() > MOST_KILOBYTES => Some("memory"),
            Ok(()) => None,
        };
        if let Some(finding) = finding {
            let path = std::env::temp_dir().join(format!("fuzz-{name}-{finding}"));
            fs::write(&path, input)?;
            return Err(format!("{name}: {finding}, see {}", path.display()).into());
        }
    }
    let peak = peak_kilobytes() / 1000;
    println!(
        "{name}: {inputs} inputs, no finding, slowest {} ms, peak memory {peak} MB",
        slowest.as_millis()
    );
    Ok(())
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

    /// A number below this one.
    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap_or(1);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    /// One that makes trouble more often than others do.
    fn number(&mut self) -> u64 {
        const SPECIAL: [u64; 10] =
            [0, 1, 7, 8, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 63, u64::MAX];
        match self.below(4) {
            0 => self.next(),
            1 => self.next() % 0x1_0000,
            _ => SPECIAL.get(self.below(SPECIAL.len())).copied().unwrap_or(0),
        }
    }
}

fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = corpus.get(random.below(corpus.len())).cloned().unwrap_or_default();
    for _ in 0..=random.below(8) {
        // Headers are worth more than what follows them.
        let reach = if random.below(2) == 0 { bytes.len().min(4096) } else { bytes.len() };
        let at = random.below(reach);
        let length = [1, 2, 4, 8].get(random.below(4)).copied().unwrap_or(1);
        let piece = random.number().to_le_bytes();
        match random.below(8) {
            0 => bytes.truncate(at.max(16)),
            1 => {
                let copied = bytes.get(at..bytes.len().min(at + 64)).unwrap_or_default().to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copied);
            }
            2 => drop(bytes.drain(at..bytes.len().min(at + length))),
            _ => {
                let place = bytes.iter_mut().skip(at).zip(piece.iter().take(length));
                place.for_each(|(to, from)| *to = *from);
            }
        }
    }
    bytes
}
