//! Properties of this machine that make measurements worse or impossible: a table of checks. Each looks at facts (`facts`) and
//! says what it sees, for which mode that matters and why, and which command by whom mends it.

mod cgroup;
mod facts;
mod floor;
mod libc_text;
mod load;
mod processors;
mod rights;
mod shown;
#[cfg(test)]
mod tests;
mod tools;

use runner_shared::mode::Mode;
use serde::Serialize;

pub(crate) use facts::Facts;
pub(crate) use floor::{Floor, PROGRAM};
pub(crate) use shown::Diagnosis;

/// Something that is looked at.
pub(crate) struct Check {
    /// Stable name, for other programs.
    pub id: &'static str,
    /// For people, short.
    pub title: &'static str,
    /// The modes that it matters for.
    pub modes: &'static [Mode],
    /// The reason that it matters.
    pub why: &'static str,
    /// Looks.
    pub look: fn(&Facts) -> Seen,
}

/// The grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Grade {
    /// As it should be.
    Ok,
    /// Costs precision.
    Note,
    /// Makes a mode unusable, or its results wrong.
    Problem,
    /// The system doesn't tell.
    Unknown,
}

impl Grade {
    /// For people.
    const fn shown(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "problem",
            Self::Unknown => "unknown",
        }
    }
}

/// The finding of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The grade.
    pub grade: Grade,
    /// The state of the machine.
    pub what: String,
    /// Remedies.
    pub fixes: Vec<Fix>,
}

/// A command that mends something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Fix {
    /// As to be typed; a sentence where there is none.
    pub command: String,
    /// The person that may do it.
    pub by: By,
}

/// A person that may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum By {
    /// The user that measures.
    You,
    /// Root on this machine.
    Root,
    /// The owner of the machine below this one, or of its container.
    Host,
}

impl By {
    /// For people.
    pub(crate) const fn shown(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::Root => "root",
            Self::Host => "the host's admin",
        }
    }
}

impl Seen {
    fn ok(what: impl Into<String>) -> Self {
        Self { grade: Grade::Ok, what: what.into(), fixes: Vec::new() }
    }

    fn note(what: impl Into<String>) -> Self {
        Self { grade: Grade::Note, what: what.into(), fixes: Vec::new() }
    }

    fn problem(what: impl Into<String>) -> Self {
        Self { grade: Grade::Problem, what: what.into(), fixes: Vec::new() }
    }

    fn unknown(what: impl Into<String>) -> Self {
        Self { grade: Grade::Unknown, what: what.into(), fixes: Vec::new() }
    }

    /// The same with one more way to mend it.
    fn fix(mut self, by: By, command: impl Into<String>) -> Self {
        self.fixes.push(Fix { command: command.into(), by });
        self
    }
}

/// All checks, in the order in which they are shown.
pub(crate) fn checks() -> impl Iterator<Item = &'static Check> {
    [processors::CHECKS, load::CHECKS, cgroup::CHECKS, rights::CHECKS, tools::CHECKS]
        .into_iter()
        .flatten()
}

/// A share in words: `12 %`.
fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// The commands that bring a core to rest, as root and without.
const ISOLATE: &str = "sudo \"$(command -v codspeed)\" isolate on";
/// See [`ISOLATE`].
const PIN: &str = "codspeed exec --pin ...";
