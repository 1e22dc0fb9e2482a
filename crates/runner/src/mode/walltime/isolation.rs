//! Keeps other work away from the benchmark, where the machine is prepared for it: by programs of its owner around
//! the run, or by a slice of systemd. Nothing here asks for rights that we don't have.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use nix::unistd::{Uid, getgid, getpid, getuid};
use runner_shared::{env_names, run_as::RunAs};

use crate::{
    env::Env,
    process::{self, AskError, ToolCommand},
    tools,
};

/// The place where the owner of a machine puts its programs.
const HOOKS: &str = "/usr/local/bin";
/// Run before the benchmark; told our process.
const BEFORE: &str = "codspeed-pre-bench";
/// Run instead of the benchmark, which it becomes.
const AROUND: &str = "codspeed-wrap-bench";
/// Run after the benchmark, however it ended.
const AFTER: &str = "codspeed-post-bench";
/// Is there while systemd is in charge.
const SYSTEMD: &str = "/run/systemd/system";

/// What surrounds the benchmark. Dropping it runs what comes after.
#[derive(Debug)]
pub(crate) struct Isolation {
    prefix: Vec<OsString>,
    /// What comes before the benchmark becomes its user by itself.
    needs_rights: bool,
    after: Option<PathBuf>,
    env: Env,
    /// Sentences about wishes that can't be had, and hooks that were given up.
    pub(crate) warnings: Vec<String>,
}

/// The ways to isolate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    None,
    Wrapper,
    Scope,
}

/// What decides about the way.
#[derive(Debug, Clone, Copy)]
struct Facts {
    /// What the user says.
    wish: Option<bool>,
    has_wrapper: bool,
    /// Systemd is in charge, and we are root.
    has_scope: bool,
}

impl Facts {
    fn way(self) -> Way {
        match self {
            Self { wish: Some(false), .. } => Way::None,
            Self { has_wrapper: true, .. } => Way::Wrapper,
            Self { has_scope: true, .. } => Way::Scope,
            Self { .. } => Way::None,
        }
    }
}

impl Isolation {
    /// Decides, and runs what comes before the benchmark.
    pub(crate) fn begin(env: &Env) -> Self {
        let hook = |name| Some(Path::new(HOOKS).join(name)).filter(|path| tools::is_program(path));
        let systemd_run = || tools::find("systemd-run", env);
        let facts = Facts {
            wish: env.get(env_names::ISOLATION).and_then(|word| spelled(&word.to_string_lossy())),
            has_wrapper: hook(AROUND).is_some(),
            has_scope: Uid::effective().is_root()
                && Path::new(SYSTEMD).is_dir()
                && systemd_run().is_some(),
        };
        let way = facts.way();
        let prefix = match way {
            Way::None => Vec::new(),
            Way::Wrapper => hook(AROUND).map(PathBuf::into_os_string).into_iter().collect(),
            Way::Scope => systemd_run().map(|it| scope(it, env)).unwrap_or_default(),
        };
        let missing = (facts.wish == Some(true) && way == Way::None).then_some(
            "isolation was requested but is not possible: it needs `/usr/local/bin/codspeed-wrap-bench`, or systemd \
                and root",
        );
        // Hooks are the machine's, and change it.
        let env = env.clone().with_our_rights();
        let needs_rights = way == Way::Scope;
        let warnings = missing.map(str::to_owned).into_iter().collect();
        let mut isolation = Self { prefix, needs_rights, after: None, env, warnings };
        if facts.wish != Some(false) {
            isolation.after = hook(AFTER);
            if let Some(before) = hook(BEFORE) {
                // Like the one after: its failure is its own affair. But it took its time.
                let ran = process::run_hook(&before, &[&getpid().to_string()], &isolation.env);
                let given_up = ran.err().filter(AskError::is_worth_a_warning);
                isolation.warnings.extend(given_up.map(|err| err.to_string()));
            }
        }
        isolation
    }

    /// The benchmark with what surrounds it; the process stays the same.
    pub(crate) fn around(&self, mut benchmark: ToolCommand) -> ToolCommand {
        if let Some((program, words)) = self.prefix.split_first() {
            let inner = std::mem::replace(&mut benchmark.program, program.into());
            let args = std::mem::take(&mut benchmark.args);
            benchmark.args =
                words.iter().cloned().chain([inner.into_os_string()]).chain(args).collect();
        }
        if self.needs_rights {
            benchmark.env = benchmark.env.with_our_rights();
        }
        benchmark
    }
}

impl Drop for Isolation {
    fn drop(&mut self) {
        if let Some(after) = &self.after {
            drop(process::run_hook(after, &[], &self.env));
        }
    }
}

/// Puts the benchmark into a slice of its own. `--scope` keeps it below us, and its streams ours.
fn scope(systemd_run: PathBuf, env: &Env) -> Vec<OsString> {
    let ours = || (getuid().as_raw(), getgid().as_raw());
    let (uid, gid) = env.user().map_or_else(ours, RunAs::ids);
    let mut words = vec![systemd_run.into_os_string()];
    words.extend(["--quiet", "--slice=codspeed.slice", "--scope", "--same-dir"].map(Into::into));
    words.push(format!("--uid={uid}").into());
    words.push(format!("--gid={gid}").into());
    words.push("--".into());
    words
}

/// A yes or no in the usual spellings.
fn spelled(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{AddressSpace, Output, Stdin};

    #[test]
    fn a_wrapper_comes_before_a_scope_and_a_refusal_before_both() {
        let way = |wish, has_wrapper, has_scope| Facts { wish, has_wrapper, has_scope }.way();
        for wish in [None, Some(true)] {
            assert_eq!(way(wish, true, true), Way::Wrapper);
            assert_eq!(way(wish, false, true), Way::Scope);
            assert_eq!(way(wish, false, false), Way::None);
        }
        assert_eq!(way(Some(false), true, true), Way::None);
    }

    #[test]
    fn the_benchmark_comes_last_with_its_words_unchanged() {
        let env = Env::default();
        let (prefix, needs_rights) = (scope("/bin/systemd-run".into(), &env), true);
        let isolation =
            Isolation { prefix, needs_rights, after: None, env: env.clone(), warnings: Vec::new() };
        let benchmark = ToolCommand {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), "a 'b'".into()],
            cwd: "/".into(),
            env,
            stdin: Stdin::Null,
            output: Output::Inherit,
            address_space: AddressSpace::Random,
        };
        let ToolCommand { program, args, .. } = isolation.around(benchmark);
        assert_eq!(program, Path::new("/bin/systemd-run"));
        let ids = [format!("--uid={}", getuid()), format!("--gid={}", getgid())];
        let fixed = ["--quiet", "--slice=codspeed.slice", "--scope", "--same-dir"];
        let rest = [&ids[0], &ids[1], "--", "/bin/sh", "-c", "a 'b'"];
        assert_eq!(args, [&fixed[..], &rest].concat());
    }

    #[test]
    fn wishes_have_several_spellings() {
        assert_eq!(
            ["TRUE", "on", "0", "No", "maybe"].map(spelled),
            [Some(true), Some(true), Some(false), Some(false), None]
        );
    }
}
