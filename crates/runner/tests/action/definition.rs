//! `action.yml` as data. Decides nothing.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// The action. A key that is not known here can't be tested, and is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Action {
    pub name: String,
    pub description: String,
    #[serde(rename = "author")]
    pub _author: String,
    #[serde(rename = "branding")]
    pub _branding: BTreeMap<String, String>,
    pub inputs: BTreeMap<String, Input>,
    pub outputs: BTreeMap<String, Output>,
    pub runs: Runs,
}

/// An input that the user may write below `with:`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    pub description: String,
    pub required: bool,
    #[serde(default)]
    pub default: String,
}

/// An output that later steps of the user can read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    pub description: String,
    pub value: String,
}

/// The steps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Runs {
    pub using: String,
    pub steps: Vec<Step>,
}

/// A script, or an action of somebody else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub name: String,
    #[serde(default)]
    pub id: String,
    #[serde(rename = "if", default)]
    pub condition: Option<String>,
    #[serde(default)]
    pub shell: Option<String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    #[serde(default)]
    pub run: Option<String>,
    #[serde(default)]
    pub uses: Option<String>,
    #[serde(default)]
    pub with: BTreeMap<String, String>,
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The text of `action.yml`.
pub(crate) fn text() -> String {
    fs::read_to_string(repository("action.yml")).unwrap()
}

/// Reads `action.yml`.
pub(crate) fn read() -> Action {
    serde_saphyr::from_str(&text()).unwrap()
}
