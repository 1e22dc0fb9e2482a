//! The end of `run` and `exec`: results are shown and exported, and the exit code is chosen.

use std::{io, path::Path};

use nix::sys::{signal::Signal, statvfs::statvfs};
use results::{Listing, ReadError, Report};
use runner_shared::{
    fault::{self, Attempt},
    mode::Mode,
    profile_dir::ProfileDir,
    text::{as_text, shown},
    verdict::DEFAULT_THRESHOLD,
};

use super::Context;
use crate::{
    error::{CliError, ExitKind, chain},
    event::RunEvent,
    mode::simulation,
    orchestrator::Completed,
    process::Ended,
    settings::{RunPart, options::Export},
    ui, upload,
    workload::Workload,
};

/// Shows the table and writes the exports.
pub(crate) fn show(exports: &[Export], report: &Report, context: &Context) -> Result<(), CliError> {
    context.ui.report(report).map_err(|err| unwritten(&err))?;
    let mut failed = Ok(());
    for export in exports {
        if let Err(err) = ui::export(report, export, &context.ui) {
            let what = format!("could not write the export `{}`: {err}", shown(&export.path));
            let unwritten = CliError::new(ExitKind::Failed, what);
            // Otherwise there is nothing to write.
            failed = Err(if err.kind() == io::ErrorKind::Other {
                unwritten
            } else {
                unwritten.hint(
                    "run `codspeed inspect` with `--export` to export from the profile folder",
                )
            });
        }
    }
    failed
}

/// Functions that are shown of each benchmark after a run, by self and by total, and benchmarks of which they are shown: the slowest ones.
/// `codspeed inspect` shows more.
pub(super) const A_FEW: (usize, usize) = (3, 3);

/// Shows in which functions the slowest of the profiled benchmarks spent their time, before the table. The rest is at
/// `place`, the last words of `codspeed inspect`, if it is kept at all.
pub(crate) fn show_slowest(
    report: &Report,
    place: Option<&str>,
    context: &Context,
) -> Result<(), CliError> {
    let Report::Walltime(report) = report else { return Ok(()) };
    let (functions, benchmarks) = A_FEW;
    let slowest = report.slowest_profiles(benchmarks);
    if slowest.is_empty() {
        return Ok(());
    }
    let all = report.profiles.len();
    let few = slowest.len();
    let listing = Listing { most: functions, width: context.ui.width(), ..Listing::default() };
    let text = results::hottest_samples(&slowest, listing);
    let hint =
        place.map(|place| format!("; run `codspeed inspect{place}` to see the functions of all"));
    let others = if few < all {
        let hint = hint.unwrap_or_default();
        format!("\nonly the {few} slowest of {all} profiled benchmarks are shown{hint}\n")
    } else {
        String::new()
    };
    context.print(&format!("{text}{others}"))?;
    // Between these lines and the table.
    context.print("")
}

/// Standard output does not take the results.
pub(crate) fn unwritten(err: &io::Error) -> CliError {
    CliError::new(
        ExitKind::Failed,
        format!("could not write to standard output: {}", fault::explain(err, Attempt::Write)),
    )
}

/// Says which results files could not be read, before those of the others are shown.
pub(crate) fn tell_broken(broken: &[ReadError], context: &Context) {
    for err in broken {
        context.ui.error(&CliError::new(ExitKind::Failed, chain(err)));
    }
}

/// The last word about them; they lie in this folder.
pub(crate) fn unread(files: usize, folder: &ProfileDir) -> CliError {
    let what = match files {
        1 => "1 results file could not be read".to_owned(),
        _ => format!("{files} results files could not be read"),
    };
    let hint = if is_full(folder.path()) {
        format!(
            "the disk with `{}` is full: make room, or choose a folder on another disk",
            shown(folder)
        )
    } else {
        "the results of other files are shown; the program that wrote this one may have been killed"
            .to_owned()
    };
    CliError::new(ExitKind::Failed, what).hint(hint)
}

