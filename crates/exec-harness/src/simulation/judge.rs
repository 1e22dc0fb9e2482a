//! Decides, from everything that is known after a run, whether the count of a benchmark is whole.
//! Pure: reads no file and no process.

use std::collections::{BTreeMap, BTreeSet};

use nix::unistd::Pid;
use runner_shared::profile_dir::CALLGRIND;

use super::{
    dumps::Dump,
    parts::Parts,
    reports::{Report, What},
};

/// The facts known about a run.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    /// The process of the command.
    pub pid: Pid,
    /// The reports of the library.
    pub reports: &'a [Report],
    /// Processes that went on running.
    pub stragglers: &'a [Pid],
    /// New files in the profile folder; `None` if there is no folder to look into.
    pub dumps: Option<&'a BTreeMap<Pid, Dump>>,
}

/// A whole count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Counted {
    /// Instructions, if a file tells.
    pub instructions: Option<u64>,
    /// The command became another program, this one, and only that one was counted.
    pub became: Option<String>,
    /// The cost still stands in a part without the URI.
    pub unlabelled: bool,
}

/// The reason why there is no count, or no complete one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotCounted {
    /// Outside Valgrind.
    #[error(
        "it ran outside of Valgrind, which needs `--trace-children=yes` and no `--trace-children-skip` that matches \
            the command"
    )]
    Native,
    /// Something else did work that is not in the count.
    #[error("it starts other processes, whose work is not counted: {}; measure the command that does the work, or use \
        mode `walltime`", child_words(*pid, command.as_deref(), *more))]
    Children {
        /// One of them.
        pid: Pid,
        /// Its command.
        command: Option<String>,
        /// The number of others.
        more: usize,
    },
    /// Something goes on after the end.
    #[error(
        "its process {pid} was still running when the command ended, and can't be counted; use mode `walltime` to \
            measure the command"
    )]
    Straggler {
        /// One of them.
        pid: Pid,
    },
    /// The library was not loaded.
    #[error(
        "`LD_PRELOAD` had no effect on it, so counting was not switched on: it uses another C library, removes the \
            variable, or can't read the library"
    )]
    Ignored,
    /// Became a program that can't be counted.
    #[error(
        "it executed another program, `{command}`, which is static or removes `LD_PRELOAD`, so it can't be counted; \
            measure that program directly to see why"
    )]
    Became {
        /// That program.
        command: String,
    },
    /// The count was not dumped and there is no folder to look into.
    #[error(
        "it ended by a raw system call or a signal, unnoticed by the library; set CODSPEED_PROFILE_FOLDER to find its \
            counts nevertheless"
    )]
    Unnoticed,
    /// No file.
    #[error(
        "Valgrind wrote no `{}` for it: is the tool callgrind, and can the command write to the profile folder?",
        CALLGRIND.named(pid)
    )]
    NoFile {
        /// The process of the command.
        pid: Pid,
    },
    /// The file is not whole.
    #[error(
        "its file `{}` is truncated: the disk is full, a limit of file sizes (`ulimit -f`) was reached, or Valgrind was \
            killed",
        CALLGRIND.named(pid)
    )]
    CutOff {
        /// The process of the command.
        pid: Pid,
    },
    /// Counted nothing.
    #[error("its count is 0: it switches callgrind off")]
    Nothing,
    /// Several parts.
    #[error("its file has {count} parts with its URI instead of one")]
    Several {
        /// The number of parts.
        count: usize,
    },
    /// A later process got the same number.
    #[error(
        "its file was overwritten by a later benchmark with the same process id {pid}; run it again"
    )]
    Overwritten {
        /// The number.
        pid: Pid,
    },
}

fn child_words(pid: Pid, command: Option<&str>, more: usize) -> String {
    let command = command.map_or_else(String::new, |command| format!(" (`{command}`)"));
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("process {pid}{command}{more}")
}

