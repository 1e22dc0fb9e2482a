//! Other tracers that watch an allocator at the same time: they change nothing of what we count, but every call costs
//! more, and they must be named before anybody wonders.

use std::{collections::BTreeSet, path::Path};

use libbpf_rs::query::{LinkInfoIter, LinkTypeInfo};
use memmap2::Mmap;
use system::files::{self, Links};

use crate::discovery::examine;

/// A sentence for each file with an allocator that somebody else watches by eBPF. To be asked before we attach.
pub(super) fn watchers() -> Vec<String> {
    let links = LinkInfoIter::default();
    let watched = links.filter_map(|link| {
        let LinkTypeInfo::UprobeMulti(info) = link.info else { return None };
        info.path?.into_os_string().into_string().ok()
    });
    let files: BTreeSet<String> = watched.collect();
    let of_allocators = files.into_iter().filter(|path| holds_allocator(path));
    let sentence = |path: String| {
        format!(
            "another tracer watches functions of `{path}` at the same time: calls take longer than usual"
        )
    };
    of_allocators.map(sentence).collect()
}

fn holds_allocator(path: &str) -> bool {
    let Ok(file) = files::open(Path::new(path), Links::Follow) else { return false };
    #[expect(unsafe_code, reason = "a library is not read into memory for a look at it")]
    // SAFETY: as for the files that are traced (see `attachments`).
    let bytes = unsafe { Mmap::map(&file) };
    bytes.is_ok_and(|bytes| examine(&bytes).is_ok_and(|found| !found.probes.is_empty()))
}
