//! `codspeed bisect`: the commit that made a benchmark slower, each step a comparison of the good commit with another.

use results::{SuiteBenchmark, SuiteComparison, SuiteSide, SuiteVerdict};
use runner_shared::text::one_line;
use wildmatch::WildMatch;

use super::{
    Context,
    ab::{export_all, show},
    basis::Basis,
    compare::{Aim, Compared, Plan, is_interrupted},
};
use crate::{
    ab::{AbError, Commit, End, Limits, Mark, Only, Search, Sides, State, Step},
    cli::BisectArgs,
    error::{CliError, ExitKind, chain},
    event::RunEvent,
    orchestrator::Turn,
    settings::{RunPart, options::Remember},
};

/// Searches, and names the commit.
pub(crate) fn run(args: BisectArgs, context: &mut Context) -> Result<ExitKind, CliError> {
    let BisectArgs { shared, good, bad, benchmark, compare } = args;
    let plan = Plan::new(shared, crate::cli::InstrumentArgs::default(), compare, context)?;
    let [part] = &plan.parts[..] else {
        let what = "`bisect` looks at one mode";
        return Err(CliError::new(ExitKind::Usage, what).hint("`-m` chooses it"));
    };
    if plan.remember.as_ref().is_some_and(|wishes| *wishes != Remember::default()) {
        let what = "`bisect` keeps no record of its runs";
        return Err(CliError::new(ExitKind::Usage, what)
            .hint("use `codspeed ab --base GOOD --head BAD` for a comparison with a record"));
    }
    let commits = candidates(&plan, &good, &bad)?;
    let context = &*context;
    // From here on there is something to remove.
    let _heeding = context.signals.heed(1);
    let turn = plan.turn(context)?;
    let sides = plan.sides(context)?;
    let search = Bisect { plan: &plan, part, turn: &turn, sides: &sides, context };
    match search.run(commits, benchmark.as_deref()) {
        Err(Trouble::Interrupted) => Ok(ExitKind::Interrupted),
        Err(Trouble::Failed(err)) => Err(err),
        Ok(kind) => Ok(kind),
    }
}

/// The good commit, and those after it up to the bad one.
struct Candidates {
    good: Commit,
    later: Vec<Commit>,
}

fn candidates(plan: &Plan, good: &str, bad: &str) -> Result<Candidates, CliError> {
    let repository = &plan.repository;
    let (good, bad) = (repository.commit(good)?, repository.commit(bad)?);
    if good.hash == bad.hash {
        let what = format!("good and bad are the same commit, {}", good.title());
        return Err(CliError::new(ExitKind::Usage, what));
    }
    if !repository.is_ancestor(&good.hash, &bad.hash)? {
        let what = format!("{} is not an ancestor of {}", good.title(), bad.title());
        return Err(CliError::new(ExitKind::Usage, what)
            .hint("`git merge-base` names a commit that both come from; `codspeed ab --base A --head B` compares any two"));
    }
    let hashes = repository.first_parents(&good.hash, &bad.hash)?;
    let hashes: Vec<&str> = hashes.iter().map(String::as_str).collect();
    Ok(Candidates { good, later: repository.describe(&hashes)? })
}

/// A reason for a search without a result.
enum Trouble {
    Interrupted,
    Failed(CliError),
}

impl From<AbError> for Trouble {
    fn from(err: AbError) -> Self {
        if is_interrupted(&err) { Self::Interrupted } else { Self::Failed(err.into()) }
    }
}

impl From<CliError> for Trouble {
    fn from(err: CliError) -> Self {
        if err.kind == ExitKind::Interrupted { Self::Interrupted } else { Self::Failed(err) }
    }
}

struct Bisect<'a> {
    plan: &'a Plan,
    part: &'a RunPart,
    turn: &'a Turn,
    sides: &'a Sides,
    context: &'a Context,
}

