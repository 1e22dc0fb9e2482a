//! `codspeed ab` in repositories whose files are more than those of their commits: Git LFS, filters, sparse checkouts,
//! shallow clones, worktrees, odd paths.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStrExt,
};

use test_support::Sandbox;

use super::ab::{EQUAL, SLOWER, SUITE, ab, commit, exported, git, repository, state};
use crate::stage::{codspeed, sandbox};

/// The time of head divided by that of base, of the benchmark that has changed most.
#[track_caller]
fn ratio(sandbox: &Sandbox, options: &[&str]) -> f64 {
    // None is a finding, which would be measured again.
    let usual = ["--max-pairs", "8", "--threshold", "50%", "--export", "json=out.json"];
    let options = [&usual, options].concat();
    let run = ab(sandbox, &options, "sh suite");
    assert_eq!(run.code, 0, "{options:?}: {}", run.stderr);
    let json = exported(sandbox);
    json["benchmarks"][0]["ratio"].as_f64().unwrap()
}

#[track_caller]
fn is_about(ratio: f64, expected: f64) {
    assert!((ratio - expected).abs() < 1e-3, "{ratio} instead of {expected}");
}

/// With the real one.
mod lfs {
    use super::*;

    /// As [`repository`], with times that Git LFS keeps.
    fn large_repository() -> Sandbox {
        let sandbox = sandbox();
        git(&sandbox, &["init", "--quiet", "."]);
        git(&sandbox, &["lfs", "install", "--local"]);
        sandbox.file(".gitignore", "/tmp\n/profile\n/*.json\n/built\n/.gitconfig\n");
        sandbox.file(".gitattributes", "times filter=lfs diff=lfs merge=lfs -text\n");
        sandbox.file("suite", SUITE);
        sandbox.file("times", EQUAL);
        commit(&sandbox, "Begin");
        sandbox.file("times", SLOWER);
        commit(&sandbox, "Slower");
        let kept = git(&sandbox, &["show", "HEAD:times"]);
        assert!(kept.starts_with("version https://git-lfs"), "{kept}");
        sandbox
    }

    #[test]
    fn large_files_have_their_content_wherever_the_user_keeps_them() {
        let sandbox = large_repository();
        let home = sandbox.path().join(".git");
        let unchanged = |options: &[&str], expected| {
            let before = state(&home);
            is_about(ratio(&sandbox, options), expected);
            assert!(before == state(&home), "something was written into the repository");
        };
        let commits = ["--base", "HEAD~1", "--head", "HEAD"];
        unchanged(&commits, 1.05);
        sandbox.file("times", "one 1000000\ntwo 2400000\nthree 3000000\n");
        unchanged(&["--base", "HEAD~1"], 1.2);
        git(&sandbox, &["config", "lfs.storage", "elsewhere"]);
        fs::rename(home.join("lfs"), home.join("elsewhere")).unwrap();
        unchanged(&commits, 1.05);
        unchanged(&["--base", "HEAD~1"], 1.2);
        git(&sandbox, &["lfs", "install", "--local", "--skip-smudge", "--force"]);
        unchanged(&commits, 1.05);
    }

    #[test]
    fn a_clone_that_lacks_large_files_is_told_how_to_get_them() {
        let sandbox = large_repository();
        fs::remove_dir_all(sandbox.path().join(".git/lfs/objects")).unwrap();
        let run = ab(&sandbox, &["--base", "HEAD~1"], "sh suite");
        assert_eq!(run.code, 1, "{}", run.stderr);
        let why = "error: Git LFS did not give all files of ";
        assert!(run.stderr.contains(why), "{}", run.stderr);
        assert!(run.stderr.contains("run `git lfs fetch --all` to get"), "{}", run.stderr);
    }
}

