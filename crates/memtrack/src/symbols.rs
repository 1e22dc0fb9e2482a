//! Names for the addresses of a process, as long as it runs, or has said what is in its memory.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    ops::Range,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use debug_info::{Image, demangled, has_lines};
use object::{Architecture, Object, ObjectSection, ObjectSegment, ObjectSymbol, SymbolKind};
use runner_shared::bounds::{Allowance, UNWIND_DATA_BYTES};
use system::files::{self, Links};

use crate::{
    backend::Mapping,
    cfi::Cfi,
    maps::{canonical, identity, mappings},
    memory::{Change, Processes},
};

/// A place in a program: a function, and the file that it is in. Empty texts are unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Function {
    /// Its name as a programmer writes it.
    pub name: String,
    /// Path of the program or library.
    pub module: String,
}

/// A place in the code of a file, the same in all processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// Number of the file; 0 if there is none.
    pub module: u32,
    /// The address of the call in a file with debug information, as the file states addresses; in others that of the
    /// function.
    pub address: u64,
}

/// All that is known of a return address.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The place of the call.
    pub place: Place,
    /// The function that it is in.
    pub function: Function,
    /// The function hides its callers for want of a frame pointer.
    pub hides: bool,
}

/// All that is known of processes and files.
#[derive(Debug)]
pub(crate) struct Symbols {
    processes: Processes<Numbered>,
    /// By what tells a file from another that had its path before.
    modules: HashMap<Identity, (u32, Arc<Module>)>,
    /// Files that can't be read, by their paths.
    unread: HashMap<String, u32>,
    /// Files that have a number.
    numbered: u32,
    /// Files with debug information, by their numbers.
    with_lines: HashMap<u32, File>,
    /// For call frame information.
    room: Allowance,
}

impl Default for Symbols {
    fn default() -> Self {
        let room = Allowance::of(UNWIND_DATA_BYTES);
        Self {
            processes: Processes::default(),
            modules: HashMap::new(),
            unread: HashMap::new(),
            numbered: 0,
            with_lines: HashMap::new(),
            room,
        }
    }
}

/// The number of a file, and its functions if it can be read.
type Numbered = (u32, Option<Arc<Module>>);

/// Code in the memory of a process.
#[derive(Debug)]
pub(crate) struct Code {
    /// Its addresses.
    pub range: Range<u64>,
    /// They are so much higher than those in its file.
    pub bias: u64,
    /// The call frame information of the file.
    pub cfi: Option<Cfi>,
}

/// The functions of a file.
#[derive(Debug, Default)]
struct Module {
    /// Offset in the file, length, address.
    segments: Vec<(u64, u64, u64)>,
    /// In the order of their addresses: start, end, name.
    functions: Vec<(u64, u64, String)>,
    /// Starts of those of them that keep no frame pointer, as far as that hides their callers.
    without_frames: HashSet<u64>,
    /// Call frame information, if there is some.
    cfi: Option<Cfi>,
    has_lines: bool,
}

/// Folders of the system's own libraries, which nobody builds anew. Most keep no frame pointers, and callers are found all
/// the same: they seldom use the register for something else.
const OF_THE_SYSTEM: &[&str] = &["/lib", "/usr/lib", "/lib64", "/usr/lib64"];
/// So many files with debug information are held open.
const MOST_WITH_LINES: usize = 256;
/// Bytes of a function, from its beginning, in which the frame pointer is looked for.
const PROLOGUE: usize = 1024;

