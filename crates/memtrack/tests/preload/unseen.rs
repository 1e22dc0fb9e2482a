//! Programs that the backend can't see, which it names.

use std::process::Command;

use crate::{programs::Programs, support::trace};

#[track_caller]
fn note(command: &mut Command, words: &str) {
    let traced = trace(command).succeeded();
    let notes = &traced.coverage.notes;
    assert!(matches!(&notes[..], [note] if note.contains(words)), "{words}: {notes:?}");
}

#[test]
fn a_program_that_cannot_be_seen_is_named() {
    let programs = Programs::new();
    let program = programs.compile("pairs.c", &["-static"]);
    let shown = program.display();
    let run = format!("{shown} 10; true");
    note(Command::new("bash").args(["-c", &run]), "pairs_c is statically linked");
    let python = format!("import subprocess; subprocess.run(['{shown}', '10'])");
    note(Command::new("python3").args(["-c", &python]), "pairs_c is statically linked");
    let relative = format!("cd {}; ./pairs_c 10; true", programs.path().display());
    note(Command::new("bash").args(["-c", &relative]), "pairs_c is statically linked");
    note(Command::new("env").args(["-i", "/bin/echo"]), "/bin/echo was started without");
    let status = Command::new("chmod").arg("u+s").arg(&program).status().unwrap();
    assert!(status.success());
    note(Command::new("bash").args(["-c", &run]), "another user");
}
