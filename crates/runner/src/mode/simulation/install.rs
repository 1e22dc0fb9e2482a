//! Installs CodSpeed's Valgrind for this user alone: takes the few files that callgrind needs out
//! of a Debian package, tries them, and puts them into our cache. Nobody becomes root.

use std::{
    ffi::OsStr,
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use api::Watch;
use system::{
    files::{self, Links},
    temporary::{Folder, Kind},
};

use runner_shared::text::shown;

use super::{
    manifest::Manifest,
    valgrind::{CACHED_PROGRAM, Valgrind, cache},
};
use crate::{
    env::Env,
    process::AskError,
    tools::{
        deb::{self, DebError, Package},
        fetch::{self, FetchError, Hash, Source},
    },
};

/// The version of the packages below.
pub(crate) const VERSION: &str = "3.26.0-0codspeed6";
/// The place where they are, before the version.
const RELEASES: &str = "https://github.com/CodSpeedHQ/valgrind-codspeed/releases/download";

/// A package whose content is known.
struct Pinned {
    /// The system that it is made for; any system with a C library of that age or newer does.
    release: &'static str,
    /// As Rust names the processor.
    arch: &'static str,
    /// As Debian does.
    debian_arch: &'static str,
    sha256: &'static str,
}

const fn pinned(
    release: &'static str,
    arch: &'static str,
    debian_arch: &'static str,
    sha256: &'static str,
) -> Pinned {
    Pinned { release, arch, debian_arch, sha256 }
}

/// Every package. Of those for a processor, the first fits every system.
const PINNED: &[Pinned] = &[
    pinned(
        "22.04",
        "x86_64",
        "amd64",
        "d7ca177bbdacf69c4144a822488faca5f2e98b953bacf64831eb3fdbe599fdad",
    ),
    pinned(
        "24.04",
        "x86_64",
        "amd64",
        "454becce1a232bba1c408ed8aad4a20afa78acfbaba072cef2bf1c0a636ebd71",
    ),
    pinned(
        "22.04",
        "aarch64",
        "arm64",
        "79385d28546f711c4f3c000dbcf50362a2be13b1ce9c7c6746870bfe48ffcedf",
    ),
    pinned(
        "24.04",
        "aarch64",
        "arm64",
        "47e71ef8a095a8dc26e31e7a5d66c3665ff2d68a3f0350d351d7affe3aec2944",
    ),
];

/// The reason why nothing was installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    /// No package for this processor.
    #[error("CodSpeed's Valgrind is not available for the processor `{0}`")]
    NoPackage(&'static str),
    /// No place.
    #[error("the installation folder can't be located: neither XDG_CACHE_HOME nor HOME is set")]
    NoCache,
    /// No file, or the wrong one.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Not a package.
    #[error(transparent)]
    Package(#[from] DebError),
    /// Not the package of a Valgrind for this machine.
    #[error("the package `{name}` {version} doesn't contain `{lacks}`")]
    Lacks {
        /// Of the package.
        name: String,
        /// Of the package.
        version: String,
        /// The file.
        lacks: String,
    },
    /// It does not run here.
    #[error(
        "Valgrind {version} was unpacked, but does not run on this machine; nothing was installed"
    )]
    DoesNotRun {
        /// Of the package.
        version: String,
        /// The fault.
        #[source]
        why: AskError,
    },
    /// Not writable.
    #[error("could not write below `{}`", shown(&path))]
    Write {
        /// The folder.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
}

/// What will be done, before anything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The origin of the package.
    pub source: Source,
    /// What it may hash to.
    pub hashes: Vec<Hash>,
    /// What hashes to that, for people.
    pub expected: String,
    /// The place where it goes: a folder per version is made in this one.
    pub folder: PathBuf,
}

