//! SHA-256 in the forms that `sha256sum` and SPDX write.

use sha2::{Digest, Sha256};

/// 64 small hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// A line of `sha256sum`.
pub(super) fn line(bytes: &[u8], name: &str) -> String {
    format!("{}  {name}\n", sha256(bytes))
}
