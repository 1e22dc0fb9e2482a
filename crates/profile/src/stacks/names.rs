//! Names of the functions at addresses: one job per module, each file parsed once.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use rayon::prelude::*;
use system::files::{self, Links};

use runner_shared::{
    inlining,
    profile_dir::{PERF_MAP, ProfileDir},
    stacks::Inlined,
    text::bytes_as_text,
};

use super::{
    Frame,
    address::Address,
    demangle::demangle,
    modules::{MOST_BYTES, Modules},
};
use crate::{
    error::interrupted,
    jit::PerfMap,
    mapped::Mapped,
    module::{DebugRoots, Dwarf, DwarfContext, Elf},
    replay::VDSO,
};

/// Name of all that the kernel does.
const KERNEL: &str = "[kernel]";

/// A function at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) frame: Frame,
    /// The line in its source file; 0 if that is not known.
    pub(super) line: u32,
    /// Its relation to the function before it.
    pub(super) inlined: Inlined,
}

impl From<Frame> for Spot {
    /// A function that has code of its own, of which no line is known.
    fn from(frame: Frame) -> Self {
        Self { frame, line: 0, inlined: Inlined::No }
    }
}

/// The functions at each address, outermost first: one, and those that were inlined into it.
#[derive(Debug, Default)]
pub(super) struct Names {
    lists: Vec<Vec<Spot>>,
}

impl Names {
    #[cfg(test)]
    pub(super) const fn from_lists(lists: Vec<Vec<Spot>>) -> Self {
        Self { lists }
    }

    /// Looks up all addresses.
    pub(super) fn of(
        addresses: &[Address],
        paths: &[Arc<str>],
        modules: &Modules<'_>,
        folder: &ProfileDir,
        roots: &DebugRoots,
    ) -> Self {
        let mut lists: Vec<Vec<Spot>> = vec![Vec::new(); addresses.len()];
        let mut by_module: BTreeMap<&str, Vec<(u64, usize)>> = BTreeMap::new();
        let mut by_pid: BTreeMap<i32, Vec<(u64, usize)>> = BTreeMap::new();
        for (place, address) in addresses.iter().enumerate() {
            let known = match address {
                Address::Module { key, svma } => {
                    by_module.entry(key).or_default().push((*svma, place));
                    continue;
                }
                Address::Nowhere { pid, address } => {
                    by_pid.entry(*pid).or_default().push((*address, place));
                    continue;
                }
                Address::File(file) => {
                    let path = usize::try_from(*file).ok().and_then(|place| paths.get(place));
                    nameless(path.map_or("", |path| path))
                }
                Address::Kernel => nameless(KERNEL),
            };
            if let Some(list) = lists.get_mut(place) {
                *list = vec![known.into()];
            }
        }
        let in_modules = by_module
            .into_par_iter()
            .filter(|_| !interrupted())
            .flat_map_iter(|(key, wanted)| of_module(key, wanted, modules, roots));
        let mut found: Vec<(usize, Vec<Spot>)> = in_modules.collect();
        for (pid, wanted) in by_pid {
            found.extend(of_process(pid, wanted, folder));
        }
        for (place, frames) in found {
            if let Some(list) = lists.get_mut(place) {
                *list = frames;
            }
        }
        Self { lists }
    }

    pub(super) fn at(&self, address: u32) -> &[Spot] {
        let place = usize::try_from(address).ok();
        place.and_then(|place| self.lists.get(place)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// A frame of which only the module is known.
fn nameless(module: &str) -> Frame {
    let name = module.rsplit('/').next().unwrap_or(module);
    let name = match name {
        "" => "[unknown]".into(),
        name if name.starts_with('[') => name.into(),
        name => format!("[{name}]").into(),
    };
    Frame { name, object: module.into(), file: Arc::default() }
}

/// Generated code, by the map of its process.
fn of_process(pid: i32, wanted: Vec<(u64, usize)>, folder: &ProfileDir) -> Vec<(usize, Vec<Spot>)> {
    let path = folder.file_of(&PERF_MAP, pid);
    let file = files::open_within(&path, Links::Refuse, MOST_BYTES);
    let text = file.and_then(|file| Mapped::file(&file)).unwrap_or(Mapped::Memory(Vec::new()));
    let map = PerfMap::parse(&text);
    let module: Arc<str> = "[jit]".into();
    let name = |address| match map.at(address) {
        Some(name) => Frame {
            name: bytes_as_text(name).into(),
            object: Arc::clone(&module),
            file: Arc::default(),
        },
        None => nameless(""),
    };
    wanted.into_iter().map(|(address, place)| (place, vec![name(address).into()])).collect()
}

/// The symbols of a module as its file in the folder has them: address, size, name.
fn parse_symbols(text: &[u8]) -> Vec<(u64, u64, &str)> {
    let parse = |line: &'_ [u8]| -> Option<(u64, u64, usize)> {
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let mut hex = || u64::from_str_radix(std::str::from_utf8(words.next()?).ok()?, 16).ok();
        Some((hex()?, hex()?, words.next()?.len()))
    };
    let lines = text.split(|byte| *byte == b'\n').filter_map(|line| {
        let (address, size, length) = parse(line)?;
        let name = line.get(line.len().checked_sub(length)?..)?;
        Some((address, size, std::str::from_utf8(name).ok()?))
    });
    let mut symbols: Vec<_> = lines.collect();
    symbols.sort_by_key(|(address, ..)| *address);
    symbols
}

/// The innermost symbol around an address; of several the first.
fn symbol_at<'t>(symbols: &[(u64, u64, &'t str)], address: u64) -> Option<&'t str> {
    let after = symbols.partition_point(|(start, ..)| *start <= address);
    // Symbols may lie within others, but never deeply.
    let near = symbols.get(after.saturating_sub(64)..after)?;
    let around = |symbol: &&(u64, u64, &str)| address.wrapping_sub(symbol.0) < symbol.1;
    let (innermost, ..) = near.iter().rfind(around)?;
    let mut same = near.iter().filter(around).filter(|(start, ..)| start == innermost);
    same.next().map(|(.., name)| *name)
}

