//! What the interpreters that a benchmark is likely to use are made of. They are asked themselves:
//! neither a name nor a version says it.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    io::Read,
    path::{Path, PathBuf},
};

use system::files::{self, Links};

use crate::{env::Env, process, tools};

/// Names under which a Python may be in `PATH`.
const PYTHONS: &[&str] = &["python", "python3"];

/// What Python runs its bytecode in: the library that it has loaded, or else the program. What it
/// was configured with need not be what it is linked with.
const LOADED: &str = "\
import os, sys
with open('/proc/self/maps') as maps:
    fields = [line.split(None, 5) for line in maps]
found = sorted({f[5].strip() for f in fields if len(f) > 5 and os.path.basename(f[5]).startswith('libpython')})
print(found[0] if found else os.path.realpath(sys.executable))";

/// The ABI of builds without a global lock has a `t` in its name. Nothing is imported for it, as each run in memory mode
/// waits for the answer.
const FREE_THREADED: &[&str] =
    &["-I", "-S", "-c", "import sys; print(int('t' in getattr(sys, 'abiflags', '')))"];

/// Asks one of them. One that fails is not one that is used; `trouble` gets what else there is to be told.
fn ask(
    program: &Path,
    args: &[&str],
    env: &Env,
    cwd: &Path,
    trouble: &mut Vec<String>,
) -> Option<String> {
    let answer = process::ask(program, args, env, cwd);
    if let Err(err) = &answer
        && err.is_worth_a_warning()
    {
        trouble.push(err.to_string());
    }
    answer.ok()
}

/// Returns whether the Python in `PATH` runs its threads at the same time.
pub(super) fn is_free_threaded(env: &Env, cwd: &Path, trouble: &mut Vec<String>) -> bool {
    let Some(python) = PYTHONS.iter().find_map(|name| tools::find(name, env)) else {
        return false;
    };
    if is_older_than_free_threading(&python) {
        return false;
    }
    ask(&python, FREE_THREADED, env, cwd, trouble).is_some_and(|answer| answer.trim() == "1")
}

/// Returns whether this is the program of a Python from before 3.13, which had no such builds. Asking would take longer than the
/// rest of a short run. Scripts that choose a Python and programs of other names have to be asked.
fn is_older_than_free_threading(python: &Path) -> bool {
    const FIRST: u32 = 13;
    let Ok(program) = python.canonicalize() else { return false };
    let name = program.file_name().and_then(OsStr::to_str);
    let minor = name.and_then(|name| name.strip_prefix("python3.")?.parse::<u32>().ok());
    minor.is_some_and(|minor| minor < FIRST) && is_elf(&program)
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = files::open(path, Links::Follow).map(|mut file| file.read_exact(&mut magic));
    matches!(read, Ok(Ok(()))) && magic == *b"\x7fELF"
}

/// The files whose frames are noise; each once.
pub(super) fn objects(env: &Env, cwd: &Path, trouble: &mut Vec<String>) -> Vec<PathBuf> {
    let mut pythons: Vec<PathBuf> =
        PYTHONS.iter().filter_map(|name| tools::find(name, env)).collect();
    let mut ask = |program: &Path, args: &[&str]| ask(program, args, env, cwd, trouble);
    let of_uv = tools::find("uv", env).and_then(|uv| ask(&uv, &["python", "find"]));
    pythons.extend(of_uv.map(|path| PathBuf::from(path.trim())));
    let mut answers: Vec<String> =
        pythons.iter().filter_map(|python| ask(python, &["-c", LOADED])).collect();
    let node = tools::find("node", env);
    answers.extend(node.and_then(|node| ask(&node, &["-e", "console.log(process.execPath)"])));
    let paths = answers.iter().map(|answer| PathBuf::from(answer.trim()));
    let objects: BTreeSet<PathBuf> = paths.filter_map(|path| path.canonicalize().ok()).collect();
    objects.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use runner_shared::{env_names, text::shown};

    use super::*;

    fn program(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn every_interpreter_is_asked_and_named_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = dir.path().canonicalize().unwrap().join(name);
            fs::write(&path, "").unwrap();
            path
        };
        let (library, static_python) = (file("libpython3.so"), file("python3.12"));
        program(dir.path(), "python", &format!("echo {}", shown(&library)));
        program(dir.path(), "python3", &format!("echo {}", shown(&library)));
        program(dir.path(), "other", &format!("echo {}", shown(&static_python)));
        let other = dir.path().join("other");
        program(
            dir.path(),
            "uv",
            &format!("test \"$*\" = 'python find' && echo {}", shown(&other)),
        );
        program(dir.path(), "node", "exit 1");
        let env = Env::default().with(env_names::PATH, dir.path());
        let mut trouble = Vec::new();
        assert_eq!(objects(&env, dir.path(), &mut trouble), [library, static_python]);
        assert!(!is_free_threaded(&env, dir.path(), &mut trouble));
        program(dir.path(), "python", "echo 1");
        assert!(is_free_threaded(&env, dir.path(), &mut trouble));
        let nowhere = Env::default().with(env_names::PATH, "/nowhere");
        assert!(objects(&nowhere, dir.path(), &mut trouble).is_empty());
        assert!(trouble.is_empty(), "{trouble:?}");
        program(dir.path(), "node", "while :; do printf %65536s x; done");
        objects(&env, dir.path(), &mut trouble);
        assert_eq!(trouble.len(), 1, "{trouble:?}");
        assert!(trouble[0].contains("/node` wrote too much output"), "{trouble:?}");
    }

    #[test]
    fn only_programs_that_bear_an_old_version_need_not_be_asked() {
        let dir = tempfile::tempdir().unwrap();
        let cases: [(&str, &[u8], bool); 6] = [
            ("python3.12", b"\x7fELF and so on", true),
            ("python3.13", b"\x7fELF and so on", false),
            ("python3.9", b"\x7fELF", true),
            ("python3.12t", b"\x7fELF", false),
            ("python3.8", b"#!/bin/sh", false),
            ("python3.7", b"", false),
        ];
        for (name, bytes, expected) in cases {
            let path = dir.path().join(name);
            fs::write(&path, bytes).unwrap();
            assert_eq!(is_older_than_free_threading(&path), expected, "{name}");
            let link = dir.path().join("python");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert_eq!(is_older_than_free_threading(&link), expected, "link to {name}");
            fs::remove_file(link).unwrap();
        }
    }

    mod network {
        use super::*;

        #[test]
        fn a_real_python_names_a_file_that_it_is_made_of() {
            let env = Env::default();
            let python = tools::find("python3", &env).expect("Python is needed");
            let answer = process::ask(&python, &["-c", LOADED], &env, Path::new("/")).unwrap();
            assert!(PathBuf::from(answer.trim()).is_file(), "{answer}");
        }
    }
}
