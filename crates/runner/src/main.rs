//! The program `codspeed`: see the library of the same package.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "the one place that takes the environment")]
    let variables = std::env::vars_os();
    ExitCode::from(runner::main(std::env::args_os(), variables))
}
