//! How stacks are taken: from copies, which suit every program, or by frame pointers where nothing but programs of Go
//! runs. It is decided by the files that are run, never by their arguments.
//!
//! perf takes all stacks of a recording in the same way, whatever processes start. So copies are the rule: what lies in
//! them is unwound function by function, by call frame information or by frame pointers, as the code there has it.
//! Programs of Go have no such information, and switch between stacks, which copies can't follow.

use std::{
    ffi::{OsStr, OsString},
    io::{BufRead, BufReader, Read},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use profile::is_built_by_go;
use runner_shared::text::as_text;
use system::files::{self, Links};

use crate::{
    env::Env,
    tools,
    workload::{UnwindingMode, Workload},
};

/// Bytes of the stack that are copied with each sample unless the user wants another number. With half of it, one stack
/// in twenty of a compiler or a Java machine breaks off; twice of it costs more than it brings.
const USUAL_STACK: u32 = 32768;
/// Scripts that run scripts, at most, as in the kernel.
const MOST_SCRIPTS: usize = 4;
/// Bytes of the first line of a script, at most, as in the kernel.
const FIRST_LINE: u64 = 256;
/// Commands of shells that start nothing.
const BUILTINS: &[&str] = &["cd", "export", "set", "umask", "ulimit"];

/// The way in which the stack of a sample is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unwinding {
    /// By frame pointers, in the kernel.
    FramePointers,
    /// By copying this many bytes of the stack, to be unwound later.
    Dwarf(u32),
}

impl Unwinding {
    /// Returns what was asked for, or what suits the programs that the workload starts in the folder `cwd`.
    pub(crate) fn choose(
        asked: Option<UnwindingMode>,
        workload: &Workload,
        cwd: &Path,
        env: &Env,
    ) -> Self {
        match asked {
            Some(UnwindingMode::FramePointers) => Self::FramePointers,
            Some(UnwindingMode::Dwarf(bytes)) => Self::Dwarf(bytes.unwrap_or(USUAL_STACK)),
            None => {
                let files = programs(workload).into_iter().map(|word| runs(&word, cwd, env));
                Self::suitable(files, is_built_by_go)
            }
        }
    }

    /// Returns what suits these files; `None` is one that is not known.
    fn suitable(
        files: impl Iterator<Item = Option<PathBuf>>,
        is_go: impl Fn(&Path) -> bool,
    ) -> Self {
        let mut files = files.peekable();
        let is_any = files.peek().is_some();
        let all_go = files.all(|file| file.is_some_and(|file| is_go(&file)));
        if is_any && all_go { Self::FramePointers } else { Self::Dwarf(USUAL_STACK) }
    }

    /// Returns what is said of it.
    pub(crate) fn shown(self) -> String {
        match self {
            Self::FramePointers => "stacks by frame pointers".to_owned(),
            Self::Dwarf(bytes) => format!("stacks from copies of {bytes} bytes"),
        }
    }

    /// The value of perf's option `--call-graph`.
    pub(crate) fn argument(self) -> String {
        match self {
            Self::FramePointers => "fp".to_owned(),
            Self::Dwarf(bytes) => format!("dwarf,{bytes}"),
        }
    }
}

/// The words of a workload that name programs: the first one of each command.
fn programs(workload: &Workload) -> Vec<OsString> {
    match workload {
        Workload::Commands { targets, .. } => {
            targets.iter().filter_map(|target| target.command.first().cloned()).collect()
        }
        Workload::Suite(text) => {
            let text = as_text(text);
            let commands = text.split(|char: char| ";|&()\n".contains(char));
            let words = commands
                .filter_map(|command| command.split_whitespace().find(|word| !word.contains('=')));
            words.filter(|word| !BUILTINS.contains(word)).map(Into::into).collect()
        }
    }
}

/// The file that runs when a word is called: behind links, and behind `#!`.
fn runs(word: &OsStr, cwd: &Path, env: &Env) -> Option<PathBuf> {
    let mut path = located(word, cwd, env)?;
    for _ in 0..MOST_SCRIPTS {
        let Some(line) = interpreter_line(&path) else { return Some(path) };
        let mut words = line.split_whitespace();
        let interpreter = words.next()?;
        // `env` looks up what follows its options and variables, the kernel looks up nothing.
        path = if interpreter.rsplit('/').next() == Some("env") {
            {
                let name = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
                located(OsStr::new(name), cwd, env)?
            }
        } else {
            cwd.join(interpreter)
        };
    }
    None
}

