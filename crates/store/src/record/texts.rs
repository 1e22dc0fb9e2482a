//! All texts of a record that come from somewhere else than us, in one place: secrets are taken out of them, whoever
//! has put them there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    CiRun, CommitInfo, Environment, Outcome, Part, Record, RecordedBenchmark, Tool, Verdict,
};

type Change<'a> = &'a mut dyn FnMut(&str) -> String;

impl Record {
    /// Changes each text that may hold words of the user, of a job or of a benchmark. Names of functions are none of
    /// these, nor are keys of metrics.
    pub fn change_texts(&mut self, change: Change<'_>) {
        let Self {
            version: _,
            time_ms: _,
            kind: _,
            program: _,
            command,
            name,
            labels,
            project,
            commit,
            ci,
            environment,
            parts,
            benchmarks,
            verdicts,
        } = self;
        all(command, change);
        optional(name, change);
        map(labels, change);
        one(project, change);
        if let Some(CommitInfo { hash: _, branch, dirty: _ }) = commit {
            optional(branch, change);
        }
        if let Some(CiRun { provider: _, run, job, pull_request }) = ci {
            one(run, change);
            one(job, change);
            optional(pull_request, change);
        }
        of_environment(environment, change);
        for part in parts {
            of_part(part, change);
        }
        for benchmark in benchmarks {
            of_benchmark(benchmark, change);
        }
        for Verdict { base, head, found } in verdicts {
            one(base, change);
            one(head, change);
            of_json(found, change);
        }
    }
}

fn of_environment(environment: &mut Environment, change: Change<'_>) {
    let Environment {
        machine,
        system: _,
        architecture: _,
        kernel: _,
        processor: _,
        memory_gib: _,
        libc: _,
        variables: _,
        modules,
        toolchain,
        languages,
    } = environment;
    one(machine, change);
    for module in modules {
        one(&mut module.path, change);
    }
    tools(toolchain, change);
    for facts in languages.values_mut() {
        map(facts, change);
    }
}

fn of_part(part: &mut Part, change: Change<'_>) {
    let Part {
        mode: _,
        label,
        state: _,
        settings,
        tools: instruments,
        modules: _,
        modules_decide: _,
        environment,
        profile_folder,
        warnings,
    } = part;
    if let Some(environment) = environment {
        of_environment(environment, change);
    }
    one(label, change);
    map(settings, change);
    tools(instruments, change);
    optional(profile_folder, change);
    all(warnings, change);
}

fn of_benchmark(benchmark: &mut RecordedBenchmark, change: Change<'_>) {
    let RecordedBenchmark {
        part: _,
        name,
        uri,
        occurrence: _,
        integration,
        outcome,
        metrics: _,
        headline: _,
        rounds: _,
        stacks: _,
        timeline: _,
        notes,
    } = benchmark;
    one(name, change);
    one(uri, change);
    optional(integration, change);
    if let Outcome::Failed(reason) = outcome {
        one(reason, change);
    }
    all(notes, change);
}

fn of_json(value: &mut Value, change: Change<'_>) {
    match value {
        Value::String(text) => one(text, change),
        Value::Array(values) => {
            for value in values {
                of_json(value, change);
            }
        }
        Value::Object(map) => {
            for value in map.values_mut() {
                of_json(value, change);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn one(text: &mut String, change: Change<'_>) {
    *text = change(text);
}

fn optional(text: &mut Option<String>, change: Change<'_>) {
    if let Some(text) = text {
        one(text, change);
    }
}

fn all(texts: &mut [String], change: Change<'_>) {
    for text in texts {
        one(text, change);
    }
}

fn tools(tools: &mut [Tool], change: Change<'_>) {
    for Tool { name, version } in tools {
        one(name, change);
        one(version, change);
    }
}

fn map(texts: &mut BTreeMap<String, String>, change: Change<'_>) {
    let changed =
        std::mem::take(texts).into_iter().map(|(key, value)| (change(&key), change(&value)));
    *texts = changed.collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text of it holds a secret, but for those that come from us alone.
    #[test]
    fn no_text_of_others_is_forgotten() {
        let golden = include_bytes!("../../tests/golden/record-v1.json");
        let mut record = Record::unpack(golden, None).unwrap();
        let environment = record.environment.clone();
        record.parts[0].environment = Some(Box::new(environment));
        let mut seen = Vec::new();
        record.change_texts(&mut |text| {
            seen.push(text.to_owned());
            String::new()
        });
        insta::assert_json_snapshot!(record);
        assert!(seen.contains(&"codspeed".to_owned()), "{seen:?}");
    }
}
