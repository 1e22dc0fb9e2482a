//! Kept runs against each other: which benchmarks are the same, whether the runs can be compared, and what has changed.
//!
//! No I/O, no clock, and no order but that of the records: the same records give the same verdicts, byte by byte. All
//! random numbers come from a seed that is made of the names of the records.
//!
//! | file | idea |
//! |---|---|
//! | `model.rs` | what is put in, and what comes out |
//! | `evidence.rs`, `seen.rs` | types that several of these share |
//! | `pairing.rs` | which benchmarks of both sides are the same |
//! | `class.rs` | which differences of the environment forbid a comparison (a table) |
//! | `times.rs` | one number a run: which time is judged |
//! | `noise.rs` | how far equal programs are apart: within a run, between runs, between hours |
//! | `floors.rs`, `learn.rs` | the same from earlier runs of the same programs |
//! | `counts.rs` | counts of simulation and memory mode |
//! | `judge.rs` | from numbers to the verdict on one benchmark |
//! | `suite.rs` | all benchmarks together |
//! | `moved.rs` | the functions whose cost has changed |
//! | `next.rs` | the command that would tell more |
//! | `words.rs`, `explain.rs`, `show.rs` | sentences, the arithmetic, tables and exports |

mod class;
mod counts;
mod evidence;
mod explain;
mod floors;
mod judge;
mod learn;
mod model;
mod moved;
mod next;
mod noise;
mod pairing;
mod seen;
mod show;
mod suite;
mod times;
mod words;

pub use class::{Class, Effect, Reason};
pub use counts::recorded_key;
pub use evidence::{Level, Times};
pub use floors::Floors;
pub use model::{
    Absence, AtMost, Compared, Comparison, Doubt, FloorSource, Mean, Quantity, Run, Settings,
    Shift, Summary, Title, Unmatched, Verdict,
};
pub use moved::{Moved, MovedFunction, noise, without_hash};
pub use show::Shown;

use crate::{Mode, RecordId};
use pairing::Paired;

/// Compares runs of head with runs of base. Several runs of a side are of the same state of the sources; of those that
/// are given, the first one of base and the last one of head are shown where a single one is.
pub fn compare(base: &[Run<'_>], head: &[Run<'_>], settings: &Settings<'_>) -> Comparison {
    let seed = base.iter().chain(head).fold(0, |seed: u64, run| seed.rotate_left(7) ^ bits(run.id));
    let (paired, unmatched) = pairing::pair(base, head);
    let judged = paired.iter().filter_map(|of| Some((of, judge::judge(of, settings, seed)?)));
    let (pairs, mut benchmarks): (Vec<&Paired<'_>>, Vec<Compared>) = judged.unzip();
    let tested = suite::hold_discoveries(&mut benchmarks);
    let modes = suite::sum_up(&mut benchmarks, settings.force);
    for (of, one) in pairs.into_iter().zip(&mut benchmarks) {
        one.moved = moved(of, one);
    }
    suite::sort(&mut benchmarks);
    let paired_command = command(base, head, &benchmarks);
    let titles = |runs: &[Run<'_>]| runs.iter().map(Title::of).collect();
    Comparison {
        version: Comparison::VERSION,
        base: titles(base),
        head: titles(head),
        seed,
        forced: settings.force,
        modes,
        benchmarks,
        unmatched,
        tested,
        paired_command,
    }
}

/// The command that measures the first benchmark that is in doubt in turns, else the first one.
fn command(base: &[Run<'_>], head: &[Run<'_>], benchmarks: &[Compared]) -> Option<String> {
    let is_open = |one: &&Compared| matches!(one.verdict, Verdict::Suspect | Verdict::Inconclusive);
    let one = benchmarks.iter().find(is_open).or_else(|| benchmarks.first())?;
    next::paired_command(base.first()?, head.last()?, one.mode)
}

/// The functions that have changed, of a benchmark that has.
fn moved(of: &Paired<'_>, one: &Compared) -> Option<Moved> {
    if matches!(one.verdict, Verdict::Unchanged | Verdict::Incomparable) {
        return None;
    }
    let (base, head) = of.base.first().zip(of.head.last())?;
    let whole = match one.mode {
        Mode::Walltime => Some(one.lead().map(|of| [of.base, of.head])?),
        Mode::Simulation | Mode::Memory => None,
    };
    Moved::between(base.benchmark, head.benchmark, whole)
}

/// The first 64 bits of the name of a record.
fn bits(id: RecordId) -> u64 {
    let digits = id.to_string();
    digits.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