fn located(word: &OsStr, cwd: &Path, env: &Env) -> Option<PathBuf> {
    if word.as_bytes().contains(&b'/') { Some(cwd.join(word)) } else { tools::find(word, env) }
}

/// Returns what follows `#!`, if the file begins so.
fn interpreter_line(path: &Path) -> Option<String> {
    let file = files::open(path, Links::Follow).ok()?;
    let mut line = Vec::new();
    BufReader::new(file.take(FIRST_LINE)).read_until(b'\n', &mut line).ok()?;
    let line = String::from_utf8_lossy(line.strip_prefix(b"#!")?).trim().to_owned();
    Some(line).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use runner_shared::{env_names, harness::Target};

    use super::*;

    const COPIES: Unwinding = Unwinding::Dwarf(USUAL_STACK);

    /// A folder with programs, of which those called `*.go` count as programs of Go.
    fn programs_of_all_kinds() -> (tempfile::TempDir, Env) {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        let files = [
            ("real.go", "\x7fELF"),
            ("other.go", "\x7fELF"),
            ("c", "\x7fELF"),
            ("script", "#!real.go -x\n"),
            ("by-env", "#!/usr/bin/env -S A=1 real.go run\n"),
            ("of-shell", "#! ./c\nreal.go\n"),
            ("endless", "#!endless\n"),
        ];
        for (name, text) in files {
            fs::write(here.join(name), text).unwrap();
            fs::set_permissions(here.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        symlink("real.go", here.join("link")).unwrap();
        symlink("c", here.join("java")).unwrap();
        let env = Env::default().with(env_names::PATH, here);
        (folder, env)
    }

    fn chosen(workload: &Workload) -> Unwinding {
        let (folder, env) = programs_of_all_kinds();
        let is_go = |path: &Path| {
            let path = path.canonicalize().unwrap_or_default();
            path.extension().is_some_and(|end| end == "go")
        };
        let files = programs(workload).into_iter().map(|word| runs(&word, folder.path(), &env));
        Unwinding::suitable(files, is_go)
    }

    fn suite(text: &str) -> Unwinding {
        chosen(&Workload::Suite(text.into()))
    }

    fn commands(commands: &[&[&str]]) -> Unwinding {
        let target = |words: &&[&str]| Target {
            command: words.iter().map(Into::into).collect(),
            ..Target::default()
        };
        let targets = commands.iter().map(target).collect();
        chosen(&Workload::Commands { targets, versus: None, robust: false, quiet: false })
    }

    #[test]
    fn the_file_that_runs_decides() {
        for go in ["real.go", "./real.go", "link", "script", "by-env"] {
            assert_eq!(commands(&[&[go, "4"]]), Unwinding::FramePointers, "{go}");
        }
        for other in ["c", "./c", "java", "of-shell", "endless", "no-such-program", ""] {
            assert_eq!(commands(&[&[other, "real.go"]]), COPIES, "{other}");
        }
        assert_eq!(commands(&[]), COPIES);
    }

    #[test]
    fn arguments_never_decide() {
        for word in ["go", "java", "mvn", "gradle", "python", "real.go", "./real.go"] {
            assert_eq!(commands(&[&["c", "4", word]]), COPIES, "{word}");
            assert_eq!(commands(&[&["real.go", word]]), Unwinding::FramePointers, "{word}");
            assert_eq!(suite(&format!("c 4 {word}")), COPIES, "{word}");
        }
    }

    #[test]
    fn copies_suit_a_mixture() {
        assert_eq!(commands(&[&["real.go"], &["other.go"]]), Unwinding::FramePointers);
        assert_eq!(commands(&[&["real.go"], &["c"]]), COPIES);
        assert_eq!(suite("cd x && A=1 real.go test | other.go"), Unwinding::FramePointers);
        assert_eq!(suite("c; real.go"), COPIES);
        assert_eq!(suite("sh -c 'x; real.go'"), COPIES);
        assert_eq!(suite("cd x"), COPIES);
    }

    #[test]
    fn what_was_asked_for_wins() {
        let workload = Workload::Suite("x".into());
        let env = Env::default();
        let asked =
            |mode| Unwinding::choose(Some(mode), &workload, Path::new("/"), &env).argument();
        assert_eq!(asked(UnwindingMode::FramePointers), "fp");
        assert_eq!(asked(UnwindingMode::Dwarf(None)), "dwarf,32768");
        assert_eq!(asked(UnwindingMode::Dwarf(Some(64))), "dwarf,64");
    }
}
