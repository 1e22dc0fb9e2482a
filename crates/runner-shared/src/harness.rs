//! The input of `exec-harness`: the JSON on its standard input, the same as options (feature `cli`),
//! and the identity of its benchmarks.

use std::ffi::OsString;

use serde::{Deserialize, Serialize};

#[cfg(feature = "cli")]
use crate::counters;
use crate::{
    os_text,
    text::{as_text, one_line},
};

/// Name under which `exec-harness` announces itself.
pub const INTEGRATION: &str = "exec-harness";
/// The prefix of the URIs of all its benchmarks.
pub const URI_PREFIX: &str = "exec_harness::";
/// Names are cut to this many bytes; the URI stays whole.
pub const MAX_NAME_BYTES: usize = 924;

/// Exit codes of `exec-harness --check`, which no other program has by chance: options that make no sense, and benchmarks
/// that can't be run. Each line on its standard error that begins with [`CHECK_SAYS`] is one reason.
pub const CHECKED_USAGE: u8 = 92;
/// See [`CHECKED_USAGE`].
pub const CHECKED_FAILED: u8 = 91;
/// Beginning of each reason.
pub const CHECK_SAYS: &str = "error: ";

/// One command to benchmark.
///
/// `command`, `name` and the first five keys of `walltime_args` are the wire format of the
/// existing runners; the other keys are ours and are ignored by them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Program and arguments; never empty.
    #[serde(with = "os_text::list")]
    pub command: Vec<OsString>,
    /// Name of the benchmark; without one, the words of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Options of the rounds.
    #[serde(default)]
    pub walltime_args: WalltimeArgs,
    /// Hooks around the rounds.
    #[serde(default, skip_serializing_if = "RunArgs::is_default")]
    pub run_args: RunArgs,
    /// The folder in which the command and its hooks are run; by default, that of `exec-harness`. A path with a slash
    /// is relative to it. Another extension of the wire format.
    #[serde(default, with = "os_text::option", skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<OsString>,
}

/// The time and the number of rounds to measure; durations as users write them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args), command(next_help_heading = "Measurement"))]
pub struct WalltimeArgs {
    /// Time for rounds that are not counted [default: 1s; 0 for none].
    ///
    /// Durations: `2` or `0.5` are seconds, otherwise with units as in `300ms` or `1m 30s`.
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(long, value_name = "DURATION", allow_hyphen_values = true))]
    pub warmup_time: Option<String>,
    /// Most time for all measured rounds [default: 3s without other limits; 0 for no limit].
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(long, value_name = "DURATION", allow_hyphen_values = true))]
    pub max_time: Option<String>,
    /// Least time for all measured rounds.
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(long, value_name = "DURATION", allow_hyphen_values = true))]
    pub min_time: Option<String>,
    /// Most measured rounds [default: 10000].
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COUNT", value_parser = rounds))]
    pub max_rounds: Option<u64>,
    /// Least measured rounds.
    #[serde(default)]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COUNT", value_parser = rounds))]
    pub min_rounds: Option<u64>,
    /// Stop early once the 95 % interval of the median is within this share of it, such as `1%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE"))]
    pub target_precision: Option<String>,
}

/// Returns what reads the name of a benchmark. One that is no text is spelt out: names are shown and kept as text.
#[cfg(feature = "cli")]
pub fn name() -> impl clap::builder::TypedValueParser<Value = String> {
    use clap::builder::{OsStringValueParser, TypedValueParser};
    OsStringValueParser::new().map(|name| as_text(&name).into_owned())
}

/// Reads a number of rounds. None at all is no measurement.
#[cfg(feature = "cli")]
fn rounds(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("at least one round is required".to_owned()),
        Ok(rounds) => Ok(rounds),
        Err(err) => Err(err.to_string()),
    }
}

