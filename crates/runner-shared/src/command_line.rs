//! Variables behind options of a command line: what our programs do alike.

use std::ffi::OsStr;

use clap::{Arg, Command, builder::Resettable};

/// Returns the same command line, blind to some variables. Empty ones are to be such, as CI systems hand on secrets and
/// inputs that are not there as empty texts.
pub fn without_variables(command: Command, unseen: &dyn Fn(&str) -> bool) -> Command {
    let blind = |arg: Arg| {
        let name = arg.get_env().and_then(OsStr::to_str);
        if name.is_some_and(unseen) { arg.env(Resettable::Reset) } else { arg }
    };
    command.mut_args(blind).mut_subcommands(|inner| without_variables(inner, unseen))
}
