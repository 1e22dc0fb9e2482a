//! `codspeed update` with releases that this machine serves. The program under test lies where the installer has put it,
//! and replaces itself.

use std::{fs, path::PathBuf};

use serde_json::json;
use test_support::{Answer, FakeApi, Run, Sandbox};

use crate::stage::CODSPEED;

const PROGRAMS: [&str; 3] = ["codspeed", "exec-harness", "codspeed-memtrack"];

fn triple(libc: &str) -> String {
    format!("{}-unknown-linux-{libc}", std::env::consts::ARCH)
}

/// A home in which version 5.0.0 is installed, and a server of releases.
struct Scene {
    sandbox: Sandbox,
    api: FakeApi,
}

impl Scene {
    fn new() -> Self {
        let sandbox = Sandbox::new(env!("CARGO_TARGET_TMPDIR"));
        let scene = Self { sandbox, api: FakeApi::start() };
        fs::create_dir_all(scene.bin("")).unwrap();
        // Under the name of the installed program, its own file is busy, as it is for users.
        fs::hard_link(CODSPEED, scene.bin("codspeed")).unwrap();
        scene.sandbox.program("bin/exec-harness", "old");
        scene.sandbox.program("bin/codspeed-memtrack", "old");
        scene.receipt(1, &scene.api.url("/releases/download"));
        scene
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.sandbox.path().join("bin").join(name)
    }

    fn receipt(&self, format: u64, base_url: &str) {
        let folder = self.sandbox.path().join(".config/codspeed");
        fs::create_dir_all(folder).unwrap();
        let (dir, files) = (self.bin(""), PROGRAMS.map(|name| self.bin(name)));
        let dir = dir.to_str().unwrap().trim_end_matches('/');
        let receipt = json!({"format": format, "version": "5.0.0", "base_url": base_url,
            "target": triple("musl"), "dir": dir, "files": files, "folders": []});
        let text = serde_json::to_string_pretty(&receipt).unwrap();
        self.sandbox.file(".config/codspeed/receipt.json", text + "\n");
    }

    /// Serves a release, and makes it the newest one. What its archives are said to hash to may be wrong.
    fn publish(&self, version: &str, hash: Option<&str>) {
        // In the order of a real list. The first one needs a newer glibc than there is, which nobody says.
        let sums =
            [self.pack(version, "gnu", "exit 1", hash), self.pack(version, "musl", "", hash)];
        let folder = format!("/releases/download/v{version}");
        let latest = Answer::redirect(302, &format!("{folder}/SHA256SUMS"));
        self.api.on("GET /releases/latest/download/SHA256SUMS", [latest]);
        self.api.on(&format!("GET {folder}/SHA256SUMS"), [Answer::text(200, &sums.concat())]);
    }

    /// Serves an archive of programs that do this, and returns its line in the list of hashes.
    fn pack(&self, version: &str, libc: &str, does: &str, hash: Option<&str>) -> String {
        let name = format!("codspeed-v{version}-{}", triple(libc));
        let pack = r#"
            mkdir "$1"
            for program in codspeed exec-harness codspeed-memtrack; do
              printf '#!/bin/sh\necho %s\n%s' "$2" "$3" > "$1/$program"; chmod +x "$1/$program"
            done
            tar -czf "$1.tar.gz" "$1" && sha256sum "$1.tar.gz"; rm -r "$1""#;
        let words = ["-eu", "-c", pack, "pack", &name, version, does];
        let packed = self.sandbox.run(self.sandbox.command("sh", words));
        let right = packed.stdout.split(' ').next().unwrap();
        let archive = self.sandbox.path().join(format!("{name}.tar.gz"));
        let bytes = fs::read(&archive).unwrap();
        fs::remove_file(archive).unwrap();
        self.api
            .on(&format!("GET /releases/download/v{version}/{name}.tar.gz"), [Answer::file(bytes)]);
        format!("{}  {name}.tar.gz\n", hash.unwrap_or(right))
    }

    fn update(&self, words: &[&str]) -> Run {
        let words = [&["update"], words].concat();
        self.sandbox.run(self.sandbox.command(self.bin("codspeed").to_str().unwrap(), words))
    }

    /// Updates, which fails with this code and a message that has these parts, and changes nothing.
    #[track_caller]
    fn fails(&self, words: &[&str], code: i32, parts: &[&str]) {
        let before = self.state();
        let run = self.update(words);
        assert_eq!(run.code, code, "{}", run.stderr);
        for part in parts {
            assert!(run.stderr.contains(part), "`{part}` is not in: {}", run.stderr);
        }
        assert_eq!(self.state(), before);
    }

