//! The command of a benchmark with its hooks, ready to be run again and again.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use nix::sys::signal::SigSet;
use runner_shared::{
    duration::{DurationError, parse_nanos, show_nanos},
    fault::{Attempt, explain},
    harness::{RunArgs, Target},
    mode::Mode,
    walltime::as_float,
};

use crate::{
    failure::Failure,
    null_output::does_less,
    process::{Executable, Launch, Rewind, Status, Stdio, Tail},
    round::{Machine, RoundError, Sample, describe},
};

/// A round that takes longer than this is ended unless the user says otherwise.
const DEFAULT_TIMEOUT_NS: u64 = 600 * 1_000_000_000;
/// The same below Valgrind, where a program takes about a hundred times as long.
const DEFAULT_SIMULATION_TIMEOUT_NS: u64 = 3600 * 1_000_000_000;

/// The settings with which all programs are started.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    /// `NAME=value` of every variable.
    pub environment: Vec<Vec<u8>>,
    /// Value of `PATH`.
    pub path: Option<OsString>,
    /// Signal mask.
    pub mask: SigSet,
    /// A program with its arguments that starts the command in our place; empty for none.
    pub launcher: Vec<OsString>,
}

/// An option about a round with a wrong value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AroundError {
    /// The time-out is no duration.
    #[error("invalid value `{text}` for `--timeout`")]
    Timeout {
        /// The text as given.
        text: String,
        /// The form that was expected.
        source: DurationError,
    },
    /// `--ignore-failure` with something else than codes.
    #[error(
        "invalid value `{text}` for `--ignore-failure`: expected `all` or a list of exit codes such as `1,3`"
    )]
    Codes {
        /// The offending text.
        text: String,
    },
}

/// The checks on each round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Around {
    /// Longest time for one round or hook, nanoseconds.
    timeout_ns: Option<u64>,
    policy: FailurePolicy,
}

impl Around {
    /// Checks what the user asked for and adds the defaults.
    pub(crate) fn resolve(args: &RunArgs, mode: Mode) -> Result<Self, AroundError> {
        let parse = |text: &String| {
            let refused = |source| AroundError::Timeout { text: text.clone(), source };
            parse_nanos(text).map_err(refused)
        };
        let timeout_ns = match args.timeout.as_ref().map(parse).transpose()? {
            None => Some(match mode {
                Mode::Simulation => DEFAULT_SIMULATION_TIMEOUT_NS,
                Mode::Walltime | Mode::Memory => DEFAULT_TIMEOUT_NS,
            }),
            Some(0 | u64::MAX) => None,
            nanos => nanos,
        };
        Ok(Self { timeout_ns, policy: FailurePolicy::parse(args.ignore_failure.as_deref())? })
    }
}

/// Which ends of the program are no failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FailurePolicy {
    /// Only exit status 0 is well.
    Strict,
    /// These codes are well, too.
    Codes(Vec<i32>),
    /// Every end is well, signals included.
    All,
}

impl FailurePolicy {
    fn parse(text: Option<&str>) -> Result<Self, AroundError> {
        match text.map(str::trim) {
            None => Ok(Self::Strict),
            Some("all") => Ok(Self::All),
            Some(list) => {
                let codes: Result<_, _> = list.split(',').map(|code| code.trim().parse()).collect();
                match codes {
                    Ok(codes) => Ok(Self::Codes(codes)),
                    Err(_) => Err(AroundError::Codes { text: list.to_owned() }),
                }
            }
        }
    }

    /// Returns true if a run that ended like this counts.
    pub(crate) fn accepts(&self, status: Status) -> bool {
        match (self, status) {
            (Self::All, _) | (_, Status::Code(0)) => true,
            (Self::Codes(codes), Status::Code(code)) => codes.contains(&code),
            (Self::Strict | Self::Codes(_), Status::Code(_) | Status::Signal(_)) => false,
        }
    }
}

/// A program that can be started at any time.
struct Ready {
    launch: Launch,
    tail: Tail,
    rewind: Rewind,
}

