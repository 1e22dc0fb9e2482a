//! The installer against a server on this machine, with small archives in which the programs are shell scripts.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use super::archive::{Entry, tar_gz};
use super::server::Server;
use super::{PROGRAMS, Release, installer, release, rootfs};

/// The target for which the archives are.
fn triple() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// A server with releases, a home, and the installer of version 1.2.3.
struct Scene {
    folder: tempfile::TempDir,
    server: Server,
}

impl Scene {
    fn new() -> Self {
        Self::with(&triple(), "exit 0")
    }

    /// The archives are for this target, and `codspeed` does this.
    fn with(triple: &str, program: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        for version in ["1.2.3", "1.3.0"] {
            publish(&site.join(format!("v{version}")), version, triple, program);
        }
        fs::create_dir(folder.path().join("home")).unwrap();
        let server = Server::start(&site).unwrap();
        Self { folder, server }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.home().join(".local/bin").join(name)
    }

    fn archive(&self, version: &str) -> PathBuf {
        self.folder.path().join(format!("site/v{version}/codspeed-v{version}-{}.tar.gz", triple()))
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_by("sh", args)
    }

    fn run_by(&self, shell: &str, args: &[&str]) -> Output {
        self.run_with(&[shell], &crate::shell::env("PATH").unwrap(), args)
    }

    /// Starts these words, followed by the installer and its arguments.
    #[expect(clippy::disallowed_methods, reason = "a test starts what it tests")]
    fn run_with(&self, words: &[&str], path: &OsStr, args: &[&str]) -> Output {
        let mut command = std::process::Command::new(words[0]);
        command.args(&words[1..]);
        command.arg(self.folder.path().join("site/v1.2.3").join(installer::NAME));
        command.args(["--base-url", &self.server.url()]).args(args);
        command.env_clear().env("HOME", self.home()).env("PATH", path).output().unwrap()
    }

    /// Runs the installer, which succeeds; the answer is what it says.
    #[track_caller]
    fn succeeds(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{text}");
        text
    }

    /// Runs the installer, which fails with a message that has all these parts, and changes nothing.
    #[track_caller]
    fn fails(&self, args: &[&str], parts: &[&str]) {
        let before = files(&self.home());
        let output = self.run(args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        for part in ["error: "].iter().chain(parts) {
            assert!(text.contains(part), "`{part}` is not in: {text}");
        }
        assert_eq!(files(&self.home()), before);
    }
}

/// Writes a release as `cargo xtask dist` does.
fn publish(folder: &Path, version: &str, triple: &str, program: &str) {
    fs::create_dir_all(folder).unwrap();
    let release = Release {
        version: version.to_owned(),
        time: 1_700_000_000,
        repository: "https://example.org/codspeed".to_owned(),
    };
    let entry = |name: &&str| Entry {
        path: format!("{}/{name}", release.stem(triple)),
        executable: true,
        bytes: format!("#!/bin/sh\n# {name} {version}\n{program}\n").into_bytes(),
    };
    let archive = tar_gz(PROGRAMS.iter().map(entry).collect(), release.time).unwrap();
    fs::write(folder.join(release.archive_name(triple)), archive).unwrap();
    let template = include_str!("../../../../.github/install/codspeed-installer.sh");
    release::publish(&release, folder, &[triple.to_owned()], template).unwrap();
}

/// All files and folders with the length and the text of each.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
            found.push((path, String::new()));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found.sort();
    found
}

#[test]
fn programs_are_installed_and_removed_without_a_trace() {
    let scene = Scene::new();
    let text = scene.succeeds(&[]);
    assert!(text.contains("installed codspeed 1.2.3"), "{text}");
    assert!(text.contains("is not in PATH"), "{text}");
    for program in PROGRAMS {
        let text = fs::read_to_string(scene.bin(program)).unwrap();
        assert!(text.contains(&format!("# {program} 1.2.3")), "{text}");
    }
    scene.succeeds(&["--uninstall"]);
    assert_eq!(files(&scene.home()), []);
    assert!(scene.succeeds(&["--uninstall"]).contains("nothing to remove"));
}

