//! The only place where xtask starts programs and reads its environment. Never gives a program our stdin.
#![expect(
    clippy::disallowed_methods,
    reason = "starting tools with the caller's environment is what a build system does"
)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

use crate::say;

/// The value of an environment variable.
pub(crate) fn env(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The cargo that started us.
pub(crate) fn cargo() -> Cmd {
    Cmd::new(env("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Finds a program on `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&env("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// A program to start, with what differs from our own environment.
#[derive(Debug, Clone)]
pub(crate) struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: Option<PathBuf>,
    clean: bool,
}

/// The output of a program, and its exit code.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cmd {
    pub(crate) fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into(), args: Vec::new(), env: Vec::new(), cwd: None, clean: false }
    }

    /// The same program by `env`, so that it hears Ctrl-C. A shell that runs us in its background without job control,
    /// as a CI system may, lets us and all that we start ignore it.
    pub(crate) fn hearing_ctrl_c(self) -> Self {
        const BY_DEFAULT: &str = "--default-signal=INT,QUIT";
        let can = Self::new("env").args([BY_DEFAULT, "true"]).capture().is_ok();
        if !can {
            return self;
        }
        let args = [BY_DEFAULT.into(), self.program].into_iter().chain(self.args).collect();
        Self { program: "env".into(), args, ..self }
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    pub(crate) fn cwd(mut self, dir: &Path) -> Self {
        self.cwd = Some(dir.to_path_buf());
        self
    }

    /// Starts with nothing but the variables given by `env`.
    pub(crate) fn clean_env(mut self) -> Self {
        self.clean = true;
        self
    }

    /// Says the command line, runs it, and demands success.
    pub(crate) fn run(&self) -> Result<()> {
        let code = self.status()?;
        if code != 0 {
            bail!("`{}` ended with exit code {code}", self.shown());
        }
        Ok(())
    }

    /// Says the command line and runs it; the answer is its exit code.
    pub(crate) fn status(&self) -> Result<u8> {
        say::note(&format!("$ {}", self.shown()));
        let status = self.command().status().with_context(|| self.not_started())?;
        Ok(code_of(status))
    }

    /// Says the command line, runs it, and keeps what it prints.
    pub(crate) fn output(&self) -> Result<Output> {
        say::note(&format!("$ {}", self.shown()));
        let output = self.command().output().with_context(|| self.not_started())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Ok(Output { code: code_of(output.status), stdout, stderr })
    }

    /// Runs silently; true when it succeeded.
    pub(crate) fn succeeds(&self) -> bool {
        let mut command = self.command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Runs and returns stdout; stderr goes to ours.
    pub(crate) fn capture(&self) -> Result<String> {
        let output =
            self.command().stderr(Stdio::inherit()).output().with_context(|| self.not_started())?;
        if !output.status.success() {
            bail!("`{}` ended with exit code {}", self.shown(), code_of(output.status));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The command line as one could type it. Who demands a clean environment says once what is in it.
    pub(crate) fn shown(&self) -> String {
        // The full path of the toolchain's cargo says nothing to a reader.
        let is_cargo = Path::new(&self.program).file_name().is_some_and(|name| name == "cargo");
        let program = if is_cargo { "cargo".into() } else { self.program.clone() };
        let vars = self
            .env
            .iter()
            .filter(|_| !self.clean)
            .map(|(name, value)| format!("{}={}", say::path(name), quoted(value)));
        let words = std::iter::once(&program).chain(&self.args).map(quoted);
        vars.chain(words).collect::<Vec<_>>().join(" ")
    }

    /// For those who watch what they start.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null());
        if self.clean {
            command.env_clear();
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.cwd {
            command.current_dir(dir);
        }
        command
    }

    fn not_started(&self) -> String {
        format!("could not start `{}`", self.shown())
    }
}

/// Returns what a shell would report; a death by signal counts as failure.
fn code_of(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn quoted(word: impl AsRef<std::ffi::OsStr>) -> String {
    let word = word.as_ref().to_string_lossy().into_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_command_can_be_typed() {
        let cmd = Cmd::new("./fast").args(["it's", "", "a b", "--x=1"]).env("HOME", "a b");
        assert_eq!(cmd.shown(), r"HOME='a b' ./fast 'it'\''s' '' 'a b' --x=1");
    }

    #[test]
    fn a_failure_names_the_command_and_its_code() {
        let err = Cmd::new("sh").args(["-c", "exit 7"]).run().unwrap_err();
        assert_eq!(err.to_string(), "`sh -c 'exit 7'` ended with exit code 7");
    }

    #[test]
    fn a_clean_environment_holds_only_what_was_given() {
        let path = env("PATH").unwrap_or_default();
        let text = Cmd::new("env").clean_env().env("PATH", path.clone()).capture().unwrap();
        assert_eq!(text, format!("PATH={}\n", say::path(&path)));
    }
}
