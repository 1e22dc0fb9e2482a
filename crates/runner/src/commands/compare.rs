//! The common part of `ab` and `bisect`: all that can be checked is checked first, then states are checked out, built
//! and compared.

use std::{
    cell::OnceCell,
    ffi::OsString,
    hash::{BuildHasher, RandomState},
    path::PathBuf,
};

use results::{Suite, SuiteComparison, SuiteSide};
use runner_shared::{
    conditions::Conditions,
    env_names,
    harness::{RunArgs, Target, WalltimeArgs},
    mode::Mode,
    share::Share,
    text::shown,
    walltime::as_float,
};
use system::temporary::{Folder, Kind};

use super::{Context, basis::Basis, here, preflight, run::shell_text, sources};
use crate::{
    ab::{
        AbError, End, GitError, Limits, Only, Repository, Series, Sides, State, build, environment,
    },
    cli::{CompareArgs, InstrumentArgs, SharedArgs, UploadArgs, resolve},
    error::{CliError, ExitKind},
    event::RunEvent,
    mode::{Place, Settled},
    orchestrator::{Completed, RunError, Turn, execute_in},
    process::{AskError, Ended},
    settings::{
        RunPart, RunPlan,
        options::{Export, Remember},
        targets::PlannedTarget,
    },
    workload::{Versus, Workload},
};

/// Time that each side of a command that takes turns gets unless told otherwise: `max_time` of `exec-harness`.
const USUAL_TURNS_NS: u64 = 3_000_000_000;

/// The options of a comparison but for the states: nothing was waited for or made yet.
pub(super) struct Plan {
    /// The user's repository.
    pub repository: Repository,
    /// The suite in each mode.
    pub parts: Vec<RunPart>,
    /// Bounds of each comparison.
    pub limits: Limits,
    /// The smallest difference that matters, if the user says so.
    pub threshold: Option<Share>,
    /// The share from which on a benchmark that got worse fails the command: a difference of this size matters.
    pub limit: Option<Share>,
    /// The smallest loss that the gate forbids, in each mode that has one.
    pub of_gate: Vec<(Mode, Share)>,
    /// The first seed.
    pub seed: u64,
    /// The records of both states, if they are kept.
    pub remember: Option<Remember>,
    /// The user's current folder.
    pub here: PathBuf,
    /// The arithmetic of the verdicts is wanted.
    explain: bool,
    builds: Vec<OsString>,
    build_dir: Option<PathBuf>,
}

/// The aim of one comparison.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim<'a> {
    /// The only benchmark that is looked at; `None` for all.
    pub only: Option<Only<'a>>,
    /// Seed of the order within pairs.
    pub seed: u64,
    /// Its bounds.
    pub limits: Limits,
}

/// The outcome of a comparison.
pub(super) struct Compared {
    /// The verdicts so far.
    pub found: SuiteComparison,
    /// Their basis.
    pub basis: Basis,
    /// The way in which it ended.
    pub end: Result<End, AbError>,
}

impl Plan {
    /// Reads the options and checks what can be checked.
    pub(super) fn new(
        mut shared: SharedArgs,
        instruments: InstrumentArgs,
        compare: CompareArgs,
        context: &mut Context,
    ) -> Result<Self, CliError> {
        preflight::check_machine()?;
        let here = here()?;
        let project = sources::project(context, &here)?;
        context.hide_variables(&shared, project.as_ref());
        sources::warn_of_old_words(&shared.compat, context);
        let by;
        (shared.mode, by) = sources::modes(shared.mode, context)?;
        let CompareArgs {
            build,
            no_build: _,
            exec,
            threshold,
            max_pairs,
            max_time,
            explain,
            build_dir,
            seed,
            command,
        } = compare;
        if build.iter().any(|command| shown(command).trim().is_empty()) {
            return Err(CliError::new(ExitKind::Usage, "a build command is empty")
                .hint("use `--no-build` if there is nothing to build"));
        }
        // Nobody looks at so many profiles, and recording them disturbs.
        if shared.perf.enable_perf.or(shared.perf.enable_profiler) != Some(true) {
            shared.perf.no_perf = true;
        }
        let folder = here.join(shared.working_directory.clone().unwrap_or_default());
        let workload = if exec { plain(command) } else { Workload::Suite(shell_text(command)) };
        let target = PlannedTarget { name: None, workload, working_directory: folder.clone() };
        let options = resolve(shared, UploadArgs::default(), instruments)?;
        if options.keep_profile && options.profile_folder.is_none() {
            let what = "`--keep-profile` has no effect on many runs";
            return Err(CliError::new(ExitKind::Usage, what)
                .hint("use `--profile-folder` to keep the profile folders of all runs"));
        }
        let plan = RunPlan::new(vec![target], options, &here)?;
        check_exports(plan.parts.iter().flat_map(|part| &part.exports))?;
        sources::say_modes(&plan, by, context);
        let repository = Repository::find(&folder, &context.env)?;
        preflight::check_before_build(&plan.parts, context, &here)?;
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
        Ok(Self {
            repository,
            parts: plan.parts,
            limits: Limits { max_pairs, max_time },
            threshold,
            limit: None,
            of_gate: Vec::new(),
            remember: plan.remember,
            seed,
            explain,
            builds: build,
            build_dir: build_dir.map(|folder| here.join(folder)),
            here,
        })
    }