    /// All that an update may change, and whether something was left.
    fn state(&self) -> (u64, String, Option<String>, Vec<PathBuf>) {
        let entries = fs::read_dir(self.bin("")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        names.sort();
        let len = self.bin("codspeed").metadata().unwrap().len();
        let receipt = self.sandbox.path().join(".config/codspeed/receipt.json");
        let receipt = fs::read_to_string(receipt).ok();
        (len, self.sandbox.text("bin/exec-harness"), receipt, names)
    }
}

#[test]
fn update_replaces_all_programs_by_the_newest_release() {
    let scene = Scene::new();
    scene.publish("5.10.0", None);
    let check = scene.update(&["--check"]);
    assert_eq!(check.code, 0, "{}", check.stderr);
    assert_eq!(check.stdout, "codspeed 5.10.0 is available; 5.0.0 is installed\n");
    let run = scene.update(&[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, "codspeed was updated from 5.0.0 to 5.10.0\n");
    for program in PROGRAMS {
        assert_eq!(scene.sandbox.text(&format!("bin/{program}")), "#!/bin/sh\necho 5.10.0\n");
    }
    let receipt: serde_json::Value =
        serde_json::from_str(&scene.sandbox.text(".config/codspeed/receipt.json")).unwrap();
    assert_eq!(receipt["version"], "5.10.0");
    assert_eq!(receipt["base_url"], scene.api.url("/releases/download"));
    assert_eq!(receipt["files"].as_array().unwrap().len(), 3);
    assert_eq!(scene.state().3.len(), 3, "nothing else is left");
}

#[test]
fn the_newest_version_stays_and_others_are_taken_by_name() {
    let scene = Scene::new();
    for (newest, said) in [
        ("5.0.0", "codspeed 5.0.0 is the newest version\n"),
        ("4.20.0", "codspeed 5.0.0 is the newest version, newer than 4.20.0\n"),
    ] {
        scene.publish(newest, None);
        let before = scene.state();
        let run = scene.update(&[]);
        assert_eq!((run.code, run.stdout.as_str()), (0, said), "{}", run.stderr);
        assert_eq!(scene.state(), before);
    }
    let run = scene.update(&["--version", "v4.20.0"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, "codspeed was updated from 5.0.0 to 4.20.0\n");
}

#[test]
fn what_is_not_what_was_released_changes_nothing() {
    let scene = Scene::new();
    scene.publish("5.1.0", Some(&"0".repeat(64)));
    let wrong =
        ["is not what was released", "codspeed 5.1.0 was not installed; 5.0.0 is unchanged"];
    scene.fails(&[], 1, &wrong);
    scene.fails(&["--version", "9.0.0"], 1, &["could not download", "404"]);
    scene.fails(&["--version", "nine"], 2, &["invalid value 'nine'"]);
    scene.api.on("GET /releases/latest/download/SHA256SUMS", [Answer::text(200, "nothing")]);
    scene.fails(&[], 5, &["lists no archive of codspeed", "hint: use `--version`"]);
    scene.api.on("GET /releases/latest/download/SHA256SUMS", [Answer::text(404, "")]);
    scene.fails(&[], 5, &["responded with 404", "hint: could not get http://"]);
    // One of the three can't be replaced.
    scene.publish("5.1.0", None);
    fs::remove_file(scene.bin("codspeed-memtrack")).unwrap();
    fs::create_dir(scene.bin("codspeed-memtrack")).unwrap();
    scene.fails(&[], 1, &["is a folder"]);
}

#[test]
fn programs_that_the_installer_has_not_installed_are_left_alone() {
    let scene = Scene::new();
    scene.publish("5.1.0", None);
    // Another one than that of the receipt.
    let other = scene.sandbox.run(scene.sandbox.command(CODSPEED, ["update"]));
    assert_eq!(other.code, 3);
    assert!(other.stderr.contains("but the installer installed `"), "{}", other.stderr);
    scene.receipt(2, "https://example.test");
    scene.fails(
        &[],
        3,
        &["has the unknown format 2; expected 1", "hint: run codspeed-installer.sh"],
    );
    scene.receipt(1, "http://example.test");
    scene.fails(&[], 2, &["at the insecure address"]);
    scene.sandbox.file(".config/codspeed/receipt.json", "{");
    scene.fails(&[], 3, &["is damaged"]);
    fs::remove_file(scene.sandbox.path().join(".config/codspeed/receipt.json")).unwrap();
    scene.fails(&[], 3, &["left no receipt at `", "hint: update with your package manager"]);
}
