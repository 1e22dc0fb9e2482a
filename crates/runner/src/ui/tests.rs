//! The same events in every sink, and what holds for all of them.

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use results::{BenchmarkLine, Direction, Measured, MetricUnit, Quantity};
use runner_shared::{clock::Monotonic, mode::Mode};
use serde_json::{Map, Value, json};

use super::{
    buildkite::Buildkite,
    github::GitHub,
    gitlab::GitLab,
    json::Json,
    log_file::LogFile,
    open::People,
    out::Out,
    plain::Plain,
    shown::Named,
    state::State,
    style::Paint,
    terminal::{Facts, Look, Terminal},
    *,
};
use crate::event::{Finished, Stream};

/// The written text, also after the writer is gone.
#[derive(Clone, Default)]
pub(super) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_poisoned| io::ErrorKind::Other)?.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    pub(super) fn out(&self) -> Out<Self> {
        Out::new(self.clone())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// With what steers a terminal spelt out.
    fn spelt(&self) -> String {
        self.text().replace('\x1b', "ESC").replace('\r', "\\r")
    }
}

/// A terminal of this size on which each look at the clock takes a second.
pub(super) fn facts(rows: u16, columns: u16) -> Facts {
    let seconds = AtomicU64::new(0);
    let clock = move || Monotonic(seconds.fetch_add(1_000_000_000, Ordering::Relaxed));
    Facts { size: Box::new(move || Some((rows, columns))), clock: Box::new(clock) }
}

fn output(stream: Stream, text: &str) -> RunEvent {
    RunEvent::Output { stream, bytes: text.into() }
}

/// A benchmark with this word in its texts.
fn benchmark(word: &str) -> BenchmarkLine {
    let mut stats = Map::new();
    stats.insert("rounds".to_owned(), Value::from(3));
    let median = Quantity {
        key: "median_ns".to_owned(),
        measure: None,
        unit: MetricUnit::Nanoseconds,
        better: Direction::Lower,
        value: 2.5e6,
        interval: None,
    };
    BenchmarkLine::of(&Measured {
        name: format!("a \"quoted\" {word}"),
        uri: format!("file.py::{word}"),
        mode: Mode::Walltime,
        occurrence: 1,
        end: results::End::Complete,
        headline: "median_ns".to_owned(),
        quantities: vec![median],
        stats,
        remarks: Vec::new(),
    })
}

/// One of each kind. `word` occurs everywhere where a text of others may get.
pub(super) fn all(word: &str) -> Vec<RunEvent> {
    let progress =
        |done| RunEvent::Progress { label: format!("uploading {word}"), done, total: Some(10_240) };
    let benchmark = benchmark(word);
    let finished = Finished {
        table: format!("Benchmark {word}\n"),
        markdown: format!("| {word} |\n"),
        benchmarks: vec![benchmark],
        comparisons: vec![json!({ "base": { "name": word }, "verdict": "improved" })],
    };
    vec![
        RunEvent::RunStarted,
        RunEvent::PartStarted(Mode::Walltime),
        RunEvent::Step(format!("step {word}\nof 100 %")),
        RunEvent::Debug(format!("debug {word}")),
        RunEvent::Waiting { text: format!("another codspeed run is in progress (pid {word})") },
        RunEvent::GroupStart { title: format!("Group: 100 % of {word}"), opened: false },
        RunEvent::GroupEnd { failed: false },
        RunEvent::GroupStart { title: format!("Open {word}"), opened: true },
        output(Stream::Stdout, &format!("to stdout {word}\n")),
        output(Stream::Stderr, &format!("to stderr {word}")),
        RunEvent::Warning {
            text: format!("warned: 50 %, {word}"),
            hint: Some(format!("hint {word}")),
        },
        RunEvent::Activity { text: format!("3 {word}"), logged: false },
        RunEvent::Activity { text: format!("500 {word}"), logged: true },
        RunEvent::Stopping,
        RunEvent::Killing,
        RunEvent::GroupEnd { failed: true },
        RunEvent::Announcement {
            title: format!("News: a, {word}"),
            text: format!("text {word}\nmore"),
        },
        RunEvent::Finding {
            failed: true,
            title: format!("gate: a, {word}"),
            text: format!("50 % {word}\n::error::x"),
        },
        progress(0),
        progress(5120),
        progress(10_240),
        RunEvent::Report(Box::new(finished)),
        RunEvent::Details(format!("\ndetails {word}\n")),
        RunEvent::ProfileFolder { path: format!("/tmp/{word}") },
        RunEvent::Recorded { id: "0123456789abcdef".to_owned() },
        RunEvent::Uploaded { run_id: word.to_owned(), url: format!("https://example.org/{word}") },
        RunEvent::Error(Failure {
            what: format!("failed {word}"),
            causes: vec![format!("cause {word}"), "100 %".to_owned()],
            hints: vec![format!("hint {word}")],
        }),
        RunEvent::RunFinished { run_id: Some(word.to_owned()), code: 1 },
    ]
}

