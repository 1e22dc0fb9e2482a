//! From the process environment to an exit code: takes everything once and dispatches.

use std::{
    ffi::OsString,
    io,
    panic::{self, AssertUnwindSafe},
    path::Path,
};

use clap::error::ErrorKind;
use runner_shared::env_names;
use system::{
    exposure::wipe_start,
    guard::Guard,
    signals::{EndPolicy, Signals},
    streams::is_stdout_closed,
    threads::with_room,
    tuning,
};

use crate::{
    ci,
    cli::{self, Args, Command},
    commands::{self, Context},
    env::Env,
    error::{CliError, ExitKind},
    event::RunEvent,
    exposure,
    isolate::real_tree,
    settings::{SettingsError, options::MessageFormat},
    ui::{self, Claim, Level, Screen, Surface, Ui},
};

/// Runs the program and returns its exit code.
pub fn main(
    words: impl Iterator<Item = OsString>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> u8 {
    let (words, variables): (Vec<_>, Vec<_>) = (words.collect(), variables.collect());
    exposure::close_memory();
    ui::report_panics();
    let code = |_| ExitKind::Interrupted.code();
    let signals = Signals::take(EndPolicy { farewell: ui::farewell, code });
    // Nothing of what it holds is used afterwards.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        with_room(|| run(words.into_iter(), variables.into_iter(), signals))
    }));
    outcome.unwrap_or(ExitKind::Bug.code())
}

/// Brings settings of the machine back that a run before us has left, and says so.
fn tell_recovered(ui: &Ui) {
    if let Some(recovered) = tuning::recover(&real_tree()) {
        let text = tuning::told(&recovered).join("\n  ");
        ui.event(&RunEvent::warning(text));
    }
}

