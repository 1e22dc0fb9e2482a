//! Repositories, made file by file as Git leaves them, and some that nobody's Git leaves.

use std::{fs, os::unix::fs::symlink};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::env::Env;

pub(in crate::ci) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "ffffffffffffffffffffffffffffffffffffffff";

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Makes a working tree `<folder>/tree` and returns its path.
pub(in crate::ci) fn plant(folder: &Path, kind: &str, config: &str) -> PathBuf {
    let root = folder.join("tree");
    fs::create_dir_all(&root).unwrap();
    let git = match kind {
        "none" => return root,
        "worktree" => {
            write(&root, ".git", "gitdir: ../main/.git/worktrees/tree\n");
            write(folder, "main/.git/worktrees/tree/HEAD", "ref: refs/heads/main\n");
            write(folder, "main/.git/worktrees/tree/commondir", "../..\n");
            write(folder, "main/.git/HEAD", "ref: refs/heads/other\n");
            write(folder, "main/.git/refs/heads/other", OTHER);
            folder.join("main/.git")
        }
        _ => root.join(".git"),
    };
    write(&git, "config", config);
    match kind {
        "worktree" => write(&git, "refs/heads/main", COMMIT),
        "branch" => {
            write(&git, "HEAD", "ref: refs/heads/main\n");
            write(&git, "refs/heads/main", &format!("{COMMIT}\n"));
            // The loose one counts.
            write(&git, "packed-refs", &format!("{OTHER} refs/heads/main\n"));
        }
        "packed" => {
            write(&git, "HEAD", "ref: refs/heads/main\n");
            let head = "# pack-refs with: peeled fully-peeled sorted \n";
            let text =
                format!("{head}{OTHER} refs/heads/mai\n{COMMIT} refs/heads/main\n^{OTHER}\n");
            write(&git, "packed-refs", &text);
        }
        "detached" => write(&git, "HEAD", &format!("{COMMIT}\n")),
        "unborn" => write(&git, "HEAD", "ref: refs/heads/main\n"),
        "reftable" => {
            write(&git, "HEAD", "ref: refs/heads/.invalid\n");
            write(&git, "refs/heads", "this repository uses the reftable format");
        }
        other => panic!("unknown checkout {other}"),
    }
    root
}

fn planted(kind: &str) -> (TempDir, Repository) {
    let folder = tempfile::tempdir().unwrap();
    let root = plant(folder.path(), kind, "");
    let below = root.join("a/b");
    fs::create_dir_all(&below).unwrap();
    let repository = Repository::find(&below).unwrap();
    assert_eq!(repository.root, root);
    (folder, repository)
}

/// No program is found with it.
fn nothing() -> Env {
    Env::default().with_named("PATH", "/nowhere")
}

#[test]
fn all_working_trees_have_one_home() {
    let (folder, linked) = planted("worktree");
    assert_eq!(linked.home(), folder.path().join("main").canonicalize().unwrap());
    let (_folder, main) = planted("branch");
    assert_eq!(main.home(), main.root);
    // Of a bare repository, which has no working tree of its own.
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tree");
    write(&root, ".git", "gitdir: ../bare/worktrees/tree\n");
    write(folder.path(), "bare/worktrees/tree/HEAD", "ref: refs/heads/main\n");
    write(folder.path(), "bare/worktrees/tree/commondir", "../..\n");
    let bare = folder.path().join("bare").canonicalize().unwrap();
    assert_eq!(Repository::find(&root).unwrap().home(), bare);
}

#[test]
fn the_commit_is_found_wherever_it_is_written() {
    let on_main = Head { commit: COMMIT.to_owned(), branch: Some("main".to_owned()) };
    for kind in ["branch", "packed", "worktree"] {
        let (_folder, repository) = planted(kind);
        assert_eq!(repository.head(&nothing()).unwrap(), on_main, "{kind}");
    }
    let (_folder, repository) = planted("detached");
    let head = repository.head(&nothing()).unwrap();
    assert_eq!(head, Head { commit: COMMIT.to_owned(), branch: None });
    let (_folder, repository) = planted("unborn");
    let err = repository.head(&nothing()).unwrap_err();
    assert_eq!(err.to_string(), "the branch `main` has no commit yet");
}