impl Symbols {
    /// The function that the call before this return address is in.
    pub(crate) fn find(&mut self, pid: i32, address: u64) -> Found {
        // A call may be the last instruction of a function.
        let address = address.saturating_sub(1);
        let Some((mapping, number, module)) = self.around(pid, address) else {
            return Found::default();
        };
        let mut found = Found { place: Place { module: number, address: 0 }, ..Found::default() };
        if let Some((place, name, hides)) = module.and_then(|module| {
            let inside = address.checked_sub(mapping.start)?.checked_add(mapping.offset)?;
            let place = module.address(inside)?;
            let function = module.function(place);
            let start = function.map_or(0, |(start, ..)| *start);
            let hides = module.without_frames.contains(&start);
            let name = function.map(|(_, _, name)| name.clone()).unwrap_or_default();
            Some((if module.has_lines { place } else { start }, name, hides))
        }) {
            let is_of_system =
                OF_THE_SYSTEM.iter().any(|it| Path::new(&mapping.path).starts_with(it));
            found.place.address = place;
            found.function.name = name;
            found.hides = hides && !is_of_system;
        }
        found.function.module.clone_from(&mapping.path);
        found
    }

    /// The file with this number, if it has debug information.
    pub(crate) fn file_with_lines(&self, module: u32) -> Option<&File> {
        self.with_lines.get(&module)
    }

    /// The code around an address, if it is that of a file.
    pub(crate) fn code(&mut self, pid: i32, address: u64) -> Option<Code> {
        let (mapping, _, module) = self.around(pid, address)?;
        let found = module.and_then(|module| {
            let inside = address.checked_sub(mapping.start)?.checked_add(mapping.offset)?;
            Some((address.wrapping_sub(module.address(inside)?), module.cfi.clone()))
        });
        let (bias, cfi) = found.unwrap_or_default();
        Some(Code { range: mapping.start..mapping.end, bias, cfi })
    }

    /// Number of pieces of call frame information for which there was no room.
    pub(crate) const fn left_out(&self) -> u64 {
        self.room.left_out()
    }

    /// A process has said what is in its memory.
    pub(crate) fn mapped(&mut self, pid: i32, mapping: &Mapping) {
        let path = canonical(mapping).unwrap_or_else(|| mapping.path.clone());
        self.processes.add(pid, Arc::new(Mapping { path, ..mapping.clone() }));
    }

    /// A process has all this in its memory at this time.
    pub(crate) fn seen(&mut self, pid: i32, timestamp: u64, mappings: &[Arc<Mapping>]) {
        self.processes.seen(pid, timestamp, mappings);
    }

    /// A process was made at this time.
    pub(crate) fn forked(&mut self, parent: i32, child: i32, timestamp: u64) {
        self.processes.fork(parent, child, timestamp);
    }

    /// From now on the process is looked at as it was at this time. Tells what has changed since the last call of this.
    pub(crate) fn go_to(&mut self, pid: i32, timestamp: u64) -> Change {
        self.processes.go_to(pid, timestamp)
    }

    /// A process is gone, or has become another program, since this time.
    pub(crate) fn forget(&mut self, pid: i32, timestamp: u64) {
        self.processes.forget(pid, timestamp);
    }

    /// The mapping around an address, the number of its file, and the functions of that.
    fn around(
        &mut self,
        pid: i32,
        address: u64,
    ) -> Option<(Arc<Mapping>, u32, Option<Arc<Module>>)> {
        let look = |known: &[&Mapping]| mappings(pid, known);
        let known = self.processes.around(pid, address, look)?;
        let mapping = Arc::clone(&known.mapping);
        if let Some((number, module)) = known.module.clone() {
            return Some((mapping, number, module));
        }
        let (number, module) = self.open(pid, &mapping);
        if let Some(known) = self.processes.around(pid, address, |_| Vec::new()) {
            known.module = Some((number, module.clone()));
        }
        Some((mapping, number, module))
    }

    /// The next number of a file.
    const fn next_number(&mut self) -> u32 {
        self.numbered = self.numbered.saturating_add(1);
        self.numbered
    }

