//! Runs our programs in a folder of their own, with a clean environment and a private `/tmp`.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::{sys::stat::Mode, unistd::mkfifo};
use runner_shared::{fifo::FifoPaths, text::shown};
use tempfile::TempDir;

use crate::{
    run::{Run, Running},
    terminal::Terminal,
    wait::Notice,
};

/// A folder, an environment, and (in a mount namespace of its own) an empty folder for temporary
/// files, so that tests neither see each other's FIFOs nor those of a real run.
#[derive(Debug)]
pub struct Sandbox {
    folder: TempDir,
    variables: Vec<(OsString, OsString)>,
    /// The folder of the build, if it lies in the one for temporary files: stays visible.
    keep: OsString,
}

/// Mounts the sandbox's folder (`$0`) over the one for temporary files (`$SHARED`), in which only
/// `$KEEP` stays visible, then becomes the program.
const PRIVATE: &str = r#"
if [ -n "$KEEP" ]; then
    mkdir -p "$0/$KEEP" && mount --bind "$SHARED/$KEEP" "$0/$KEEP" || exit 125
fi
mount --rbind "$0" "$SHARED" && cd "$PWD" && unset SHARED KEEP OLDPWD && exec "$@"
exit 125"#;

impl Sandbox {
    /// An empty sandbox below `parent`: `env!("CARGO_TARGET_TMPDIR")` is right.
    pub fn new(parent: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("sandbox-").tempdir_in(parent).unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let home = folder.path().as_os_str().to_owned();
        let keep = Path::new(parent).strip_prefix(shared_tmp()).ok();
        let keep = keep.and_then(|below| below.components().next());
        let keep = keep.map(|first| first.as_os_str().to_owned()).unwrap_or_default();
        let sandbox =
            Self { folder, variables: vec![("PATH".into(), path), ("HOME".into(), home)], keep };
        fs::create_dir(sandbox.tmp()).unwrap();
        sandbox
    }

    /// The folder in which programs run.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns what [`Self::private`] programs see as the folder for temporary files.
    pub fn tmp(&self) -> PathBuf {
        self.path().join("tmp")
    }

    /// Names of what private programs left in the folder for temporary files, sorted.
    pub fn left_in_tmp(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.tmp())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| *name != self.keep)
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Sets an environment variable for all programs.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Writes a file.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes a program; `text` begins with its `#!` line.
    pub fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Makes a FIFO; a program that opens it for reading blocks until the test writes to it.
    pub fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        path
    }

    /// Makes a FIFO through which a program tells the test something.
    pub fn notice(&self, name: &str) -> Notice {
        Notice::on(&self.fifo(name))
    }

    /// Returns what a file of the sandbox holds.
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Compiles a C program.
    pub fn c_program(&self, name: &str, source: &str) -> PathBuf {
        let file = self.file(&format!("{name}.c"), source);
        let path = self.path().join(name);
        let output = program("cc").arg("-O1").arg("-o").arg(&path).arg(&file).output();
        let output = output.expect("a C compiler is needed: `cargo xtask setup` installs one");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        path
    }

    /// A command in the sandbox that sees the real folder for temporary files.
    pub fn command<S: AsRef<OsStr>>(
        &self,
        binary: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = program(binary);
        command.args(args).current_dir(self.path()).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// A command in the sandbox with an empty folder for temporary files of its own.
    pub fn private<S: AsRef<OsStr>>(
        &self,
        binary: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let prefix = ["--mount", "--propagation", "private", "sh", "-c", PRIVATE];
        let mut words: Vec<OsString> = prefix.iter().map(Into::into).collect();
        words.push(self.tmp().into());
        words.push(binary.as_ref().to_owned());
        words.extend(args.into_iter().map(|word| word.as_ref().to_owned()));
        let mut command = self.command("unshare", words);
        command.env("SHARED", shared_tmp()).env("KEEP", &self.keep);
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn run(&self, mut command: Command) -> Run {
        Run::from(command.output().unwrap())
    }

    /// Starts a command on a terminal of its own, of this many rows and columns.
    #[track_caller]
    pub fn on_terminal(&self, command: Command, rows: u16, columns: u16) -> Terminal {
        Terminal::start(command, rows, columns)
    }

    /// Starts a command whose output is kept.
    #[track_caller]
    pub fn start(&self, command: Command) -> Running {
        Running::start(command)
    }
}

/// The folder for temporary files that all programs of the machine share.
fn shared_tmp() -> PathBuf {
    FifoPaths::well_known().ctl.parent().map(Path::to_owned).unwrap()
}

/// Replaces what differs from run to run: the sandbox, fresh profile folders, the names of records.
pub fn redact(text: &str, sandbox: &Sandbox) -> String {
    let text = text.replace(&shown(sandbox.path()).into_owned(), "[sandbox]");
    let text = without_ids(&text);
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("/profile.") {
        let (before, after) = rest.split_at(at);
        let end = after.find(".out").map_or(after.len(), |end| end + ".out".len());
        out.push_str(before);
        out.push_str("/[profile]");
        rest = after.split_at(end).1;
    }
    out.push_str(rest);
    out
}

/// The beginning of the line that names the record of a run.
const RECORDED: &str = "recorded as ";

fn without_ids(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(RECORDED) {
        out.push_str(before);
        out.push_str(RECORDED);
        let digits = after.bytes().take_while(u8::is_ascii_hexdigit).count();
        out.push_str(if digits == 12 { "[id]" } else { after.get(..digits).unwrap_or_default() });
        rest = after.get(digits..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn program(name: impl AsRef<OsStr>) -> Command {
    Command::new(name)
}