fn of_module(
    key: &str,
    mut wanted: Vec<(u64, usize)>,
    modules: &Modules<'_>,
    roots: &DebugRoots,
) -> Vec<(usize, Vec<Spot>)> {
    let path = modules.path(key);
    let module: Arc<str> = path.into();
    let text = modules.symbols_file(key).unwrap_or(Mapped::Memory(Vec::new()));
    let symbols = parse_symbols(&text);
    wanted.sort_unstable();
    let original = open_original(key, path, modules);
    let elf = original.as_deref().and_then(Elf::parse);
    let debug_file = elf.as_ref().and_then(|elf| roots.find(Path::new(path), elf));
    let debug_elf = debug_file.as_deref().and_then(Elf::parse);
    let with_dwarf = [&elf, &debug_elf].into_iter().flatten().find(|elf| Dwarf::is_in(elf));
    let dwarf = with_dwarf.and_then(Dwarf::load);
    let context = dwarf.as_ref().and_then(Dwarf::context);
    let mut known: HashMap<String, Arc<str>> = HashMap::new();
    let mut found = Vec::with_capacity(wanted.len());
    for (svma, place) in wanted {
        let symbol = symbol_at(&symbols, svma);
        let mut frames = context.as_ref().map(|at| inlined(at, svma)).unwrap_or_default();
        if frames.is_empty() {
            frames.push((None, String::new(), 0));
        }
        // The symbol is what was called, whatever the debug information says.
        if let (Some(symbol), Some(outermost)) = (symbol, frames.last_mut()) {
            outermost.0 = Some(symbol.to_owned());
        }
        let line = |(name, file, line): Place| match name {
            Some(name) => {
                let name = known.entry(name).or_insert_with_key(|name| demangle(name).into());
                let (name, object) = (Arc::clone(name), Arc::clone(&module));
                let frame = Frame { name, object, file: file.into() };
                Spot { frame, line, inlined: Inlined::No }
            }
            None => nameless(path).into(),
        };
        let mut lines: Vec<Spot> = frames.into_iter().rev().map(line).collect();
        let functions = lines.iter().map(|line| (&*line.frame.name, &*line.frame.file));
        let inlined = inlining::judge(functions);
        for (line, inlined) in lines.iter_mut().zip(inlined) {
            line.inlined = inlined;
        }
        found.push((place, lines));
    }
    found
}

/// Name, source file and line of a function as debug information has them.
type Place = (Option<String>, String, u32);

/// Functions at an address with their places in the source, innermost first.
fn inlined(context: &DwarfContext<'_>, svma: u64) -> Vec<Place> {
    let mut found = Vec::new();
    // The library adds 1.
    if svma == u64::MAX {
        return found;
    }
    let Ok(mut frames) = context.find_frames(svma).skip_all_loads() else { return found };
    while let Ok(Some(frame)) = frames.next() {
        let name = frame.function.and_then(|name| name.raw_name().ok().map(String::from));
        let line = frame.location.as_ref().and_then(|location| location.line).unwrap_or(0);
        let file = frame.location.and_then(|location| location.file).unwrap_or_default();
        if name.is_some() || found.is_empty() {
            found.push((name, file.to_owned(), line));
        }
    }
    found
}

/// The module itself, if it still is the one that ran: its unwind data says so.
fn open_original(key: &str, path: &str, modules: &Modules<'_>) -> Option<Mapped> {
    if path == VDSO {
        return None;
    }
    let file = Mapped::file(&files::open(Path::new(path), Links::Follow).ok()?).ok()?;
    let own = modules.cfi(key)?.eh_frame();
    let is_same = Elf::parse(&file)?.unwind_data(path)?.eh_frame.data == own;
    is_same.then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_symbol_counts() {
        let symbols = parse_symbols(b"10 30 outer\n20 8 inner\n20 8 alias\n50 4 go func\nbad\n");
        let at = [0xf, 0x10, 0x20, 0x28, 0x40, 0x51].map(|at| symbol_at(&symbols, at));
        let expected = [None, Some("outer"), Some("inner"), Some("outer"), None, Some("go func")];
        assert_eq!(at, expected);
    }

    #[test]
    fn modules_without_names() {
        assert_eq!(&*nameless("/usr/lib/a.so").name, "[a.so]");
        assert_eq!(&*nameless("[vdso]").name, "[vdso]");
        assert_eq!(&*nameless("").name, "[unknown]");
    }
}
