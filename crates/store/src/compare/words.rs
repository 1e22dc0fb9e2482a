//! A comparison in words: a sentence for each benchmark that has changed or is in doubt, and for the whole. Without
//! final periods.

use results::words::{change, ends, factor, percent, quoted};
use runner_shared::text::{count, one_line};

use super::{
    class::{Class, Effect},
    model::{
        Absence, Compared, Comparison, Doubt, FloorSource, Quantity, Summary, Title, Unmatched,
        Verdict,
    },
    moved::{Moved, MovedFunction},
};
use crate::{Better, MetricUnit, Mode, RecordId, StackUnit, shown};

/// At most so many names stand in a sentence.
const MOST_NAMES: usize = 8;
/// At most so many functions stand in a sentence.
const MOST_FUNCTIONS: usize = 3;
/// Larger shares of noise say no more than this one.
const MOST_NOISE: f64 = 10.0;

impl Compared {
    /// Returns the verdict in a line, as in: `parse`: +24 %, 1.24x slower (undisturbed time, 1 run each; noise between runs is
    /// assumed to be at most 8 %).
    pub fn sentence(&self) -> String {
        let name = quoted(&self.shown_name());
        match self.verdict {
            Verdict::Incomparable => {
                let why = self.reasons.iter().filter(|reason| reason.effect == Effect::Forbids);
                let why: Vec<String> = why.take(2).map(super::class::Reason::sentence).collect();
                return format!("{name}: not comparable: {}", why.join("; "));
            }
            Verdict::Unchanged if self.class == Class::SameBinary => {
                return format!(
                    "{name}: {}: the same programs and libraries with the same arguments, so any difference is noise, \
                        or comes from files that they read",
                    self.lead().map_or_else(|| "unchanged".to_owned(), changed)
                );
            }
            Verdict::Regressed
            | Verdict::Suspect
            | Verdict::Inconclusive
            | Verdict::Improved
            | Verdict::Unchanged => {}
        }
        let Some(lead) = self.lead() else {
            return format!("{name}: inconclusive: there is no number that both sides have");
        };
        let found = match (&lead.times, self.mode) {
            (Some(_), _) | (None, Mode::Walltime) => of_times(lead, self.verdict),
            (None, Mode::Simulation | Mode::Memory) => self.of_counts(),
        };
        format!("{name}: {found}{}", self.in_doubt(lead))
    }

    /// Returns the reasons why the verdict is not more certain, behind the number.
    fn in_doubt(&self, lead: &Quantity) -> String {
        let (word, first) = match self.verdict {
            Verdict::Suspect => {
                let limit = lead.limit.map(|limit| {
                    format!("up to {} may be noise between runs", percent(limit.min(MOST_NOISE)))
                });
                ("suspect", limit)
            }
            Verdict::Inconclusive => {
                let resolution = lead.times.as_ref().map(|times| times.resolution.exp_m1());
                let resolution = resolution.map(|share| percent(share.min(MOST_NOISE)));
                ("inconclusive", resolution.map(|share| format!("these runs resolve {share}")))
            }
            Verdict::Regressed | Verdict::Improved | Verdict::Unchanged | Verdict::Incomparable => {
                return String::new();
            }
        };
        let doubts = self.doubts.iter().filter_map(|doubt| doubt.words()).map(str::to_owned);
        let all: Vec<String> = first.into_iter().chain(doubts).collect();
        if all.is_empty() { format!(", {word}") } else { format!(", {word}: {}", all.join("; ")) }
    }

    /// Returns the counts that have moved.
    fn of_counts(&self) -> String {
        let is_moved = |of: &&Quantity| {
            matches!(of.verdict, Verdict::Regressed | Verdict::Improved | Verdict::Suspect)
        };
        let moved: Vec<String> = self.quantities.iter().filter(is_moved).map(counted).collect();
        if moved.is_empty() { "no change that matters".to_owned() } else { moved.join(", ") }
    }

    /// Returns what has moved beside the number that leads; `None` if nothing is known to have.
    pub fn what_moved(&self) -> Option<String> {
        let explaining = self.quantities.iter().filter(|of| !of.decides);
        let is_told =
            |of: &&Quantity| of.verdict != Verdict::Unchanged || of.better == Better::Neither;
        let explaining: Vec<String> = explaining.filter(is_told).map(counted).collect();
        let also = (!explaining.is_empty()).then(|| format!("also {}", explaining.join(", ")));
        let functions = self.moved.iter().flat_map(Moved::parts);
        let parts: Vec<String> = functions.chain(also).collect();
        (!parts.is_empty())
            .then(|| format!("in {}: {}", quoted(&self.shown_name()), parts.join("; ")))
    }
}

