//! Holds what a run has said and left against the row of its client. Every check says all that it finds.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;

use super::clients::{Benchmark, Cell, Client, Rounds};
use super::folder::{self, Conversation};
use super::stage::Measured;
use super::totals;
use crate::files;
use crate::workspace::items;

/// Said by a walltime run in which perf could not record.
const NO_PROFILE: &str = "no profile is recorded, only times";

/// Warnings that a busy machine explains.
const OF_THE_MACHINE: &[&str] = &["perf lost "];

/// Files that are there only if perf records.
const OF_PROFILES: &[&str] = &[
    "walltime.metadata",
    "perf.pipedata",
    "perf-<pid>.map",
    "<module>.symbols.map",
    "<module>.unwind_data",
];

/// All that is wrong with a run.
pub(super) fn problems(
    client: &Client,
    mode: &str,
    cell: Cell,
    run: &Measured,
) -> Result<Vec<String>> {
    let output = &run.output;
    let is_silent = match cell {
        Cell::Measured => false,
        Cell::Silent => true,
        Cell::Fails { code, says, .. } => {
            let mut problems = Vec::new();
            if output.code != code {
                problems.push(format!("exit code {} instead of {code}", output.code));
            }
            if !output.stderr.contains(says) {
                problems.push(format!("standard error doesn't contain `{says}`"));
            }
            return Ok(problems);
        }
        Cell::NotRun { .. } => return Ok(vec!["it ran, but is listed as not tested".to_owned()]),
    };
    if output.code != 0 {
        return Ok(vec![format!("exit code {}", output.code)]);
    }
    let mut problems: Vec<String> = output
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning: "))
        .filter(|line| !OF_THE_MACHINE.iter().any(|known| line.contains(known)))
        .map(str::to_owned)
        .collect();
    let report = run.report.as_deref().context("there is no report")?;
    let report: Value = serde_json::from_str(report).context("the report is not JSON")?;
    problems.extend(reported(client, &report, &output.stdout));
    problems.extend(match mode {
        "walltime" => walltime(client, is_silent, run)?,
        "memory" => memory(client, &report, run)?,
        _ => simulation(client, &report, run)?,
    });
    Ok(problems)
}

