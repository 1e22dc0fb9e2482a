//! `codspeed setup`: says what it will install, and does.

use std::{ffi::OsStr, path::Path};

use api::Step;
use runner_shared::{mode::Mode, text::shown};

use super::{Context, sources, status};
use crate::{
    cli::SetupArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    host,
    mode::{
        readiness::{Lack, ModeStatus},
        simulation::{
            Valgrind,
            install::{InstallError, Installed, Plan},
        },
        status as mode_status,
    },
    process::{Ended, run_visibly},
    settings::options::Instrument,
    tools::{
        self,
        fetch::{Hash, Source, fetch},
        transfer,
    },
};

/// The setup of a mode.
type Job = fn(&SetupArgs, &Context) -> Result<(), CliError>;

/// The setup of each mode. To add one, add its function here.
const STEPS: &[(Mode, Job)] =
    &[(Mode::Walltime, walltime), (Mode::Simulation, simulation), (Mode::Memory, memory)];

/// What keeps apt-get from waiting for ever: for a mirror that is silent, and for another one that works. Nothing ends it
/// while it unpacks: that would leave a system that is half done.
const APT_LIMITS: &[&str] = &[
    "-o",
    "Acquire::Retries=3",
    "-o",
    "Acquire::http::Timeout=30",
    "-o",
    "Acquire::https::Timeout=30",
    "-o",
    "DPkg::Lock::Timeout=120",
];

/// The program that installs the tracer of the MongoDB instrument, and what it hashes to.
const MONGO_INSTALLER: (&str, &str) = (
    "https://codspeed-public-assets.s3.eu-west-1.amazonaws.com/mongo-tracer/cs-mongo-tracer-v0.2.0/cs-mongo-tracer-installer.sh",
    "685f1d540cb24c2aa6f447991958339c6b70ec7664df2dba2713b8b3d77687e7",
);

/// The program that measures benchmarks of Go, for `go install`.
const GO_RUNNER: &str = "github.com/CodSpeedHQ/codspeed-go/cmd/codspeed-go-runner";

/// Sets up the modes that the user names, or all.
pub(crate) fn run(args: &SetupArgs, context: &Context) -> Result<ExitKind, CliError> {
    if args.what.is_some() {
        return status::of_modes(&args.mode, context);
    }
    if args.go_runner {
        go_runner(args, context)?;
        return Ok(ExitKind::Ok);
    }
    if args.instruments.contains(&Instrument::Mongodb) {
        mongodb(args, context)?;
        return Ok(ExitKind::Ok);
    }
    let told = match sources::modes_of_environment(context)? {
        Some(modes) if args.mode.is_empty() => modes,
        Some(_) | None => args.mode.clone(),
    };
    let wanted = |mode: &Mode| told.is_empty() || told.contains(mode);
    for (_, step) in STEPS.iter().filter(|(mode, _)| wanted(mode)) {
        step(args, context)?;
    }
    Ok(ExitKind::Ok)
}

/// Times need nothing; a profile needs perf, which only the system has.
fn walltime(args: &SetupArgs, context: &Context) -> Result<(), CliError> {
    if args.apt {
        let is_ubuntu = host::read().os == "ubuntu";
        let ubuntu: &[&str] = &["linux-tools-common", "linux-tools-generic"];
        return apt(if is_ubuntu { ubuntu } else { &["linux-perf"] }, args, context);
    }
    say_status(Mode::Walltime, context);
    Ok(())
}

/// The tracer is part of the release; its rights are for root to give.
#[expect(clippy::unnecessary_wraps, reason = "all steps have this form")]
fn memory(_: &SetupArgs, context: &Context) -> Result<(), CliError> {
    say_status(Mode::Memory, context);
    Ok(())
}

/// Says what a mode finds, what it lacks, and which command helps.
fn say_status(mode: Mode, context: &Context) {
    for ModeStatus { found, lacks, .. } in status_of(mode, context) {
        for what in found {
            say(context, format!("{mode}: found {what}"));
        }
        for Lack { what, fix } in lacks {
            let fix = fix.map(|fix| format!(" -> {fix}")).unwrap_or_default();
            say(context, format!("{mode}: missing {what}{fix}"));
        }
    }
}

fn status_of(mode: Mode, context: &Context) -> impl Iterator<Item = ModeStatus> {
    mode_status::all(&context.env).into_iter().filter(move |status| status.mode == mode)
}

fn simulation(args: &SetupArgs, context: &Context) -> Result<(), CliError> {
    for Valgrind { version, build, program, .. } in Valgrind::all(&context.env) {
        say(context, format!("simulation: found {version} ({build}) at {}", shown(&program)));
    }
    if args.apt {
        return apt(&["valgrind", "libc6-dbg"], args, context);
    }
    let hash = hash(args)?;
    // Without the file, no system is told from another, and the package for all is taken.
    let os_release = tools::os_release();
    let source = args.package.as_deref().map(Source::parse);
    let plan = Plan::new(source, hash, &os_release, &context.env).map_err(not_installed)?;
    let Plan { source, folder, expected, .. } = &plan;
    match plan.installed(&context.env) {
        Some(Installed::Whole(valgrind)) => {
            let program = shown(&valgrind.program);
            say(context, format!("simulation: already installed: {program}"));
            return Ok(());
        }
        Some(Installed::Damaged(file)) => context.ui.event(&RunEvent::warning(format!(
            "reinstalling, because the installed file `{}` is damaged",
            shown(&file)
        ))),
        None => {}
    }
    let into = shown(&folder);
    say(context, format!("simulation: downloads {expected} from {source}"));
    say(context, format!("simulation: and unpacks it to {into}, without root"));
    if args.dry_run {
        return Ok(());
    }
    let Valgrind { version, program, .. } = plan
        .carry_out(&context.env, &mut |step| transfer::tell(&context.ui, &step))
        .map_err(not_installed)?;
    say(context, format!("simulation: installed {version} as {}", shown(&program)));
    Ok(())
}