/// Returns whether next to nothing can be written there.
fn is_full(folder: &Path) -> bool {
    const NEXT_TO_NOTHING: u64 = 64 << 10;
    statvfs(folder).is_ok_and(|disk| {
        disk.blocks_available().saturating_mul(disk.fragment_size()) < NEXT_TO_NOTHING
    })
}

/// Chooses the exit code: an interruption weighs more than a failure, a failure more than emptiness.
pub(crate) fn judge(
    part: &RunPart,
    completed: Completed,
    context: &Context,
) -> Result<ExitKind, CliError> {
    let Completed { report, broken, ended, trouble, interrupted, folder, instruments, .. } =
        completed;
    let by_itself = ended == Ended::Code(i32::from(ExitKind::Interrupted.code()));
    if interrupted || by_itself || context.signals.interrupted() {
        let kept = report.complete();
        let rounds = || {
            format!("run `codspeed inspect {}` to see the rounds that were kept", shown(&folder))
        };
        let hint = match (kept, report.begun()) {
            (0, 0) => None,
            (0, _) => Some(rounds()),
            _ => Some(upload::how_to_go_on(&folder)),
        };
        let text = format!("interrupted; finished benchmarks kept: {kept}");
        context.ui.event(&RunEvent::Warning { text, hint });
        return Ok(ExitKind::Interrupted);
    }
    if let Some(trouble) = trouble {
        let (kind, hint) = trouble.advice(part.memory.backend);
        let err = CliError::new(kind, trouble);
        return Err(match hint {
            Some(hint) => err.hint(hint),
            None => err,
        });
    }
    let all = report.benchmarks().len();
    match report.failed() {
        0 => {}
        1 if all == 1 => return Err(CliError::new(ExitKind::Failed, "the benchmark failed")),
        failed => {
            let what = format!("{failed} of {all} benchmarks failed");
            return Err(CliError::new(ExitKind::Failed, what));
        }
    }
    if !broken.is_empty() {
        return Err(unread(broken.len(), &folder));
    }
    judge_end(part, &report, ended, &folder)?;
    instruments.map_err(|err| CliError::new(ExitKind::Failed, err))?;
    if all == 0 && !part.allow_empty {
        return Err(CliError::new(ExitKind::Empty, "the command ran, but no benchmark reported a result")
            .hint("use a benchmark suite with a CodSpeed integration (pytest-codspeed, cargo codspeed, \
                @codspeed/vitest-plugin, ...)")
            .hint("use `codspeed exec -- COMMAND` to benchmark any command, or `--allow-empty` to accept a run without \
                benchmarks"))
            .map_err(|err| without_repository(part).into_iter().fold(err, CliError::hint));
    }
    Ok(judge_speed(part, &report, context))
}

/// Judges commands that were compared by `--fail-if-slower`.
fn judge_speed(part: &RunPart, report: &Report, context: &Context) -> ExitKind {
    let Workload::Commands { versus: Some(versus), .. } = &part.workload else {
        return ExitKind::Ok;
    };
    let comparisons = if versus.fails { report.comparisons() } else { Vec::new() };
    let worse = comparisons.iter().filter_map(|it| it.worse(versus.limit, versus.threshold));
    let worse: Vec<String> = worse.collect();
    if worse.is_empty() {
        return ExitKind::Ok;
    }
    let how = if part.mode == Mode::Memory { "needs more memory" } else { "slower" };
    // In the modes that count, each counter has a threshold of its own.
    let by = match (versus.limit.or(versus.threshold), part.mode) {
        (Some(limit), _) => format!(" by {limit} or more"),
        (None, Mode::Walltime) => format!(" by {DEFAULT_THRESHOLD} or more"),
        (None, Mode::Simulation | Mode::Memory) => String::new(),
    };
    let what = format!("{how}{by} (`--fail-if-slower`): {}", worse.join(", "));
    context.ui.error(&CliError::new(ExitKind::Regression, what));
    ExitKind::Regression
}

