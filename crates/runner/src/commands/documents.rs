//! `codspeed completions` and `codspeed man`: made from the command line itself, so that they are never stale.

use std::{fs, io, path::Path};

use clap::{Arg, Command, CommandFactory};
use clap_mangen::Man;
use runner_shared::{
    fault::{Attempt, explain},
    text,
};
use system::files;

use super::Context;
use crate::{
    cli::{Args, CompletionsArgs, ManArgs},
    error::{CliError, ExitKind},
};

/// The name of the command, and the stem of all file names.
const PROGRAM: &str = "codspeed";
/// The text at the foot of a page.
const SOURCE: &str = concat!("codspeed ", env!("CARGO_PKG_VERSION"));

/// Prints the completions for one shell.
pub(crate) fn completions(args: &CompletionsArgs, context: &Context) -> Result<ExitKind, CliError> {
    let CompletionsArgs { shell } = args;
    let mut script = Vec::new();
    let mut whole = program();
    whole.build();
    clap_complete::generate(*shell, &mut shown(&whole), PROGRAM, &mut script);
    print(&script, context)
}

/// Prints one page, or writes all.
pub(crate) fn man(args: &ManArgs, context: &Context) -> Result<ExitKind, CliError> {
    let ManArgs { page, out } = args;
    let pages = pages().map_err(|err| CliError::new(ExitKind::Failed, err))?;
    if let Some(folder) = out {
        write(folder, &pages).map_err(|err| {
            let why = explain(&err, Attempt::Write);
            let text = format!("could not write manual pages to `{}`: {why}", text::shown(&folder));
            CliError::new(ExitKind::Failed, text)
        })?;
        return Ok(ExitKind::Ok);
    }
    let wanted =
        page.as_ref().map_or_else(|| PROGRAM.to_owned(), |page| format!("{PROGRAM}-{page}"));
    let Some(page) = pages.iter().find(|page| page.name == wanted) else {
        let names: Vec<_> =
            pages.iter().filter_map(|page| page.name.strip_prefix("codspeed-")).collect();
        let text = format!("there is no manual page `{wanted}`");
        return Err(CliError::new(ExitKind::Usage, text)
            .hint(format!("the manual pages are {}", names.join(", "))));
    };
    print(&page.text, context)
}

/// A manual page of section 1.
struct Page {
    /// Its name, without the section.
    name: String,
    /// Roff.
    text: Vec<u8>,
}

/// The command line under the name that users type; the one on the wire is another.
fn program() -> Command {
    Args::command().name(PROGRAM).bin_name(PROGRAM)
}

/// The command with nothing in it that is hidden: completions would offer that.
fn shown(command: &Command) -> Command {
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let subcommands = command.get_subcommands().filter(|command| !command.is_hide_set());
    Command::new(command.get_name().to_owned())
        .about(command.get_about().cloned().unwrap_or_default())
        .visible_aliases(command.get_visible_aliases().map(str::to_owned).collect::<Vec<_>>())
        .version(env!("CARGO_PKG_VERSION"))
        // These are among what there is already.
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(arguments.map(offered))
        .subcommands(subcommands.map(shown))
}

/// As much of an argument as a completion shows. What it says of other arguments may be about hidden ones.
fn offered(argument: &Arg) -> Arg {
    let mut offered = Arg::new(argument.get_id().to_string())
        .action(argument.get_action().clone())
        .value_parser(argument.get_value_parser().clone())
        .value_hint(argument.get_value_hint())
        .help(argument.get_help().cloned().unwrap_or_default())
        .hide_possible_values(argument.is_hide_possible_values_set())
        .last(argument.is_last_set())
        .trailing_var_arg(argument.is_trailing_var_arg_set())
        .require_equals(argument.is_require_equals_set());
    if let Some(long) = argument.get_long() {
        offered = offered.long(long.to_owned());
    }
    if let Some(short) = argument.get_short() {
        offered = offered.short(short);
    }
    if let Some(count) = argument.get_num_args() {
        offered = offered.num_args(count);
    }
    if let Some(names) = argument.get_value_names() {
        offered = offered.value_names(names.to_vec());
    }
    for alias in argument.get_visible_aliases().unwrap_or_default() {
        offered = offered.visible_alias(alias.to_owned());
    }
    offered
}

/// The page of the program, and one for each subcommand that is shown.
fn pages() -> io::Result<Vec<Page>> {
    let mut program = program();
    program.build();
    let page = |command: &Command| -> io::Result<Page> {
        let mut text = Vec::new();
        Man::new(command.clone()).source(SOURCE).render(&mut text)?;
        Ok(Page { name: command.get_display_name().unwrap_or(PROGRAM).to_owned(), text })
    };
    let shown = |command: &&Command| !command.is_hide_set() && command.get_name() != "help";
    std::iter::once(&program).chain(program.get_subcommands().filter(shown)).map(page).collect()
}

fn write(folder: &Path, pages: &[Page]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    pages
        .iter()
        .try_for_each(|Page { name, text }| files::replace(&folder.join(format!("{name}.1")), text))
}

fn print(bytes: &[u8], context: &Context) -> Result<ExitKind, CliError> {
    let text = String::from_utf8_lossy(bytes);
    context.print(text.trim_end())?;
    Ok(ExitKind::Ok)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::ValueEnum;
    use clap_complete::Shell;

    use super::*;

    #[test]
    fn every_subcommand_has_a_page_that_names_it() {
        let pages = pages().unwrap();
        let names: Vec<_> = pages.iter().map(|page| page.name.as_str()).collect();
        for name in ["codspeed", "codspeed-run", "codspeed-exec", "codspeed-man"] {
            assert!(names.contains(&name), "{names:?}");
        }
        assert!(!names.contains(&"codspeed-help"), "{names:?}");
        for Page { name, text } in &pages {
            let text = String::from_utf8_lossy(text);
            assert!(text.contains(&format!(".TH {name} 1")), "{name}: {text}");
        }
    }

    /// Options of `command` and of all below it that are shown, or hidden.
    fn options(command: &Command, hidden: bool, into: &mut BTreeSet<String>) {
        let of_this = command.get_arguments().filter(|argument| argument.is_hide_set() == hidden);
        into.extend(of_this.filter_map(|argument| Some(format!("--{}", argument.get_long()?))));
        command.get_subcommands().for_each(|below| options(below, hidden, into));
    }

    #[test]
    fn completions_offer_visible_options_only() {
        let mut program = program();
        program.build();
        let [mut seen, mut hidden] = [BTreeSet::new(), BTreeSet::new()];
        options(&program, false, &mut seen);
        options(&program, true, &mut hidden);
        let mut offered = shown(&program);
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut offered, PROGRAM, &mut script);
            let script = String::from_utf8(script).unwrap();
            // `fish` names options without dashes.
            let words: BTreeSet<&str> = script
                .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
                .collect();
            let is_there =
                |option: &&String| words.contains(option.as_str()) || words.contains(&option[2..]);
            for option in &seen {
                assert!(is_there(&option), "{shell}: {option}");
            }
            let leaked: Vec<_> =
                hidden.difference(&seen).filter(|option| words.contains(option.as_str())).collect();
            assert!(leaked.is_empty(), "{shell}: {leaked:?}");
        }
        assert!(hidden.contains("--skip-run"), "{hidden:?}");
    }

    #[test]
    fn pages_are_written_into_a_folder_that_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let man = folder.path().join("man/man1");
        write(&man, &pages().unwrap()).unwrap();
        let page = fs::read_to_string(man.join("codspeed-exec.1")).unwrap();
        assert!(page.contains("warmup"), "{page}");
    }
}