#[test]
fn the_receipt_is_json_that_says_what_is_where() {
    let scene = Scene::new();
    let odd = scene.folder.path().join("a \"quoted\" \\ folder/bin");
    scene.succeeds(&["--dir", odd.to_str().unwrap(), "--quiet"]);
    let text = fs::read_to_string(scene.home().join(".config/codspeed/receipt.json")).unwrap();
    let receipt: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(receipt["format"], 1);
    assert_eq!(receipt["version"], "1.2.3");
    assert_eq!(receipt["target"], triple());
    assert_eq!(receipt["dir"], odd.to_str().unwrap());
    assert_eq!(receipt["files"].as_array().unwrap().len(), 3);
    let archive = fs::read(scene.archive("1.2.3")).unwrap();
    assert_eq!(receipt["archive_sha256"], super::hash::sha256(&archive));
    scene.succeeds(&["--uninstall", "--quiet"]);
    assert!(!odd.parent().unwrap().exists());
}

#[test]
fn a_second_run_changes_nothing_and_repairs_what_was_changed() {
    let scene = Scene::new();
    scene.succeeds(&[]);
    let installed = files(&scene.home());
    // Nothing is downloaded: there is nothing to be had.
    fs::rename(scene.archive("1.2.3"), scene.archive("1.2.3").with_extension("away")).unwrap();
    assert!(scene.succeeds(&[]).contains("installed in"));
    fs::rename(scene.archive("1.2.3").with_extension("away"), scene.archive("1.2.3")).unwrap();
    fs::write(scene.bin("codspeed"), "damaged").unwrap();
    scene.succeeds(&[]);
    assert_eq!(files(&scene.home()), installed);
}

#[test]
fn another_version_replaces_the_first_one() {
    let scene = Scene::new();
    assert_eq!(scene.succeeds(&["--quiet"]), "");
    let text = scene.succeeds(&["--version", "v1.3.0"]);
    assert!(text.contains("installed codspeed 1.3.0"), "{text}");
    assert!(fs::read_to_string(scene.bin("codspeed")).unwrap().contains("1.3.0"));
    scene.succeeds(&["--uninstall"]);
    assert_eq!(files(&scene.home()), []);
}

