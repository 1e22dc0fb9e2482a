//! `codspeed isolate`: settings of the machine that keep a core calm, changed and brought back.

use std::io;

use nix::unistd::geteuid;
use runner_shared::fault::{Attempt, explain};
use system::{
    processors::{self, Processors},
    signals,
    tuning::{self, Change, Outcome, Row, Stage, State, Told, Tree},
};

use super::Context;
use crate::{
    cli::{IsolateArgs, IsolateCommand, IsolateOnArgs},
    error::{CliError, ExitKind},
    isolate::{self, SETTINGS, Scene, Setting, default_processor, real_tree},
    mode::named,
};

/// Does what is asked.
pub(crate) fn run(args: &IsolateArgs, context: &Context) -> Result<ExitKind, CliError> {
    let tree = real_tree();
    match &args.command {
        IsolateCommand::On(args) => on(args, &tree, context),
        IsolateCommand::Off => off(&tree, context),
        IsolateCommand::Status => status(&tree, context),
    }
}

fn on(args: &IsolateOnArgs, tree: &Tree, context: &Context) -> Result<ExitKind, CliError> {
    needs_root("on")?;
    // It is done in a moment, and half of it would have to be undone.
    let _heeding = context.signals.heed(signals::ALL);
    let chosen = match tuning::state(tree).map_err(|err| unusable(&err))? {
        State::Busy => return Err(busy()),
        State::Changed(Told { processors, .. }) => match &args.cpu {
            Some(wanted) if *wanted != processors => {
                let what = format!("{} is already reserved", named(&processors));
                return Err(CliError::new(ExitKind::Failed, what)
                    .hint("run `codspeed isolate off` first to restore the settings"));
            }
            Some(_) | None => processors,
        },
        State::Off => choose(args.cpu.as_ref(), tree)?,
    };
    let off = switched_off(tree);
    let scene = Scene { tree, chosen: &chosen, off: &off };
    let found: Vec<(&Setting, Result<Vec<Change>, String>)> =
        SETTINGS.iter().map(|setting| (setting, (setting.changes)(&scene))).collect();
    let all: Vec<Change> =
        found.iter().filter_map(|(_, changes)| changes.as_ref().ok()).flatten().cloned().collect();
    let rows = tuning::change(tree, &chosen, &all).map_err(|err| unusable(&err))?;
    let is_done = |row: &Row| matches!(row.outcome, Outcome::Changed(_) | Outcome::AlreadyThere);
    let done = rows.iter().filter(|row| is_done(row)).count();
    let mut rows = rows.into_iter();
    for (setting, changes) in &found {
        heading(setting, context)?;
        match changes {
            Err(why) => context.print(&format!("  not possible: {why}"))?,
            Ok(changes) if changes.is_empty() => context.print("  already set")?,
            Ok(changes) => {
                for row in rows.by_ref().take(changes.len()) {
                    context.print(&format!("  {}", row.shown()))?;
                }
            }
        }
    }
    // What an earlier call has changed stays.
    let is_off = matches!(tuning::state(tree), Ok(State::Off));
    if all.is_empty() && is_off {
        let impossible = found.iter().filter(|(_, changes)| changes.is_err()).count();
        context.print(nothing_changed(impossible, found.len()))?;
        return Ok(ExitKind::Ok);
    }
    if done == 0 && !all.is_empty() {
        let what = "nothing could be changed on this machine";
        return Err(CliError::new(ExitKind::Failed, what)
            .hint("change these settings on the host of the container or virtual machine")
            .hint("use `codspeed exec --pin` to run on the idlest processor, without root"));
    }
    let pin = processors::shown_list(&chosen);
    context.print(&format!(
        "reserved: {}; use `codspeed exec --pin={pin} -- ...` to measure there, and `codspeed isolate off` to restore \
            the settings",
        named(&chosen)
    ))?;
    Ok(ExitKind::Ok)
}

/// The processors to make calm.
fn choose(told: Option<&Processors>, tree: &Tree) -> Result<Processors, CliError> {
    let allowed = processors::allowed().map_err(|err| CliError::new(ExitKind::Failed, err))?;
    match told {
        Some(told) if !told.is_subset(&allowed) => {
            let what = format!("this process may use {}", named(&allowed));
            Err(CliError::new(ExitKind::Usage, what)
                .hint("use `--cpu` with one of those, such as `3` or `2,3`"))
        }
        Some(told) => Ok(told.clone()),
        None => Ok(default_processor(tree, &allowed).into_iter().collect()),
    }
}

