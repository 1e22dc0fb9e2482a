//! Changes files of callgrind at random and reads them: whatever is in a file, reading it ends,
//! does not panic, and keeps what it promises. `cargo run --release -p results --example
//! fuzz_callgrind -- SECONDS [SEED]`.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it says how far it came")]

use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use results::{
    EXPORTERS, PROFILE_EXPORTERS, SimulationReading, SimulationReport, TableStyle, read_simulation,
    simulation_table,
};
use runner_shared::clock::now;

/// Files that are begun with.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/simulation");
/// Words of the format, and numbers at the edges.
const WORDS: &[&str] = &[
    "fn=",
    "cfn=",
    "fl=",
    "fi=",
    "fe=",
    "ob=",
    "cob=",
    "cfi=",
    "cfl=",
    "cfni=",
    "jump=",
    "jcnd=",
    "calls=",
    "totals: ",
    "summary: ",
    "events: ",
    "event: ",
    "positions: ",
    "part: ",
    "desc: Trigger: ",
    "desc: Trigger: Client Request: ",
    "desc: Spawned pid: ",
    "thread: ",
    "version: ",
    "creator: ",
    "cmd: ",
    "(1) ",
    "(2)",
    "(99999999999)",
    "\n",
    "\n\n",
    "+1 ",
    "-1 ",
    "* ",
    "0x",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775808",
    "-9223372036854775808",
    "0",
    "\0",
    "\u{fffd}",
    "Ir ",
    "line instr",
];
/// Files are cut to this, so that most time goes into new ones.
const MOST_BYTES: usize = 64 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let seconds: u64 = words.next().map_or(Ok(60), |word| word.parse())?;
    let seed = words.next().map_or(Ok(1), |word| word.parse())?;
    let mut corpus = Vec::new();
    collect(Path::new(CORPUS), &mut corpus)?;
    let mut pool: Vec<Vec<u8>> = corpus.iter().map(fs::read).collect::<Result<_, _>>()?;
    for bytes in &mut pool {
        bytes.truncate(MOST_BYTES);
    }
    let (originals, mut random) = (pool.len(), Random(seed));
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("7.out");
    let (start, limit) = (now(), seconds.saturating_mul(1_000_000_000));
    let (mut runs, mut parts) = (0_u64, 0_usize);
    while now().since(start) < limit {
        let bytes = changed(&pool, &mut random);
        // A crash leaves the file that caused it here.
        fs::write(&file, &bytes)?;
        let SimulationReading { report, broken: _ } =
            read_simulation(folder.path(), &BTreeSet::new())?;
        check(&report).map_err(|what| {
            let kept = fs::write("fuzz-failure.out", &bytes);
            format!("{what} (kept as `fuzz-failure.out`: {kept:?})")
        })?;
        runs += 1;
        parts += report.benchmarks.len();
        // Changed files are changed on, so that several changes add up.
        if random.below(8) == 0 {
            if pool.len() < originals + 64 {
                pool.push(bytes);
            } else {
                let at = originals + random.below(64);
                if let Some(old) = pool.get_mut(at) {
                    *old = bytes;
                }
            }
        }
    }
    println!(
        "callgrind files read\t{runs}\tfiles\tchanged at random, {parts} benchmarks found in {seconds} s, seed {seed}"
    );
    Ok(())
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|ending| ending == "out") {
            into.push(path);
        }
    }
    // The order of a folder differs between machines.
    into.sort();
    Ok(())
}

/// A file of the pool with one to eight changes.
fn changed(pool: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = pool.get(random.below(pool.len())).cloned().unwrap_or_default();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(64)).min(bytes.len());
        match random.below(7) {
            0 => drop(bytes.splice(at..end, [])),
            1 => drop(bytes.splice(at..at, word(random).bytes())),
            2 => drop(bytes.splice(at..end, word(random).bytes())),
            3 => {
                let copy: Vec<u8> = bytes.get(at..end).unwrap_or_default().to_vec();
                let to = random.below(bytes.len() + 1);
                drop(bytes.splice(to..to, copy));
            }
            4 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            5 => {
                let other = pool.get(random.below(pool.len())).map_or(&[][..], Vec::as_slice);
                let from = random.below(other.len() + 1);
                let to = (from + random.below(4096)).min(other.len());
                drop(bytes.splice(at..at, other.get(from..to).unwrap_or_default().iter().copied()));
            }
            _ => bytes.truncate(at),
        }
    }
    bytes.truncate(MOST_BYTES);
    bytes
}

fn word(random: &mut Random) -> &'static str {
    WORDS.get(random.below(WORDS.len())).copied().unwrap_or_default()
}

/// What holds for every report: numbers that are shown are numbers, and no stack makes up cost.
fn check(report: &SimulationReport) -> Result<(), String> {
    for one in &report.benchmarks {
        let estimate = one.estimate(&report.view);
        if estimate.is_some_and(|estimate| !estimate.nanos.is_finite() || estimate.nanos < 0.0) {
            return Err(format!("`{}`: the estimate is {estimate:?}", one.name));
        }
        if one.allocations_share().is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Err(format!("`{}`: allocators have {:?}", one.name, one.allocations_share()));
        }
        for (at, node) in one.stacks.nodes.iter().enumerate() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            let known = usize::try_from(node.frame).is_ok_and(|it| it < one.stacks.frames.len());
            if !known || node.parent.is_some_and(|parent| parent >= at) {
                return Err(format!("`{}`: the stack {at} hangs in the air", one.name));
            }
        }
    }
    let stacks: Vec<_> = report.benchmarks.iter().map(|one| &one.stacks).collect();
    let failed = |err: std::io::Error| err.to_string();
    for exporter in PROFILE_EXPORTERS {
        exporter.write(&stacks, &mut std::io::sink()).map_err(failed)?;
    }
    for exporter in EXPORTERS {
        exporter.write_simulation(report, &mut std::io::sink()).map_err(failed)?;
    }
    drop(simulation_table(report, &TableStyle { colour: false, width: Some(80) }));
    Ok(())
}

/// The generator `SplitMix64`: the same files for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `limit`; 0 for 0.
    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }
}
