//! `codspeed gate`: a stored run is judged, and measured once more if that is wanted and something fails.

use std::{
    cell::RefCell,
    ffi::{OsStr, OsString},
};

use runner_shared::{command_text, env_names::is_secret, text::shown};
use store::{Kind, gate::GateReport};

use super::{
    Context, exec,
    gate::{
        Gate,
        choose::{self, Chosen},
        store_if_any, tell,
    },
    here, preflight, report, run as run_command, sources,
};
use crate::{
    cli::{self, Args, Command, GateArgs},
    error::{CliError, ExitKind},
    settings::options::Export,
};

/// Judges a stored run.
pub(crate) fn run(args: GateArgs, context: &mut Context) -> Result<ExitKind, CliError> {
    let GateArgs { head, base, untrusted, confirm, outcome, export, report, command } = args;
    let page = report.map(|path| Export { format: "report".to_owned(), path });
    report::refuse_stdout(page.as_ref())?;
    let files: Vec<Export> = export.iter().chain(&page).cloned().collect();
    preflight::check_exports(&files, context, &here()?)?;
    let project = sources::project(context, &here()?)?;
    let gate = Gate {
        config: project.map(|project| project.gate).unwrap_or_default(),
        base,
        outcome,
        exports: export,
        confirm,
        found: None,
        shown: RefCell::default(),
    };
    let (head, base, found, report) = {
        let (finder, head) = match untrusted {
            Some(path) => (store_if_any(context)?, choose::untrusted(&path)?),
            None => choose::head(&head, context)?,
        };
        let base = gate.base_for(&head, finder.as_ref(), context)?;
        let found = base.as_ref().filter(|_| page.is_some());
        let found = found.map(|base| gate.compare(&head, base, finder.as_ref())).transpose()?;
        let report = gate.judge(&head, base.as_ref(), finder.as_ref(), context)?;
        (head, base, found, report)
    };
    let ended = conclude(&gate, report, (&head, base.as_ref()), &command, context);
    if matches!(&ended, Err(err) if err.kind == ExitKind::Interrupted) {
        return ended;
    }
    let written = gate.write_page(page.as_ref(), &head, base.as_ref().zip(found.as_ref()), context);
    report::and_written(ended, written, context)
}

/// Concludes with the report, or with what a second measurement says, if that is wanted and something fails.
fn conclude(
    gate: &Gate,
    report: GateReport,
    (head, base): (&Chosen, Option<&Chosen>),
    command: &[OsString],
    context: &mut Context,
) -> Result<ExitKind, CliError> {
    if report.passed || !gate.confirm {
        return gate.conclude(&report, context);
    }
    if let Err(err) = check_commit(head, context) {
        gate.conclude(&report.unconfirmed("it could not be measured again"), context)?;
        return Err(err);
    }
    tell::again(context);
    let measured = measure(head, command, context);
    gate.settle(report, measured, base, context)
}

/// Checks that the sources are still those that were measured.
fn check_commit(head: &Chosen, context: &Context) -> Result<(), CliError> {
    let here = here()?;
    let Some(measured) = &head.entry.commit else { return Ok(()) };
    let found = crate::ci::checked_out(&context.env, &here);
    if found.as_deref() == Some(&measured.hash) {
        return Ok(());
    }
    let found = found.unwrap_or_else(|| "none".to_owned());
    let what = format!(
        "can't measure again: the run is of commit {}, and {} is checked out",
        shown(&measured.hash),
        shown(&found)
    );
    Err(CliError::new(ExitKind::Usage, what)
        .hint("check out that commit and build it, or leave out `--confirm`"))
}

/// Runs the command that the user gives in the modes of the first run.
///
/// The command of the record is not taken: a record may come from anybody.
fn measure(
    head: &Chosen,
    command: &[OsString],
    context: &mut Context,
) -> Result<ExitKind, CliError> {
    let verb = if head.entry.kind == Kind::Exec { "exec" } else { "run" };
    let modes: Vec<&str> = head
        .entry
        .modes
        .iter()
        .map(|mode| runner_shared::mode::Mode::from(*mode).names().cli)
        .collect();
    let modes = modes.join(",");
    let options = ["codspeed", verb, "-m", &modes, "--skip-upload", "--"].map(OsString::from);
    let words: Vec<OsString> = options.into_iter().chain(command.iter().cloned()).collect();
    // Secrets are no longer where the parser looks for them.
    let is_gone = |name: &str| is_secret(OsStr::new(name)) || context.env.is_empty_text(name);
    let parsed = cli::parse(words.into_iter(), &is_gone);
    let (Args { command: parsed, .. }, _) = parsed.map_err(|err| {
        let text = shown(&command_text::join(command)).into_owned();
        CliError::new(ExitKind::Usage, format!("can't run `{text}`: {err}"))
    })?;
    if let Command::Run(args) = parsed {
        run_command::run(*args, context)
    } else if let Command::Exec(args) = parsed {
        exec::run(*args, context)
    } else {
        let what = format!("`{verb}` was read as another command");
        Err(CliError::new(ExitKind::Bug, what))
    }
}
