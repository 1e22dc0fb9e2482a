//! `codspeed doctor`: what makes measurements worse here, which command helps, and which differences this machine resolves.

use std::path::Path;

use results::Report;
use runner_shared::{
    duration::parse_nanos,
    harness::{Target, WalltimeArgs},
    share::{Share, ShareError},
};
use system::temporary::{Folder, Kind};

use super::{Context, here, measure::manifest, preflight::check_machine};
use crate::{
    cli::{DoctorArgs, InstrumentArgs, UploadArgs, measuring, resolve},
    doctor::{Diagnosis, Facts, Floor, PROGRAM},
    error::{CliError, ExitKind, chain},
    event::RunEvent,
    orchestrator::execute,
    settings::{RunPlan, targets::PlannedTarget},
    workload::{Versus, Workload},
};

/// No difference is as small: it goes on to its end, and the end says what it resolves.
const THRESHOLD: &str = "0.01%";
/// Shorter is no measurement.
const LEAST_NS: u64 = 100_000_000;

/// The reason that there is no floor.
enum NoFloor {
    /// Somebody wanted an end.
    Interrupted,
    /// For this reason.
    Because(String),
}

impl<E: std::error::Error> From<E> for NoFloor {
    fn from(err: E) -> Self {
        Self::Because(chain(&err))
    }
}

/// Looks, measures, and tells.
pub(crate) fn run(args: &DoctorArgs, context: &Context) -> Result<ExitKind, CliError> {
    let nanos = parse_nanos(&args.time).map_err(|err| {
        let what = format!("invalid value `{}` for `--time`: {err}", args.time);
        CliError::new(ExitKind::Usage, what)
    })?;
    if nanos < LEAST_NS {
        let what = format!("`--time {}` is too short for a measurement", args.time);
        return Err(CliError::new(ExitKind::Usage, what)
            .hint("use `--no-measure` to check without measuring"));
    }
    check_machine()?;
    let mut diagnosis = Diagnosis::of(&Facts::gather(&context.env));
    if !args.json {
        context.print(&diagnosis.lines().join("\n"))?;
    }
    let mut ended = ExitKind::Ok;
    if !args.no_measure {
        match measure(args, nanos, context) {
            Ok(floor) => diagnosis.floor = Some(floor),
            Err(NoFloor::Because(why)) => diagnosis.floor_missing = Some(why),
            Err(NoFloor::Interrupted) => ended = ExitKind::Interrupted,
        }
        if !args.json {
            context.print(&diagnosis.floor_lines().join("\n"))?;
        }
    }
    if args.json {
        let json = serde_json::to_string_pretty(&diagnosis);
        context.print(&json.map_err(|err| CliError::new(ExitKind::Bug, err))?)?;
    }
    let problems = diagnosis.problems();
    if ended == ExitKind::Ok && args.strict && problems > 0 {
        let noun = if problems == 1 { "problem" } else { "problems" };
        let what = format!("{problems} {noun} found (`--strict`)");
        return Err(CliError::new(ExitKind::Failed, what));
    }
    Ok(ended)
}

/// Compares the program with itself, as `codspeed exec --vs` does it.
fn measure(args: &DoctorArgs, nanos: u64, context: &Context) -> Result<Floor, NoFloor> {
    // From here on there is something to remove, and a comparison to end.
    let _heeding = context.signals.heed(1);
    let folder = Folder::create(&context.env.temp_dir(), Kind::Doctor)?;
    let plan = plan(args, nanos, &folder.path().join("profile"))?;
    let text = "comparing a program with itself: any difference is noise of this machine";
    context.ui.event(&RunEvent::Step(text.to_owned()));
    let part = plan.parts.first().ok_or_else(|| NoFloor::Because("nothing to run".to_owned()))?;
    let env = (&context.env, &context.signals);
    let completed = execute(part, &manifest(part, None), env, &context.ui)?;
    if completed.interrupted || context.signals.interrupted() {
        return Err(NoFloor::Interrupted);
    }
    let Report::Walltime(report) = &completed.report else {
        return Err(NoFloor::Because("no times were measured".to_owned()));
    };
    let program_ns = report.benchmarks.first().map_or(0.0, |one| one.stats.median_ns);
    let floor = report.comparisons.first().and_then(|one| Floor::of(one, program_ns));
    floor.ok_or_else(|| NoFloor::Because("too few pairs; use `--time` to allow more".to_owned()))
}

/// Both sides in turns for the whole time, with all that they leave in `folder`.
fn plan(args: &DoctorArgs, nanos: u64, folder: &Path) -> Result<RunPlan, NoFloor> {
    let mut shared = measuring(folder)?;
    shared.no_wait = args.no_wait;
    // Each of the two has half of the time.
    let half = format!("{} ns", nanos / 2);
    let limits = WalltimeArgs {
        warmup_time: Some("100ms".to_owned()),
        max_time: Some(half.clone()),
        min_time: Some(half),
        ..WalltimeArgs::default()
    };
    let target = |name: &str| Target {
        command: PROGRAM.map(Into::into).to_vec(),
        name: Some(name.to_owned()),
        walltime_args: limits.clone(),
        ..Target::default()
    };
    let threshold: Share = THRESHOLD.parse().map_err(|err: ShareError| NoFloor::from(err))?;
    let workload = Workload::Commands {
        targets: vec![target("a program"), target("the same program")],
        versus: Some(Versus { threshold: Some(threshold), ..Versus::default() }),
        robust: false,
        quiet: args.json,
    };
    let working_directory = here().map_err(|err| NoFloor::Because(chain(&*err.source)))?;
    let targets = vec![PlannedTarget { name: None, workload, working_directory }];
    let options = resolve(shared, UploadArgs::default(), InstrumentArgs::default())?;
    Ok(RunPlan::new(targets, options, folder)?)
}