/// All sinks for people, by name, and their papers.
fn surfaces() -> Vec<(&'static str, Box<dyn Sink>, Paper)> {
    let paper = Paper::default;
    let (colourless, coloured) = (Paint(false), Paint(true));
    let papers = [paper(), paper(), paper(), paper(), paper()];
    let [plain, github, gitlab, buildkite, terminal] = &papers;
    let look = Look { paint: colourless, whole: true, full_output: false, quiet: false };
    let sinks: [Box<dyn Sink>; 5] = [
        Box::new(Plain {
            results: Some(plain.out()),
            rest: plain.out(),
            paint: colourless,
            named: Named::default(),
        }),
        Box::new(GitHub { log: github.out(), named: Named::default() }),
        Box::new(GitLab {
            log: gitlab.out(),
            paint: coloured,
            clock: || 1_700_000_000,
            open: Vec::new(),
            named: Named::default(),
        }),
        Box::new(Buildkite { log: buildkite.out(), named: Named::default() }),
        Box::new(Terminal::new(Some(terminal.out()), terminal.out(), facts(24, 80), look)),
    ];
    let names = ["plain", "github", "gitlab", "buildkite", "terminal"];
    names
        .into_iter()
        .zip(sinks)
        .zip(papers)
        .map(|((name, sink), paper)| (name, sink, paper))
        .collect()
}

fn watched_by(sink: Box<dyn Sink>, level: Level, is_log: bool) -> State {
    let mut state = State::default();
    state.watch(People { sink, level, is_log });
    state
}

fn unversioned(text: &str) -> String {
    text.replace(env!("CARGO_PKG_VERSION"), "[version]")
}

#[test]
fn every_surface_shows_all_there_is() {
    for (name, sink, paper) in surfaces() {
        let mut state = watched_by(sink, Level::Debug, false);
        for event in all("word") {
            state.event(&event).unwrap();
        }
        drop(state);
        insta::assert_snapshot!(name, paper.spelt());
    }
}

#[test]
fn quiet_shows_what_matters_and_a_log_keeps_its_groups() {
    for (name, sink, paper) in surfaces().into_iter().take(2) {
        let mut state = watched_by(sink, Level::Warn, name == "github");
        for event in all("word") {
            state.event(&event).unwrap();
        }
        drop(state);
        insta::assert_snapshot!(format!("quiet_{name}"), paper.spelt());
    }
}

#[test]
fn json_lines_can_be_read_and_keep_every_name() {
    let paper = Paper::default();
    let mut json = Json::new(paper.out());
    for event in all("wörd") {
        json.on(&event).unwrap();
    }
    let lines: Vec<Value> =
        paper.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ran = lines.iter().find(|line| line["event"] == "benchmark_ran").unwrap();
    assert_eq!(ran["name"], "a \"quoted\" wörd");
    assert_eq!((&ran["time"], &ran["value"]), (&Value::from("0.0025"), &Value::from(0.0025)));
    assert!(lines.iter().all(|line| line["schema"] == 1 && line["event"].is_string()));
    insta::assert_snapshot!("json", unversioned(&paper.text()));
}

