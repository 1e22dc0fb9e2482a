//! The programs and libraries of a run by the identity of their build, and whether they are all that decides what is
//! executed.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ffi::{OsStr, OsString},
    fs::Metadata,
    io::Read,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use results::Report;
use runner_shared::{command_text::CommandText, env_names, harness::Target, program, text::hex};
use sha2::{Digest, Sha256};
use store::Module;
use system::files::{self, Links};

use super::{elf::Elf, libraries::Libraries, path_text};
use crate::{env::Env, settings::RunPart, workload::Workload};

/// Bytes of files that are hashed for a record, altogether: a second has time for ten times as many.
const HASHED_BYTES: u64 = 128 << 20;
/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// Libraries of a program, with those that they need themselves.
const MOST_LIBRARIES: usize = 256;
/// Programs that a profile names.
const MOST_PROFILED: usize = 16;
/// Folders whose libraries nobody changes after their build.
const OF_THE_SYSTEM: &[&str] = &["/lib", "/lib64", "/usr"];

/// Programs that run or read much more than the files in their arguments: what is executed does not depend on them alone.
const RUN_OTHERS: &[&str] = &[
    "R", "Rscript", "ar", "as", "bash", "bun", "busybox", "c++", "cargo", "cc", "clang", "clang++",
    "cmake", "dash", "deno", "docker", "doas", "dotnet", "elixir", "env", "erl", "escript", "find",
    "fish", "g++", "gcc", "gdb", "ghc", "git", "gmake", "go", "guile", "java", "javac", "julia",
    "ksh", "ld", "lua", "luajit", "make", "meson", "mono", "nice", "ninja", "node", "nodejs",
    "ocaml", "parallel", "perf", "perl", "php", "podman", "pypy", "python", "racket", "ruby",
    "runghc", "rustc", "sbcl", "sh", "ssh", "strace", "sudo", "taskset", "tclsh", "time",
    "timeout", "valgrind", "wine", "xargs", "zsh",
];

/// The modules of a workload.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    /// Programs, libraries, and files that arguments name.
    pub modules: Vec<Module>,
    /// They are all that decides what is executed, as far as anybody can tell without running it.
    pub decide: bool,
    /// The files, with what they were when they were read.
    read: Vec<(PathBuf, Option<Stamp>)>,
}

impl Used {
    /// Returns whether all files are those that were read.
    pub(super) fn is_unchanged(&self) -> bool {
        self.read.iter().all(|(path, stamp)| Stamp::of(path) == *stamp)
    }

    fn add(&mut self, other: Self) {
        let Self { modules, decide, read } = other;
        self.modules.extend(modules);
        self.decide &= decide;
        self.read.extend(read);
    }
}

/// A state of a file: another build has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    /// Numbers of the device and of the file there.
    place: (u64, u64),
    bytes: u64,
    /// Seconds and nanoseconds of the last change.
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        path.metadata().ok().as_ref().map(Self::from)
    }
}

impl From<&Metadata> for Stamp {
    fn from(about: &Metadata) -> Self {
        Self {
            place: (about.dev(), about.ino()),
            bytes: about.len(),
            changed: (about.mtime(), about.mtime_nsec()),
        }
    }
}

/// The known facts about files, each read once.
#[derive(Debug)]
pub(super) struct Programs {
    libraries: Libraries,
    known: BTreeMap<(PathBuf, Whole), Known>,
    /// Bytes that may still be hashed.
    room: u64,
}

/// The part of a file that its identity has to be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whole {
    /// All of it: an interpreter may carry the program that it runs behind its own end.
    Yes,
    /// Its build ID, unless it may have been changed since it was built.
    No,
}

/// A file.
#[derive(Debug, Clone, Default)]
struct Known {
    /// Its identity; `None` if it can't be read, or would take too long.
    id: Option<String>,
    /// Another content has another identity.
    is_sure: bool,
    elf: Option<Elf>,
    /// The file when it was read.
    stamp: Option<Stamp>,
}

impl Programs {
    /// Nothing is known yet.
    pub(super) const fn new(libraries: Libraries) -> Self {
        Self { libraries, known: BTreeMap::new(), room: HASHED_BYTES }
    }

