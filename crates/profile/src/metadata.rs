//! `walltime.metadata`: which module lay where in which process, and what ran when.
//!
//! Written as a stream: debug information lies in files until it is copied here.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    ops::Range,
};

use runner_shared::artifact::ExecutionTimestamps;
use serde::{Deserialize, Serialize};

use crate::module::DebugInfos;

/// Version of the layout.
const VERSION: u64 = 1;
/// Bytes of a key, at most: a file name has 255, and keys get endings.
const LONGEST_KEY: usize = 200;

/// A range as the file has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl From<Range<u64>> for Span {
    fn from(Range { start, end }: Range<u64>) -> Self {
        Self { start, end }
    }
}

/// Unwind data that holds for a range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct UnwindEntry {
    pub(crate) unwind_data_key: String,
    /// Since when; `None`: always.
    pub(crate) timestamp: Option<u64>,
    pub(crate) avma_range: Span,
    pub(crate) base_avma: u64,
}

/// Symbols of a module, by what has to be added to their addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct SymbolEntry {
    pub(crate) perf_map_key: String,
    pub(crate) load_bias: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct DebugEntry<'a> {
    pub(crate) debug_info_key: &'a str,
    pub(crate) load_bias: u64,
}

/// The name of a module's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) key: String,
    pub(crate) path: String,
}

/// `<number>__<last part of the path>`, short enough for a file name.
pub(crate) fn key(number: usize, path: &str) -> String {
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("module");
    let key = format!("{number}__{}", name.replace('\0', ""));
    let end = key.floor_char_boundary(LONGEST_KEY);
    key.get(..end).unwrap_or_default().to_owned()
}

/// The part of the file about one process.
#[derive(Debug, Default)]
pub(crate) struct Process {
    pub(crate) symbols: BTreeSet<SymbolEntry>,
    pub(crate) unwind: Vec<UnwindEntry>,
    /// Paths and addresses of modules that nobody wants to see in stacks.
    pub(crate) ignored: BTreeSet<(String, u64, u64)>,
}

/// All that goes into the file.
#[derive(Debug)]
pub(crate) struct Content<'a> {
    pub(crate) integration: (&'a str, &'a str),
    pub(crate) timestamps: &'a ExecutionTimestamps,
    pub(crate) processes: &'a BTreeMap<i32, Process>,
    /// Keys with the paths behind them.
    pub(crate) paths: BTreeMap<&'a str, &'a str>,
    /// By key, with the module's path.
    pub(crate) debug_infos: BTreeMap<&'a str, (&'a str, DebugInfos)>,
}

/// Begins the next member of an object.
struct Object<'w, W> {
    out: &'w mut W,
    is_first: bool,
}

impl<W: Write> Object<'_, W> {
    fn name(&mut self, name: &str) -> io::Result<()> {
        let open = if self.is_first { "" } else { "," };
        self.is_first = false;
        write!(self.out, "{open}\"{name}\":")
    }

    fn member(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
        self.name(name)?;
        Ok(serde_json::to_writer(&mut *self.out, value)?)
    }

    /// A map by process; processes without any value are left out, and so is an empty map.
    fn by_pid<'p, V: Serialize>(
        &mut self,
        name: &str,
        processes: &'p BTreeMap<i32, Process>,
        values: impl Fn(&'p Process) -> Vec<V>,
    ) -> io::Result<()> {
        let mut is_open = false;
        for (pid, process) in processes {
            let values = values(process);
            if values.is_empty() {
                continue;
            }
            if is_open {
                self.out.write_all(b",")?;
            } else {
                self.name(name)?;
                self.out.write_all(b"{")?;
                is_open = true;
            }
            write!(self.out, "\"{pid}\":")?;
            serde_json::to_writer(&mut *self.out, &values)?;
        }
        if is_open { self.out.write_all(b"}") } else { Ok(()) }
    }
}

