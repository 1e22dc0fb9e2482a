//! A digest of the environment that the benchmark saw: equal ones can't be the reason of a difference.

use std::os::unix::ffi::OsStrExt;

use runner_shared::{env_names, text::hex};
use sha2::{Digest, Sha256};

use crate::env::Env;

/// Digits of the digest.
const DIGITS: usize = 32;

/// Names of variables that differ in each run, shell or session, and mean nothing to a benchmark.
const PASSING: &[&str] = &[
    "_",
    "COLORTERM",
    "COLUMNS",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "HISTFILE",
    "HOSTNAME",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LINES",
    "LS_COLORS",
    "MAKELEVEL",
    "MANAGERPID",
    "OLDPWD",
    "PS1",
    "PWD",
    "SHLVL",
    "STY",
    "SYSTEMD_EXEC_PID",
    "TERM",
    "TMUX",
    "TMUX_PANE",
    "WAYLAND_DISPLAY",
    "WINDOWID",
    "XAUTHORITY",
    "XDG_SESSION_ID",
    "XDG_VTNR",
];

/// Beginnings of such names: what CI systems and clouds set for each job, package managers for each script, and terminals
/// for each window. Ours are not seen as such.
const PASSING_PREFIXES: &[&str] = &[
    env_names::OWN_PREFIX,
    "ACTIONS_",
    "AGENT_",
    "AWS_",
    "AZURE_",
    "BITBUCKET_",
    "BUILDKITE_",
    "BUILD_",
    "CIRCLE_",
    "CI_",
    "CODEBUILD_",
    "DRONE_",
    "GITHUB_",
    "GITLAB_",
    "GOOGLE_",
    "GPG_",
    "ITERM_",
    "JENKINS_",
    "KITTY_",
    "KONSOLE_",
    "NEXTEST_",
    "RUNNER_",
    "SSH_",
    "SUDO_",
    "SYSTEM_",
    "TERM_",
    "TRAVIS_",
    "VSCODE_",
    "VTE_",
    "WEZTERM_",
    "WT_",
    "ZELLIJ",
    "npm_",
];

/// Ends of such names: what somebody logs in with, which is renewed from time to time.
const PASSING_SUFFIXES: &[&str] = &["_KEY", "_PASSWORD", "_SECRET", "_TOKEN"];

/// Returns the digest of all variables that the benchmark saw, but for those that pass. Secrets are none of them.
pub(super) fn digest(env: &Env) -> String {
    let mut hasher = Sha256::new();
    let lasting = env.iter().filter(|(name, _)| !passes(name.as_bytes()));
    for (name, value) in lasting {
        // Neither can hold a zero.
        for part in [name.as_bytes(), b"=", value.as_bytes(), b"\0"] {
            hasher.update(part);
        }
    }
    hex(&hasher.finalize()).chars().take(DIGITS).collect()
}

fn passes(name: &[u8]) -> bool {
    PASSING.iter().any(|one| name == one.as_bytes())
        || PASSING_PREFIXES.iter().any(|one| name.starts_with(one.as_bytes()))
        || PASSING_SUFFIXES.iter().any(|one| name.ends_with(one.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        Env::capture(variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn only_what_lasts_counts() {
        let plain = digest(&env(&[("LANG", "C"), ("PATH", "/bin")]));
        let passing =
            [("LANG", "C"), ("PATH", "/bin"), ("PWD", "/x"), ("GITHUB_RUN_ID", "7"), ("_", "y")];
        assert_eq!(digest(&env(&passing)), plain);
        assert_eq!(plain.len(), 32);
        assert_ne!(digest(&env(&[("LANG", "de"), ("PATH", "/bin")])), plain);
        assert_ne!(digest(&env(&[("LANG", "CPATH=/bin")])), plain);
        let mut hidden = env(&[("LANG", "C"), ("PATH", "/bin"), ("MY_LOGIN", "secret")]);
        hidden.hide(&["MY_*".to_owned()]);
        assert_eq!(digest(&hidden), plain, "no secret is in it");
    }

    #[test]
    fn what_differs_per_job_does_not_count() {
        let names = "BUILD_ID JENKINS_URL SYSTEM_JOBID AGENT_ID BITBUCKET_COMMIT DRONE_TAG TRAVIS_JOB_ID \
            CODEBUILD_BUILD_ID npm_lifecycle_event MAKELEVEL COLORTERM AWS_REGION GOOGLE_X AZURE_X MY_TOKEN MY_SECRET \
            MY_PASSWORD MY_KEY";
        let none = digest(&env(&[]));
        for name in names.split_whitespace() {
            assert_eq!(digest(&env(&[(name, "x")])), none, "{name}");
        }
        for name in ["BUILD", "MY_TOKENS", "KEY", "MAKELEVELS", "NPM_"] {
            assert_ne!(digest(&env(&[(name, "x")])), none, "{name}");
        }
    }
}
