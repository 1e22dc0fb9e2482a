//! The keys of the project file: what the parser accepts and what the schema says come from this one table.

/// A mapping of the file.
#[derive(Debug)]
pub(super) struct Object {
    /// Name of its schema.
    pub title: &'static str,
    /// The purpose.
    pub about: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
    /// Exactly one of these has to be there, if there are any.
    pub one_of: &'static [&'static str],
}

/// A key; none has to be there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub name: &'static str,
    pub shape: Shape,
    /// The purpose.
    pub about: &'static str,
}

/// The shape of the value of a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// A text.
    Text,
    /// A list of patterns for the names of variables.
    Names,
    /// Seconds, or a text such as `500ms`.
    Duration,
    /// A whole number from one on.
    Count,
    /// A mapping.
    Object(&'static Object),
    /// A list of mappings.
    List(&'static Object),
}

impl Shape {
    /// For a sentence that says `must be …`.
    pub(super) const fn wanted(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Names => "a list of variable names",
            Self::Duration => "a number of seconds or a string such as `500ms`",
            Self::Count => "a whole number of at least 1",
            Self::Object(_) => "a mapping",
            Self::List(_) => "a list",
        }
    }
}

pub(super) const OPTIONS: &str = "options";
pub(super) const BENCHMARKS: &str = "benchmarks";
pub(super) const NAME: &str = "name";
pub(super) const ID: &str = "id";
pub(super) const EXEC: &str = "exec";
pub(super) const ENTRYPOINT: &str = "entrypoint";
pub(super) const WORKING_DIRECTORY: &str = "working-directory";
pub(super) const HIDE_ENV: &str = "hide-env";
pub(super) const WARMUP_TIME: &str = "warmup-time";
pub(super) const MAX_TIME: &str = "max-time";
pub(super) const MIN_TIME: &str = "min-time";
pub(super) const MAX_ROUNDS: &str = "max-rounds";
pub(super) const MIN_ROUNDS: &str = "min-rounds";

const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, shape, about }
}

/// The whole file.
pub(super) const ROOT: &Object = &Object {
    title: "ProjectConfig",
    about: "The CodSpeed project file: the benchmarks of `codspeed run` and their options.",
    keys: &[
        key(OPTIONS, Shape::Object(PROJECT_OPTIONS), "Options for all benchmarks."),
        key(
            BENCHMARKS,
            Shape::List(TARGET),
            "The benchmarks that `codspeed run` runs without a command.",
        ),
    ],
    one_of: &[],
};

const PROJECT_OPTIONS: &Object = &Object {
    title: "ProjectOptions",
    about: "Options for all benchmarks.",
    keys: &[
        key(
            WORKING_DIRECTORY,
            Shape::Text,
            "The folder in which benchmarks run; relative to the folder of this file, which is the default.",
        ),
        key(
            HIDE_ENV,
            Shape::Names,
            "Variables to hide from all benchmarks, in addition to the secrets that CI systems put into every job; `*` \
                matches any text.",
        ),
        ROUNDS[0],
        ROUNDS[1],
        ROUNDS[2],
        ROUNDS[3],
        ROUNDS[4],
    ],
    one_of: &[],
};

const TARGET: &Object = &Object {
    title: "Target",
    about: "One benchmark, or one suite of them.",
    keys: &[
        key(NAME, Shape::Text, "Name of the benchmark; by default the words of `exec`."),
        key(
            ID,
            Shape::Text,
            "The benchmark's name for `codspeed run --bench`; by default its name.",
        ),
        key(
            EXEC,
            Shape::Text,
            "A command to benchmark: words, or shell text (pipes, variables, several lines) that `sh` runs.",
        ),
        key(
            ENTRYPOINT,
            Shape::Text,
            "Shell text that runs a suite with a CodSpeed integration, as for `codspeed run -- TEXT`.",
        ),
        key(
            OPTIONS,
            Shape::Object(TARGET_OPTIONS),
            "Options for this benchmark, which override those for all.",
        ),
    ],
    one_of: &[EXEC, ENTRYPOINT],
};

const TARGET_OPTIONS: &Object = &Object {
    title: "TargetOptions",
    about: "Options for one benchmark.",
    keys: &ROUNDS,
    one_of: &[],
};

/// The time that and how often a command is run.
const ROUNDS: [Key; 5] = [
    key(
        WARMUP_TIME,
        Shape::Duration,
        "Warm-up time, whose rounds are not counted; 1s by default, 0 for none.",
    ),
    key(
        MAX_TIME,
        Shape::Duration,
        "Maximum time for all measured rounds; 3s without other limits, 0 for no limit.",
    ),
    key(
        MIN_TIME,
        Shape::Duration,
        "Minimum time for all measured rounds; not together with `max-rounds`.",
    ),
    key(MAX_ROUNDS, Shape::Count, "Maximum number of measured rounds."),
    key(
        MIN_ROUNDS,
        Shape::Count,
        "Minimum number of measured rounds; not together with `max-time`.",
    ),
];