/// Options for the rounds: hooks, streams and limits; our own extension of the wire format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args), command(next_help_heading = "Around the rounds"))]
pub struct RunArgs {
    /// Command to run once before the warm-up; not measured.
    #[serde(default, with = "os_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COMMAND"))]
    pub setup: Option<OsString>,
    /// Command to run before each round; not measured.
    #[serde(default, with = "os_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COMMAND"))]
    pub prepare: Option<OsString>,
    /// Command to run after each round; not measured.
    #[serde(default, with = "os_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COMMAND"))]
    pub conclude: Option<OsString>,
    /// Command to run once at the end, also after a failure; not measured.
    #[serde(default, with = "os_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", arg(long, value_name = "COMMAND"))]
    pub cleanup: Option<OsString>,
    /// File that each round reads as standard input [default: /dev/null].
    #[serde(default, with = "os_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE"))]
    pub input: Option<OsString>,
    /// Destination of standard output: `null`, `inherit` or a file [default: null].
    ///
    /// Some programs do less when nobody reads it: GNU grep stops at its first match when it writes to `/dev/null`. A
    /// file, a pipe (`COMMAND | cat`) or a FIFO makes them do all of it, and may cost time of its own.
    #[serde(default, with = "os_text::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", arg(long, value_name = "WHERE"))]
    pub output: Option<OsString>,
    /// Longest time for one round; the round is ended and counts as a failure [default: 10m; 0 for none].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", arg(long, value_name = "DURATION"))]
    pub timeout: Option<String>,
    /// Exit codes that are no failure: `all`, or a list such as `1,3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", arg(long, value_name = "CODES", num_args = 0..=1, require_equals = true, default_missing_value = "all"))]
    pub ignore_failure: Option<String>,
    /// Events to count in each round, such as `instructions,cycles,branch-misses`.
    ///
    /// Counted by the processor: instructions, cycles, ref-cycles, branches, branch-misses, cache-references,
    /// cache-misses, bus-cycles, stalled-cycles-frontend, stalled-cycles-backend; most virtual machines have none of them.
    /// Counted by the kernel: task-clock, cpu-clock, page-faults, minor-faults, major-faults, context-switches,
    /// cpu-migrations, alignment-faults, emulation-faults. Counts are from exec to exit, of all threads and children;
    /// without permission to see the kernel, of user mode only. Each event costs a round about ten microseconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "cli", arg(long, value_name = "EVENTS", help_heading = "Measurement", value_delimiter = ',', value_parser = counters::parse))]
    pub counters: Vec<String>,
    /// Run the command and the hooks by `sh -c`.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "cli", arg(long))]
    pub shell: bool,
    /// Take the start of the shell off each round of a command that `sh -c` runs (walltime mode).
    ///
    /// It is measured with a shell that has nothing to do, and shown in any case.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "cli", arg(long))]
    pub subtract_shell: bool,
}

impl RunArgs {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Target {
    /// The name of the benchmark before it is cut: as given, else the command's words.
    pub fn full_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.words())
    }

    /// The words of the command as text, with blanks between them.
    pub fn words(&self) -> String {
        self.command.iter().map(as_text).collect::<Vec<_>>().join(" ")
    }

    /// The name as written to results: at most [`MAX_NAME_BYTES`], cut between characters.
    pub fn display_name(&self) -> String {
        let full = self.full_name();
        let end = full.floor_char_boundary(MAX_NAME_BYTES);
        full.get(..end).unwrap_or_default().to_owned()
    }

    /// The name for people: on one line, and nothing in it steers a terminal.
    pub fn shown_name(&self) -> String {
        one_line(&self.display_name())
    }

    /// The identity of the benchmark, never cut.
    pub fn uri(&self) -> String {
        format!("{URI_PREFIX}{}", self.full_name())
    }
}

