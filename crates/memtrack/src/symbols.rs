//! Names for the addresses of a running process.

use std::{
    collections::HashMap,
    fs::{self, File},
    sync::Arc,
};

use memmap2::Mmap;
use object::{Object, ObjectSegment, ObjectSymbol, SymbolKind};

/// A place in a program: a function, and the file that it is in. Empty texts are unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Function {
    /// Its name as a programmer writes it.
    pub name: String,
    /// Path of the program or library.
    pub module: String,
}

/// What is known of processes and files.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    processes: HashMap<i32, Vec<Mapping>>,
    modules: HashMap<String, Arc<Module>>,
}

#[derive(Debug, Clone)]
struct Mapping {
    start: u64,
    end: u64,
    offset: u64,
    path: String,
}

/// The functions of a file.
#[derive(Debug, Default)]
struct Module {
    /// Offset in the file, length, address.
    segments: Vec<(u64, u64, u64)>,
    /// In the order of their addresses: start, end, name.
    functions: Vec<(u64, u64, String)>,
}

impl Symbols {
    /// The function that the call before this return address is in.
    pub(crate) fn find(&mut self, pid: i32, address: u64) -> Function {
        // A call may be the last instruction of a function.
        let address = address.saturating_sub(1);
        let Some(mapping) = self.mapping(pid, address) else { return Function::default() };
        let Mapping { start, end: _, offset, path } = mapping;
        let module = self.module(pid, &path);
        let name = module.name(address - start + offset).map(str::to_owned).unwrap_or_default();
        Function { name, module: path }
    }

    /// A process is gone, or has become another program.
    pub(crate) fn forget(&mut self, pid: i32) {
        self.processes.remove(&pid);
    }

    /// Looks at the process anew if the address was not there before.
    fn mapping(&mut self, pid: i32, address: u64) -> Option<Mapping> {
        for fresh in [false, true] {
            if fresh || !self.processes.contains_key(&pid) {
                self.processes.insert(pid, mappings(pid));
            }
            let mappings = self.processes.get(&pid)?;
            let found =
                mappings.iter().find(|mapping| (mapping.start..mapping.end).contains(&address));
            if let Some(found) = found {
                return Some(found.clone());
            }
        }
        None
    }

    fn module(&mut self, pid: i32, path: &str) -> Arc<Module> {
        let read = || Arc::new(Module::read(&format!("/proc/{pid}/root{path}")));
        Arc::clone(self.modules.entry(path.to_owned()).or_insert_with(read))
    }
}

/// Executable files in the memory of a process (`proc_pid_maps(5)`).
fn mappings(pid: i32) -> Vec<Mapping> {
    let text = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().filter_map(parse_mapping).collect()
}

fn parse_mapping(line: &str) -> Option<Mapping> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let (rights, rest) = rest.split_once(' ')?;
    let (offset, rest) = rest.split_once(' ')?;
    let path = rest.get(rest.find('/')?..)?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let mapping =
        Mapping { start: hex(start)?, end: hex(end)?, offset: hex(offset)?, path: path.to_owned() };
    rights.contains('x').then_some(mapping)
}

impl Module {
    /// The functions of a file; none if it can't be read.
    fn read(path: &str) -> Self {
        let Ok(file) = File::open(path) else { return Self::default() };
        #[expect(unsafe_code, reason = "programs are large")]
        // SAFETY: the bytes are only looked at here; who cuts a program that is running ends it, too.
        let Ok(bytes) = (unsafe { Mmap::map(&file) }) else { return Self::default() };
        let Ok(file) = object::File::parse(&*bytes) else { return Self::default() };
        let segments = file.segments().map(|segment| {
            let (offset, len) = segment.file_range();
            (offset, len, segment.address())
        });
        let mut functions: Vec<(u64, u64, String)> = file
            .symbols()
            .chain(file.dynamic_symbols())
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
            .filter_map(|symbol| {
                let end = symbol.address().checked_add(symbol.size())?;
                Some((symbol.address(), end, demangled(symbol.name().ok()?)))
            })
            .collect();
        functions.sort();
        functions.dedup_by_key(|(start, _, _)| *start);
        Self { segments: segments.collect(), functions }
    }

    /// The function at an offset in the file.
    fn name(&self, offset: u64) -> Option<&str> {
        let found = self.segments.iter().find_map(|(start, len, address)| {
            let inside = offset.checked_sub(*start).filter(|inside| inside < len)?;
            address.checked_add(inside)
        })?;
        let next = self.functions.partition_point(|(start, _, _)| *start <= found);
        let (start, end, name) = self.functions.get(next.checked_sub(1)?)?;
        // Functions written in assembly have no length.
        (found < *end || start == end).then_some(name)
    }
}

/// As a programmer writes it.
fn demangled(name: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return format!("{rust:#}");
    }
    cpp_demangle::Symbol::new(name)
        .ok()
        .and_then(|symbol| symbol.demangle().ok())
        .unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_functions_have_names() {
        let mut symbols = Symbols::default();
        let pid = i32::try_from(std::process::id()).unwrap();
        #[expect(clippy::as_conversions, reason = "addresses are numbers")]
        let here = mappings as fn(i32) -> Vec<Mapping> as usize as u64;
        let found = symbols.find(pid, here + 1);
        assert_eq!(found.name, "memtrack::symbols::mappings");
        assert_eq!(found.module, std::env::current_exe().unwrap().display().to_string());
        assert_eq!(symbols.find(pid, 16), Function::default());
        assert_eq!(symbols.find(-1, here), Function::default());
    }

    #[test]
    fn lines_of_maps_are_read() {
        let line = "7f00-7f80 r-xp 00001000 fe:00 12 /lib/a b.so";
        let mapping = parse_mapping(line).unwrap();
        assert_eq!((mapping.start, mapping.end, mapping.offset), (0x7f00, 0x7f80, 0x1000));
        assert_eq!(mapping.path, "/lib/a b.so");
        for line in
            ["7f00-7f80 rw-p 0 fe:00 12 /lib/a.so", "7f00-7f80 r-xp 0 0:0 0 [vdso]", "x", ""]
        {
            assert!(parse_mapping(line).is_none(), "{line}");
        }
    }

    #[test]
    fn names_are_those_of_the_source() {
        assert_eq!(demangled("_ZN3foo3barEi"), "foo::bar(int)");
        assert_eq!(demangled("_RNvC4demo4main"), "demo::main");
        assert_eq!(demangled("main"), "main");
    }
}
