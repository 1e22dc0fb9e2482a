//! The installer's receipt on this machine, and the newest release. Files and names are those of
//! `.github/install/README.md`.

use std::{
    io,
    path::{Path, PathBuf},
};

use runner_shared::{env_names, text::shown};
use semver::Version;
use serde::Deserialize;
use system::files::{self, Links};

use crate::env::Env;

/// Longer ones are none.
const MOST_BYTES: u64 = 1 << 20;
/// The one form that we know.
const FORMAT: u64 = 1;

/// The installer's receipt, as far as we need it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Receipt {
    /// The installed version.
    pub version: Version,
    /// The address below which each release has a folder `v<V>`.
    pub base_url: String,
    /// The place where the programs are.
    pub dir: PathBuf,
}

/// The part that is read first: another format may have other keys.
#[derive(Deserialize)]
struct Format {
    format: u64,
}

/// The reason why there is no receipt to go by.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiptError {
    /// No place.
    #[error("the installer's receipt can't be located: neither XDG_CONFIG_HOME nor HOME is set")]
    NoHome,
    /// Installed in another way.
    #[error("the installer left no receipt at `{}`", shown(.0))]
    None(PathBuf),
    /// Not readable.
    #[error("could not read the installer's receipt `{}`", shown(&path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// Not what the installer writes.
    #[error("the installer's receipt `{}` is damaged", shown(&path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The problem.
        #[source]
        source: serde_json::Error,
    },
    /// Of another time.
    #[error("the installer's receipt `{}` has the unknown format {format}; expected {FORMAT}", shown(&path))]
    Format {
        /// The file.
        path: PathBuf,
        /// The format that it states.
        format: u64,
    },
}

impl Receipt {
    /// Reads it.
    pub(crate) fn read(env: &Env) -> Result<Self, ReceiptError> {
        let told = env.get(env_names::XDG_CONFIG_HOME).map(PathBuf::from);
        let home = || Some(Path::new(env.get(env_names::HOME)?).join(".config"));
        let folder = told.or_else(home).ok_or(ReceiptError::NoHome)?;
        let path = folder.join("codspeed/receipt.json");
        let text = match files::read(&path, Links::Follow, MOST_BYTES) {
            Ok(text) => text,
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                return Err(ReceiptError::None(path));
            }
            Err(source) => return Err(ReceiptError::Read { path, source }),
        };
        match serde_json::from_slice(&text) {
            Ok(Format { format: FORMAT }) => serde_json::from_slice(&text)
                .map_err(|source| ReceiptError::Damaged { path, source }),
            Ok(Format { format }) => Err(ReceiptError::Format { path, format }),
            Err(source) => Err(ReceiptError::Damaged { path, source }),
        }
    }

    /// Returns where the hashes of the newest release are. GitHub has them beside the folder of all releases, and
    /// others, who have
    /// the folders of the versions in one place, among these.
    pub(crate) fn latest_sums(&self) -> String {
        let base = self.base_url.trim_end_matches('/');
        match base.strip_suffix("/download") {
            Some(releases) => format!("{releases}/latest/download/SHA256SUMS"),
            None => format!("{base}/latest/SHA256SUMS"),
        }
    }

    /// Returns whether what comes from there is what was put there: others can change what comes by plain HTTP.
    pub(crate) fn is_safe(&self) -> bool {
        let here = ["http://127.0.0.1", "http://localhost"].iter().any(|here| {
            let rest = self.base_url.strip_prefix(here);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        });
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._~:/%+-".contains(c);
        (here || self.base_url.starts_with("https://")) && self.base_url.chars().all(is_plain)
    }
}

/// The version of the release with these hashes, by the names of its archives.
pub(crate) fn version(sums: &str) -> Option<Version> {
    let mut versions = sums.lines().filter_map(|line| {
        let name = line.split_once(' ')?.1.trim_start_matches([' ', '*']);
        let name = name.strip_prefix("codspeed-v")?.strip_suffix(".tar.gz")?;
        let cpus = ["-x86_64-unknown-linux-", "-aarch64-unknown-linux-"];
        let version = cpus.iter().find_map(|cpu| Some(name.rsplit_once(cpu)?.0))?;
        Version::parse(version).ok()
    });
    let version = versions.next()?;
    versions.all(|other| other == version).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(base_url: &str) -> Receipt {
        let version = Version::new(5, 1, 0);
        Receipt { version, base_url: base_url.to_owned(), dir: "/b".into() }
    }

    #[test]
    fn the_newest_release_is_where_github_and_others_have_it() {
        let latest = |url: &str| receipt(url).latest_sums();
        assert_eq!(
            latest("https://g.test/o/r/releases/download"),
            "https://g.test/o/r/releases/latest/download/SHA256SUMS"
        );
        assert_eq!(latest("http://localhost:1/"), "http://localhost:1/latest/SHA256SUMS");
    }

    #[test]
    fn only_safe_addresses_are_used() {
        for good in ["https://a.test/x", "http://localhost:1", "http://127.0.0.1/x"] {
            assert!(receipt(good).is_safe(), "{good}");
        }
        for bad in ["http://a.test", "http://127.0.0.1.a.test", "http://localhost@a", "-x", ""] {
            assert!(!receipt(bad).is_safe(), "{bad}");
        }
    }

    #[test]
    fn a_list_of_hashes_names_one_version_or_none() {
        let line = |name: &str| format!("{}  {name}\n", "0".repeat(64));
        let gnu = line("codspeed-v5.2.0-rc.1-x86_64-unknown-linux-gnu.tar.gz");
        let arm = line("codspeed-v5.2.0-rc.1-aarch64-unknown-linux-musl.tar.gz");
        let other = line("codspeed-v5.1.0-aarch64-unknown-linux-musl.tar.gz");
        let found = version(&format!("{}{gnu}{arm}", line("codspeed-installer.sh")));
        assert_eq!(found.map(|version| version.to_string()).as_deref(), Some("5.2.0-rc.1"));
        let odd = line("codspeed-v$(id)-x86_64-unknown-linux-gnu.tar.gz");
        for none in ["", "x", &format!("{gnu}{other}"), &odd] {
            assert_eq!(version(none), None, "{none}");
        }
    }
}