/// The reason why the text on standard input is not a list of targets.
#[derive(Debug, thiserror::Error)]
pub enum TargetsError {
    /// Not JSON, or of another shape.
    #[error("the list of benchmarks is not valid JSON")]
    Json(#[from] serde_json::Error),
    /// `[]`.
    #[error("the list of benchmarks is empty")]
    Empty,
    /// `"command": []`.
    #[error("benchmark {number} has an empty `command`")]
    EmptyCommand {
        /// Counted from 1.
        number: usize,
    },
}

/// Reads a JSON array of targets. Also returns the keys that mean nothing to us.
pub fn parse_targets(text: &str) -> Result<(Vec<Target>, Vec<String>), TargetsError> {
    let mut unknown = Vec::new();
    let mut json = serde_json::Deserializer::from_str(text);
    let targets: Vec<Target> =
        serde_ignored::deserialize(&mut json, |path| unknown.push(path.to_string()))?;
    json.end()?;
    if targets.is_empty() {
        return Err(TargetsError::Empty);
    }
    if let Some(index) = targets.iter().position(|target| target.command.is_empty()) {
        return Err(TargetsError::EmptyCommand { number: index + 1 });
    }
    Ok((targets, unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Target {
        Target { command: vec!["x".into()], name: Some(name.to_owned()), ..Target::default() }
    }

    #[test]
    fn names_and_uris_follow_the_command_or_the_given_name() {
        let words = |words: &[&str]| Target {
            command: words.iter().map(Into::into).collect(),
            ..Target::default()
        };
        assert_eq!(words(&["ls", "-d", "/"]).uri(), "exec_harness::ls -d /");
        assert_eq!(words(&["echo", "a b"]).full_name(), "echo a b");
        // An identity is kept as it is; it is spelt out where it is shown.
        let odd = words(&["sh", "-c", "a\nb"]);
        assert_eq!(
            (odd.uri().as_str(), odd.shown_name().as_str()),
            ("exec_harness::sh -c a\nb", "sh -c a\\nb")
        );
        assert_eq!(named("").uri(), "exec_harness::");
    }

    #[test]
    fn long_names_are_cut_between_characters_and_the_uri_is_not() {
        let ascii = named(&"a".repeat(2000));
        assert_eq!(ascii.display_name().len(), 924);
        assert_eq!(ascii.uri().len(), 2000 + "exec_harness::".len());
        let accents = named(&format!("a{}", "é".repeat(1000)));
        assert_eq!(accents.display_name().len(), 923);
    }

    #[test]
    fn the_wire_format_of_the_existing_runner_is_read() {
        let text = r#"
            [{"command":["grep","-c","x y","f.txt"],"name":"count","walltime_args":{"warmup_time":"0",
              "max_time":null,"min_time":null,"max_rounds":3,"min_rounds":null}},{"command":["true"]}]"#;
        let (targets, unknown) = parse_targets(text).unwrap();
        assert_eq!(unknown, Vec::<String>::new());
        assert_eq!(targets[0].walltime_args.max_rounds, Some(3));
        assert_eq!(targets[0].walltime_args.warmup_time.as_deref(), Some("0"));
        assert_eq!(targets[1], Target { command: vec!["true".into()], ..Target::default() });
    }

    #[test]
    fn words_that_are_no_text_survive_and_text_is_written_as_ever() {
        use std::os::unix::ffi::OsStringExt;
        let odd = || OsString::from_vec(b"caf\xe9".to_vec());
        let target = Target {
            command: vec!["cat".into(), odd(), "é".into()],
            run_args: RunArgs { input: Some(odd()), setup: Some("x".into()), ..RunArgs::default() },
            ..Target::default()
        };
        let text = serde_json::to_string(&[&target]).unwrap();
        assert!(
            text.starts_with(r#"[{"command":["cat",{"bytes":[99,97,102,233]},"é"],"#),
            "{text}"
        );
        assert!(text.contains(r#""setup":"x""#), "{text}");
        assert_eq!(parse_targets(&text).unwrap(), (vec![target.clone()], Vec::new()));
        assert_eq!(target.uri(), r"exec_harness::cat caf\xe9 é");
        let odd = parse_targets(r#"[{"command":[1]}]"#).unwrap_err();
        let why = std::error::Error::source(&odd).unwrap().to_string();
        assert!(why.contains("expected a string, or an object whose key `bytes`"), "{why}");
    }

    #[test]
    fn unknown_keys_are_named_at_both_levels() {
        let text = r#"[{"command":["a"],"max_rounds":3,"walltime_args":{"rounds":1}}]"#;
        let (_, unknown) = parse_targets(text).unwrap();
        assert_eq!(unknown, ["0.max_rounds", "0.walltime_args.rounds"]);
    }

    #[test]
    fn every_malformed_list_is_refused() {
        let json = |text: &str| matches!(parse_targets(text), Err(TargetsError::Json(_)));
        assert!(json(""));
        assert!(json("{}"));
        assert!(json("[{}]"), "no command");
        assert!(json(r#"[{"command":["a"]}] x"#), "trailing characters");
        assert!(json(r#"[{"command":["a"],"walltime_args":null}]"#));
        assert!(json(r#"[{"command":["a"],"walltime_args":{"warmup_time":0}}]"#));
        assert!(json(r#"[{"command":["a"],"walltime_args":{"max_rounds":"2"}}]"#));
        assert!(json(r#"[{"command":["a"],"walltime_args":{"max_rounds":-2}}]"#));
        assert!(json(r#"[{"command":"a"}]"#));
        assert!(matches!(parse_targets("[]"), Err(TargetsError::Empty)));
        let second = parse_targets(r#"[{"command":["a"]},{"command":[]}]"#);
        assert!(matches!(second, Err(TargetsError::EmptyCommand { number: 2 })));
    }
}