/// Returns a time, what it rests on, and the verdict.
fn of_times(lead: &Quantity, verdict: Verdict) -> String {
    let [base, head] = &lead.runs;
    let runs = match (base.len(), head.len()) {
        (1, 1) => "1 run each".to_owned(),
        (base, head) => format!("{base} and {head} runs"),
    };
    let by = match (verdict, lead.ratio) {
        (Verdict::Regressed | Verdict::Improved, Some(ratio)) => {
            let (worse, slower) = (lead.is_worse(), lead.better != Better::Higher);
            let factor = factor(if ratio < 1.0 { ratio.recip() } else { ratio });
            match (worse, slower) {
                (true, true) => format!(", {factor} slower"),
                (false, true) => format!(", {factor} faster"),
                (true, false) => format!(", {factor} less"),
                (false, false) => format!(", {factor} more"),
            }
        }
        _ => String::new(),
    };
    let is_certain = matches!(verdict, Verdict::Regressed | Verdict::Improved);
    let limit = lead.limit.filter(|_| is_certain).map_or_else(String::new, |limit| {
        let limit = percent(limit.min(MOST_NOISE));
        let how = match lead.floor_source {
            FloorSource::Assumed => " as assumed",
            FloorSource::History => " as seen before",
            FloorSource::Runs => "",
        };
        format!("; noise between runs{how}: at most {limit}")
    });
    format!("{}{by} ({}, {runs}{limit})", changed(lead), one_line(&lead.title))
}

/// Returns the change of a quantity.
fn changed(of: &Quantity) -> String {
    match of.ratio {
        Some(ratio) => change(ratio, of.interval),
        None if of.base <= 0.0 => "from nothing".to_owned(),
        None => "beyond all measure".to_owned(),
    }
}

/// Returns a count that has moved, as in: instructions +5.1 %.
fn counted(of: &Quantity) -> String {
    match of.ratio {
        Some(ratio) => format!("{} {}", of.title, change(ratio, None)),
        None => format!("{} from none to {}", of.title, shown::value(of.head, of.unit)),
    }
}

impl Doubt {
    /// Returns the reason; `None` if the numbers say it.
    pub const fn words(self) -> Option<&'static str> {
        Some(match self {
            Self::FewRuns => return None,
            Self::NoisyRounds => "the rounds of a run differ a lot, or are few",
            Self::Uneven => "the shorter rounds don't show it",
            Self::WallClock => "wall times count the work of other programs",
            Self::Busy => "other programs used the processors while a side was measured",
            Self::FarApart => "the runs are more than an hour apart",
            Self::OtherMachine => "the runs are of different machines",
            Self::Degraded => "the environment differs",
            Self::SameProgram => {
                "the same program: its input, environment or files must have changed"
            }
            Self::Shift => "many benchmarks have moved the same way",
            Self::Chance => "among this many benchmarks, such a difference can occur by chance",
        })
    }
}

impl Moved {
    /// Returns the functions by own costs, and by costs with all that is called.
    fn parts(&self) -> Vec<String> {
        let part = |title: &str, functions: &[MovedFunction]| {
            let functions: Vec<String> = functions
                .iter()
                .take(MOST_FUNCTIONS)
                .map(|one| format!("{} {}", quoted(&one.function), self.difference(one)))
                .collect();
            (!functions.is_empty()).then(|| format!("{title} {}", functions.join(", ")))
        };
        let parts = [part("by itself", &self.by_self), part("with callees", &self.by_total)];
        parts.into_iter().flatten().collect()
    }

    /// Returns the difference of a function, as in: +1.2 ms.
    fn difference(&self, of: &MovedFunction) -> String {
        let unit = match self.unit {
            StackUnit::Nanoseconds => MetricUnit::Nanoseconds,
            StackUnit::Bytes => MetricUnit::Bytes,
            StackUnit::Instructions | StackUnit::Count => MetricUnit::Number,
        };
        let sign = if of.head < of.base { "-" } else { "+" };
        let noun = if self.unit == StackUnit::Instructions { " instructions" } else { "" };
        let fate = match (of.base > 0.0, of.head > 0.0) {
            (false, true) => " (new)",
            (true, false) => " (gone)",
            _ => "",
        };
        format!("{sign}{}{noun}{fate}", shown::value((of.head - of.base).abs(), unit))
    }
}

impl Title {
    /// Returns the run for people: its name, its commit and its ID.
    pub fn words(&self) -> String {
        let id: String = self.id.chars().take(RecordId::SHORT).collect();
        let name = self.name.as_deref().map(|name| format!("{} ", quoted(name)));
        let commit = self.commit.as_ref().map(|commit| {
            let digits = shown::commit(&commit.hash);
            let branch = commit.branch.as_deref().map(|branch| format!(" on {}", quoted(branch)));
            let dirty = if commit.dirty == Some(true) { " with changes" } else { "" };
            format!(", commit {digits}{dirty}{}", branch.unwrap_or_default())
        });
        format!("{}run {id}{}", name.unwrap_or_default(), commit.unwrap_or_default())
    }
}