impl Ready {
    fn new(
        program: &Executable,
        stdio: &Stdio,
        folder: Option<&OsStr>,
        with: &Prepared,
    ) -> Result<Self, Failure> {
        let (streams, rewind, tail) = stdio.open()?.split();
        let own = program.argv.iter().map(|word| word.as_bytes().to_vec());
        let (path, args): (&Path, Vec<Vec<u8>>) = match with.launcher.first() {
            None => (&program.path, own.collect()),
            Some(launcher) => {
                let before = with.launcher.iter().map(OsString::as_os_str);
                let before = before.chain([program.path.as_os_str()]);
                let words = before.map(|word| word.as_bytes().to_vec()).chain(own.skip(1));
                (Path::new(launcher), words.collect())
            }
        };
        let launch = Launch::new(path, &args, &with.environment, streams, with.mask)?;
        let launch = launch.in_folder(folder)?;
        Ok(Self { launch, tail, rewind })
    }
}

/// An option that gives a hook, and where it stands.
type Hook = (&'static str, fn(&RunArgs) -> Option<&OsStr>);

/// All hooks, in the order in which they run first.
pub(crate) const HOOKS: [Hook; 4] = [
    ("--setup", |args| args.setup.as_deref()),
    ("--prepare", |args| args.prepare.as_deref()),
    ("--conclude", |args| args.conclude.as_deref()),
    ("--cleanup", |args| args.cleanup.as_deref()),
];

/// The command and everything that is run around it.
pub(crate) struct Runnable {
    command: Ready,
    setup: Option<Ready>,
    prepare: Option<Ready>,
    conclude: Option<Ready>,
    cleanup: Option<Ready>,
    around: Around,
    shell_text: Option<String>,
    does_less: Option<String>,
}

impl Runnable {
    /// Resolves the programs and opens the streams.
    pub(crate) fn new(target: &Target, around: &Around, with: &Prepared) -> Result<Self, Failure> {
        Self::with_hooks(target, around, with, with)
    }

    /// The same for a command that is started with other things than its hooks.
    pub(crate) fn with_hooks(
        target: &Target,
        around: &Around,
        with: &Prepared,
        with_hooks: &Prepared,
    ) -> Result<Self, Failure> {
        let args = &target.run_args;
        let path = with.path.as_deref();
        let folder = target.working_directory.as_deref();
        let stdio = Stdio::of(args);
        let program = Executable::of_words(&target.command, args.shell, path)?;
        let hook = |(name, of): Hook| -> Result<_, Failure> {
            let Some(text) = of(args) else { return Ok(None) };
            let program = Executable::of_text(text, args.shell, path)
                .map_err(|source| Failure::Hook { name, source })?;
            Ready::new(&program, &Stdio::default(), folder, with_hooks).map(Some)
        };
        let command = Ready::new(&program, &stdio, folder, with)?;
        let [setup, prepare, conclude, cleanup] = HOOKS.map(hook);
        Ok(Self {
            command,
            setup: setup?,
            prepare: prepare?,
            conclude: conclude?,
            cleanup: cleanup?,
            around: around.clone(),
            does_less: does_less(&program, &stdio),
            shell_text: program.by_shell.then(|| target.words()),
        })
    }

    /// The text that is run by a shell, if it is one.
    pub(crate) fn shell_text(&self) -> Option<&str> {
        self.shell_text.as_deref()
    }

    /// The program, if it is one that does less as nobody reads what it says.
    pub(crate) fn does_less(&self) -> Option<&str> {
        self.does_less.as_deref()
    }

    /// The end of what the command said on its standard error.
    pub(crate) fn last_words(&self) -> String {
        self.command.tail.last_words()
    }

    /// Runs the hook of the beginning.
    pub(crate) fn set_up(&mut self, machine: &mut Machine) -> Result<(), Failure> {
        run_hook(&mut self.setup, "the setup command", self.around.timeout_ns, machine)
    }

    /// Runs the hook of the end.
    pub(crate) fn clean_up(&mut self, machine: &mut Machine) -> Result<(), Failure> {
        run_hook(&mut self.cleanup, "the cleanup command", self.around.timeout_ns, machine)
    }

    /// Runs the hook before a round and puts its streams back to their start.
    pub(crate) fn before_round(
        &mut self,
        machine: &mut Machine,
        what: &str,
        number: usize,
    ) -> Result<(), Failure> {
        self.command.rewind.rewind();
        self.command.tail.clear();
        if self.prepare.is_some() {
            let name = format!("the prepare command before {what} {number}");
            run_hook(&mut self.prepare, &name, self.around.timeout_ns, machine)?;
        }
        Ok(())
    }

    /// Runs the hook after a round.
    pub(crate) fn after_round(
        &mut self,
        machine: &mut Machine,
        what: &str,
        number: usize,
    ) -> Result<(), Failure> {
        if self.conclude.is_some() {
            let name = format!("the conclude command after {what} {number}");
            run_hook(&mut self.conclude, &name, self.around.timeout_ns, machine)?;
        }
        Ok(())
    }

    /// Runs the command once; an end that the policy doesn't accept is a failure.
    pub(crate) fn checked_round(
        &mut self,
        machine: &mut Machine,
        what: &str,
        number: usize,
        look_up: impl FnMut(u64),
    ) -> Result<Sample, Failure> {
        let Ready { launch, tail, .. } = &mut self.command;
        let sample =
            machine.round(launch, tail, self.around.timeout_ns, look_up).map_err(|err| {
                failure(&format!("{what} {number}"), &err, self.around.timeout_ns, tail)
            })?;
        if self.around.policy.accepts(sample.ended.status) {
            return Ok(sample);
        }
        let (what, words) = (format!("{what} {number}"), describe(sample.ended.status));
        Err(Failure::Ended { what, words, tail: tail.last_words() })
    }
}

/// A shell that has nothing to do.
pub(crate) struct EmptyShell(Ready);

impl EmptyShell {
    /// The shell that runs commands.
    pub(crate) fn new(with: &Prepared) -> Result<Self, Failure> {
        let program = Executable::of_text(OsStr::new(""), true, with.path.as_deref())?;
        Ready::new(&program, &Stdio::default(), None, with).map(Self)
    }

    /// Runs it once.
    pub(crate) fn round(&mut self, machine: &mut Machine) -> Result<Sample, Failure> {
        let Self(Ready { launch, tail, .. }) = self;
        let timeout_ns = Some(DEFAULT_TIMEOUT_NS);
        machine
            .round(launch, tail, timeout_ns, |_| {})
            .map_err(|err| failure("the shell with nothing to do", &err, timeout_ns, tail))
    }
}

fn run_hook(
    hook: &mut Option<Ready>,
    name: &str,
    timeout_ns: Option<u64>,
    machine: &mut Machine,
) -> Result<(), Failure> {
    let Some(Ready { launch, tail, .. }) = hook else { return Ok(()) };
    tail.clear();
    match machine.round(launch, tail, timeout_ns, |_| {}) {
        Ok(sample) if sample.ended.status == Status::Code(0) => Ok(()),
        Ok(sample) => Err(Failure::Ended {
            what: name.to_owned(),
            words: describe(sample.ended.status),
            tail: tail.last_words(),
        }),
        Err(err) => Err(failure(name, &err, timeout_ns, tail)),
    }
}

fn failure(what: &str, err: &RoundError, timeout_ns: Option<u64>, tail: &Tail) -> Failure {
    let what = what.to_owned();
    match err {
        RoundError::Interrupted => Failure::Interrupted,
        RoundError::Stopped => {
            Failure::Ended { what, words: err.to_string(), tail: tail.last_words() }
        }
        RoundError::TimedOut => {
            let limit = show_nanos(as_float(timeout_ns.unwrap_or(0)));
            let words = format!("did not finish within {limit}; use `--timeout` to allow more");
            Failure::Ended { what, words, tail: tail.last_words() }
        }
        RoundError::Start(source) => Failure::Start {
            what,
            source: std::io::Error::other(explain(source, Attempt::Start).to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_can_be_accepted_one_by_one_or_all() {
        let parse = |text| FailurePolicy::parse(text).unwrap();
        assert!(parse(None).accepts(Status::Code(0)));
        assert!(!parse(None).accepts(Status::Code(1)));
        assert!(parse(Some("1, 3")).accepts(Status::Code(3)));
        assert!(!parse(Some("1,3")).accepts(Status::Code(2)));
        assert!(!parse(Some("1,3")).accepts(Status::Signal(3)));
        assert!(parse(Some("all")).accepts(Status::Signal(9)));
        assert!(matches!(FailurePolicy::parse(Some("many")), Err(AroundError::Codes { .. })));
    }
}
