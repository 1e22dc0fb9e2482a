//! A run is judged by the limits of the project: by `codspeed gate`, and by `--gate` of the commands that measure.
//!
//! `choose` finds the runs, `expect` asks their history, `tell` shows and sends the report.

pub(super) mod choose;
mod expect;
pub(super) mod tell;

use std::cell::RefCell;

use runner_shared::share::Share;
use store::{
    Kind, Mode,
    compare::{AtMost, Comparison, Settings, compare},
    gate::{Day, GateReport, Inputs, judge},
};

use super::{
    Context, Recorded, here, kept,
    measure::{Ended, measure},
    preflight, remote,
    report::{self, Content},
    sides::{Finder, runs},
    sources,
};
use crate::{
    cli::{GateAbArgs, GateOutcomeArgs, GateRunArgs, ago},
    error::{CliError, ExitKind},
    event::RunEvent,
    settings::{RunPlan, options::Export, project_file::GateConfig},
};
use choose::Chosen;

/// The smallest share that can be said: none at all is more than counts can have.
const LEAST_SHARE: f64 = 1e-6;

/// Limits, the base, and what becomes of the report.
#[derive(Debug)]
pub(crate) struct Gate {
    pub config: GateConfig,
    /// The run to compare with, if the user names one.
    pub base: Option<String>,
    /// The consequences of a failure.
    pub outcome: GateOutcomeArgs,
    /// Files to write.
    pub exports: Vec<Export>,
    /// True if failed checks are measured again.
    pub confirm: bool,
    /// The run to compare with, of a command that measures: found before it does.
    pub found: Option<Chosen>,
    /// The report that was shown last, for the page.
    pub shown: RefCell<Option<GateReport>>,
}

/// The limits of the project. Commands that measure say what is odd about its file.
fn config(context: &Context) -> Result<GateConfig, CliError> {
    let project = sources::project_in_silence(context, &here()?)?;
    Ok(project.map(|project| project.gate).unwrap_or_default())
}

/// The store, which a trusted job needn't have.
pub(super) fn store_if_any(context: &Context) -> Result<Option<Finder<'_>>, CliError> {
    match remote::open_fresh(remote::NEWEST, context) {
        Ok(kept) => Ok(Some(Finder { kept, context })),
        Err(err) if kept::is_none(&err) || kept::is_nowhere(&err) => Ok(None),
        Err(err) => Err(err),
    }
}

/// Measures, judges what was measured if a gate is wanted, and writes a page if one is wanted.
pub(super) fn measured(
    gate: Option<&Gate>,
    page: Option<&Export>,
    plan: &RunPlan,
    kind: Kind,
    context: &Context,
) -> Result<ExitKind, CliError> {
    let ended = match measure(plan, kind, context) {
        Ok(ended) => ended,
        Err(err) => {
            let written = report::of_recorded(page, context);
            return report::and_written(Err(err), written, context);
        }
    };
    if let Some(gate) = gate {
        return gate.follow(ended, page, plan, kind, context);
    }
    let written = report::of_recorded(page, context);
    report::and_written(ended.whole(&context.ui), written, context)
}

impl Gate {
    /// The gate of a command that measures, if it is wanted. What is wrong with it is said before hours are spent.
    pub(super) fn of_run(args: GateRunArgs, context: &Context) -> Result<Option<Self>, CliError> {
        let GateRunArgs { gate, confirm, gate_export, outcome } = args;
        let Some(base) = gate else { return refuse_idle(&outcome).map(|()| None) };
        let base = Some(base).filter(|base| !base.is_empty());
        preflight::check_exports(&gate_export, context, &here()?)?;
        kept::check_writable(context)?;
        remote::check(context)?;
        let (config, exports) = (config(context)?, gate_export);
        let (found, shown) = Default::default();
        let mut gate = Self { config, base, outcome, exports, confirm, found, shown };
        if let Some(word) = gate.told() {
            let finder = store_if_any(context)?;
            gate.found = Some(choose::before(word, finder.as_ref())?);
        }
        Ok(Some(gate))
    }

    /// The gate of `codspeed ab`, if it is wanted.
    pub(super) fn of_ab(args: GateAbArgs, context: &Context) -> Result<Option<Self>, CliError> {
        let GateAbArgs { gate, gate_export, outcome } = args;
        if !gate {
            return refuse_idle(&outcome).map(|()| None);
        }
        preflight::check_exports(&gate_export, context, &here()?)?;
        let (config, base, exports) = (config(context)?, None, gate_export);
        let (found, shown) = Default::default();
        Ok(Some(Self { config, base, outcome, exports, confirm: false, found, shown }))
    }

