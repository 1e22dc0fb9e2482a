//! The text of `HEAD`, of loose references and of `packed-refs`.

use std::path::PathBuf;

/// The value of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A commit, as hexadecimal digits.
    Commit(String),
    /// Another reference.
    Reference(String),
}

/// Reads `HEAD` or a loose reference.
pub(super) fn parse(bytes: &[u8]) -> Option<Target> {
    let text = str::from_utf8(bytes).ok()?.trim();
    match text.strip_prefix("ref:") {
        Some(name) => as_path(name.trim()).map(|_| Target::Reference(name.trim().to_owned())),
        None => commit(text).map(Target::Commit),
    }
}

/// A commit: 40 digits, or 64 with SHA-256.
pub(super) fn commit(text: &str) -> Option<String> {
    let fits = [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| text.to_ascii_lowercase())
}

/// Returns where a reference lies below the repository. No name leads out of it.
pub(super) fn as_path(name: &str) -> Option<PathBuf> {
    let below = name.strip_prefix("refs/")?;
    let fits = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\0');
    below.split('/').all(fits).then(|| PathBuf::from(name))
}

/// The commit of a reference in `packed-refs`.
pub(super) fn find_packed(bytes: &[u8], wanted: &str) -> Option<String> {
    bytes.split(|byte| *byte == b'\n').find_map(|line| {
        let text = str::from_utf8(line).ok()?;
        // Comments begin with `#`, and `^` is the commit behind an annotated tag in the line before: neither fits.
        let (hash, name) = text.split_once(' ')?;
        (name.trim_end() == wanted).then(|| commit(hash)).flatten()
    })
}