    /// Shows the arithmetic of these verdicts, if that is wanted.
    pub(super) fn explain(
        &self,
        found: &SuiteComparison,
        basis: &Basis,
        context: &Context,
    ) -> Result<(), CliError> {
        if !self.explain {
            return Ok(());
        }
        context.print_more(&basis.explain(found))
    }

    /// Waits for the machine.
    pub(super) fn turn(&self, context: &Context) -> Result<Turn, CliError> {
        // Times and allocations need the machine alone.
        let modes = || self.parts.iter().map(|part| part.mode);
        let mode = modes().find(|mode| *mode != Mode::Simulation).unwrap_or(Mode::Simulation);
        let wait = self.parts.iter().all(|part| part.wait);
        Ok(Turn::take(mode, wait, &context.signals, &context.ui)?)
    }

    /// Makes a place for both states.
    pub(super) fn sides(&self, context: &Context) -> Result<Sides, CliError> {
        Ok(Sides::create(self.build_dir.as_deref(), &context.env.temp_dir())?)
    }

    /// Checks a state out and builds it.
    pub(super) fn make(
        &self,
        side: SuiteSide,
        state: &State,
        sides: &Sides,
        context: &Context,
    ) -> Result<(), AbError> {
        let text = format!("{}: {}", side.name(), state.title());
        context.ui.event(&RunEvent::Step(text));
        sides.check_out(side, &self.repository, state)?;
        let folder = sides.folder(side);
        let env = environment(&context.env, &folder);
        let cwd = self.cwd(side, sides);
        build(side, &self.builds, &cwd, (&env, &context.signals), &context.ui)
    }

    /// The folder of a state that stands for the user's current one.
    pub(super) fn cwd(&self, side: SuiteSide, sides: &Sides) -> PathBuf {
        sides.folder(side).join(&self.repository.prefix)
    }

    /// The same limits for a second try, twice as far.
    pub(super) fn twice(&self, part: &RunPart) -> Limits {
        let Limits { max_pairs, max_time } = self.limits;
        let usual = takes_turns(part).is_some().then_some(USUAL_TURNS_NS);
        let max_time = max_time.or(usual).map(|time| time.saturating_mul(2));
        Limits { max_pairs: 2 * max_pairs, max_time }
    }

    /// Runs both states in turns, until all is known. Both were made.
    pub(super) fn compare(
        &self,
        part: &RunPart,
        sides: &Sides,
        turn: &Turn,
        Aim { only, seed, limits }: Aim<'_>,
        context: &Context,
    ) -> Result<Compared, CliError> {
        for side in SuiteSide::BOTH {
            let part = RunPart { working_directory: self.cwd(side, sides), ..part.clone() };
            preflight::check_built(part, context, &self.here)?;
        }
        if let Some(target) = takes_turns(part) {
            return self.by_turns(part, target, sides, turn, (seed, limits), context);
        }
        let (part, conditions) = &placed(part, context)?;
        let parent = context.env.temp_dir();
        let failed = |err| AbError::Folder { path: parent.clone(), err };
        let fresh = Folder::create(&parent, Kind::Sides).map_err(failed)?;
        let series = Series {
            part,
            cwds: SuiteSide::BOTH.map(|side| self.cwd(side, sides)),
            folders: SuiteSide::BOTH.map(|side| sides.folder(side)),
            runs: part.profile_folder.clone().unwrap_or_else(|| fresh.path().to_owned()),
            keeps_runs: part.profile_folder.is_some(),
            only,
            facts: Default::default(),
            turn,
            env: &context.env,
            signals: &context.signals,
            ui: &context.ui,
        };
        let mut suite = self.suite(part.mode, seed);
        context.ui.event(&RunEvent::PartStarted(part.mode));
        context.ui.event(&RunEvent::GroupStart { title: part.label.clone(), opened: true });
        let end = series.run(&mut suite, limits);
        context.ui.event(&RunEvent::GroupEnd { failed: end.is_err() });
        let found = SuiteComparison { conditions: conditions.clone(), ..suite.judge() };
        Ok(Compared {
            found,
            basis: Basis::Runs(suite, Box::new(series.facts.map(OnceCell::into_inner))),
            end,
        })
    }

