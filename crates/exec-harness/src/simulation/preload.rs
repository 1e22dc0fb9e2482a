//! Puts the preload library where every program of a benchmark can load it, and reads what it
//! reports. Everything is removed at the end.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::{
        fd::AsRawFd,
        unix::{ffi::OsStrExt, fs::PermissionsExt},
    },
    path::{Path, PathBuf},
};

use nix::sys::{
    memfd::{MFdFlags, memfd_create},
    statvfs::{FsFlags, statvfs},
};
use runner_shared::{
    env_names::{self, EnvName},
    mode::Mode,
    text::shown,
};
use system::{
    files::{self, Links},
    temporary::{Folder, Kind},
};

use super::reports::Report;

const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/preload.so"));
/// Bytes of reports about one benchmark: a line for each of its processes.
const MOST_REPORTS: u64 = 64 << 20;
/// Bytes that separate the paths of `LD_PRELOAD`, or are replaced in them.
const NOT_IN_LIST: &[u8] = b" \t\n:$";

/// The library has no place.
#[derive(Debug, thiserror::Error)]
#[error("could not write the preload library to `{}`", shown(&folder))]
pub(crate) struct PreloadError {
    folder: PathBuf,
    #[source]
    source: io::Error,
}

/// The library, ready to be loaded.
#[derive(Debug)]
pub(crate) struct Preload {
    library: PathBuf,
    reports: PathBuf,
    /// Keeps the library alive where it is no file.
    _memory: Option<File>,
    /// Removed when we are done.
    _place: Folder,
}

impl Preload {
    /// Writes the library below `folder`.
    pub(crate) fn install(folder: &Path) -> Result<Self, PreloadError> {
        let failed = |source| PreloadError { folder: folder.to_owned(), source };
        files::create_private_folder(folder).map_err(failed)?;
        Self::install_in(folder).map_err(failed)
    }

    fn install_in(folder: &Path) -> io::Result<Self> {
        let folder = folder.canonicalize()?;
        let place = Folder::create(&folder, Kind::Harness)?;
        // A command may change its user and has to find its way all the same.
        fs::set_permissions(place.path(), Permissions::from_mode(0o755))?;
        let reports = place.path().join("reports");
        files::create_private(&reports)?.set_permissions(Permissions::from_mode(0o622))?;
        let mut library = place.path().join("codspeed-preload.so");
        let mut memory = None;
        if can_be_loaded_from(place.path())? {
            files::replace(&library, LIBRARY)?;
            fs::set_permissions(&library, Permissions::from_mode(0o755))?;
        } else {
            let mut file = File::from(memfd_create("codspeed-preload.so", MFdFlags::MFD_CLOEXEC)?);
            file.write_all(LIBRARY)?;
            // Always as long: the size of the environment is seen in the counts.
            let (pid, fd) = (std::process::id(), file.as_raw_fd());
            library = format!("/proc/{pid:/>7}/fd/{fd}").into();
            memory = Some(file);
        }
        Ok(Self { library, reports, _memory: memory, _place: place })
    }

    /// The environment of a benchmarked command.
    pub(crate) fn environment(&self, ours: &[Vec<u8>], uri: &str) -> Vec<Vec<u8>> {
        let library = self.library.as_os_str().as_bytes();
        let mut environment = ours.to_vec();
        edit(&mut environment, env_names::LD_PRELOAD, |before| match before {
            Some(others) if !others.is_empty() => [library, b":", others].concat(),
            Some(_) | None => library.to_vec(),
        });
        edit(&mut environment, env_names::NODE_OPTIONS, |before| match before {
            Some(options) if options.windows(PERF_MAPS.len()).any(|part| part == PERF_MAPS) => {
                options.to_vec()
            }
            Some(options) if !options.is_empty() => [options, b" ", PERF_MAPS].concat(),
            Some(_) | None => PERF_MAPS.to_vec(),
        });
        edit(&mut environment, env_names::RUNNER_MODE, |before| {
            before.unwrap_or(Mode::Simulation.names().env.as_bytes()).to_vec()
        });
        edit(&mut environment, env_names::PYTHONPERFSUPPORT, |_| b"1".to_vec());
        edit(&mut environment, env_names::BENCH_URI, |_| uri.as_bytes().to_vec());
        let reports = self.reports.as_os_str().as_bytes();
        edit(&mut environment, env_names::BENCH_REPORT, |_| reports.to_vec());
        environment
    }

