//! However the command or the tracer ends, it is said, and nothing stays behind.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use libbpf_rs::query::LinkInfoIter;
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};

use crate::{
    programs::Programs,
    support::{TRACER, Traced, Track, Way},
};

pub fn codes_of_the_command_are_passed_on(way: Way) {
    for (line, code) in [
        ("true", 0),
        ("exit 3", 3),
        ("/dev/null", 126),
        ("no-such-command", 127),
        ("kill -SEGV $$", 139),
        ("kill -KILL $$", 137),
    ] {
        let traced = Track::by(way).run(&["bash", "-c", line]);
        assert_eq!(traced.code, Some(code), "{line}: {}", traced.stderr);
        assert!(!traced.events.is_empty(), "{line}");
        assert_eq!(traced.stats["lost_events"], 0);
    }
}

pub fn a_command_that_cannot_be_started_has_the_code_of_a_shell(way: Way) {
    for (program, code) in [("/no/such/program", 127), ("/dev/null", 126), ("/", 126)] {
        let output = Track::by(way).command(&[program, "x"]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(&format!("could not start `{program}`")), "{stderr}");
    }
}

pub fn a_daemon_that_outlives_the_trace_can_start_programs(way: Way) {
    let folder = tempfile::tempdir().unwrap();
    let fifo = |name: &str| {
        let path = folder.path().join(name);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        path.display().to_string()
    };
    let (go, answer) = (fifo("go"), fifo("answer"));
    let line =
        format!("(read line < {go}; ls -d / > {answer}) > /dev/null 2>&1 < /dev/null & true");
    let traced = Track::by(way).run(&["bash", "-c", &line]).succeeded();
    let notes = traced.notes();
    assert!(notes.iter().any(|note| note.contains("was still running at its end")), "{notes:?}");
    // The tracer is gone; the daemon has yet to start its program.
    fs::write(go, "now\n").unwrap();
    assert_eq!(fs::read_to_string(answer).unwrap(), "/\n");
}

pub fn a_second_tracer_is_named(way: Way) {
    let first = Track::by(way);
    let (first, input, _output) = start(&first);
    let second = Track::by(way).run(&["bash", "-c", ":"]).succeeded();
    let notes = second.all_notes();
    assert!(notes.iter().any(|note| note.contains("another tracer")), "{notes:?}");
    drop(input);
    let end = first.wait_with_output().unwrap();
    assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
}

/// A tracer whose command waits for input.
fn start(track: &Track) -> (Child, ChildStdin, ChildStdout) {
    let programs = Programs::new();
    let program = programs.compile("lines.c", &[]);
    let mut command = track.command(&[program]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    input.write_all(b"p 100 500\n").unwrap();
    output.read_exact(&mut [0; 5]).unwrap();
    (child, input, output)
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

#[track_caller]
fn ended(track: Track, child: Child, code: i32) -> Traced {
    let traced = track.read(child.wait_with_output().unwrap());
    assert_eq!(traced.code, Some(code), "{}", traced.stderr);
    assert_eq!(traced.pairs(), 100);
    traced
}

pub fn a_signal_is_passed_on_and_the_trace_is_whole(way: Way) {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let track = Track::by(way);
        let (child, _input, _output) = start(&track);
        kill(pid(&child), signal).unwrap();
        let traced = ended(track, child, code);
        let expected = format!("the command was ended by signal {}", code - 128);
        assert!(traced.stderr.contains(&expected), "{}", traced.stderr);
    }
}

/// A shell that waits for a child of its own, and a child that has lost its parent: each says that it is there, and the
/// output ends when all three have ended.
pub fn a_signal_reaches_all_that_the_command_has_started(way: Way) {
    let script = "(sh -c 'echo a; exec sleep 1000' &); sh -c 'echo b; exec sleep 1000' & wait";
    let track = Track::by(way);
    let mut command = track.command(&["bash", "-c", script]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0; 4]).unwrap();
    kill(pid(&child), Signal::SIGTERM).unwrap();
    output.read_to_end(&mut Vec::new()).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(143), "{}", String::from_utf8_lossy(&ended.stderr));
}

pub fn an_interrupt_reaches_everybody_and_the_trace_is_whole(way: Way) {
    let track = Track::by(way);
    let (child, _input, _output) = start(&track);
    killpg(pid(&child), Signal::SIGINT).unwrap();
    ended(track, child, 130);
}

