//! The folders that `codspeed ab` checks states out to: kept ones, those that somebody else has made, and repositories
//! of an unusual kind.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
    },
};

use super::ab::{EQUAL, SLOWER, SUITE, ab, commit, exported, git, repository};
use crate::stage::{codspeed, sandbox};

#[test]
fn builds_are_kept_on_request_and_foreign_ones_not_used() {
    let sandbox = repository();
    let once = "test ! -e built && touch built";
    let words = |build: &str, folder: &str| {
        let options = ["ab", "--base", "HEAD~1", "--build-dir", folder, "--max-pairs", "8"];
        codspeed(&sandbox, [&options[..], &["--build", build, "--", "sh suite"]].concat())
    };
    let run = words(once, "build");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = words("test -e built", "build");
    assert_eq!(run.code, 0, "what git ignores is still there: {}", run.stderr);
    let at = |path: &str| sandbox.path().join(path);
    // As git leaves them when it is killed.
    for name in ["base/.git/index.lock", "head/.git/HEAD.lock", "head/.git/config.lock"] {
        sandbox.file(&format!("build/{name}"), "");
    }
    // As a run that was killed very early leaves it.
    fs::remove_dir_all(at("build/base")).unwrap();
    fs::create_dir_all(at("build/base/.git")).unwrap();
    fs::set_permissions(at("build/base"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(at("build/base/.git"), fs::Permissions::from_mode(0o700)).unwrap();
    let run = words("touch built", "build");
    assert_eq!(run.code, 0, "{}", run.stderr);
    sandbox.file("build/base/.git/index.lock", "");
    let run = words("touch built", "build");
    assert_eq!(run.code, 0, "{}", run.stderr);

    let refused = |code, says: &str, folder: &str| {
        let run = words("touch built", folder);
        assert_eq!(run.code, code, "{}", run.stderr);
        assert!(run.stderr.contains(says), "{}", run.stderr);
    };
    fs::create_dir_all(at("mine/base")).unwrap();
    for path in ["mine", "mine/base"] {
        fs::set_permissions(at(path), fs::Permissions::from_mode(0o755)).unwrap();
    }
    sandbox.file("mine/base/precious", "");
    refused(2, "was not made by `codspeed`", "mine");
    assert!(at("mine/base/precious").exists());
    symlink(at("build"), at("link")).unwrap();
    refused(1, "it is a symbolic link", "link/");
    for path in ["build/head/.git", "build/head", "build"] {
        fs::set_permissions(at(path), fs::Permissions::from_mode(0o777)).unwrap();
        refused(1, "other users may write to it", "build");
        fs::set_permissions(at(path), fs::Permissions::from_mode(0o700)).unwrap();
    }
    fs::rename(at("build/base/.git"), at("other")).unwrap();
    symlink(at("other"), at("build/base/.git")).unwrap();
    refused(1, "it is a symbolic link", "build");
}

#[test]
fn a_partial_clone_is_told_to_get_what_it_lacks() {
    let origin = repository();
    git(&origin, &["config", "uploadpack.allowFilter", "true"]);
    let sandbox = sandbox();
    let from = format!("file://{}", origin.path().display());
    git(&sandbox, &["clone", "--quiet", "--filter=blob:none", &from, "clone"]);
    let words = ["ab", "--working-directory", "clone", "--base", "HEAD~1", "--no-build"];
    let run = codspeed(&sandbox, [&words[..], &["--", "sh suite"]].concat());
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("git fetch --refetch --no-filter"), "{}", run.stderr);
    git(&sandbox, &["-C", "clone", "fetch", "--quiet", "--refetch", "--no-filter"]);
    let words = [&words[..5], &["--build", "touch built", "--max-pairs", "8"]].concat();
    let run = codspeed(&sandbox, [&words[..], &["--", "sh suite"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_submodule_with_a_name_that_is_no_text_comes_along() {
    let sandbox = sandbox();
    git(&sandbox, &["init", "--quiet", "."]);
    let name = OsStr::from_bytes(b"libr\xe4ry \"");
    let library = sandbox.path().join(name);
    fs::create_dir(&library).unwrap();
    let inner = |args: &[&str]| {
        let who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"];
        let mut words = vec![OsString::from("-C"), name.to_owned()];
        words.extend(who.iter().chain(args).map(OsString::from));
        let run = sandbox.run(sandbox.command("git", words));
        assert_eq!(run.code, 0, "{args:?}: {}", run.stderr);
    };
    inner(&["init", "--quiet", "."]);
    fs::write(library.join("times"), EQUAL).unwrap();
    inner(&["add", "--all"]);
    inner(&["commit", "--quiet", "--message", "Begin"]);
    sandbox.file(".gitignore", "/tmp\n/profile\n/*.json\nbuilt\n");
    sandbox.file("suite", SUITE.replace("< times", "< \"$(echo libr*/times)\""));
    commit(&sandbox, "Begin");
    let run = ab(&sandbox, &["--base", "HEAD", "--max-pairs", "8"], "sh suite");
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn submodules_come_along() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path().join("library")).unwrap();
    sandbox.file("library/times", EQUAL);
    let inner = |args: &[&str]| git(&sandbox, &[&["-C", "library"], args].concat());
    inner(&["init", "--quiet", "."]);
    inner(&["add", "--all"]);
    inner(&["commit", "--quiet", "--message", "Begin"]);
    git(&sandbox, &["init", "--quiet", "."]);
    sandbox.file(".gitignore", "/tmp\n/profile\n/*.json\nbuilt\n");
    sandbox.file("suite", SUITE.replace("< times", "< library/times"));
    // As `git submodule add` leaves it, but for the address.
    sandbox.file(".gitmodules", "[submodule \"library\"]\n\tpath = library\n\turl = ./library\n");
    commit(&sandbox, "Begin");
    sandbox.file("library/times", SLOWER);
    inner(&["commit", "--all", "--quiet", "--message", "Slower"]);
    commit(&sandbox, "Slower library");
    sandbox.file("library/times", "one 1000000\ntwo 2400000\nthree 3000000\n");
    let ratio = |head: &[&str]| {
        let options = [&["--base", "HEAD~1", "--export", "json=out.json"], head].concat();
        let run = ab(&sandbox, &options, "sh suite");
        assert_eq!(run.code, 0, "{}", run.stderr);
        exported(&sandbox)["benchmarks"][0]["ratio"].as_f64().unwrap()
    };
    assert!((ratio(&["--head", "HEAD"]) - 1.05).abs() < 1e-6);
    assert!((ratio(&[]) - 1.2).abs() < 1e-6, "what is not committed there counts, too");
}

#[test]
fn a_kept_folder_has_nothing_of_the_state_before() {
    let sandbox = repository();
    let at = |path: &str| sandbox.path().join(path);
    fs::create_dir(at("library")).unwrap();
    sandbox.file("library/times", EQUAL);
    let inner = |args: &[&str]| git(&sandbox, &[&["-C", "library"], args].concat());
    inner(&["init", "--quiet", "."]);
    inner(&["add", "--all"]);
    inner(&["commit", "--quiet", "--message", "Begin"]);
    commit(&sandbox, "A submodule");
    fs::rename(at("library"), at("tmp/library")).unwrap();
    commit(&sandbox, "Without it");
    fs::create_dir(at("library")).unwrap();
    sandbox.file("library/plain", "");
    commit(&sandbox, "Files in its place");
    fs::remove_dir_all(at("library")).unwrap();
    fs::rename(at("tmp/library"), at("library")).unwrap();
    let build = |state: &str, command: &str| {
        let options = ["ab", "--base", state, "--head", state, "--build-dir", "build"];
        let rest = ["--max-pairs", "8", "--build", command, "--", "sh suite"];
        let run = codspeed(&sandbox, [&options[..], &rest].concat());
        assert_eq!(run.code, 0, "{state}: {}", run.stderr);
    };
    git(&sandbox, &["config", "core.eol", "lf"]);
    build("HEAD~2", "test \"$(git config core.eol)\" = lf && test -e library/times");
    git(&sandbox, &["config", "--unset", "core.eol"]);
    build("HEAD~1", "test -z \"$(git config core.eol)\" && test ! -e library");
    build("HEAD", "test -e library/plain && touch library/built");
    build("HEAD~2", "test -e library/times && test ! -e library/built");
}