    /// Forgets what was reported so far.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let mut options = File::options();
        files::open_with(&self.reports, Links::Refuse, options.write(true))?.set_len(0)
    }

    /// Reads the reports about a benchmark.
    pub(crate) fn reports(&self, uri: &str) -> io::Result<Vec<Report>> {
        let text = files::read(&self.reports, Links::Refuse, MOST_REPORTS)?;
        Ok(Report::parse_all(&String::from_utf8_lossy(&text), uri))
    }
}

/// Makes Node write a map of the code that it generates, as `PYTHONPERFSUPPORT` does for Python.
const PERF_MAPS: &[u8] = b"--perf-basic-prof";

/// Returns true if the loader accepts a library from this folder.
fn can_be_loaded_from(folder: &Path) -> io::Result<bool> {
    let name_is_fine = !folder.as_os_str().as_bytes().iter().any(|byte| NOT_IN_LIST.contains(byte));
    Ok(name_is_fine && !statvfs(folder)?.flags().contains(FsFlags::ST_NOEXEC))
}

/// Replaces or adds the value of a variable.
fn edit(environment: &mut Vec<Vec<u8>>, name: EnvName, value: impl Fn(Option<&[u8]>) -> Vec<u8>) {
    let start = format!("{}=", name.name).into_bytes();
    let place = environment.iter_mut().find(|entry| entry.starts_with(&start));
    match place {
        Some(entry) => {
            let new = value(entry.strip_prefix(start.as_slice()));
            *entry = [start, new].concat();
        }
        None => environment.push([start, value(None)].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(preload: &Preload, ours: &[&str]) -> Vec<String> {
        let ours: Vec<_> = ours.iter().map(|entry| entry.as_bytes().to_vec()).collect();
        let entries = preload.environment(&ours, "u v").into_iter();
        let place = shown(&preload.reports.parent().unwrap()).into_owned();
        entries.map(|entry| String::from_utf8(entry).unwrap().replace(&place, "[place]")).collect()
    }

    #[test]
    fn the_library_comes_first_and_nothing_of_the_user_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let preload = Preload::install(folder.path()).unwrap();
        let ours = [
            "A=1",
            "LD_PRELOAD=a.so b.so",
            "CODSPEED_RUNNER_MODE=simulation",
            "NODE_OPTIONS=--no-opt",
        ];
        insta::assert_snapshot!(environment(&preload, &ours).join("\n"));
        let again = environment(&preload, &["LD_PRELOAD=", "NODE_OPTIONS=--perf-basic-prof -x"]);
        assert_eq!(again[0], "LD_PRELOAD=[place]/codspeed-preload.so");
        assert_eq!(again[1], "NODE_OPTIONS=--perf-basic-prof -x");
        drop(preload);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "everything is removed");
    }

    #[test]
    fn the_library_stays_in_memory_if_its_path_would_be_split() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a b");
        let preload = Preload::install(&odd).unwrap();
        assert!(preload.library.starts_with("/proc"), "{}", shown(&preload.library));
        assert_eq!(fs::read(&preload.library).unwrap(), LIBRARY);
    }

    #[test]
    fn everybody_can_read_the_library_and_add_a_report() {
        let folder = tempfile::tempdir().unwrap();
        let preload = Preload::install(folder.path()).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&preload.library), 0o755);
        assert_eq!(mode(preload.library.parent().unwrap()), 0o755);
        assert_eq!(mode(&preload.reports), 0o622);
    }

    #[test]
    fn the_library_reads_the_variables_that_we_set() {
        for name in [env_names::BENCH_URI, env_names::BENCH_REPORT] {
            let bytes = [name.name.as_bytes(), b"\0"].concat();
            assert!(LIBRARY.windows(bytes.len()).any(|part| part == bytes), "{}", name.name);
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let err = Preload::install(file.path()).unwrap_err();
        assert!(err.to_string().ends_with(&format!("to `{}`", shown(file.path()))));
    }
}
