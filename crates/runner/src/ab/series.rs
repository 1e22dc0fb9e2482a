//! Runs the suite of both states in pairs, each run a normal one of the orchestrator in a folder of its own.

use std::{
    cell::OnceCell,
    fs,
    path::{Path, PathBuf},
};

use results::{Stage, Suite, SuiteComparison, SuiteReading, SuiteRun, SuiteSide, Value};
use runner_shared::{
    artifact::Repeats,
    bounds::{self, Allowance, READINGS_BYTES},
    clock::{Monotonic, now},
    mode::Mode,
};
use system::signals::Signals;

use super::{
    AbError, Limits, called, environment,
    schedule::{Next, Schedule},
};
use crate::{
    env::Env,
    event::RunEvent,
    orchestrator::{Completed, RunError, Turn, execute_in},
    process::Ended,
    recording::Facts,
    settings::RunPart,
    ui::Ui,
};

/// A pair that takes longer than this is told of where nothing moves; shorter ones only when it is looked at.
const LONG_NS: u64 = 20_000_000_000;

/// The warning where further readings would take too much memory.
const NO_ROOM: &str = "no further pair is run: so many benchmarks were run so often that their results fill the memory meant for them";

/// The two states, and how they are run.
pub(crate) struct Series<'a> {
    /// The run of either side, but for its folders.
    pub part: &'a RunPart,
    /// The folder in which the run of each side is started, base first.
    pub cwds: [PathBuf; 2],
    /// The folder of each state, base first.
    pub folders: [PathBuf; 2],
    /// The folder of the profile folders of all runs.
    pub runs: PathBuf,
    /// They stay.
    pub keeps_runs: bool,
    /// The only benchmark that is looked at, if it is one.
    pub only: Option<Only<'a>>,
    /// The words of the first run of each state that went well about its measurement, base first.
    pub facts: [OnceCell<Facts>; 2],
    /// The machine is ours.
    pub turn: &'a Turn,
    /// The environment of the user.
    pub env: &'a Env,
    /// Signals that ask for an end.
    pub signals: &'a Signals,
    /// The user.
    pub ui: &'a Ui,
}

/// The only benchmark of a suite that is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Only<'a> {
    /// Identity.
    pub uri: &'a str,
    /// Name, by which it is known where it lies in another file.
    pub name: &'a str,
}

impl Only<'_> {
    /// Keeps the readings of this benchmark.
    fn keep(self, readings: &mut Vec<SuiteReading>) {
        let by_uri = readings.iter().any(|reading| reading.uri == self.uri);
        readings.retain(
            |reading| {
                if by_uri { reading.uri == self.uri } else { reading.name == self.name }
            },
        );
    }
}

/// The way in which a series ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All is known, or the limits are reached.
    Complete,
    /// Somebody wanted an end; what was run by then is judged.
    Interrupted,
}

impl Series<'_> {
    /// Runs pairs until all is known. What is known so far stays in `suite`, also after an error.
    pub(crate) fn run(&self, suite: &mut Suite, limits: Limits) -> Result<End, AbError> {
        let mut schedule = Schedule::new(self.part.mode, limits, suite.seed);
        let start = now();
        let mut told = start;
        let mut room = Allowance::of(READINGS_BYTES);
        loop {
            let elapsed = now().since(start);
            let known = suite.judge();
            let Next::Pair { stage, pair, first } = schedule.next(elapsed, &known) else {
                return Ok(End::Complete);
            };
            let second = match first {
                SuiteSide::Base => SuiteSide::Head,
                SuiteSide::Head => SuiteSide::Base,
            };
            self.tell(&known, &schedule, stage, start, &mut told);
            let mut pair_runs = Vec::new();
            for side in [first, second] {
                match self.run_once(side, stage, pair) {
                    Ok(run) => pair_runs.push(run),
                    Err(AbError::Run(RunError::Interrupted)) => return Ok(End::Interrupted),
                    Err(err) => return Err(err),
                }
            }
            let taken = pair_runs.iter().flat_map(|run| &run.readings).map(size_of_reading).sum();
            let has_room = room.take(taken);
            // A run without its partner says nothing.
            suite.runs.extend(pair_runs);
            if !has_room {
                self.ui.event(&RunEvent::warning(NO_ROOM));
                return Ok(End::Complete);
            }
            if self.signals.interrupted() {
                return Ok(End::Interrupted);
            }
        }
    }

    /// One run of a side.
    fn run_once(&self, side: SuiteSide, stage: Stage, pair: u32) -> Result<SuiteRun, AbError> {
        let [base_cwd, head_cwd] = &self.cwds;
        let [base, head] = &self.folders;
        let (cwd, folder) = match side {
            SuiteSide::Base => (base_cwd, base),
            SuiteSide::Head => (head_cwd, head),
        };
        let stage_name = match stage {
            Stage::First => "first",
            Stage::Again => "again",
        };
        let place = self.runs.join(format!("{stage_name}-{pair:02}-{}", side.name()));
        let part = RunPart {
            working_directory: cwd.clone(),
            profile_folder: Some(place.clone()),
            ..self.part.clone()
        };
        let env = environment(self.env, folder);
        let env = match self.part.mode {
            // Another length would show in times.
            Mode::Walltime => env,
            Mode::Simulation | Mode::Memory => {
                let (name, value) = Repeats::padding(usize::try_from(pair).unwrap_or(0));
                env.with(name, value)
            }
        };
        let hushed = self.ui.hush();
        let completed = execute_in(self.turn, &part, None, (&env, self.signals), self.ui);
        drop(hushed);
        let outcome = completed.map_err(AbError::from).and_then(|run| self.usable(side, run));
        if outcome.as_ref().is_err_and(|err| !matches!(err, AbError::Run(RunError::Interrupted))) {
            self.ui.show_kept_output();
        }
        if !self.keeps_runs {
            remove(&place);
        }
        let readings = outcome?;
        Ok(SuiteRun { stage, pair, side, readings })
    }

    /// Returns the results of a run that went well.
    fn usable(&self, side: SuiteSide, run: Completed) -> Result<Vec<SuiteReading>, AbError> {
        let Completed {
            report,
            broken,
            ended,
            trouble,
            interrupted,
            folder,
            lock: _,
            instruments,
            perf: _,
        } = run;
        let (is_base, side) = (side == SuiteSide::Base, called(side));
        let by_itself = ended == Ended::Code(130);
        if interrupted || by_itself || self.signals.interrupted() {
            return Err(RunError::Interrupted.into());
        }
        if let Some(trouble) = trouble {
            return Err(AbError::Trouble { side, words: trouble.to_string() });
        }
        if let Some(broken) = broken.into_iter().next() {
            return Err(RunError::Read(broken).into());
        }
        let (all, failed) = (report.benchmarks().len(), report.failed());
        if failed > 0 {
            return Err(AbError::Benchmarks { side, failed, all });
        }
        if ended != Ended::Code(0) {
            return Err(AbError::Suite { side, ended });
        }
        instruments.map_err(RunError::Instrument)?;
        let [base, head] = &self.facts;
        let facts = if is_base { base } else { head };
        facts.get_or_init(|| Facts::of(&report, Some(&folder)));
        let mut readings = report.readings();
        if let Some(only) = self.only {
            only.keep(&mut readings);
            return if readings.is_empty() { Err(AbError::Absent(side)) } else { Ok(readings) };
        }
        if readings.is_empty() && !self.part.allow_empty {
            return Err(AbError::Empty(side));
        }
        Ok(readings)
    }

    /// Says how far it is.
    fn tell(
        &self,
        known: &SuiteComparison,
        schedule: &Schedule,
        stage: Stage,
        start: Monotonic,
        told: &mut Monotonic,
    ) {
        let (number, planned) = schedule.progress();
        let now = now();
        let (all, open) = (known.benchmarks.len(), known.undecided());
        let text = progress(number, planned, stage, (all, open), now.since(start));
        // Less often the longer it takes.
        let gap = (now.since(start) / 4).max(LONG_NS);
        let logged = now.since(*told) >= gap;
        if logged {
            *told = now;
        }
        self.ui.event(&RunEvent::Activity { text, logged });
    }
}