/// Returns what the end of the command means.
fn judge_end(
    part: &RunPart,
    report: &Report,
    ended: Ended,
    folder: &ProfileDir,
) -> Result<(), CliError> {
    let asks_for_nonsense =
        matches!(part.workload, Workload::Commands { .. }) && report.benchmarks().is_empty();
    match ended {
        // exec-harness has said what is wrong.
        Ended::Code(2) if asks_for_nonsense => {
            Err(CliError::new(ExitKind::Usage, "nothing was measured"))
        }
        Ended::Code(0) => Ok(()),
        // So it has about a command that left no count, and about itself.
        Ended::Code(1) if matches!(part.workload, Workload::Commands { .. }) => {
            let err = CliError::new(ExitKind::Failed, "not everything was measured");
            Err(explained(part, folder, err))
        }
        // It leaves a file for every process, if it gets as far as that.
        Ended::Code(code) if report.lacks_processes() => {
            let what = format!("Valgrind could not run the benchmark (exit status {code})");
            Err(explained(part, folder, CliError::new(ExitKind::Failed, what)))
        }
        Ended::Code(code) => {
            let what = format!("the benchmark command exited with status {code}");
            let err = explained(part, folder, CliError::new(ExitKind::Failed, what));
            Err(without_repository(part).into_iter().fold(err, CliError::hint))
        }
        Ended::Signal(signal) => {
            let what = format!("the benchmark command was killed by {signal}");
            let err = explained(part, folder, CliError::new(ExitKind::Failed, what));
            Err(if signal == Signal::SIGXFSZ {
                err.hint("it wrote a file larger than the limit: run `ulimit -f` to see or raise the limit")
            } else {
                err
            })
        }
    }
}

/// Programs whose integrations name benchmarks by their place in a Git repository, and fail where they see none.
const WANT_A_REPOSITORY: &[&str] =
    &["vitest", "node", "npm", "npx", "pnpm", "pnpx", "yarn", "bun", "bunx", "deno", "tsx"];

/// Returns what to do if the suite may have failed for want of a Git repository.
fn without_repository(part: &RunPart) -> Option<&'static str> {
    let Workload::Suite(text) = &part.workload else { return None };
    let is_name =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let text = as_text(text);
    let mut words = text.split(|letter: char| !is_name(letter));
    if !words.any(|word| WANT_A_REPOSITORY.contains(&word)) {
        return None;
    }
    repository_hint(&part.working_directory.canonicalize().ok()?)
}

/// The same for a folder. Integrations look for a folder `.git`, and know no other form of it.
fn repository_hint(folder: &Path) -> Option<&'static str> {
    match folder.ancestors().map(|above| above.join(".git")).find(|git| git.exists()) {
        Some(git) if git.is_dir() => None,
        Some(_) => Some(
            "run the suite in a clone: this is a Git worktree, and integrations for Node need a folder `.git`, not a \
                file",
        ),
        None => Some(
            "run `git init`: integrations for Node (vitest, tinybench, ...) need a Git repository to name benchmarks",
        ),
    }
}

/// The same error with what the instrument has to say about it.
fn explained(part: &RunPart, folder: &ProfileDir, err: CliError) -> CliError {
    match part.mode {
        Mode::Simulation => simulation::diagnose(folder).into_iter().fold(err, CliError::hint),
        Mode::Walltime | Mode::Memory => err,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_for_missing_node_benchmarks_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("packages/one");
        std::fs::create_dir_all(&inner).unwrap();
        assert!(repository_hint(&inner).unwrap().starts_with("run `git init`"));
        let git = folder.path().join(".git");
        std::fs::write(&git, "gitdir: elsewhere\n").unwrap();
        assert!(repository_hint(&inner).unwrap().contains("this is a Git worktree"));
        std::fs::remove_file(&git).unwrap();
        std::fs::create_dir(&git).unwrap();
        assert_eq!(repository_hint(&inner), None);
    }
}
