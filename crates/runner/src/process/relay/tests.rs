//! Real pipes: nothing is lost, nobody is waited for in vain.

use std::{
    io::{PipeWriter, Write, pipe},
    thread,
};

use runner_shared::text::shown;

use super::*;
use crate::{
    env::Env,
    process::{AddressSpace, Child, Output, Stdin, ToolCommand, pipes::pipe as ours_and_theirs},
};

fn shell(text: &str) -> ToolCommand {
    let (program, cwd) = ("/bin/sh".into(), "/".into());
    let (args, env) = (vec!["-c".into(), text.into()], Env::default());
    let (stdin, output, address_space) = (Stdin::Null, Output::Piped, AddressSpace::Random);
    ToolCommand { program, args, cwd, env, stdin, output, address_space }
}

/// Returns what a program says until it has ended.
fn said(mut child: Child) -> (String, String) {
    let pipes = child.take_pipes();
    let (over, ended) = pipe().unwrap();
    let waiting = thread::spawn(move || {
        poll(&mut [PollFd::new(child.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
        // Collected, so that dropping it ends nothing of what it left.
        child.poll().unwrap();
        drop(ended);
    });
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut pass = |relayed| match relayed {
        Relayed::Lines(Stream::Stdout, bytes) => stdout.extend(bytes),
        Relayed::Lines(Stream::Stderr, bytes) => stderr.extend(bytes),
        Relayed::Silence => {}
    };
    relay(pipes, &over, &|| None, &mut pass).unwrap();
    waiting.join().unwrap();
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_last_words_of_short_runs_are_never_lost() {
    for _ in 0..50 {
        let expected = ("out\n".to_owned(), "error".to_owned());
        assert_eq!(said(shell("echo out; printf error >&2").spawn().unwrap()), expected);
    }
}

#[test]
fn a_program_that_was_held_is_heard_as_well() {
    let held = shell("echo out; echo error >&2").hold().unwrap();
    let expected = ("out\n".to_owned(), "error\n".to_owned());
    assert_eq!(said(held.release().unwrap()), expected);
}

#[test]
fn much_is_passed_on_whole() {
    let text = "yes | head -c 20000000; yes n | head -c 3000000 >&2";
    let (stdout, stderr) = said(shell(text).spawn().unwrap());
    assert_eq!((stdout.len(), stderr.len()), (20_000_000, 3_000_000));
    assert!(stdout.ends_with("y\ny\n") && stderr.ends_with("n\nn\n"));
}

#[test]
fn a_daemon_that_keeps_the_pipes_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let hold = folder.path().join("hold");
    nix::unistd::mkfifo(&hold, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // It says nothing: once nobody listens any more, that would end it, and maybe before it opens the FIFO.
    let text = format!("(read x < '{}') & echo last", shown(&hold));
    let (stdout, _) = said(shell(&text).spawn().unwrap());
    assert_eq!(stdout, "last\n");
    // Ends the daemon.
    std::fs::write(hold, "go\n").unwrap();
}

/// Our end, and theirs in the hands of the test.
fn by_hand() -> (Pipes, PipeWriter) {
    let (reader, writer) = ours_and_theirs().unwrap();
    (Pipes { stdout: Some(reader), stderr: None }, writer)
}

#[test]
fn a_prompt_is_passed_on_and_silence_is_reported() {
    let (pipes, mut writer) = by_hand();
    let (over, _ended) = pipe().unwrap();
    writer.write_all(b"line\nquestion? ").unwrap();
    let mut writer = Some(writer);
    let mut heard = Vec::new();
    let silence = || Some(Duration::ZERO);
    relay(pipes, &over, &silence, &mut |relayed| {
        if relayed == Relayed::Silence {
            // That was what we waited for.
            writer = None;
        }
        heard.push(relayed);
    })
    .unwrap();
    let lines = |text: &str| Relayed::Lines(Stream::Stdout, text.into());
    heard.dedup();
    assert_eq!(heard, [lines("line\n"), lines("question? "), Relayed::Silence]);
}

#[test]
fn who_goes_on_for_ever_is_left_after_the_end() {
    let (pipes, mut writer) = by_hand();
    let (over, ended) = pipe().unwrap();
    let capacity = capacity(pipes.stdout.as_ref().unwrap());
    writer.write_all(&vec![b'x'; capacity]).unwrap();
    drop(ended);
    let mut len = 0;
    relay(pipes, &over, &|| None, &mut |relayed| {
        if let Relayed::Lines(_, bytes) = relayed {
            len += bytes.len();
            // A daemon that is never done.
            writer.write_all(&vec![b'x'; bytes.len()]).unwrap();
        }
    })
    .unwrap();
    assert!(len >= capacity && len < 2 * capacity + CHUNK, "{len} of {capacity}");
}