/// The memory that a reading takes, with what judging adds to it: see [`READINGS_BYTES`].
fn size_of_reading(reading: &SuiteReading) -> u64 {
    let counts = match &reading.value {
        Value::Time { .. } => 0,
        Value::Counts(counts) => counts.len(),
    };
    bounds::size(160 + reading.name.len() + reading.uri.len() + 16 * counts)
}

/// As in: pair 3 of 9, 4 of 12 benchmarks decided, about 2 min left.
fn progress(
    number: u64,
    planned: u64,
    stage: Stage,
    (all, open): (usize, usize),
    elapsed: u64,
) -> String {
    let pair = match stage {
        Stage::First => format!("pair {number} of {planned}"),
        Stage::Again => format!("confirmation: pair {number} of {planned}"),
    };
    let decided = match (stage, all) {
        (Stage::First, 1..) => format!(", {} of {all} benchmarks decided", all - open),
        (Stage::First, 0) | (Stage::Again, _) => String::new(),
    };
    let done = number.saturating_sub(1);
    let left = (done > 0 && stage == Stage::First).then(|| {
        let seconds = (elapsed / done * (planned - done)).div_ceil(1_000_000_000);
        match seconds {
            0..100 => format!(", about {seconds} s left"),
            _ => format!(", about {} min left", seconds.div_ceil(60)),
        }
    });
    format!("{pair}{decided}{}", left.unwrap_or_default())
}

/// Removes what a run has left: there are many of them.
fn remove(folder: &Path) {
    // What stays goes with the folder around it.
    drop(fs::remove_dir_all(folder));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_benchmark_is_kept_by_its_identity_else_by_its_name() {
        let reading = |uri: &str, name: &str| SuiteReading {
            name: name.to_owned(),
            uri: uri.to_owned(),
            value: Value::Counts(Vec::new()),
        };
        let kept = |uris: &[&str]| {
            let mut readings: Vec<_> = uris.iter().map(|uri| reading(uri, "parse")).collect();
            readings.push(reading("a::lex", "lex"));
            Only { uri: "a::parse", name: "parse" }.keep(&mut readings);
            readings.into_iter().map(|reading| reading.uri).collect::<Vec<String>>()
        };
        assert_eq!(kept(&["a::parse", "b::parse"]), ["a::parse"]);
        assert_eq!(kept(&["b::parse"]), ["b::parse"]);
        assert!(kept(&[]).is_empty());
    }

    #[test]
    fn progress_says_which_pair_and_how_long() {
        let second = 1_000_000_000;
        assert_eq!(progress(1, 9, Stage::First, (0, 0), 0), "pair 1 of 9");
        assert_eq!(
            progress(3, 9, Stage::First, (12, 8), 20 * second),
            "pair 3 of 9, 4 of 12 benchmarks decided, about 70 s left"
        );
        assert_eq!(
            progress(2, 17, Stage::Again, (12, 0), 400 * second),
            "confirmation: pair 2 of 17"
        );
    }
}
