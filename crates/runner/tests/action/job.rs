//! A job on a machine of GitHub: uses the action step by step, and keeps what each of them said.

use std::{collections::BTreeMap, fs, path::PathBuf};

use runner_shared::text::shown;
use serde_json::json;
use test_support::{Run, Sandbox};

use crate::{
    definition::{self, Action, Step},
    expression::{evaluate, holds},
    fakes::{self, Call},
    releases::{Release, Releases},
};

/// The job.
#[derive(Debug)]
pub(crate) struct Job {
    pub sandbox: Sandbox,
    pub releases: Releases,
    action: Action,
    env: BTreeMap<String, String>,
    path: Vec<String>,
    /// True if the cache holds what an earlier job has kept.
    pub cached: bool,
    /// True if programs of the machine are found besides.
    system: bool,
    /// True if steps have a folder for temporary files of their own, as a real run needs it.
    private: bool,
}

/// The result of a use of the action.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Scripts that were run, in their order; after one that failed there are no more.
    pub scripts: Vec<(String, Run)>,
    /// Actions of others with their settings.
    pub used: Vec<(String, BTreeMap<String, String>)>,
    pub outputs: BTreeMap<String, String>,
}

impl Outcome {
    /// Demands that all went well, and returns all that was said.
    #[track_caller]
    pub(crate) fn succeeded(&self) -> String {
        let said = self.said();
        assert!(self.scripts.iter().all(|(_, run)| run.code == 0), "{said}");
        said
    }

    /// Demands that this step failed, and returns its annotations.
    #[track_caller]
    pub(crate) fn failed(&self, step: &str) -> String {
        let (name, run) = self.scripts.last().unwrap();
        assert!(name == step && run.code != 0, "{}", self.said());
        annotations(&run.stderr).join("\n")
    }

    /// All annotations.
    pub(crate) fn annotations(&self) -> Vec<String> {
        self.scripts.iter().flat_map(|(_, run)| annotations(&run.stderr)).collect()
    }

    fn said(&self) -> String {
        let one = |(name, run): &(String, Run)| format!("## {name}\n{}", run.shown());
        self.scripts.iter().map(one).collect::<Vec<_>>().concat()
    }
}

fn annotations(text: &str) -> Vec<String> {
    text.lines().filter(|line| line.starts_with("::")).map(str::to_owned).collect()
}

impl Job {
    /// A job after a push. The action's copy has no hashes, and version 1.2.3 is the default.
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new(env!("CARGO_TARGET_TMPDIR"));
        for folder in ["workspace", "temp", "commands", "action", "action/.github"] {
            fs::create_dir(sandbox.path().join(folder)).unwrap();
        }
        let to = sandbox.path().join("action/.github/action");
        fs::create_dir(&to).unwrap();
        for entry in fs::read_dir(definition::repository(".github/action")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
        fakes::make(&sandbox);
        let releases = Releases::serve();
        let env = environment(&sandbox, &releases);
        let path = vec![shown(&sandbox.path().join("tools")).into_owned()];
        let job = Self {
            sandbox,
            releases,
            action: definition::read(),
            env,
            path,
            system: true,
            cached: false,
            private: false,
        };
        job.pin("1.2.3", &[]);
        job.event(&json!({"repository": {"private": false}}));
        job
    }

    /// A job that finds a release of the fake `codspeed`, with its hash.
    pub(crate) fn with_release() -> (Self, Release) {
        let job = Self::new();
        let release = fakes::release(&job.sandbox, "1.2.3");
        job.releases.publish(&release);
        job.pin("1.2.3", &[&release]);
        (job, release)
    }

    /// Runs all steps where temporary files are nobody else's.
    pub(crate) fn privately(mut self) -> Self {
        self.private = true;
        self
    }

    /// Lets steps find only the programs of this folder.
    pub(crate) fn only_path(&mut self, folder: &str) {
        self.path = vec![folder.to_owned()];
        self.system = false;
    }

    /// Sets a variable for all steps.
    pub(crate) fn env(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    /// Sets what the job was started by.
    pub(crate) fn event(&self, payload: &serde_json::Value) {
        self.sandbox.file("event.json", payload.to_string());
    }

    /// Sets the default version and the hashes that the action knows.
    pub(crate) fn pin(&self, version: &str, releases: &[&Release]) {
        self.sandbox.file("action/.codspeed-runner-version", format!("{version}\n"));
        let mut hashes: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        for release in releases {
            let archives = hashes.entry(&release.version).or_default();
            archives.insert(&release.triple, &release.sha256);
        }
        let text = serde_json::to_string_pretty(&hashes).unwrap();
        self.sandbox.file("action/.github/action/hashes.json", text);
    }

    /// Returns how the fakes were called so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        fakes::calls(&self.sandbox)
    }

