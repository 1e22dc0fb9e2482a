//! Programs of the machine, and files made for the test.

use std::{fs, os::unix::fs::symlink};

use runner_shared::{harness::RunArgs, text::shown};

use super::*;

fn programs() -> Programs {
    Programs::new(Libraries::of(&Env::default()))
}

fn env() -> Env {
    Env::default().with(env_names::PATH, "/usr/bin:/bin")
}

fn target(words: &[&str]) -> Target {
    Target { command: words.iter().map(Into::into).collect(), ..Target::default() }
}

fn of(target: &Target, folder: &Path) -> Used {
    programs().of_target(target, folder, &env())
}

#[test]
fn a_program_has_its_libraries_and_its_loader() {
    let used = of(&target(&["true"]), Path::new("/"));
    assert!(used.decide, "{used:?}");
    let names: Vec<_> =
        used.modules.iter().filter_map(|it| Path::new(&it.path).file_name()).collect();
    assert_eq!(names.first().map(|name| name.to_str()), Some(Some("true")));
    assert!(names.iter().any(|name| name.to_string_lossy().starts_with("libc.")), "{names:?}");
    assert!(names.iter().any(|name| name.to_string_lossy().starts_with("ld-")), "{names:?}");
    for module in &used.modules {
        assert!(module.id.len() >= 16, "{module:?}");
    }
    let libc = used.modules.iter().find(|it| it.path.contains("libc.")).unwrap();
    assert_eq!(programs().libc(), libc.id);
}

#[test]
fn files_in_arguments_are_modules() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    at("in.txt", "one");
    let words = ["cat", "in.txt", "--missing", "/dev/null"];
    let used = of(&target(&words), folder.path());
    let file = used.modules.last().unwrap().clone();
    assert!(used.decide && file.path.ends_with("/in.txt"), "{used:?}");
    assert!(file.id.starts_with("sha256:"), "{file:?}");
    at("in.txt", "two");
    assert_ne!(of(&target(&words), folder.path()).modules.last().unwrap().id, file.id);
    for option in ["--file=in.txt", "-fin.txt"] {
        let used = of(&target(&["cat", option]), folder.path());
        assert!(used.decide && used.modules.last().unwrap().path.ends_with("in.txt"), "{option}");
    }
    let run_args = RunArgs { input: Some("in.txt".into()), ..RunArgs::default() };
    let used = of(&Target { run_args, ..target(&["cat"]) }, folder.path());
    assert!(used.decide && used.modules.last().unwrap().path.ends_with("in.txt"));
}

#[test]
fn what_may_run_something_else_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, "#!/bin/sh\ntrue\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    symlink("/bin/sh", folder.path().join("harmless")).unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    let hook = |command: &str| RunArgs { prepare: Some(command.into()), ..RunArgs::default() };
    let cases = [
        ("a shell", target(&["sh", "-c", "true"])),
        ("a shell by another name", target(&["./harmless"])),
        ("shell text", target(&["true | cat"])),
        ("a script", target(&["./script"])),
        ("a script of a launcher", target(&["cat", "./script"])),
        ("a program of a launcher", target(&["setsid", "true"])),
        ("a folder", target(&["ls", "folder"])),
        ("nothing", target(&["no such program"])),
        ("a hook", Target { run_args: hook("touch x"), ..target(&["true"]) }),
    ];
    for (what, target) in cases {
        let used = of(&target, folder.path());
        assert!(!used.decide, "{what}: {used:?}");
    }
    assert!(of(&target(&["true 'a b'"]), folder.path()).decide, "one text of plain words");
}

#[test]
fn names_of_programs_that_run_others() {
    let table = [
        ("/usr/bin/python3.11", true),
        ("/usr/bin/x86_64-linux-gnu-gcc-12", true),
        ("/opt/node18", true),
        ("/usr/bin/clang++-15", true),
        ("/usr/bin/sort", false),
        ("./program", false),
        ("/usr/bin/gcc-ranlib-12", false),
    ];
    for (path, expected) in table {
        assert_eq!(runs_others(Path::new(path)), expected, "{path}");
    }
}

#[test]
fn what_lies_behind_a_program_makes_it_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    fs::copy("/bin/true", &path).unwrap();
    let look = || of(&target(&["./program"]), folder.path());
    let plain = look();
    assert!(plain.decide && plain.is_unchanged(), "{plain:?}");
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"payload");
    fs::write(&path, bytes).unwrap();
    assert!(!plain.is_unchanged());
    let with_payload = look();
    assert!(with_payload.decide, "{with_payload:?}");
    let id = |used: &Used| used.modules[0].id.clone();
    assert_ne!(id(&plain), id(&with_payload));
    let build = |used: &Used| id(used).split_once('+').unwrap().0.to_owned();
    assert_eq!(build(&plain), build(&with_payload));
    fs::File::options().write(true).open(&path).unwrap().set_len(HASHED_BYTES + 1).unwrap();
    let large = look();
    assert!(!large.decide && id(&large) == build(&plain), "{large:?}");
}

#[test]
fn libraries_that_nobody_knows_are_not_all_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    let whole = fs::read("/bin/true").unwrap();
    let decides = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let used = of(&target(&["./program"]), folder.path());
        assert_eq!(used.modules.iter().filter(|it| it.path.ends_with("/program")).count(), 1);
        used.decide
    };
    assert!(decides(&whole));
    // Without a table of sections: their place, their number, and that of their names.
    let mut stripped = whole.clone();
    for range in [0x28..0x30, 0x3c..0x40] {
        stripped[range].fill(0);
    }
    assert!(!decides(&stripped));
    // The notes or the dynamic section are too large to be read.
    let number = |at: usize, size: usize| {
        whole[at..at + size].iter().rev().fold(0, |sum, byte| sum * 256 + usize::from(*byte))
    };
    let sections = (0..number(0x3c, 2)).map(|nth| number(0x28, 8) + nth * 64);
    for kind in [7, 6] {
        let section = sections.clone().find(|at| number(at + 4, 4) == kind).unwrap();
        let mut large = whole.clone();
        large[section + 32..section + 40].fill(0);
        large[section + 36] = 1;
        assert!(!decides(&large), "{kind}");
    }
}

#[test]
fn another_program_in_its_place_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    let mut programs = programs();
    let mut look = || programs.of_target(&target(&["./program"]), folder.path(), &env());
    fs::copy("/bin/true", &path).unwrap();
    let before = look();
    assert_eq!(look(), before);
    fs::remove_file(&path).unwrap();
    fs::copy("/bin/false", &path).unwrap();
    assert!(!before.is_unchanged());
    assert_ne!(look().modules[0], before.modules[0]);
}

#[test]
fn large_files_are_not_hashed() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    fs::File::create(&large).unwrap().set_len(HASHED_BYTES + 1).unwrap();
    let used = of(&target(&["cat", "large"]), folder.path());
    assert!(!used.decide);
    assert!(used.modules.iter().all(|it| !it.path.ends_with("large")), "{}", shown(&large));
}