impl Bisect<'_> {
    fn run(&self, commits: Candidates, wanted: Option<&str>) -> Result<ExitKind, Trouble> {
        let Candidates { good, later } = commits;
        self.plan.make(SuiteSide::Base, &State::Commit(good), self.sides, self.context)?;
        let Some(bad) = later.last() else { return Ok(ExitKind::Ok) };
        self.make(bad)?;
        let (whole, basis) = self.compare(None, 0, self.plan.limits)?;
        let Some(target) = target(&whole, wanted) else {
            show(&whole, &self.part.exports, self.context)?;
            self.plan.explain(&whole, &basis, self.context)?;
            return Err(nothing_slower(&whole, wanted).into());
        };
        self.say(&format!("bad: {}", target.sentence()));
        let mut search = Search::new(later.len());
        let mut evidence = (single(&whole, target), basis);
        let mut steps = 0;
        loop {
            let candidate = match search.next() {
                Step::Test(candidate) => candidate,
                Step::Found(range) => {
                    let left = later.get(range).unwrap_or_default();
                    return Ok(self.conclude(left, &target.name, &evidence)?);
                }
            };
            let Some(commit) = later.get(candidate) else { continue };
            steps += 1;
            let left = search.left().count();
            self.say(&format!("step {steps}, the first slow commit is one of {left} commits"));
            let outcome = self.judge(commit, Only { uri: &target.uri, name: &target.name }, steps);
            let (mark, found) = match outcome {
                Err(Trouble::Interrupted) => {
                    self.say_left(later.get(search.left()).unwrap_or_default());
                    return Err(Trouble::Interrupted);
                }
                Err(Trouble::Failed(err)) => return Err(Trouble::Failed(err)),
                Ok(outcome) => outcome,
            };
            search.note(candidate, mark);
            evidence = found.filter(|_| mark == Mark::Slow).unwrap_or(evidence);
        }
    }

    /// Looks at a commit; what can't be judged is skipped, and that is said.
    fn judge(
        &self,
        commit: &Commit,
        only: Only<'_>,
        step: u64,
    ) -> Result<(Mark, Option<(SuiteComparison, Basis)>), Trouble> {
        let mut made = self.make(commit);
        for limits in [self.plan.limits, self.plan.twice(self.part)] {
            let compared = std::mem::replace(&mut made, Ok(()));
            let (found, basis) =
                match compared.and_then(|()| self.compare(Some(only), step, limits)) {
                    Ok(found) => found,
                    Err(Trouble::Failed(err)) => {
                        let why = chain(&*err.source);
                        self.warn(&format!("{} is skipped: {why}", commit.title()));
                        return Ok((Mark::Skipped, None));
                    }
                    Err(Trouble::Interrupted) => return Err(Trouble::Interrupted),
                };
            let Some(one) = found.benchmarks.first() else { break };
            let (verdict, sentence) = (one.found.verdict, one.sentence());
            let mark = match verdict {
                SuiteVerdict::Regressed => Mark::Slow,
                SuiteVerdict::Unchanged | SuiteVerdict::Improved => Mark::Fast,
                SuiteVerdict::Inconclusive(_) => {
                    self.say(&format!("{}: {sentence}", commit.short));
                    continue;
                }
            };
            let word = if mark == Mark::Slow { "slow" } else { "fast" };
            self.say(&format!("{} is {word}: {sentence}", commit.short));
            return Ok((mark, Some((found, basis))));
        }
        self.warn(&format!("{} is skipped: it can't be told whether it is slower", commit.title()));
        Ok((Mark::Skipped, None))
    }

    /// Checks a commit out as head, and builds it.
    fn make(&self, commit: &Commit) -> Result<(), Trouble> {
        let state = State::Commit(commit.clone());
        Ok(self.plan.make(SuiteSide::Head, &state, self.sides, self.context)?)
    }

    /// Compares the good commit with the one that was made.
    fn compare(
        &self,
        only: Option<Only<'_>>,
        step: u64,
        limits: Limits,
    ) -> Result<(SuiteComparison, Basis), Trouble> {
        let aim = Aim { only, seed: self.plan.seed.wrapping_add(step), limits };
        let Compared { found, basis, end } =
            self.plan.compare(self.part, self.sides, self.turn, aim, self.context)?;
        match end? {
            End::Complete => Ok((found, basis)),
            End::Interrupted => Err(Trouble::Interrupted),
        }
    }

    /// Names what was found.
    fn conclude(
        &self,
        left: &[Commit],
        name: &str,
        (evidence, basis): &(SuiteComparison, Basis),
    ) -> Result<ExitKind, CliError> {
        let sentence = evidence.benchmarks.first().map(SuiteBenchmark::sentence);
        let sentence = sentence.unwrap_or_default();
        let [commit] = left else {
            self.context.print(&range(left))?;
            let what = format!(
                "the commit that made `{}` slower can't be told from those that were skipped",
                one_line(name)
            );
            return Err(CliError::new(ExitKind::Failed, what));
        };
        let Commit { hash, author, date, subject, short: _ } = commit;
        let [author, subject] = [author, subject].map(|text| one_line(text));
        self.context.print(&format!(
            "{hash} is the first slow commit\nAuthor: {author}\nDate:   {date}\n\n    {subject}\n\n{sentence}"
        ))?;
        let text = format!("{}: {sentence}", commit.title());
        self.context
            .ui
            .event(&RunEvent::Announcement { title: "first slow commit".to_owned(), text });
        self.plan.explain(evidence, basis, self.context)?;
        export_all(evidence, &self.part.exports, self.context)?;
        Ok(ExitKind::Ok)
    }

    fn say_left(&self, left: &[Commit]) {
        self.warn(&format!("interrupted; {}", range(left)));
    }

    fn say(&self, text: &str) {
        self.context.ui.event(&RunEvent::Step(text.to_owned()));
    }

    fn warn(&self, text: &str) {
        self.context.ui.event(&RunEvent::warning(text));
    }
}

