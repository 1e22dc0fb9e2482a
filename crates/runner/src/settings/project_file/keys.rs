//! The keys of the project file: what the parser accepts and what the schema says come from this one table.

use store::gate::BUDGETS;

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
    /// Other keys are errors: a limit that is not known must not look as if it were checked.
    pub strict: bool,
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
    /// A text or a number, as in these examples; what it means is decided later.
    Scalar(&'static [&'static str]),
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
            Self::Scalar(_) => "a string or a number",
            Self::Object(_) => "a mapping",
            Self::List(_) => "a list",
        }
    }
}

pub(super) const OPTIONS: &str = "options";
pub(super) const BENCHMARKS: &str = "benchmarks";
pub(super) const STORE: &str = "store";
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
pub(super) const GATE: &str = "gate";
pub(super) const BASE: &str = "base";
pub(super) const LIMITS: &str = "limits";
pub(super) const WAIVERS: &str = "waivers";
pub(super) const MODE: &str = "mode";
pub(super) const METRIC: &str = "metric";
pub(super) const MAX_REGRESSION: &str = "max-regression";
pub(super) const REASON: &str = "reason";
pub(super) const UNTIL: &str = "until";

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
        key(
            GATE,
            Shape::Object(GATE_OBJECT),
            "Limits for `codspeed gate`, and exceptions from them.",
        ),
        key(
            STORE,
            Shape::Text,
            "The place of stored runs: `project` for the folder `.codspeed/store` beside this file or at the top of the \
                repository, `user` for the user's data. Without it, the project if that folder is there.",
        ),
    ],
    one_of: &[],
    strict: false,
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
    strict: false,
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
    strict: false,
};

const TARGET_OPTIONS: &Object = &Object {
    title: "TargetOptions",
    about: "Options for one benchmark.",
    keys: &ROUNDS,
    one_of: &[],
    strict: false,
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

const GATE_OBJECT: &Object = &Object {
    title: "Gate",
    about: "Limits for `codspeed gate`, and exceptions from them.",
    keys: &[
        key(
            BASE,
            Shape::Text,
            "The run to compare with: an ID, a name, a label `key=value`, a branch or commit, `last~1`, or a file of \
                `codspeed store export`; by default the newest comparable one of the base branch.",
        ),
        key(
            LIMITS,
            Shape::List(LIMIT),
            "Limits. Of each key the last entry counts that matches a benchmark and has the key.",
        ),
        key(WAIVERS, Shape::List(WAIVER), "Exceptions from limits, each with a reason and an end."),
    ],
    one_of: &[],
    strict: true,
};

const PATTERN: Key = key(
    BENCHMARKS,
    Shape::Text,
    "Pattern for names or identities of benchmarks: `*` matches any text, `?` a character.",
);
const MODE_KEY: Key =
    key(MODE, Shape::Text, "`walltime`, `simulation` or `memory`; by default all modes.");
const METRIC_KEY: Key = key(
    METRIC,
    Shape::Text,
    "The quantity that this is about, by the name of its budget, such as `peak`; by default all.",
);

/// Keys of a limit that are no budgets.
const LIMIT_KEYS: [Key; 4] = [
    PATTERN,
    MODE_KEY,
    METRIC_KEY,
    key(
        MAX_REGRESSION,
        Shape::Scalar(&["5%", "off"]),
        "The largest loss that is allowed, such as `5%`, or `off`; without it no certain loss is.",
    ),
];

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses what is outside"
)]
const LIMIT: &Object = &Object {
    title: "GateLimit",
    about: "Limits for some benchmarks.",
    keys: &{
        let mut keys = [PATTERN; LIMIT_KEYS.len() + BUDGETS.len()];
        let mut place = 0;
        while place < keys.len() {
            keys[place] = if place < LIMIT_KEYS.len() {
                LIMIT_KEYS[place]
            } else {
                let budget = &BUDGETS[place - LIMIT_KEYS.len()];
                key(budget.word, Shape::Scalar(&["100 MB", "10 ms", "0", "off"]), budget.about)
            };
            place += 1;
        }
        keys
    },
    one_of: &[],
    strict: true,
};

const WAIVER: &Object = &Object {
    title: "GateWaiver",
    about: "An exception from limits.",
    keys: &[
        PATTERN,
        MODE_KEY,
        METRIC_KEY,
        key(REASON, Shape::Text, "The reason, for those who read the report."),
        key(UNTIL, Shape::Text, "The last day on which it counts, such as `2026-12-31`."),
    ],
    one_of: &[],
    strict: true,
};
