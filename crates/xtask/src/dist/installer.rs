//! Writes into the installer what it has to know of a release. Pure.

use anyhow::{Result, bail};

use super::Release;
use super::elf::Glibc;

/// The installer without the facts of a release, from the top of the repository.
pub(super) const TEMPLATE: &str = ".github/install/codspeed-installer.sh";
/// Its file name in a release.
pub(super) const NAME: &str = "codspeed-installer.sh";

/// An archive as the installer knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) triple: String,
    pub(super) sha256: String,
    /// The least version of glibc; none for a program that needs none.
    pub(super) glibc: Option<Glibc>,
}

impl Row {
    fn shown(&self) -> String {
        let needs = self.glibc.map_or_else(|| "-".to_owned(), |glibc| glibc.to_string());
        format!("{} {} {needs}", self.triple, self.sha256)
    }
}

/// The installer of a release with these archives.
pub(super) fn fill(template: &str, release: &Release, rows: &[Row]) -> Result<String> {
    let table: Vec<String> = rows.iter().map(Row::shown).collect();
    let facts = [
        ("@VERSION@", release.version.clone()),
        ("@BASE_URL@", release.downloads()),
        ("@ARCHIVES@", table.join("\n")),
    ];
    let mut text = template.to_owned();
    for (place, fact) in facts {
        let count = text.matches(place).count();
        if count != 1 {
            bail!("the installer has {count} places for {place}; it must have one");
        }
        // They stand in single quotes of a shell.
        if fact.contains('\'') {
            bail!("`{fact}` can't be quoted in a shell script");
        }
        text = text.replace(place, &fact);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        Release {
            version: "1.2.3".to_owned(),
            time: 0,
            repository: "https://example.org/c".to_owned(),
        }
    }

    #[test]
    fn facts_are_written_into_their_places() {
        let row = |triple: &str, glibc| Row {
            triple: triple.to_owned(),
            sha256: "c0ffee".to_owned(),
            glibc,
        };
        let rows = [row("a-gnu", Some(Glibc(2, 34))), row("a-musl", None)];
        let text = fill("V='@VERSION@' B='@BASE_URL@'\n@ARCHIVES@\n", &release(), &rows).unwrap();
        let expected = "V='1.2.3' B='https://example.org/c/releases/download'\n\
            a-gnu c0ffee 2.34\na-musl c0ffee -\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_template_without_a_place_is_refused() {
        let err = fill("@VERSION@ @BASE_URL@", &release(), &[]).unwrap_err().to_string();
        assert!(err.contains("@ARCHIVES@"), "{err}");
    }
}
