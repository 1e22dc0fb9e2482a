//! What can be done when the service says no.

use api::{ApiError, Code};

use crate::error::{CliError, ExitKind};

/// By the status of HTTP.
const STATUSES: &[(u16, &str)] = &[
    (
        401,
        "the token is missing, wrong or too old: `codspeed auth login` on your machine; in CI the secret that holds CODSPEED_TOKEN, or the permission `id-token: write` of the workflow",
    ),
    (403, "the token has no right to upload to this repository"),
    (404, "the service doesn't know this repository: upper and lower case count in owner and name"),
    (409, "these results were uploaded before"),
    (
        413,
        "the profile folder is too large for the service: fewer benchmarks in one run, or `--no-perf`",
    ),
    (429, "too many uploads at the same time: try again in a few minutes"),
];

/// By the kind of an error of GraphQL.
const CODES: &[(Code, &str)] = &[
    (Code::Unauthenticated, "`codspeed auth login` renews your login"),
    (Code::Unauthorized, "your login has no right to do this"),
];

/// The error with what can be done.
pub(crate) fn refused(err: ApiError) -> CliError {
    let by_status = err.status().and_then(|status| find(STATUSES, &status));
    let by_code = err.code().and_then(|code| find(CODES, code));
    let hint = by_status.or(by_code).or_else(|| {
        err.is_retryable()
            .then_some("the service may be busy, or the network away: try again later")
    });
    let kind =
        if matches!(err, ApiError::Url { .. }) { ExitKind::Usage } else { ExitKind::Service };
    let err = CliError::new(kind, err);
    match hint {
        Some(hint) => err.hint(hint),
        None => err,
    }
}

fn find<K: PartialEq>(table: &[(K, &'static str)], key: &K) -> Option<&'static str> {
    table.iter().find(|(known, _)| known == key).map(|(_, hint)| *hint)
}
