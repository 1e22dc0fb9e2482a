//! What Valgrind itself has to say about a run that failed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use runner_shared::profile_dir::{ProfileDir, VALGRIND_LOG};
use system::files::{self, Links};

/// Logs that are looked at, the longest first.
const MAX_LOGS: usize = 100;
/// Longer logs are not read.
const MAX_BYTES: u64 = 16 << 20;

const UNKNOWN_INSTRUCTION: &str = "unhandled instruction bytes";
/// The end of a process by an instruction that it can't execute. Valgrind complains of each such instruction, but a program
/// may only try whether the processor knows it.
const ENDED_BY_INSTRUCTION: &str = "default action of signal 4";

/// Meanings of words in a log. The line with the words is shown as well.
const DIAGNOSES: &[(&str, &str)] = &[
    (
        UNKNOWN_INSTRUCTION,
        "the program uses instructions that this Valgrind doesn't support: build it for an older processor, such as \
            `-C target-cpu=x86-64-v3`",
    ),
    (
        "Max number of threads is too low",
        "the program has more than 4096 threads at a time, the limit set for Valgrind: make it use fewer, or use mode \
            `walltime`",
    ),
    (
        "memory management: out of memory",
        "Valgrind ran out of memory: it needs several times as much as the program alone, so raise the limit or reduce \
            the work",
    ),
    (
        "can not open cache simulation output file",
        "the program changed its user or its root folder (setuid, chroot), so Valgrind can't write the counts: leave \
            that out of the benchmark, or use mode `walltime`",
    ),
    (
        "No space left on device",
        "the disk with the profile folder is full: use `--profile-folder` to choose another place",
    ),
    (
        "default action of signal 5",
        "the program hit a breakpoint: one of its own (a trap or a failed check), or one of an allocation tracer (eBPF \
            uprobes) that is active on this machine and breaks programs under Valgrind: stop the tracer first",
    ),
    (
        "Permission denied",
        "Valgrind can't run programs with special privileges (setuid, file capabilities)",
    ),
];
/// Words of Valgrind when it gives up, for reasons that nobody has foreseen.
const GIVES_UP: &[&str] = &["valgrind: the 'impossible' happened", "valgrind: fatal error"];

/// Returns what logs in the profile folder say about the end of a run, as hints: a known reason with its meaning, else the words
/// with which Valgrind gave up. What a program does by itself, such as to fail, is told by others.
pub(crate) fn diagnose(folder: &ProfileDir) -> Vec<String> {
    let texts: Vec<String> = logs(folder).iter().filter_map(|path| read(path)).collect();
    let line =
        |words: &str| texts.iter().flat_map(|text| text.lines()).find(|it| it.contains(words));
    let counts = |words: &str| words != UNKNOWN_INSTRUCTION || line(ENDED_BY_INSTRUCTION).is_some();
    let known: Vec<String> = DIAGNOSES
        .iter()
        .filter(|(words, _)| counts(words))
        .filter_map(|(words, meaning)| Some((line(words)?, meaning)))
        .map(|(line, meaning)| format!("{meaning}\n  Valgrind says: {}", line.trim()))
        .collect();
    if !known.is_empty() {
        return known;
    }
    let last = texts.iter().find_map(|text| {
        let mut lines =
            text.lines().skip_while(|it| !GIVES_UP.iter().any(|words| it.contains(words)));
        Some(format!(
            "Valgrind says: {} {}",
            lines.next()?.trim(),
            lines.next().unwrap_or("").trim()
        ))
    });
    last.map(|text| text.trim_end().to_owned()).into_iter().collect()
}

/// The logs, the longest first.
fn logs(folder: &ProfileDir) -> Vec<PathBuf> {
    let logs = fs::read_dir(folder.path()).into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let len = entry.metadata().ok()?.len();
        let useful = VALGRIND_LOG.is(&name) && (1..=MAX_BYTES).contains(&len);
        useful.then(|| (len, entry.path()))
    });
    let mut logs: Vec<(u64, PathBuf)> = logs.collect();
    logs.sort_unstable_by(|one, other| other.cmp(one));
    logs.into_iter().take(MAX_LOGS).map(|(_, path)| path).collect()
}

fn read(path: &Path) -> Option<String> {
    let bytes = files::read(path, Links::Follow, MAX_BYTES).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(logs: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (pid, text) in logs.iter().enumerate() {
            fs::write(folder.path().join(format!("valgrind.{pid}.log")), text).unwrap();
        }
        diagnose(&ProfileDir::new(folder.path())).join("\n")
    }

    const CHATTER: &str = "--1-- warning: L3 cache found, using its data for the LL simulation.
--1-- warning: specified LL cache: line_size 64  assoc 1  total_size 335,544,320
--1-- warning: simulated LL cache: line_size 64  assoc 1  total_size 268,435,456
";

    #[test]
    fn what_valgrind_says_in_every_run_and_of_crashes_is_no_hint() {
        assert_eq!(hints(&[]), "");
        assert_eq!(hints(&[CHATTER]), "");
        let crash = "==2== Process terminating with default action of signal 11 (SIGSEGV)\n==2==    at 0x1: PyObject_Call\n";
        assert_eq!(hints(&[CHATTER, crash]), "");
        let tried = "vex amd64->IR: unhandled instruction bytes: 0x62 0xF1\n";
        assert_eq!(hints(&[CHATTER, tried]), "");
    }

    #[test]
    fn known_words_are_explained_and_other_last_words_are_shown() {
        let with = |text: &str| format!("{CHATTER}{text}");
        let all = [
            with(
                "==2== Process terminating with default action of signal 5 (SIGTRAP)\n==2==    at malloc\n",
            ),
            with(
                "vex amd64->IR: unhandled instruction bytes: 0x62 0xF1\nvex amd64->IR:   REX=0\n==2== Process terminating with default action of signal 4 (SIGILL)\n",
            ),
            with(
                "Use --max-threads=INT\n\nvalgrind: the 'impossible' happened:\n   Max number of threads is too low\n",
            ),
            with("==3360== Error: can not open cache simulation output file `/p/3360.out'\n"),
            with(
                "==9== Valgrind's memory management: out of memory:\n==9==    newSuperblock's request for 4194304 bytes failed.\n",
            ),
            with(
                "valgrind: the 'impossible' happened:\n   main(): assertion failed\n\nhost stacktrace:\n==9==    at 0x58020C4A: ???\n",
            ),
        ];
        let shown = all.each_ref().map(|text| hints(&["short", text]));
        insta::assert_snapshot!(shown.join("\n\n"));
    }
}
