//! Several commands of `codspeed exec`: which they are, which of them is the base, and what differences mean.

use std::{ffi::OsString, path::Path};

use runner_shared::{
    command_text::CommandText,
    env_names,
    harness::Target,
    program,
    share::Share,
    text::{as_text, one_line, shown},
};

use crate::{
    cli::FailureLimit,
    env::Env,
    error::{CliError, ExitKind},
    settings::{
        combinations::{CombinationError, combined},
        parameter::Parameter,
    },
    workload::Versus,
};

/// The options that only make sense with several commands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) threshold: Option<Share>,
    pub(super) fail_if_slower: Option<FailureLimit>,
    pub(super) explain: bool,
}

fn usage(what: impl Into<String>) -> CliError {
    CliError::new(ExitKind::Usage, what.into())
}

/// Returns the commands with each combination of values, those of lists first.
pub(super) fn with_parameters(
    commands: &[Target],
    lists: Vec<Parameter>,
    scans: &[String],
) -> Result<Vec<Target>, CliError> {
    let mut parameters = lists;
    for scan in scans.chunks(2) {
        let [name, range] = scan else { continue };
        let scanned = Parameter::scan(name, range).map_err(|err| {
            usage(format!("`--parameter-scan {} {}`: {err}", one_line(name), one_line(range))).hint(
                "use for example `--parameter-scan threads 1..8`, or `--parameter-scan size 0..1:0.25`",
            )
        })?;
        parameters.push(scanned);
    }
    let failed = |err: CombinationError| CliError::new(ExitKind::Usage, err);
    combined(commands, &parameters).map_err(failed)
}

/// `--fail-if-slower 5%`: without the sign, the share would be the command.
pub(super) fn refuse_limit_apart(
    limit: Option<FailureLimit>,
    command: &[OsString],
) -> Result<(), CliError> {
    let first = command.first().map(as_text).unwrap_or_default();
    if matches!(limit, Some(FailureLimit::Threshold)) && first.parse::<Share>().is_ok() {
        let what =
            format!("`--fail-if-slower {first}` needs an equals sign: `--fail-if-slower={first}`");
        return Err(usage(what));
    }
    Ok(())
}

/// Commands that are compared have each other, and no stored run: two judges would be told apart by nobody.
pub(super) fn refuse_gate(is_wanted: bool, is_comparison: bool) -> Result<(), CliError> {
    if is_wanted && is_comparison {
        let what = "`--gate` judges one command, and there are several";
        return Err(usage(what).hint(
            "use `--fail-if-slower` to fail if one is slower than the command it is compared with",
        ));
    }
    Ok(())
}

/// The way in which commands are compared; nothing for a single one.
pub(super) fn versus(wanted: Wanted, is_comparison: bool) -> Result<Option<Versus>, CliError> {
    let Wanted { threshold, fail_if_slower, explain } = wanted;
    if !is_comparison {
        let given = [
            ("--threshold", threshold.is_some()),
            ("--fail-if-slower", fail_if_slower.is_some()),
            ("--explain", explain),
        ];
        let Some((flag, _)) = given.iter().find(|(_, given)| *given) else { return Ok(None) };
        let what = format!("`{flag}` needs several commands to compare, and there is only one");
        return Err(usage(what).hint(
            "use `--vs 'OTHER COMMAND'` to compare with another command, or `-L NAME=A,B` with other values",
        ));
    }
    let limit = limit_of(fail_if_slower, threshold)?;
    Ok(Some(Versus { threshold, fails: fail_if_slower.is_some(), limit, explain, seed: None }))
}

/// Returns the share from which on a difference fails a run; `None` if none does, or whatever matters.
pub(super) fn limit_of(
    wanted: Option<FailureLimit>,
    threshold: Option<Share>,
) -> Result<Option<Share>, CliError> {
    let limit = wanted.and_then(FailureLimit::share);
    match (limit, threshold) {
        (Some(limit), Some(threshold)) if limit < threshold => Err(usage(format!(
            "`--fail-if-slower={limit}` is smaller than `--threshold {threshold}`, below which differences are ignored"
        ))),
        _ => Ok(limit),
    }
}