fn run(
    words: impl Iterator<Item = OsString>,
    variables: impl Iterator<Item = (OsString, OsString)>,
    signals: io::Result<Signals>,
) -> u8 {
    let mut env = Env::capture(variables);
    let parsed = cli::parse(words, &|name| env.is_empty_text(name));
    // The parser has looked into the environment itself.
    wipe_start(exposure::SECRET_OPTIONS);
    let (args, warnings) = match parsed {
        Ok(parsed) => parsed,
        Err(err) => {
            // `--help` and `--version` come this way, too, and go to standard output.
            drop(err.print());
            let asked = matches!(err.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { ExitKind::Ok.code() } else { ExitKind::Usage.code() };
        }
    };
    let Args { global, command } = args;
    let measures = command.shared().is_some();
    // While no other thread works than that of `signals`.
    let confirms = matches!(&command, Command::Gate(args) if args.confirm);
    let starts = measures || confirms || matches!(command, Command::Doctor(_));
    let guard = starts.then(|| Guard::post(env.get(env_names::GUARD))).flatten();
    if let Some(guard) = &guard {
        env = env.with(env_names::GUARD, guard.mark());
    }
    let ui = open(&env, &command);
    for text in warnings {
        ui.event(&RunEvent::warning(text));
    }
    tell_recovered(&ui);
    let signals = match signals {
        Ok(signals) => signals,
        Err(err) => {
            let what = format!("could not set up signal handling: {err}");
            ui.error(&CliError::new(ExitKind::Failed, what));
            return ExitKind::Failed.code();
        }
    };
    let mut context = Context::new(env, ui, signals, global);
    for text in commands::old_names::warnings(&context, measures) {
        context.ui.event(&RunEvent::warning(text));
    }
    if measures {
        context.ui.event(&RunEvent::RunStarted);
    }
    let outcome = refuse_output_twice(&command)
        .and_then(|()| refuse_closed_output(&command))
        .and_then(|()| context.work_for_its_user(&command))
        .and_then(|()| dispatch(command, &mut context));
    let code = match outcome {
        Ok(kind) => kind.code(),
        Err(err) => {
            context.ui.error(&err);
            err.kind.code()
        }
    };
    let code = obeyed(code, &context);
    if measures {
        let run_id = context.run_id.get().cloned();
        context.ui.event(&RunEvent::RunFinished { run_id, code });
    }
    if let Some(guard) = guard {
        guard.release();
    }
    code
}

/// The exit code, whatever else has happened, when somebody wanted an end: nobody shall take it for one of its own.
fn obeyed(code: u8, context: &Context) -> u8 {
    let interrupted = ExitKind::Interrupted.code();
    if !context.signals.interrupted() {
        return code;
    }
    if code != interrupted {
        context.ui.event(&RunEvent::warning("interrupted; everything else was completed"));
    }
    interrupted
}

/// Refuses two kinds of data that go to standard output, which nobody could tell apart.
fn refuse_output_twice(command: &Command) -> Result<(), CliError> {
    let exports = command.exports().filter(|export| export.path == Path::new("-")).count();
    let is_repeated = command.is_confirmed() && command.sends_results();
    let fault = match exports {
        1 if is_repeated => Some(SettingsError::ConfirmedToStdout),
        1 if command.prints_json() => Some(SettingsError::OutputTwice),
        0 | 1 => None,
        _ => Some(SettingsError::TwoToStdout),
    };
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// Returns what is wanted on standard output would be lost if that is closed, and nobody would know.
fn refuse_closed_output(command: &Command) -> Result<(), CliError> {
    let Some(wanted) = command.wants_output().filter(|_| is_stdout_closed()) else {
        return Ok(());
    };
    let what = format!("{wanted} can't be written: standard output is closed");
    let err = CliError::new(ExitKind::Usage, what);
    Err(if command.exports().next().is_some() {
        err.hint("name a file instead of `-`, or redirect it with `> FILE` or `| PROGRAM`")
    } else {
        err.hint("redirect it with `> FILE` or `| PROGRAM`")
    })
}

fn dispatch(command: Command, context: &mut Context) -> Result<ExitKind, CliError> {
    match command {
        Command::Run(args) => commands::run::run(*args, context),
        Command::Exec(args) => commands::exec::run(*args, context),
        Command::Ab(args) => commands::ab::run(*args, context),
        Command::Bisect(args) => commands::bisect::run(*args, context),
        Command::Upload(args) => commands::upload::run(&args, context),
        Command::Auth(args) => commands::auth::run(&args, context),
        Command::Setup(args) => commands::setup::run(&args, context),
        Command::Status => commands::status::run(context),
        Command::Doctor(args) => commands::doctor::run(&args, context),
        Command::Isolate(args) => commands::isolate::run(&args, context),
        Command::Update(args) => commands::update::run(&args, context),
        Command::Completions(args) => commands::documents::completions(&args, context),
        Command::Man(args) => commands::documents::man(&args, context),
        Command::Store(args) => commands::store::run(args, context),
        Command::Merge(args) => commands::merge_shards(&args, context),
        Command::Gate(args) => commands::gate_runs::run(*args, context),
        Command::Report(args) => commands::report::run(&args, context),
        Command::History(args) => commands::history::run(&args, context),
        Command::Compare(args) => commands::compare_runs::run(&args, context),
        Command::Inspect(args) => commands::inspect::run(args, context),
        Command::Import(args) => commands::import::run(*args, context),
        Command::Use(args) => commands::choose::run(&args, context),
        Command::Show => commands::choose::show(context),
        Command::Profile(args) => commands::profile::run(args, context),
        Command::Clean(args) => commands::clean::run(args, context),
        Command::Schema(args) => commands::schema::run(args, context),
    }
}

/// Returns what the user sees of a command, and where.
fn open(env: &Env, command: &Command) -> Ui {
    let shared = command.shared();
    let sends_messages = shared.is_some_and(|it| it.message_format == MessageFormat::Json);
    let claim = if sends_messages {
        Claim::Messages
    } else if command.exports().any(|export| export.path == Path::new("-")) {
        Claim::Export
    } else {
        Claim::Free
    };
    // The log of a provider is standard output, which may be for data alone.
    let is_data = claim == Claim::Free && command.wants_output().is_some();
    let log = ci::detect(env).ok().and_then(|provider| provider.log).filter(|_| !is_data);
    let surface = log.unwrap_or_else(|| Surface::local(env));
    let (quiet, verbose) = shared.map_or((false, 0), |shared| (shared.quiet, shared.verbose));
    let (level, odd) = Level::choose(quiet, verbose, env, surface);
    let mut screen = Screen::new(surface, level);
    screen.claim = claim;
    if let Some(shared) = shared {
        screen.full_output = shared.show_full_output;
        screen.log = true;
    }
    let ui = Ui::new(env, screen);
    if let Some(odd) = odd {
        ui.event(&RunEvent::warning(odd));
    }
    ui
}
