//! Place and amount of our output: chosen once, from the environment and the command line.

use std::io::{self, IsTerminal};

use runner_shared::{env_names, text::shown};

use crate::env::Env;

/// A surface that shows our output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// A terminal on standard error.
    Terminal,
    /// A file, a pipe, or a terminal that can't move its cursor.
    Plain,
    /// The log of GitHub Actions.
    GitHub,
    /// The log of GitLab CI.
    GitLab,
    /// The log of Buildkite.
    Buildkite,
}

impl Surface {
    /// Returns what standard error is, outside of CI.
    pub(crate) fn local(env: &Env) -> Self {
        let dumb = env.get(env_names::TERM).is_none_or(|term| term == "dumb");
        if io::stderr().is_terminal() && !dumb { Self::Terminal } else { Self::Plain }
    }

    /// It is the log of a CI provider: one stream, with markers in it.
    pub(super) const fn is_log(self) -> bool {
        match self {
            Self::Terminal | Self::Plain => false,
            Self::GitHub | Self::GitLab | Self::Buildkite => true,
        }
    }
}

/// How much is said. What failed is said at any level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Results and errors.
    Error,
    /// Warnings as well.
    Warn,
    /// Steps as well.
    Info,
    /// Decisions as well.
    Debug,
    /// All.
    Trace,
}

/// The words for levels.
const LEVELS: &[(&str, Level)] = &[
    ("off", Level::Error),
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
];

impl Level {
    /// Returns what the user wants: a flag before the environment, and GitHub's own switch before both. The second
    /// result is
    /// a warning about a word that is none.
    pub(crate) fn choose(
        quiet: bool,
        verbose: u8,
        env: &Env,
        surface: Surface,
    ) -> (Self, Option<String>) {
        let debugs = env.get(env_names::RUNNER_DEBUG).is_some_and(|value| value == "1");
        if surface == Surface::GitHub && debugs {
            return (Self::Trace, None);
        }
        match (quiet, verbose) {
            (true, _) => return (Self::Warn, None),
            (false, 0) => {}
            (false, 1) => return (Self::Debug, None),
            (false, _) => return (Self::Trace, None),
        }
        let Some(word) = env.get(env_names::LOG) else { return (Self::Info, None) };
        let lower = word.to_string_lossy().to_lowercase();
        if let Some((_, level)) = LEVELS.iter().find(|(known, _)| *known == lower) {
            return (*level, None);
        }
        let words: Vec<_> = LEVELS.iter().map(|(word, _)| *word).collect();
        let (name, word, known) = (env_names::LOG.name, shown(&word), words.join(", "));
        (Self::Info, Some(format!("{name} is `{word}`; expected one of {known}")))
    }
}

/// Data for another program that standard output is kept for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Claim {
    /// None: it is for results that people read.
    #[default]
    Free,
    /// An export, and nothing else.
    Export,
    /// One JSON object per line, and nothing else.
    Messages,
}

/// All choices about what is seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Where.
    pub surface: Surface,
    /// The way in which much.
    pub level: Level,
    /// The owner of the standard output is.
    pub claim: Claim,
    /// The benchmark's output is not put into a window, even on a terminal.
    pub full_output: bool,
    /// All of it is kept for `runner.log`.
    pub log: bool,
}

impl Screen {
    /// Returns what commands want that don't measure.
    pub(crate) const fn new(surface: Surface, level: Level) -> Self {
        Self { surface, level, claim: Claim::Free, full_output: false, log: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_override_the_environment_and_unknown_words_are_named() {
        let level = |quiet, verbose, word: &str| {
            Level::choose(
                quiet,
                verbose,
                &Env::default().with(env_names::LOG, word),
                Surface::Plain,
            )
        };
        assert_eq!(level(false, 0, ""), (Level::Info, None));
        assert_eq!(level(false, 0, "Trace"), (Level::Trace, None));
        assert_eq!(level(false, 0, "off"), (Level::Error, None));
        assert_eq!(level(true, 0, "trace"), (Level::Warn, None));
        assert_eq!(level(false, 1, "error"), (Level::Debug, None));
        assert_eq!(level(false, 2, "error"), (Level::Trace, None));
        let (chosen, warning) = level(false, 0, "loud");
        let expected =
            "CODSPEED_LOG is `loud`; expected one of off, error, warn, info, debug, trace";
        assert_eq!((chosen, warning.as_deref()), (Level::Info, Some(expected)));
    }

    #[test]
    fn a_debug_run_of_github_shows_all() {
        let env = Env::default().with(env_names::RUNNER_DEBUG, "1");
        assert_eq!(Level::choose(true, 0, &env, Surface::GitHub).0, Level::Trace);
        assert_eq!(Level::choose(true, 0, &env, Surface::GitLab).0, Level::Warn);
    }
}
