//! The data of a comparison of kept runs: what is put in, and what comes out.

use results::words::numbered;
use runner_shared::statistics::Interval;
use serde::Serialize;

use super::{
    class::{Class, Reason},
    evidence::Times,
    floors::Floors,
    moved::Moved,
};
use crate::{Better, CommitInfo, MetricUnit, Mode, Record, RecordId, RecordedBenchmark};

/// A kept run with its name.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Its name.
    pub id: RecordId,
    /// All that is kept of it.
    pub record: &'a Record,
}

/// Settings of a comparison.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings<'a> {
    /// The smallest difference that matters, as a share; `None` for that of each quantity.
    pub threshold: Option<f64>,
    /// Without a threshold, that of each quantity is at most this share.
    pub at_most: Option<AtMost<'a>>,
    /// Compare even what can't be compared, and judge as if all were equal.
    pub force: bool,
    /// Differences between runs of the same programs, from which the noise between runs is known.
    pub floors: Option<&'a Floors>,
}

/// The largest share that a threshold may be.
#[derive(Clone, Copy)]
pub enum AtMost<'a> {
    /// The same for all.
    All(f64),
    /// That of a quantity of a benchmark, by mode, name, identity and key.
    Of(&'a dyn Fn(Mode, &str, &str, &str) -> Option<f64>),
}

impl std::fmt::Debug for AtMost<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All(share) => write!(f, "All({share})"),
            Self::Of(_) => f.write_str("Of(..)"),
        }
    }
}

impl Settings<'_> {
    /// Returns the largest threshold of a quantity of this benchmark, as a share.
    pub(super) fn at_most(&self, mode: Mode, of: &RecordedBenchmark, key: &str) -> Option<f64> {
        match self.at_most? {
            AtMost::All(share) => Some(share),
            AtMost::Of(find) => find(mode, &of.name, &of.uri, key),
        }
    }
}

/// The outcome of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Version of the keys in JSON.
    pub version: u32,
    /// The runs that are compared with.
    pub base: Vec<Title>,
    /// The runs that are compared.
    pub head: Vec<Title>,
    /// Seed of all random numbers, made of the names of the records.
    pub seed: u64,
    /// Differences in the environment were passed over, because the user wanted so.
    pub forced: bool,
    /// One for each mode that has benchmarks of both sides.
    pub modes: Vec<Summary>,
    /// Benchmarks of both sides, worst first: regressed, suspect, inconclusive, incomparable, improved, unchanged;
    /// within these, the largest change first.
    pub benchmarks: Vec<Compared>,
    /// Benchmarks that only one side has, or has finished.
    pub unmatched: Vec<Unmatched>,
    /// Benchmarks with a p-value, among which such a difference is found by chance.
    pub tested: usize,
    /// The command that measures both sides in turns, which finds smaller differences; with words in capitals for what
    /// no record knows.
    pub paired_command: Option<String>,
}

/// The name tag of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Title {
    /// Its name in the store.
    pub id: String,
    /// Its start, milliseconds since 1970 in UTC.
    pub time_ms: u64,
    /// The name that the user gave it.
    pub name: Option<String>,
    /// The commit.
    pub commit: Option<CommitInfo>,
}

impl Title {
    /// Returns the name tag of a run.
    pub(crate) fn of(run: &Run<'_>) -> Self {
        let Record { time_ms, name, commit, .. } = run.record;
        let (name, commit) = (name.clone(), commit.clone());
        Self { id: run.id.to_string(), time_ms: *time_ms, name, commit }
    }
}

/// The benchmarks of one mode as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The mode.
    pub mode: Mode,
    /// Benchmarks of both sides that were judged.
    pub compared: usize,
    /// The mean of their ratios.
    pub mean: Option<Mean>,
    /// So many benchmarks have moved the same way that they have a cause in common.
    pub shift: Option<Shift>,
}

/// A geometric mean of ratios.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// Head divided by base.
    pub ratio: f64,
    /// Its 95 % interval over the benchmarks, from six on.
    pub interval: Option<Interval>,
}