    /// The word for the run to compare with, if somebody gave one.
    fn told(&self) -> Option<&str> {
        self.base.as_deref().or(self.config.base.as_deref())
    }

    /// Chooses the run that the first measurement and the second one are compared with.
    pub(super) fn base_for(
        &self,
        head: &Chosen,
        finder: Option<&Finder<'_>>,
        context: &Context,
    ) -> Result<Option<Chosen>, CliError> {
        match (self.told(), &self.found, finder) {
            (Some(word), Some(found), Some(finder)) => {
                Ok(Some(choose::better(word, found, head, finder)))
            }
            (told, ..) => choose::base(told, head, finder, context),
        }
    }

    /// Judges a run.
    pub(super) fn judge(
        &self,
        head: &Chosen,
        base: Option<&Chosen>,
        finder: Option<&Finder<'_>>,
        context: &Context,
    ) -> Result<GateReport, CliError> {
        let rules = &self.config.rules;
        let heads = runs(&head.runs);
        let comparison = base.map(|base| self.compare(head, base, finder)).transpose()?;
        let expectations = match (&comparison, finder) {
            (Some(comparison), Some(finder)) => {
                expect::expectations(comparison, head, &finder.kept, context)?
            }
            _ => Vec::new(),
        };
        Ok(judge(&Inputs {
            rules,
            comparison: comparison.as_ref(),
            head: &heads,
            expectations: &expectations,
            today: &today(),
            strict: self.outcome.strict,
        }))
    }

    /// Compares a run with its base, by the limits of the project.
    pub(super) fn compare(
        &self,
        head: &Chosen,
        base: &Chosen,
        finder: Option<&Finder<'_>>,
    ) -> Result<Comparison, CliError> {
        let floors = finder.map(|finder| finder.floors(&head.entry)).transpose()?;
        let rules = &self.config.rules;
        let limits =
            |mode: Mode, name: &str, uri: &str, key: &str| rules.threshold(mode, name, uri, key);
        let at_most = Some(AtMost::Of(&limits));
        let settings = Settings { at_most, floors: floors.as_ref(), ..Settings::default() };
        Ok(compare(&runs(&base.runs), &runs(&head.runs), &settings))
    }

    /// Writes the page of a judged run, if one is wanted.
    pub(super) fn write_page(
        &self,
        file: Option<&Export>,
        head: &Chosen,
        base: Option<(&Chosen, &Comparison)>,
        context: &Context,
    ) -> Result<(), CliError> {
        let (Some(file), Some(run)) = (file, head.runs.last()) else { return Ok(()) };
        let base = base.and_then(|(base, found)| Some((base.runs.last()?, found)));
        let shown = self.shown.borrow();
        let what = Content {
            base,
            gate: shown.as_ref(),
            most_bytes: ::report::Report::USUAL_BYTES,
            ..Content::default()
        };
        what.write(run, file, context)
    }

    /// Judges what was measured, whatever becomes of its upload; measures once more if that is wanted and something
    /// fails. What was not measured well is not judged. The first measurement alone is sent: it is the one that is judged.
    fn follow(
        &self,
        ended: Ended,
        page: Option<&Export>,
        plan: &RunPlan,
        kind: Kind,
        context: &Context,
    ) -> Result<ExitKind, CliError> {
        let is_empty = ended.is_kept && context.recorded.borrow().is_none();
        let may_be_empty = is_empty && plan.parts.iter().all(|part| part.allow_empty);
        if !is_judged(ended.measured) || may_be_empty {
            let written = report::of_recorded(page, context);
            return report::and_written(ended.whole(&context.ui), written, context);
        }
        let Ended { measured, sent, .. } = ended;
        let is_stopped = matches!(&sent, Err(err) if err.kind == ExitKind::Interrupted);
        if let Err(err) = &sent {
            // Now, as a second measurement may take hours.
            context.ui.error(err);
        }
        let Some(recorded) = context.recorded.take() else {
            let what = "the run was not recorded, so the gate has nothing to judge";
            return Err(CliError::new(ExitKind::Failed, what));
        };
        let First { report, head, base, finder } = self.of_first(recorded, context)?;
        let judged = if is_stopped {
            self.show(&report, context)?;
            ExitKind::Interrupted
        } else if !report.passed && self.confirm {
            tell::again(context);
            let again =
                measure(&plan.unsent(), kind, context).and_then(|again| again.whole(&context.ui));
            self.settle(report, again, base.as_ref(), context)?
        } else {
            self.conclude(&report, context)?
        };
        let found = base.as_ref().filter(|_| page.is_some());
        let found = found.map(|base| self.compare(&head, base, Some(&finder))).transpose()?;
        let written = self.write_page(page, &head, base.as_ref().zip(found.as_ref()), context);
        report::and_written(verdict(measured, judged, sent), written, context)
    }

