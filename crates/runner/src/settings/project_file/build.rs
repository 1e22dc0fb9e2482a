//! From checked fields to the configuration, with the checks that need more than one key.

use std::{collections::BTreeSet, path::PathBuf};

use runner_shared::{command_text::CommandText, harness, text::as_text};

use super::{
    ConfigTarget, ProjectOptions, TargetCommand,
    check::{Fields, Placed, check},
    gate::{self, GateConfig},
    keys,
    rounds::RoundOptions,
};
use crate::settings::yaml::{self, Flaw};

/// Contents of a file, without positions.
#[derive(Debug)]
pub(super) struct Contents {
    pub options: ProjectOptions,
    pub targets: Vec<ConfigTarget>,
    pub gate: GateConfig,
    pub store: Option<bool>,
    pub warnings: Vec<Flaw>,
}

/// Reads the bytes of a file.
pub(super) fn parse(bytes: &[u8]) -> Result<Contents, Flaw> {
    let node = yaml::read(bytes)?;
    let mut warnings = Vec::new();
    let mut root = check(&node, keys::ROOT, "the file", &mut warnings)?;
    let mut options = ProjectOptions::default();
    if let Some(Placed { mut value, .. }) = root.object(keys::OPTIONS) {
        options = ProjectOptions {
            working_directory: value
                .text(keys::WORKING_DIRECTORY)
                .map(|text| PathBuf::from(text.value)),
            hide_env: value.names(keys::HIDE_ENV),
            rounds: RoundOptions::take(&mut value),
        };
        options.rounds.check()?;
    }
    let mut targets = Vec::new();
    let mut uris = BTreeSet::new();
    for fields in root.list(keys::BENCHMARKS) {
        let target = target(fields, &options, &mut warnings)?;
        if let TargetCommand::Exec(command) = &target.command {
            let uri = harness::Target {
                command: command.iter().map(Into::into).collect(),
                name: target.name.clone(),
                ..harness::Target::default()
            };
            if !uris.insert(uri.uri()) {
                let what = "another benchmark has the same name, so their results can't be told apart; give it another \
                    `name`";
                warnings.push(Flaw::new(target.at, what));
            }
        }
        targets.push(target);
    }
    let gate = root.object(keys::GATE).map(|gate| gate::read(gate.value)).transpose()?;
    let store = root.text(keys::STORE).map(|told| in_project(&told)).transpose()?;
    warnings.sort_by_key(|warning| warning.at);
    let gate = gate.unwrap_or_default();
    Ok(Contents { options, targets, gate, store, warnings })
}

/// Returns whether runs are stored in the project.
fn in_project(told: &Placed<String>) -> Result<bool, Flaw> {
    match told.value.as_str() {
        "project" => Ok(true),
        "user" => Ok(false),
        _ => Err(Flaw::new(told.at, "`store` must be `project` or `user`")),
    }
}

fn target(
    mut fields: Fields,
    root: &ProjectOptions,
    warnings: &mut Vec<Flaw>,
) -> Result<ConfigTarget, Flaw> {
    let options = fields.object(keys::OPTIONS);
    let options_at = options.as_ref().map(|options| options.at);
    let rounds =
        options.map(|mut options| RoundOptions::take(&mut options.value)).unwrap_or_default();
    rounds.check()?;
    let at = fields.at;
    let name = fields.text(keys::NAME).map(|name| name.value);
    let id = fields.text(keys::ID).map(|id| id.value);
    let exec = fields.text(keys::EXEC);
    let entrypoint = fields.text(keys::ENTRYPOINT);
    let command = match (exec, entrypoint) {
        (Some(exec), _) => {
            rounds.over(&root.rounds).check()?;
            TargetCommand::Exec(words(&exec)?)
        }
        (None, Some(entrypoint)) if entrypoint.value.trim().is_empty() => {
            return Err(Flaw::new(entrypoint.at, "`entrypoint` is blank"));
        }
        (None, Some(entrypoint)) => {
            if let Some(at) = options_at.filter(|_| !rounds.is_empty()) {
                let what = "these options have no effect: a suite (`entrypoint`) decides itself how often it runs each \
                    benchmark";
                warnings.push(Flaw::new(at, what));
            }
            TargetCommand::Entrypoint(entrypoint.value)
        }
        // The table of keys wants one of both.
        (None, None) => return Err(Flaw::new(at, "neither `exec` nor `entrypoint`")),
    };
    Ok(ConfigTarget { at, id, name, command, rounds })
}

/// The words of a command line, or the one word of a text for a shell.
fn words(exec: &Placed<String>) -> Result<Vec<String>, Flaw> {
    let words: Vec<String> = match CommandText::read(&exec.value) {
        // What is in the file is text.
        Ok(CommandText::Words(words)) => words.iter().map(|it| as_text(it).into_owned()).collect(),
        // As one word it is run by a shell.
        Ok(CommandText::Shell) => vec![exec.value.trim().to_owned()],
        Err(err) => {
            return Err(Flaw::new(exec.at, format!("`exec` is not a valid command: {err}")));
        }
    };
    if words.first().is_none_or(|word| word.trim().is_empty()) {
        return Err(Flaw::new(exec.at, "`exec` is blank"));
    }
    Ok(words)
}
