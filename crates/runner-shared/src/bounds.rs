//! The bounds of what others can make us keep in memory: one table, whose rows are the constants that the code uses.
//!
//! A benchmark, a profiler, a server or a file may be broken or hostile. Each reader keeps at most what its row says;
//! what is left out is counted and said. The table is also in `crates/README.md`, which a test compares.

use std::fmt::Write;

use crate::text::grouped;

/// The unit of a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of input, or of what is kept of it.
    Bytes,
    /// Things of a kind, which the row names.
    Items,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The input, and what of it is counted.
    pub input: &'static str,
    /// The largest amount that is kept.
    pub most: u64,
    /// The unit of `most`.
    pub unit: Unit,
    /// Megabytes of our memory that the input can cost at most, with all that is made of it.
    pub megabytes: u32,
    /// The fate of what is beyond the bound, and who hears of it.
    pub beyond: &'static str,
}

/// Defines a constant per row, and [`TABLE`] of all rows.
macro_rules! bounds {
    ($($(#[$doc:meta])+ $name:ident: $type:ty = $most:expr, $unit:ident, $megabytes:expr, $input:literal, $beyond:literal;)+) => {
        $($(#[$doc])+ pub const $name: $type = $most;)+

        /// All bounds.
        pub const TABLE: &[Bound] = &[$(Bound {
            input: $input,
            most: $name as u64,
            unit: Unit::$unit,
            megabytes: $megabytes,
            beyond: $beyond,
        }),+];
    };
}

bounds! {
    /// The longest payload of a frame.
    FRAME_BYTES: usize = 8 << 20, Bytes, 40,
        "FIFO: one message",
        "refused (`Err`); what has arrived is dropped and counted as unreadable";
    /// All messages of a conversation that are kept.
    CONVERSATION_BYTES: u64 = 64 << 20, Bytes, 250,
        "FIFO: names, rounds and processes of a run (a round takes 32 bytes, a name 64 and its length)",
        "answered, not kept; a warning says how many";
    /// Times in which the threads of a suite were off their processors.
    SWITCHES_BYTES: u64 = 16 << 20, Bytes, 80,
        "kernel: when the threads of a suite were off their processors in its windows (each time takes 16 bytes)",
        "not kept; the rounds that it touches have no undisturbed time";
    /// Everything that a profiler says on its standard error.
    PROFILER_WORDS_BYTES: usize = 64 << 10, Bytes, 1,
        "profiler: what it says while it records",
        "dropped; the first words are what is shown if it fails";
    /// The answer of a profiler to one line of ours.
    PROFILER_ANSWER_BYTES: usize = 64 << 10, Bytes, 1,
        "profiler: answers on its control channel",
        "the profiler is given up, with a warning; times are kept";
    /// A line of a benchmark's output.
    OUTPUT_LINE_BYTES: usize = 64 << 10, Bytes, 1,
        "benchmark: one line of output",
        "passed on in pieces of this length";
    /// The list of benchmarks on standard input.
    HARNESS_LIST_BYTES: usize = 16 << 20, Bytes, 150,
        "`exec-harness -`: the list of benchmarks",
        "an error, before anything is measured";
    /// A results file, a log of rounds or a record of a conversation.
    RESULTS_FILE_BYTES: u64 = 256 << 20, Bytes, 260,
        "results: one file of JSON or MessagePack",
        "the file is an error";
    /// All that the values of such a file take once they are read.
    RESULTS_VALUES_BYTES: u64 = 384 << 20, Bytes, 400,
        "results: rounds and markers of all files",
        "the file is left out, with a warning";
    /// The words of integrations and of our tracer about themselves.
    ABOUT_BYTES: u64 = 16 << 20, Bytes, 150,
        "results: what integrations say of processes, altogether; what a tracer says of itself",
        "the file is left out, with a warning";
    /// Benchmarks of a report, in any mode.
    BENCHMARKS: usize = 50_000, Items, 400,
        "results: benchmarks",
        "left out; a warning says how many";
    /// Identities of all benchmarks of a report.
    URI_BYTES: u64 = 32 << 20, Bytes, 150,
        "results: identities (URIs) of all benchmarks",
        "the benchmark is left out; a warning says how many";
    /// A name as it is shown.
    NAME_BYTES: usize = 1024, Bytes, 1,
        "results: a name as it is shown",
        "cut, with `…` at its end";
    /// A line of a file of callgrind or of a map of symbols. The longest name of a function seen in practice has 40 KiB.
    LINE_BYTES: usize = 4 << 20, Bytes, 10,
        "callgrind, maps of symbols: one line",
        "left out, and counted as not understood";
    /// Names of objects, files and functions in a file of callgrind, with 200 bytes for each.
    CALLGRIND_NAMES_BYTES: u64 = 128 << 20, Bytes, 150,
        "callgrind: names in a file (each counts 200 bytes and its length)",
        "the cost goes to a function `(others)`; a warning says how many";
    /// Functions and calls of a dump of callgrind.
    CALLGRIND_GRAPH_BYTES: u64 = 128 << 20, Bytes, 300,
        "callgrind: functions and calls of a dump (each counts 250 bytes and 8 for each event)",
        "the cost goes to a function `(others)`; a warning says how many";
    /// Lines of the source with costs, of a dump of callgrind.
    CALLGRIND_LINES_BYTES: u64 = 64 << 20, Bytes, 100,
        "callgrind: lines of the source of a dump (each counts 200 bytes)",
        "the cost stays with the function; what was inlined at these lines is not told apart";
    /// Call trees of all benchmarks of a report in simulation and memory mode.
    TREE_NODES: usize = 8 << 20, Items, 350,
        "results: nodes of the call trees of all benchmarks (a function counts as two)",
        "simulation: later benchmarks have no tree; memory: inner callers are left out; a warning says so";
    /// Text that a trace of tracegrind becomes.
    TRACEGRIND_BYTES: usize = 64 << 20, Bytes, 300,
        "tracegrind: functions and calls of a file",
        "the file is not shown, with a warning; it can be uploaded";
    /// Blocks that are live at a time in a window of memory mode.
    LIVE_BLOCKS: usize = 7_340_032, Items, 450,
        "memory: blocks that are live at a time",
        "counted as calls and bytes, not in the peak; a note says how many";
    /// Addresses of a traced program whose frees at its end the tracer adds.
    TRACED_ADDRESSES: usize = 14_680_064, Items, 450,
        "tracer: addresses of blocks, in all processes",
        "later blocks have no free at the end of their process; a note says how many";
    /// Stacks that the tracer tells apart, with their names.
    TRACED_STACKS_BYTES: u64 = 128 << 20, Bytes, 250,
        "tracer: stacks and their names",
        "unknown stacks; a note says how many";
    /// Call frame information of all files that traced processes have in their memory.
    UNWIND_DATA_BYTES: u64 = 256 << 20, Bytes, 300,
        "tracer: call frame information of programs and libraries",
        "stacks go on by frame pointers there; a note says how many sections";
    /// Debug information of a file, as the file has it and what was compressed.
    DEBUG_BYTES: u64 = 1 << 30, Bytes, 1024,
        "tracer, callgrind: debug information of a file",
        "functions without source lines; inlined ones are not told apart";
    /// Words that led through stacks which were unwound.
    UNWOUND_BYTES: u64 = 64 << 20, Bytes, 100,
        "tracer: stacks that need not be unwound again (each word that unwinding depends on takes 72 bytes)",
        "all are forgotten, and unwound again when they come";
    /// Definitions of stacks and frames in a trace.
    STACK_TABLE_BYTES: u64 = 128 << 20, Bytes, 200,
        "memory: stacks and frames of a trace",
        "unknown stacks; a warning says how many";
    /// Places that allocate, in all benchmarks together.
    SITES: usize = 458_752, Items, 200,
        "memory: places that allocate, of all benchmarks",
        "counted in the totals alone; a warning says so";
    /// An answer of git about the user's repository.
    GIT_ANSWER_BYTES: usize = 64 << 20, Bytes, 200,
        "`ab`, `bisect`: one answer of git",
        "an error, before anything is measured";
    /// A list of patterns or commits in the user's repository.
    REPOSITORY_FILE_BYTES: u64 = 16 << 20, Bytes, 40,
        "`ab`, `bisect`: a file of the repository (`info/exclude`, `info/attributes`, `shallow`)",
        "an error, before anything is measured";
    /// Commits that a search looks at.
    COMMITS: usize = 50_000, Items, 150,
        "`bisect`: commits between good and bad",
        "an error, before anything is measured";
    /// The output of a run of a suite that is one of many.
    HUSH_BYTES: usize = 64 << 10, Bytes, 5,
        "`ab`, `bisect`: what the suite says, kept for the case that a run fails",
        "the first of it is dropped";
    /// Readings of all benchmarks in all runs of a comparison.
    READINGS_BYTES: u64 = 256 << 20, Bytes, 450,
        "`ab`, `bisect`: readings of all runs (each takes 160 bytes, 16 for each count, and its name and URI)",
        "no further pair is run, and a warning says so: verdicts are of those before";
    /// The JSON of a kept run.
    RECORD_BYTES: u64 = 64 << 20, Bytes, 70,
        "store: the JSON of one record",
        "refused; a run of ours keeps fewer rounds and stacks instead, and says so";
    /// The values of that JSON.
    RECORD_VALUES_BYTES: u64 = 96 << 20, Bytes, 450,
        "store: values of one record (each counts 16 bytes, and its text; a map within a map or a verdict 640)",
        "refused; a run of ours keeps fewer rounds and stacks instead, and says so";
    /// A kept run, compressed.
    RECORD_PACKED_BYTES: u64 = 64 << 20, Bytes, 70,
        "store: one record, compressed",
        "refused";
    /// Keys of a store that machines share.
    SHARED_RECORDS: usize = 1_000_000, Items, 150,
        "store: records of a shared store",
        "an error";
    /// Objects of a shared store that are in memory at the same time, if none of them is large.
    SHARED_BATCH_BYTES: u64 = 16 << 20, Bytes, 40,
        "store: records of a shared store that are fetched at the same time",
        "larger ones are fetched one by one";
    /// Records that are read for the index at the same time, without rounds and stacks.
    INDEX_BATCH_BYTES: u64 = 32 << 20, Bytes, 110,
        "store: records that are put into the index at the same time, without rounds and stacks",
        "put into it in several steps";
    /// The values of the shards of a run that are put together.
    MERGED_BYTES: u64 = 96 << 20, Bytes, 450,
        "`merge`: values of the shards that are put together (counted as those of a record; one more shard is in memory)",
        "of those so far fewer rounds and stacks are kept, and the record says so; what is too large even so is an error";
    /// A file of another tool's results.
    IMPORT_BYTES: u64 = 64 << 20, Bytes, 450,
        "import: a file of another tool, or all those of its folder",
        "refused";
    /// The values of such a file.
    IMPORT_VALUES_BYTES: u64 = 128 << 20, Bytes, 450,
        "import: values of one JSON (each counts 16 bytes, and its text)",
        "refused";
    /// Rounds that the record of such a file keeps.
    IMPORT_ROUNDS: usize = 1_000_000, Items, 100,
        "import: rounds of all benchmarks of a file",
        "of each benchmark fewer are kept, evenly spread; the record says how many were left out";
    /// Records of an export.
    EXPORT_ENTRIES: usize = 1_000_000, Items, 250,
        "store: runs of one export (few are in memory at a time)",
        "an error; those before it are stored";
    /// `codspeed.yml` and the user's own settings.
    SETTINGS_BYTES: u64 = 256 << 10, Bytes, 10,
        "settings: `codspeed.yml`, the user's file",
        "an error that names the file";
    /// The payload of an event of a CI system.
    EVENT_BYTES: u64 = 32 << 20, Bytes, 40,
        "CI: payload of an event",
        "an error that names the file";
    /// The values of JSON of others, such as an event or an answer.
    JSON_VALUES_BYTES: u64 = 64 << 20, Bytes, 200,
        "CI, service: values of one JSON (each counts 16 bytes, and its text)",
        "an error";
    /// An answer of the service.
    ANSWER_BYTES: usize = 32 << 20, Bytes, 40,
        "service: one answer",
        "an error";
    /// A tool that is downloaded.
    DOWNLOAD_BYTES: usize = 256 << 20, Bytes, 260,
        "service: one download",
        "an error, and nothing is installed";
}

/// The table as Markdown, as it is in `crates/README.md`.
pub fn markdown() -> String {
    let mut text =
        "| what is read | at most | our memory | beyond it |\n|---|---|---|---|\n".to_owned();
    for Bound { input, most, unit, megabytes, beyond } in TABLE {
        // Writing to a text doesn't fail.
        let _ = writeln!(text, "| {input} | {} | {megabytes} MB | {beyond} |", shown(*most, *unit));
    }
    text
}

/// An amount in words.
pub fn shown(most: u64, unit: Unit) -> String {
    match unit {
        Unit::Items => grouped(most),
        Unit::Bytes if most.is_multiple_of(1 << 20) => format!("{} MiB", most >> 20),
        Unit::Bytes if most.is_multiple_of(1 << 10) => format!("{} KiB", most >> 10),
        Unit::Bytes => format!("{most} bytes"),
    }
}

/// An amount that may still be kept, and the number of things for which there was no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    left: u64,
    left_out: u64,
}

impl Allowance {
    /// So much may be kept.
    pub const fn of(most: u64) -> Self {
        Self { left: most, left_out: 0 }
    }

    /// Takes the room for a thing of this size. Without room it is counted as left out, and `false` is returned.
    #[must_use = "what has no room must not be kept"]
    pub fn take(&mut self, size: u64) -> bool {
        let Some(left) = self.left.checked_sub(size) else {
            self.left_out = self.left_out.saturating_add(1);
            return false;
        };
        self.left = left;
        true
    }

    /// Gives room back.
    pub fn give_back(&mut self, size: u64) {
        self.left = self.left.saturating_add(size);
    }

    /// The number of things for which there was no room.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// The size of a text, or of a number of things, for an [`Allowance`].
pub fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_readme() {
        let readme = std::fs::read_to_string("../README.md").unwrap();
        let table = markdown();
        assert!(
            readme.contains(&table),
            "put this into crates/README.md, below `Bounds`:\n{table}"
        );
    }

    #[test]
    fn amounts_are_shown_in_words() {
        let shown = [(64 << 20, Unit::Bytes), (64 << 10, Unit::Bytes), (1000, Unit::Bytes)]
            .map(|(most, unit)| shown(most, unit));
        assert_eq!(shown, ["64 MiB", "64 KiB", "1000 bytes"]);
        let grouped = [7, 50_000, 1_234_567].map(|most| super::shown(most, Unit::Items));
        assert_eq!(grouped, ["7", "50,000", "1,234,567"]);
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let mut room = Allowance::of(10);
        assert!(room.take(6) && !room.take(5) && room.take(4) && !room.take(1));
        assert_eq!(room.left_out(), 2);
        room.give_back(3);
        assert!(room.take(3));
    }
}
