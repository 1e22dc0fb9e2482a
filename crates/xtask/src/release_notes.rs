//! `cargo xtask release-notes`: the section of the changelog about one version, with how to install it below.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::files;
use crate::say;
use crate::workspace::Workspace;

/// The command.
pub(crate) fn run(version: &str) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let path = workspace.root.join("CHANGELOG.md");
    let changelog = files::read_to_string(&path)
        .with_context(|| format!("could not read `{}`", say::path(&path)))?;
    let version = version.strip_prefix('v').unwrap_or(version);
    let repository = workspace
        .package("runner")
        .and_then(|package| package.get("repository")?.as_str())
        .context("`cargo metadata` has no repository of the crate `runner`")?;
    say::data(&notes(&changelog, version, repository)?);
    Ok(ExitCode::SUCCESS)
}

/// The text of a release.
fn notes(changelog: &str, version: &str, repository: &str) -> Result<String> {
    let section = section(changelog, version).with_context(|| {
        format!("CHANGELOG.md has no section `## {version}` with text in it: rename `## Unreleased` before tagging")
    })?;
    let url = format!("{repository}/releases/download/v{version}");
    Ok(format!(
        "{section}\n\n### Install\n\n```sh\ncurl --proto '=https' -fsSLO {url}/codspeed-installer.sh\nsh codspeed-installer.sh\n```\n\n\
         It verifies the SHA-256 of what it downloads; `SHA256SUMS` is beside the archives, and `codspeed-v{version}.spdx.json` \
         lists what is in them."
    ))
}

/// The text below a heading `## 5.1.0`, `## [5.1.0]` or `## 5.1.0 - date`, without it; none when there is nothing.
fn section<'a>(changelog: &'a str, version: &str) -> Option<&'a str> {
    let mut start = None;
    let mut end = changelog.len();
    let mut at = 0;
    for line in changelog.split_inclusive('\n') {
        let next = at + line.len();
        if let Some(heading) = line.strip_prefix("## ") {
            if start.is_some() {
                end = at;
                break;
            }
            let named = heading.split_whitespace().next().unwrap_or_default();
            if named.trim_matches(['[', ']', 'v']) == version {
                start = Some(next);
            }
        }
        at = next;
    }
    changelog.get(start?..end).map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGELOG: &str = "# Changelog\n\n## Unreleased\n\n## [1.3.0] - 2026-11-28\n\n### Added\n\n- A.\n\n## 1.2.0\n\n- B.\n";

    #[test]
    fn a_section_ends_at_the_next_heading_of_its_kind() {
        assert_eq!(section(CHANGELOG, "1.3.0"), Some("### Added\n\n- A."));
        assert_eq!(section(CHANGELOG, "1.2.0"), Some("- B."));
    }

    #[test]
    fn a_version_without_text_is_an_error_that_says_what_to_do() {
        for version in ["1.2", "Unreleased", "1.3.0 "] {
            let err = notes(CHANGELOG, version, "https://example.org/c").unwrap_err().to_string();
            assert!(err.contains("## Unreleased"), "{err}");
        }
    }

    #[test]
    fn notes_end_with_how_to_install() {
        let text = notes(CHANGELOG, "1.3.0", "https://example.org/c").unwrap();
        assert!(text.starts_with("### Added"), "{text}");
        assert!(
            text.contains("https://example.org/c/releases/download/v1.3.0/codspeed-installer.sh"),
            "{text}"
        );
    }
}