/// The names in the report, and their rows on the screen.
fn reported(client: &Client, report: &Value, screen: &str) -> Vec<String> {
    let benchmarks = items(report, "benchmarks");
    let uris: Vec<&str> = benchmarks.iter().filter_map(|one| text(one, "uri")).collect();
    let mut problems = differing(client, "the report", &uris);
    for name in benchmarks.iter().filter_map(|one| text(one, "name")) {
        // Behind the name stand its figures, or on the lines below it.
        let is_row = |line: &str| {
            line.trim_start()
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        if !screen.lines().any(is_row) {
            problems.push(format!("`{name}` has no row on the screen"));
        }
    }
    problems
}

/// One or no sentence about names that are not those of the suite.
fn differing(client: &Client, place: &str, found: &[&str]) -> Vec<String> {
    let mut expected: Vec<&str> = client.benchmarks.iter().map(|one| one.uri).collect();
    let mut found = found.to_vec();
    expected.sort_unstable();
    found.sort_unstable();
    let are_same = found == expected;
    let said = (!are_same)
        .then(|| format!("{place} has other names than the suite: {}", found.join(", ")));
    said.into_iter().collect()
}

fn walltime(client: &Client, is_silent: bool, run: &Measured) -> Result<Vec<String>> {
    let (name, announced) = client.integration;
    let mut problems = Vec::new();
    let mut uris = Vec::new();
    let results = folder::results(&run.profile)?;
    for file in &results {
        let creator = file.get("creator").context("results without a creator")?;
        let writer = (text(creator, "name"), text(creator, "version"));
        if writer != (Some(name), Some(client.writer.unwrap_or(announced))) {
            problems.push(format!("unexpected creator of the results: {creator}"));
        }
        uris.extend(items(file, "benchmarks").iter().filter_map(|one| text(one, "uri")));
    }
    problems.extend(differing(client, "the results", &uris));
    let said = Conversation::read(&run.profile.join("ExecutionTimestamps.msgpack"))?;
    match said {
        Some(_) if is_silent => problems.push("unexpected messages on the FIFOs".to_owned()),
        None if is_silent => {}
        None => problems.push("no messages on the FIFOs".to_owned()),
        Some(said) => {
            problems.extend(conversation(client, &said, |benchmark| benchmark.rounds));
            problems.extend(announcement(client, run)?);
        }
    }
    Ok(problems)
}

/// The integration in the metadata of the profile, if there is one.
fn announcement(client: &Client, run: &Measured) -> Result<Option<String>> {
    let path = run.profile.join("walltime.metadata");
    if !path.exists() {
        let is_said = run.output.stderr.contains(NO_PROFILE);
        return Ok((!is_said).then(|| "there is no profile".to_owned()));
    }
    let metadata: Value = serde_json::from_str(&files::read_to_string(path)?)?;
    let (name, version) = client.integration;
    let found = metadata.get("integration").unwrap_or(&Value::Null);
    let is_ours = *found == serde_json::json!([name, version]);
    Ok((!is_ours).then(|| format!("unexpected integration: {found}")))
}

/// Windows, rounds and names, as many as the suite has.
fn conversation(
    client: &Client,
    said: &Conversation,
    rounds: fn(&Benchmark) -> Rounds,
) -> Vec<String> {
    let announced: Vec<&str> = said.announced.iter().map(String::as_str).collect();
    let mut problems = differing(client, "the conversation", &announced);
    problems.extend(said.odd.iter().map(|odd| format!("unexpected: {odd}")));
    if said.windows.len() != said.announced.len() {
        let (windows, names) = (said.windows.len(), said.announced.len());
        problems.push(format!("unequal numbers: windows {windows}, benchmarks {names}"));
    }
    for (uri, marked) in said.announced.iter().zip(&said.windows) {
        let benchmark = client.benchmarks.iter().find(|one| one.uri == uri);
        let fits = match benchmark.map(rounds) {
            Some(Rounds::Exactly(count)) => *marked == count,
            Some(Rounds::Some) => *marked > 0,
            Some(Rounds::Never) => *marked == 0,
            None => true,
        };
        if !fits {
            problems.push(format!("`{uri}`: unexpected number of marked rounds: {marked}"));
        }
    }
    problems
}

fn memory(client: &Client, report: &Value, run: &Measured) -> Result<Vec<String>> {
    let path = run.profile.join("results/ExecutionTimestamps.msgpack");
    let said = Conversation::read(&path)?.context("no messages on the FIFOs")?;
    let mut problems = conversation(client, &said, |_| Rounds::Never);
    for one in items(report, "benchmarks") {
        let uri = text(one, "uri").unwrap_or_default();
        let peak = one.get("peak_bytes").and_then(Value::as_u64);
        let expected = client.benchmarks.iter().find(|benchmark| benchmark.uri == uri);
        let is_plausible = expected.zip(peak).is_some_and(|(benchmark, peak)| {
            let (least, most) = benchmark.peak;
            (least..=most).contains(&peak)
        });
        if !is_plausible {
            problems.push(format!("`{uri}`: implausible peak: {peak:?} bytes"));
        }
    }
    Ok(problems)
}

fn simulation(client: &Client, report: &Value, run: &Measured) -> Result<Vec<String>> {
    let counted = totals::annotated(&run.profile, &run.scratch)?;
    let mut problems = Vec::new();
    let (name, version) = client.integration;
    if counted.integrations != BTreeSet::from([format!("{name} {version}")]) {
        problems.push(format!("unexpected integrations: {:?}", counted.integrations));
    }
    for one in items(report, "benchmarks") {
        let uri = text(one, "uri").unwrap_or_default();
        let ours = one.get("instructions").and_then(Value::as_u64);
        let theirs = counted.totals.get(uri).copied();
        if ours.is_none_or(|ours| ours == 0) || ours != theirs {
            problems
                .push(format!("`{uri}`: {ours:?} instructions, {theirs:?} by callgrind_annotate"));
        }
    }
    Ok(problems)
}

/// Made where the kernel tells when it took the processor away, and some windows have rounds.
const OF_SWITCHES: &str = ".codspeed/Preemptions.msgpack";

/// Returns what differs between the files that a run has left and those that were recorded.
pub(super) fn files(client: &Client, run: &Measured, recorded: &[String]) -> Result<Vec<String>> {
    let found = folder::listing(&run.profile)?;
    let is_unprofiled = run.output.stderr.contains(NO_PROFILE);
    let may_differ = |name: &String| {
        client.may_leave.contains(&&**name)
            || *name == OF_SWITCHES
            || (is_unprofiled && OF_PROFILES.contains(&&**name))
    };
    let missing = recorded.iter().filter(|name| !found.contains(name) && !may_differ(name));
    let new = found.iter().filter(|name| !recorded.contains(name) && !may_differ(name));
    let missing = missing.map(|name| format!("missing in the folder: {name}"));
    Ok(missing.chain(new.map(|name| format!("unexpected in the folder: {name}"))).collect())
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}
