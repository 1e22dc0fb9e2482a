//! Statements of the programs besides their calls: the allocators that are seen, and the programs that aren't.
//!
//! A process says before it becomes another program, or after it has started one, which one that is; the new program
//! says that it begins. Of whom that isn't heard, the allocations are not seen.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

use runner_shared::{
    env_names::{LD_PRELOAD, MEMTRACK_SEGMENT},
    text::{self, bytes_as_text},
};

use super::{
    executable,
    processes::{self, Who},
};
use crate::backend::{Coverage, Covered};

/// Different files, and sentences, that are kept at most.
const MAX_KINDS: usize = 1000;
/// Processes of which it is kept that they began.
const MAX_STARTS: usize = 1 << 17;

/// Something that is said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// The file of an allocator.
    Object {
        /// Number of functions that are watched.
        probes: u32,
        /// The file, as the loader knows it.
        path: Vec<u8>,
    },
    /// A program, or a copy of one, begins.
    Start {
        /// Its process.
        who: Who,
        /// The time.
        stamp: u64,
    },
    /// A process becomes another program, or was started as one.
    Exec {
        /// The process; number 0 when that isn't known.
        who: Who,
        /// The program began after this.
        since: u64,
        /// The parts of us that it finds.
        reach: Reach,
        /// The file.
        path: Vec<u8>,
    },
    /// The process didn't become another program after all.
    Failed {
        /// The process.
        who: Who,
    },
    /// An allocator may be called without us.
    Past {
        /// The way past us.
        how: Past,
        /// The file.
        path: Vec<u8>,
    },
}

/// The parts of us that a program finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Library and segment.
    All,
    /// Its environment lacks our variables.
    NoVariables,
    /// Our variables lead nowhere from where it runs.
    Nowhere,
}

/// A way to call an allocator without us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    /// It was loaded into a namespace of the loader.
    Namespace,
    /// Its address was looked up.
    Address,
    /// The program has entered the strict mode of seccomp.
    Strict,
    /// It was loaded so that it prefers what it brings along.
    Deep,
}

/// A program that has not begun yet.
#[derive(Debug)]
struct Expected {
    since: u64,
    reach: Reach,
    path: Vec<u8>,
}

/// All that was said.
#[derive(Debug, Default)]
pub(super) struct Asides {
    objects: BTreeMap<String, u32>,
    /// Programs that were started.
    programs: BTreeSet<PathBuf>,
    expected: HashMap<Who, Expected>,
    /// The last time at which processes began a program.
    starts: HashMap<Who, u64>,
    /// `PATH` of the command.
    pub search: OsString,
    /// Sentences for the user.
    pub notes: BTreeSet<String>,
}

impl Asides {
    /// Takes in what was said.
    pub(super) fn add(&mut self, aside: Aside) {
        match aside {
            Aside::Object { probes, path } => {
                if self.objects.len() < MAX_KINDS {
                    let path = bytes_as_text(&path).into_owned();
                    let known = self.objects.entry(path).or_default();
                    *known = probes.max(*known);
                }
            }
            Aside::Start { who, stamp } => {
                if self.expected.get(&who).is_some_and(|expected| expected.since <= stamp) {
                    self.expected.remove(&who);
                }
                if self.starts.len() < MAX_STARTS {
                    self.starts.insert(who, stamp);
                }
            }
            Aside::Exec { who: (_, 0), reach, path, .. } => {
                let note = self.unseen(reach, &path);
                self.note(note);
            }
            Aside::Exec { who, since, reach, path } => {
                self.exec(who, Expected { since, reach, path });
            }
            Aside::Failed { who } => {
                self.expected.remove(&who);
            }
            Aside::Past { how, path } => {
                self.note(past(how, &text::shown(OsStr::from_bytes(&path))));
            }
        }
    }

    fn exec(&mut self, who: Who, expected: Expected) {
        if self.programs.len() < MAX_KINDS
            && let Some(path) = executable::find(&expected.path, &self.search)
            && !self.programs.contains(&path)
        {
            let note = executable::own_allocators(&path);
            self.notes.extend(note);
            self.programs.insert(path);
        }
        if self.starts.get(&who).is_none_or(|stamp| *stamp < expected.since)
            && self.expected.len() < MAX_STARTS
        {
            self.expected.insert(who, expected);
        }
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < MAX_KINDS {
            self.notes.insert(note);
        }
    }

    /// Says why a program was not seen.
    fn unseen(&self, reach: Reach, asked: &[u8]) -> String {
        let found = executable::find(asked, &self.search);
        let shown = text::shown(OsStr::from_bytes(asked));
        let shown = found.as_deref().map_or(shown, |path| text::shown(path));
        if reach == Reach::Nowhere {
            return format!(
                "{shown} was started where the preloaded library can't be reached (in another root folder, or in a namespace with other files): its allocations are not seen"
            );
        }
        if let Some(why) = found.as_deref().and_then(|path| executable::why_unseen(path, None)) {
            return why;
        }
        if reach == Reach::NoVariables {
            return format!(
                "{shown} was started without the variables {} and {} of the tracer (`env -i` does so): its allocations are not seen",
                LD_PRELOAD.name, MEMTRACK_SEGMENT.name
            );
        }
        format!(
            "{shown} was started without the preloaded library (it is static, has privileges of its own, or sees other files): its allocations are not seen"
        )
    }