    /// Runs a command in both states round by round, as `exec --vs` does.
    fn by_turns(
        &self,
        part: &RunPart,
        target: &Target,
        sides: &Sides,
        turn: &Turn,
        (seed, limits): (u64, Limits),
        context: &Context,
    ) -> Result<Compared, CliError> {
        let longest = limits.max_time.map(|nanos| format!("{:.3}", as_float(nanos) / 1e9));
        let targets = SuiteSide::BOTH.map(|side| Target {
            name: Some(format!("{}: {}", side.name(), target.words())),
            walltime_args: WalltimeArgs { max_time: longest.clone(), ..WalltimeArgs::default() },
            working_directory: Some(self.cwd(side, sides).into_os_string()),
            ..target.clone()
        });
        let versus = Versus {
            threshold: self.threshold,
            limit: self.limit_in(part.mode),
            seed: Some(seed),
            ..Versus::default()
        };
        let parent = context.env.temp_dir();
        let failed = |err| AbError::Folder { path: parent.clone(), err };
        let fresh = Folder::create(&parent, Kind::Sides).map_err(failed)?;
        let folder = part.profile_folder.clone().unwrap_or_else(|| fresh.path().join("turns"));
        let part = RunPart {
            workload: Workload::Commands {
                targets: targets.to_vec(),
                versus: Some(versus),
                robust: false,
                quiet: false,
            },
            working_directory: self.cwd(SuiteSide::Base, sides),
            profile_folder: Some(folder),
            ..part.clone()
        };
        // Both see the same environment, so that neither runs what was built for the other.
        let env = environment(&context.env, &sides.folder(SuiteSide::Base))
            .without(&[env_names::CARGO_TARGET_DIR]);
        let run = execute_in(turn, &part, None, (&env, &context.signals), &context.ui)?;
        let (name, uri) = (target.display_name(), target.uri());
        let found = SuiteComparison::of_turns(&run.report, &name, &uri);
        let (basis, end) = if run.interrupted || context.signals.interrupted() {
            (Basis::Turns(Box::new(run.report)), Ok(End::Interrupted))
        } else {
            match usable_turns(run) {
                Ok(basis) if found.is_some() => (basis, Ok(End::Complete)),
                Ok(basis) => {
                    let why = "base and head have no turn in common";
                    (basis, Err(AbError::UnusableTurns(why.to_owned())))
                }
                Err(err) => (Basis::Nothing, Err(err)),
            }
        };
        let found = found.unwrap_or_else(|| self.suite(part.mode, seed).judge());
        Ok(Compared { found, basis, end })
    }

    /// The smallest difference in a mode that fails.
    fn limit_in(&self, mode: Mode) -> Option<Share> {
        let of_gate = self.of_gate.iter().filter(|(of, _)| *of == mode).map(|(_, share)| *share);
        self.limit.into_iter().chain(of_gate).min()
    }

    /// A suite of which nothing was run yet.
    fn suite(&self, mode: Mode, seed: u64) -> Suite {
        let [threshold, at_most] =
            [self.threshold, self.limit_in(mode)].map(|share| share.map(Share::value));
        Suite { mode, threshold, at_most, seed, runs: Vec::new() }
    }
}

/// Returns the command whose rounds take turns in both states, rather than whole runs.
pub(super) fn takes_turns(part: &RunPart) -> Option<&Target> {
    match (part.mode, &part.workload) {
        (Mode::Walltime, Workload::Commands { targets, .. }) => targets.first(),
        _ => None,
    }
}

/// Looks for what makes rounds of a command unusable.
fn usable_turns(run: Completed) -> Result<Basis, AbError> {
    let Completed { report, broken, ended, trouble, instruments, .. } = run;
    if ended != Ended::Code(0) {
        return Err(AbError::Turns(ended));
    }
    if let Some(trouble) = trouble {
        return Err(AbError::UnusableTurns(trouble.to_string()));
    }
    if let Some(broken) = broken.into_iter().next() {
        return Err(RunError::Read(broken).into());
    }
    instruments.map_err(RunError::Instrument)?;
    Ok(Basis::Turns(Box::new(report)))
}

/// The same run on processors that are chosen once: all runs of both states share them.
fn placed(part: &RunPart, context: &Context) -> Result<(RunPart, Conditions), CliError> {
    let mut part = part.clone();
    if part.mode != Mode::Walltime {
        return Ok((part, Conditions::default()));
    }
    let Settled { args, said, conditions } = Place::settle(&part.place).map_err(RunError::from)?;
    part.place = args;
    for text in said {
        context.ui.event(&RunEvent::Step(text));
    }
    Ok((part, conditions))
}

/// A command without an integration.
fn plain(command: Vec<OsString>) -> Workload {
    let target = Target {
        command,
        name: None,
        walltime_args: WalltimeArgs::default(),
        run_args: RunArgs::default(),
        working_directory: None,
    };
    Workload::Commands { targets: vec![target], versus: None, robust: false, quiet: true }
}

/// Verdicts have no stacks.
pub(super) fn check_exports<'a>(
    mut exports: impl Iterator<Item = &'a Export>,
) -> Result<(), CliError> {
    match exports.find(|export| results::exporter(&export.format).is_none()) {
        None => Ok(()),
        Some(export) => {
            let what = format!("verdicts can't be exported as `{}`", export.format);
            let ids: Vec<_> = results::EXPORTERS.iter().map(|exporter| exporter.id).collect();
            let hint = format!("the formats are {}", ids.join(", "));
            Err(CliError::new(ExitKind::Usage, what).hint(hint))
        }
    }
}

/// Returns true if somebody wants an end, whatever the error says.
pub(super) fn is_interrupted(err: &AbError) -> bool {
    matches!(
        err,
        AbError::Run(RunError::Interrupted)
            | AbError::Git(GitError::Ask(AskError::Interrupted { .. }))
    )
}
