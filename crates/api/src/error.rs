//! Errors of the service: the action that failed, the response, and whether a retry may help.

use std::{error::Error, fmt, io, path::PathBuf, time::Duration};

use runner_shared::text::shown;

/// Texts of the service are cut after so many characters.
const LONGEST_MESSAGE: usize = 500;

/// Something with the service went wrong. Every variant but [`ApiError::Cancelled`] says in `action` what was wanted, as
/// in "could not register the run".
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// An address that can't be one.
    #[error("`{text}` is not a valid service address")]
    Url {
        /// The text as given.
        text: String,
        /// The problem with it, where the parser knows.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// No client for HTTP could be made.
    #[error("could not set up the network client")]
    Setup {
        /// The reason.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A token that can't be sent.
    #[error("the token has invalid characters")]
    Token,
    /// A token would be sent where everybody on the way can read it.
    #[error(
        "could not {action}: refusing to send the token to {host} over `http://`; use `https://`"
    )]
    Unsafe {
        /// The action that failed.
        action: &'static str,
        /// Host that it would have gone to.
        host: String,
    },
    /// The service names a page that is none of its own, or that anybody on the way can change.
    #[error(
        "could not {action}: {host} asks to open {page}, which is not an `https://` page of the service"
    )]
    ForeignPage {
        /// The action that failed.
        action: &'static str,
        /// Host that named the page.
        host: String,
        /// The address that it named, as far as it is harmless to show.
        page: String,
    },
    /// The service answered, and refused.
    #[error("could not {action}: {host} responded with {status}{}", colon(message))]
    Status {
        /// The action that was attempted.
        action: &'static str,
        /// The host that refused.
        host: String,
        /// The status of HTTP.
        status: u16,
        /// The reason in the service's words, on one line; may be empty.
        message: String,
        /// The time that to wait before another try, if the service said so.
        retry_after: Option<Duration>,
    },
    /// There was no connection, or it broke.
    #[error("could not {action}: no response from {host}")]
    Connection {
        /// The action that was attempted.
        action: &'static str,
        /// The host that was asked.
        host: String,
        /// The failure.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Nothing happened for too long.
    #[error("could not {action}: no data from {host} for {} s", after.as_secs_f32())]
    TimedOut {
        /// The action that was attempted.
        action: &'static str,
        /// The host that was asked.
        host: String,
        /// Time that we waited.
        after: Duration,
    },
    /// Something happens, and so little of it that there is no end in sight.
    #[error("could not {action}: {host} is too slow: fewer than {least} bytes in {} s", within.as_secs_f32())]
    TooSlow {
        /// The action that failed.
        action: &'static str,
        /// The host that was asked.
        host: String,
        /// Number of bytes that have to come, or go.
        least: u64,
        /// The time that they have.
        within: Duration,
    },
    /// Sent from address to address.
    #[error("could not {action}: too many redirects from {host}")]
    Redirects {
        /// The action that was attempted.
        action: &'static str,
        /// The host that was asked first.
        host: String,
    },
    /// Longer than any answer should be.
    #[error("could not {action}: the response from {host} has more than {most} bytes")]
    TooLong {
        /// The action that was attempted.
        action: &'static str,
        /// The host that was asked.
        host: String,
        /// The time that it may be.
        most: usize,
    },
    /// An answer that we don't understand.
    #[error("could not {action}: invalid response from {host}")]
    Garbage {
        /// The action that was attempted.
        action: &'static str,
        /// The host that was asked.
        host: String,
        /// The problem with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// GraphQL's own errors; HTTP is content.
    #[error("could not {action}: {host} says: {message}")]
    Refused {
        /// The action that was attempted.
        action: &'static str,
        /// The host that refused.
        host: String,
        /// The kind of the first error.
        code: Code,
        /// The reasons in the service's words, on one line.
        message: String,
    },
    /// The service could not make use of the run.
    #[error("the service could not process run {run_id}")]
    RunFailed {
        /// The run.
        run_id: String,
    },
    /// It takes longer than anybody wants to wait.
    #[error("could not {action}: not done after {} s", after.as_secs())]
    NotDone {
        /// The action that was attempted.
        action: &'static str,
        /// Time that we waited.
        after: Duration,
    },
    /// The archive can't be read.
    #[error("could not read the archive `{}`", shown(path))]
    Archive {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// A download that can't be written.
    #[error("could not save the download")]
    Unwritten {
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The metadata can't be written as JSON.
    #[error("could not create the run's metadata")]
    Metadata {
        /// The reason.
        #[source]
        source: serde_json::Error,
    },
    /// The caller wanted an end.
    #[error("stopped")]
    Cancelled,
}

/// The kind of an error of GraphQL: `extensions.code`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// No token, or one that is no longer good.
    Unauthenticated,
    /// A token that isn't good for this.
    Unauthorized,
    /// No such repository, or none that we may see.
    RepositoryNotFound,
    /// No such run.
    RunNotFound,
    /// Nothing that could be compared.
    NotFound,
    /// Any other word; empty if there is none.
    Other(String),
}

impl Code {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::Unauthenticated, "UNAUTHENTICATED"),
        (Self::Unauthorized, "UNAUTHORIZED"),
        (Self::RepositoryNotFound, "REPOSITORY_NOT_FOUND"),
        (Self::RunNotFound, "RUN_NOT_FOUND"),
        (Self::NotFound, "NOT_FOUND"),
    ];

    pub(crate) fn parse(word: &str) -> Self {
        let known = Self::NAMES.into_iter().find(|(_, name)| *name == word);
        known.map_or_else(|| Self::Other(word.to_owned()), |(code, _)| code)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(code, _)| code == self) {
            Some((_, name)) => f.write_str(name),
            None => match self {
                Self::Other(word) => f.write_str(word),
                Self::Unauthenticated
                | Self::Unauthorized
                | Self::RepositoryNotFound
                | Self::RunNotFound
                | Self::NotFound => Ok(()),
            },
        }
    }
}

