//! What `codspeed run` runs without a command: the targets of the project file, put together to what is run at once.

use std::path::{Path, PathBuf};

use runner_shared::harness;

use super::project_file::{ConfigTarget, ProjectConfig, TargetCommand};
use crate::workload::Workload;

/// What is run by itself: one process with its own profile in each mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedTarget {
    /// As the user calls it.
    pub name: Option<String>,
    /// What is run.
    pub workload: Workload,
    /// Where it is run; absolute if the project file's path is.
    pub working_directory: PathBuf,
}

/// Puts the targets of a project file together, in the order in which they begin. Also returns what the user should know.
///
/// `flag` is `--working-directory`, which counts only for commands on the command line. `quiet` programs show no
/// progress.
pub(crate) fn plan_targets(
    config: &ProjectConfig,
    flag: Option<&Path>,
    quiet: bool,
) -> (Vec<PlannedTarget>, Option<String>) {
    let working_directory = config.working_directory();
    let planned = |name, workload| PlannedTarget {
        name,
        workload,
        working_directory: working_directory.clone(),
    };
    let mut targets: Vec<PlannedTarget> = Vec::new();
    for ConfigTarget { at: _, name, command, rounds } in &config.targets {
        let command = match command {
            TargetCommand::Entrypoint(text) => {
                targets.push(planned(name.clone(), Workload::Suite(text.clone())));
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
        let commands = targets.iter_mut().find_map(|planned| match &mut planned.workload {
            Workload::Commands { targets, .. } => Some(targets),
            Workload::Suite(_) => None,
        });
        if let Some(commands) = commands {
            commands.push(target);
            continue;
        }
        let (first, interleave, robust) = (vec![target], false, false);
        let commands = Workload::Commands { targets: first, interleave, robust, quiet };
        targets.push(planned(None, commands));
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
