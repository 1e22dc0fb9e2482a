//! `codspeed` itself beside a shared store: what one machine sends another one finds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use runner_shared::env_names;
use store::{Record, SharedKey, Store};

use super::{record, server::Server};

/// The project that the folder belongs to.
const PROJECT: &str = "acme/widgets";

/// `codspeed` of this build, beside which our binary lies.
fn codspeed() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let binary = own.ancestors().nth(2).unwrap().join("codspeed");
    assert!(binary.is_file(), "build `codspeed` first: `cargo build -p runner`");
    binary
}

/// Sends runs, loses one, mends it, and fetches them.
pub(crate) fn check(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    fs::write(folder.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    let remote = format!("[remote \"origin\"]\n\turl = git@example.com:{PROJECT}.git\n");
    fs::write(folder.path().join(".git/config"), remote).unwrap();
    let run =
        |time: u64| Record { project: PROJECT.to_owned(), ..record(1_790_000_000_000 + time) };
    let store = Store::open(&folder.path().join("one")).unwrap();
    let ids = [1, 2, 3].map(|time| store.add(&run(time)).unwrap());
    let shown = |store: &str, words: &[&str]| shown(server, folder.path(), store, words);
    assert!(shown("one", &["push"]).contains(": 3 runs\n"));
    assert!(shown("one", &["push"]).contains(": 0 runs; there before: 3\n"));
    server.place(&SharedKey::of(&run(2), ids[1]), b"junk");
    let refused = run_in(server, folder.path(), "two", &["pull"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("store push --repair"), "{said}");
    let mended = shown("one", &["push", "--repair"]);
    assert!(mended.contains("there before: 2; replaced, because damaged there: 1"), "{mended}");
    assert!(shown("two", &["pull"]).contains(": 1 run\n"));
    let list = shown("two", &["list"]);
    assert!(ids.iter().all(|id| list.contains(&id.short())), "{list}");
}

/// Returns what a command of the store prints, which has to succeed.
#[track_caller]
fn shown(server: &Server, folder: &Path, store: &str, words: &[&str]) -> String {
    let output = run_in(server, folder, store, words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn run_in(server: &Server, folder: &Path, store: &str, words: &[&str]) -> Output {
    let mut command = Command::new(codspeed());
    command.arg("store").args(words).current_dir(folder).env_clear();
    command.env("HOME", folder).env("PATH", "/usr/bin:/bin").envs(server.variables());
    command.env(env_names::SHARED_STORE.name, server.address());
    command.env(env_names::STORE.name, folder.join(store)).output().unwrap()
}

/// With the light server, as part of all tests.
#[test]
fn the_program_shares_runs() {
    check(&Server::start(&[]));
}
