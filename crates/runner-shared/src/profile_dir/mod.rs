//! The profile folder: everything that a run leaves, and the only place that spells a name in it.
//!
//! The table below has a row for each kind of file; a part in angle brackets stands for what differs. All of it is
//! uploaded but what lies in [`NOT_ARCHIVED`]. Nothing here opens a file: that is up to whoever asks for its path.

mod dir;
mod file;

use crate::mode::Mode;

pub use dir::ProfileDir;
pub use file::ProfileFile;

/// The folder in a profile folder whose content is for us alone, such as what a later upload needs: no archive contains
/// it.
pub const NOT_ARCHIVED: &str = ".codspeed";
/// The folder of ours in that of a project: for results of an `exec-harness` that no runner has started, and for the
/// numbers of uploads of a CI job.
pub const PROJECT_FOLDER: &str = ".codspeed";

const EVERY: &[Mode] = &[Mode::Simulation, Mode::Walltime, Mode::Memory];
const SIMULATION: &[Mode] = &[Mode::Simulation];
const WALLTIME: &[Mode] = &[Mode::Walltime];
const MEMORY: &[Mode] = &[Mode::Memory];

/// Makes a constant of each row, and the list of all.
macro_rules! files {
    ($($name:ident: $path:literal, $modes:expr, $writer:literal => $readers:literal, $content:literal;)+) => {
        $(
            #[doc = concat!("`", $path, "`: ", $content, ".")]
            pub const $name: ProfileFile = ProfileFile {
                path: $path,
                modes: $modes,
                writer: $writer,
                readers: $readers,
                content: $content,
            };
        )+

        /// Every kind of file, in the order in which the documentation shows them.
        pub const FILES: &[ProfileFile] = &[$($name),+];
    };
}

