//! The readers of foreign bytes one by one, for the example that throws damaged ones at them. What is read from files is
//! written to one first.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use runner_shared::profile_dir::{MANIFEST, ProfileDir};
use system::{
    files::{self, Links},
    lock::{RunLock, Sharing},
    temporary::{Folder, Kind},
};

use crate::{
    ci,
    env::Env,
    host,
    instruments::fuzz_uri,
    mode,
    settings::{project_file::ProjectConfig, shell_session, user_config::UserConfig},
    tools::release,
    upload::manifest::Manifest,
};

/// A folder in which these files are.
fn folder(files: &[(&str, &[u8])]) -> io::Result<Folder> {
    let folder = Folder::create(&std::env::temp_dir(), Kind::Copies)?;
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        files::replace(&path, bytes)?;
    }
    Ok(folder)
}

/// Lets `look` look at a folder with these files.
fn within(files: &[(&str, &[u8])], look: impl FnOnce(&Path)) {
    // Without room for files nothing can be tried.
    if let Ok(folder) = folder(files) {
        look(folder.path());
    }
}

/// Reads `codspeed.yml`.
pub fn codspeed_yml(bytes: &[u8]) {
    within(&[("codspeed.yml", bytes)], |folder| match ProjectConfig::load(None, folder) {
        Ok(Some((config, warnings))) => {
            drop((config.shown().to_string(), warnings.iter().map(ToString::to_string).count()));
        }
        Ok(None) => {}
        Err(err) => drop(err.to_string()),
    });
}

/// Reads the user's own settings, and writes older ones anew.
pub fn user_settings(bytes: &[u8]) {
    within(&[("config.yaml", bytes)], |folder| {
        let path = || Some(folder.join("config.yaml"));
        if let Ok(mut config) = UserConfig::load(path()) {
            drop(config.save());
            drop(UserConfig::load(path()));
        }
    });
}

/// Reads the files of a Git repository.
pub fn git(bytes: &[u8]) {
    // Each file has all the bytes: what it makes of the others is of no use to a reader, and does no harm.
    let files =
        [".git/HEAD", ".git/config", ".git/packed-refs", ".git/refs/heads/main", ".git/commondir"];
    within(&files.map(|name| (name, bytes)), ci::fuzz_repository);
    within(&[(".git", bytes)], ci::fuzz_repository);
}

/// Reads the payload of an event at GitHub.
pub fn event_payload(bytes: &[u8]) {
    within(&[("event.json", bytes)], |folder| ci::fuzz_payload(&folder.join("event.json")));
}

/// Reads addresses of repositories, of servers and of databases.
pub fn remote_url(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    ci::fuzz_remote(&text);
    drop((api::check_url(&text), fuzz_uri(&text)));
}

/// Reads what an upload has kept of a run, the receipt of an installation, and lists of hashes.
pub fn receipt(bytes: &[u8]) {
    drop(release::version(&String::from_utf8_lossy(bytes)));
    within(&[(MANIFEST.path, bytes)], |folder| drop(Manifest::load(&ProfileDir::new(folder))));
    within(&[("codspeed/receipt.json", bytes)], |folder| {
        let env = Env::default().with(runner_shared::env_names::XDG_CONFIG_HOME, folder);
        drop(release::Receipt::read(&env));
    });
}

/// Reads what the system says of the machine.
pub fn machine(bytes: &[u8]) {
    host::fuzz_files(&String::from_utf8_lossy(bytes));
}

/// Reads what stands in a lock file that another run has.
pub fn lock(bytes: &[u8]) {
    within(&[("runner.lock", bytes)], |folder| {
        let path = folder.join("runner.lock");
        if let Ok(held) = RunLock::acquire(&path, Sharing::Alone, false, drop) {
            // As another program may: into the same file.
            let opened = files::open_with(
                &path,
                Links::Refuse,
                OpenOptions::new().write(true).truncate(true),
            );
            drop(opened.and_then(|mut file| file.write_all(bytes)));
            if let Err(err) = RunLock::acquire(&path, Sharing::Alone, false, drop) {
                drop(err.to_string());
            }
            drop(held);
        }
    });
}

/// Reads what a shell was told.
pub fn shell_session(bytes: &[u8]) {
    within(&[("1", bytes)], |folder| shell_session::fuzz_file(&folder.join("1")));
}

/// Reads how far a tracer says that it is.
pub fn progress(bytes: &[u8]) {
    mode::memory::fuzz_progress(bytes);
}
