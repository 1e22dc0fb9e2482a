//! Options of `codspeed completions` and `codspeed man`: what the command line says of itself.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Generate shell completions.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Print a manual page, or write all manual pages to a folder.
#[derive(Debug, Args)]
#[command(after_help = MAN)]
pub(crate) struct ManArgs {
    /// The subcommand to print the page of [default: `codspeed` itself].
    #[arg(value_name = "SUBCOMMAND")]
    pub page: Option<String>,

    /// Write all pages to this folder, which is created if necessary.
    #[arg(long, value_name = "FOLDER", conflicts_with = "page")]
    pub out: Option<PathBuf>,
}

const COMPLETIONS: &str = "\
Examples:
  codspeed completions bash > ~/.local/share/bash-completion/completions/codspeed
  codspeed completions fish > ~/.config/fish/completions/codspeed.fish
  codspeed completions zsh > ~/.zfunc/_codspeed          with `fpath+=~/.zfunc` in .zshrc";

const MAN: &str = "\
Examples:
  codspeed man exec | man -l -
  codspeed man --out ~/.local/share/man/man1             then `man codspeed-exec`";
