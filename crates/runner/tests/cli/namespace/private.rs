//! Files of a run are for its user alone, and nothing of it goes through a link.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::Path,
};

use test_support::Sandbox;

use crate::stage::{QUICK, codspeed, exec, exec_words, profiling_sandbox, sandbox};

/// Options of a mode, and files that it leaves under names that are known before.
type ModeUnderTest = (&'static str, &'static [&'static str], &'static [&'static str]);

const MODES: &[ModeUnderTest] = &[
    ("walltime", &[], &["runner.log", ".codspeed/run.json"]),
    ("memory", &["--backend", "preload"], &["runner.log", ".codspeed/run.json"]),
    ("simulation", &[], &["runner.log", ".codspeed/run.json"]),
];

/// Says which files and folders below this one others may use. Those that Valgrind writes have the mode that it gives
/// them; the folder keeps others out.
fn open_to_others(folder: &Path, found: &mut Vec<String>) {
    let data = fs::symlink_metadata(folder).unwrap();
    let name = folder.to_str().unwrap().to_owned();
    let of_valgrind = folder.extension().is_some_and(|end| end == "out" || end == "log")
        && !folder.ends_with("runner.log");
    let wanted = if data.is_dir() { 0o700 } else { 0o600 };
    if data.mode() & 0o7777 != wanted && !of_valgrind {
        found.push(format!("{name}: {:o}", data.mode()));
    }
    if data.is_dir() {
        for entry in fs::read_dir(folder).unwrap() {
            open_to_others(&entry.unwrap().path(), found);
        }
    }
}

#[track_caller]
fn is_private(sandbox: &Sandbox) {
    let mut found = Vec::new();
    open_to_others(&sandbox.path().join("profile"), &mut found);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn what_a_run_leaves_is_for_its_user_alone_in_every_mode() {
    for (mode, options, _) in MODES {
        let sandbox = profiling_sandbox();
        let run = exec(&sandbox, &[&["-m", mode], *options, QUICK].concat(), &["ls", "/"]);
        assert_eq!(run.code, 0, "{mode}: {}", run.stderr);
        is_private(&sandbox);
    }
}

#[test]
fn the_users_folder_keeps_its_mode_and_links_are_replaced() {
    for (mode, options, names) in MODES {
        let sandbox = sandbox();
        let folder = sandbox.path().join("profile");
        fs::create_dir(&folder).unwrap();
        fs::create_dir(folder.join(".codspeed")).unwrap();
        let open = |path: &Path| {
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        };
        open(&folder);
        let target = sandbox.file("precious", "precious");
        for name in *names {
            symlink(&target, folder.join(name)).unwrap();
        }
        let run = exec(&sandbox, &[&["-m", mode], *options, QUICK].concat(), &["true"]);
        assert_eq!(run.code, 0, "{mode}: {}", run.stderr);
        assert_eq!(sandbox.text("precious"), "precious", "{mode}");
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o7777, 0o755);
        for name in *names {
            let data = fs::symlink_metadata(folder.join(name)).unwrap();
            assert_eq!((data.is_file(), data.mode() & 0o7777), (true, 0o600), "{mode}: {name}");
        }
    }
}

#[test]
fn a_link_in_the_place_of_the_results_is_refused() {
    for (mode, options) in [("walltime", &[][..]), ("memory", &["--backend", "preload"])] {
        let sandbox = sandbox();
        let elsewhere = sandbox.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::create_dir(sandbox.path().join("profile")).unwrap();
        symlink(&elsewhere, sandbox.path().join("profile/results")).unwrap();
        let options = [&["-m", mode], options, QUICK].concat();
        let run = codspeed(&sandbox, exec_words(&options, &["true"]));
        assert_ne!(run.code, 0, "{mode}");
        assert!(run.stderr.contains("results"), "{mode}: {}", run.stderr);
        assert!(run.stderr.contains("symbolic link"), "{mode}: {}", run.stderr);
        assert!(fs::read_dir(&elsewhere).unwrap().next().is_none(), "{mode}");
    }
}

#[test]
fn a_link_in_the_place_of_our_own_folder_is_left_alone() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path().join("profile")).unwrap();
    fs::create_dir(sandbox.path().join("elsewhere")).unwrap();
    let names = ["run.json", "archive.tar", "timestamps"];
    for name in names {
        sandbox.file(&format!("elsewhere/{name}"), "precious");
    }
    symlink("../elsewhere", sandbox.path().join("profile/.codspeed")).unwrap();
    let run = exec(&sandbox, QUICK, &["true"]);
    assert!(run.stderr.contains("symbolic link"), "{}", run.stderr);
    for name in names {
        assert_eq!(sandbox.text(&format!("elsewhere/{name}")), "precious", "{name}");
    }
    assert_eq!(fs::read_dir(sandbox.path().join("elsewhere")).unwrap().count(), names.len());
}

#[test]
fn a_link_in_the_place_of_a_part_is_refused() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path().join("profile")).unwrap();
    fs::create_dir(sandbox.path().join("elsewhere")).unwrap();
    symlink("../elsewhere", sandbox.path().join("profile/walltime-0")).unwrap();
    let options = ["-m", "walltime,memory", "--backend", "preload"];
    let run = exec(&sandbox, &[&options, QUICK].concat(), &["true"]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("walltime-0"), "{}", run.stderr);
    assert!(run.stderr.contains("symbolic link"), "{}", run.stderr);
    assert!(fs::read_dir(sandbox.path().join("elsewhere")).unwrap().next().is_none());
    assert!(sandbox.path().join("profile/memory-1/results").exists(), "{}", run.stderr);
}