impl Content<'_> {
    /// Writes the file.
    pub(crate) fn write(self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b"{")?;
        let mut object = Object { out, is_first: true };
        object.member("version", &VERSION)?;
        object.member("integration", &self.integration)?;
        object.by_pid("ignored_modules_by_pid", self.processes, |process| {
            process.ignored.iter().collect()
        })?;
        let has_lines: BTreeSet<&str> = self.debug_infos.keys().copied().collect();
        write_debug_infos(&mut object, self.debug_infos)?;
        object.by_pid("mapped_process_debug_info_by_pid", self.processes, |process| {
            let entries = process.symbols.iter().map(|entry| DebugEntry {
                debug_info_key: &entry.perf_map_key,
                load_bias: entry.load_bias,
            });
            // Only keys that are there.
            entries.filter(|entry| has_lines.contains(entry.debug_info_key)).collect()
        })?;
        object.by_pid("mapped_process_unwind_data_by_pid", self.processes, |process| {
            process.unwind.iter().collect()
        })?;
        object.by_pid("mapped_process_module_symbols", self.processes, |process| {
            process.symbols.iter().collect()
        })?;
        if !self.paths.is_empty() {
            object.member("path_key_to_path", &self.paths)?;
        }
        object.member("uri_by_ts", &self.timestamps.uri_by_ts)?;
        object.name("ignored_modules")?;
        object.out.write_all(b"[]")?;
        object.member("markers", &self.timestamps.markers)?;
        out.write_all(b"}")
    }
}

fn write_debug_infos<W: Write>(
    object: &mut Object<'_, W>,
    debug_infos: BTreeMap<&str, (&str, DebugInfos)>,
) -> io::Result<()> {
    if debug_infos.is_empty() {
        return Ok(());
    }
    object.name("debug_info")?;
    for (at, (key, (path, mut infos))) in debug_infos.into_iter().enumerate() {
        object.out.write_all(if at == 0 { b"{" } else { b"," })?;
        serde_json::to_writer(&mut *object.out, key)?;
        object.out.write_all(b":{\"object_path\":")?;
        serde_json::to_writer(&mut *object.out, path)?;
        let (low, high) = infos.bounds;
        write!(object.out, ",\"addr_bounds\":[{low},{high}],\"load_bias\":0,\"debug_infos\":[")?;
        io::copy(&mut infos.items, object.out)?;
        object.out.write_all(b"]}")?;
    }
    object.out.write_all(b"}")
}

/// The part that is read again for the local view.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) integration: Option<(String, String)>,
    #[serde(default, rename = "mapped_process_unwind_data_by_pid")]
    pub(crate) unwind: BTreeMap<i32, Vec<UnwindEntry>>,
    #[serde(default, rename = "mapped_process_module_symbols")]
    pub(crate) symbols: BTreeMap<i32, Vec<SymbolEntry>>,
    #[serde(default, rename = "path_key_to_path")]
    pub(crate) paths: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use runner_shared::fifo::MarkerType;

    use super::*;

    #[test]
    fn the_file_byte_by_byte() {
        let timestamps = ExecutionTimestamps {
            uri_by_ts: vec![(9, "a::b".to_owned())],
            markers: vec![
                MarkerType::SampleStart(1),
                MarkerType::RoundStart(2),
                MarkerType::RoundEnd(3),
                MarkerType::SampleEnd(4),
            ],
        };
        let symbols = [SymbolEntry { perf_map_key: "0__x".to_owned(), load_bias: u64::MAX }];
        let unwind = UnwindEntry {
            unwind_data_key: "0__x".to_owned(),
            timestamp: None,
            avma_range: (16..32).into(),
            base_avma: 16,
        };
        let process = Process {
            symbols: symbols.into(),
            unwind: vec![unwind],
            ignored: [("/x".to_owned(), 16, 32)].into(),
        };
        let content = Content {
            integration: ("demo", "1.2.3"),
            timestamps: &timestamps,
            processes: &[(7, process), (8, Process::default())].into(),
            paths: [("0__x", "/x")].into(),
            debug_infos: BTreeMap::new(),
        };
        let mut written = Vec::new();
        content.write(&mut written).unwrap();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            concat!(
                r#"{"version":1,"integration":["demo","1.2.3"],"#,
                r#""ignored_modules_by_pid":{"7":[["/x",16,32]]},"#,
                r#""mapped_process_unwind_data_by_pid":{"7":[{"unwind_data_key":"0__x","#,
                r#""timestamp":null,"avma_range":{"start":16,"end":32},"base_avma":16}]},"#,
                r#""mapped_process_module_symbols":{"7":[{"perf_map_key":"0__x","#,
                r#""load_bias":18446744073709551615}]},"#,
                r#""path_key_to_path":{"0__x":"/x"},"#,
                r#""uri_by_ts":[[9,"a::b"]],"ignored_modules":[],"#,
                r#""markers":[{"SampleStart":1},{"RoundStart":2},{"RoundEnd":3},{"SampleEnd":4}]}"#,
            )
        );
    }
}
