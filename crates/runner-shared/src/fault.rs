//! Refusals of the system, in words: one place, so that all programs say the same of the same fault.

use std::{error::Error, fmt, io};

use nix::errno::Errno;

/// The operation on a file that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// To start it as a program.
    Start,
    /// To read it, or what is in it.
    Read,
    /// To make it, or to write it.
    Write,
}

/// The meaning of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The reason, as the end of a sentence about the file.
    pub why: String,
    /// The remedy, as an imperative.
    pub hint: Option<&'static str>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        self.hint.map_or(Ok(()), |hint| write!(f, ": {hint}"))
    }
}

/// A refusal, to whom it means that, why, and what helps.
type Row = (Errno, Option<Attempt>, &'static str, Option<&'static str>);

const SOME: Option<Attempt> = None;
const FILES: Option<&str> = Some("run `ulimit -n` to see or raise the limit");

/// The first row that fits counts.
const ROWS: &[Row] = &[
    (
        Errno::ENOENT,
        Some(Attempt::Start),
        "it, the interpreter in its first line, or its loader does not exist",
        None,
    ),
    (Errno::ENOENT, Some(Attempt::Write), "its folder does not exist", None),
    (Errno::ENOENT, SOME, "it does not exist", None),
    (
        Errno::EACCES,
        Some(Attempt::Start),
        "permission denied: you may not run it or enter its folder, or its file system is mounted with `noexec`",
        None,
    ),
    (
        Errno::EACCES,
        Some(Attempt::Write),
        "permission denied: you may not write there, or not enter one of its folders",
        None,
    ),
    (
        Errno::EACCES,
        SOME,
        "permission denied: you may not read it, or not enter one of its folders",
        None,
    ),
    (Errno::EPERM, SOME, "only its owner or root may do this", None),
    (Errno::ENOTDIR, SOME, "a part of its path is a file, not a folder", None),
    (Errno::EISDIR, SOME, "it is a folder", None),
    (Errno::EEXIST, SOME, "something else has this name already", None),
    (Errno::ELOOP, SOME, "its symbolic links form a loop", None),
    (Errno::ENAMETOOLONG, SOME, "its name is too long", None),
    (
        Errno::ENOEXEC,
        SOME,
        "not a program the system can run",
        Some("add a first line such as `#!/bin/sh` to the script, or use `--shell`"),
    ),
    (
        Errno::ETXTBSY,
        Some(Attempt::Start),
        "a program has it open for writing",
        Some("wait for the build or copy to finish"),
    ),
    (Errno::ETXTBSY, SOME, "it is a running program", None),
    (Errno::E2BIG, SOME, "its arguments and its environment are too long for the system", None),
    (Errno::EMFILE, SOME, "this process has too many open files", FILES),
    (Errno::ENFILE, SOME, "the system has too many open files", None),
    (
        Errno::ENOSPC,
        SOME,
        "the disk is full",
        Some("make room, or choose another disk with TMPDIR or another path"),
    ),
    (Errno::EDQUOT, SOME, "your disk quota is exceeded", None),
    (
        Errno::EFBIG,
        SOME,
        "the file would exceed the size limit",
        Some("run `ulimit -f` to see or raise the limit"),
    ),
    (Errno::EROFS, SOME, "its file system is read-only", None),
    (
        Errno::EAGAIN,
        SOME,
        "there are too many processes or threads",
        Some(
            "run `ulimit -u` to see or raise the limit, or raise the container's limit (pids.max)",
        ),
    ),
    (Errno::ENOMEM, SOME, "the system is out of memory", None),
];

/// Kinds of errors that were made without a number.
const KINDS: &[(io::ErrorKind, Errno)] = &[
    (io::ErrorKind::NotFound, Errno::ENOENT),
    (io::ErrorKind::PermissionDenied, Errno::EACCES),
    (io::ErrorKind::NotADirectory, Errno::ENOTDIR),
    (io::ErrorKind::IsADirectory, Errno::EISDIR),
    (io::ErrorKind::AlreadyExists, Errno::EEXIST),
    (io::ErrorKind::StorageFull, Errno::ENOSPC),
    (io::ErrorKind::QuotaExceeded, Errno::EDQUOT),
    (io::ErrorKind::FileTooLarge, Errno::EFBIG),
    (io::ErrorKind::ReadOnlyFilesystem, Errno::EROFS),
    (io::ErrorKind::ExecutableFileBusy, Errno::ETXTBSY),
    (io::ErrorKind::OutOfMemory, Errno::ENOMEM),
];

/// Returns what an error means for a file that was tried to be used like this. An error that is not known keeps its own
/// words.
pub fn explain(err: &io::Error, attempt: Attempt) -> Fault {
    let number = number(err);
    let fits = |row: &&Row| Some(row.0) == number && row.1.is_none_or(|of| of == attempt);
    match ROWS.iter().find(fits) {
        Some((_, _, why, hint)) => Fault { why: (*why).to_owned(), hint: *hint },
        None => Fault { why: err.to_string(), hint: None },
    }
}

