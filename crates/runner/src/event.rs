//! Events of a run that the user may want to see. One closed list: every sink handles all of it.

use results::BenchmarkLine;
use runner_shared::mode::Mode;
use serde_json::Value;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RunEvent {
    /// A command that measures begins.
    RunStarted,
    /// A mode begins to measure.
    PartStarted(Mode),
    /// The start of a group, which lasts up to the next [`Self::GroupEnd`].
    GroupStart {
        /// The title.
        title: String,
        /// Most users want to read it, so that it is not folded.
        opened: bool,
    },
    /// The last group that was started is over.
    GroupEnd {
        /// It did not come to a good end.
        failed: bool,
    },
    /// A step of the run, for those who look on.
    Step(String),
    /// A decision and why it was taken, for those who look for a fault.
    Debug(String),
    /// The result is worth less, or something is odd.
    Warning {
        /// The problem.
        text: String,
        /// The way to fix it.
        hint: Option<String>,
    },
    /// Something that should not be missed.
    Announcement {
        /// In a few words.
        title: String,
        /// The whole of it.
        text: String,
    },
    /// The benchmark says something: whole lines, but for what it leaves unfinished.
    Output {
        /// The place where it says it.
        stream: Stream,
        /// The very bytes.
        bytes: Vec<u8>,
    },
    /// Another run holds the machine-wide lock; we wait.
    Waiting {
        /// The facts about the other run.
        text: String,
    },
    /// The user wants an end; the benchmark is asked to stop.
    Stopping,
    /// The benchmark did not stop and is killed.
    Killing,
    /// The progress of long work. The same label again is about the same work; it is over when `done` reaches
    /// `total`.
    Progress {
        /// What is done, such as `uploading`.
        label: String,
        /// Bytes so far.
        done: u64,
        /// Bytes in all, if that is known.
        total: Option<u64>,
    },
    /// What the benchmark is doing right now. The next one takes its place.
    Activity {
        /// In a few words.
        text: String,
        /// Also for those who read it later: comes less often the longer it takes.
        logged: bool,
    },
    /// The results of a mode.
    Report(Box<Finished>),
    /// More about results, for reading.
    Details(String),
    /// The record of the run is in the store. People are told by a step.
    Recorded {
        /// Its whole ID.
        id: String,
    },
    /// The profile folder stays. People are told by a step.
    ProfileFolder {
        /// Its path.
        path: String,
    },
    /// The results are at the service.
    Uploaded {
        /// What the run is called there.
        run_id: String,
        /// The place where it can be looked at.
        url: String,
    },
    /// A check of the gate that has to be looked at. People see it in the table; a CI system shows it beside the changes.
    Finding {
        /// It is why the gate fails.
        failed: bool,
        /// In a few words.
        title: String,
        /// The whole of it.
        text: String,
    },
    /// The command failed.
    Error(Failure),
    /// A command that measures is over.
    RunFinished {
        /// What the run is called at the service, if it was uploaded.
        run_id: Option<String>,
        /// The exit code.
        code: u8,
    },
}

impl RunEvent {
    /// A warning that says all by itself.
    pub(crate) fn warning(text: impl Into<String>) -> Self {
        Self::Warning { text: text.into(), hint: None }
    }

    /// The same with each text changed. What the benchmark says and results are not our texts, and stay.
    pub(crate) fn with_texts(&self, change: &dyn Fn(&str) -> String) -> Self {
        let of = |text: &String| change(text);
        let all = |texts: &[String]| texts.iter().map(of).collect();
        match self {
            Self::GroupStart { title, opened } => {
                Self::GroupStart { title: of(title), opened: *opened }
            }
            Self::Step(text) => Self::Step(of(text)),
            Self::Debug(text) => Self::Debug(of(text)),
            Self::Details(text) => Self::Details(of(text)),
            Self::Warning { text, hint } => {
                Self::Warning { text: of(text), hint: hint.as_ref().map(of) }
            }
            Self::Announcement { title, text } => {
                Self::Announcement { title: of(title), text: of(text) }
            }
            Self::Finding { failed, title, text } => {
                Self::Finding { failed: *failed, title: of(title), text: of(text) }
            }
            Self::Waiting { text } => Self::Waiting { text: of(text) },
            Self::Progress { label, done, total } => {
                Self::Progress { label: of(label), done: *done, total: *total }
            }
            Self::Activity { text, logged } => Self::Activity { text: of(text), logged: *logged },
            Self::ProfileFolder { path } => Self::ProfileFolder { path: of(path) },
            Self::Uploaded { run_id, url } => Self::Uploaded { run_id: of(run_id), url: of(url) },
            Self::Error(Failure { what, causes, hints }) => {
                Self::Error(Failure { what: of(what), causes: all(causes), hints: all(hints) })
            }
            Self::RunFinished { run_id, code } => {
                Self::RunFinished { run_id: run_id.as_ref().map(of), code: *code }
            }
            Self::Output { .. }
            | Self::Report(_)
            | Self::RunStarted
            | Self::Recorded { .. }
            | Self::PartStarted(_)
            | Self::GroupEnd { .. }
            | Self::Stopping
            | Self::Killing => self.clone(),
        }
    }
}

/// The place where a program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Results in all the shapes that sinks show.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Finished {
    /// For a terminal.
    pub table: String,
    /// For a page.
    pub markdown: String,
    /// For another program.
    pub benchmarks: Vec<BenchmarkLine>,
    /// The same: how benchmarks relate that took turns, as in the JSON export.
    pub comparisons: Vec<Value>,
}

/// The reason why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The failure.
    pub what: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What can be done.
    pub hints: Vec<String>,
}

impl Failure {
    /// The lines for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let Self { what, causes, hints } = self;
        let mut lines = vec![format!("error: {what}")];
        lines.extend(causes.iter().map(|cause| format!("  caused by: {cause}")));
        lines.extend(hints.iter().map(|hint| format!("hint: {hint}")));
        lines
    }
}
