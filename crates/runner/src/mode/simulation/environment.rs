//! An environment that is the same in each run: its size and content move the stack, and with it
//! the simulated caches.

use std::path::{Path, PathBuf};

use runner_shared::env_names;

use crate::{env::Env, process::ask, tools};

/// What a CI system sets anew for each job. Nothing that a benchmark should depend on.
const BOOKKEEPING: &[&str] = &["GITHUB_", "CI_", "RUNNER_", "BUILDKITE_", "GITLAB_"];

/// The environment without the bookkeeping of a CI system.
pub(super) fn stable(env: &Env) -> Env {
    env.clone().without_prefixes(BOOKKEEPING)
}

/// Lets Python allocate by `malloc`, so that its allocations are seen, except for free-threaded
/// builds, which don't start with it.
pub(in crate::mode) fn python_malloc(env: Env, cwd: &Path) -> Env {
    let script = "import sysconfig; print(sysconfig.get_config_var('Py_GIL_DISABLED') or 0)";
    let free_threaded = python(&env, cwd, script).is_some_and(|answer| answer.trim() == "1");
    if free_threaded { env } else { env.with(env_names::PYTHONMALLOC, "malloc") }
}

/// The interpreters that the benchmark is likely to use: frames inside them are noise.
pub(super) fn interpreters(env: &Env, cwd: &Path) -> Vec<PathBuf> {
    let script = "import sysconfig as s; print(s.get_config_var('LIBDIR') + '/' + s.get_config_var('INSTSONAME'))";
    let node = tools::find("node", env)
        .and_then(|node| ask(&node, &["-e", "console.log(process.execPath)"], env, cwd));
    let answers = [python(env, cwd, script), node];
    let paths = answers.into_iter().flatten().map(|answer| PathBuf::from(answer.trim()));
    paths.filter_map(|path| path.canonicalize().ok()).collect()
}

fn python(env: &Env, cwd: &Path, script: &str) -> Option<String> {
    let python = tools::find("python", env).or_else(|| tools::find("python3", env))?;
    ask(&python, &["-c", script], env, cwd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_from_job_to_job_is_left_out() {
        let variables = [("GITHUB_RUN_ID", "7"), ("CI", "true"), ("CI_JOB_URL", "x"), ("A", "b")];
        let pair = |(name, value): (&str, &str)| (name.into(), value.into());
        let env = stable(&Env::capture(variables.into_iter().map(pair)));
        let names: Vec<_> = env.iter().map(|(name, _)| name.display().to_string()).collect();
        assert_eq!(names, ["A", "CI"]);
    }
}
