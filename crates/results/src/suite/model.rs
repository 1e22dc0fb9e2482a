//! The data of a comparison of suites: what is put in, and what comes out.

use runner_shared::{
    conditions::Conditions,
    mode::Mode,
    verdict::{CountJudgement, CountVerdict, JudgedTime, Judgement},
};

use super::SuiteReading;
use crate::{
    counts::{CountUnit, Counter},
    model::Interval,
};

/// One of the two states that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuiteSide {
    /// The one that the other is compared with.
    Base,
    /// The other one.
    Head,
}

impl SuiteSide {
    /// Both, base first.
    pub const BOTH: [Self; 2] = [Self::Base, Self::Head];

    /// Its name, of the same length for both: it is a part of paths that benchmarks see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Head => "head",
        }
    }
}

/// A part of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// All benchmarks are judged by it.
    First,
    /// A second look at the findings of the first.
    Again,
}

/// The report of one run of the suite.
#[derive(Debug, Clone, PartialEq)]
pub struct SuiteRun {
    /// The part of the measurement that it belongs to.
    pub stage: Stage,
    /// Number of the pair within the stage, from 0.
    pub pair: u32,
    /// The state that was run.
    pub side: SuiteSide,
    /// A reading for each benchmark that finished.
    pub readings: Vec<SuiteReading>,
}

/// All runs so far, and how they are to be judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    /// Mode of the measurement.
    pub mode: Mode,
    /// The smallest difference that matters, as a share; `None` for that of each quantity.
    pub threshold: Option<f64>,
    /// Without a threshold, that of each quantity is at most this share.
    pub at_most: Option<f64>,
    /// Seed of the order within pairs.
    pub seed: u64,
    /// The runs, in any order.
    pub runs: Vec<SuiteRun>,
}

/// The outcome for the whole suite.
#[derive(Debug, Clone, PartialEq)]
pub struct SuiteComparison {
    /// Mode of the measurement.
    pub mode: Mode,
    /// Seed of the order within pairs.
    pub seed: u64,
    /// The smallest difference that matters, as a share, of the quantity that is judged first.
    pub threshold: f64,
    /// Pairs in which both sides were run, of both stages: the first one, and that which looks again.
    pub pairs: [u64; 2],
    /// Benchmarks of both sides, worst first: regressed, undecided, improved, unchanged; within these, the largest
    /// change first.
    pub benchmarks: Vec<SuiteBenchmark>,
    /// Benchmarks of one side only.
    pub one_sided: Vec<OneSided>,
    /// Geometric mean of all ratios, with a 95 % interval over the benchmarks if there are several.
    pub mean: Option<(f64, Option<Interval>)>,
    /// So many benchmarks have moved the same way that they have a cause in common.
    pub shift: Option<Shift>,
    /// It is a command whose rounds took turns, rather than a suite that was run in pairs.
    pub by_turns: bool,
    /// Conditions that were not as usual, as the user has asked for.
    pub conditions: Conditions,
}

/// A benchmark of both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct SuiteBenchmark {
    /// Name as shown.
    pub name: String,
    /// Identity, that of head.
    pub uri: String,
    /// The conclusion, with what it rests on.
    pub found: Found,
}

/// The conclusion for a benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The verdict.
    pub verdict: SuiteVerdict,
    /// Typical number of base: the median over its runs.
    pub base: f64,
    /// That of head.
    pub head: f64,
    /// Unit of both.
    pub unit: Unit,
    /// Head divided by base; `None` if it is not known.
    pub ratio: Option<f64>,
    /// 99 % interval of the ratio, of times with enough pairs only.
    pub interval: Option<Interval>,
    /// The evidence for it.
    pub evidence: Evidence,
}

/// The verdict on a benchmark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SuiteVerdict {
    /// Head is worse, and that matters: both stages say so.
    Regressed,
    /// Head is better, and that matters: both stages say so.
    Improved,
    /// The difference is below the threshold, or there is none.
    Unchanged,
    /// It is not known.
    Inconclusive(Doubt),
}

impl SuiteVerdict {
    /// Returns the stage whose numbers are shown. A difference that was found is larger by chance than it is; a second
    /// look has no such bias.
    pub(super) const fn stage_shown(self) -> Stage {
        match self {
            Self::Regressed | Self::Improved | Self::Inconclusive(Doubt::Contradicted) => {
                Stage::Again
            }
            Self::Unchanged | Self::Inconclusive(_) => Stage::First,
        }
    }

    /// As one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::Unchanged => "unchanged",
            Self::Inconclusive(_) => "inconclusive",
        }
    }
}

/// The reason why it is not known whether a benchmark has changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// Fewer pairs than a verdict takes.
    Few,
    /// The interval is too wide.
    Wide {
        /// The smallest difference that these pairs would have shown, as a share.
        resolves: Option<f64>,
        /// About how many pairs would do.
        pairs_needed: Option<u64>,
    },
    /// In a suite of this size such a difference is found by chance too often.
    Chance,
    /// A difference was found that nobody has looked at again yet.
    Unconfirmed,
    /// A difference was found and was not there when it was looked at again.
    Contradicted,
}

