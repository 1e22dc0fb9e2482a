//! `codspeed history`: how benchmarks changed over the stored runs.

use store::{
    Filter,
    gate::Pattern,
    history::{History, csv, json, listing, of_kept, table},
};

use super::{Context, remote};
use crate::{
    cli::{HistoryArgs, ago},
    error::{CliError, ExitKind},
};

/// Shows the history of all benchmarks, or all values of a single one.
pub(crate) fn run(args: &HistoryArgs, context: &Context) -> Result<ExitKind, CliError> {
    let pattern = args.benchmark.as_deref().map(Pattern::from);
    let kept = remote::open_fresh(context)?;
    let filter = Filter {
        branch: args.branch.clone(),
        since_ms: args.since.map(ago),
        mode: args.mode.map(Into::into),
        newest: (args.limit > 0).then_some(args.limit),
        ..Filter::of_project(&kept.project)
    };
    let mode = args.mode.map(Into::into);
    let found = kept.store.series(&filter, args.metric.as_deref(), &|key| {
        mode.is_none_or(|mode| key.mode == mode)
            && pattern.as_ref().is_none_or(|pattern| pattern.is_about(&key.name, &key.uri))
    })?;
    let (origins, series) = of_kept(found);
    if series.is_empty() {
        return Err(nothing(args, &kept.project));
    }
    let histories: Vec<History<'_>> =
        series.into_iter().map(|series| History::of(series, &origins)).collect();
    if args.json {
        context.print(&json(&histories).to_string())?;
    } else if args.csv {
        let text = csv(&histories).map_err(|err| CliError::new(ExitKind::Bug, err))?;
        context.print(text.trim_end())?;
    } else {
        let style = context.ui.table_style();
        let text = match histories.as_slice() {
            [one] if args.benchmark.is_some() => listing(one, &style),
            all => table(all, &style),
        };
        context.print(text.trim_end())?;
    }
    Ok(ExitKind::Ok)
}

fn nothing(args: &HistoryArgs, project: &str) -> CliError {
    let what = match (&args.benchmark, &args.metric) {
        (_, Some(metric)) => {
            format!("no stored run of `{project}` has a value `{metric}` that fits")
        }
        (Some(benchmark), None) => {
            format!("no stored run of `{project}` has a benchmark `{benchmark}`")
        }
        (None, None) => format!("no stored run of `{project}` fits"),
    };
    CliError::new(ExitKind::Usage, what).hint(
        "run `codspeed store list` to see the stored runs, `codspeed history` for their benchmarks",
    )
}
