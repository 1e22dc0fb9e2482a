//! Tests of the workflows of CI: they are YAML, ask for little, end, and call commands that exist.

use clap::CommandFactory;
use yaml_rust2::{Yaml, YamlLoader};

use crate::workspace::Workspace;

/// The workflows, with their names and texts.
fn all() -> Vec<(String, Yaml, String)> {
    let folder = Workspace::load().unwrap().root.join(".github/workflows");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut documents = YamlLoader::load_from_str(&text).unwrap();
        assert_eq!(documents.len(), 1, "{name}");
        (name, documents.remove(0), text)
    };
    paths.into_iter().map(read).collect()
}

/// The jobs of a workflow.
fn jobs(workflow: &Yaml) -> Vec<(&str, &Yaml)> {
    let jobs = workflow["jobs"].as_hash().unwrap();
    jobs.iter().map(|(name, job)| (name.as_str().unwrap(), job)).collect()
}

#[test]
fn there_is_a_workflow_for_each_occasion() {
    let names: Vec<_> = all().into_iter().map(|(name, ..)| name).collect();
    for name in ["bench.yml", "ci.yml", "nightly.yml", "release.yml"] {
        assert!(names.contains(&name.to_owned()), "{names:?}");
    }
}

#[test]
fn workflows_may_read_and_only_jobs_of_a_release_may_write() {
    for (name, workflow, text) in all() {
        assert_eq!(workflow["permissions"]["contents"].as_str(), Some("read"), "{name}");
        assert!(!workflow["concurrency"].is_badvalue(), "{name}");
        assert!(!text.contains("pull_request_target"), "{name}");
        if name != "release.yml" {
            assert!(!text.contains(": write"), "{name}");
        }
    }
}

#[test]
fn every_job_ends_and_runs_no_text_that_others_have_written() {
    for (name, workflow, _) in all() {
        for (job, steps) in jobs(&workflow) {
            assert!(
                steps["timeout-minutes"].as_i64().is_some_and(|limit| limit <= 90),
                "{name}: {job}"
            );
            for step in steps["steps"].as_vec().unwrap() {
                let run = step["run"].as_str().unwrap_or_default();
                // An expression in a script would become part of its text; variables don't.
                assert!(!run.contains("${{"), "{name}: {job}: {run}");
            }
        }
    }
}

#[test]
fn what_is_called_of_xtask_exists() {
    let xtask = crate::Cli::command();
    let mut count = 0;
    for (name, _, text) in all() {
        for called in text.split("run: ").flat_map(|part| part.split("cargo xtask ").skip(1)) {
            let word = called.split([' ', '\n', '"']).next().unwrap();
            if word.is_empty() || word.starts_with("${{") {
                continue;
            }
            count += 1;
            assert!(xtask.find_subcommand(word).is_some(), "{name}: `cargo xtask {word}`");
        }
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("command: [")) {
            for word in line.trim_end_matches(']').split(", ") {
                count += 1;
                assert!(xtask.find_subcommand(word).is_some(), "{name}: `cargo xtask {word}`");
            }
        }
    }
    assert!(count > 5, "{count}");
}