/// The words of an error that is a cause of another one. What the system lacks, or limits, is named with what helps,
/// whatever was tried; of all else nothing is known here but its own words.
pub fn words(cause: &(dyn Error + 'static)) -> String {
    const LIMITS: &[Errno] = &[
        Errno::EMFILE,
        Errno::ENFILE,
        Errno::ENOSPC,
        Errno::EDQUOT,
        Errno::EFBIG,
        Errno::EROFS,
        Errno::ENOMEM,
        Errno::EAGAIN,
    ];
    let limited = cause
        .downcast_ref::<io::Error>()
        .filter(|err| number(err).is_some_and(|number| LIMITS.contains(&number)));
    limited.map_or_else(|| cause.to_string(), |err| explain(err, Attempt::Write).to_string())
}

/// Returns an error with its causes, on one line.
pub fn chain(err: &dyn Error) -> String {
    let causes = causes(err).into_iter();
    causes.fold(err.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Returns the causes of an error, the outermost first. Those that one before has repeated are left out, as libraries do
/// that say theirs themselves.
pub fn causes(err: &dyn Error) -> Vec<String> {
    let mut told = err.to_string();
    let mut causes = Vec::new();
    let mut cause = err.source();
    while let Some(err) = cause {
        let words = words(err);
        if !told.contains(&words) {
            told = format!("{told}\n{words}");
            causes.push(words);
        }
        cause = err.source();
    }
    causes
}

/// Returns the number of the error, also of one that a library has wrapped into its own.
fn number(err: &io::Error) -> Option<Errno> {
    if let Some(code) = err.raw_os_error() {
        return Some(Errno::from_raw(code));
    }
    let mut inner: Option<&(dyn Error + 'static)> =
        err.get_ref().map(|err| -> &(dyn Error + 'static) { err });
    while let Some(cause) = inner {
        if let Some(code) = cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return Some(Errno::from_raw(code));
        }
        inner = cause.source();
    }
    KINDS.iter().find(|(kind, _)| *kind == err.kind()).map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Said {
        words: &'static str,
        source: Option<Box<Said>>,
    }

    #[test]
    fn causes_that_are_said_already_are_not_said_again() {
        let said = |words, source: Option<Said>| Said { words, source: source.map(Box::new) };
        let inner = said("refused", None);
        let http = said("HTTP error: refused", Some(inner));
        let list = said("can't list: HTTP error: refused", Some(http));
        let outer = said("the shared store can't be read", Some(list));
        let all = "the shared store can't be read: can't list: HTTP error: refused";
        assert_eq!(chain(&outer), all);
    }

    fn why(errno: Errno, attempt: Attempt) -> String {
        explain(&io::Error::from(errno), attempt).why
    }

    #[test]
    fn every_refusal_has_words_of_its_own() {
        for (errno, attempt, words, _) in ROWS {
            assert_eq!(why(*errno, attempt.unwrap_or(Attempt::Read)), *words);
        }
        assert!(why(Errno::EACCES, Attempt::Read).contains("permission denied"));
        assert!(!why(Errno::EACCES, Attempt::Read).contains("not exist"));
        assert_eq!(why(Errno::ENOENT, Attempt::Write), "its folder does not exist");
        // What nobody has met yet says what the system says.
        assert_eq!(why(Errno::EXDEV, Attempt::Read), io::Error::from(Errno::EXDEV).to_string());
    }

    #[test]
    fn only_causes_that_are_limits_are_explained() {
        let of = |errno| words(&io::Error::from(errno));
        assert!(of(Errno::EFBIG).contains("run `ulimit -f`"), "{}", of(Errno::EFBIG));
        assert!(of(Errno::EMFILE).contains("`ulimit -n`"), "{}", of(Errno::EMFILE));
        assert_eq!(of(Errno::ENOENT), io::Error::from(Errno::ENOENT).to_string());
        assert_eq!(words(&fmt::Error), fmt::Error.to_string());
    }

    #[test]
    fn a_chain_says_all_causes_and_what_helps() {
        #[derive(Debug, thiserror::Error)]
        #[error("no results")]
        struct Outer(#[source] io::Error);
        let text = chain(&Outer(io::Error::from(Errno::EMFILE)));
        assert!(text.starts_with("no results: this process has too many open files"), "{text}");
        assert_eq!(chain(&fmt::Error), fmt::Error.to_string());
    }

    #[test]
    fn errors_without_a_number_and_wrapped_ones_are_known() {
        let plain = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(explain(&plain, Attempt::Write).why, "the disk is full");
        let inner = io::Error::from(Errno::EMFILE);
        let wrapped = io::Error::other(inner);
        let fault = explain(&wrapped, Attempt::Write);
        assert_eq!(fault.why, "this process has too many open files");
        assert!(fault.to_string().ends_with(": run `ulimit -n` to see or raise the limit"));
        let said = io::Error::other("something else");
        assert_eq!(explain(&said, Attempt::Read).to_string(), "something else");
    }
}
