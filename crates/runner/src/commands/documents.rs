//! `codspeed completions` and `codspeed man`: made from the command line itself, so that they are never stale.

use std::{fs, io, path::Path};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::Context;
use crate::{
    cli::{Args, CompletionsArgs, ManArgs},
    error::{CliError, ExitKind},
    files,
};

/// What users type, and the stem of all names of files.
const PROGRAM: &str = "codspeed";
/// What stands at the foot of a page.
const SOURCE: &str = concat!("codspeed ", env!("CARGO_PKG_VERSION"));

/// Prints the completions for one shell.
pub(crate) fn completions(args: &CompletionsArgs, context: &Context) -> Result<ExitKind, CliError> {
    let CompletionsArgs { shell } = args;
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut program(), PROGRAM, &mut script);
    print(&script, context)
}

/// Prints one page, or writes all.
pub(crate) fn man(args: &ManArgs, context: &Context) -> Result<ExitKind, CliError> {
    let ManArgs { page, out } = args;
    let pages = pages().map_err(|err| CliError::new(ExitKind::Failed, err))?;
    if let Some(folder) = out {
        write(folder, &pages).map_err(|source| {
            let text =
                format!("could not write manual pages into `{}`: {source}", folder.display());
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
        return Err(
            CliError::new(ExitKind::Usage, text).hint(format!("there are {}", names.join(", ")))
        );
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

    #[test]
    fn pages_are_written_into_a_folder_that_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let man = folder.path().join("man/man1");
        write(&man, &pages().unwrap()).unwrap();
        let page = fs::read_to_string(man.join("codspeed-exec.1")).unwrap();
        assert!(page.contains("warmup"), "{page}");
    }
}