#[test]
fn a_filter_set_for_this_repository_path_applies_to_both_sides() {
    let sandbox = sandbox();
    let place = sandbox.path().canonicalize().unwrap();
    let include = format!("[includeIf \"gitdir:{}/\"]\n\tpath = included\n", place.display());
    sandbox.file(".gitconfig", include);
    sandbox.file(
        "included",
        "[filter \"names\"]\n\tclean = sed s/two/zwei/\n\tsmudge = sed s/zwei/two/\n",
    );
    git(&sandbox, &["init", "--quiet", "."]);
    sandbox.file(".gitignore", "/tmp\n/profile\n/*.json\n/built\n/.gitconfig\n/included\n");
    sandbox.file(".gitattributes", "times filter=names\n");
    sandbox.file("suite", SUITE);
    sandbox.file("times", EQUAL);
    commit(&sandbox, "Begin");
    sandbox.file("times", SLOWER);
    commit(&sandbox, "Slower");
    assert!(git(&sandbox, &["show", "HEAD:times"]).contains("zwei"));
    for options in [&["--base", "HEAD~1", "--head", "HEAD"][..], &["--base", "HEAD~1"]] {
        is_about(ratio(&sandbox, options), 1.05);
        assert_eq!(exported(&sandbox)["benchmarks"][0]["name"], "two", "{options:?}");
    }
}

#[test]
fn what_a_sparse_checkout_leaves_out_was_removed_by_nobody() {
    let sandbox = repository();
    fs::create_dir(sandbox.path().join("other")).unwrap();
    sandbox.file("other/file", "");
    commit(&sandbox, "More");
    git(&sandbox, &["sparse-checkout", "set"]);
    assert!(!sandbox.path().join("other").exists());
    sandbox.file("times", "one 1000000\ntwo 2400000\nthree 3000000\n");
    let before = state(&sandbox.path().join(".git"));
    let options = ["ab", "--base", "HEAD~2", "--threshold", "50%", "--export", "json=out.json"];
    // The file is in head alone.
    let build = ["--build", "touch built; test -e other/file || test \"$(basename $PWD)\" = base"];
    let run = codspeed(&sandbox, [&options[..], &build, &["--", "sh suite"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    is_about(exported(&sandbox)["benchmarks"][0]["ratio"].as_f64().unwrap(), 1.2);
    assert!(before == state(&sandbox.path().join(".git")), "git has written into the repository");
}

#[test]
fn a_shallow_clone_and_its_worktree_are_compared() {
    let origin = repository();
    let sandbox = sandbox();
    let from = format!("file://{}", origin.path().display());
    git(&sandbox, &["clone", "--quiet", "--depth", "2", &from, "clone"]);
    git(&sandbox, &["clone", "--quiet", "--depth", "1", &from, "last"]);
    // No text, with an end of a line, quotes, and what is a comment in some files.
    let odd = OsStr::from_bytes(b"#cl\xf6ne \"\n' ");
    fs::rename(sandbox.path().join("clone"), sandbox.path().join(odd)).unwrap();
    let words = ["worktree", "add", "--quiet", "--detach", "../tree", "HEAD~1"].map(OsString::from);
    let worktree = [OsString::from("-C"), odd.to_owned()].into_iter().chain(words);
    let run = sandbox.run(sandbox.command("git", worktree));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let compared = |folder: &OsStr, options: &[&str]| {
        let words = ["ab", "--build", "touch built", "--threshold", "50%", "--working-directory"];
        let words = words.map(OsStr::new).into_iter().chain([folder]);
        let options = options.iter().chain(&["--export", "json=out.json", "--", "sh suite"]);
        codspeed(&sandbox, words.chain(options.map(OsStr::new)))
    };
    for (folder, base, expected) in [(odd, "HEAD~1", 1.05), (OsStr::new("tree"), "HEAD", 1.0)] {
        let run = compared(folder, &["--base", base]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        is_about(exported(&sandbox)["benchmarks"][0]["ratio"].as_f64().unwrap(), expected);
    }
    let run = compared(OsStr::new("last"), &["--base", "HEAD~1"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("git fetch --unshallow"), "{}", run.stderr);
}
