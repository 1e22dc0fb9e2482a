//! Gives a command of the user a text to read, and waits for its end for a limited time.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Seek, Write},
    path::Path,
};

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{
    pipes::Output,
    question::{Answer, AskError, Limits},
    spawn::{AddressSpace, Ended, Stdin, ToolCommand},
};
use crate::env::Env;

/// A command that did not take the text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    /// There is no memory to keep the text in.
    #[error("could not keep the text for it: {0}")]
    Memory(#[source] io::Error),
    /// It could not be run to its end.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// It failed.
    #[error("it {ended}{}", said(last))]
    Failed {
        /// Its end.
        ended: Ended,
        /// The last line that it wrote to standard error; may be empty.
        last: String,
    },
}

fn said(last: &str) -> String {
    if last.is_empty() { String::new() } else { format!(": {last}") }
}

/// Runs shell text with this on its standard input, and returns what it wrote to standard output.
pub(crate) fn feed(
    shell_text: &OsStr,
    input: &[u8],
    env: &Env,
    cwd: &Path,
) -> Result<String, FeedError> {
    let command = ToolCommand {
        program: "sh".into(),
        args: vec!["-c".into(), shell_text.to_owned()],
        cwd: cwd.to_owned(),
        env: env.clone(),
        stdin: Stdin::File(kept(input).map_err(FeedError::Memory)?),
        output: Output::Piped,
        address_space: AddressSpace::Random,
    };
    let Answer { ended, stdout, stderr } = command.answer(Limits::NOTIFICATION)?;
    if ended != Ended::Code(0) {
        let last = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        let last = runner_shared::text::one_line(last.trim());
        return Err(FeedError::Failed { ended, last });
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

/// A file in memory, so that a command that does not read all of it makes nobody wait.
fn kept(input: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("report", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(input)?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(text: &str, input: &[u8]) -> Result<String, FeedError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let env = Env::default().with_named("PATH", path);
        feed(OsStr::new(text), input, &env, Path::new("/"))
    }

    #[test]
    fn a_command_reads_all_of_it_or_nothing() {
        let long = vec![b'x'; 1_000_000];
        assert_eq!(fed("wc -c", &long).unwrap().trim(), "1000000");
        assert_eq!(fed("exit 0", &long).unwrap(), "");
    }

    #[test]
    fn a_command_that_fails_says_why() {
        let err = fed("echo a >&2; echo 'no \u{1b}[31m such host' >&2; exit 3", b"").unwrap_err();
        assert_eq!(err.to_string(), "it ended with exit code 3: no \\u{1b}[31m such host");
    }
}
