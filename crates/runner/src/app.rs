//! From the process environment to an exit code: takes everything once and dispatches.

use std::ffi::OsString;

use clap::{Parser, error::ErrorKind};

use crate::{
    cli::{Args, Command},
    commands::{self, Context},
    env::Env,
    error::ExitKind,
    ui::Ui,
};

/// Runs the program and returns its exit code.
pub fn main(
    words: impl Iterator<Item = OsString>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> u8 {
    let env = Env::capture(variables);
    let args = match Args::try_parse_from(words) {
        Ok(args) => args,
        Err(err) => {
            // `--help` and `--version` come this way, too, and go to standard output.
            drop(err.print());
            let asked = matches!(err.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { ExitKind::Ok.code() } else { ExitKind::Usage.code() };
        }
    };
    let Args { global, command } = args;
    let ui = Ui::new(&env, command.quiet());
    let context = Context::new(env, ui, global);
    let outcome = match command {
        Command::Run(args) => commands::run::run(args, &context),
        Command::Exec(args) => commands::exec::run(*args, &context),
        Command::Setup(args) => commands::setup::run(&args, &context),
        Command::Status => commands::status::run(&context),
        Command::Completions(args) => commands::documents::completions(&args),
        Command::Man(args) => commands::documents::man(&args),
        Command::Inspect(args) => commands::inspect::run(args, &context),
        Command::Use(args) => commands::choose::run(&args, &context),
        Command::Show => commands::choose::show(&context),
        Command::Profile(args) => commands::profile::run(args, &context),
        Command::Schema => commands::schema::run(),
    };
    match outcome {
        Ok(kind) => kind.code(),
        Err(err) => {
            context.ui.error(&err);
            err.kind.code()
        }
    }
}