impl ApiError {
    /// The status of HTTP, if the service answered with one that is an error.
    pub fn status(&self) -> Option<u16> {
        if let Self::Status { status, .. } = self { Some(*status) } else { None }
    }

    /// The pause before another try that the service asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Status { retry_after, .. } = self { *retry_after } else { None }
    }

    /// The kind of an error of GraphQL.
    pub fn code(&self) -> Option<&Code> {
        if let Self::Refused { code, .. } = self { Some(code) } else { None }
    }

    /// Returns whether the token is the trouble: there is none, it is over, or it isn't good for this.
    pub fn is_about_the_token(&self) -> bool {
        let by_code = matches!(self.code(), Some(Code::Unauthenticated | Code::Unauthorized));
        by_code || matches!(self, Self::Token) || self.status() == Some(401)
    }

    /// Returns whether the same may succeed later: no connection, silence, 408, 429, or a fault of the server.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::TimedOut { .. } | Self::NotDone { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..=599),
            Self::Url { .. }
            | Self::Setup { .. }
            | Self::Token
            | Self::Unsafe { .. }
            | Self::ForeignPage { .. }
            | Self::TooSlow { .. }
            | Self::Redirects { .. }
            | Self::TooLong { .. }
            | Self::Garbage { .. }
            | Self::Refused { .. }
            | Self::RunFailed { .. }
            | Self::Archive { .. }
            | Self::Unwritten { .. }
            | Self::Metadata { .. }
            | Self::Cancelled => false,
        }
    }
}

fn colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

/// A text of somebody else as part of our message: one line, nothing that moves the cursor, not too long.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_is_one_short_line_without_control_characters() {
        assert_eq!(one_line(" a\r\n\tb\u{1b}[2Jc  d "), "a b [2Jc d");
        let long = one_line(&"ä".repeat(LONGEST_MESSAGE + 1));
        assert_eq!(long, "ä".repeat(LONGEST_MESSAGE) + "...");
        assert_eq!(one_line(&"b".repeat(LONGEST_MESSAGE)), "b".repeat(LONGEST_MESSAGE));
    }

    #[test]
    fn codes_are_read_and_shown_as_the_service_spells_them() {
        for (code, name) in Code::NAMES {
            assert_eq!((Code::parse(name), code.to_string().as_str()), (code, name));
        }
        assert_eq!(Code::parse("NEW").to_string(), "NEW");
    }
}
