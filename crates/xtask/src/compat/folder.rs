//! Contents of a profile folder, read with nothing of ours: names of files, results, the record of the conversation.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::files;
use crate::{say, workspace::items};

/// Files of a client, one for each of its processes: how many there are says whether each process was heard.
const PER_PROCESS: &[&str] = &["environment-<pid>.json", "results/<pid>.json"];

/// Endings of files that differ from machine to machine in all but these.
const PER_MODULE: &[&str] = &["symbols.map", "unwind_data"];

/// Files that the runner adds to every folder, whoever the client is.
const RUNNERS_OWN: &[&str] = &["runner.log", ".codspeed/run.json"];

/// The names of all files below a folder but those of the runner itself, without what differs from run to run: sorted, each once, with the number of
/// files before it where that says something (`2 results/<pid>.json`).
pub(super) fn listing(folder: &Path) -> Result<Vec<String>> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for path in files(folder)? {
        let name = say::path(&path.strip_prefix(folder)?).to_string();
        if RUNNERS_OWN.contains(&&*name) {
            continue;
        }
        *counts.entry(general(&name)).or_default() += 1;
    }
    let shown = counts.into_iter().map(|(name, count)| {
        if PER_PROCESS.contains(&&*name) { format!("{count} {name}") } else { name }
    });
    Ok(shown.collect())
}

fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    let failed = || format!("could not read `{}`", say::path(&folder));
    for entry in fs::read_dir(folder).with_context(failed)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// A name with `<pid>` for each number that is a word of it, and with `<module>` for names of modules.
fn general(name: &str) -> String {
    if let Some(ending) = PER_MODULE.iter().find(|ending| name.ends_with(**ending)) {
        return format!("<module>.{ending}");
    }
    let mut out = String::new();
    let mut digits = String::new();
    for c in name.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let is_pid =
            !digits.is_empty() && ['.', '\0'].contains(&c) && !out.ends_with(char::is_alphabetic);
        out.push_str(if is_pid { "<pid>" } else { &digits });
        digits.clear();
        out.extend((c != '\0').then_some(c));
    }
    out
}

/// The results files, in any order.
pub(super) fn results(folder: &Path) -> Result<Vec<Value>> {
    let folder = folder.join("results");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let is_json = |path: &Path| path.extension().is_some_and(|ending| ending == "json");
    // A report of the tracer, and no client's.
    let is_tracers = |path: &Path| say::path(&path).to_string().ends_with("MemtrackStats.json");
    let mut found = Vec::new();
    for path in files(&folder)?.iter().filter(|path| is_json(path) && !is_tracers(path)) {
        let text = files::read_to_string(path)?;
        found.push(serde_json::from_str(&text).with_context(|| format!("`{}`", say::path(&path)))?);
    }
    Ok(found)
}

/// The record of the conversation: `ExecutionTimestamps.msgpack` of walltime or of memory mode.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Conversation {
    /// The names of benchmarks, in the order in which they were announced.
    pub(super) announced: Vec<String>,
    /// The windows, in the order of their times, with the number of rounds that were marked in each.
    pub(super) windows: Vec<usize>,
    /// Markers that don't fit together.
    pub(super) odd: Vec<String>,
}

impl Conversation {
    /// None when the file is not there.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        if !path.is_file() {
            return Ok(None);
        }
        let value = rmp_serde::from_slice(&files::read(path)?);
        Ok(Some(Self::of(&value.with_context(|| format!("`{}`", say::path(&path)))?)))
    }

    fn of(value: &Value) -> Self {
        let mut conversation = Self::default();
        let name = |pair: &Value| Some(pair.get(1)?.as_str()?.to_owned());
        conversation.announced = items(value, "uri_by_ts").iter().filter_map(name).collect();
        // At the same time a window ends before the next begins, and rounds lie inside.
        let rank = |kind: &str| match kind {
            "RoundEnd" | "BenchmarkEnd" => 0,
            "SampleEnd" => 1,
            "SampleStart" => 2,
            _ => 3,
        };
        let mut markers: Vec<(u64, usize, &str)> = items(value, "markers")
            .iter()
            .filter_map(|marker| marker.as_object()?.iter().next())
            .filter_map(|(kind, time)| Some((time.as_u64()?, rank(kind), kind.as_str())))
            .collect();
        markers.sort_unstable();
        let (mut is_open, mut in_round) = (false, false);
        for (time, rank, kind) in markers {
            let fits = match rank {
                0 | 3 if !is_open => true, // Warm-up.
                0 => {
                    if let Some(window) = conversation.windows.last_mut().filter(|_| in_round) {
                        *window += 1;
                    }
                    std::mem::replace(&mut in_round, false)
                }
                1 => std::mem::replace(&mut is_open, false) && !in_round,
                2 => {
                    conversation.windows.push(0);
                    !std::mem::replace(&mut is_open, true)
                }
                _ => !std::mem::replace(&mut in_round, true),
            };
            if !fits {
                conversation.odd.push(format!("{kind} at {time}"));
            }
        }
        conversation.odd.extend(is_open.then(|| "a window that never ends".to_owned()));
        conversation
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn becomes(name: &str, expected: &str) {
        assert_eq!(general(name), expected);
    }

    #[test]
    fn process_ids_and_modules_have_no_place_in_a_listing() {
        becomes("results/4711.json", "results/<pid>.json");
        becomes("environment-12.json", "environment-<pid>.json");
        becomes("valgrind.12.log", "valgrind.<pid>.log");
        becomes("results/12.MemtrackStats.json", "results/<pid>.MemtrackStats.json");
        becomes("3__libc.so.6.symbols.map", "<module>.symbols.map");
        becomes("walltime.metadata", "walltime.metadata");
        becomes("v8.log", "v8.log");
    }

    #[test]
    fn a_conversation_is_windows_with_rounds() {
        let said = Conversation::of(&json!({
            "uri_by_ts": [[30, "a"], [60, "b"]],
            "markers": [
                {"RoundStart": 1}, {"RoundEnd": 2},
                {"SampleStart": 10}, {"SampleEnd": 20},
                {"SampleStart": 40}, {"SampleEnd": 50},
                {"RoundStart": 10}, {"RoundEnd": 15}, {"RoundStart": 15}, {"RoundEnd": 20},
            ],
        }));
        let announced = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(said, Conversation { announced, windows: vec![2, 0], odd: Vec::new() });
    }

    #[test]
    fn markers_that_do_not_fit_are_named() {
        let markers = json!([{"SampleStart": 1}, {"SampleStart": 2}, {"RoundEnd": 3}]);
        let odd = Conversation::of(&json!({"uri_by_ts": [], "markers": markers})).odd;
        assert_eq!(odd, ["SampleStart at 2", "RoundEnd at 3", "a window that never ends"]);
    }
}
