//! Entry point of `codspeed-memtrack`.

use std::process::ExitCode;

fn main() -> ExitCode {
    memtrack::main()
}