    /// The report on what was just measured, and what it was compared with.
    fn of_first<'c>(
        &self,
        Recorded { id, kept, .. }: Recorded,
        context: &'c Context,
    ) -> Result<First<'c>, CliError> {
        // Who wants an end waits for no network.
        let is_stopped = context.signals.interrupted();
        let kept = if is_stopped { kept } else { remote::freshened(kept, remote::NEWEST, context) };
        let finder = Finder { kept, context };
        let head = choose::named(&id.to_string(), None, &finder)?;
        let base = self.base_for(&head, Some(&finder), context)?;
        let report = self.judge(&head, base.as_ref(), Some(&finder), context)?;
        Ok(First { report, head, base, finder })
    }

    /// Concludes with what both measurements say: the second one has just ended like this, and is compared with the same
    /// base. Where it says nothing, the first report counts; after an interruption it is only shown.
    pub(super) fn settle(
        &self,
        first: GateReport,
        measured: Result<ExitKind, CliError>,
        base: Option<&Chosen>,
        context: &Context,
    ) -> Result<ExitKind, CliError> {
        let recorded = context.recorded.take();
        let ended = ended(measured, context)?;
        if ended == ExitKind::Interrupted {
            let report = first.unconfirmed("the second measurement was interrupted");
            self.show(&report, context)?;
            return Ok(ended);
        }
        let report = match recorded {
            _ if !is_judged(ended) => first.unconfirmed("the second measurement failed"),
            None => first.unconfirmed("the second measurement left no record"),
            Some(recorded) => match self.of_second(recorded, base, context) {
                Ok(second) => first.confirmed_by(&second),
                Err(err) => {
                    survive(err, context)?;
                    first.unconfirmed("the second measurement could not be judged")
                }
            },
        };
        self.conclude(&report, context)
    }

    /// The report on the second measurement.
    fn of_second(
        &self,
        Recorded { id, kept, .. }: Recorded,
        base: Option<&Chosen>,
        context: &Context,
    ) -> Result<GateReport, CliError> {
        let finder = Finder { kept, context };
        let head = choose::named(&id.to_string(), None, &finder)?;
        self.judge(&head, base, Some(&finder), context)
    }

    /// Judges the verdicts about two states of a repository. They were measured in turns, and what failed was looked at
    /// twice.
    pub(super) fn judge_pairs(
        &self,
        found: &Comparison,
        context: &Context,
    ) -> Result<ExitKind, CliError> {
        let report = judge(&Inputs {
            rules: &self.config.rules,
            comparison: Some(found),
            head: &[],
            expectations: &[],
            today: &today(),
            strict: self.outcome.strict,
        });
        self.conclude(&report, context)
    }

    /// The smallest loss in a mode that has to be told from noise: of none at all the least that is a share.
    pub(super) fn smallest_regression(&self, mode: Mode) -> Option<Share> {
        let share = self.config.rules.smallest_regression(mode)?;
        share.max(LEAST_SHARE).to_string().parse().ok()
    }

    /// Shows and sends the report, and chooses the exit code.
    pub(super) fn conclude(
        &self,
        report: &GateReport,
        context: &Context,
    ) -> Result<ExitKind, CliError> {
        let shown = self.show(report, context);
        if !report.passed {
            tell::notify(&self.outcome.notify, report, context)?;
        }
        shown?;
        if report.passed {
            return Ok(ExitKind::Ok);
        }
        if self.outcome.warn_only {
            let text = "the gate failed; `--warn-only` makes this a warning";
            context.ui.event(&RunEvent::warning(text));
            return Ok(ExitKind::Ok);
        }
        Ok(ExitKind::Regression)
    }

    /// Shows the report, and writes it to files.
    pub(super) fn show(&self, report: &GateReport, context: &Context) -> Result<(), CliError> {
        self.shown.replace(Some(report.clone()));
        tell::show(report, context)?;
        self.exports.iter().try_for_each(|export| tell::export(report, export, context))
    }
}