    /// Uses the action, step by step, until one fails.
    #[track_caller]
    pub(crate) fn uses(&mut self, with: &[(&str, &str)]) -> Outcome {
        for (name, _) in with {
            assert!(self.action.inputs.contains_key(*name), "there is no input `{name}`");
        }
        let defaults = self.action.inputs.iter().map(|(name, input)| (&**name, &*input.default));
        let inputs: BTreeMap<&str, &str> = defaults.chain(with.iter().copied()).collect();
        let mut outputs = BTreeMap::new();
        let (mut scripts, mut used) = (Vec::new(), Vec::new());
        for step in &self.action.runs.steps {
            let names = |name: &str| stands_for(name, &inputs, &outputs);
            if step.condition.as_ref().is_some_and(|condition| !holds(condition, &names)) {
                continue;
            }
            if let Some(action) = &step.uses {
                let with =
                    step.with.iter().map(|(key, text)| (key.clone(), evaluate(text, &names)));
                used.push((action.clone(), with.collect()));
                outputs.insert(
                    format!("steps.{}.outputs.cache-hit", step.id),
                    self.cached.to_string(),
                );
                continue;
            }
            let env = step.env.iter().map(|(key, text)| (key.clone(), evaluate(text, &names)));
            let run = self.script(step, env.collect());
            outputs.extend(
                pairs(&self.sandbox, "output")
                    .map(|(name, value)| (format!("steps.{}.outputs.{name}", step.id), value)),
            );
            self.env.extend(pairs(&self.sandbox, "env"));
            for folder in self.sandbox.text("commands/path").lines() {
                self.path.insert(0, folder.to_owned());
            }
            let failed = run.code != 0;
            scripts.push((step.name.clone(), run));
            if failed {
                break;
            }
        }
        let names = |name: &str| stands_for(name, &inputs, &outputs);
        let shown = self.action.outputs.iter();
        let outputs = shown.map(|(name, output)| (name.clone(), evaluate(&output.value, &names)));
        Outcome { scripts, used, outputs: outputs.collect() }
    }

    /// Runs a script as GitHub does with `shell: bash`.
    fn script(&self, step: &Step, env: BTreeMap<String, String>) -> Run {
        assert_eq!(step.shell.as_deref(), Some("bash"));
        let text = step.run.as_ref().unwrap();
        self.bash(&["--noprofile", "--norc", "-eo", "pipefail"], text, env)
    }

    /// Runs a `run:` of a workflow that names no shell.
    pub(crate) fn run(&self, text: &str, env: BTreeMap<String, String>) -> Run {
        self.bash(&["-e"], text, env)
    }

    fn bash(&self, options: &[&str], text: &str, env: BTreeMap<String, String>) -> Run {
        let script = self.sandbox.file("commands/script.sh", text);
        let mut command = {
            let words = options.iter().map(PathBuf::from).chain([script]);
            if self.private {
                self.sandbox.private("bash", words)
            } else {
                self.sandbox.command("bash", words)
            }
        };
        command.current_dir(self.sandbox.path().join("workspace")).envs(&self.env).envs(env);
        for name in ["output", "env", "path", "step_summary"] {
            let file = self.sandbox.file(&format!("commands/{name}"), "");
            command.env(format!("GITHUB_{}", name.to_uppercase()), file);
        }
        let own = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
        let own = own.filter(|_| self.system).unwrap_or_default().to_owned();
        let folders = self.path.iter().map(PathBuf::from).chain(std::env::split_paths(&own));
        let path = std::env::join_paths(folders).unwrap();
        command.env("PATH", path);
        self.sandbox.run(command)
    }
}

/// Returns what a name in an expression stands for.
fn stands_for(
    name: &str,
    inputs: &BTreeMap<&str, &str>,
    outputs: &BTreeMap<String, String>,
) -> String {
    match name {
        "toJSON(matrix)" => "null".to_owned(),
        "toJSON(strategy)" => "{\n  \"job-index\": 0\n}".to_owned(),
        "runner.os" => "Linux".to_owned(),
        "runner.arch" => "X64".to_owned(),
        _ => match name.strip_prefix("inputs.") {
            Some(input) => inputs.get(input).copied().unwrap().to_owned(),
            None => outputs.get(name).cloned().unwrap_or_default(),
        },
    }
}

/// Returns what a script wrote into one of its files: `name=value` lines, which is all that ours write.
fn pairs(sandbox: &Sandbox, file: &str) -> impl Iterator<Item = (String, String)> {
    let text = sandbox.text(&format!("commands/{file}"));
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    text.lines().map(pair).collect::<Vec<_>>().into_iter()
}

fn environment(sandbox: &Sandbox, releases: &Releases) -> BTreeMap<String, String> {
    let below = |name: &str| shown(&sandbox.path().join(name)).into_owned();
    let known = [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", "alice"),
        ("GITHUB_ACTOR_ID", "42"),
        ("GITHUB_BASE_REF", ""),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_JOB", "bench"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_REPOSITORY", "acme/widgets"),
        ("GITHUB_RUN_ID", "9001"),
        ("RUNNER_ARCH", "X64"),
        ("RUNNER_OS", "Linux"),
    ];
    let folders = [
        ("FAKE", "codspeed"),
        ("GITHUB_ACTION_PATH", "action"),
        ("GITHUB_EVENT_PATH", "event.json"),
        ("GITHUB_WORKSPACE", "workspace"),
        ("RECORDS", "records"),
        ("RUNNER_TEMP", "temp"),
    ];
    let known = known.map(|(name, value)| (name, value.to_owned()));
    let folders = folders.map(|(name, folder)| (name, below(folder)));
    let server = [("CODSPEED_RELEASES_URL", releases.url())];
    let all = known.into_iter().chain(folders).chain(server);
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}