    /// The file behind a mapping; it may be gone.
    fn open(&mut self, pid: i32, mapping: &Mapping) -> (u32, Option<Arc<Module>>) {
        let seen_from_it = PathBuf::from(format!("/proc/{pid}/root{}", mapping.path));
        let mut places = vec![seen_from_it];
        // The process has ended. Its root may have been another one than ours; then the file is not the same.
        places.extend(mapping.identity.map(|_| PathBuf::from(&mapping.path)));
        let same = |file: &File| {
            mapping.identity.is_none_or(|it| identity(file).is_some_and(|found| found == it))
        };
        let mut files = places.iter().filter_map(|place| files::open(place, Links::Follow).ok());
        let found = files.find(same).and_then(|file| Some((Identity::of(&file)?, file)));
        let Some((identity, file)) = found else {
            if let Some(known) = self.unread.get(&mapping.path) {
                return (*known, None);
            }
            let number = self.next_number();
            self.unread.insert(mapping.path.clone(), number);
            return (number, None);
        };
        if let Some((number, module)) = self.modules.get(&identity) {
            return (*number, Some(Arc::clone(module)));
        }
        let number = self.next_number();
        let module = Arc::new(Module::read(&file, &mut self.room));
        // Open, as it may be replaced before its lines are looked up.
        if module.has_lines && self.with_lines.len() < MOST_WITH_LINES {
            self.with_lines.insert(number, file);
        }
        self.modules.insert(identity, (number, Arc::clone(&module)));
        (number, Some(module))
    }
}

/// The marks that tell a file from another, also from one that has replaced it: device, inode, size, and the time of its
/// last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Identity(u64, u64, u64, i64, i64);

impl Identity {
    fn of(file: &File) -> Option<Self> {
        let data = file.metadata().ok()?;
        Some(Self(data.dev(), data.ino(), data.size(), data.mtime(), data.mtime_nsec()))
    }
}

/// The sections that are looked at.
const SECTIONS: &[&str] = &[
    ".symtab",
    ".strtab",
    ".dynsym",
    ".dynstr",
    ".text",
    ".eh_frame",
    ".eh_frame_hdr",
    ".debug_frame",
];

impl Module {
    /// The functions of a file; none if it can't be read.
    fn read(file: &File, room: &mut Allowance) -> Self {
        let Ok(bytes) = Image::read(file, |name, _| SECTIONS.contains(&name)) else {
            return Self::default();
        };
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
        let without_frames = without_frames(&file, &functions);
        let cfi = Cfi::read(&file, room);
        let has_lines = has_lines(&file);
        Self { segments: segments.collect(), functions, without_frames, cfi, has_lines }
    }

    /// The address of an offset in the file.
    fn address(&self, offset: u64) -> Option<u64> {
        self.segments.iter().find_map(|(start, len, address)| {
            let inside = offset.checked_sub(*start).filter(|inside| inside < len)?;
            address.checked_add(inside)
        })
    }

    /// The function at an address.
    fn function(&self, found: u64) -> Option<&(u64, u64, String)> {
        let next = self.functions.partition_point(|(start, _, _)| *start <= found);
        let function = self.functions.get(next.checked_sub(1)?)?;
        // Functions written in assembly have no length.
        (found < function.1 || function.0 == function.1).then_some(function)
    }
}

/// Starts of the functions whose code never makes the frame pointer its own.
fn without_frames(file: &object::File<'_>, functions: &[(u64, u64, String)]) -> HashSet<u64> {
    let aarch64 = cfg!(target_arch = "aarch64");
    let ours = if aarch64 { Architecture::Aarch64 } else { Architecture::X86_64 };
    let is_ours = file.architecture() == ours;
    let Some(text) = file.section_by_name(".text").filter(|_| is_ours) else {
        return HashSet::new();
    };
    let (begin, code) = (text.address(), text.data().unwrap_or_default());
    let hides = |(start, end, name): &&(u64, u64, String)| {
        // Nobody misses the callers of `main`; cold parts run in the frame of another part.
        if matches!(name.as_str(), "main" | "_start") || name.contains(".cold") {
            return false;
        }
        let place = |address: u64| usize::try_from(address.checked_sub(begin)?).ok();
        let body = place(*start).zip(place(*end)).and_then(|(start, end)| code.get(start..end));
        body.is_some_and(|body| !body.is_empty() && !keeps_frame(body))
    };
    functions.iter().filter(hides).map(|(start, _, _)| *start).collect()
}