impl Plan {
    /// The pinned package, or the one that the user names: it has to be a pinned one, too, or its
    /// hash is given. `os_release` is the text of the file of that name.
    pub(crate) fn new(
        told: Option<Source>,
        hash: Option<Hash>,
        os_release: &str,
        env: &Env,
    ) -> Result<Self, InstallError> {
        let folder = cache(env).ok_or(InstallError::NoCache)?;
        let arch = std::env::consts::ARCH;
        let for_arch = || PINNED.iter().filter(|pinned| pinned.arch == arch);
        let fits = for_arch().find(|pinned| release(os_release) == Some(pinned.release));
        let pinned = fits.or_else(|| for_arch().next());
        let source = match (told, pinned) {
            (Some(source), _) => source,
            (None, Some(pinned)) => Source::Web(pinned.url()),
            (None, None) => return Err(InstallError::NoPackage(arch)),
        };
        let (hashes, expected) = match hash {
            Some(hash) => (vec![hash], format!("`--sha256 {hash}`")),
            None => (
                for_arch().filter_map(|pinned| Hash::parse(pinned.sha256)).collect(),
                format!("a package of CodSpeed's Valgrind {VERSION}"),
            ),
        };
        Ok(Self { source, hashes, expected, folder })
    }

    /// Does it. A second one at the same time waits for the end of the first.
    pub(crate) fn carry_out(
        &self,
        env: &Env,
        watch: &mut Watch<'_>,
    ) -> Result<Valgrind, InstallError> {
        let failed = |source| InstallError::Write { path: self.folder.clone(), source };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let lock = self.folder.join(".lock");
        let lock = files::open_with(&lock, Links::Follow, File::options().write(true).create(true));
        let lock = lock.map_err(failed)?;
        lock.lock().map_err(failed)?;
        // By whoever had the lock before us.
        if let Some(Installed::Whole(valgrind)) = self.installed(env) {
            return Ok(*valgrind);
        }
        let file = fetch::fetch(&self.source, &self.hashes, &self.expected, watch)?;
        let sha256 = Hash::of(file.as_file()).map_err(FetchError::Write)?;
        io::Seek::rewind(&mut file.as_file()).map_err(FetchError::Write)?;
        let package = deb::unpack(io::BufReader::new(file.as_file()), is_needed)?;
        complete(&package)?;
        let fresh = Folder::create(&self.folder, Kind::Package).map_err(failed)?;
        write(&package, fresh.path()).map_err(failed)?;
        Manifest::new(sha256, &package).and_then(|it| it.save(fresh.path())).map_err(failed)?;
        let version = || package.version.clone();
        let runs = Valgrind::at(&fresh.path().join(CACHED_PROGRAM), env);
        runs.map_err(|why| InstallError::DoesNotRun { version: version(), why })?;
        let place = self.folder.join(folder_name(&package.version));
        replace(fresh, &place).map_err(failed)?;
        Valgrind::at(&place.join(CACHED_PROGRAM), env)
            .map_err(|why| InstallError::DoesNotRun { version: version(), why })
    }
}

/// A package of the plan that was unpacked before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Installed {
    /// It runs, and every file is as it was.
    Whole(Box<Valgrind>),
    /// This file is gone or has changed.
    Damaged(PathBuf),
}

impl Plan {
    /// Returns what is there of the packages that will do. Only what has a manifest counts, and runs on this machine.
    pub(crate) fn installed(&self, env: &Env) -> Option<Installed> {
        let entries = fs::read_dir(&self.folder).ok()?.flatten().map(|entry| entry.path());
        let found = entries.filter_map(|place| {
            let manifest = Manifest::load(&place)?;
            let package = Hash::parse(&manifest.package)?;
            let is_wanted = self.hashes.contains(&package) && !is_hidden(&place);
            if !is_wanted {
                return None;
            }
            if let Some(file) = manifest.first_damaged(&place) {
                return Some(Installed::Damaged(file));
            }
            let valgrind = Valgrind::at(&place.join(CACHED_PROGRAM), env).ok()?;
            Some(Installed::Whole(Box::new(valgrind)))
        });
        // Whole ones first.
        found.min_by_key(|found| matches!(found, Installed::Damaged(_)))
    }
}

/// Unfinished, or about to be removed.
fn is_hidden(place: &Path) -> bool {
    place.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."))
}

impl Pinned {
    fn url(&self) -> String {
        let Self { release, debian_arch, .. } = self;
        format!("{RELEASES}/{VERSION}/valgrind_{VERSION}_ubuntu-{release}_{debian_arch}.deb")
    }
}

/// The Ubuntu whose packages fit, if the system is one that packages are made for.
fn release(os_release: &str) -> Option<&'static str> {
    let value = |key: &str| {
        let value = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        value.map(|value| value.trim_matches('"'))
    };
    match (value("ID")?, value("VERSION_ID")?) {
        ("ubuntu", "22.04") | ("debian", "12") => Some("22.04"),
        ("ubuntu", "24.04") => Some("24.04"),
        _ => None,
    }
}

