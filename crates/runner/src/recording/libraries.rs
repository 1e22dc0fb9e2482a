//! The search of the loader for libraries, done again here: a program is not started to ask the loader.

use std::{
    env::consts::ARCH,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use runner_shared::env_names;
use system::files::{self, Links};

use super::elf::Elf;
use crate::env::Env;

/// The settings of the GNU loader.
const SETTINGS: &str = "/etc/ld.so.conf";
/// An honest file is smaller.
const MOST_BYTES: u64 = 64 << 10;
/// Files that the settings include, at most.
const MOST_FILES: usize = 64;

/// Folders with libraries, in the order of the loader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Libraries {
    /// Those that the environment names.
    told: Vec<PathBuf>,
    /// Those of the system.
    usual: Vec<PathBuf>,
}

impl Libraries {
    /// Those that programs with this environment see.
    pub(super) fn of(env: &Env) -> Self {
        let told = env.get(env_names::LD_LIBRARY_PATH).map(std::env::split_paths);
        let mut told: Vec<PathBuf> = told.into_iter().flatten().collect();
        let mut folders = settings(Path::new(SETTINGS));
        let usual = [
            format!("/lib/{ARCH}-linux-gnu"),
            format!("/usr/lib/{ARCH}-linux-gnu"),
            "/lib64".to_owned(),
            "/usr/lib64".to_owned(),
            "/lib".to_owned(),
            "/usr/lib".to_owned(),
            "/usr/local/lib".to_owned(),
        ];
        folders.extend(usual.map(PathBuf::from));
        for folders in [&mut told, &mut folders] {
            folders.retain(|folder| folder.is_absolute());
        }
        Self { told, usual: folders }
    }

    /// Returns where a library is that the file at `needing` needs: in a folder that this file names, if it wants so before
    /// those of the environment, else after them, and at last in one of the system.
    pub(super) fn find(&self, name: &str, needing: &Path, elf: &Elf) -> Option<PathBuf> {
        if name.contains('/') {
            return Some(PathBuf::from(name)).filter(|path| path.is_file());
        }
        let origin = needing.parent().unwrap_or(Path::new("/")).to_string_lossy();
        let own = |folder: &String| {
            PathBuf::from(folder.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin))
        };
        let before = elf.before.iter().map(own).chain(self.told.iter().cloned());
        let all = before.chain(elf.after.iter().map(own)).chain(self.usual.iter().cloned());
        all.map(|folder| folder.join(name)).find(|path| path.is_file())
    }

    /// Returns the C library that programs of this machine use.
    pub(super) fn libc(&self) -> Option<PathBuf> {
        let glibc = self.find("libc.so.6", Path::new("/"), &Elf::default());
        let musl = || Some(PathBuf::from(format!("/lib/ld-musl-{ARCH}.so.1")));
        glibc.or_else(|| musl().filter(|path| path.is_file()))
    }
}

/// The folders that the settings of the loader name, with those of files that they include: `include FOLDER/*.conf`.
fn settings(path: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in lines(path) {
        let Some(pattern) = line.strip_prefix("include ") else {
            folders.push(PathBuf::from(line));
            continue;
        };
        let pattern = path.parent().unwrap_or(Path::new("/")).join(pattern.trim());
        let is_all = pattern.file_name() == Some(OsStr::new("*.conf"));
        let Some(folder) = pattern.parent().filter(|_| is_all) else { continue };
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut included: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        included.retain(|path| path.extension() == Some(OsStr::new("conf")));
        included.sort();
        included.truncate(MOST_FILES);
        folders.extend(included.iter().flat_map(|path| lines(path)).map(PathBuf::from));
    }
    folders
}

/// The lines of a file that say something.
fn lines(path: &Path) -> Vec<String> {
    let bytes = files::read(path, Links::Follow, MOST_BYTES).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_with_included_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("ld.so.conf");
        fs::create_dir(folder.path().join("ld.so.conf.d")).unwrap();
        fs::write(&main, "# mine\n/opt/lib # good\ninclude ld.so.conf.d/*.conf\ninclude /x/y\n")
            .unwrap();
        let file = |name: &str, text: &str| {
            fs::write(folder.path().join("ld.so.conf.d").join(name), text).unwrap();
        };
        file("b.conf", "/b\n");
        file("a.conf", "/a\n\n");
        file("c.txt", "/c\n");
        assert_eq!(settings(&main), ["/opt/lib", "/a", "/b"].map(PathBuf::from));
        assert!(settings(Path::new("/nowhere/ld.so.conf")).is_empty());
    }

    #[test]
    fn a_file_may_name_folders_relative_to_itself() {
        let folder = tempfile::tempdir().unwrap();
        let lib = folder.path().join("lib");
        fs::create_dir(&lib).unwrap();
        fs::write(lib.join("libx.so"), "").unwrap();
        let program = folder.path().join("program");
        let elf = |folder: &str| Elf { after: vec![folder.to_owned()], ..Elf::default() };
        let libraries = Libraries::default();
        let found = libraries.find("libx.so", &program, &elf("$ORIGIN/lib"));
        assert_eq!(found, Some(lib.join("libx.so")));
        assert_eq!(libraries.find("libx.so", &program, &elf("/nowhere")), None);
        let by_path = lib.join("libx.so");
        assert_eq!(libraries.find(by_path.to_str().unwrap(), &program, &elf("")), Some(by_path));
    }

    #[test]
    fn the_environment_comes_between_both_folders_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let places = ["before", "told", "after", "usual"].map(|name| folder.path().join(name));
        let [before, told, after, usual] = &places;
        let libraries = Libraries { told: vec![told.clone()], usual: vec![usual.clone()] };
        let text = |path: &PathBuf| vec![path.to_str().unwrap().to_owned()];
        let elf = Elf { before: text(before), after: text(after), ..Elf::default() };
        let find = || libraries.find("libx.so", Path::new("/program"), &elf);
        assert_eq!(find(), None);
        for place in places.iter().rev() {
            fs::create_dir(place).unwrap();
            fs::write(place.join("libx.so"), "").unwrap();
            assert_eq!(find(), Some(place.join("libx.so")));
        }
    }
}
