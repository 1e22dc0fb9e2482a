//! Refuses, before anything runs, what can't be counted: static programs, programs that gain
//! privileges, programs of another processor. Scripts are followed to their interpreter.

use std::{
    ffi::{OsStr, OsString},
    io::{self, BufRead, BufReader, Read},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use system::files::{self, Links};

use super::{
    elf::{Linkage, linkage},
    valgrind::has_capabilities,
};
use runner_shared::{program::ProgramError, text::shown};

use crate::process::find;

/// The system follows that many scripts, too.
const MOST_SCRIPTS: u8 = 5;
/// The system reads no more of the first line of a script.
const LINE_BYTES: u64 = 256;
const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const GROUP_RUNS: u32 = 0o010;

/// The alternatives, part of each refusal.
const INSTEAD: &str = "use mode `walltime`, or an integration for its language";

/// The reason why simulation mode can't count a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// No loader, so nobody takes our library.
    #[error(
        "`{}` is statically linked, and simulation mode needs a dynamically linked program (a build without `-static` or `-static-pie`); {INSTEAD}",
        shown(path)
    )]
    Static {
        /// The program.
        path: PathBuf,
    },
    /// For another processor.
    #[error(
        "`{}` is a program for another processor, which simulation mode can't count; {INSTEAD}",
        shown(path)
    )]
    Foreign {
        /// The program.
        path: PathBuf,
    },
    /// Runs with other rights than its caller.
    #[error(
        "`{}` gains privileges when it is run (setuid, setgid or file capabilities), which Valgrind does not allow; \
            measure a copy without them, or use mode `walltime`",
        shown(path)
    )]
    Privileged {
        /// The program.
        path: PathBuf,
    },
    /// Neither a binary nor a script.
    #[error(
        "`{}` is not a program the system can run: add a first line such as `#!/bin/sh` to the script, or use \
            `--shell`",
        shown(path)
    )]
    NoProgram {
        /// The file.
        path: PathBuf,
    },
    /// Valgrind must read what it runs.
    #[error("`{}` is not readable, which Valgrind requires", shown(path))]
    Unreadable {
        /// The program.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The first line of a script names something that can't be run.
    #[error("the interpreter of the script `{}` cannot be run", shown(script))]
    Interpreter {
        /// The script.
        script: PathBuf,
        /// The reason.
        #[source]
        source: ProgramError,
    },
    /// A script that is run by a script, and so on.
    #[error("`{}` is a script whose interpreters are scripts without end", shown(path))]
    TooDeep {
        /// The last one looked at.
        path: PathBuf,
    },
    /// Callgrind writes names as they are, one line each.
    #[error(
        "its name contains a line break, which Valgrind's files can't contain; use `--name` or `\"name\"` to rename it"
    )]
    LineBreak,
}

/// Checks a program and all that it takes to run it.
pub(crate) fn check(path: &Path, path_variable: Option<&OsStr>) -> Result<(), Unfit> {
    check_below(path, path_variable, MOST_SCRIPTS)
}

fn check_below(path: &Path, path_variable: Option<&OsStr>, left: u8) -> Result<(), Unfit> {
    let path = path.to_owned();
    if gains_privileges(&path) {
        return Err(Unfit::Privileged { path });
    }
    let (found, line) = match look(&path) {
        Ok(looked) => looked,
        Err(source) => return Err(Unfit::Unreadable { path, source }),
    };
    match found {
        Linkage::Dynamic => return Ok(()),
        Linkage::Static => return Err(Unfit::Static { path }),
        Linkage::Foreign => return Err(Unfit::Foreign { path }),
        Linkage::NotElf => {}
    }
    let Some(interpreter) = Interpreter::parse(&line) else {
        return Err(Unfit::NoProgram { path });
    };
    if left == 0 {
        return Err(Unfit::TooDeep { path });
    }
    let Interpreter { program, by_env } = interpreter;
    // Unlike in a command, a name without a slash is a file of the working directory.
    let program = if program.as_bytes().contains(&b'/') {
        program
    } else {
        Path::new(".").join(program).into_os_string()
    };
    for name in [Some(program), by_env].into_iter().flatten() {
        let next = find(&name, path_variable)
            .map_err(|source| Unfit::Interpreter { script: path.clone(), source })?;
        check_below(&next, path_variable, left - 1)?;
    }
    Ok(())
}

