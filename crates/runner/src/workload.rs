//! What a run runs, as plain data.

use std::ffi::OsString;

use runner_shared::{harness, share::Share, text::as_text};

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Workload {
    /// A suite with an integration, as shell text.
    Suite(OsString),
    /// Commands that `exec-harness` turns into benchmarks.
    Commands {
        /// The commands.
        targets: Vec<harness::Target>,
        /// In turns, to be compared with the first; else one after the other.
        versus: Option<Versus>,
        /// Results hold the noise-robust times.
        robust: bool,
        /// No progress.
        quiet: bool,
    },
}

/// The way in which commands are compared with the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Versus {
    /// The smallest difference that matters, if not the usual one of the mode and the counter.
    pub threshold: Option<Share>,
    /// One that is slower, or hungrier, for certain fails the run.
    pub fails: bool,
    /// The share from which on it does, if not that of the threshold.
    pub limit: Option<Share>,
    /// How each verdict was reached is shown as well.
    pub explain: bool,
    /// Seed of the order within turns; random without one.
    pub seed: Option<u64>,
}

impl Workload {
    /// How verdicts were reached is shown as well.
    pub(crate) const fn wants_explanation(&self) -> bool {
        matches!(self, Self::Commands { versus: Some(Versus { explain: true, .. }), .. })
    }

    /// What it is called beside others: short, on one line.
    pub(crate) fn label(&self) -> String {
        let text = match self {
            Self::Suite(text) => as_text(text).into_owned(),
            Self::Commands { targets, .. } => {
                let names = targets.iter().map(harness::Target::full_name);
                names.collect::<Vec<_>>().join(", ")
            }
        };
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut short: String = words.chars().take(LABEL_LEN).collect();
        if short.len() < words.len() {
            short.push('…');
        }
        short
    }
}

/// Characters of a label.
const LABEL_LEN: usize = 60;

/// How a run is profiled besides being measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profiling {
    /// Not at all.
    Off,
    /// If it is possible.
    On {
        /// The user asked for it, and wants to know if it is not.
        insists: bool,
        /// How stacks are taken, if not as suits the program.
        unwinding: Option<UnwindingMode>,
    },
}

/// How stacks are taken, as far as users choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnwindingMode {
    /// By frame pointers.
    FramePointers,
    /// From a copy of this many bytes of the stack, if not of as many as usual.
    Dwarf(Option<u32>),
}