impl Comparison {
    /// Returns lines about the whole: the sides, what is unchanged, what only one side has, the means, shifts, and what can't be
    /// known from runs that were made one after the other.
    pub fn remarks(&self, all: bool) -> Vec<String> {
        let unchanged: Vec<String> =
            self.with(Verdict::Unchanged).map(Compared::shown_name).collect();
        let unchanged = Some(unchanged).filter(|them| !them.is_empty() && !all);
        let unchanged = unchanged.map(|them| format!("{} unchanged: {}", them.len(), names(&them)));
        let alone = Absence::ALL.into_iter().filter_map(|absence| {
            let them = self.unmatched.iter().filter(|one| one.absence == absence);
            let them: Vec<String> = them.map(Unmatched::shown_name).collect();
            (!them.is_empty()).then(|| format!("{}: {}", absence.words(), names(&them)))
        });
        let modes = self.modes.iter().flat_map(|mode| mode.lines(self.modes.len() > 1));
        let forced = self.forced.then(|| {
            "`--force`: differences of the environment are passed over, so that it may be the reason of what is found"
                .to_owned()
        });
        let sides = [("base", &self.base), ("head", &self.head)].map(|(side, titles)| {
            let words: Vec<String> = titles.iter().map(Title::words).collect();
            format!("{side}: {}", words.join("; "))
        });
        unchanged
            .into_iter()
            .chain(alone)
            .chain(modes)
            .chain(self.differences())
            .chain(forced)
            .chain(self.unknown())
            .chain(sides)
            .collect()
    }

    /// Returns differences of the environment that make verdicts doubtful, each once.
    fn differences(&self) -> Vec<String> {
        let reasons = self.benchmarks.iter().flat_map(|one| &one.reasons);
        let doubtful = reasons.filter(|reason| {
            reason.effect == Effect::Degrades || (self.forced && reason.effect == Effect::Forbids)
        });
        let mut lines: Vec<String> = Vec::new();
        for reason in doubtful {
            let line = reason.sentence();
            if !lines.contains(&line) && lines.len() < MOST_NAMES {
                lines.push(line);
            }
        }
        lines
    }

    /// Returns a sentence on the limits of runs that were made one after the other, with the command that has none.
    fn unknown(&self) -> Option<String> {
        let open = || {
            let is_open =
                |one: &&Compared| matches!(one.verdict, Verdict::Suspect | Verdict::Inconclusive);
            self.benchmarks.iter().filter(is_open)
        };
        let times = self.benchmarks.iter().any(|one| one.mode == Mode::Walltime);
        let number = u64::try_from(open().count()).unwrap_or(u64::MAX);
        let open =
            if number == 1 { "open verdict".to_owned() } else { count(number, "open verdict") };
        let why = "runs that were made one after the other can't tell small changes from noise of the machine";
        match (&self.paired_command, number == 0) {
            (Some(command), false) => {
                let command = command.replace('`', "'");
                Some(format!("{why}; to decide the {open}, run `{command}`"))
            }
            (_, false) => Some(format!("{why}: {open}")),
            (_, true) => times.then(|| format!("{why}; `codspeed ab` runs both in turns and can")),
        }
    }
}

impl Summary {
    fn lines(&self, names_mode: bool) -> Vec<String> {
        let mode = shown::mode(self.mode);
        let of_mode = if names_mode { format!(" ({mode})") } else { String::new() };
        let mean = self.mean.filter(|_| self.compared > 1).map(|mean| {
            let interval = mean.interval.map(|found| format!(" (95 % interval {})", ends(found)));
            format!(
                "geometric mean of {} benchmarks{of_mode}: {}{}",
                self.compared,
                change(mean.ratio, mean.interval),
                interval.unwrap_or_default()
            )
        });
        let shift = self.shift.map(|shift| {
            let way = if shift.worse { "worse" } else { "better" };
            format!(
                "environment shift{of_mode}: {} of {} benchmarks got {way} alike, so first look for a common cause: the \
                    machine, the compiler and its options, a library, a shared function",
                shift.moved, shift.all
            )
        });
        mean.into_iter().chain(shift).collect()
    }
}

/// Returns the first few names.
fn names(all: &[String]) -> String {
    let shown: Vec<String> = all.iter().take(MOST_NAMES).map(|name| quoted(name)).collect();
    let more = all.len().saturating_sub(MOST_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
