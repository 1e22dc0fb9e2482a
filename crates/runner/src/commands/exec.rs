//! `codspeed exec`: any command, alone or against another one.

use std::io;

use results::{BenchResult, RawRounds, Report, compare};
use runner_shared::{artifact::Rounds, harness::Target, mode::Mode};

use super::{Context, here, outcome};
use crate::{
    cli::ExecArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    orchestrator::execute,
    report::AnyReport,
    settings::RunPlan,
    workload::Workload,
};

/// A difference below this share is not called one.
const MINIMUM_EFFECT: f64 = 0.03;
/// A text with one of these is left to a shell.
const SHELL_CHARACTERS: &[char] = &['|', '&', ';', '<', '>', '(', ')', '$', '`', '*', '?', '~'];

/// Runs the command and shows what came out.
pub(crate) fn run(args: ExecArgs, context: &Context) -> Result<ExitKind, CliError> {
    let ExecArgs { shared, name, vs, robust, walltime, around, command } = args;
    let unsaid = shared.mode.is_none();
    let head = Target { command, name, walltime_args: walltime, run_args: around };
    let base = vs.map(|text| {
        let command = words(&text)?;
        Ok::<_, CliError>(Target { command, name: None, ..head.clone() })
    });
    let base = base.transpose()?;
    let uris = base.as_ref().map(|base| (base.uri(), head.uri()));
    if uris.as_ref().is_some_and(|(base, head)| base == head) {
        let err = "both commands have the same name, so their results can't be told apart";
        return Err(
            CliError::new(ExitKind::Usage, err).hint("`--name` gives the command another one")
        );
    }
    let workload = Workload::Commands {
        interleave: base.is_some(),
        targets: base.into_iter().chain([head]).collect(),
        robust,
        quiet: shared.quiet,
    };
    let plan = RunPlan::new(workload, shared, Some(Mode::Walltime), &here()?)?;
    if unsaid {
        let text = "mode: walltime (real time); `-m` chooses another one".to_owned();
        context.ui.event(&RunEvent::Step(text));
    }
    let completed = execute(&plan, &context.env, &context.ui)?;
    let shown = outcome::show(&plan.exports, &completed.report, context);
    outcome::show_hottest(&completed.report, outcome::A_FEW.0, outcome::A_FEW.1, context)?;
    if let (Some((base, head)), AnyReport::Walltime(report)) = (uris, &completed.report) {
        show_verdict(report, &base, &head, context).map_err(|err| outcome::unwritten(&err))?;
    }
    outcome::judge(&plan, completed, context).and_then(|kind| shown.map(|()| kind))
}

/// Says which of two benchmarks is faster, if both were measured.
fn show_verdict(report: &Report, base: &str, head: &str, context: &Context) -> io::Result<()> {
    let find = |uri: &str| report.benchmarks.iter().find(|bench| bench.uri == uri);
    if let (Some(base), Some(head)) = (find(base), find(head))
        && let (Some(base_rounds), Some(head_rounds)) = (rounds(base), rounds(head))
    {
        let comparison = compare(base_rounds, head_rounds, MINIMUM_EFFECT);
        context.ui.details(&format!("\n{}", comparison.sentence(&base.name, &head.name)))?;
    }
    Ok(())
}

fn rounds(bench: &BenchResult) -> Option<&Rounds> {
    match &bench.rounds {
        Some(RawRounds::Logged(rounds)) => Some(rounds),
        Some(RawRounds::Marked { .. }) | None => None,
    }
}

/// The words of a command line, or the one word of a text that a shell shall run.
fn words(text: &str) -> Result<Vec<String>, CliError> {
    if text.contains(SHELL_CHARACTERS) {
        return Ok(vec![text.to_owned()]);
    }
    shell_words::split(text).map_err(|err| {
        CliError::new(ExitKind::Usage, format!("`--vs {text}` can't be split into words: {err}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_split_unless_it_is_shell_text() {
        let split = |text| words(text).unwrap();
        assert_eq!(split("./old 'in put.txt' -n"), ["./old", "in put.txt", "-n"]);
        assert_eq!(split("a | b"), ["a | b"]);
        assert!(words("./old 'x").is_err());
    }
}
