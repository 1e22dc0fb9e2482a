//! One job per module, on all cores, the largest first; each file is opened and parsed once.

use std::{
    collections::{BTreeSet, HashMap},
    io::Write,
    path::Path,
};

use rayon::prelude::*;
use runner_shared::profile_dir::{SYMBOLS, UNWIND_DATA};

use super::{Collected, Recording};
use crate::{
    ProfileError,
    error::go_on,
    folder::Folder,
    metadata::{Key, key},
    module::{DebugInfos, DebugRoots, Dwarf, Elf, Load, Opened, Opener, Symbols},
};

/// The facts known about a module when its job is done.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) key: Key,
    pub(crate) loads: Vec<Load>,
    pub(crate) base_svma: u64,
    /// The address behind the last symbol; `None` without a symbol file.
    pub(crate) symbols_end: Option<u64>,
    pub(crate) has_unwind: bool,
    pub(crate) debug_infos: Option<DebugInfos>,
}

/// All modules, in the order in which the recording shows them first.
#[derive(Debug, Default)]
pub(super) struct Modules {
    pub(super) list: Vec<Module>,
    /// Place in the list by the number of the mapped file.
    by_file: HashMap<u32, usize>,
}

impl Modules {
    pub(super) fn of(&self, file: u32) -> Option<&Module> {
        self.list.get(*self.by_file.get(&file)?)
    }
}

/// Warnings about single modules, at most; the rest is counted.
const MOST_WARNINGS: usize = 10;

/// Opens all mapped files and writes their artifacts.
pub(super) fn run(
    collected: &Collected,
    recording: &Recording<'_>,
    roots: &DebugRoots,
    folder: Folder<'_>,
    warnings: &mut Vec<String>,
) -> Result<Modules, ProfileError> {
    let files = Opener::new(recording.snapshots, recording.started);
    let mut by_file = HashMap::new();
    let mut by_unique = HashMap::new();
    let mut jobs: Vec<(Key, Opened)> = Vec::new();
    let mut not_opened = Vec::new();
    let used: BTreeSet<u32> =
        collected.kept.values().flatten().map(|mapping| mapping.file).collect();
    for (number, file) in (0..).zip(&collected.replay.files) {
        if !used.contains(&number) {
            continue;
        }
        match files.open(file) {
            Ok(opened) if Elf::parse(&opened.bytes).is_none() => {}
            Ok(opened) => {
                let place = *by_unique.entry(opened.unique.clone()).or_insert_with(|| {
                    let path = String::from(&*file.path);
                    jobs.push((Key { key: key(jobs.len(), &path), path }, opened));
                    jobs.len().saturating_sub(1)
                });
                by_file.insert(number, place);
            }
            Err(err) => not_opened.push(format!("`{}` {err}: it has no symbols", file.path)),
        }
    }
    let more = not_opened.len().saturating_sub(MOST_WARNINGS);
    warnings.extend(not_opened.into_iter().take(MOST_WARNINGS));
    if more > 0 {
        warnings.push(format!("{more} more modules could not be opened"));
    }
    let mut numbered: Vec<(usize, (Key, Opened))> = jobs.into_iter().enumerate().collect();
    numbered.sort_by_key(|(_, (_, opened))| std::cmp::Reverse(opened.bytes.len()));
    let mut done = numbered
        .into_iter()
        // Hands out one at a time, in this order.
        .par_bridge()
        .map(|(place, (key, opened))| {
            go_on()?;
            Ok((place, job(key, &opened, roots, folder)?))
        })
        .collect::<Result<Vec<(usize, Module)>, ProfileError>>()?;
    done.sort_by_key(|(place, _)| *place);
    Ok(Modules { list: done.into_iter().map(|(_, module)| module).collect(), by_file })
}

/// Writes all that a module has.
fn job(
    key: Key,
    opened: &Opened,
    roots: &DebugRoots,
    folder: Folder<'_>,
) -> Result<Module, ProfileError> {
    let mut module = Module {
        key,
        loads: Vec::new(),
        base_svma: 0,
        symbols_end: None,
        has_unwind: false,
        debug_infos: None,
    };
    let Some(elf) = Elf::parse(&opened.bytes) else { return Ok(module) };
    let Key { key, path } = &module.key;
    if let Some(unwind) = elf.unwind_data(path) {
        folder.write(&UNWIND_DATA, key, |out| unwind.write(out))?;
        module.has_unwind = true;
    }
    go_on()?;
    let debug_file = roots.find(Path::new(path), &elf);
    let debug_elf = debug_file.as_deref().and_then(Elf::parse);
    let symbols = Symbols::of(&elf, debug_elf.as_ref());
    if !symbols.list.is_empty() {
        folder.write(&SYMBOLS, key, |out| {
            symbols.write(out)?;
            out.flush()
        })?;
        module.symbols_end = Some(symbols.end);
        go_on()?;
        let with_dwarf = [Some(&elf), debug_elf.as_ref()];
        let dwarf = with_dwarf.into_iter().flatten().find(|elf| Dwarf::is_in(elf));
        if let Some(dwarf) = dwarf.and_then(Dwarf::load) {
            module.debug_infos = DebugInfos::of(&dwarf, &symbols.list, || folder.scratch())
                .map_err(|source| {
                    let path = Path::new(path).to_owned();
                    ProfileError::Write { path, source }
                })?;
        }
    }
    module.base_svma = elf.base_svma();
    module.loads = elf.loads;
    Ok(module)
}