    /// Returns the modules of what a part runs; none of a suite, which says itself what it loads.
    pub(super) fn of_workload(&mut self, part: &RunPart, env: &Env) -> Used {
        let Workload::Commands { targets, .. } = &part.workload else { return Used::default() };
        let mut all = Used { decide: env.get(env_names::LD_PRELOAD).is_none(), ..Used::default() };
        for target in targets {
            let told = target.working_directory.as_ref();
            let folder = told.map_or_else(
                || part.working_directory.clone(),
                |told| part.working_directory.join(told),
            );
            all.add(self.of_target(target, &folder, env));
        }
        all
    }

    /// Returns the programs that a profile of this report names.
    pub(super) fn of_report(&mut self, report: &Report) -> Vec<Module> {
        let stacks = report.stacks().unwrap_or_default();
        let programs: BTreeSet<&str> =
            stacks.iter().map(|stacks| &*stacks.program).filter(|it| it.starts_with('/')).collect();
        let programs = programs.into_iter().take(MOST_PROFILED);
        programs.filter_map(|path| self.module(Path::new(path))).collect()
    }

    /// Returns the identity of the C library; empty if it is not known.
    pub(super) fn libc(&mut self) -> String {
        let path = self.libraries.libc();
        path.and_then(|path| self.look(&path, Whole::No).id).unwrap_or_default()
    }

    fn of_target(&mut self, target: &Target, folder: &Path, env: &Env) -> Used {
        let args = &target.run_args;
        let hooks = [&args.setup, &args.prepare, &args.conclude, &args.cleanup];
        let words = if args.shell { None } else { words(&target.command, folder, env) };
        let Some((program, arguments)) = words else { return Used::default() };
        let mut used = self.of_program(&program);
        used.decide &= hooks.iter().all(|hook| hook.is_none()) && !runs_others(&program);
        let input = args.input.iter().map(|input| folder.join(input));
        for path in arguments.iter().flat_map(|word| named(word, folder)).chain(input) {
            self.add_file(&path, &mut used);
        }
        let path = env.get(env_names::PATH);
        used.decide &= !arguments.iter().any(|word| names_a_program(word, path, folder));
        used
    }

    /// The program with its loader and all libraries.
    fn of_program(&mut self, program: &Path) -> Used {
        let mut used = Used { decide: true, ..Used::default() };
        // Links would make several of one.
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        used.read.push((program.to_owned(), Stamp::of(program)));
        let program = real(program);
        let mut whole = Whole::Yes;
        let mut queue = VecDeque::from([program.clone()]);
        let mut seen = BTreeSet::from([program]);
        while let Some(path) = queue.pop_front() {
            let Known { id, is_sure, elf, stamp } = self.look(&path, whole);
            whole = Whole::No;
            used.decide &= is_sure;
            used.read.push((path.clone(), stamp));
            let (Some(id), Some(elf)) = (id, elf) else {
                used.decide = false;
                continue;
            };
            used.decide &= elf.names_all;
            used.modules.push(Module { path: path_text(&path), id });
            let loader = elf.interpreter.iter().map(|path| Some(PathBuf::from(path)));
            let needed = elf.needed.iter().map(|name| self.libraries.find(name, &path, &elf));
            for found in loader.chain(needed).collect::<Vec<_>>() {
                match found.as_deref().map(real) {
                    Some(_) if seen.len() > MOST_LIBRARIES => used.decide = false,
                    Some(found) => {
                        if seen.insert(found.clone()) {
                            queue.push_back(found);
                        }
                    }
                    None => used.decide = false,
                }
            }
        }
        used
    }

    /// Adds a file that an argument names; it decides if its content is known, and it is no program.
    fn add_file(&mut self, path: &Path, used: &mut Used) {
        let Ok(about) = path.metadata() else { return };
        if about.is_dir() || (about.is_file() && about.permissions().mode() & 0o111 != 0) {
            used.decide = false;
            return;
        }
        if !about.is_file() {
            // A device has no content that could be another one tomorrow.
            return;
        }
        used.read.push((path.to_owned(), Some(Stamp::from(&about))));
        let id = self.hash(path);
        used.decide &= id.is_some();
        used.modules.extend(id.map(|id| Module { path: path_text(path), id }));
    }