/// Callgrind (and tracegrind) of any processor, what goes into each program, the launcher.
fn is_needed(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let starts = ["callgrind-", "tracegrind-", "vgpreload_core-", "vgpreload_tracegrind-"];
    name == CACHED_PROGRAM || name == "default.supp" || starts.iter().any(|it| name.starts_with(it))
}

fn complete(package: &Package) -> Result<(), InstallError> {
    for lacks in [CACHED_PROGRAM, "default.supp", "callgrind-", "vgpreload_core-"] {
        let is_it = |path: &Path| {
            let name = path.file_name().and_then(OsStr::to_str);
            name.is_some_and(|name| name.starts_with(lacks))
        };
        if !package.files.iter().any(|file| is_it(&file.path)) {
            let (name, version) = (package.name.clone(), package.version.clone());
            return Err(InstallError::Lacks { name, version, lacks: lacks.to_owned() });
        }
    }
    Ok(())
}

/// All in one folder: Valgrind is told where its tools are.
fn write(package: &Package, folder: &Path) -> io::Result<()> {
    for file in &package.files {
        let Some(name) = file.path.file_name() else { continue };
        let path = folder.join(name);
        files::replace(&path, &file.bytes)?;
        let mode = if file.executable { 0o755 } else { 0o644 };
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
    }
    fs::set_permissions(folder, Permissions::from_mode(0o755))
}

/// Versions of Debian hold characters that a folder is better without.
fn folder_name(version: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._+-".contains(c) { c } else { '_' };
    version.chars().map(plain).collect::<String>().trim_start_matches('.').to_owned()
}