#[test]
fn references_that_lead_to_others_are_followed_but_not_for_ever() {
    let (_folder, repository) = planted("detached");
    let git = &repository.git_dir;
    write(git, "HEAD", "ref: refs/heads/alias");
    write(git, "refs/heads/alias", "ref: refs/heads/real");
    write(git, "refs/heads/real", &COMMIT.to_ascii_uppercase());
    assert_eq!(repository.head(&nothing()).unwrap().commit, COMMIT);
    write(git, "refs/heads/real", "ref: refs/heads/alias");
    assert!(matches!(repository.head(&nothing()), Err(GitError::Unborn { .. })));
    // An empty file, as a crash leaves it, and a folder in the way.
    write(git, "refs/heads/real", "");
    write(git, "packed-refs", &format!("{COMMIT} refs/heads/real\n{OTHER} refs/heads/dir\n"));
    assert_eq!(repository.head(&nothing()).unwrap().commit, COMMIT);
    write(git, "HEAD", "ref: refs/heads/dir");
    fs::create_dir(git.join("refs/heads/dir")).unwrap();
    assert_eq!(repository.head(&nothing()).unwrap().commit, OTHER);
}

#[test]
fn no_reference_leads_out_of_the_repository() {
    let (folder, repository) = planted("detached");
    write(folder.path(), "secret", COMMIT);
    for name in ["refs/../../../secret", "/etc/passwd", "refs//x", "refs/heads/", "secret"] {
        write(&repository.git_dir, "HEAD", &format!("ref: {name}\n"));
        assert!(matches!(repository.head(&nothing()), Err(GitError::Head { .. })), "{name}");
    }
}

#[test]
fn the_program_is_asked_about_a_reference_table_only() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, repository) = planted("reftable");
    assert!(matches!(repository.head(&nothing()), Err(GitError::Head { .. })));
    let script = format!("#!/bin/sh\ncase $1 in rev-parse) echo {COMMIT};; *) echo topic;; esac\n");
    write(folder.path(), "bin/git", &script);
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.path().join("bin/git"), mode).unwrap();
    let env = Env::default().with_named("PATH", folder.path().join("bin"));
    let head = repository.head(&env).unwrap();
    assert_eq!(head, Head { commit: COMMIT.to_owned(), branch: Some("topic".to_owned()) });
}

#[test]
fn what_only_looks_like_a_repository_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tree");
    fs::create_dir_all(root.join(".git")).unwrap();
    assert_eq!(Repository::at(&root), None, "an empty folder");
    fs::remove_dir(root.join(".git")).unwrap();
    for text in ["", "gitdir:", "gitdir: /nowhere", "gitdir: a\0b", "\u{fffd}"] {
        write(&root, ".git", text);
        assert_eq!(Repository::at(&root), None, "{text}");
    }
}

#[test]
fn remotes_come_in_the_order_of_their_worth() {
    let folder = tempfile::tempdir().unwrap();
    let config = r#"
# comment
[core]
	repositoryformatversion = 0
[Remote "a"]
	url = git@github.com:a/a.git ; why not
[remote "b"] url = "https://github.com/b/b.git"
[remote "we\"ird"]
	URL = https://git\
hub.com/c/c
	fetch = +refs/heads/*:refs/remotes/origin/*
[remote "empty"]
	fetch
[branch "main"]
	remote = b
	merge = refs/heads/main
[remote "origin"]
	url =
	url = ../up
	url = https://github.com/second/second
"#;
    let root = plant(folder.path(), "unborn", config);
    let remotes = Repository::find(&root).unwrap().remotes().unwrap();
    let shown: Vec<String> = remotes
        .iter()
        .map(|(name, remote)| match remote {
            Some(Remote { host, owner, name: project }) => {
                format!("{name} {host} {owner} {project}")
            }
            None => format!("{name} -"),
        })
        .collect();
    let expected = ["origin -", "b github.com b b", "a github.com a a", "we\"ird github.com c c"];
    assert_eq!(shown, expected);
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(
        bytes in any::<Vec<u8>>(),
        text in "([\\[\\]\"\\\\.=#; \n\ta-c]|remote|url|ref: |refs/heads/){0,40}",
    ) {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let config = Config::parse(bytes);
            for name in config.subsections("remote") {
                prop_assert!(!name.is_empty());
                let _url = config.value("remote", name, "url").map(Remote::parse);
            }
            let _target = refs::parse(bytes);
            prop_assert_eq!(refs::find_packed(bytes, "refs/heads/main"), None);
        }
    }
}

#[test]
fn an_unreadable_configuration_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = plant(folder.path(), "unborn", "");
    let config = root.join(".git/config");
    fs::remove_file(&config).unwrap();
    symlink("/dev/zero", &config).unwrap();
    let repository = Repository::find(&root).unwrap();
    assert_eq!(repository.shown_config(), ".git/config");
    let err = repository.remotes().unwrap_err();
    assert!(err.to_string().ends_with("/.git/config`"), "{err}");
}
