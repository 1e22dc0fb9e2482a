//! What `codspeed run` runs without a command: the targets of the project file, put together to what is run at once.

use std::path::{Path, PathBuf};

use runner_shared::harness;

use super::project_file::{ConfigTarget, ProjectConfig, TargetCommand};

/// What is run by itself: one process with its own profile in each mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedTarget {
    /// What is run.
    pub work: PlannedWork,
    /// Where it is run; absolute if the project file's path is.
    pub working_directory: PathBuf,
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PlannedWork {
    /// All `exec` targets, for one `exec-harness`; never empty.
    Commands(Vec<harness::Target>),
    /// A suite with an integration, as shell text.
    Entrypoint {
        /// As the user calls it.
        name: Option<String>,
        /// Not blank.
        text: String,
    },
}

/// Puts the targets of a project file together, in the order in which they begin. Also returns what the user should know.
///
/// `flag` is `--working-directory`, which counts only for commands on the command line.
pub(crate) fn plan_targets(
    config: &ProjectConfig,
    flag: Option<&Path>,
) -> (Vec<PlannedTarget>, Option<String>) {
    let working_directory = config.working_directory();
    let planned = |work| PlannedTarget { work, working_directory: working_directory.clone() };
    let mut targets: Vec<PlannedTarget> = Vec::new();
    for ConfigTarget { at: _, name, command, rounds } in &config.targets {
        let command = match command {
            TargetCommand::Entrypoint(text) => {
                let work = PlannedWork::Entrypoint { name: name.clone(), text: text.clone() };
                targets.push(planned(work));
                continue;
            }
            TargetCommand::Exec(command) => command.clone(),
        };
        let target = harness::Target {
            command,
            name: name.clone(),
            walltime_args: rounds.over(&config.options.rounds).to_args(),
            run_args: harness::RunArgs::default(),
        };
        let commands = targets.iter_mut().find_map(|planned| match &mut planned.work {
            PlannedWork::Commands(commands) => Some(commands),
            PlannedWork::Entrypoint { .. } => None,
        });
        match commands {
            Some(commands) => commands.push(target),
            None => targets.push(planned(PlannedWork::Commands(vec![target]))),
        }
    }
    let ignored = flag.map(|flag| {
        format!(
            "`--working-directory {}` does nothing for the benchmarks of `{}`: they run in `{}`",
            flag.display(),
            config.shown(),
            working_directory.display()
        )
    });
    (targets, ignored)
}