/// Makes the command of this name, these words or this number the first one, with which the others are compared.
pub(super) fn put_first(commands: &mut [Target], base: &str) -> Result<(), CliError> {
    let words = match CommandText::read(base) {
        Ok(CommandText::Words(words)) => words,
        Ok(CommandText::Shell) | Err(_) => vec![base.into()],
    };
    let by_name = commands.iter().position(|one| one.full_name() == base);
    let by_words = || commands.iter().position(|one| one.command == words || one.words() == base);
    let by_number = || {
        let number: usize = base.parse().ok()?;
        number.checked_sub(1).filter(|number| *number < commands.len())
    };
    let Some(found) = by_name.or_else(by_words).or_else(by_number) else {
        let names = commands.iter().take(MOST_NAMES).zip(1..);
        let names = names.map(|(one, number)| format!("{number} `{}`", one.shown_name()));
        let more = commands.len().saturating_sub(MOST_NAMES);
        let more = (more > 0).then(|| format!("and {more} more"));
        let names: Vec<String> = names.chain(more).collect();
        let what =
            format!("`--base {}` is not one of the commands: {}", one_line(base), names.join(", "));
        return Err(usage(what).hint("give a name, the words of a command, or its number"));
    };
    if let Some(upto) = commands.get_mut(..=found) {
        upto.rotate_right(1);
    }
    Ok(())
}

/// So many commands are named where one is unknown.
const MOST_NAMES: usize = 20;

/// Returns what whoever gives several programs behind each other may have meant. Both have to be paths: programs that
/// run
/// others, such as `time`, are usually words.
pub(super) fn hint(command: &[OsString], here: &Path, env: &Env) -> Option<String> {
    let is_program = |word: &OsString| {
        let is_path = word.as_encoded_bytes().contains(&b'/');
        is_path && program::find(word, env.get(env_names::PATH), here).is_ok()
    };
    let [first, second, ..] = command else { return None };
    if !command.iter().all(is_program) {
        return None;
    }
    Some(format!(
        "note: `{}` is run with the other program as its argument; use `codspeed exec --vs {} -- {}` to compare them",
        shown(first),
        shown(first),
        shown(second)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(name: Option<&str>, words: &[&str]) -> Target {
        let command = words.iter().map(Into::into).collect();
        Target { command, name: name.map(str::to_owned), ..Target::default() }
    }

    fn first(base: &str) -> String {
        let mut commands = [
            command(None, &["./old", "in put"]),
            command(None, &["2"]),
            command(Some("new"), &["./new", "-x"]),
        ];
        match put_first(&mut commands, base) {
            Ok(()) => commands.each_ref().map(Target::full_name).join(", "),
            Err(err) => err.source.to_string(),
        }
    }

    #[test]
    fn the_base_is_a_name_words_or_a_number() {
        assert_eq!(first("new"), "new, ./old in put, 2");
        assert_eq!(first("./new -x"), "new, ./old in put, 2");
        assert_eq!(first("./old 'in put'"), "./old in put, 2, new");
        assert_eq!(first("./old in put"), "./old in put, 2, new");
        assert_eq!(first("2"), "2, ./old in put, new", "a name comes before a number");
        assert_eq!(first("3"), "new, ./old in put, 2");
        for none in ["0", "4", "x\n", ""] {
            let said = first(none);
            assert!(
                said.ends_with("not one of the commands: 1 `./old in put`, 2 `2`, 3 `new`"),
                "{said}"
            );
        }
    }

    #[test]
    fn a_share_apart_from_its_option_is_told() {
        let refused = |limit, word: &str| refuse_limit_apart(limit, &[word.into()]).is_err();
        assert!(refused(Some(FailureLimit::Threshold), "5%"));
        assert!(refused(Some(FailureLimit::Threshold), "0.05"));
        assert!(!refused(Some(FailureLimit::Threshold), "./new"));
        assert!(!refused(None, "5%"));
    }
}
