//! `codspeed compare`: stored runs against each other.

use results::{Verdicts, exporter};
use runner_shared::{share::Share, text::one_line};
use store::{
    compare::{AtMost, Comparison, Settings, Shown, Verdict, compare},
    gate::Pattern,
};

use super::{
    Context, ab,
    compare::check_exports,
    compared::limit_of,
    here, notify,
    outcome::unwritten,
    preflight,
    sides::{Sides, runs},
};
use crate::{
    cli::CompareRunsArgs,
    error::{CliError, ExitKind},
    settings::options::ReportFormat,
};

/// Compares two runs and says of each benchmark whether it has changed.
pub(crate) fn run(args: &CompareRunsArgs, context: &Context) -> Result<ExitKind, CliError> {
    let limit = limit_of(args.fail_if_slower, args.threshold)?;
    check_exports(args.export.iter())?;
    preflight::check_exports(&args.export, context, &here()?)?;
    let sides = Sides::find(args.base.as_deref(), args.head.as_deref(), context)?;
    let (base, head) = (runs(&sides.base), runs(&sides.head));
    let threshold = args.threshold.map(Share::value);
    let at_most = limit.map(|share| AtMost::All(share.value()));
    let settings = Settings { threshold, at_most, force: args.force, floors: Some(&sides.floors) };
    let mut found = compare(&base, &head, &settings);
    let share_none = found.benchmarks.is_empty();
    if !args.benchmark.is_empty() {
        let patterns: Vec<Pattern> = args.benchmark.iter().map(|it| it.as_str().into()).collect();
        let is_wanted =
            |name: &str, uri: &str| patterns.iter().any(|pattern| pattern.is_about(name, uri));
        found.keep(is_wanted, &base, &head);
    }
    show(&found, args, context)?;
    if found.benchmarks.is_empty() {
        return Err(empty(share_none));
    }
    if found.with(Verdict::Regressed).next().is_some() {
        tell(&found, args, context)?;
    }
    let share = limit.map_or(0.0, Share::value);
    Ok(args.fail_if_slower.map_or(ExitKind::Ok, |_| judge(&found, share, context)))
}

/// Nothing is left to compare, as the runs share none, or as `--benchmark` leaves out those that they share.
fn empty(share_none: bool) -> CliError {
    let (what, hint) = if share_none {
        let hint =
            "run `codspeed store list` to see the stored runs, and name two that measured the same";
        ("the runs have no benchmark in common", hint)
    } else {
        let hint = "`--benchmark` takes a name or an identity, with `*` and `?` as wildcards";
        ("none of the benchmarks that both runs have fits `--benchmark`", hint)
    };
    CliError::new(ExitKind::Empty, what).hint(hint)
}

/// Shows the verdicts, and writes the exports.
fn show(found: &Comparison, args: &CompareRunsArgs, context: &Context) -> Result<(), CliError> {
    let shown = Shown { of: found, all: args.all };
    if args.json {
        let mut json = Vec::new();
        shown.write_json(&mut json).map_err(|err| unwritten(&err))?;
        context.print(String::from_utf8_lossy(&json).trim_end())?;
    } else {
        context.ui.verdicts(&shown).map_err(|err| unwritten(&err))?;
    }
    ab::export_all(&shown, &args.export, context)?;
    if args.explain { context.print_more(&found.explain()) } else { Ok(()) }
}

/// Tells the command of the user.
fn tell(found: &Comparison, args: &CompareRunsArgs, context: &Context) -> Result<(), CliError> {
    let shown = Shown { of: found, all: args.all };
    let written = |format| {
        let mut bytes = Vec::new();
        match (format, exporter("markdown")) {
            (ReportFormat::Markdown, Some(exporter)) => {
                exporter.write_verdicts(&shown, &mut bytes)?;
            }
            (ReportFormat::Json, _) | (ReportFormat::Markdown, None) => {
                shown.write_json(&mut bytes)?;
            }
        }
        Ok(bytes)
    };
    notify::tell(&args.notify, &written, context)
}

/// Judges by `--fail-if-slower`.
fn judge(found: &Comparison, limit: f64, context: &Context) -> ExitKind {
    let worse = found.worse_by(limit).map(|one| format!("`{}`", one_line(&one.name)));
    ab::fail_of(&worse.collect::<Vec<_>>(), context)
}