fn look(path: &Path) -> io::Result<(Linkage, Vec<u8>)> {
    let mut file = files::open(path, Links::Follow)?;
    let found = linkage(&mut file)?;
    let mut line = Vec::new();
    if found == Linkage::NotElf {
        io::Seek::rewind(&mut file)?;
        BufReader::new(file.take(LINE_BYTES)).read_until(b'\n', &mut line)?;
    }
    Ok((found, line))
}

fn gains_privileges(path: &Path) -> bool {
    let mode = path.metadata().map_or(0, |data| data.permissions().mode());
    let by_mode = mode & SETUID != 0 || (mode & SETGID != 0 && mode & GROUP_RUNS != 0);
    by_mode || has_capabilities(path)
}

/// The interpreter named by the first line of a script.
#[derive(Debug, PartialEq, Eq)]
struct Interpreter {
    program: OsString,
    /// The program that `env` looks for in PATH.
    by_env: Option<OsString>,
}

impl Interpreter {
    fn parse(line: &[u8]) -> Option<Self> {
        let line = line.strip_prefix(b"#!")?;
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let program = OsStr::from_bytes(words.next()?).to_owned();
        let by_env = if Path::new(&program).file_name() == Some(OsStr::new("env")) {
            let mut words = words.skip_while(|word| matches!(*word, b"-S" | b"-i" | b"-"));
            let name = words.find(|word| word.starts_with(b"-") || !word.contains(&b'='));
            // Other options may take a word; what they lead to is checked after the run.
            let name = name.filter(|word| !word.starts_with(b"-"));
            name.map(|name| OsStr::from_bytes(name).to_owned())
        } else {
            None
        };
        Some(Self { program, by_env })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn script(folder: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn first_lines_are_read_as_the_system_and_env_do() {
        let parse = |line: &str| {
            Interpreter::parse(line.as_bytes()).map(|found| (found.program, found.by_env))
        };
        let found =
            |program: &str, by_env: Option<&str>| Some((program.into(), by_env.map(Into::into)));
        assert_eq!(parse("#! /bin/bash -e\n"), found("/bin/bash", None));
        assert_eq!(parse("#!/usr/bin/env python3\n"), found("/usr/bin/env", Some("python3")));
        assert_eq!(parse("#!/usr/bin/env -S A=1 node -x\n"), found("/usr/bin/env", Some("node")));
        assert_eq!(parse("#!/usr/bin/env -u A node\n"), found("/usr/bin/env", None));
        assert_eq!(parse("#!"), None);
        assert_eq!(parse("echo x\n"), None);
    }

    #[test]
    fn each_reason_has_its_own_refusal() {
        let folder = tempfile::tempdir().unwrap();
        let said = |name: &str, text: &str, mode: u32| {
            let path = script(folder.path(), name, text, mode);
            match check(&path, Some(folder.path().as_os_str())) {
                Ok(()) => "fit".to_owned(),
                Err(err) => runner_shared::fault::chain(&err)
                    .replace(&shown(folder.path()).into_owned(), "[folder]"),
            }
        };
        let itself = format!("#!{}\n", shown(&folder.path().join("loop")));
        let lines = [
            said("shell", "#!/bin/sh\n", 0o755),
            said("by-env", "#!/usr/bin/env shell\n", 0o755),
            said("plain", "echo x\n", 0o755),
            said("setuid", "#!/bin/sh\n", 0o4755),
            said("missing", "#!/no/such/shell\n", 0o755),
            said("env-missing", "#!/usr/bin/env no-such-program\n", 0o755),
            said("loop", &itself, 0o755),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