/// Many benchmarks have moved the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shift {
    /// They got worse.
    pub worse: bool,
    /// Benchmarks that moved so.
    pub moved: usize,
    /// All that were compared.
    pub all: usize,
}

/// A benchmark of both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// The mode.
    pub mode: Mode,
    /// Name as shown, that of head.
    pub name: String,
    /// Identity, that of head.
    pub uri: String,
    /// 1 for the first measurement of its identity in a run, 2 for the next.
    pub occurrence: u32,
    /// The sides can be compared so far.
    pub class: Class,
    /// Differences in the environment, those that matter most first.
    pub reasons: Vec<Reason>,
    /// The conclusion.
    pub verdict: Verdict,
    /// The reasons why it is not more certain.
    pub doubts: Vec<Doubt>,
    /// All that was judged; the first one leads.
    pub quantities: Vec<Quantity>,
    /// The functions that have changed most.
    pub moved: Option<Moved>,
}

/// The verdict on a benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Head is worse, and that matters.
    Regressed,
    /// There is a difference that may come from the machine: a paired measurement would tell.
    Suspect,
    /// It is not known.
    Inconclusive,
    /// The runs can't be compared.
    Incomparable,
    /// Head is better, and that matters.
    Improved,
    /// The difference is below the threshold, or there is none, or it is noise.
    Unchanged,
}

impl Verdict {
    /// As one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Suspect => "suspect",
            Self::Inconclusive => "inconclusive",
            Self::Incomparable => "incomparable",
            Self::Improved => "improved",
            Self::Unchanged => "unchanged",
        }
    }
}

/// A reason why a verdict is not more certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// Too few runs for an interval between runs: the noise between them is assumed.
    FewRuns,
    /// The rounds of a side don't agree with each other.
    NoisyRounds,
    /// The middle of the rounds and the shortest ones tell different things.
    Uneven,
    /// Only the wall clock is known, which counts the work of other programs.
    WallClock,
    /// The same, and other programs took the processor away while a side was measured.
    Busy,
    /// The runs are more than an hour apart.
    FarApart,
    /// The runs are of different machines.
    OtherMachine,
    /// The environment differs in something that may matter.
    Degraded,
    /// Many benchmarks have moved the same way.
    Shift,
    /// Among so many benchmarks such a difference is found by chance.
    Chance,
    /// The programs are the same, so that something else must have changed.
    SameProgram,
}

/// A quantity of both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quantity {
    /// Its key: that of the metric, or of the counter.
    pub key: String,
    /// Its name in sentences.
    pub title: String,
    /// Its unit.
    pub unit: MetricUnit,
    /// The values that are better.
    pub better: Better,
    /// It is part of the verdict; else it only explains one.
    pub decides: bool,
    /// Typical value of base: the median over its runs.
    pub base: f64,
    /// That of head.
    pub head: f64,
    /// Head divided by base; `None` if base is 0 and head is not.
    pub ratio: Option<f64>,
    /// 99 % interval of the ratio, with the noise between runs; `None` for counts.
    pub interval: Option<Interval>,
    /// The value of each run of base, and of each run of head.
    pub runs: [Vec<f64>; 2],
    /// The smallest difference that matters, as a share of base.
    pub threshold: f64,
    /// Noise between runs as a share: equal programs differ by no more, but in one case of a hundred.
    pub floor: f64,
    /// The source of the floor.
    pub floor_source: FloorSource,
    /// A difference above this share is certain; `None` if none is.
    pub limit: Option<f64>,
    /// Two-sided p-value, with enough runs of each side.
    pub p: Option<f64>,
    /// The conclusion from this quantity alone.
    pub verdict: Verdict,
    /// Of times: what the conclusion rests on.
    pub times: Option<Times>,
}

/// The source of a floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FloorSource {
    /// Earlier runs of the same programs.
    History,
    /// The runs of each side.
    Runs,
    /// Measurements on other machines, as nothing is known of this one.
    Assumed,
}

