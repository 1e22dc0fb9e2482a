//! All findings, as text and as JSON.

use runner_shared::{duration::show_nanos, text::count_of};
use serde::Serialize;

use super::{By, Check, Facts, Fix, Floor, Grade, Seen, checks, floor::Noise};

/// Version of the JSON. Keys are only ever added within a version.
const VERSION: u32 = 1;

/// All findings.
///
/// The JSON: `version`; `checks[]` with `id` (stable), `title`, `grade` (`ok`, `note`, `problem`, `unknown`), `seen`, `why`,
/// `modes[]` and `fixes[]` (`command`, `by`: `you`, `root`, `host`); `floor` (`null` if it was not measured) with
/// `program_ns`, `seconds` and `times[]` (`time`, `pairs`, `difference`, `resolves`, `seconds_for_1_percent`,
/// `seconds_for_3_percent`); `floor_missing`, the reason if it could not be measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Diagnosis {
    version: u32,
    /// In the order of the table.
    pub checks: Vec<Finding>,
    /// The noise of the machine.
    pub floor: Option<Floor>,
    /// The reason that it could not be measured.
    pub floor_missing: Option<String>,
}

/// A check and what it has seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Finding {
    id: &'static str,
    title: &'static str,
    /// The grade.
    pub grade: Grade,
    seen: String,
    why: &'static str,
    modes: Vec<&'static str>,
    fixes: Vec<Fix>,
}

impl Diagnosis {
    /// Looks at all facts.
    pub(crate) fn of(facts: &Facts) -> Self {
        let finding = |check: &Check| {
            let Check { id, title, modes, why, look } = *check;
            let Seen { grade, what, fixes } = look(facts);
            let modes = modes.iter().map(|mode| mode.names().cli).collect();
            Finding { id, title, grade, seen: what, why, modes, fixes }
        };
        let checks = checks().map(finding).collect();
        Self { version: VERSION, checks, floor: None, floor_missing: None }
    }

    /// Lines about what was looked at.
    pub(crate) fn lines(&self) -> Vec<String> {
        let width = self.checks.iter().map(|one| one.title.chars().count()).max().unwrap_or(0);
        self.checks.iter().flat_map(|one| one.lines(width)).chain([self.summary()]).collect()
    }

    fn summary(&self) -> String {
        let of = |grade| self.checks.iter().filter(|one| one.grade == grade).collect::<Vec<_>>();
        format!(
            "{} ok, {}, {}, {} unknown",
            of(Grade::Ok).len(),
            count_of(&of(Grade::Note), "note"),
            count_of(&of(Grade::Problem), "problem"),
            of(Grade::Unknown).len()
        )
    }

    /// Lines about the noise of the machine.
    pub(crate) fn floor_lines(&self) -> Vec<String> {
        if let Some(why) = &self.floor_missing {
            return vec![format!(
                "could not measure which differences this machine can resolve: {why}"
            )];
        }
        let Some(Floor { program_ns, seconds, times }) = &self.floor else { return Vec::new() };
        let pairs = times.first().map_or(0, |noise| noise.pairs);
        let first = format!(
            "a program of {} compared with itself, {pairs} pairs in {seconds:.1} s (99 % intervals):",
            show_nanos(*program_ns)
        );
        std::iter::once(first).chain(times.iter().map(noise)).collect()
    }

    /// Something is wrong, and not only less precise.
    pub(crate) fn problems(&self) -> usize {
        self.checks.iter().filter(|one| one.grade == Grade::Problem).count()
    }
}

fn noise(noise: &Noise) -> String {
    let Noise { time, pairs: _, difference, resolves, .. } = *noise;
    let found = format!("{:+.2} % ± {:.2} %", difference * 100.0, resolves * 100.0);
    let (one, three) = (seconds(noise.seconds_for_1_percent), seconds(noise.seconds_for_3_percent));
    let times = format!("{time} times:");
    format!("  {times:18} {found}; resolves 1 % in about {one}, 3 % in about {three}")
}

fn seconds(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 10.0 => format!("{seconds:.1} s"),
        seconds if seconds < 300.0 => format!("{seconds:.0} s"),
        seconds if seconds < 18_000.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.0} h", seconds / 3600.0),
    }
}

impl Finding {
    fn lines(&self, width: usize) -> Vec<String> {
        let Self { id: _, title, grade, seen, why, modes, fixes } = self;
        let first = format!("{:7}  {title:width$}  {seen}", grade.shown());
        if matches!(grade, Grade::Ok | Grade::Unknown) {
            return vec![first];
        }
        let indent = " ".repeat(width + 11);
        let why = format!("{indent}{why} ({})", modes.join(", "));
        let fix = |Fix { command, by }: &Fix| {
            let by: By = *by;
            format!("{indent}-> {command}  ({})", by.shown())
        };
        [first, why].into_iter().chain(fixes.iter().map(fix)).collect()
    }
}
