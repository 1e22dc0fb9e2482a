//! Other users, other namespaces.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::Command,
};

use crate::{
    programs::Programs,
    support::{TRACER, Track, Way},
};

const NOBODY: u32 = 65534;

fn set_user_id(program: &Path) {
    chown(program, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(program, fs::Permissions::from_mode(0o6755)).unwrap();
}

pub fn a_program_that_changes_its_user_runs_as_ever(way: Way) {
    let programs = Programs::new();
    let crowd = programs.compile("crowd.c", &[]);
    let id = programs.path().join("id");
    fs::copy("/usr/bin/id", &id).unwrap();
    set_user_id(&crowd);
    set_user_id(&id);
    fs::set_permissions(programs.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let words = [
        "bash",
        "-c",
        "\"$0\" -u && \"$1\" pairs 1000",
        id.to_str().unwrap(),
        crowd.to_str().unwrap(),
    ];
    let traced = Track::by(way).run(&words).succeeded();
    assert_eq!(traced.stdout, "65534\n");
    assert_eq!(traced.pairs(), if way == Way::Preload { 0 } else { 1000 });
}

pub fn numbers_are_those_of_the_tracers_namespace(way: Way) {
    let programs = Programs::new();
    let crowd = programs.compile("crowd.c", &[]);
    let track = Track::by(way).below(&["unshare", "--pid", "--fork", "--mount-proc"]);
    let line = format!("echo $$; {} pairs 1000; {} forks 5", crowd.display(), crowd.display());
    let traced = track.run(&["bash", "-c", &line]).succeeded();
    assert_eq!(traced.stdout, format!("{}\n50\n", traced.root));
    assert!(traced.root < 100);
    assert_eq!(traced.pairs(), 1050);
    assert!(
        traced.events.iter().all(|event| (1..100).contains(&event.pid)),
        "{:?}",
        traced.events[0]
    );
}

/// A copy of the tracer that everybody can reach, and a user without rights.
fn unprivileged(track: Track) -> Track {
    let tracer = track.folder().join("tracer");
    fs::copy(TRACER, &tracer).unwrap();
    fs::set_permissions(track.folder(), fs::Permissions::from_mode(0o777)).unwrap();
    let track = track.at(&tracer);
    let user =
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all"];
    track.below(&user)
}

mod privileged {
    use super::*;

    #[test]
    fn the_doctor_tries_each_way_on_calls_that_are_known() {
        let output = Command::new(TRACER).arg("doctor").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let exact = said.lines().filter(|line| line.ends_with("works, exact in a self-test"));
        assert_eq!(exact.count(), 3, "{said}");
        assert!(said.contains("chosen by `auto`: ebpf, uprobe session"), "{said}");
    }

    #[test]
    fn without_permission_auto_uses_the_library_and_says_why() {
        let programs = Programs::new();
        let crowd = programs.compile("crowd.c", &[]);
        fs::set_permissions(programs.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let track = unprivileged(Track::with_no_backend());
        let traced = track.run(&[crowd.to_str().unwrap(), "forks", "20"]).succeeded();
        assert_eq!(traced.stats["backend"], "preload");
        assert_eq!(traced.pairs(), 200);
        for word in ["CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN", "with a preloaded library instead"]
        {
            assert!(traced.stderr.contains(word), "{word}: {}", traced.stderr);
        }
    }

    #[test]
    fn without_rights_ebpf_is_refused_with_a_hint() {
        let track = unprivileged(Track::with_no_backend().with(&["--backend", "ebpf"]));
        let output = track.command(&["true"]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains("CAP_BPF") && stderr.contains("hint: "), "{stderr}");
    }
}

mod namespace {
    use super::*;

    #[test]
    fn as_root_of_a_user_namespace_the_library_is_used() {
        let programs = Programs::new();
        let crowd = programs.compile("crowd.c", &[]);
        let track = Track::with_no_backend().below(&["unshare", "--user", "--map-root-user"]);
        let traced = track.run(&[crowd.to_str().unwrap(), "forks", "20"]).succeeded();
        assert_eq!(traced.stats["backend"], "preload");
        assert_eq!(traced.pairs(), 200);
        assert!(traced.stderr.contains("with a preloaded library instead"), "{}", traced.stderr);
    }
}