fn off(tree: &Tree, context: &Context) -> Result<ExitKind, CliError> {
    needs_root("off")?;
    let _heeding = context.signals.heed(signals::ALL);
    if let State::Busy = tuning::state(tree).map_err(|err| unusable(&err))? {
        return Err(busy());
    }
    let rows = tuning::restore(tree).map_err(|err| unusable(&err))?;
    if rows.is_empty() {
        context.print("nothing is changed")?;
    }
    for row in &rows {
        context.print(&row.shown())?;
    }
    if rows.iter().any(|row| matches!(row.outcome, Outcome::Failed(_))) {
        let what = "not all settings could be restored";
        return Err(CliError::new(ExitKind::Failed, what)
            .hint("see the lines above; run `codspeed isolate off` to try again"));
    }
    Ok(ExitKind::Ok)
}

fn status(tree: &Tree, context: &Context) -> Result<ExitKind, CliError> {
    let chosen = match tuning::state(tree) {
        Ok(State::Off) => {
            context.print("off: nothing is changed")?;
            choose(None, tree)?
        }
        Ok(State::Busy) => {
            context.print("another process is changing settings right now")?;
            choose(None, tree)?
        }
        Ok(State::Changed(Told { processors, entries, stage })) => {
            let state = match stage {
                Stage::On => "on",
                Stage::Changing => "started, but not finished",
                Stage::Restoring => "some settings could not be restored",
            };
            let changed = entries.len();
            context.print(&format!(
                "{state}: {} reserved, {changed} settings files changed",
                named(&processors)
            ))?;
            processors
        }
        Err(err) if err.kind() == io::ErrorKind::PermissionDenied => {
            context.print("on: settings are changed; run as root to see which")?;
            choose(None, tree)?
        }
        Err(err) => return Err(unusable(&err)),
    };
    let off = switched_off(tree);
    let scene = Scene { tree, chosen: &chosen, off: &off };
    for setting in SETTINGS {
        heading(setting, context)?;
        match (setting.changes)(&scene) {
            Err(why) => context.print(&format!("  not possible: {why}"))?,
            Ok(changes) if changes.is_empty() => context.print("  already set")?,
            Ok(changes) => {
                for Change { path, wanted } in changes {
                    let now = tree.read(&path);
                    let now = now.unwrap_or_else(|err| explain(&err, Attempt::Read).to_string());
                    context.print(&format!("  {path}: {now} (wanted: {wanted})"))?;
                }
            }
        }
    }
    Ok(ExitKind::Ok)
}

/// Says why nothing is changed, where so many settings of all can't be.
const fn nothing_changed(impossible: usize, all: usize) -> &'static str {
    match impossible {
        0 => "nothing was changed: all settings are right already",
        some if some == all => {
            "nothing was changed: no setting can be changed here; use `codspeed exec --pin` to run on the idlest \
                processor"
        }
        _ => {
            "nothing was changed: the other settings can't be changed here (see above); use `codspeed exec --pin` to \
                run on the idlest processor"
        }
    }
}

/// Returns the processors that are off by an earlier `on`: the kernel no longer says to which core they belong.
fn switched_off(tree: &Tree) -> Processors {
    match tuning::state(tree) {
        Ok(State::Changed(told)) => isolate::switched_off(&told),
        Ok(State::Off | State::Busy) | Err(_) => Processors::new(),
    }
}

fn heading(setting: &Setting, context: &Context) -> Result<(), CliError> {
    let Setting { title, why, changes: _ } = setting;
    context.print(&format!("{title}: {why}"))
}

/// Nothing is tried without the right to finish it.
fn needs_root(verb: &str) -> Result<(), CliError> {
    if geteuid().is_root() {
        return Ok(());
    }
    let what = "only root can change settings of the machine; nothing was changed";
    Err(CliError::new(ExitKind::Failed, what)
        .hint(format!("sudo \"$(command -v codspeed)\" isolate {verb}"))
        .hint("use `codspeed exec --pin --no-aslr`, which needs no permissions"))
}

fn busy() -> CliError {
    CliError::new(ExitKind::Failed, "another process is changing settings right now")
        .hint("wait for it to finish, then try again")
}

fn unusable(err: &io::Error) -> CliError {
    let why = explain(err, Attempt::Write);
    CliError::new(ExitKind::Failed, format!("the journal of changes can't be used: {why}"))
        .hint(format!("it is {}", tuning::JOURNAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchangeable_machine_differs_from_an_already_isolated_one() {
        let said = [(0, 4), (1, 4), (4, 4)].map(|(some, all)| nothing_changed(some, all));
        assert!(said[0].ends_with("all settings are right already"), "{}", said[0]);
        assert!(said[1].contains("the other settings can't be changed here"), "{}", said[1]);
        assert!(said[2].contains("no setting can be changed here"), "{}", said[2]);
    }
}
