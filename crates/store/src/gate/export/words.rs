//! The cells of a check in words, the same in all formats for people.

use super::{
    super::report::{Check, CheckKind, WaiverNote},
    escape,
};
use crate::shown::{self, UNKNOWN};

/// Returns the change, with its interval if there is one: `+7.2 % (+5.1 % to +9.0 %)`.
pub(super) fn change(check: &Check) -> String {
    match (check.ratio, check.base, check.head) {
        (Some(ratio), _, _) => shown::change(ratio),
        (None, Some(_), Some(head)) => format!("0 to {}", shown::value(head, check.unit)),
        (None, _, _) => UNKNOWN.to_owned(),
    }
}

/// Returns a value with its unit.
pub(super) fn value(check: &Check, value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| shown::value(value, check.unit))
}

/// Returns the limit: of a change `+5.0 %`, of a value that value.
pub(super) fn limit(check: &Check) -> String {
    match (check.kind, check.limit) {
        (_, None) => UNKNOWN.to_owned(),
        (CheckKind::Regression, Some(limit)) if limit <= 0.0 => "none certain".to_owned(),
        (CheckKind::Regression, Some(limit)) => shown::change(1.0 + limit),
        (CheckKind::Budget | CheckKind::Completion, Some(limit)) => shown::value(limit, check.unit),
    }
}

/// Returns the end of a sentence about a waiver that does nothing.
pub(super) fn end_of(waiver: &WaiverNote) -> String {
    let what = if waiver.expired { "expired on" } else { "isn't needed; it lasts until" };
    format!("{what} {}", waiver.until)
}

/// Returns all that is known in one sentence, without the name of the benchmark.
pub(super) fn sentence(check: &Check) -> String {
    let head = value(check, check.head);
    let values = match check.kind {
        _ if check.head.is_none() => None,
        CheckKind::Completion => None,
        CheckKind::Budget => Some(format!("{} {head}, budget {}", check.title, limit(check))),
        CheckKind::Regression => {
            let base = value(check, check.base);
            let limit = check.limit.map(|_| format!(", limit {}", limit(check)));
            let (title, change) = (&check.title, change(check));
            Some(format!("{title} {change} ({base} to {head}){}", limit.unwrap_or_default()))
        }
    };
    let reason = Some(escape::reason(&check.reason)).filter(|reason| !reason.is_empty());
    values.into_iter().chain(reason).collect::<Vec<_>>().join("; ")
}
