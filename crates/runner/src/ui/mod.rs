//! The only place that prints. Results go to standard output, everything else to standard error.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::Path,
};

use nix::libc;
use results::{TableStyle, exporter, memory_table, profile_exporter, simulation_table, table};
use runner_shared::env_names;

use crate::{cli::ExportArg, env::Env, error::CliError, event::RunEvent, files, report::AnyReport};

/// What the user sees, decided once.
#[derive(Debug)]
pub(crate) struct Ui {
    quiet: bool,
    colour: bool,
    width: Option<u16>,
}

impl Ui {
    /// Looks at the streams and the environment.
    pub(crate) fn new(env: &Env, quiet: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let dumb = env.get(env_names::TERM).is_some_and(|term| term == "dumb");
        let forced = env.get(env_names::CLICOLOR_FORCE).is_some_and(|value| value != "0");
        let colour = env.get(env_names::NO_COLOR).is_none() && (forced || (terminal && !dumb));
        Self { quiet, colour, width: terminal.then(terminal_width).flatten() }
    }

    /// Something happened.
    pub(crate) fn event(&self, event: &RunEvent) {
        match event {
            RunEvent::Waiting { holder } => line(&format!(
                "another codspeed run is going on ({holder}); waiting for its end (`--no-wait` fails instead)"
            )),
            RunEvent::Warning(text) => line(&format!("warning: {text}")),
            RunEvent::Stopping => {
                line("stopping the benchmark; once more ends it at once");
            }
            RunEvent::Killing => line("killing the benchmark"),
            RunEvent::Step(text) => {
                if !self.quiet {
                    line(text);
                }
            }
        }
    }

    /// A failed command.
    #[expect(clippy::unused_self, reason = "an error is shown however quiet we shall be")]
    pub(crate) fn error(&self, err: &CliError) {
        for text in err.lines() {
            line(&text);
        }
    }

    /// The results for reading.
    pub(crate) fn report(&self, report: &AnyReport) -> io::Result<()> {
        let style = TableStyle { colour: self.colour, width: self.width };
        print(&match report {
            AnyReport::Walltime(report) => table(report, &style),
            AnyReport::Simulation(report) => simulation_table(report, &style),
            AnyReport::Memory(report) => memory_table(report, &style),
        })
    }
}

/// The results for another program: whole files or none; `-` is standard output.
pub(crate) fn export(report: &AnyReport, export: &ExportArg) -> io::Result<()> {
    let ExportArg { format, path } = export;
    let mut bytes = Vec::new();
    // The command line takes only formats that there are.
    match (report, exporter(format), profile_exporter(format)) {
        (AnyReport::Walltime(report), Some(exporter), _) => exporter.write(report, &mut bytes)?,
        (AnyReport::Simulation(report), Some(exporter), _) => {
            exporter.write_simulation(report, &mut bytes)?;
        }
        (AnyReport::Simulation(report), None, Some(exporter)) => {
            let stacks: Vec<_> = report.benchmarks.iter().map(|bench| &bench.stacks).collect();
            exporter.write(&stacks, &mut bytes)?;
        }
        (AnyReport::Memory(report), Some(exporter), _) => {
            exporter.write_memory(report, &mut bytes)?;
        }
        (AnyReport::Memory(report), None, Some(exporter)) => {
            let stacks: Vec<_> =
                report.benchmarks.iter().filter_map(|bench| bench.stacks.as_ref()).collect();
            if stacks.is_empty() && !report.benchmarks.is_empty() {
                return Err(io::Error::other("no stacks were recorded"));
            }
            exporter.write(&stacks, &mut bytes)?;
        }
        (AnyReport::Walltime(report), None, Some(exporter)) if !report.profiles.is_empty() => {
            let stacks: Vec<_> = report.profiles.iter().map(|profile| &profile.stacks).collect();
            exporter.write(&stacks, &mut bytes)?;
        }
        (AnyReport::Walltime(_), None, Some(_)) => {
            return Err(io::Error::other("no profile was recorded"));
        }
        (_, None, None) => {
            return Err(io::ErrorKind::Unsupported.into());
        }
    }
    if path == Path::new("-") {
        return io::stdout().lock().write_all(&bytes);
    }
    // A device or a pipe can't be replaced by a file, it has to be written to.
    if path.metadata().is_ok_and(|data| !data.is_file()) {
        return fs::write(path, bytes);
    }
    // The text of the error would name the temporary file; what went wrong is its kind.
    files::replace(path, &bytes).map_err(|err| {
        if err.kind() == io::ErrorKind::NotFound {
            return io::Error::new(err.kind(), "its folder does not exist");
        }
        err.kind().into()
    })
}

/// A result in one sentence.
pub(crate) fn verdict(sentence: &str) -> io::Result<()> {
    print(sentence)
}

fn line(text: &str) {
    // Nobody reads it any more: the run goes on.
    drop(writeln!(io::stderr().lock(), "{text}"));
}

fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{}", text.trim_end()) {
        // `| head` has seen enough.
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[expect(unsafe_code, reason = "TIOCGWINSZ has no safe wrapper in the crates that we use")]
fn terminal_width() -> Option<u16> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the request writes one `winsize`, which `size` is.
    let outcome = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (outcome == 0 && size.ws_col > 0).then_some(size.ws_col)
}