impl Quantity {
    /// Returns true if head is worse than base, by however little.
    pub fn is_worse(&self) -> bool {
        match self.better {
            Better::Lower | Better::Neither => self.head > self.base,
            Better::Higher => self.head < self.base,
        }
    }

    /// Returns the size of the change as a share that says how much worse head is; negative for better, `None` for worse
    /// than nothing.
    pub fn worse_by(&self) -> Option<f64> {
        let ratio = self.ratio?;
        Some(match self.better {
            Better::Lower | Better::Neither => ratio - 1.0,
            Better::Higher => ratio.recip() - 1.0,
        })
    }
}

/// A benchmark that can't be paired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// The mode.
    pub mode: Mode,
    /// Name as shown.
    pub name: String,
    /// Identity.
    pub uri: String,
    /// 1 for the first measurement of its identity in a run, 2 for the next.
    #[serde(skip)]
    pub occurrence: u32,
    /// The reason.
    pub absence: Absence,
}

impl Unmatched {
    /// Returns its name, with its number if its identity was measured before in the same run.
    pub(super) fn shown_name(&self) -> String {
        numbered(&self.name, self.occurrence)
    }
}

/// The reason why a benchmark can't be paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// Base doesn't have it.
    New,
    /// Head doesn't have it.
    Removed,
    /// It failed in base, or was not finished there.
    UnfinishedInBase,
    /// It failed in head, or was not finished there.
    UnfinishedInHead,
}

impl Absence {
    /// Every reason, in the order in which they are told.
    pub(super) const ALL: [Self; 4] =
        [Self::New, Self::Removed, Self::UnfinishedInHead, Self::UnfinishedInBase];

    /// As a few words, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::New => "only in head",
            Self::Removed => "only in base",
            Self::UnfinishedInHead => "failed or interrupted in head",
            Self::UnfinishedInBase => "failed or interrupted in base",
        }
    }
}

impl Compared {
    /// Returns its name, with its number if its identity was measured before in the same run.
    pub(super) fn shown_name(&self) -> String {
        numbered(&self.name, self.occurrence)
    }
}

impl Comparison {
    /// The version of the keys in JSON.
    pub const VERSION: u32 = 1;

    /// Leaves out benchmarks that nobody wants to see, by name and identity. They were compared all the same: verdicts
    /// and summaries stay those of the whole. The runs are those that were compared.
    pub fn keep(
        &mut self,
        is_wanted: impl Fn(&str, &str) -> bool,
        base: &[Run<'_>],
        head: &[Run<'_>],
    ) {
        self.benchmarks.retain(|one| is_wanted(&one.name, &one.uri));
        self.unmatched.retain(|one| is_wanted(&one.name, &one.uri));
        self.paired_command = super::command(base, head, &self.benchmarks);
    }

    /// Returns the benchmarks with this verdict.
    pub fn with(&self, wanted: Verdict) -> impl Iterator<Item = &Compared> {
        self.benchmarks.iter().filter(move |one| one.verdict == wanted)
    }

    /// Returns the benchmarks that got worse for certain, by this share or more.
    pub fn worse_by(&self, share: f64) -> impl Iterator<Item = &Compared> {
        self.with(Verdict::Regressed).filter(move |one| one.is_worse_by(share))
    }
}

impl Compared {
    /// Returns the quantity that is shown.
    pub fn lead(&self) -> Option<&Quantity> {
        self.quantities.first()
    }

    /// Returns true if a quantity that decides got worse for certain, by this share or more.
    pub fn is_worse_by(&self, share: f64) -> bool {
        // What was nothing and is something now has no ratio, and is worse by any share.
        let is_far = |of: &Quantity| of.worse_by().is_none_or(|worse| worse >= share);
        let found = |of: &&Quantity| of.decides && of.verdict == Verdict::Regressed;
        self.quantities.iter().filter(found).any(is_far)
    }
}