#[test]
fn a_changed_archive_is_refused_before_it_is_unpacked() {
    let scene = Scene::new();
    let mut bytes = fs::read(scene.archive("1.2.3")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(scene.archive("1.2.3"), bytes).unwrap();
    scene.fails(&[], &["is not what was released", "Nothing was changed"]);
    // The same for one of which the hash is in the release.
    fs::write(scene.archive("1.3.0"), "other").unwrap();
    scene.fails(&["--version", "1.3.0"], &["is not what was released"]);
}

#[test]
fn a_truncated_archive_is_refused() {
    let scene = Scene::new();
    let bytes = fs::read(scene.archive("1.2.3")).unwrap();
    fs::write(scene.archive("1.2.3"), &bytes[..bytes.len() / 2]).unwrap();
    scene.fails(&[], &["is not what was released"]);
}

#[test]
fn what_the_server_does_not_have_is_named() {
    let scene = Scene::new();
    scene.fails(&["--version", "9.9.9"], &["could not download", "/v9.9.9/SHA256SUMS", "404"]);
    fs::remove_file(scene.archive("1.2.3")).unwrap();
    scene.fails(&[], &["could not download", &format!("{}.tar.gz", triple()), "404"]);
}

#[test]
fn a_failed_update_leaves_the_old_version() {
    let scene = Scene::new();
    scene.succeeds(&[]);
    fs::write(scene.archive("1.3.0"), "other").unwrap();
    scene.fails(&["--version", "1.3.0"], &["is not what was released"]);
    assert!(fs::read_to_string(scene.bin("codspeed")).unwrap().contains("1.2.3"));
}

#[test]
fn a_machine_without_an_archive_is_told_so() {
    let scene = Scene::with("riscv64gc-unknown-linux-musl", "exit 0");
    let machine = format!("for this machine ({})", std::env::consts::ARCH);
    scene.fails(&[], &["there is no archive of codspeed 1.2.3", &machine]);
    scene.fails(&["--version", "1.3.0"], &["there is no archive of codspeed 1.3.0"]);
}

#[test]
fn a_program_that_does_not_run_is_not_installed() {
    let scene = Scene::with(&triple(), "echo no such library >&2; exit 1");
    scene.fails(&[], &["codspeed does not run here (no such library)"]);
}

#[test]
fn a_place_that_can_not_be_written_to_is_refused() {
    let scene = Scene::new();
    // Holds for root, too.
    fs::write(scene.home().join("file"), "x").unwrap();
    let below = scene.home().join("file/bin");
    scene.fails(&["--dir", below.to_str().unwrap()], &["could not make the folder", "--dir DIR"]);
    fs::create_dir_all(scene.bin("codspeed")).unwrap();
    scene.fails(&[], &["codspeed is a folder"]);
    let _server = &scene.server;
}

#[test]
fn without_a_receipt_nothing_is_installed() {
    let scene = Scene::new();
    fs::write(scene.home().join(".config"), "in the way").unwrap();
    scene.fails(&[], &["could not make the folder", "XDG_CONFIG_HOME"]);
}

#[test]
fn addresses_are_safe_and_options_known() {
    let scene = Scene::new();
    for url in [
        "http://example.org",
        "http://127.0.0.1.example.org",
        "ftp://x",
        "http://127.0.0.1:1@example.org",
    ] {
        scene.fails(&["--base-url", url], &["the address"]);
    }
    scene.fails(&["--fast"], &["unknown option `--fast`"]);
    scene.fails(&["--version"], &["--version needs a value"]);
    scene.fails(&["--version", "../1"], &["is not a version"]);
    let help = String::from_utf8(scene.run(&["--help"]).stdout).unwrap();
    assert!(help.contains("version 1.2.3") && help.contains("--uninstall"), "{help}");
}

#[test]
fn the_template_itself_installs_nothing() {
    let scene = Scene::new();
    let template = include_str!("../../../../.github/install/codspeed-installer.sh");
    fs::write(scene.folder.path().join("site/v1.2.3").join(installer::NAME), template).unwrap();
    scene.fails(&[], &["this is the template"]);
    scene.succeeds(&["--version", "1.3.0"]);
}

#[test]
fn bash_runs_it_as_well() {
    let scene = Scene::new();
    let output = scene.run_by("bash", &["--quiet"]);
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    assert!(scene.bin("codspeed").is_file());
}

#[test]
fn wget_is_enough() {
    let scene = Scene::new();
    let tools = scene.folder.path().join("tools");
    fs::create_dir(&tools).unwrap();
    for tool in rootfs::PROGRAMS.iter().chain(&["wget"]) {
        std::os::unix::fs::symlink(crate::shell::find(tool).unwrap(), tools.join(tool)).unwrap();
    }
    let run = |args: &[&str]| scene.run_with(&["sh"], tools.as_os_str(), args);
    let output = run(&["--version", "9.9.9"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("/v9.9.9/SHA256SUMS") && text.contains("404"), "{text}");
    assert_eq!(run(&["--quiet"]).status.code(), Some(0));
    assert!(scene.bin("codspeed").is_file());
    fs::remove_file(tools.join("wget")).unwrap();
    let text = String::from_utf8(run(&["--version", "1.3.0"]).stderr).unwrap();
    assert!(text.contains("neither curl nor wget is installed"), "{text}");
}

/// These mount small disks for the installer alone.
mod namespace {
    use super::*;

    /// Fails with a message that has all these parts when this disk is where the programs go.
    #[track_caller]
    fn fails_on(options: &str, parts: &[&str]) {
        let scene = Scene::new();
        let disk = scene.folder.path().join("disk");
        fs::create_dir(&disk).unwrap();
        let disk = disk.to_str().unwrap();
        let text = format!(
            "mount -t tmpfs -o {options} none '{disk}' && sh \"$@\"; code=$?; ls -A '{disk}'; exit $code"
        );
        let words = ["unshare", "--mount", "sh", "-c", &text, "sh"];
        let output = scene.run_with(&words, &crate::shell::env("PATH").unwrap(), &["--dir", disk]);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        assert_eq!((output.stdout, files(&scene.home())), (Vec::new(), Vec::new()));
    }

    #[test]
    fn a_full_disk_is_left_as_it_was() {
        fails_on("size=4k", &["could not", "o space left on device"]);
    }

    #[test]
    fn a_disk_for_reading_only_is_refused() {
        fails_on("ro", &["could not write to", "choose a folder that you may write to"]);
    }
}
