//! An environment that is the same in each run: its size and content move the stack, and with it
//! the simulated caches.

use runner_shared::env_names;

use crate::{
    env::Env,
    settings::options::{SimulationOptions, Variables},
};

/// What a CI system sets anew for each job. Nothing that a benchmark should depend on.
const BOOKKEEPING: &[&str] = &["GITHUB_", "CI_", "RUNNER_", "BUILDKITE_", "GITLAB_"];

/// What programs need in general: beginnings of names.
const NEEDED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_",
    "TZ",
    "TMPDIR",
    "TERM",
    "XDG_",
    "LD_",
    env_names::OWN_PREFIX,
    "CARGO",
    "RUST",
    "CC",
    "CXX",
    "PYTHON",
    "VIRTUAL_ENV",
    "CONDA",
    "UV_",
    "PYENV",
    "NODE",
    "NVM_",
    "NPM_",
    "npm_",
    "VOLTA",
    "GO",
    "JAVA",
    "NIX_",
    "VALGRIND_",
];

/// The environment without what differs between runs for no good reason.
pub(super) fn stable(env: &Env, options: &SimulationOptions) -> Env {
    let kept = |name: &[u8]| options.keep_env.iter().any(|keep| keep.as_encoded_bytes() == name);
    let begins = |name: &[u8], starts: &[&str]| {
        starts.iter().any(|start| name.starts_with(start.as_bytes()))
    };
    env.clone().only(|name| {
        kept(name)
            || match options.variables {
                Variables::All => true,
                Variables::Needed => begins(name, NEEDED),
                Variables::Lasting => !begins(name, BOOKKEEPING),
            }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use runner_shared::text::shown;

    use super::*;
    use crate::cli::SimulationArgs;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: SimulationArgs,
    }

    fn names(options: &[&str]) -> Vec<String> {
        let variables = [
            ("GITHUB_RUN_ID", "7"),
            ("CI", "true"),
            ("CI_JOB_URL", "x"),
            ("DATABASE_URL", "b"),
            ("LC_ALL", "C"),
        ];
        let pair = |(name, value): (&str, &str)| (name.into(), value.into());
        let options = Line::parse_from(["x"].iter().chain(options)).options.into();
        let env = stable(&Env::capture(variables.into_iter().map(pair)), &options);
        env.iter().map(|(name, _)| shown(&name).into_owned()).collect()
    }

    #[test]
    fn what_changes_from_job_to_job_is_left_out_unless_it_is_wanted() {
        assert_eq!(names(&[]), ["CI", "DATABASE_URL", "LC_ALL"]);
        assert_eq!(names(&["--keep-env=CI_JOB_URL"]).len(), 4);
        assert_eq!(names(&["--stable-env"]), ["LC_ALL"]);
        assert_eq!(names(&["--stable-env", "--keep-env", "CI"]), ["CI", "LC_ALL"]);
        assert_eq!(names(&["--env-passthrough"]).len(), 5);
    }
}