#[test]
fn the_log_file_keeps_everything_with_its_time() {
    let paper = Paper::default();
    let clock = || UNIX_EPOCH + Duration::from_secs(90_061);
    let mut log = LogFile::new(paper.clone(), clock);
    for event in all("word") {
        log.on(&event).unwrap();
    }
    let thread = std::thread::current().name().unwrap().to_owned();
    insta::assert_snapshot!("log_file", unversioned(&paper.text()).replace(&thread, "thread"));
}

#[test]
fn no_sink_shows_a_secret() {
    let secret = "s3cret-T0ken";
    let with_lines = surfaces().into_iter().map(|surface| (surface, true));
    let without = surfaces().into_iter().map(|surface| (surface, false));
    for ((name, sink, paper), has_lines) in with_lines.chain(without) {
        let (log, json) = (tempfile::tempfile().unwrap(), Paper::default());
        let mut state = watched_by(sink, Level::Trace, true);
        state.redactor.add(Secret::new(secret).unwrap());
        state.log = Some(LogFile::new(log, std::time::SystemTime::now));
        let lines: Box<dyn Write + Send> = Box::new(json.clone());
        state.json = has_lines.then(|| Json::new(Out::new(lines)));
        for event in all(secret) {
            state.event(&event).unwrap();
        }
        // In two pieces, and only begun.
        for piece in ["a s3cret-", "T0ken b\n", "c s3cr"] {
            state.event(&output(Stream::Stdout, piece)).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        state.event(&RunEvent::GroupEnd { failed: false }).unwrap();
        state.save_log(&ProfileDir::new(folder.path()));
        drop(state);
        let log = std::fs::read_to_string(folder.path().join("runner.log")).unwrap();
        let mut texts = vec![paper.text(), log];
        texts.extend(has_lines.then(|| json.text()));
        for text in &texts {
            assert!(text.contains("***") && !text.contains(secret), "{name}: {text}");
        }
        if has_lines {
            // Output is among the lines instead.
            assert!(json.text().contains("\"a *** b\"") && json.text().contains("\"c s3cr\""));
            assert!(!paper.text().contains("c s3cr"), "{}", paper.text());
            continue;
        }
        assert!(paper.text().contains("a *** b\n") || name == "terminal", "{}", paper.text());
        assert!(paper.text().contains("c s3cr"), "{}", paper.text());
    }
}

#[test]
fn a_log_that_can_not_be_written_is_told_once() {
    let (_, sink, paper) = surfaces().into_iter().next().unwrap();
    let mut state = watched_by(sink, Level::Info, true);
    let file = tempfile::NamedTempFile::new().unwrap();
    // It was opened to be read.
    let log = std::fs::File::open(file.path()).unwrap();
    state.log = Some(LogFile::new(log, std::time::SystemTime::now));
    for _ in 0..3 {
        state.event(&RunEvent::Step("a step".to_owned())).unwrap();
    }
    let text = paper.text();
    assert_eq!(text.matches("a step").count(), 3, "{text}");
    assert_eq!(text.matches("runner.log is incomplete: ").count(), 1, "{text}");
}

#[test]
fn early_events_are_shown_when_it_is_known_where() {
    let mut state = State::default();
    let secret = Secret::new("early-token").unwrap();
    state.event(&RunEvent::Step("with early-token".to_owned())).unwrap();
    state.redactor.add(secret);
    let paper = Paper::default();
    let sink = GitHub { log: paper.out(), named: Named::default() };
    state.watch(People { sink: Box::new(sink), level: Level::Info, is_log: true });
    assert_eq!(paper.text(), "with ***\n");
}
