//! The two workflows of the README for pull requests of forks, step by step as they stand there: strangers measure, and
//! a trusted job judges. GitHub's own part (artifacts, the list of pull requests, comments) is a `gh` that answers
//! only what these workflows ask.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};
use test_support::Run;

use super::job;
use crate::{
    definition,
    documents::blocks,
    expression::{evaluate, holds},
    job::Job,
};

/// Run 1 is the one of the main branch, 2 that of the pull request 7.
const GH: &str = r#"#!/bin/sh
fetch() { mkdir "$2" && cp "$ARTIFACTS/$1/codspeed-run/"* "$2"; }
[ "$GH_TOKEN" = token ] && [ "$GH_REPO" = acme/widgets ] || exit 4
case "$*" in
"run download 2 --name codspeed-run --dir head") fetch 2 head ;;
"run list --workflow benchmarks --branch main --event push --status success --limit 1 --json databaseId --jq .[0].databaseId") echo 1 ;;
"run download 1 --name codspeed-run --dir base") fetch 1 base ;;
"pr list --state open --limit 1000 --json number,headRefOid --jq .[] | select(.headRefOid == \"cafe\").number") echo 7 ;;
"pr comment 7 --edit-last --create-if-none --body-file comment.md") cp comment.md "$ARTIFACTS/comment" ;;
*) echo "gh has no answer to: $*" >&2; exit 1 ;;
esac
"#;

