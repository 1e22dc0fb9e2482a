//! Processes that become other users, or get another view of the files.

use std::{path::PathBuf, process::Command};

use runner_shared::memory::EventKind;

use crate::{
    programs::Programs,
    support::{Traced, trace},
};

/// The program that is traced, where everybody finds it.
fn program(programs: &Programs) -> PathBuf {
    assert!(Command::new("chmod").arg("755").arg(programs.path()).status().unwrap().success());
    programs.compile("crowd.c", &[])
}

#[track_caller]
fn has_all(traced: &Traced) {
    let count = traced.count(|kind| matches!(kind, EventKind::Malloc { size: 500..=506 }));
    // Who becomes another user may ask for a block of such a size, too.
    assert!((200..205).contains(&count), "{count} {:?}", traced.coverage.notes);
}

mod privileged {
    use super::*;

    #[test]
    fn whoever_a_process_becomes_is_counted() {
        let programs = Programs::new();
        let program = program(&programs);
        let shown = program.display();
        let setpriv = |options: &str| format!("setpriv {options} {shown} forks 20");
        let own = format!("unshare --user --map-root-user {shown} forks 20");
        for line in [
            setpriv("--reuid=65534 --regid=65534 --clear-groups"),
            setpriv("--reuid=65534 --regid=65534 --clear-groups --no-new-privs"),
            setpriv("--reuid=1 --regid=1 --init-groups"),
            setpriv("--regid=65534 --clear-groups"),
            format!("su -s /bin/sh nobody -c '{shown} forks 20'"),
            format!("setpriv --reuid=65534 --clear-groups sh -c '{own}'"),
            own,
        ] {
            let traced = trace(Command::new("bash").args(["-c", &format!("{line}; exit $?")]));
            let traced = traced.succeeded();
            has_all(&traced);
            let notes = traced.coverage.notes;
            assert!(notes.iter().all(|note| note.contains("/su runs as")), "{line} {notes:?}");
        }
    }
}
