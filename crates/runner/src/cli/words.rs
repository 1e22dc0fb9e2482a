//! From words and variables to [`Args`]: what the parser alone doesn't know.

use std::ffi::OsString;

use clap::{
    Arg, ArgMatches, Command, CommandFactory, Error, FromArgMatches,
    error::{ContextKind, ContextValue},
};
use runner_shared::{
    command_line::without_variables,
    env_names::{self, EnvName},
    mode::MODES,
    text::{one_line, shown},
};

use super::Args;

/// Flags that mean the opposite of a variable: they win over it, as the command line does everywhere.
const OVERRULED: &[(&str, EnvName)] = &[("--upload", env_names::SKIP_UPLOAD)];

/// Reads a command line. Also returns what those who use old words should know.
///
/// `is_empty` says of a variable that it is there and has no value. Such a one counts as unset: CI systems hand on
/// secrets and inputs that are not there as empty texts.
pub(crate) fn parse(
    words: impl Iterator<Item = OsString>,
    is_empty: &dyn Fn(&str) -> bool,
) -> Result<(Args, Vec<String>), Error> {
    let words: Vec<OsString> = words.collect();
    let options = words.iter().take_while(|word| *word != "--");
    let overruled = |name: &str| {
        let flag = OVERRULED.iter().find(|(_, variable)| variable.name == name);
        flag.is_some_and(|(flag, _)| options.clone().any(|word| word == flag))
    };
    let command = without_variables(Args::command(), &|name| is_empty(name) || overruled(name));
    let matches = command
        .clone()
        .try_get_matches_from(&words)
        .map_err(|err| on_one_line(naming_the_variable(err, &command, &words)))?;
    let args = Args::from_arg_matches(&matches)?;
    Ok((args, old_modes(&matches)))
}

/// Returns what to say about an older spelling of a mode.
pub(crate) fn old_mode(word: &str) -> Option<String> {
    let (mode, _) = MODES.iter().find(|(_, names)| names.aliases.contains(&word))?;
    Some(format!("mode `{word}` is deprecated: use `{mode}`"))
}

/// An error about a value that nobody has typed says where the value comes from.
fn naming_the_variable(mut err: Error, command: &Command, words: &[OsString]) -> Error {
    let Some(ContextValue::String(named)) = err.get(ContextKind::InvalidArg) else { return err };
    let flag = named.split([' ', '=', '[']).next().unwrap_or_default().to_owned();
    let is_typed = |word: &OsString| word.to_string_lossy().starts_with(&flag);
    if words.iter().any(is_typed) {
        return err;
    }
    let args = command.get_subcommands().flat_map(Command::get_arguments);
    let of_flag = |arg: &&Arg| arg.get_long().is_some_and(|long| format!("--{long}") == flag);
    let variable = args.filter(of_flag).find_map(Arg::get_env);
    if let Some(variable) = variable {
        let text = format!("the value comes from the variable {}", shown(&variable));
        err.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![text.into()]));
    }
    err
}

/// Spells out control characters in the words that an error repeats: a line break would begin a line of a log, and an
/// escape sequence steers a terminal.
#[expect(clippy::wildcard_enum_match_arm, reason = "all else is the parser's own")]
fn on_one_line(mut err: Error) -> Error {
    let clean = |value: &ContextValue| match value {
        ContextValue::String(text) => Some(ContextValue::String(one_line(text))),
        ContextValue::Strings(texts) => {
            Some(ContextValue::Strings(texts.iter().map(|text| one_line(text)).collect()))
        }
        _ => None,
    };
    let cleaned: Vec<_> =
        err.context().filter_map(|(kind, value)| Some((kind, clean(value)?))).collect();
    for (kind, value) in cleaned {
        err.insert(kind, value);
    }
    err
}

/// Older spellings of modes in a command line.
fn old_modes(matches: &ArgMatches) -> Vec<String> {
    let Some((_, matches)) = matches.subcommand() else { return Vec::new() };
    let typed = ["mode", "modes"].into_iter().filter_map(|id| matches.try_get_raw(id).ok()?);
    typed.flatten().filter_map(|word| old_mode(word.to_str()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> impl Iterator<Item = OsString> {
        line.split(' ').map(OsString::from)
    }

    #[test]
    fn no_word_of_an_error_begins_a_line() {
        for word in ["a\n::error::x", "\u{1b}[2J"] {
            for line in [vec!["codspeed", word], vec!["codspeed", "run", "-m", word, "x"]] {
                let words = line.iter().map(|word| OsString::from(*word));
                let said = parse(words, &|_| false).unwrap_err().to_string();
                assert!(!said.contains(word) && !said.contains("\n::"), "{said}");
            }
        }
    }

    #[test]
    fn the_command_line_makes_sense_and_old_words_are_named() {
        Args::command().debug_assert();
        for (line, expected) in [
            ("codspeed run -m walltime,instrumentation -- x", 1),
            ("codspeed use instrumentation", 1),
            ("codspeed setup -m instrumentation", 1),
            ("codspeed run -m simulation -- instrumentation", 0),
            ("codspeed status", 0),
        ] {
            let (_, warnings) = parse(words(line), &|_| false).unwrap();
            assert_eq!(warnings.len(), expected, "{line}: {warnings:?}");
        }
        assert_eq!(
            old_mode("instrumentation").as_deref(),
            Some("mode `instrumentation` is deprecated: use `simulation`")
        );
        assert_eq!(old_mode("simulation"), None);
    }
}
