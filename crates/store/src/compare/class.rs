//! Comparability: which differences between two runs forbid a comparison, and which only make it doubtful.
//!
//! The rules are the table [`RULES`]: a field of the environment, and the effect of a difference in each mode. Counts
//! below Valgrind are those of an emulated processor, so that the real one hardly matters there, while the tool and the C
//! library do, which run the emulated instructions; allocations depend on libraries and tools and not on the processor; times depend on all
//! of it. A value that only one side knows, of several the one of a name, has the next weaker effect; unless each side
//! has names that the other lacks, as when a tool was replaced by another one.

use std::collections::{BTreeMap, BTreeSet};

use runner_shared::text::one_line;
use serde::Serialize;

use super::seen::Seen;
use crate::{Environment, Mode, Tool};

/// The extent to which two runs can be compared, best first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The same programs and libraries with the same arguments and environment: differences are noise, or come from
    /// what they read.
    SameBinary,
    /// All that matters is equal.
    #[default]
    Comparable,
    /// Something differs that may matter: nothing is certain.
    Degraded,
    /// Something differs that does matter.
    Incomparable,
}

impl Class {
    /// As a word or two, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::SameBinary => "same program",
            Self::Comparable => "comparable",
            Self::Degraded => "comparable with doubts",
            Self::Incomparable => "not comparable",
        }
    }
}

/// A difference between two runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Reason {
    /// The effect of the difference.
    pub effect: Effect,
    /// The field, as one word: `processor`, `libc`, `tool`.
    pub field: &'static str,
    /// Its name for people.
    #[serde(skip)]
    pub title: &'static str,
    /// The value of base; empty if it is not known.
    pub base: String,
    /// That of head.
    pub head: String,
}

/// The effect of a difference, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// There is no verdict.
    Forbids,
    /// Nothing is certain.
    Degrades,
    /// It is told, and changes nothing.
    Noted,
    /// It is not even told.
    Ignored,
}

impl Effect {
    /// The effect of a difference that only one side knows.
    const fn weaker(self) -> Self {
        match self {
            Self::Forbids => Self::Degrades,
            Self::Degrades => Self::Noted,
            Self::Noted | Self::Ignored => Self::Ignored,
        }
    }
}

impl Reason {
    /// The difference without a final period: the processor differs: A against B.
    pub fn sentence(&self) -> String {
        let Self { title, base, head, .. } = self;
        let shown = |value: &str| match value {
            "" => "unknown".to_owned(),
            value => format!("`{}`", short(value)),
        };
        if base.is_empty() && head.is_empty() {
            return format!("{title} is known of neither run");
        }
        format!("{title} differs: {} in base, {} in head", shown(base), shown(head))
    }
}

/// At most so many characters of a value are shown.
const MOST_SHOWN: usize = 60;

fn short(value: &str) -> String {
    let line = one_line(value).replace('`', "'");
    if line.chars().count() <= MOST_SHOWN {
        return line;
    }
    let start: String = line.chars().take(MOST_SHOWN - 1).collect();
    format!("{start}…")
}

/// Values of a field by a name of their own, which is empty if there is but one.
type Values = BTreeMap<String, String>;

