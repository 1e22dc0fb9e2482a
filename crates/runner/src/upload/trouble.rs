//! What can be done when the service says no.

use api::{ApiError, Code};

use crate::error::{CliError, ExitKind};

/// By what was wanted and the status of HTTP.
const STATUSES: &[(Wanted, u16, &str)] = &[
    (Wanted::Token, 401, NO_RIGHT_TO_ASK),
    (Wanted::Token, 403, NO_RIGHT_TO_ASK),
    (Wanted::Storage, 401, TOO_OLD),
    (Wanted::Storage, 403, TOO_OLD),
    (Wanted::Storage, 404, TOO_OLD),
    (
        Wanted::Anything,
        401,
        "the token is missing, wrong or too old: `codspeed auth login` on your machine; in CI the secret that holds CODSPEED_TOKEN, or the permission `id-token: write` of the workflow",
    ),
    (Wanted::Anything, 403, "the token has no right to upload to this repository"),
    (
        Wanted::Anything,
        404,
        "the service doesn't know this repository: upper and lower case count in owner and name",
    ),
    (Wanted::Anything, 409, "these results were uploaded before"),
    (
        Wanted::Anything,
        413,
        "the profile folder is too large for the service: fewer benchmarks in one run, or `--no-perf`",
    ),
    (Wanted::Anything, 429, "too many uploads at the same time: try again in a few minutes"),
];

/// The CI system makes tokens for those who may ask only.
const NO_RIGHT_TO_ASK: &str =
    "the job may not ask the CI system for a token: GitHub wants `permissions: id-token: write`";
/// The storage knows nobody: the address itself is the permission.
const TOO_OLD: &str =
    "the address that the service gave is good for a short time: another upload gets a fresh one";

/// What was wanted, where the same status means different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Token,
    Storage,
    Anything,
}

/// All that can be done about a run that has arrived.
const AGAIN: &str = "this may pass: `codspeed upload` and the profile folder, in a few minutes";

/// By the kind of an error of GraphQL.
const CODES: &[(Code, &str)] = &[
    (Code::Unauthenticated, "`codspeed auth login` renews your login"),
    (Code::Unauthorized, "your login has no right to do this"),
];

/// The error with what can be done.
pub(crate) fn refused(err: ApiError) -> CliError {
    let by_status = err.status().and_then(|status| by_status(&err, status));
    let by_code = err.code().and_then(|code| find(CODES, code));
    let by_run = matches!(err, ApiError::RunFailed { .. }).then_some(AGAIN);
    let hint = by_status.or(by_code).or(by_run).or_else(|| {
        err.is_retryable()
            .then_some("the service may be busy, or the network away: try again later")
    });
    let kind = if matches!(err, ApiError::Url { .. }) {
        ExitKind::Usage
    } else if matches!(err, ApiError::Cancelled) {
        ExitKind::Interrupted
    } else {
        ExitKind::Service
    };
    let err = CliError::new(kind, err);
    match hint {
        Some(hint) => err.hint(hint),
        None => err,
    }
}

fn by_status(err: &ApiError, status: u16) -> Option<&'static str> {
    let action = if let ApiError::Status { action, .. } = err { *action } else { "" };
    let wanted = match action {
        api::ASK_FOR_A_TOKEN => Wanted::Token,
        api::SEND_THE_ARCHIVE => Wanted::Storage,
        _ => Wanted::Anything,
    };
    let fits = |of: Wanted| of == wanted || of == Wanted::Anything;
    let found = STATUSES.iter().find(|(of, known, _)| fits(*of) && *known == status);
    found.map(|(.., hint)| *hint)
}

fn find<K: PartialEq>(table: &[(K, &'static str)], key: &K) -> Option<&'static str> {
    table.iter().find(|(known, _)| known == key).map(|(_, hint)| *hint)
}