/// Evidence for a conclusion.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// Times of pairs of runs.
    Times {
        /// The time that is judged.
        time: JudgedTime,
        /// The first stage.
        first: Judgement,
        /// It remains a finding among those of the whole suite (Benjamini-Hochberg).
        stands_out: bool,
        /// The second stage; `None` if there was no need for it, or no time.
        again: Option<Judgement>,
    },
    /// Counts of runs, of each quantity that both sides have.
    Counts(Vec<CounterFinding>),
}

/// A quantity that was counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CounterFinding {
    /// The quantity.
    pub counter: &'static Counter,
    /// The first stage.
    pub first: CountJudgement,
    /// The second stage.
    pub again: Option<CountJudgement>,
}

impl CounterFinding {
    /// The stage that tells most.
    pub const fn latest(&self) -> CountJudgement {
        match self.again {
            Some(again) => again,
            None => self.first,
        }
    }

    /// The conclusion of both stages.
    pub fn verdict(&self) -> SuiteVerdict {
        match (self.first.verdict, self.again.map(|again| again.verdict)) {
            (CountVerdict::More | CountVerdict::Less, None | Some(CountVerdict::Unknown)) => {
                SuiteVerdict::Inconclusive(Doubt::Unconfirmed)
            }
            (CountVerdict::More, Some(CountVerdict::More)) => SuiteVerdict::Regressed,
            (CountVerdict::Less, Some(CountVerdict::Less)) => SuiteVerdict::Improved,
            (CountVerdict::More | CountVerdict::Less, Some(_)) => {
                SuiteVerdict::Inconclusive(Doubt::Contradicted)
            }
            (CountVerdict::Unknown | CountVerdict::Missing, _) => {
                SuiteVerdict::Inconclusive(Doubt::Few)
            }
            (CountVerdict::Same | CountVerdict::WithinFloor | CountVerdict::Small, _) => {
                SuiteVerdict::Unchanged
            }
        }
    }

    /// It has moved by so much that it matters, in all stages the same way.
    pub fn has_moved(&self) -> bool {
        self.first.verdict.matters()
            && self.again.is_none_or(|again| again.verdict == self.first.verdict)
    }
}

/// A benchmark that only one side has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneSided {
    /// Name as shown.
    pub name: String,
    /// Identity.
    pub uri: String,
    /// The side that has it.
    pub side: SuiteSide,
}

/// Many benchmarks have moved the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// They got worse.
    pub worse: bool,
    /// Benchmarks that moved so.
    pub moved: usize,
    /// All that were compared.
    pub all: usize,
}

impl SuiteComparison {
    /// Benchmarks with this verdict.
    pub fn with(&self, wanted: SuiteVerdict) -> impl Iterator<Item = &SuiteBenchmark> {
        self.benchmarks.iter().filter(move |one| one.found.verdict == wanted)
    }

    /// Benchmarks that more pairs of the first stage may decide.
    pub fn undecided(&self) -> usize {
        let is_open = |one: &&SuiteBenchmark| {
            use SuiteVerdict::Inconclusive;
            match one.found.verdict {
                Inconclusive(Doubt::Few | Doubt::Wide { .. } | Doubt::Chance) => true,
                SuiteVerdict::Regressed
                | SuiteVerdict::Improved
                | SuiteVerdict::Unchanged
                | Inconclusive(Doubt::Unconfirmed | Doubt::Contradicted) => false,
            }
        };
        self.benchmarks.iter().filter(is_open).count()
    }

    /// Benchmarks that have to be looked at again.
    pub fn suspects(&self) -> usize {
        self.with(SuiteVerdict::Inconclusive(Doubt::Unconfirmed)).count()
    }

    /// Benchmarks that got worse by this share or more, for certain.
    pub fn worse_by(&self, share: f64) -> impl Iterator<Item = &SuiteBenchmark> {
        // What was nothing and is something now has no ratio, and is worse by any share.
        let is_far = move |ratio: Option<f64>| ratio.is_none_or(|ratio| ratio >= 1.0 + share);
        let is_worse = move |one: &&SuiteBenchmark| match &one.found.evidence {
            Evidence::Times { .. } => is_far(one.found.ratio),
            Evidence::Counts(findings) => findings.iter().any(|finding| {
                finding.counter.decides
                    && finding.verdict() == SuiteVerdict::Regressed
                    && is_far(finding.latest().ratio)
            }),
        };
        self.with(SuiteVerdict::Regressed).filter(is_worse)
    }
}

/// The unit of the number that a verdict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Picoseconds.
    Time,
    /// That of a counter.
    Counted(CountUnit),
}

impl Unit {
    /// Returns its name in exports.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Time => "ps",
            Self::Counted(unit) => unit.id(),
        }
    }
}
