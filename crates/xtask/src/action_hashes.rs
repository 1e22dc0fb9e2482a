//! `cargo xtask action-hashes`: what the GitHub Action knows about releases. The files are data of the scripts in
//! `.github/action`; this module alone writes them, and knows their form.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::files;
use crate::say;
use crate::workspace::Workspace;

/// The version that the action installs when its user names none: one line.
pub(crate) const VERSION_FILE: &str = ".codspeed-runner-version";
/// The hashes, as [`Hashes::text`] writes them.
pub(crate) const HASHES_FILE: &str = ".github/action/hashes.json";
/// Stands in [`VERSION_FILE`] as long as there is no release.
pub(crate) const SOURCE: &str = "source";
/// Targets of the archives of a release, in the order of the file.
pub(crate) const TRIPLES: [&str; 4] = [
    "aarch64-unknown-linux-gnu",
    "aarch64-unknown-linux-musl",
    "x86_64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
];
/// Without an archive for this processor there is no release; `.github/workflows/release.yml` may leave out others.
const NEEDED: &str = "x86_64-";

/// The command.
pub(crate) fn run(sums: &Path) -> Result<ExitCode> {
    let root = Workspace::load()?.root;
    let read = |path: &Path| {
        files::read_to_string(path)
            .with_context(|| format!("could not read `{}`", say::path(&path)))
    };
    let write = |path: &Path, text: &str| {
        files::write(path, text).with_context(|| format!("could not write `{}`", say::path(&path)))
    };
    let (version, archives) = archives(&read(sums)?)?;
    let path = root.join(HASHES_FILE);
    let mut hashes = Hashes::parse(&read(&path)?)?;
    hashes.add(&version, archives)?;
    write(&path, &hashes.text()?)?;
    say::note(&format!("{HASHES_FILE}: added codspeed {version}"));
    if version.contains('-') {
        say::note(&format!("{VERSION_FILE}: unchanged, because {version} is a prerelease"));
    } else {
        write(&root.join(VERSION_FILE), &format!("{version}\n"))?;
        say::note(&format!("{VERSION_FILE}: the action now installs {version}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// By version, the hash of the archive for each triple.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hashes(BTreeMap<String, BTreeMap<String, String>>);

impl Hashes {
    /// Reads the file, and demands that every version has a hash for the usual processor, and for known triples only.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let hashes = Self(serde_json::from_str(text).context("the hashes are not JSON")?);
        for (version, archives) in &hashes.0 {
            if !is_version(version) {
                bail!("`{version}` is not a version");
            }
            if let Some(other) = archives.keys().find(|triple| !TRIPLES.contains(&&***triple)) {
                bail!("version {version} has a hash for `{other}`, which is not among {TRIPLES:?}");
            }
            if !archives.keys().any(|triple| triple.starts_with(NEEDED)) {
                bail!("version {version} has no hash for {NEEDED}*");
            }
            if let Some(hash) = archives.values().find(|hash| !is_sha256(hash)) {
                bail!("version {version}: `{hash}` is not a SHA-256 hash in lower case");
            }
        }
        Ok(hashes)
    }

    /// The file. Scripts read it line by line.
    pub(crate) fn text(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(&self.0)? + "\n")
    }

    /// Returns whether a version is known.
    pub(crate) fn knows(&self, version: &str) -> bool {
        self.0.contains_key(version)
    }

    /// A version that was published keeps its bytes: other hashes for it are a mistake, or an attack.
    fn add(&mut self, version: &str, archives: BTreeMap<String, String>) -> Result<()> {
        match self.0.get(version) {
            Some(known) if *known != archives => {
                bail!(
                    "version {version} is listed with other hashes; if the new ones are right, remove it first"
                )
            }
            Some(_) | None => drop(self.0.insert(version.to_owned(), archives)),
        }
        Ok(())
    }
}

/// The version in a list of hashes, and its archives.
fn archives(sums: &str) -> Result<(String, BTreeMap<String, String>)> {
    let mut version = None;
    let mut archives = BTreeMap::new();
    for line in sums.lines() {
        let Some((hash, name)) = line.split_once(' ') else { continue };
        let name = name.trim_start_matches([' ', '*']);
        let Some((found, triple)) =
            TRIPLES.iter().find_map(|triple| Some((of(name, triple)?, triple)))
        else {
            continue;
        };
        if !is_version(found) || !is_sha256(hash) {
            bail!("`{line}` is not the hash of a release");
        }
        if version.get_or_insert_with(|| found.to_owned()) != found {
            bail!("the list has archives of more than one version");
        }
        if archives.insert((*triple).to_owned(), hash.to_owned()).is_some() {
            bail!("the list has two hashes for {triple}");
        }
    }
    let version = version.context("the list names no archive of a release")?;
    if !archives.keys().any(|triple| triple.starts_with(NEEDED)) {
        bail!("the list has no archive for {NEEDED}*");
    }
    Ok((version, archives))
}

/// The version in the name of an archive.
fn of<'a>(name: &'a str, triple: &str) -> Option<&'a str> {
    name.strip_prefix("codspeed-v")?
        .strip_suffix(".tar.gz")?
        .strip_suffix(triple)?
        .strip_suffix('-')
}

