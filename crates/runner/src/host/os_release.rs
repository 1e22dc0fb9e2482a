//! Reads `os-release`: which distribution, which version. Format: the manual page os-release(5).

use super::{UNKNOWN, or_unknown};

/// The place where it lies; the first one that is there counts.
pub(super) const FILES: &[&str] = &["/etc/os-release", "/usr/lib/os-release"];

/// Keys that name the version, best first. A distribution without releases has none of the first kind.
const VERSION_KEYS: &[&str] = &["VERSION_ID", "BUILD_ID", "VERSION_CODENAME"];

/// The id and the version of a distribution; `unknown` where they are not given.
pub(super) fn parse(text: &str) -> (String, String) {
    let version = VERSION_KEYS.iter().find_map(|key| value(text, key));
    let id = value(text, "ID").unwrap_or_default();
    (or_unknown(&id), version.unwrap_or_else(|| UNKNOWN.to_owned()))
}

/// The value of a key that is not empty. The last assignment counts, as in a shell.
fn value(text: &str, key: &str) -> Option<String> {
    let assigned = text.lines().rev().find_map(|line| {
        let (name, value) = line.trim().split_once('=')?;
        (name == key).then(|| unquoted(value))
    });
    assigned.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// A value without the quotes and backslashes of a shell.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    let inner = ['"', '\''].iter().find_map(|quote| {
        value.strip_prefix(*quote).map(|rest| rest.strip_suffix(*quote).unwrap_or(rest))
    });
    let mut text = String::new();
    let mut escaped = false;
    for c in inner.unwrap_or(value).chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            text.push(c);
            escaped = false;
        }
    }
    text
}