    fn module(&mut self, path: &Path) -> Option<Module> {
        let id = self.look(path, Whole::No).id?;
        Some(Module { path: path_text(path), id })
    }

    fn look(&mut self, path: &Path, whole: Whole) -> Known {
        let (key, stamp) = ((path.to_owned(), whole), Stamp::of(path));
        if let Some(known) = self.known.get(&key).filter(|known| known.stamp == stamp) {
            return known.clone();
        }
        let elf = files::open(path, Links::Follow).ok().and_then(Elf::read);
        let by_build = elf.as_ref().and_then(|elf| elf.build_id.clone());
        let is_of_system = OF_THE_SYSTEM.iter().any(|folder| path.starts_with(folder));
        let is_enough = by_build.is_some() && is_of_system && whole == Whole::No;
        let content = if is_enough { None } else { self.hash(path) };
        let is_sure = is_enough || content.is_some();
        let id = match (by_build, content) {
            (Some(build), Some(content)) => Some(format!("{build}+{content}")),
            (build, content) => build.or(content),
        };
        let known = Known { id, is_sure, elf, stamp };
        self.known.insert(key, known.clone());
        known
    }

    /// Returns the digest of a file, if there is time for it.
    fn hash(&mut self, path: &Path) -> Option<String> {
        let file = files::open_within(path, Links::Follow, self.room).ok()?;
        let mut file = file.take(self.room);
        let (mut hasher, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
        loop {
            let length = file.read(&mut chunk).ok()?;
            if length == 0 {
                break;
            }
            self.room = self.room.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
            hasher.update(chunk.get(..length)?);
        }
        Some(format!("sha256:{}", hex(&hasher.finalize())))
    }
}

/// Returns the program of a command and its arguments; `None` if a shell runs it, or if there is none.
fn words(command: &[OsString], folder: &Path, env: &Env) -> Option<(PathBuf, Vec<OsString>)> {
    let find = |name: &OsStr| program::find(name, env.get(env_names::PATH), folder).ok();
    let (name, arguments) = command.split_first()?;
    if let Some(path) = find(name) {
        return Some((folder.join(path), arguments.to_vec()));
    }
    // One word that is no program is a text.
    if !arguments.is_empty() {
        return None;
    }
    let Ok(CommandText::Words(words)) = CommandText::read(name) else { return None };
    let (name, arguments) = words.split_first()?;
    Some((folder.join(find(name)?), arguments.to_vec()))
}

/// Returns the paths that an argument may mean: the whole of it, what follows its first `=`, or an option of one letter.
fn named(word: &OsStr, folder: &Path) -> Vec<PathBuf> {
    let bytes = word.as_bytes();
    let value = bytes.iter().position(|byte| *byte == b'=').and_then(|at| bytes.get(at + 1..));
    let behind_letter = bytes.get(2..).filter(|_| bytes.starts_with(b"-"));
    let all = [Some(bytes), value, behind_letter];
    let given = all.into_iter().flatten().filter(|bytes| !bytes.is_empty());
    let paths = given.map(|bytes| folder.join(OsStr::from_bytes(bytes)));
    paths.filter(|path| path.exists()).collect()
}

/// Returns whether an argument may be another program that is started.
fn names_a_program(word: &OsStr, path: Option<&OsStr>, folder: &Path) -> bool {
    !word.as_bytes().contains(&b'/') && program::find(word, path, folder).is_ok()
}

/// Returns whether a program of this name runs others: by the name that is called, and by that of the file behind it.
fn runs_others(program: &Path) -> bool {
    let real = program.canonicalize();
    let paths = [Some(program), real.as_deref().ok()];
    paths.into_iter().flatten().filter_map(Path::file_name).any(|name| {
        let name = name.to_string_lossy();
        let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
        // `x86_64-linux-gnu-gcc-12`
        let last = plain.rsplit('-').next().unwrap_or(plain);
        RUN_OTHERS.contains(&plain) || RUN_OTHERS.contains(&last)
    })
}

#[cfg(test)]
mod tests;