/// A row of the table.
struct Rule {
    field: &'static str,
    title: &'static str,
    /// Effects in simulation, walltime and memory mode.
    effects: [Effect; 3],
    /// Nothing is a value, too: it says that nothing was set.
    nothing_is_known: bool,
    values: fn(&Seen<'_>) -> Values,
}

const fn rule(
    field: &'static str,
    title: &'static str,
    effects: [Effect; 3],
    values: fn(&Seen<'_>) -> Values,
) -> Rule {
    Rule { field, title, effects, nothing_is_known: false, values }
}

use Effect::{Degrades, Forbids, Ignored, Noted};

/// Each field with its effects in simulation, walltime and memory mode.
const RULES: &[Rule] = &[
    rule("unit", "the unit", [Forbids, Forbids, Forbids], unit),
    Rule {
        nothing_is_known: true,
        ..rule("settings", "a setting of the mode", [Forbids, Forbids, Forbids], |of| {
            of.part.settings.clone()
        })
    },
    rule("architecture", "the architecture", [Forbids, Forbids, Forbids], |of| {
        single(&of.environment().architecture)
    }),
    rule("libc", "the C library", [Forbids, Forbids, Forbids], |of| single(&of.environment().libc)),
    // Versions of perf change what is recorded beside the times, which is little.
    rule("tool", "the measuring tool", [Forbids, Degrades, Forbids], |of| tools(&of.part.tools)),
    rule("integration", "the integration", [Degrades, Degrades, Degrades], |of| {
        single(of.benchmark.integration.as_deref().unwrap_or_default())
    }),
    rule("processor", "the processor", [Noted, Forbids, Ignored], |of| {
        single(&of.environment().processor.model)
    }),
    // Programs start a thread for each.
    rule("cores", "the number of cores", [Degrades, Forbids, Degrades], |of| {
        number(u64::from(of.environment().processor.cores))
    }),
    rule("microcode", "the microcode", [Ignored, Degrades, Ignored], |of| {
        single(&of.environment().processor.microcode)
    }),
    rule("kernel", "the kernel", [Noted, Degrades, Noted], |of| single(&of.environment().kernel)),
    rule("system", "the distribution", [Degrades, Degrades, Degrades], |of| {
        single(&of.environment().system)
    }),
    rule("toolchain", "the toolchain", [Degrades, Degrades, Degrades], |of| {
        tools(&of.environment().toolchain)
    }),
    rule("machine", "the machine", [Ignored, Noted, Ignored], |of| {
        single(&of.environment().machine)
    }),
    rule("memory", "the size of the memory", [Ignored, Noted, Ignored], |of| {
        number(of.environment().memory_gib)
    }),
    rule("variables", "the environment of the benchmark", [Noted, Noted, Noted], |of| {
        single(&of.environment().variables)
    }),
];

fn single(value: &str) -> Values {
    if value.is_empty() { Values::new() } else { Values::from([(String::new(), value.to_owned())]) }
}

fn number(value: u64) -> Values {
    if value == 0 { Values::new() } else { single(&value.to_string()) }
}

fn tools(of: &[Tool]) -> Values {
    of.iter().map(|Tool { name, version }| (name.clone(), version.clone())).collect()
}

/// The unit of the number that leads.
fn unit(of: &Seen<'_>) -> Values {
    let metric = of.benchmark.metrics.get(&of.benchmark.headline);
    let unit = metric.and_then(|metric| serde_json::to_value(metric.unit).ok());
    single(unit.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default())
}

/// Returns how far a benchmark of two runs can be compared, and all differences, those that matter most first.
pub(super) fn classify(mode: Mode, base: &Seen<'_>, head: &Seen<'_>) -> (Class, Vec<Reason>) {
    let mut reasons: Vec<Reason> =
        RULES.iter().flat_map(|rule| rule.differences(mode, base, head)).collect();
    if [base, head].iter().all(|of| is_unknown(of.environment())) {
        let (field, title) = ("environment", "the environment");
        let unknown = String::new;
        // Runs that other tools measured: the user brought them together.
        reasons.push(Reason { effect: Noted, field, title, base: unknown(), head: unknown() });
    }
    // Stable: the order of the table stays within an effect.
    reasons.sort_by_key(|reason| reason.effect);
    let class = match reasons.first().map(|reason| reason.effect) {
        Some(Forbids) => Class::Incomparable,
        _ if is_same_binary(base, head) => Class::SameBinary,
        Some(Degrades) => Class::Degraded,
        Some(Noted | Ignored) | None => Class::Comparable,
    };
    (class, reasons)
}

/// Nothing says which machine it was.
const fn is_unknown(environment: &Environment) -> bool {
    environment.architecture.is_empty() && environment.processor.model.is_empty()
}

impl Rule {
    fn differences(&self, mode: Mode, base: &Seen<'_>, head: &Seen<'_>) -> Vec<Reason> {
        let [simulation, walltime, memory] = self.effects;
        let effect = match mode {
            Mode::Simulation => simulation,
            Mode::Walltime => walltime,
            Mode::Memory => memory,
        };
        let (base, head) = ((self.values)(base), (self.values)(head));
        let lacks = |of: &Values, other: &Values| other.keys().any(|name| !of.contains_key(name));
        let is_replaced = lacks(&base, &head) && lacks(&head, &base);
        let is_single = |name: &String| base.contains_key(name) != head.contains_key(name);
        let effect = |name: &String| {
            let is_weaker = !self.nothing_is_known && !is_replaced && is_single(name);
            if is_weaker { effect.weaker() } else { effect }
        };
        let all: BTreeSet<&String> = base.keys().chain(head.keys()).collect();
        let differing = all.into_iter().filter(|name| base.get(*name) != head.get(*name));
        let named = |name: &String, value: Option<&String>| match (name.as_str(), value) {
            ("", value) => value.cloned().unwrap_or_default(),
            (name, Some(value)) => format!("{name} {value}"),
            (name, None) if self.nothing_is_known => format!("{name} not set"),
            (name, None) if is_replaced => format!("no {name}"),
            (_, None) => String::new(),
        };
        let reason = |name: &String| Reason {
            effect: effect(name),
            field: self.field,
            title: self.title,
            base: named(name, base.get(name)),
            head: named(name, head.get(name)),
        };
        differing.map(reason).filter(|reason| reason.effect != Ignored).collect()
    }
}

/// The programs and libraries that ran are the same, byte by byte, and nothing else decides what is executed.
fn is_same_binary(base: &Seen<'_>, head: &Seen<'_>) -> bool {
    let modules = |of: &Seen<'_>| {
        let all = &of.environment().modules;
        let of_part = of.part.modules.iter();
        let ids = of_part.filter_map(|place| all.get(usize::try_from(*place).ok()?));
        ids.map(|module| module.id.clone()).collect::<BTreeSet<String>>()
    };
    let (of_base, of_head) = (modules(base), modules(head));
    let is_sound = |ids: &BTreeSet<String>| !ids.is_empty() && ids.iter().all(|id| !id.is_empty());
    let variables = [base, head].map(|of| of.environment().variables.as_str());
    let same_variables = variables[0] == variables[1] || variables.contains(&"");
    same_variables
        && base.part.modules_decide
        && head.part.modules_decide
        && base.record.command == head.record.command
        && is_sound(&of_base)
        && of_base == of_head
}
