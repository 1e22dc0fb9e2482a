//! Refusals of the action: it gives the reason, and nothing has been unpacked or run.

use std::fs;

use runner_shared::text::shown;

use crate::job::Job;

/// Returns what the folder for programs holds.
fn installed(job: &Job) -> Vec<String> {
    let folder = fs::read_dir(job.sandbox.path().join("temp/codspeed-action"));
    let names = folder.into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[test]
fn a_wrong_hash_is_an_error_that_shows_both() {
    let (mut job, mut release) = Job::with_release();
    let right = std::mem::replace(&mut release.sha256, "0".repeat(64));
    job.pin("1.2.3", &[&release]);
    let said = job.uses(&[("mode", "walltime")]).failed("Install");
    let both = format!("expected: {}%0Afound:    {right}", release.sha256);
    assert!(said.starts_with("::error title=The hash of codspeed 1.2.3 is wrong::"), "{said}");
    assert!(said.ends_with(&both), "{said}");
    assert_eq!(installed(&job), [""; 0]);
    assert!(job.calls().is_empty());
}

#[test]
fn a_release_without_a_known_hash_is_not_even_downloaded() {
    let (mut job, release) = Job::with_release();
    job.pin("1.2.3", &[]);
    for version in ["", "1.2.3", "1.2.30"] {
        let said = job.uses(&[("mode", "walltime"), ("runner-version", version)]).failed("Hash");
        assert!(said.contains(" is not known::"), "{said}");
    }
    job.sandbox.file("action/.github/action/hashes.json", "{\"1.2.3\": 5}");
    job.uses(&[("mode", "walltime")]).failed("Hash");
    assert_eq!(job.releases.asked(), [""; 0]);
    // The hash of another version or machine is none.
    job.pin("1.2.3", &[&release]);
    job.uses(&[("mode", "walltime"), ("runner-version", "1.2.30")]).failed("Hash");
    let text = job.sandbox.text("action/.github/action/hashes.json");
    let other = text.replace("-unknown-linux-musl", "-unknown-freebsd");
    job.sandbox.file("action/.github/action/hashes.json", other);
    job.uses(&[("mode", "walltime")]).failed("Hash");
    let damaged = text.replace(&release.sha256, "12");
    job.sandbox.file("action/.github/action/hashes.json", damaged);
    let said = job.uses(&[("mode", "walltime")]).failed("Hash");
    assert!(said.contains("is damaged"), "{said}");
}

#[test]
fn a_missing_archive_is_named_with_the_servers_answer() {
    let (mut job, release) = Job::with_release();
    job.releases.break_archive(&release, 404);
    let said = job.uses(&[("mode", "walltime")]).failed("Install");
    assert!(said.starts_with("::error title=codspeed 1.2.3 does not exist::http"), "{said}");
    assert!(said.contains("the server answered 404. Check the input `runner-version`"), "{said}");
    job.releases.break_archive(&release, 403);
    let said = job.uses(&[("mode", "walltime")]).failed("Install");
    assert!(said.ends_with("the server answered 403."), "{said}");
    assert_eq!(installed(&job), [""; 0]);
    // What failed leaves nothing that would be taken for an installation.
    job.releases.publish(&release);
    job.uses(&[("mode", "walltime")]).succeeded();
}

#[test]
fn a_server_that_stumbles_is_asked_again() {
    let (mut job, release) = Job::with_release();
    job.releases.delay_archive(&release, 503);
    job.uses(&[("mode", "walltime")]).succeeded();
    assert_eq!(job.releases.asked().len(), 2);
}

#[test]
fn a_machine_without_releases_is_named() {
    let (mut job, _) = Job::with_release();
    job.sandbox.program("tools/uname", "#!/bin/sh\n[ \"$1\" = -m ] && echo arm64 || echo Darwin\n");
    let said = job.uses(&[("mode", "walltime")]).failed("Hash");
    assert!(said.ends_with("and this is Darwin on arm64."), "{said}");
    // It may be built there all the same.
    job.uses(&[("mode", "walltime"), ("runner-version", "source")]).succeeded();
}

#[test]
fn an_archive_without_the_program_is_not_installed() {
    let (mut job, _) = Job::with_release();
    let other = job.sandbox.program("other", "#!/bin/sh\n");
    let release = crate::releases::Release::pack(&job.sandbox, "1.2.3", &[&other]);
    job.releases.publish(&release);
    job.pin("1.2.3", &[&release]);
    let said = job.uses(&[("mode", "walltime")]).failed("Install");
    assert!(said.contains("is not whole"), "{said}");
    assert_eq!(installed(&job), [""; 0]);
}

#[test]
fn releases_come_by_https_unless_from_this_machine() {
    let (mut job, _) = Job::with_release();
    for url in ["http://example.invalid/releases", "http://127.0.0.1:1@example.invalid/releases"] {
        job.env("CODSPEED_RELEASES_URL", url);
        let said = job.uses(&[("mode", "walltime")]).failed("Install");
        assert!(said.contains("could not be downloaded"), "{said}");
        assert!(said.contains("rotocol"), "{said}");
    }
}

#[test]
fn a_missing_mode_is_explained() {
    let (mut job, _) = Job::with_release();
    for mode in ["", " ", ",\n"] {
        let said = job.uses(&[("mode", mode)]).failed("Versions");
        assert!(said.starts_with("::error title=The input `mode` is missing::Say what"), "{said}");
        assert!(said.contains("`mode: walltime`") || said.contains("%0Awalltime: "), "{said}");
        assert!(said.contains("Version 3 of this action had no such input"), "{said}");
        assert_eq!(said.lines().count(), 1, "an annotation is one line: {said}");
    }
    assert!(job.calls().is_empty());
}

#[test]
fn an_error_can_hold_any_text() {
    let (mut job, _) = Job::with_release();
    let version = "a:b,c%0A\r\n::set-output name=x::y";
    let said = job.uses(&[("mode", "walltime"), ("runner-version", version)]).failed("Versions");
    let title = "`a%3Ab%2Cc%250A%0D%0A%3A%3Aset-output name=x%3A%3Ay` is not a version";
    assert!(said.starts_with(&format!("::error title={title}::")), "{said}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn missing_programs_are_named() {
    let (mut job, _) = Job::with_release();
    // All that the steps need but for `curl`.
    let tools = job.sandbox.path().join("few");
    fs::create_dir(&tools).unwrap();
    for name in ["bash", "dirname", "mkdir", "uname", "awk", "mktemp", "rm"] {
        let find = job.sandbox.run(job.sandbox.command("which", [name]));
        std::os::unix::fs::symlink(find.stdout.trim(), tools.join(name)).unwrap();
    }
    let tools = shown(&tools).into_owned();
    job.only_path(&tools);
    let said = job.uses(&[("mode", "walltime")]).failed("Install");
    assert!(said.starts_with("::error title=`curl` is missing::"), "{said}");
    let said = job.uses(&[("mode", "walltime"), ("runner-version", "source")]).failed("Install");
    assert!(said.starts_with("::error title=`cargo` is missing::"), "{said}");
}

#[test]
fn a_program_that_does_not_run_here_is_an_error() {
    let (mut job, _) = Job::with_release();
    let foreign = job.sandbox.program("codspeed", "#!/nowhere/sh\n");
    let release = crate::releases::Release::pack(&job.sandbox, "1.2.3", &[&foreign]);
    job.releases.publish(&release);
    job.pin("1.2.3", &[&release]);
    let said = job.uses(&[("mode", "walltime")]).failed("Install");
    assert!(said.contains("does not run on this machine"), "{said}");
}