/// Returns whether the action's scripts would take this as a release: `X.Y.Z`, and perhaps `-` and more.
pub(crate) fn is_version(text: &str) -> bool {
    let (numbers, more) = text.split_once('-').map_or((text, None), |(a, b)| (a, Some(b)));
    let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && more.is_none_or(|more| !more.is_empty() && more.chars().all(is_word))
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(version: &str, arm: char, x86: char) -> String {
        let line = |hash: char, triple: &str| {
            format!("{}  codspeed-v{version}-{triple}.tar.gz\n", hash.to_string().repeat(64))
        };
        let other = format!("{}  codspeed-installer.sh\n", "c".repeat(64));
        line(arm, TRIPLES[1]) + &other + &line(x86, TRIPLES[3])
    }

    #[test]
    fn a_list_becomes_an_entry_that_scripts_can_read_line_by_line() {
        let mut hashes = Hashes::parse("{}").unwrap();
        for version in ["5.1.0", "5.2.0-alpha.1"] {
            let (found, archives) = archives(&sums(version, 'a', 'b')).unwrap();
            assert_eq!(found, version);
            hashes.add(&found, archives.clone()).unwrap();
            hashes.add(&found, archives).unwrap();
        }
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let entry = |version: &str| {
            format!(
                "  \"{version}\": {{\n    \"{}\": \"{a}\",\n    \"{}\": \"{b}\"\n  }}",
                TRIPLES[1], TRIPLES[3]
            )
        };
        let text = format!("{{\n{},\n{}\n}}\n", entry("5.1.0"), entry("5.2.0-alpha.1"));
        assert_eq!(hashes.text().unwrap(), text);
        assert_eq!(Hashes::parse(&text).unwrap(), hashes);
        assert!(hashes.knows("5.1.0") && !hashes.knows("5.2.0"));
    }

    #[test]
    fn other_bytes_under_a_known_version_are_refused() {
        let mut hashes = Hashes::default();
        hashes.add("5.1.0", archives(&sums("5.1.0", 'a', 'b')).unwrap().1).unwrap();
        let other = archives(&sums("5.1.0", 'a', 'c')).unwrap().1;
        let said = hashes.add("5.1.0", other).unwrap_err().to_string();
        assert!(said.contains("listed with other hashes"), "{said}");
    }

    #[track_caller]
    fn refused(sums: &str, why: &str) {
        assert_eq!(archives(sums).unwrap_err().to_string(), why);
    }

    #[test]
    fn a_list_that_is_not_whole_is_refused() {
        let whole = sums("5.1.0", 'a', 'b');
        let (first, _) = whole.split_once('\n').unwrap();
        refused("", "the list names no archive of a release");
        refused(first, "the list has no archive for x86_64-*");
        refused(
            &format!("{whole}{first}"),
            "the list has two hashes for aarch64-unknown-linux-musl",
        );
        let other = sums("5.2.0", 'a', 'b');
        refused(&format!("{first}\n{other}"), "the list has archives of more than one version");
        let upper = first.replace('a', "A");
        assert!(archives(&upper).is_err() && archives(&first.replace("v5.1.0", "v5")).is_err());
    }

    #[test]
    fn versions_are_told_from_other_words() {
        for good in ["5.1.0", "10.0.12", "5.1.0-alpha.1", "5.1.0-rc-1"] {
            assert!(is_version(good), "{good}");
        }
        for bad in ["", "5", "5.1", "5.1.0.1", "v5.1.0", "5.1.x", "5.1.0-", "5.1.0-a b", "5..0"] {
            assert!(!is_version(bad), "{bad}");
        }
    }
}
