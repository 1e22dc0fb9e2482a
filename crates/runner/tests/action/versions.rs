//! Every form of `runner-version` installs what it names.

use std::fs;

use runner_shared::text::shown;

use crate::{fakes, job::Job, releases::Release};

/// The arguments of the calls of `cargo`, with `ROOT` and `ACTION` for folders.
#[track_caller]
fn built(version: &str, mode: &str) -> Vec<String> {
    let mut job = Job::new();
    job.uses(&[("mode", mode), ("runner-version", version)]).succeeded();
    let root = shown(&job.sandbox.path().join("temp/codspeed-action/source")).into_owned();
    let action = format!("{}/", shown(&job.sandbox.path().join("action")));
    let calls = job.calls();
    assert_eq!(job.releases.asked(), [""; 0]);
    let words = calls.iter().map(|call| call.arguments.join(" "));
    let words = words.map(|words| words.replace(&root, "ROOT").replace(&action, "ACTION/"));
    words.filter(|words| words.starts_with("cargo ")).collect()
}

#[test]
fn a_release_is_installed_and_in_path_for_later_steps() {
    let (mut job, release) = Job::with_release();
    for version in ["1.2.3", "v1.2.3", ""] {
        let outcome = job.uses(&[("mode", "walltime"), ("runner-version", version)]);
        let said = outcome.succeeded();
        assert!(said.contains("codspeed-runner of a test"), "{said}");
        assert_eq!(outcome.annotations(), [""; 0]);
        assert_eq!(outcome.outputs["runner-version"], "1.2.3");
        let bin = job.sandbox.path().join("temp/codspeed-action").join(&release.sha256);
        assert_eq!(outcome.outputs["bin"], shown(&bin));
        let ours = &job.calls().pop().unwrap().environment["PATH"];
        assert!(ours.starts_with(&outcome.outputs["bin"]), "{ours}");
    }
    // The second use and the third one find what the first one has installed.
    assert_eq!(job.releases.asked(), [release.asset()]);
}

#[test]
fn an_old_glibc_gets_the_static_archive() {
    let mut job = Job::new();
    let codspeed = job.sandbox.path().join("codspeed");
    let pack = |libc| Release::pack_for(libc, &job.sandbox, "1.2.3", &[&codspeed]);
    let (gnu, musl) = (pack("gnu"), pack("musl"));
    job.releases.publish(&gnu);
    job.releases.publish(&musl);
    let mut taken = |said: &str, pinned: &[&Release]| {
        job.pin("1.2.3", pinned);
        job.sandbox.program("tools/getconf", &format!("#!/bin/sh\necho {said}\n"));
        drop(fs::remove_dir_all(job.sandbox.path().join("temp/codspeed-action")));
        job.uses(&[("mode", "walltime")]).succeeded();
        job.releases.asked()
    };
    for (said, best) in
        [("glibc 2.35", &gnu), ("glibc 3.0", &gnu), ("glibc 2.31", &musl), ("undefined", &musl)]
    {
        assert_eq!(taken(said, &[&gnu, &musl]), [best.asset()], "{said}");
    }
    // A release may lack one of them.
    assert_eq!(taken("glibc 2.35", &[&musl]), [musl.asset()]);
    assert_eq!(taken("glibc 2.31", &[&gnu]), [gnu.asset()]);
}

#[test]
fn the_latest_release_is_checked_against_its_own_hashes() {
    let mut job = Job::new();
    let release = fakes::release(&job.sandbox, "2.0.10");
    job.releases.publish(&release);
    job.releases.make_latest(&release);
    let outcome = job.uses(&[("mode", "walltime"), ("runner-version", "latest")]);
    outcome.succeeded();
    assert_eq!(outcome.outputs["runner-version"], "2.0.10");
    let [warning] = outcome.annotations().try_into().unwrap();
    assert!(
        warning.starts_with("::warning title=The hash of codspeed 2.0.10 is not pinned::"),
        "{warning}"
    );

    let silent =
        [("mode", "walltime"), ("runner-version", "latest"), ("skip-hash-check-warning", "true")];
    assert_eq!(job.uses(&silent).annotations(), [""; 0]);

    // A release whose hash is known needs no warning.
    job.pin("1.2.3", &[&release]);
    let outcome = job.uses(&[("mode", "walltime"), ("runner-version", "latest")]);
    outcome.succeeded();
    assert_eq!(outcome.annotations(), [""; 0]);
}

