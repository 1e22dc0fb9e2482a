//! The same stack for commands that are compared. The kernel puts the words and the environment of a program on top of
//! its stack, so that longer ones move all that lies below; where the stack begins decides which of its data share
//! cache lines and pages, and that alone can make a program some percent slower (Mytkowicz et al., "Producing Wrong Data
//! Without Doing Anything Obviously Wrong!", 2009). Variables without a meaning make up for the difference.

use std::{
    ffi::OsStr,
    io::Read,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use runner_shared::{env_names, harness::Target};
use system::files::{self, Links};

use crate::process::Executable;

/// The kernel reads so much of a program to see what it is (`BINPRM_BUF_SIZE`).
const HEAD_BYTES: u64 = 256;
/// Scripts that are interpreted by scripts are followed so far, as the kernel does.
const MOST_INTERPRETERS: usize = 5;

/// The texts and pointers that the kernel puts on the stack of a new program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stack {
    /// Of all texts with their final zeros: path, words, variables.
    bytes: usize,
    /// To words and variables.
    pointers: usize,
}

/// Returns the variables that each of the commands needs besides its `environment`, so that the stacks of all begin at
/// the same address; `path` is the value of `PATH`. A command that can't be found needs none.
pub(crate) fn paddings(
    targets: &[&Target],
    environment: impl Fn(&Target) -> Vec<Vec<u8>>,
    path: Option<&OsStr>,
) -> Vec<Vec<Vec<u8>>> {
    let stack = |target: &&Target| {
        let program = Executable::of_words(&target.command, target.run_args.shell, path).ok()?;
        Some(Stack::of(&program, &environment(target)))
    };
    let stacks: Vec<Option<Stack>> = targets.iter().map(stack).collect();
    equal(&stacks)
}

impl Stack {
    fn of(program: &Executable, environment: &[Vec<u8>]) -> Self {
        let words = words_of(program);
        let texts = words.iter().chain(environment).map(Vec::len);
        let bytes =
            texts.map(|length| length + 1).sum::<usize>() + program.path.as_os_str().len() + 1;
        Self { bytes, pointers: words.len() + environment.len() }
    }
}

/// The words that a program gets: those of a script begin with its interpreter, the option of that, and its own path
/// instead of the first word (`fs/binfmt_script.c`).
fn words_of(program: &Executable) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> =
        program.argv.iter().map(|word| word.as_bytes().to_vec()).collect();
    let mut path: PathBuf = program.path.clone();
    for _ in 0..MOST_INTERPRETERS {
        let Some((interpreter, option)) = interpreter(&path) else { break };
        let own = [path.as_os_str().as_bytes().to_vec()];
        let before = [interpreter.clone()].into_iter().chain(option).chain(own);
        words = before.chain(words.into_iter().skip(1)).collect();
        path = PathBuf::from(OsStr::from_bytes(&interpreter));
    }
    words
}

/// The interpreter of a script, and the option for it.
fn interpreter(script: &Path) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let mut head = Vec::new();
    // What can't be read is no script for us, and at worst the stacks differ.
    files::open(script, Links::Follow).ok()?.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?.trim_ascii();
    let end = line.iter().position(|byte| b" \t".contains(byte)).unwrap_or(line.len());
    let (interpreter, option) = line.split_at_checked(end)?;
    let option = option.trim_ascii();
    let option = (!option.is_empty()).then(|| option.to_vec());
    (!interpreter.is_empty()).then(|| (interpreter.to_vec(), option))
}

/// Every command gets at least one variable, and so many that all have as many pointers; the first one takes the bytes
/// that are missing.
fn equal(stacks: &[Option<Stack>]) -> Vec<Vec<Vec<u8>>> {
    let most = stacks.iter().flatten().map(|stack| stack.pointers).max().unwrap_or(0);
    let count = |stack: &Stack| most - stack.pointers + 1;
    let bytes = |stack: &Stack| {
        stack.bytes + (0..count(stack)).map(|number| variable(number, 0).len() + 1).sum::<usize>()
    };
    let longest = stacks.iter().flatten().map(bytes).max().unwrap_or(0);
    let padding = |stack: &Option<Stack>| {
        let Some(stack) = stack else { return Vec::new() };
        let missing = longest - bytes(stack);
        (0..count(stack))
            .map(|number| variable(number, if number == 0 { missing } else { 0 }))
            .collect()
    };
    stacks.iter().map(padding).collect()
}

