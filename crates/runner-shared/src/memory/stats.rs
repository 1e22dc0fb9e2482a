//! A tracer's report about its own work: `<pid>.MemtrackStats.json` beside the artifact.

use serde::{Deserialize, Serialize};

/// The way in which events were recorded, and the possible gaps. Reading is tolerant: a missing value is empty, unknown
/// keys are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TracerStats {
    /// Version of this layout.
    #[serde(rename = "version")]
    pub version: u32,
    /// The tracer and its version, as `codspeed-memtrack 5.1.0`.
    #[serde(rename = "tracer")]
    pub tracer: String,
    /// `ebpf` or `preload`.
    #[serde(rename = "backend")]
    pub backend: String,
    /// Which of the kernel's ways was taken, as `uprobe.session`; empty if there is but one.
    #[serde(rename = "rung")]
    pub rung: String,
    /// Events in the artifact.
    #[serde(rename = "events")]
    pub events: EventCounts,
    /// The number of frees that stand for blocks which their process never freed.
    #[serde(rename = "synthetic_frees")]
    pub synthetic_frees: u64,
    /// Frees of blocks that the program had freed before, which were left out: the C library empties the cache of a
    /// thread that ends. After a loss, also frees of blocks whose allocation was lost.
    #[serde(rename = "left_out_frees")]
    pub left_out_frees: u64,
    /// Events that did not reach the artifact.
    #[serde(rename = "lost_events")]
    pub lost_events: u64,
    /// Processes that could not be followed.
    #[serde(rename = "failed_tracks")]
    pub failed_tracks: u64,
    /// Programs and libraries whose allocators were watched.
    #[serde(rename = "objects")]
    pub objects: Vec<CoveredObject>,
    /// Sentences about what makes the numbers wrong or incomplete.
    #[serde(rename = "warnings")]
    pub warnings: Vec<String>,
    /// Sentences about anything else.
    #[serde(rename = "notes")]
    pub notes: Vec<String>,
}

impl TracerStats {
    /// The layout described here.
    pub const VERSION: u32 = 1;
}

/// A program or library with an allocator in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CoveredObject {
    /// The file.
    #[serde(rename = "path")]
    pub path: String,
    /// The allocators in it, as `libc` or `jemalloc`.
    #[serde(rename = "allocators")]
    pub allocators: Vec<String>,
    /// Places in it that are watched.
    #[serde(rename = "probes")]
    pub probes: u64,
}

/// Events by their kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventCounts {
    /// `malloc` and alike.
    #[serde(rename = "Malloc")]
    pub malloc: u64,
    /// `calloc` and alike.
    #[serde(rename = "Calloc")]
    pub calloc: u64,
    /// `realloc` and alike.
    #[serde(rename = "Realloc")]
    pub realloc: u64,
    /// `aligned_alloc` and alike.
    #[serde(rename = "AlignedAlloc")]
    pub aligned_alloc: u64,
    /// `free` and alike.
    #[serde(rename = "Free")]
    pub free: u64,
    /// Mappings.
    #[serde(rename = "Mmap")]
    pub mmap: u64,
    /// Ends of mappings.
    #[serde(rename = "Munmap")]
    pub munmap: u64,
    /// Moves of the heap's end.
    #[serde(rename = "Brk")]
    pub brk: u64,
}

impl EventCounts {
    /// Counts an event of this kind.
    pub fn add(&mut self, kind: super::EventKind) {
        use super::EventKind as Kind;
        let count = match kind {
            Kind::Malloc { .. } => &mut self.malloc,
            Kind::Calloc { .. } => &mut self.calloc,
            Kind::Realloc { .. } => &mut self.realloc,
            Kind::AlignedAlloc { .. } => &mut self.aligned_alloc,
            Kind::Free => &mut self.free,
            Kind::Mmap { .. } => &mut self.mmap,
            Kind::Munmap { .. } => &mut self.munmap,
            Kind::Brk { .. } => &mut self.brk,
        };
        *count += 1;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        let Self { malloc, calloc, realloc, aligned_alloc, free, mmap, munmap, brk } = *self;
        let all = [malloc, calloc, realloc, aligned_alloc, free, mmap, munmap, brk];
        all.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::EventKind;

    #[test]
    fn the_file_is_frozen() {
        let mut events = EventCounts::default();
        events.add(EventKind::Malloc { size: 1 });
        events.add(EventKind::Free);
        assert_eq!(events.total(), 2);
        let object = CoveredObject {
            path: "/lib/libc.so.6".to_owned(),
            allocators: vec!["libc".to_owned()],
            probes: 9,
        };
        let stats = TracerStats {
            version: TracerStats::VERSION,
            tracer: "codspeed-memtrack 5.1.0".to_owned(),
            backend: "ebpf".to_owned(),
            rung: "uprobe.session".to_owned(),
            events,
            synthetic_frees: 1,
            left_out_frees: 6,
            lost_events: 2,
            failed_tracks: 3,
            objects: vec![object],
            warnings: vec!["w".to_owned()],
            notes: vec!["n".to_owned()],
        };
        let json = serde_json::to_string_pretty(&stats).unwrap();
        insta::assert_snapshot!(json);
        assert_eq!(serde_json::from_str::<TracerStats>(&json).unwrap(), stats);
    }

    #[test]
    fn what_is_missing_is_empty_and_what_is_new_is_passed_over() {
        let read: TracerStats =
            serde_json::from_str(r#"{"lost_events": 7, "objects": [{"path": "a"}], "new": [{}]}"#)
                .unwrap();
        assert_eq!((read.lost_events, read.objects.len(), read.version), (7, 1, 0));
    }
}
