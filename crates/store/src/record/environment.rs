//! The machine and the programs of a run: what decides whether its numbers can be compared with those of another.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine and its programs. A text that is empty is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Name of the machine.
    #[serde(default)]
    pub machine: String,
    /// Distribution with its version: `debian 12`.
    #[serde(default)]
    pub system: String,
    /// `x86_64` or `aarch64`.
    #[serde(default)]
    pub architecture: String,
    /// Release of the kernel: `6.18.2`.
    #[serde(default)]
    pub kernel: String,
    /// The processor.
    #[serde(default)]
    pub processor: Processor,
    /// Memory in GiB, rounded up.
    #[serde(default)]
    pub memory_gib: u64,
    /// Build ID of the C library that programs of the machine are linked with.
    #[serde(default)]
    pub libc: String,
    /// Digest of the variables that the benchmark saw: their names and values, but for those that differ in each run.
    #[serde(default)]
    pub variables: String,
    /// Programs and libraries that ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<Module>,
    /// Compilers, interpreters and libraries by the words of the integrations: `python 3.11.2`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub toolchain: Vec<Tool>,
    /// All else that integrations said of their processes, by language and name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub languages: BTreeMap<String, BTreeMap<String, String>>,
}

/// The processor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Processor {
    /// The name that it is sold under.
    #[serde(default)]
    pub model: String,
    /// Cores that exist, without hyper-threads.
    #[serde(default)]
    pub cores: u32,
    /// Version of its microcode.
    #[serde(default)]
    pub microcode: String,
}

/// A program or library.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Module {
    /// Its path.
    pub path: String,
    /// Its build ID, else the SHA-256 of its bytes with `sha256:` before it; both, with a `+` between them, if its bytes
    /// may have been changed since its build.
    pub id: String,
}

/// A tool with its version.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version, as it says itself.
    pub version: String,
}