/// Puts a folder in its place; an older one there moves away first.
fn replace(fresh: Folder, place: &Path) -> io::Result<()> {
    let old = fresh.path().with_extension("old");
    let had_one = match fs::rename(place, &old) {
        Ok(()) => true,
        Err(err) if err.kind() == io::ErrorKind::NotFound => false,
        Err(err) => return Err(err),
    };
    fresh.persist(place)?;
    if had_one { fs::remove_dir_all(old) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use api::unwatched;
    use runner_shared::env_names;

    use super::*;
    use crate::tools::deb::tests::package;

    const RUNS: &str = "#!/bin/sh\ntest -f \"$VALGRIND_LIB/default.supp\" || exit 1\n\
        case \"$*\" in *--version) echo valgrind-3.26.0.codspeed6;; *) echo --obj-skip=;; esac\n";

    fn files(program: &'static str) -> Vec<(&'static str, &'static str)> {
        vec![
            ("./usr/bin/valgrind", "#!/bin/sh\n"),
            ("./usr/bin/valgrind.bin", program),
            ("./usr/libexec/valgrind/callgrind-amd64-linux", "#!\n"),
            ("./usr/libexec/valgrind/memcheck-amd64-linux", "#!\n"),
            ("./usr/libexec/valgrind/vgpreload_core-amd64-linux.so", "x"),
            ("./usr/libexec/valgrind/default.supp", ""),
        ]
    }

    /// A plan for a package, in a cache of its own.
    fn plan(dir: &Path, package: &[u8]) -> (Plan, Env) {
        let path = dir.join("valgrind.deb");
        fs::write(&path, package).unwrap();
        let env = Env::default().with(env_names::XDG_CACHE_HOME, dir.join("cache"));
        let env = env.with(env_names::PATH, "/usr/bin:/bin");
        let plan = Plan::new(Some(Source::File(path)), Some(Hash::of(package).unwrap()), "", &env);
        (plan.unwrap(), env)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_package_follows_the_system_and_has_a_hash() {
        let env = Env::default().with(env_names::HOME, "/home/u");
        let url = |os: &str| match Plan::new(None, None, os, &env).unwrap().source {
            Source::Web(url) => url,
            Source::File(path) => panic!("{}", shown(&path)),
        };
        let noble = url("NAME=x\nID=ubuntu\nVERSION_ID=\"24.04\"\n");
        assert!(noble.contains("/3.26.0-0codspeed6/valgrind_3.26.0-0codspeed6_ubuntu-24.04_"));
        for other in ["ID=debian\nVERSION_ID=\"12\"\n", "ID=arch\n", ""] {
            assert!(url(other).contains("_ubuntu-22.04_"), "{other}");
        }
        assert!(PINNED.iter().all(|pinned| Hash::parse(pinned.sha256).is_some()));
        let plan = Plan::new(None, None, "", &env).unwrap();
        assert_eq!(plan.folder, Path::new("/home/u/.cache/codspeed/valgrind"));
        assert_eq!(plan.hashes.len(), 2);
    }

    #[test]
    fn a_package_is_installed_whole_tried_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let (plan, env) = plan(dir.path(), &package("1:3.26.0-0codspeed6", &files(RUNS), ".xz"));
        for _ in 0..2 {
            let valgrind = plan.carry_out(&env, &mut unwatched).unwrap();
            let place = plan.folder.join("1_3.26.0-0codspeed6");
            assert_eq!(valgrind.tools.as_deref(), Some(&*place.canonicalize().unwrap()));
            let expected = [
                "callgrind-amd64-linux",
                "default.supp",
                "manifest.json",
                "valgrind.bin",
                "vgpreload_core-amd64-linux.so",
            ];
            assert_eq!(names(&place), expected);
            assert_eq!(names(&plan.folder), [".lock", "1_3.26.0-0codspeed6"]);
            assert_eq!(Valgrind::all(&env).first(), Some(&valgrind));
        }
    }

    #[test]
    fn only_a_damaged_installation_is_fetched_again() {
        let dir = tempfile::tempdir().unwrap();
        let deb = package("1", &files(RUNS), "");
        let (plan, env) = plan(dir.path(), &deb);
        assert_eq!(plan.installed(&env), None);
        plan.carry_out(&env, &mut unwatched).unwrap();
        let place = plan.folder.join("1");
        let whole = || matches!(plan.installed(&env), Some(Installed::Whole(_)));
        assert!(whole());
        // Another package is wanted.
        let other = Plan { hashes: vec![Hash::of(&b""[..]).unwrap()], ..plan.clone() };
        assert_eq!(other.installed(&env), None);
        // Saved, and restored elsewhere by CI; the package is not to be had.
        let package = dir.path().join("valgrind.deb");
        fs::remove_file(&package).unwrap();
        plan.carry_out(&env, &mut unwatched).unwrap();
        for damage in ["default.supp", "callgrind-amd64-linux"] {
            let file = place.join(damage);
            if damage == "default.supp" {
                fs::write(&file, "x").unwrap();
            } else {
                fs::remove_file(&file).unwrap();
            }
            assert_eq!(plan.installed(&env), Some(Installed::Damaged(file)));
            plan.carry_out(&env, &mut unwatched).unwrap_err();
            fs::write(&package, &deb).unwrap();
            plan.carry_out(&env, &mut unwatched).unwrap();
            assert!(whole());
            fs::remove_file(&package).unwrap();
        }
        fs::write(place.join("manifest.json"), "{").unwrap();
        assert_eq!(plan.installed(&env), None);
    }

    #[test]
    fn what_does_not_run_or_is_not_whole_is_not_installed() {
        let broken = "#!/bin/sh\nexit 1\n";
        let dir = tempfile::tempdir().unwrap();
        let (plan, env) = plan(dir.path(), &package("1", &files(broken), ""));
        assert!(matches!(
            plan.carry_out(&env, &mut unwatched).unwrap_err(),
            InstallError::DoesNotRun { .. }
        ));
        assert_eq!(names(&plan.folder), [".lock"]);

        let (plan, env) = self::plan(dir.path(), &package("1", &files(RUNS)[..2], ""));
        assert!(matches!(
            plan.carry_out(&env, &mut unwatched).unwrap_err(),
            InstallError::Lacks { .. }
        ));
        let wrong = Plan { hashes: vec![Hash::of(&b""[..]).unwrap()], ..plan };
        let err = wrong.carry_out(&env, &mut unwatched).unwrap_err();
        assert!(matches!(err, InstallError::Fetch(FetchError::WrongHash { .. })), "{err}");
        assert_eq!(names(&wrong.folder), [".lock"]);
    }

    #[test]
    fn versions_become_names_of_folders() {
        assert_eq!(folder_name("1:3.19.0-1+b2"), "1_3.19.0-1+b2");
        assert_eq!(folder_name("../../x"), "_.._x");
    }
}