/// The benchmark that got slower most, among those that are wanted.
fn target<'a>(whole: &'a SuiteComparison, wanted: Option<&str>) -> Option<&'a SuiteBenchmark> {
    let pattern = wanted.map(WildMatch::new);
    let is_wanted = |one: &&SuiteBenchmark| {
        pattern
            .as_ref()
            .is_none_or(|pattern| pattern.matches(&one.name) || pattern.matches(&one.uri))
    };
    whole.with(SuiteVerdict::Regressed).find(is_wanted)
}

/// The comparison with one benchmark only.
fn single(whole: &SuiteComparison, one: &SuiteBenchmark) -> SuiteComparison {
    SuiteComparison { benchmarks: vec![one.clone()], ..whole.clone() }
}

fn nothing_slower(whole: &SuiteComparison, wanted: Option<&str>) -> CliError {
    let fits = |pattern: &str| {
        let pattern = WildMatch::new(pattern);
        whole.benchmarks.iter().any(|one| pattern.matches(&one.name) || pattern.matches(&one.uri))
    };
    match wanted {
        Some(pattern) if !fits(pattern) => {
            let what = format!("no benchmark of both commits fits `--benchmark {pattern}`");
            CliError::new(ExitKind::Usage, what)
        }
        Some(_) | None => {
            let what = "`bad` is not clearly slower than `good`: there is nothing to search for";
            CliError::new(ExitKind::Failed, what)
                .hint("`--threshold` finds smaller differences; `--max-pairs`, or `--max-time` with `--exec`, decides what is inconclusive")
        }
    }
}

/// The commits that are left, in words.
fn range(left: &[Commit]) -> String {
    let titles: Vec<String> = left.iter().map(Commit::title).collect();
    let noun = if left.len() == 1 { "commit" } else { "commits" };
    format!("the first slow commit is one of {} {noun}: {}", left.len(), titles.join(", "))
}
