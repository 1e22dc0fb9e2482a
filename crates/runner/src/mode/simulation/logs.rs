//! What Valgrind itself has to say about a run that failed.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines that are shown.
const TAIL_LINES: usize = 12;
/// Longer logs are not read.
const MAX_BYTES: u64 = 16 << 20;

/// What Valgrind says in every run.
const CHATTER: &[&str] = &["L3 cache found, using its data for the LL simulation"];

/// What words in a log mean.
const DIAGNOSES: &[(&str, &str)] = &[
    (
        "unhandled instruction bytes",
        "the program uses instructions that this Valgrind doesn't know: build it for an older processor, such as `-C target-cpu=x86-64-v3`",
    ),
    (
        "default action of signal 5",
        "an allocation tracer (eBPF uprobes) is active on this machine and breaks programs under Valgrind: end it first",
    ),
    (
        "Permission denied",
        "Valgrind can't run programs with special rights (setuid, file capabilities)",
    ),
];

/// The end of the longest log in the profile folder, and what it means, as hints.
pub(crate) fn diagnose(folder: &Path) -> Vec<String> {
    let Some(text) = newest_words(folder) else { return Vec::new() };
    let mut hints: Vec<String> = DIAGNOSES
        .iter()
        .filter(|(words, _)| text.contains(words))
        .map(|(_, meaning)| (*meaning).to_owned())
        .collect();
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default();
    hints.push(format!("Valgrind says:\n  | {}", tail.join("\n  | ")));
    hints
}

fn newest_words(folder: &Path) -> Option<String> {
    let logs = fs::read_dir(folder).ok()?.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let is_log = name.strip_prefix("valgrind.").and_then(|name| name.strip_suffix(".log"));
        let len = entry.metadata().ok()?.len();
        let useful = is_log.is_some() && (1..=MAX_BYTES).contains(&len);
        useful.then(|| (len, entry.path()))
    });
    let (_, path): (u64, PathBuf) = logs.max()?;
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let telling = text.lines().filter(|line| !CHATTER.iter().any(|words| line.contains(words)));
    Some(telling.collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_are_explained_and_the_end_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(diagnose(folder.path()), Vec::<String>::new());
        let chatter = "--1-- warning: L3 cache found, using its data for the LL simulation.\n";
        fs::write(folder.path().join("valgrind.1.log"), chatter).unwrap();
        assert_eq!(diagnose(folder.path()), Vec::<String>::new());
        let text = "==2== Process terminating with default action of signal 5 (SIGTRAP)\n==2==    at malloc\n";
        fs::write(folder.path().join("valgrind.2.log"), text).unwrap();
        insta::assert_snapshot!(diagnose(folder.path()).join("\n"));
    }
}