/// Returns whether the code of a function sets the frame pointer to where its stack begins.
fn keeps_frame(body: &[u8]) -> bool {
    let body = body.get(..PROLOGUE).unwrap_or(body);
    if cfg!(target_arch = "aarch64") {
        // `add x29, sp, #…`, of which `mov x29, sp` is one.
        let is_set = |word: &[u8]| matches!(word, [0xfd, high, _, 0x91] if high & 3 == 3);
        return body.chunks_exact(4).any(is_set);
    }
    // `mov rbp, rsp`, in its two forms.
    body.windows(3).any(|code| matches!(code, [0x48, 0x89, 0xe5] | [0x48, 0x8b, 0xec]))
}

#[cfg(test)]
mod tests {
    use runner_shared::text::shown;

    use super::*;

    #[test]
    fn our_own_functions_have_names() {
        let mut symbols = Symbols::default();
        let pid = i32::try_from(std::process::id()).unwrap();
        #[expect(clippy::as_conversions, reason = "addresses are numbers")]
        let here = Symbols::find as fn(&mut Symbols, i32, u64) -> Found as usize as u64;
        let found = symbols.find(pid, here + 1);
        assert_eq!(found.function.name, "memtrack::symbols::Symbols::find");
        assert_eq!(found.function.module, shown(&std::env::current_exe().unwrap()));
        assert!(symbols.file_with_lines(found.place.module).is_some());
        assert_eq!(symbols.find(pid, 16).place, Place::default());
        assert_eq!(symbols.find(-1, here).function, Function::default());
    }

    #[test]
    fn a_process_that_has_ended_has_said_where_its_files_were() {
        let path = std::env::current_exe().unwrap();
        let own = mappings(i32::try_from(std::process::id()).unwrap(), &[]);
        let own = own.into_iter().find(|mapping| Path::new(&mapping.path) == path).unwrap();
        #[expect(clippy::as_conversions, reason = "addresses are numbers")]
        let here = Symbols::find as fn(&mut Symbols, i32, u64) -> Found as usize as u64;
        let file = identity(&File::open(path).unwrap());
        for (identity, name) in [(file, "memtrack::symbols::Symbols::find"), (Some((0, 0)), "")] {
            let mut symbols = Symbols::default();
            symbols.mapped(-1, &Mapping { identity, ..Mapping::clone(&own) });
            assert_eq!(symbols.find(-1, here + 1).function.name, name, "{identity:?}");
        }
    }

    #[test]
    fn another_file_at_the_same_path_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        let own = std::env::current_exe().unwrap();
        let maps = mappings(i32::try_from(std::process::id()).unwrap(), &[]);
        let own_mapping = maps.iter().find(|mapping| Path::new(&mapping.path) == own).unwrap();
        #[expect(clippy::as_conversions, reason = "addresses are numbers")]
        let here = Symbols::find as fn(&mut Symbols, i32, u64) -> Found as usize as u64;
        let mut symbols = Symbols::default();
        let mut found = Vec::new();
        for source in [own.as_path(), Path::new("/bin/sh"), own.as_path()] {
            std::fs::copy(source, folder.path().join("new")).unwrap();
            std::fs::rename(folder.path().join("new"), &path).unwrap();
            let identity = identity(&File::open(&path).unwrap());
            let mapping = Mapping {
                path: shown(&path).into_owned(),
                identity,
                ..Mapping::clone(own_mapping)
            };
            symbols.mapped(-1, &mapping);
            let of_call = symbols.find(-1, here + 1);
            found.push((of_call.place.module, of_call.function.name));
            symbols.forget(-1, 0);
        }
        assert_eq!(found[0].1, "memtrack::symbols::Symbols::find");
        assert_eq!(found[2].1, "memtrack::symbols::Symbols::find");
        assert!(found[1].0 != found[0].0 && found[1].1 != found[0].1, "{found:?}");
    }
}
