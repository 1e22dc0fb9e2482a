//! The workload of a run, as plain data.

use std::ffi::OsString;

use runner_shared::{harness, mode::Mode, share::Share, text::as_text};

/// The workload.
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
    /// One that is slower, or needs more memory, for certain fails the run.
    pub fails: bool,
    /// The share from which on it does, if not that of the threshold.
    pub limit: Option<Share>,
    /// Each verdict is shown with the way to it.
    pub explain: bool,
    /// Seed of the order within turns; random without one.
    pub seed: Option<u64>,
}

impl Workload {
    /// Returns whether verdicts are shown with the way to them.
    pub(crate) const fn wants_explanation(&self) -> bool {
        matches!(self, Self::Commands { versus: Some(Versus { explain: true, .. }), .. })
    }

    /// Returns the options that only walltime mode heeds, and that another `mode` does without.
    pub(crate) fn unused_options(&self, mode: Mode) -> Vec<&'static str> {
        let Self::Commands { targets, .. } = self else { return Vec::new() };
        let is_used = |of: fn(&harness::RunArgs) -> bool| targets.iter().any(|it| of(&it.run_args));
        let all = [
            ("--counters", is_used(|args| !args.counters.is_empty())),
            ("--subtract-shell", is_used(|args| args.subtract_shell)),
        ];
        let unused = all.into_iter().filter(|(_, is_used)| *is_used && mode != Mode::Walltime);
        unused.map(|(option, _)| option).collect()
    }

    /// Returns what it is called beside others: short, on one line.
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

/// The way in which a run is profiled besides being measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profiling {
    /// Not at all.
    Off,
    /// If it is possible.
    On {
        /// The user asked for it, and wants to know if it is not.
        insists: bool,
        /// The way in which stacks are taken, if not as suits the program.
        unwinding: Option<UnwindingMode>,
    },
}

/// Bytes of the stack that a sample has at most: a record of perf has a length of 16 bits, and the copy in it whole words.
pub(crate) const MOST_STACK_BYTES: u32 = 65528;

/// The way in which stacks are taken, as far as users choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnwindingMode {
    /// By frame pointers.
    FramePointers,
    /// From a copy of this many bytes of the stack, if not of as many as usual.
    Dwarf(Option<u32>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_walltime_mode_are_unused_in_the_others() {
        let args = |counters: &[&str], subtract_shell| harness::RunArgs {
            counters: counters.iter().map(|name| (*name).to_owned()).collect(),
            subtract_shell,
            ..harness::RunArgs::default()
        };
        let unused = |run_args, mode| {
            let target = harness::Target { run_args, ..harness::Target::default() };
            let targets = vec![target];
            let workload =
                Workload::Commands { targets, versus: None, robust: false, quiet: false };
            workload.unused_options(mode)
        };
        let both = args(&["instructions"], true);
        assert_eq!(unused(both.clone(), Mode::Simulation), ["--counters", "--subtract-shell"]);
        assert_eq!(unused(args(&["cycles"], false), Mode::Memory), ["--counters"]);
        assert!(unused(both, Mode::Walltime).is_empty());
        assert!(unused(args(&[], false), Mode::Memory).is_empty());
    }
}
