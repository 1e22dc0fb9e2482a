//! Finds a perf and what it can do. Whether the kernel lets it record is another matter (`kernel.rs`).

use std::{
    fs,
    path::{Path, PathBuf},
};

use runner_shared::{env_names, text::shown};

use crate::{
    env::Env,
    process::{AskError, ask},
    tools,
};

/// The place where Ubuntu puts the perf of each kernel, behind a script that only knows the running one.
const TOOLS_FOLDER: &str = "/usr/lib";
/// The first version that is controlled by FIFOs.
const OLDEST: Version = Version(5, 10);
/// The first version that answers `ping`, and takes names of events after `enable` and `disable`.
const PINGS: Version = Version(5, 12);

/// A perf that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Perf {
    /// The program.
    pub program: PathBuf,
    /// As it says itself, such as `6.1.192`.
    pub version: String,
    /// It writes its data compressed.
    pub compresses: bool,
    /// What it is asked to learn that it is ready.
    pub greeting: &'static str,
}

/// There is no perf that can do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PerfError {
    /// Nowhere.
    #[error("`perf` was not found; {hint}")]
    Missing {
        /// What to install.
        hint: String,
    },
    /// It does not run.
    #[error("`{}` does not run (often because it was built for another kernel); {hint}", shown(&path))]
    Broken {
        /// The program.
        path: PathBuf,
        /// What to install.
        hint: String,
    },
    /// It does not say what it is.
    #[error("{why}")]
    Mute {
        /// The fault.
        why: String,
    },
    /// It can't be controlled.
    #[error("`{}` is version {version}, and profiling needs 5.10 or newer; {hint}", shown(&path))]
    TooOld {
        /// The program.
        path: PathBuf,
        /// The format that it states.
        version: String,
        /// What to install.
        hint: String,
    },
}

/// Major and minor number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    /// Reads `6.1.192`, `5.15.g8bb7`; `None` for anything that doesn't begin with two numbers.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl Perf {
    /// The perf that a variable names, or the first that runs: in `PATH`, or beside Ubuntu's script.
    pub(crate) fn find(env: &Env) -> Result<Self, PerfError> {
        let hint = || {
            let release = tools::os_release();
            install_hint(&release)
        };
        let candidates = match env.get(env_names::PERF) {
            Some(told) => vec![PathBuf::from(told)],
            None => tools::find("perf", env)
                .into_iter()
                .chain(beside(Path::new(TOOLS_FOLDER)))
                .collect(),
        };
        let Some(first) = candidates.first() else {
            return Err(PerfError::Missing { hint: hint() });
        };
        let mut trouble = None;
        let answered = candidates.iter().find_map(|path| match describe(path, env) {
            Ok(answer) => Some((path, answer)),
            Err(err) => {
                trouble.get_or_insert(err);
                None
            }
        });
        let Some((program, answer)) = answered else {
            return Err(match trouble {
                Some(err) if !err.is_about_the_tool() => PerfError::Mute { why: err.to_string() },
                Some(_) | None => PerfError::Broken { path: first.clone(), hint: hint() },
            });
        };
        Self::of(program, &answer, env.get(env_names::PERF_DISABLE_COMPRESSION).is_none())
            .map_err(|version| PerfError::TooOld { path: program.clone(), version, hint: hint() })
    }

    /// Returns what perf says of itself; the version as the error if it is too old.
    fn of(program: &Path, answer: &str, may_compress: bool) -> Result<Self, String> {
        let version = answer.lines().find_map(|line| line.strip_prefix("perf version "));
        let version = version.unwrap_or("of unknown version").trim().to_owned();
        // One that nobody can read is somebody's own build, and they are new.
        let known = Version::parse(&version);
        if known.is_some_and(|known| known < OLDEST) {
            return Err(version);
        }
        let compresses = may_compress && answer.to_ascii_lowercase().contains("zstd: [ on");
        // Events are off at first anyway, and this is understood by all.
        let greeting = if known.is_some_and(|known| known < PINGS) { "disable" } else { "ping" };
        Ok(Self { program: program.to_owned(), version, compresses, greeting })
    }
}

