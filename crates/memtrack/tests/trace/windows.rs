//! A client switches recording on and off, and has exactly what lies between.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::stat::Mode,
    unistd::{Pid, mkfifo},
};

use crate::{
    artifact::Kind,
    ends::links_of,
    programs::Programs,
    support::{Traced, Track, Way, line},
};

/// A tracer with `lines.c` below it, and the client's ends of the FIFOs.
pub struct Session {
    /// Names of functions are looked up in the file.
    _programs: Programs,
    track: Track,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    requests: File,
    answers: File,
}

impl Session {
    pub fn start(track: Track) -> Self {
        Self::start_built(track, "-fno-omit-frame-pointer")
    }

    pub fn start_built(track: Track, flag: &str) -> Self {
        let programs = Programs::new();
        let flags = [flag, "-fno-optimize-sibling-calls"];
        let program: PathBuf = programs.compile("lines.c", &flags);
        let fifos = ["ctl", "ack"].map(|name| track.folder().join(name));
        for path in &fifos {
            mkfifo(path, Mode::S_IRWXU).unwrap();
        }
        let open = |path| OpenOptions::new().read(true).write(true).open(path).unwrap();
        let [requests, answers] = fifos.each_ref().map(open);
        let option = format!("fifo:{},{}", fifos[0].display(), fifos[1].display());
        let track = track.with(&["--control", &option]);
        let mut command = track.command(&[program]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut session =
            Self { _programs: programs, track, child, input, output, requests, answers };
        // The program runs from here on.
        session.tell("p 0 0");
        session
    }

    pub fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n");
    }

    pub fn ask(&mut self, request: &str) {
        write!(self.requests, "{request}\n\0").unwrap();
        let mut answer = [0; 5];
        self.answers.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"ack\n\0");
    }

    /// The number of probes, as a number of links.
    fn links(&self) -> usize {
        links_of(Pid::from_raw(self.child.id().cast_signed())).len()
    }

    pub fn end(self) -> Traced {
        let Self { track, child, input, .. } = self;
        drop(input);
        track.read(child.wait_with_output().unwrap()).succeeded()
    }
}

pub fn only_what_lies_in_windows_is_recorded(way: Way) {
    let mut session = Session::start(Track::by(way));
    for _ in 0..300 {
        session.tell("p 3 301");
        session.ask("enable");
        session.tell("p 5 302");
        session.ask("disable");
    }
    session.ask("ping");
    session.tell("p 3 301");
    let traced = session.end();
    let story: Vec<String> = traced.events.iter().map(line).collect();
    assert_eq!(story, ["Malloc 302", "Free"].repeat(5 * 300));
}

/// A probe costs every process of the machine, so there are none before the first window, nor long after one.
pub fn probes_are_there_while_calls_may_be_recorded(way: Way) {
    let mut session = Session::start(Track::by(way));
    let resting = session.links();
    session.tell("p 3 301");
    for _ in 0..2 {
        session.ask("enable");
        assert!(session.links() > resting);
        session.tell("p 5 302");
        session.ask("disable");
        session.tell("p 3 301");
        let deadline = Instant::now() + Duration::from_mins(1);
        while session.links() > resting {
            assert!(Instant::now() < deadline, "{} links are left", session.links());
            std::thread::yield_now();
        }
        session.tell("p 3 301");
    }
    let traced = session.end();
    let story: Vec<String> = traced.events.iter().map(line).collect();
    assert_eq!(story, ["Malloc 302", "Free"].repeat(2 * 5));
}

pub fn blocks_may_cross_the_borders_of_windows(way: Way) {
    let mut session = Session::start(Track::by(way));
    session.tell("a 401");
    session.ask("enable");
    session.tell("f");
    session.tell("a 402");
    session.ask("disable");
    session.tell("f");
    session.tell("a 403");
    session.ask("enable");
    session.tell("f");
    session.tell("a 404");
    session.ask("disable");
    let traced = session.end();
    let made = traced.events.iter().filter(|event| event.kind != Kind::Free || event.tid != 0);
    let story: Vec<String> = made.map(line).collect();
    assert_eq!(story, ["Free", "Malloc 402", "Free", "Malloc 404"]);
}
