//! Tools that answer, fail, fall silent, or do not stop.

use std::{
    fs::{self, File},
    os::fd::OwnedFd,
};

use nix::{sys::stat::Mode, unistd::mkfifo};

use super::*;

/// Time that none of these programs needs, on a machine however busy.
const ENOUGH: Duration = Duration::from_mins(1);

/// The answer of a shell with this text, which runs in `cwd`.
fn answer(text: &str, cwd: &Path, time: Duration, bytes: usize) -> Result<Answer, AskError> {
    let program = Path::new("/bin/sh");
    let command = command(program, &["-c", text], &Env::default(), cwd, Output::Piped);
    command.answer(Limits { time, bytes, heeds_signals: true })
}

#[test]
fn both_streams_and_the_end_are_told() {
    let told = answer("echo out; echo error >&2; exit 3", Path::new("/"), ENOUGH, 10).unwrap();
    assert_eq!(told.ended, Ended::Code(3));
    assert_eq!((&told.stdout[..], told.stderr.as_str()), (&b"out\n"[..], "error\n"));
    let told = answer("kill -9 $$", Path::new("/"), ENOUGH, 0).unwrap();
    assert_eq!(told.ended.to_string(), "was ended by SIGKILL");
}

#[test]
fn an_answer_as_long_as_all_pipes_is_read_whole() {
    let bytes = 3 << 20;
    let text = format!("head -c {bytes} /dev/zero");
    let told = answer(&text, Path::new("/"), ENOUGH, bytes).unwrap();
    assert_eq!(told.stdout.len(), bytes);
}

#[test]
fn who_writes_without_end_is_ended_on_either_stream() {
    for stream in ["", ">&2"] {
        let text = format!("while :; do echo y; done {stream}");
        let err = answer(&text, Path::new("/"), ENOUGH, 1000).unwrap_err();
        assert!(matches!(err, AskError::Endless { most: 1000, .. }), "{err}");
        assert!(err.to_string().starts_with("`/bin/sh` wrote too much output"), "{err}");
    }
}

#[test]
fn who_is_silent_is_ended_with_all_that_it_has_started() {
    let folder = tempfile::tempdir().unwrap();
    mkfifo(&folder.path().join("hold"), Mode::S_IRWXU).unwrap();
    // Readable at its end once nobody of them is left.
    let (mut alive, theirs) = io::pipe().unwrap();
    let command = ToolCommand {
        stdin: Stdin::File(File::from(OwnedFd::from(theirs))),
        ..command(
            Path::new("/bin/sh"),
            &["-c", "exec 3<&0; (read x < hold) & read x < hold"],
            &Env::default(),
            folder.path(),
            Output::Piped,
        )
    };
    let limits = Limits { time: Duration::from_millis(200), bytes: 10, heeds_signals: true };
    let err = command.answer(limits).unwrap_err();
    assert_eq!(err.to_string(), "`/bin/sh` did not answer within 0.2 s");
    assert!(err.is_worth_a_warning());
    assert_eq!(alive.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_descendant_that_holds_the_pipes_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let hold = folder.path().join("hold");
    mkfifo(&hold, Mode::S_IRWXU).unwrap();
    let told = answer("(read x < hold) & echo done", folder.path(), ENOUGH, 100).unwrap();
    assert_eq!(told.stdout, b"done\n");
    // Lets the descendant go.
    fs::write(hold, "\n").unwrap();
}

#[test]
fn who_can_t_be_started_or_fails_says_why() {
    let ask = |program: &str, args: &[&str]| {
        ask(Path::new(program), args, &Env::default(), Path::new("/")).unwrap_err().to_string()
    };
    let missing = ask("/no/such/program", &[]);
    assert!(missing.starts_with("could not start `/no/such/program`: "), "{missing}");
    let failed = ask("/bin/sh", &["-c", "echo why >&2; echo >&2; exit 2"]);
    assert_eq!(failed, "`/bin/sh` ended with exit code 2: why");
    assert_eq!(ask("/bin/false", &[]), "`/bin/false` ended with exit code 1");
}

#[test]
fn a_hook_may_say_as_much_as_it_likes() {
    let long = ["-c", "head -c 3000000 /dev/zero; exit 1"];
    run_hook(Path::new("/bin/sh"), &long, &Env::default()).unwrap();
}