/// Version and options of the build; at least the version.
fn describe(path: &Path, env: &Env) -> Result<String, AskError> {
    let (env, here) = (env.clone(), Path::new("/"));
    match ask(path, &["version", "--build-options"], &env, here) {
        // An older one doesn't know the option.
        Err(AskError::Failed { .. }) => ask(path, &["--version"], &env, here),
        answer => answer,
    }
}

/// The programs `linux-tools-*/perf` in a folder, the one of the newest kernel first.
fn beside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let tools = entries
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"linux-tools-"))
        .map(|entry| entry.path().join("perf"));
    let mut programs: Vec<_> = tools.filter(|path| path.is_file()).collect();
    programs.sort_by_cached_key(|path| std::cmp::Reverse(numbers(&path.to_string_lossy())));
    programs
}

/// The numbers in a text, so that 5.15.0-100 comes after 5.15.0-91.
fn numbers(text: &str) -> Vec<u64> {
    text.split(|char: char| !char.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

/// Words in `ID` and `ID_LIKE` of `/etc/os-release`, and how to install perf there.
const PACKAGES: &[(&str, &str)] = &[
    ("ubuntu", "run `apt-get install linux-tools-common linux-tools-generic`"),
    ("debian", "run `apt-get install linux-perf`"),
    ("fedora", "run `dnf install perf`"),
    ("rhel", "run `dnf install perf`"),
    ("suse", "run `zypper install perf`"),
    ("arch", "run `pacman -S perf`"),
    ("alpine", "run `apk add perf`"),
    ("nixos", "install `linuxPackages.perf`"),
];

fn install_hint(os_release: &str) -> String {
    let field = |name: &str| {
        let mut lines = os_release.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_default().trim_matches('"').to_owned()
    };
    let ids = [field("ID"), field("ID_LIKE")].join(" ");
    let mut words = ids.split_whitespace();
    let known = words.find_map(|word| PACKAGES.iter().find(|(id, _)| word.contains(id)));
    known.map_or("install perf with your system's package manager", |(_, hint)| hint).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn of(answer: &str) -> Result<(bool, &'static str), String> {
        Perf::of(Path::new("perf"), answer, true).map(|perf| (perf.compresses, perf.greeting))
    }

    #[test]
    fn capabilities_are_read_from_what_perf_says() {
        let options = "  zlib: [ on  ]  # HAVE_ZLIB\n  zstd: [ on  ]  # HAVE_ZSTD_SUPPORT\n";
        assert_eq!(of(&format!("perf version 6.1.192\n{options}")), Ok((true, "ping")));
        assert_eq!(of("perf version 6.1.192\n  zstd: [ OFF ]\n"), Ok((false, "ping")));
        assert_eq!(of("perf version 5.10.226\n"), Ok((false, "disable")));
        assert_eq!(of("perf version 5.9.g1\n"), Err("5.9.g1".to_owned()));
        assert_eq!(of("perf version 4.19.152\n"), Err("4.19.152".to_owned()));
        assert_eq!(of("my own perf"), Ok((false, "ping")));
    }

    #[test]
    fn the_newest_of_several_is_tried_first() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["linux-tools-5.15.0-91", "linux-tools-5.15.0-100", "linux-tools-empty", "x"];
        for name in names {
            fs::create_dir(folder.path().join(name)).unwrap();
            if name != "linux-tools-empty" {
                fs::write(folder.path().join(name).join("perf"), "").unwrap();
            }
        }
        let expected = [names[1], names[0]].map(|name| folder.path().join(name).join("perf"));
        assert_eq!(beside(folder.path()), expected);
        assert!(beside(Path::new("/no/such/folder")).is_empty());
    }

    #[test]
    fn each_distribution_has_its_own_hint() {
        let hint = |text| install_hint(text);
        assert!(hint("NAME=x\nID=debian\n").contains("linux-perf"));
        assert!(hint("ID=ubuntu\nID_LIKE=debian\n").contains("linux-tools-generic"));
        assert!(hint("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n").contains("linux-tools-generic"));
        assert!(hint("ID=\"opensuse-leap\"\n").contains("zypper"));
        assert!(hint("").contains("your system's package manager"));
    }
}