    /// Reports all that was said, when all is over.
    pub(super) fn coverage(mut self, lost: u64, damaged: u64) -> Coverage {
        for (who, expected) in std::mem::take(&mut self.expected) {
            // What has just been started may not have come to the point of saying so.
            let is_young = processes::outer_pid_of(who).is_some_and(processes::lives)
                && expected.reach == Reach::All
                && executable::find(&expected.path, &self.search)
                    .is_none_or(|path| executable::why_unseen(&path, None).is_none());
            if !is_young {
                let note = self.unseen(expected.reach, &expected.path);
                self.note(note);
            }
        }
        let objects = self.objects.iter().map(|(path, probes)| Covered {
            path: path.clone(),
            allocators: vec![allocator_of(path).to_owned()],
            probes: *probes,
        });
        let mut notes: Vec<String> = self.notes.iter().cloned().collect();
        if damaged > 0 {
            notes.push(format!(
                "a traced program has overwritten {} of the tracer's memory; calls are missing",
                text::count(damaged, "part")
            ));
        }
        Coverage {
            lost: lost.saturating_add(damaged),
            untracked: 0,
            objects: objects.collect(),
            notes,
        }
    }
}

fn past(how: Past, file: &str) -> String {
    match how {
        Past::Namespace => format!(
            "{file} was loaded into a namespace of its own (`dlmopen`), with a C library of its own: allocations there are not seen"
        ),
        Past::Strict => format!(
            "{file} has entered the strict mode of seccomp, in which not even the time can be read: its later allocations are not seen (use `--backend ebpf` to see them)"
        ),
        Past::Deep => format!(
            "{file} was loaded by `dlopen` with RTLD_DEEPBIND: if it contains an allocator, allocations by that are not seen"
        ),
        Past::Address => format!(
            "a program has looked up the allocator of {file} by name (`dlsym`): its calls by address are not seen"
        ),
    }
}

fn allocator_of(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    allocators::of_library(name).unwrap_or("libc")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exec(pid: i32, since: u64) -> Aside {
        let path = b"/there/is/none".to_vec();
        Aside::Exec { who: (1, pid), since, reach: Reach::All, path }
    }

    fn notes(said: impl IntoIterator<Item = Aside>) -> Vec<String> {
        let mut asides = Asides::default();
        for aside in said {
            asides.add(aside);
        }
        asides.coverage(0, 0).notes
    }

    #[test]
    fn allocators_are_known_by_their_files() {
        assert_eq!(allocator_of("/usr/lib/libjemalloc.so.2"), "jemalloc");
        assert_eq!(allocator_of("/usr/lib/libtcmalloc_minimal.so.4"), "tcmalloc");
        assert_eq!(allocator_of("/usr/lib/libc.so.6"), "libc");
    }

    #[test]
    fn the_library_defines_or_finds_each_function_of_the_table() {
        let calls = include_str!("../../../preload/calls.c");
        let (_, table) = calls.split_once("} TABLE[] = {").unwrap();
        let (table, _) = table.split_once("#undef ROW").unwrap();
        let rows = table.lines().filter_map(|line| line.trim().strip_prefix("ROW("));
        let defined: BTreeSet<&str> = rows.filter_map(|row| Some(row.split_once(',')?.0)).collect();
        assert_eq!(defined, allocators::DEFINED_BY_PRELOAD.iter().copied().collect());
        let header = include_str!(concat!(env!("OUT_DIR"), "/others_table.h"));
        let symbols = allocators::ALLOCATORS.iter().flat_map(|allocator| allocator.symbols());
        for symbol in symbols.filter(|symbol| !symbol.internal) {
            let found = header.contains(&format!("ROW({}, ", symbol.name));
            assert_ne!(found, defined.contains(symbol.name.as_str()), "{}", symbol.name);
        }
    }

    #[test]
    fn a_program_that_never_begins_is_named_and_others_are_not() {
        let start = |pid, stamp| Aside::Start { who: (1, pid), stamp };
        assert_eq!(notes([exec(7, 10)]).len(), 1);
        assert_eq!(
            notes([start(7, 5), exec(7, 10)]).len(),
            1,
            "an earlier program of this process"
        );
        assert_eq!(notes([exec(7, 10), start(8, 20)]).len(), 1, "another process");
        assert!(notes([exec(7, 10), start(7, 20)]).is_empty());
        assert!(notes([start(7, 20), exec(7, 10)]).is_empty(), "said afterwards");
        assert!(notes([exec(7, 10), Aside::Failed { who: (1, 7) }]).is_empty());
    }
}
