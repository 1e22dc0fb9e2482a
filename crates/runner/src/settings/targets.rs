//! Plan of `codspeed run` without a command: the targets of the project file, grouped by what is run at once.

use std::path::{Path, PathBuf};

use runner_shared::{
    harness,
    text::{self, shown},
};
use wildmatch::WildMatch;

use super::{
    nearest::nearest,
    project_file::{ConfigTarget, ProjectConfig, TargetCommand},
};
use crate::workload::Workload;

/// A part that is run by itself: one process with its own profile in each mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedTarget {
    /// As the user calls it.
    pub name: Option<String>,
    /// The workload.
    pub workload: Workload,
    /// The place where it is run; absolute if the project file's path is.
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
    for ConfigTarget { at: _, id: _, name, command, rounds } in &config.targets {
        let words = match command {
            TargetCommand::Entrypoint(text) => {
                targets.push(planned(name.clone(), Workload::Suite(text.into())));
                continue;
            }
            TargetCommand::Exec(words) => words,
        };
        let target = harness::Target {
            name: name.clone().or_else(|| name_of_lines(words)),
            command: words.iter().map(Into::into).collect(),
            walltime_args: rounds.over(&config.options.rounds).to_args(),
            run_args: harness::RunArgs::default(),
            working_directory: None,
        };
        let commands = targets.iter_mut().find_map(|planned| match &mut planned.workload {
            Workload::Commands { targets, .. } => Some(targets),
            Workload::Suite(_) => None,
        });
        if let Some(commands) = commands {
            commands.push(target);
            continue;
        }
        let (first, versus, robust) = (vec![target], None, false);
        let commands = Workload::Commands { targets: first, versus, robust, quiet };
        targets.push(planned(None, commands));
    }
    let ignored = flag.map(|flag| {
        format!(
            "`--working-directory {}` has no effect on the benchmarks of `{}`: they run in `{}`",
            shown(&flag),
            config.shown(),
            shown(&working_directory)
        )
    });
    (targets, ignored)
}

/// A `--bench` that no benchmark fits.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no benchmark of the project file matches `--bench {pattern}`{}", like.as_ref().map_or_else(String::new, |like| format!("; did you mean `{like}`?")))]
pub(crate) struct NoSuchBench {
    pattern: String,
    like: Option<String>,
}

/// Those whose id or name fits one of the patterns; all of them if there is no pattern. What has no name is called by
/// its words.
pub(crate) fn select(
    targets: Vec<ConfigTarget>,
    patterns: &[String],
) -> Result<Vec<ConfigTarget>, NoSuchBench> {
    if patterns.is_empty() {
        return Ok(targets);
    }
    let fits = |target: &ConfigTarget, pattern: &String| {
        let pattern = WildMatch::new(pattern);
        [target.id.clone(), Some(called(target))].iter().flatten().any(|it| pattern.matches(it))
    };
    for pattern in patterns {
        if !targets.iter().any(|target| fits(target, pattern)) {
            let names: Vec<_> = targets.iter().map(selector).collect();
            let like = nearest(pattern, names.iter().map(String::as_str)).map(str::to_owned);
            return Err(NoSuchBench { pattern: pattern.clone(), like });
        }
    }
    let wanted = |target: &ConfigTarget| patterns.iter().any(|pattern| fits(target, pattern));
    Ok(targets.into_iter().filter(wanted).collect())
}

/// A line for each benchmark: what `--bench` takes, and what it runs.
pub(crate) fn listing(config: &ProjectConfig) -> String {
    let shown = |target| text::one_line(&selector(target));
    let names: Vec<_> = config.targets.iter().map(shown).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let line = |(name, target): (String, &ConfigTarget)| {
        let (key, text) = match &target.command {
            TargetCommand::Exec(words) => ("exec", shell_words::join(words)),
            TargetCommand::Entrypoint(text) => ("entrypoint", one_line(text)),
        };
        format!("{name:width$}  {key}: {}", text::one_line(&text))
    };
    names.into_iter().zip(&config.targets).map(line).collect::<Vec<_>>().join("\n")
}

/// The shortest that `--bench` takes.
fn selector(target: &ConfigTarget) -> String {
    target.id.clone().unwrap_or_else(|| called(target))
}

/// The name, or what stands for it.
fn called(target: &ConfigTarget) -> String {
    let words = || match &target.command {
        TargetCommand::Exec(words) => words.join(" "),
        TargetCommand::Entrypoint(text) => one_line(text),
    };
    target.name.clone().unwrap_or_else(words)
}

/// A name for shell text of several lines: names and URIs have one.
fn name_of_lines(words: &[String]) -> Option<String> {
    words.iter().any(|word| word.contains('\n')).then(|| one_line(&words.join(" ")))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
