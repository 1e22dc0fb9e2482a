//! Hints for refusals by the service.

use api::{ApiError, Code};

use crate::error::{CliError, ExitKind};

/// By what was wanted and the status of HTTP.
const STATUSES: &[(Wanted, u16, &str)] = &[
    (Wanted::Token, 401, NO_RIGHT_TO_ASK),
    (Wanted::Token, 403, NO_RIGHT_TO_ASK),
    (Wanted::Token, 404, NO_SUCH_REQUEST),
    (Wanted::Answer, 401, LOGIN),
    (Wanted::Answer, 403, NO_RIGHT),
    (Wanted::Answer, 404, NO_SERVICE),
    (Wanted::Storage, 401, TOO_OLD),
    (Wanted::Storage, 403, TOO_OLD),
    (Wanted::Storage, 404, TOO_OLD),
    (
        Wanted::Run,
        401,
        "the token is missing, invalid or expired: run `codspeed auth login` on your machine; in CI check the secret \
            that holds CODSPEED_TOKEN, or add the permission `id-token: write` to the workflow",
    ),
    (Wanted::Run, 403, "the token has no permission to upload to this repository"),
    (
        Wanted::Run,
        404,
        "the service doesn't know this repository: check the spelling, owner and name are case-sensitive",
    ),
    (Wanted::Run, 409, "these results were uploaded already"),
    (Wanted::Run, 413, TOO_LARGE),
    (Wanted::Storage, 413, TOO_LARGE),
    (Wanted::Run, 429, TOO_MANY),
    (Wanted::Storage, 429, TOO_MANY),
];

/// The CI system makes tokens for those who may ask only.
const NO_RIGHT_TO_ASK: &str = "the job has no permission to request a token from the CI system: on GitHub, add `permissions: id-token: write`";
/// The storage knows nobody: the address itself is the permission.
const TOO_OLD: &str = "the upload address has expired: upload again to get a new one";

const TOO_LARGE: &str = "the profile folder is too large for the service: run fewer benchmarks at a time, or use `--no-perf`";
const TOO_MANY: &str = "too many uploads at the same time: try again in a few minutes";
/// The address is made for one job, and good as long as that runs.
const NO_SUCH_REQUEST: &str = "the CI system rejected the token request, which is valid for one job only: pass on \
    ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN of this job unchanged, or set CODSPEED_TOKEN";
const LOGIN: &str = "run `codspeed auth login` to log in again";
const NO_RIGHT: &str = "your login has no permission to do this";
const NO_SERVICE: &str = "the service's API was not found at that address: check `--api-url`, CODSPEED_API_URL and \
    `codspeed profile show`";

/// The attempted action: the same status means different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// A token of the CI system.
    Token,
    /// A place for the archive, which is another service.
    Storage,
    /// The registration of the run.
    Run,
    /// Anything that is asked with GraphQL.
    Answer,
}

/// All that can be done about a run that has arrived.
const AGAIN: &str =
    "this may be temporary: run `codspeed upload` with the profile folder in a few minutes";

/// By the kind of an error of GraphQL.
const CODES: &[(Code, &str)] = &[(Code::Unauthenticated, LOGIN), (Code::Unauthorized, NO_RIGHT)];

/// The error with what can be done.
pub(crate) fn refused(err: ApiError) -> CliError {
    let by_status = err.status().and_then(|status| by_status(&err, status));
    let by_code = err.code().and_then(|code| find(CODES, code));
    let by_run = matches!(err, ApiError::RunFailed { .. }).then_some(AGAIN);
    let hint = by_status.or(by_code).or(by_run).or_else(|| {
        err.is_retryable()
            .then_some("the service may be busy, or the network down: try again later")
    });
    let kind = if matches!(err, ApiError::Url { .. } | ApiError::Unsafe { .. }) {
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
        api::REGISTER_THE_RUN => Wanted::Run,
        _ => Wanted::Answer,
    };
    let found = STATUSES.iter().find(|(of, known, _)| *of == wanted && *known == status);
    found.map(|(.., hint)| *hint)
}

fn find<K: PartialEq>(table: &[(K, &'static str)], key: &K) -> Option<&'static str> {
    table.iter().find(|(known, _)| known == key).map(|(_, hint)| *hint)
}