/// The links that the process holds: those of its probes and of its tracepoints, and nobody else's.
pub fn links_of(pid: Pid) -> BTreeSet<u32> {
    let of = |file: fs::DirEntry| {
        // A descriptor may be closed while we look.
        let text = fs::read_to_string(file.path()).unwrap_or_default();
        let id = text.lines().find_map(|line| line.strip_prefix("link_id:"));
        id.map(|id| id.trim().parse().unwrap())
    };
    let descriptors = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap();
    descriptors.filter_map(|file| of(file.unwrap())).collect()
}

/// Those links that are still in the kernel.
fn still_there(probes: &BTreeSet<u32>) -> Vec<u32> {
    LinkInfoIter::default().map(|info| info.id).filter(|id| probes.contains(id)).collect()
}

pub fn a_killed_tracer_takes_its_command_and_probes_along(way: Way) {
    // What it has there it can't clean up any more.
    let scratch = tempfile::tempdir().unwrap();
    let track = Track::by(way).env("TMPDIR", scratch.path());
    let (mut child, _input, mut output) = start(&track);
    let probes = links_of(pid(&child));
    assert_eq!(probes.is_empty(), way == Way::Preload);
    kill(pid(&child), Signal::SIGKILL).unwrap();
    child.wait().unwrap();
    // The end of its output is the end of the command.
    output.read_to_end(&mut Vec::new()).unwrap();
    // Whoever lists links holds them meanwhile, and so does a process that the tracer had just forked.
    let deadline = Instant::now() + Duration::from_mins(1);
    while !still_there(&probes).is_empty() {
        assert!(Instant::now() < deadline, "still there: {:?}", still_there(&probes));
        std::thread::yield_now();
    }
}

/// Traces `touch MADE` into this folder; returns the exit code, standard error and whether the command has run.
fn touched_into(way: Way, folder: &Path, made: &Path) -> (Option<i32>, String, bool) {
    let mut command = Command::new(TRACER);
    command.args(["track", "--output"]).arg(folder).args(way.options());
    command.arg("--").arg("touch").arg(made);
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), stderr, fs::exists(made).unwrap())
}

pub fn a_folder_that_is_not_there_is_made(way: Way) {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent/too");
    let (code, stderr, has_run) = touched_into(way, &absent, &folder.path().join("made"));
    assert_eq!((code, has_run), (Some(0), true), "{stderr}");
    assert_eq!(fs::read_dir(absent).unwrap().count(), 2, "{stderr}");
}

pub fn a_folder_that_cannot_be_created_stops_before_the_command(way: Way) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("results");
    let (code, stderr, has_run) = touched_into(way, &below, &folder.path().join("made"));
    assert_eq!((code, has_run), (Some(1), false), "{stderr}");
    assert!(stderr.contains(below.to_str().unwrap()), "{stderr}");
}

/// Needs a mount namespace.
pub fn a_full_disk_is_an_error_and_the_command_completes(way: Way) {
    let programs = Programs::new();
    let pairs = programs.compile("pairs.c", &[]);
    let track = Track::by(way);
    let folder = track.folder().display().to_string();
    let mount = format!("mount -t tmpfs -o size=128k none {folder} && exec \"$@\"");
    let track = track.below(&["unshare", "--mount", "sh", "-c", &mount, "sh"]);
    let output = track.command(&[pairs.to_str().unwrap(), "400000"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("could not write the trace to"), "{stderr}");
    assert!(stderr.contains("the disk is full: make room"), "{stderr}");
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("400000 pairs\n"));
}

pub fn a_command_that_its_own_filter_ends_is_told_the_reason(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("filter.c", &[]);
    let program = program.to_str().unwrap();
    for (command, code) in [
        (vec![program, "kill", "stray"], 159),
        (vec!["sh", "-c", "$0 kill stray; exit $?", program], 159),
    ] {
        let traced = Track::by(way).run(&command);
        assert_eq!(traced.code, Some(code));
        let notes = traced.stats["notes"].to_string();
        assert!(notes.contains("SIGSYS") && notes.contains("--backend ebpf"), "{notes}");
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let said = |value: &str| {
        // There is no command: nothing is traced.
        let output =
            Command::new(TRACER).arg("track").env("CODSPEED_MEMTRACK_BACKEND", value).output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    };
    let empty = said("");
    assert!(empty.contains("<COMMAND>") && !empty.contains("--backend"), "{empty}");
    let odd = said("odd");
    assert!(odd.contains("--backend"), "{odd}");
}