impl Evidence<'_> {
    /// A whole count, or the reason why there is none.
    pub(crate) fn judge(&self) -> Result<Counted, NotCounted> {
        if let Some(pid) = self.stragglers.first() {
            return Err(NotCounted::Straggler { pid: *pid });
        }
        self.no_children()?;
        let Some(dumps) = self.dumps else {
            return if self.saw(What::Dumped) {
                Ok(Counted::default())
            } else if self.saw(What::Started) {
                Err(NotCounted::Unnoticed)
            } else if self.saw(What::Native) {
                Err(NotCounted::Native)
            } else {
                Err(NotCounted::Ignored)
            };
        };
        match dumps.get(&self.pid) {
            None if self.ended_outside() => Err(NotCounted::Native),
            None => Err(NotCounted::NoFile { pid: self.pid }),
            Some(Dump::Trace) if self.saw(What::Dumped) => Ok(Counted::default()),
            Some(Dump::Trace) => Err(NotCounted::Ignored),
            Some(Dump::Parts(parts)) => self.judge_parts(parts),
        }
    }

    fn judge_parts(&self, parts: &Parts) -> Result<Counted, NotCounted> {
        if parts.cut_off {
            return Err(NotCounted::CutOff { pid: self.pid });
        }
        let starts = self.of_command().filter(|report| report.what == What::Started).count();
        let counted = |instructions, unlabelled| {
            let became = (starts > 1).then(|| parts.command.clone());
            Ok(Counted { instructions: Some(instructions), became, unlabelled })
        };
        match *parts.labelled.as_slice() {
            [0] => Err(NotCounted::Nothing),
            [instructions] => counted(instructions, false),
            [] if starts == 0 => Err(NotCounted::Ignored),
            [] if parts.rest > 0 => counted(parts.rest, true),
            [] => Err(NotCounted::Became { command: parts.command.clone() }),
            ref several => Err(NotCounted::Several { count: several.len() }),
        }
    }

    /// Any other process did something that is not in the count. A child of the command itself
    /// is named rather than a grandchild, whatever their numbers.
    fn no_children(&self) -> Result<(), NotCounted> {
        let mut children: BTreeSet<Pid> = self.reports.iter().map(|report| report.pid).collect();
        children.extend(self.dumps.into_iter().flat_map(BTreeMap::keys));
        children.remove(&self.pid);
        let own =
            self.reports.iter().find(|report| report.parent == self.pid && report.pid != self.pid);
        let Some(pid) = own.map(|report| report.pid).or_else(|| children.first().copied()) else {
            return Ok(());
        };
        let command = match self.dumps.and_then(|dumps| dumps.get(&pid)) {
            Some(Dump::Parts(parts)) => Some(parts.command.clone()),
            Some(Dump::Trace) | None => None,
        };
        Err(NotCounted::Children { pid, command, more: children.len() - 1 })
    }

    /// Valgrind's launcher runs outside Valgrind, too: so this means something only where no file
    /// was written.
    fn ended_outside(&self) -> bool {
        self.of_command().next_back().is_some_and(|report| report.what == What::Native)
    }

    fn of_command(&self) -> impl DoubleEndedIterator<Item = &Report> {
        self.reports.iter().filter(|report| report.pid == self.pid)
    }

    fn saw(&self, what: What) -> bool {
        self.of_command().any(|report| report.what == what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: i32 = 70;

    fn report(what: What, pid: i32, parent: i32) -> Report {
        Report { what, pid: Pid::from_raw(pid), parent: Pid::from_raw(parent) }
    }

    fn parts(command: &str, labelled: &[u64], rest: u64) -> Dump {
        let (command, labelled) = (command.to_owned(), labelled.to_vec());
        Dump::Parts(Parts { command, labelled, rest, cut_off: false })
    }

    /// Judges a command `prog` that was started and, unless told otherwise, dumped.
    fn judge(reports: &[Report], dumps: &[(i32, Dump)]) -> Result<Counted, NotCounted> {
        let dumps = dumps.iter().map(|(pid, dump)| (Pid::from_raw(*pid), dump.clone())).collect();
        let pid = Pid::from_raw(COMMAND);
        Evidence { pid, reports, stragglers: &[], dumps: Some(&dumps) }.judge()
    }

    fn good() -> [Report; 2] {
        [report(What::Started, COMMAND, 1), report(What::Dumped, COMMAND, 1)]
    }

    fn whole(instructions: u64) -> Counted {
        Counted { instructions: Some(instructions), became: None, unlabelled: false }
    }

    #[test]
    fn one_dump_of_the_command_is_a_count() {
        assert_eq!(judge(&good(), &[(COMMAND, parts("prog", &[5], 0))]), Ok(whole(5)));
        // The lines get lost on a full disk; the file tells enough.
        assert_eq!(judge(&[], &[(COMMAND, parts("prog", &[5], 0))]), Ok(whole(5)));
        assert_eq!(judge(&good(), &[(COMMAND, Dump::Trace)]), Ok(Counted::default()));
    }

    #[test]
    fn a_file_that_ends_in_the_middle_is_no_other_program() {
        let parts = Parts { command: "prog".to_owned(), cut_off: true, ..Parts::default() };
        let found = judge(&good(), &[(COMMAND, Dump::Parts(parts))]).unwrap_err().to_string();
        assert!(found.contains("`70.out` is truncated: the disk is full"), "{found}");
    }

    #[test]
    fn a_raw_end_is_found_in_the_last_part() {
        let started = [report(What::Started, COMMAND, 1)];
        let found = judge(&started, &[(COMMAND, parts("prog", &[], 9))]);
        assert_eq!(found, Ok(Counted { unlabelled: true, ..whole(9) }));
    }

    #[test]
    fn the_last_of_several_programs_in_a_process_is_named() {
        let reports = [&good()[..1], &good()[..]].concat();
        let found = judge(&reports, &[(COMMAND, parts("ls -d /", &[5], 0))]);
        assert_eq!(found, Ok(Counted { became: Some("ls -d /".to_owned()), ..whole(5) }));
        let command = "static".to_owned();
        let found = judge(&good()[..1], &[(COMMAND, parts("static", &[], 0))]);
        assert_eq!(found, Err(NotCounted::Became { command }));
    }

    #[test]
    fn children_are_found_by_parent_and_file_not_by_order_of_pids() {
        // Numbers have wrapped: the child has the smaller one, and a grandchild the smallest.
        let mut reports = good().to_vec();
        reports.extend([report(What::Forked, 2, 9), report(What::Started, 9, COMMAND)]);
        let dumps = [(COMMAND, parts("sh", &[5], 0)), (9, parts("ls", &[3], 0))];
        let pid = Pid::from_raw(9);
        let expected = NotCounted::Children { pid, command: Some("ls".to_owned()), more: 1 };
        assert_eq!(judge(&reports, &dumps), Err(expected));
        let silent = judge(&good(), &dumps);
        let expected = NotCounted::Children { pid, command: Some("ls".to_owned()), more: 0 };
        assert_eq!(silent, Err(expected));
    }

    #[test]
    fn each_cause_of_a_missing_dump_has_its_own_words() {
        let native = judge(&[report(What::Native, COMMAND, 1)], &[]);
        let ignored = judge(&[], &[(COMMAND, parts("prog", &[], 0))]);
        let no_file = judge(&good(), &[]);
        let nothing = judge(&good(), &[(COMMAND, parts("prog", &[0], 0))]);
        let several = judge(&good(), &[(COMMAND, parts("prog", &[1, 2], 0))]);
        let pid = Pid::from_raw(COMMAND);
        let left = [Pid::from_raw(9)];
        let blind = |reports: &[Report], stragglers: &[Pid]| {
            Evidence { pid, reports, stragglers, dumps: None }.judge()
        };
        let straggler = blind(&good(), &left);
        let unnoticed = blind(&good()[..1], &[]);
        assert_eq!(blind(&good(), &[]), Ok(Counted::default()));
        let words = [native, ignored, no_file, nothing, several, straggler, unnoticed]
            .map(|found| found.unwrap_err().to_string());
        insta::assert_snapshot!(words.join("\n"));
    }
}
