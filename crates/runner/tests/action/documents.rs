//! `action.yml` and its documents agree with each other and with what the scripts do.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{
    definition::{self, Action},
    expression::names_in,
};

fn readme() -> String {
    fs::read_to_string(definition::repository(".github/action/README.md")).unwrap()
}

#[test]
fn no_script_holds_an_expression() {
    let Action { runs, .. } = definition::read();
    assert_eq!(runs.using, "composite");
    for step in runs.steps {
        let run = step.run.unwrap_or_default();
        assert!(!run.contains("${{"), "{}: {run}", step.name);
    }
    // Nothing of the event reaches anything: whoever opens a pull request chooses its text.
    assert!(!definition::text().contains("${{ github."));
}

#[test]
fn actions_of_others_are_pinned_by_a_hash() {
    let steps = definition::read().runs.steps;
    for action in steps.iter().filter_map(|step| step.uses.as_deref()) {
        let (_, hash) = action.split_once('@').unwrap();
        assert!(hash.len() == 40 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{action}");
    }
}

#[test]
fn every_name_in_an_expression_exists() {
    let action = definition::read();
    let mut known: BTreeSet<String> =
        ["runner.os", "runner.arch", "toJSON(matrix)", "toJSON(strategy)"]
            .map(str::to_owned)
            .into();
    known.extend(action.inputs.keys().map(|name| format!("inputs.{name}")));
    let mut used = BTreeSet::new();
    for step in &action.runs.steps {
        let texts = step.env.values().chain(step.with.values());
        let condition = step.condition.iter().filter_map(|text| text.split_once(" == "));
        let names = texts.flat_map(|text| names_in(text));
        let names = names.chain(condition.map(|(name, _)| name.to_owned()));
        for name in names {
            assert!(known.contains(&name), "{}: `{name}` comes from nowhere", step.name);
            used.insert(name);
        }
        known.extend(outputs(step.run.as_deref(), &step.id));
    }
    for output in action.outputs.values() {
        for name in names_in(&output.value) {
            assert!(known.contains(&name), "`{name}` comes from nowhere");
            used.insert(name);
        }
    }
    assert_eq!(known.difference(&used).collect::<Vec<_>>(), [""; 0], "nobody uses these");
}

/// Returns what a step writes: the calls of `output` in its script, or what the cache is documented to say.
fn outputs(run: Option<&str>, id: &str) -> Vec<String> {
    let Some(run) = run else { return vec![format!("steps.{id}.outputs.cache-hit")] };
    let (_, script) = run.trim_end_matches('"').split_once("$GITHUB_ACTION_PATH/").unwrap();
    let text = fs::read_to_string(definition::repository(script)).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("output "));
    let names = lines.filter_map(|line| line.split(' ').next());
    names.map(|name| format!("steps.{id}.outputs.{name}")).collect()
}

#[test]
fn the_readme_lists_every_input_and_output() {
    let action = definition::read();
    assert!(!action.name.is_empty() && !action.description.is_empty());
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let input = |(name, input): (&String, &definition::Input)| {
        let required = if input.required { "required" } else { "" };
        let default = format!("{}{required}", code(&input.default));
        format!("| `{name}` | {} | {default} |", input.description)
    };
    let mut expected: Vec<String> = action.inputs.iter().map(input).collect();
    let output = action.outputs.iter();
    expected.extend(output.map(|(name, output)| format!("| `{name}` | {} |", output.description)));
    let readme = readme();
    let tables =
        readme.split_once("## Inputs").and_then(|(_, after)| after.split_once("## Tokens"));
    let mut rows: Vec<_> =
        tables.unwrap().0.lines().filter(|line| line.starts_with("| `")).collect();
    rows.sort_unstable();
    expected.sort_unstable();
    assert_eq!(rows, expected, "the tables of .github/action/README.md");
}

#[test]
fn the_readme_says_whether_there_is_a_release() {
    let version = fs::read_to_string(definition::repository(".codspeed-runner-version")).unwrap();
    let says_none = readme().contains("No release has been published yet");
    assert_eq!(says_none, version == "source\n", "the default is {version}");
}

/// The fenced blocks of a language.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    let after = text.split(&start).skip(1);
    after.filter_map(|part| part.split_once("```")).map(|(block, _)| block.to_owned()).collect()
}

#[test]
fn the_examples_are_yaml_and_use_inputs_that_exist() {
    let inputs = definition::read().inputs;
    let mut uses = 0;
    for block in blocks(&readme(), "yaml") {
        let workflow: Value = serde_saphyr::from_str(&block).unwrap();
        for job in workflow["jobs"].as_object().into_iter().flat_map(|jobs| jobs.values()) {
            assert_eq!(workflow["permissions"]["contents"], "read", "{block}");
            for step in job["steps"].as_array().unwrap() {
                let is_ours = |action: &str| action.starts_with("CodSpeedHQ/codspeed@");
                if !step["uses"].as_str().is_some_and(is_ours) {
                    continue;
                }
                uses += 1;
                assert!(step["with"]["mode"].is_string(), "{block}");
                let keys = step["with"].as_object().unwrap().keys();
                let unknown: Vec<_> = keys.filter(|key| !inputs.contains_key(*key)).collect();
                assert!(unknown.is_empty(), "{unknown:?}: {block}");
            }
        }
    }
    assert!(uses >= 5, "an example for each language");
}