fn variable(number: usize, length: usize) -> Vec<u8> {
    // The name without a number is that of the padding of a repeat.
    let name = format!("{}_{number}", env_names::PADDING.name);
    let mut bytes = format!("{name}=").into_bytes();
    bytes.resize(bytes.len() + length, b'x');
    bytes
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn padded(targets: &[&[&str]], path: &Path) -> Vec<Stack> {
        let targets: Vec<Target> = targets
            .iter()
            .map(|words| Target {
                command: words.iter().map(Into::into).collect(),
                ..Target::default()
            })
            .collect();
        let environment = vec![b"A=1".to_vec(), b"PATH=/bin".to_vec()];
        let all: Vec<&Target> = targets.iter().collect();
        let paddings = paddings(&all, |_| environment.clone(), Some(path.as_os_str()));
        let stack = |(target, padding): (&Target, Vec<Vec<u8>>)| {
            let program = Executable::of_words(&target.command, false, Some(path.as_os_str()));
            Stack::of(&program.unwrap(), &[&environment[..], &padding].concat())
        };
        targets.iter().zip(paddings).map(stack).collect()
    }

    #[test]
    fn all_commands_get_as_many_bytes_and_pointers() {
        let table: &[&[&[&str]]] = &[
            &[&["true"], &["/bin/true"]],
            &[&["true", "a", "b", "c"], &["/bin/echo", "a long word that the other has not"]],
            &[&["true", "", ""], &["true"], &["true", "x"]],
            &[&["true | cat"], &["true"]],
        ];
        for targets in table {
            let stacks = padded(targets, Path::new("/bin"));
            assert!(stacks.iter().all(|stack| *stack == stacks[0]), "{targets:?}: {stacks:?}");
        }
    }

    #[test]
    fn environments_of_their_own_are_made_equal_too() {
        let target = |name: &str| Target {
            command: vec!["true".into()],
            name: Some(name.to_owned()),
            ..Target::default()
        };
        let (short, long) = (target("a"), target("a long name"));
        let own = |target: &Target| vec![format!("URI={}", target.uri()).into_bytes()];
        let path = Some(OsStr::new("/bin"));
        let paddings = paddings(&[&short, &long], own, path);
        let program = Executable::of_words(&short.command, false, path).unwrap();
        let stack = |target: &Target, padding: &[Vec<u8>]| {
            Stack::of(&program, &[&own(target)[..], padding].concat())
        };
        assert_eq!(stack(&short, &paddings[0]), stack(&long, &paddings[1]));
    }

    #[test]
    fn a_script_gets_its_interpreter_and_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        fs::write(&script, "#! /bin/sh  -e x \nexit\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let words = ["script".into(), "a".into()];
        let path = Some(folder.path().as_os_str());
        let program = Executable::of_words(&words, false, path).unwrap();
        let own = script.as_os_str().as_bytes();
        assert_eq!(words_of(&program), [b"/bin/sh", &b"-e x"[..], own, b"a"]);
        fs::write(&script, "#!\nexit\n").unwrap();
        assert_eq!(words_of(&program), [&b"script"[..], b"a"]);
    }

    #[test]
    fn a_command_that_is_not_there_gets_nothing() {
        let missing = Target { command: vec!["no-such-program".into()], ..Target::default() };
        let there = Target { command: vec!["true".into()], ..Target::default() };
        let paddings = paddings(&[&missing, &there], |_| Vec::new(), Some(OsStr::new("/bin")));
        assert_eq!(paddings, [vec![], vec![b"CODSPEED_PADDING_0=".to_vec()]]);
    }
}
