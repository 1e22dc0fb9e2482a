//! Progress that a caller sees while it waits for us, and its way to cancel.

use std::{ops::ControlFlow, time::Duration};

use crate::{error::ApiError, secret::Secret};

/// Something happened that a user may want to see.
#[derive(Debug)]
pub enum Step<'a> {
    /// So much of the profile folder has been read.
    Archived {
        /// Bytes of files so far.
        bytes: u64,
        /// Bytes of all files.
        total: u64,
    },
    /// The CI system gave a token: whoever shows anything from now on hides it.
    Token {
        /// The token.
        token: &'a Secret,
    },
    /// The CI system gave no token; the upload goes on without one.
    NoToken {
        /// The reason why there is none.
        error: &'a ApiError,
    },
    /// The upload has no token, and the service looks for a line with this hash in the public log of the job.
    /// Nothing has been sent yet.
    Tokenless {
        /// The line: print it as it is.
        line: &'a str,
    },
    /// The service knows of the run; the archive comes next.
    Registered {
        /// The id of the run at the service.
        run_id: &'a str,
    },
    /// So much of the archive has been handed to the network. Goes back to the start with each try.
    Sent {
        /// Bytes of the archive so far.
        bytes: u64,
        /// All of them.
        total: u64,
    },
    /// So much of a file that is downloaded has come. Goes back to the start with each try.
    Received {
        /// Bytes so far.
        bytes: u64,
        /// All of them, if the service says so.
        total: Option<u64>,
    },
    /// A request failed for a reason that may pass; it is made again after a pause.
    Retry {
        /// The failure.
        error: &'a ApiError,
        /// The length of the pause.
        pause: Duration,
    },
    /// The service, or the user, is not done yet; the service is asked again after a pause.
    Waiting {
        /// Time that we have waited.
        so_far: Duration,
    },
}

/// Sees every [`Step`]. `Break` ends what is going on as soon as possible, with the error for that.
pub type Watch<'a> = dyn FnMut(Step<'_>) -> ControlFlow<()> + 'a;

/// A [`Watch`] that looks at nothing.
pub fn unwatched(_: Step<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