/// Fills as many bytes as the file says.
const PROGRAM: &str = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n
int main(void) {
    long bytes = 0;
    FILE *file = fopen(\"bytes\", \"r\");
    if (!file || fscanf(file, \"%ld\", &bytes) != 1) return 1;
    void *block = malloc(bytes);
    if (!block) return 1;
    memset(block, 1, bytes);
    free(block);
    return 0;
}\n";

/// The workflows of the README: of strangers, and of the one who judges.
fn workflows() -> [Value; 2] {
    let readme = fs::read_to_string(definition::repository("README.md")).unwrap();
    let (_, section) = readme.split_once("### Pull requests from forks").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let all = blocks(section, "yaml");
    let all = all.iter().map(|text| serde_saphyr::from_str(text).unwrap());
    all.collect::<Vec<Value>>().try_into().unwrap()
}

/// Runs the only job of a workflow until a step fails.
fn play(job: &mut Job, workflow: &Value, run_id: &str) -> Vec<Run> {
    let names = |name: &str| match name {
        "github.token" => "token".to_owned(),
        "github.repository" => "acme/widgets".to_owned(),
        "github.event.workflow_run.id" => "2".to_owned(),
        "github.event.workflow_run.head_sha" => "cafe".to_owned(),
        "github.event.workflow_run.event" => "pull_request".to_owned(),
        "github.event.workflow_run.conclusion" => "success".to_owned(),
        _ => panic!("`{name}` stands for nothing"),
    };
    let (_, definition) = workflow["jobs"].as_object().unwrap().iter().next().unwrap();
    if let Some(condition) = definition["if"].as_str() {
        assert!(condition.split(" && ").all(|one| holds(one, &names)), "{condition}");
    }
    let texts = |of: &Value| -> BTreeMap<String, String> {
        let all = of.as_object().into_iter().flatten();
        all.map(|(key, text)| (key.clone(), evaluate(text.as_str().unwrap(), &names))).collect()
    };
    for (name, value) in texts(&definition["env"]) {
        job.env(&name, &value);
    }
    let mut runs = Vec::new();
    for step in definition["steps"].as_array().unwrap() {
        let (with, env) = (texts(&step["with"]), texts(&step["env"]));
        match step["uses"].as_str() {
            Some(action) if action.starts_with("actions/checkout@") => {}
            Some(action) if action.starts_with("CodSpeedHQ/codspeed@") => {
                // An environment of one step; no later one of these asks for it.
                for (name, value) in &env {
                    job.env(name, value);
                }
                let with = with.iter().map(|(name, text)| (&**name, &**text));
                let with: Vec<_> = with.chain([("cache-instruments", "false")]).collect();
                job.uses(&with).succeeded();
            }
            Some(action) if action.starts_with("actions/upload-artifact@") => {
                let [name, path] = ["name", "path"].map(|key| with.get(key).unwrap());
                let to = job.sandbox.path().join(format!("artifacts/{run_id}/{name}"));
                fs::create_dir_all(&to).unwrap();
                let from = job.sandbox.path().join("workspace").join(path);
                fs::rename(&from, to.join(from.file_name().unwrap())).unwrap();
            }
            Some(action) => panic!("`{action}` is not known here"),
            None => {
                let run = job.run(step["run"].as_str().unwrap(), env);
                let failed = run.code != 0;
                runs.push(run);
                if failed {
                    break;
                }
            }
        }
    }
    runs
}

/// Lets the program fill so many bytes.
fn bytes(job: &Job, bytes: u64) {
    job.sandbox.file("workspace/bytes", bytes.to_string());
}

#[test]
fn strangers_measure_and_a_trusted_job_judges() {
    let [measure, judge] = workflows();
    let mut job = job();
    job.sandbox.c_program("workspace/program", PROGRAM);
    job.sandbox.program("workspace/bench", "#!/bin/sh\nexec exec-harness -- ./program\n");
    job.sandbox.program("tools/gh", GH);
    fs::create_dir(job.sandbox.path().join("artifacts")).unwrap();
    let artifacts = job.sandbox.path().join("artifacts");
    job.env("ARTIFACTS", artifacts.to_str().unwrap());

    bytes(&job, 10_000_000);
    let runs = play(&mut job, &measure, "1");
    assert!(runs.iter().all(|run| run.code == 0), "{runs:?}");

    // Of the pull request. What is stored on the machine of a job goes with it.
    let home = job.sandbox.path().join(".local");
    let forget = || fs::remove_dir_all(&home).unwrap();
    forget();
    bytes(&job, 20_000_000);
    job.env("GITHUB_EVENT_NAME", "pull_request");
    job.env("GITHUB_REF", "refs/pull/7/merge");
    job.env("GITHUB_BASE_REF", "main");
    job.env("GITHUB_HEAD_REF", "stranger");
    let change = json!({"number": 7, "pull_request": {"head": {"sha": "cafe", "repo": {"full_name": "mallory/widgets"}}}});
    job.event(&change);
    let runs = play(&mut job, &measure, "2");
    assert!(runs.iter().all(|run| run.code == 0), "{runs:?}");

    // The job that judges knows the main branch alone.
    forget();
    job.sandbox.file("workspace/codspeed.yml", "gate: {limits: [{max-regression: 5%}]}\n");
    job.env("GITHUB_EVENT_NAME", "workflow_run");
    job.env("GITHUB_REF", "refs/heads/main");
    job.env("GITHUB_BASE_REF", "");
    job.env("GITHUB_HEAD_REF", "");
    job.event(&json!({"workflow_run": {"id": 2, "event": "pull_request", "head_sha": "cafe"}}));
    let mut judged = || {
        for name in ["head", "base", "comment.md"] {
            let path = job.sandbox.path().join("workspace").join(name);
            let _gone =
                if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
        let runs = play(&mut job, &judge, "3");
        let [run] = &runs[..] else { panic!("{runs:?}") };
        (run.code, job.sandbox.text("artifacts/comment"), run.shown())
    };
    let (code, comment, shown) = judged();
    assert_eq!(code, 6, "{shown}");
    assert!(comment.contains("peak memory") && comment.contains("+100.0 %"), "{comment}");

    let of = |run: u8| artifacts.join(format!("{run}/codspeed-run/run.tar"));
    fs::write(of(2), "<script>alert(1)</script>").unwrap();
    let (code, comment, shown) = judged();
    assert_eq!(code, 2, "{shown}");
    assert_eq!(comment, "The benchmarks could not be judged: see the log of this job.\n");

    fs::copy(of(1), of(2)).unwrap();
    let (code, comment, shown) = judged();
    assert_eq!(code, 0, "{shown}");
    assert!(comment.contains("passed"), "{comment}");
}