/// A run that was just measured, with its judgement.
struct First<'c> {
    report: GateReport,
    head: Chosen,
    base: Option<Chosen>,
    finder: Finder<'c>,
}

/// Refuses the consequences of a gate that is not wanted: nobody would notice that they don't come.
fn refuse_idle(outcome: &GateOutcomeArgs) -> Result<(), CliError> {
    let GateOutcomeArgs { strict, warn_only, notify } = outcome;
    let given = [
        ("--strict", *strict),
        ("--warn-only", *warn_only),
        ("--on-regression", notify.on_regression.is_some()),
    ];
    let idle = given.iter().find(|(_, is_given)| *is_given);
    idle.map_or(Ok(()), |(option, _)| {
        let what = format!("`{option}` has no effect without `--gate`");
        Err(CliError::new(ExitKind::Usage, what))
    })
}

/// The end of a command whose results were measured, judged by the gate, and sent. A failed gate weighs more than a failed
/// upload, which was told.
fn verdict(
    measured: ExitKind,
    judged: ExitKind,
    sent: Result<ExitKind, CliError>,
) -> Result<ExitKind, CliError> {
    match (measured, judged, sent) {
        (_, ExitKind::Interrupted, _) => Ok(ExitKind::Interrupted),
        (ExitKind::Ok, ExitKind::Ok, Ok(by_service)) => Ok(by_service),
        (ExitKind::Ok, ExitKind::Ok, Err(err)) => {
            Err(CliError::new(err.kind, "the results were judged, but not uploaded"))
        }
        (ExitKind::Ok, judged, _) => Ok(judged),
        (measured, ..) => Ok(measured),
    }
}

/// The end of a second measurement. Its errors don't lose the first report.
fn ended(measured: Result<ExitKind, CliError>, context: &Context) -> Result<ExitKind, CliError> {
    measured.or_else(|err| {
        let kind = err.kind;
        survive(err, context).map(|()| kind)
    })
}

/// Tells of an error that doesn't end the command; only a bug does.
fn survive(err: CliError, context: &Context) -> Result<(), CliError> {
    if err.kind == ExitKind::Bug {
        return Err(err);
    }
    context.ui.error(&err);
    Ok(())
}

/// Returns true if the results of a run that ended so are judged: it has to be measured well.
const fn is_judged(kind: ExitKind) -> bool {
    matches!(kind, ExitKind::Ok | ExitKind::Regression)
}

/// Today in UTC.
fn today() -> Day {
    Day::of(ago(0))
}

#[cfg(test)]
mod tests {
    use store::gate::{Limit, Rule, Rules};

    use super::*;

    #[test]
    fn a_failed_gate_weighs_more_than_a_failed_upload() {
        use ExitKind::{Failed, Interrupted, Ok as Fine, Regression, Service};
        let end = |measured, judged, sent: Result<ExitKind, ExitKind>| {
            let sent = sent.map_err(|kind| CliError::new(kind, "no network"));
            verdict(measured, judged, sent).unwrap_or_else(|err| err.kind)
        };
        assert_eq!(end(Fine, Fine, Ok(Fine)), Fine);
        assert_eq!(end(Fine, Fine, Err(Service)), Service);
        assert_eq!(end(Fine, Fine, Err(Failed)), Failed);
        assert_eq!(end(Fine, Fine, Ok(Regression)), Regression, "the service says so");
        assert_eq!(end(Fine, Regression, Err(Service)), Regression);
        assert_eq!(end(Fine, Regression, Ok(Fine)), Regression);
        assert_eq!(end(Regression, Fine, Err(Service)), Regression);
        assert_eq!(end(Fine, Interrupted, Err(Interrupted)), Interrupted);
    }

    #[test]
    fn a_limit_of_nothing_is_one_for_counts() {
        let rule = Rule { max_regression: Some(Limit::Most(0.0)), ..Rule::default() };
        let rules = Rules { rules: vec![rule], waivers: Vec::new() };
        let gate = Gate {
            config: GateConfig { base: None, rules },
            base: None,
            outcome: GateOutcomeArgs::default(),
            exports: Vec::new(),
            confirm: false,
            found: None,
            shown: RefCell::default(),
        };
        let least = gate.smallest_regression(Mode::Memory).unwrap();
        assert_eq!(Some(least), "0.0001%".parse().ok());
        assert_eq!(gate.smallest_regression(Mode::Simulation), Some(least));
        assert_eq!(gate.smallest_regression(Mode::Walltime), None, "no time equals another one");
    }
}