#[test]
fn a_release_without_an_archive_is_no_latest_release() {
    let mut job = Job::new();
    let release = fakes::release(&job.sandbox, "2.0.0");
    job.releases.make_latest(&release);
    job.releases.set_sums(&release, "nothing\n");
    let said = job.uses(&[("mode", "walltime"), ("runner-version", "latest")]).failed("Versions");
    assert!(said.starts_with("::error title=The latest release is not known::"), "{said}");
}

#[test]
fn a_prerelease_is_checked_against_its_own_hashes() {
    let mut job = Job::new();
    let release = fakes::release(&job.sandbox, "2.0.0-alpha.1");
    job.releases.publish(&release);
    let with = [("mode", "walltime"), ("runner-version", "v2.0.0-alpha.1")];
    let outcome = job.uses(&with);
    outcome.succeeded();
    assert_eq!(outcome.outputs["runner-version"], "2.0.0-alpha.1");
    assert!(outcome.annotations()[0].starts_with("::warning title=The hash of"));

    job.releases.set_sums(&release, &format!("{}  {}\n", "1".repeat(64), release.asset()));
    let said = job.uses(&with).failed("Install");
    assert!(said.contains("was not unpacked"), "{said}");
    job.releases.set_sums(&release, "1  other.tar.gz\n");
    let said = job.uses(&with).failed("Hash");
    assert!(said.contains("has no archive for this machine"), "{said}");
}

#[test]
fn a_branch_or_a_commit_is_built_by_cargo() {
    let git = "--git https://github.com/CodSpeedHQ/codspeed";
    assert_eq!(
        built("branch:feat/$x", "walltime"),
        [format!("cargo install --locked --root ROOT --branch=feat/$x {git} runner exec-harness")]
    );
    assert_eq!(
        built("rev:0123abc", "walltime,memory"),
        [format!(
            "cargo install --locked --root ROOT --rev=0123abc {git} runner exec-harness memtrack"
        )]
    );
    let mut job = Job::new();
    let with = [("mode", "walltime"), ("runner-version", "rev:0123abc")];
    assert!(job.uses(&with).annotations()[0].starts_with("::warning title=codspeed is built from"));
    let silent = [&with[..], &[("skip-hash-check-warning", "true")]].concat();
    assert_eq!(job.uses(&silent).annotations(), [""; 0]);
}

#[test]
fn the_commit_of_the_action_itself_can_be_built() {
    let one = |package: &str| {
        let path = format!("ACTION/.github/action/../../crates/{package}");
        format!("cargo install --locked --root ROOT --path {path}")
    };
    assert_eq!(built("source", "walltime"), [one("runner"), one("exec-harness")]);
    assert_eq!(built("source", "memory").len(), 3);
}

#[test]
fn other_words_are_no_versions() {
    let forms = [
        "5",
        "1.2",
        "v",
        "1.2.3 4",
        "main",
        "branch:",
        "branch:a b",
        "rev:xyz",
        "rev:012",
        "Latest",
        "1.2.3;touch injected",
        "../1.2.3",
        "1.2.3\n2.0.0",
    ];
    let (mut job, _) = Job::with_release();
    for version in forms {
        let said =
            job.uses(&[("mode", "walltime"), ("runner-version", version)]).failed("Versions");
        assert!(said.contains("is not a version::The input `runner-version` takes"), "{said}");
    }
    assert!(job.calls().is_empty());
}

#[test]
fn tools_are_kept_from_job_to_job_by_mode_kernel_and_version() {
    let (mut job, _) = Job::with_release();
    let outcome = job.uses(&[("mode", "simulation, memory")]);
    outcome.succeeded();
    let [(action, with)] = outcome.used.try_into().unwrap();
    assert!(action.starts_with("actions/cache@"), "{action}");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let key = format!("codspeed-instruments-simulation-memory-Linux-X64-{}-", kernel.trim());
    assert_eq!(with["restore-keys"], key);
    assert_eq!(with["key"], key + "1.2.3");
    assert_eq!(with["path"], "~/.cache/codspeed-action");

    let outcome = job.uses(&[("mode", "simulation"), ("cache-instruments", "false")]);
    outcome.succeeded();
    assert!(outcome.used.is_empty());
}
