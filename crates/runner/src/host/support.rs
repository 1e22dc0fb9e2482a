//! On which systems measuring is known to work.

use super::Host;

/// How well a system is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    /// It is tried.
    Full,
    /// Nobody promises that it works, and nothing speaks against it: worth a warning.
    BestEffort,
    /// The instruments don't know the architecture: worth an error.
    None,
}

/// Architectures that the instruments know.
pub(crate) const ARCHITECTURES: &[&str] = &["x86_64", "aarch64"];

/// Distributions and versions that are tried, on each of the [`ARCHITECTURES`].
pub(crate) const SYSTEMS: &[(&str, &str)] =
    &[("ubuntu", "22.04"), ("ubuntu", "24.04"), ("debian", "12")];

/// Returns how well this system is known.
pub(crate) fn support(host: &Host) -> Support {
    let Host { os, os_version, arch, kernel: _, name: _, user: _, cpu: _, memory_gib: _ } = host;
    if !ARCHITECTURES.contains(&arch.as_str()) {
        Support::None
    } else if SYSTEMS.contains(&(os, os_version)) {
        Support::Full
    } else {
        Support::BestEffort
    }
}