/// Returns what the user says that the package hashes to.
fn hash(args: &SetupArgs) -> Result<Option<Hash>, CliError> {
    let Some(text) = args.sha256.as_deref() else { return Ok(None) };
    let wrong = || CliError::new(ExitKind::Usage, "`--sha256` needs 64 hexadecimal digits");
    Hash::parse(text).ok_or_else(wrong).map(Some)
}

/// Runs the installer of the tracer, once it is sure that it is the known one.
fn mongodb(args: &SetupArgs, context: &Context) -> Result<(), CliError> {
    let (url, sha256) = MONGO_INSTALLER;
    let source = Source::parse(args.package.as_deref().unwrap_or(url));
    let hashes: Vec<Hash> = hash(args)?.or_else(|| Hash::parse(sha256)).into_iter().collect();
    say(
        context,
        format!("mongodb: downloads the installer of cs-mongo-tracer 0.2.0 from {source}"),
    );
    say(context, "mongodb: and runs it with bash, as your user".to_owned());
    if args.dry_run {
        return Ok(());
    }
    let expected = "the installer of cs-mongo-tracer 0.2.0";
    let watch = &mut |step: Step<'_>| transfer::tell(&context.ui, &step);
    let file = fetch(&source, &hashes, expected, watch)
        .map_err(|err| CliError::new(ExitKind::Failed, err))?;
    let bash = tools::find("bash", &context.env).ok_or_else(|| {
        CliError::new(
            ExitKind::Missing,
            "`bash`, needed to run the installer, was not found in PATH",
        )
    })?;
    visible_step(&bash, &[file.path().as_os_str()], context)
}

/// Lets Go install the program that measures its benchmarks, where Go puts programs.
fn go_runner(args: &SetupArgs, context: &Context) -> Result<(), CliError> {
    let go = tools::find("go", &context.env).ok_or_else(|| {
        CliError::new(
            ExitKind::Missing,
            "`go`, needed to install the program, was not found in PATH",
        )
    })?;
    let version = args.go_runner_version.as_deref();
    let version = version.map_or_else(|| "latest".to_owned(), |version| format!("v{version}"));
    let module = format!("{}@{version}", args.package.as_deref().unwrap_or(GO_RUNNER));
    say(context, format!("go: runs: {} install {module}", shown(&go)));
    if args.dry_run {
        return Ok(());
    }
    visible_step(&go, &["install", &module].map(OsStr::new), context)
}

/// Installs packages of the distribution, as root.
fn apt(packages: &[&str], args: &SetupArgs, context: &Context) -> Result<(), CliError> {
    let env = &context.env;
    let missing = |name: &str| {
        CliError::new(ExitKind::Missing, format!("`{name}` was not found in PATH"))
            .hint("leave out `--apt` to install without the system's package manager")
    };
    let apt_get = tools::find("apt-get", env).ok_or_else(|| missing("apt-get"))?;
    let is_root = nix::unistd::geteuid().is_root();
    let sudo = if is_root { None } else { Some(tools::find("sudo", env)) };
    let sudo = sudo.map(|found| found.ok_or_else(|| missing("sudo"))).transpose()?;
    let program = sudo.as_deref().unwrap_or(&apt_get);
    let before: &[&OsStr] = if sudo.is_some() { &[apt_get.as_os_str()] } else { &[] };
    let update = [&["update"], APT_LIMITS].concat();
    let steps = [update, [&["install", "--yes"], APT_LIMITS, packages].concat()];
    let steps = steps.map(|step| {
        let words = step.into_iter().map(OsStr::new);
        before.iter().copied().chain(words).collect::<Vec<_>>()
    });
    for step in &steps {
        say(context, format!("runs: {} {}", shown(&program), sentence(step)));
    }
    if args.dry_run {
        return Ok(());
    }
    steps.iter().try_for_each(|step| visible_step(program, step, context))
}

/// The words with blanks between them, for people.
fn sentence(words: &[&OsStr]) -> String {
    words.iter().map(shown).collect::<Vec<_>>().join(" ")
}

fn visible_step(program: &Path, words: &[&OsStr], context: &Context) -> Result<(), CliError> {
    let ended = run_visibly(program, words, &context.env, &context.signals)
        .map_err(|err| CliError::new(ExitKind::Missing, err))?;
    if ended == Ended::Code(0) {
        return Ok(());
    }
    let what = format!("`{} {}` failed", shown(&program), sentence(words));
    Err(CliError::new(ExitKind::Failed, what))
}

fn not_installed(err: InstallError) -> CliError {
    let hint = match &err {
        InstallError::Fetch(_) => Some(
            "use `--package` to get the same file from elsewhere, or `--apt` to install your distribution's Valgrind",
        ),
        InstallError::NoPackage(_) | InstallError::DoesNotRun { .. } => {
            Some("install your distribution's package `valgrind` instead")
        }
        InstallError::Lacks { .. } => Some("is it a package of Valgrind?"),
        InstallError::NoCache | InstallError::Package(_) | InstallError::Write { .. } => None,
    };
    let err = CliError::new(ExitKind::Failed, err);
    match hint {
        Some(hint) => err.hint(hint),
        None => err,
    }
}

fn say(context: &Context, text: String) {
    context.ui.event(&RunEvent::Step(text));
}
