//! The keys of the project file: what the parser accepts and what the schema says come from this one table.

/// A mapping of the file.
#[derive(Debug)]
pub(super) struct Object {
    /// Name of its schema.
    pub title: &'static str,
    /// What it is for.
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
    /// What it is for.
    pub about: &'static str,
}

/// What the value of a key is.
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
            Self::Text => "a text",
            Self::Names => "a list of names of variables",
            Self::Duration => "a number of seconds or a text such as `500ms`",
            Self::Count => "a whole number from 1 on",
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
    about: "The project file of CodSpeed: what `codspeed run` runs, and how.",
    keys: &[
        key(OPTIONS, Shape::Object(PROJECT_OPTIONS), "Options for all benchmarks."),
        key(BENCHMARKS, Shape::List(TARGET), "What `codspeed run` runs without a command."),
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
            "Variables that no benchmark shall see, besides the secrets that CI systems put into every job; `*` is any text.",
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
        key(NAME, Shape::Text, "Name of the benchmark; without one, the words of `exec`."),
        key(
            ID,
            Shape::Text,
            "What `codspeed run --bench` calls the benchmark; without one, its name.",
        ),
        key(
            EXEC,
            Shape::Text,
            "A command to benchmark: words, or text for a shell (pipes, variables, several lines), which `sh` runs.",
        ),
        key(
            ENTRYPOINT,
            Shape::Text,
            "Shell text that runs a suite with a CodSpeed integration, as for `codspeed run -- TEXT`.",
        ),
        key(
            OPTIONS,
            Shape::Object(TARGET_OPTIONS),
            "Options for this benchmark: they win over those for all.",
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

/// How long and how often a command is run.
const ROUNDS: [Key; 5] = [
    key(
        WARMUP_TIME,
        Shape::Duration,
        "Time for rounds that are not counted; 1s by default, 0 for none.",
    ),
    key(
        MAX_TIME,
        Shape::Duration,
        "Most time for all measured rounds; 3s without other limits, 0 for no limit.",
    ),
    key(
        MIN_TIME,
        Shape::Duration,
        "Least time for all measured rounds; not together with `max-rounds`.",
    ),
    key(MAX_ROUNDS, Shape::Count, "Most measured rounds."),
    key(MIN_ROUNDS, Shape::Count, "Least measured rounds; not together with `max-time`."),
];