// Name: path, modes, writer => readers, content.
files! {
    RESULTS: "results/<pid>.json", WALLTIME, "integration" => "report, service",
        "the results as the integration wrote them";
    ROUND_LOG: "results/<pid>.RoundLog.msgpack", WALLTIME, "`exec-harness`" => "report",
        "every round that `exec-harness` measured, failed benchmarks included";
    TIMESTAMPS: "ExecutionTimestamps.msgpack", WALLTIME, "runner" => "report, service",
        "the time of each benchmark, as reported by the integration";
    CONDITIONS: "conditions.json", WALLTIME, "runner" => "report",
        "special conditions: `--pin`, `--no-aslr`";
    ENVIRONMENT: "environment-<pid>.json", EVERY, "integration" => "`codspeed inspect`, service",
        "the integration's description of its language, and the libraries of the process";
    CALLGRIND: "<pid>.out", SIMULATION, "Valgrind" => "report, service",
        "what callgrind counted";
    EARLIER_CALLGRIND: "<pid>.<n>.out", SIMULATION, "runner" => "report, service",
        "what that process had counted before it became another program";
    TRACEGRIND: "<pid>.tgtrace", SIMULATION, "Valgrind" => "report, service",
        "what tracegrind counted, with `--simulation-tool tracegrind`";
    PACKED_TRACEGRIND: "<pid>.tgtrace.msgpack.lz4", SIMULATION, "Valgrind" => "report, service",
        "the same from other builds of Valgrind";
    BECAME: "<pid>.became", SIMULATION, "`exec-harness`" => "report",
        "the program that a command became, where only that one is in the count";
    VALGRIND_LOG: "valgrind.<pid>.log", SIMULATION, "Valgrind" => "error hints",
        "what Valgrind had to say";
    PERF_MAP: "perf-<pid>.map", &[Mode::Simulation, Mode::Walltime], "runner" => "report, service",
        "names of code that an interpreter generated";
    PERF_DATA: "perf.pipedata", WALLTIME, "perf" => "report, service",
        "what perf recorded";
    WALLTIME_METADATA: "walltime.metadata", WALLTIME, "runner" => "report, service",
        "which module lay where in which process";
    OLDER_WALLTIME_METADATA: "perf.metadata", WALLTIME, "runners before 4.16" => "report, service",
        "the same under its older name";
    SYMBOLS: "<key>.symbols.map", WALLTIME, "runner" => "report, service",
        "symbols of a module";
    UNWIND_DATA: "<key>.unwind_data", WALLTIME, "runner" => "report, service",
        "how stacks through a module are unwound";
    EVENTS: "results/<pid>.MemtrackArtifact.msgpack", MEMORY, "tracer" => "report, service",
        "every call of an allocator";
    EVENT_TIMESTAMPS: "results/ExecutionTimestamps.msgpack", MEMORY, "runner" => "report, service",
        "which benchmark ran when";
    EVENT_STACKS: "results/<pid>.MemtrackStacks.msgpack", MEMORY, "tracer" => "report",
        "the stack of each call, with `--stacks`";
    TRACER_STATS: "results/<pid>.MemtrackStats.json", MEMORY, "tracer" => "report",
        "what was watched, and what may be missing";
    TRACE_USAGE: "results/<pid>.MemtrackUsage.msgpack", MEMORY, "tracer" => "report",
        "what the calls of each benchmark amount to, counted by the tracer";
    MONGO: "instruments/mongo.json", EVERY, "MongoDB tracer" => "service",
        "queries, with `--instruments mongodb`";
    LOG: "runner.log", EVERY, "runner" => "people",
        "what was said and decided, with the time of day; tokens are masked";
    MANIFEST: ".codspeed/run.json", EVERY, "runner" => "`codspeed inspect`, upload",
        "what a later upload needs: who measured which commit, and how the run ended";
    JOURNAL: ".codspeed/timestamps", &[Mode::Walltime, Mode::Memory], "runner" => "`codspeed inspect`, upload",
        "while a run goes on: which benchmarks have finished, and when";
    ARCHIVE: ".codspeed/archive.tar", EVERY, "upload" => "upload",
        "the archive, until it has been uploaded";
    PREEMPTIONS: ".codspeed/Preemptions.msgpack", WALLTIME, "runner" => "report",
        "when the threads of a suite were disturbed";
    REPEATS: ".codspeed/Repeats.msgpack", &[Mode::Simulation, Mode::Memory], "runner" => "report",
        "which commands are compared by counts";
    REPEAT: ".codspeed/repeats/<n>", SIMULATION, "`exec-harness`" => "report",
        "a folder with the counts of repeat n of commands that are compared";
    REPEATED_TIMESTAMPS: ".codspeed/ExecutionTimestamps.msgpack", MEMORY, "runner" => "report",
        "which command ran when, all repeats included";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::mode::MODES;

    /// Returns the table as the README has it.
    fn markdown() -> String {
        let row = |file: &ProfileFile| {
            let ProfileFile { path, modes, writer, readers, content } = file;
            let modes: Vec<&str> = modes.iter().map(|mode| mode.names().cli).collect();
            let modes =
                if modes.len() == MODES.len() { "all".to_owned() } else { modes.join(", ") };
            let uploaded = if file.is_uploaded() { "yes" } else { "no" };
            format!("| `{path}` | {content} | {writer} | {readers} | {modes} | {uploaded} |\n")
        };
        let head = "| file | content | written by | read by | modes | uploaded |\n|---|---|---|---|---|---|\n";
        head.to_owned() + &FILES.iter().map(row).collect::<String>()
    }

    #[test]
    fn the_table_is_in_the_readme() {
        let readme = std::fs::read_to_string("../../README.md").unwrap();
        let table = markdown();
        assert!(
            readme.contains(&table),
            "put this into README.md, below `The profile folder`:\n{table}"
        );
    }

    #[test]
    fn names_are_those_that_other_programs_know() {
        let frozen = [
            (RESULTS, "results/<pid>.json"),
            (ROUND_LOG, "results/<pid>.RoundLog.msgpack"),
            (TIMESTAMPS, "ExecutionTimestamps.msgpack"),
            (ENVIRONMENT, "environment-<pid>.json"),
            (CALLGRIND, "<pid>.out"),
            (TRACEGRIND, "<pid>.tgtrace"),
            (VALGRIND_LOG, "valgrind.<pid>.log"),
            (PERF_MAP, "perf-<pid>.map"),
            (PERF_DATA, "perf.pipedata"),
            (WALLTIME_METADATA, "walltime.metadata"),
            (OLDER_WALLTIME_METADATA, "perf.metadata"),
            (SYMBOLS, "<key>.symbols.map"),
            (UNWIND_DATA, "<key>.unwind_data"),
            (EVENTS, "results/<pid>.MemtrackArtifact.msgpack"),
            (EVENT_TIMESTAMPS, "results/ExecutionTimestamps.msgpack"),
            (MONGO, "instruments/mongo.json"),
            (LOG, "runner.log"),
        ];
        for (file, path) in frozen {
            assert_eq!(file.path, path);
        }
    }

    #[test]
    fn every_path_is_there_once() {
        let paths: BTreeSet<&str> = FILES.iter().map(|file| file.path).collect();
        assert_eq!(paths.len(), FILES.len());
    }

    #[test]
    fn what_is_ours_alone_is_not_uploaded() {
        let kept = FILES.iter().filter(|file| !file.is_uploaded()).map(|file| file.path);
        let ours = [MANIFEST, JOURNAL, ARCHIVE, PREEMPTIONS, REPEATS, REPEAT, REPEATED_TIMESTAMPS];
        assert_eq!(kept.collect::<Vec<_>>(), ours.map(|file| file.path));
    }
}
