//! One scan of the recording: which process had which mapping while something was measured.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use runner_shared::{profile_dir::PERF_DATA, text::count};

use super::{Recording, Written};
use crate::{
    ProfileError, Snapshot,
    perf::{Attr, Event, Identity, Mmap, Summary, Visitor, scan},
    replay::{Lived, Replay},
    space::Mapping,
    window::Windows,
};

/// The result of a scan.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) replay: Replay,
    /// By process, each mapping once.
    pub(super) kept: BTreeMap<i32, BTreeSet<Mapping>>,
    summary: Summary,
    is_overfull: bool,
}

/// By process, each mapping once.
#[derive(Debug, Default)]
struct Kept {
    by_pid: BTreeMap<i32, BTreeSet<Mapping>>,
    /// The same of programs that other programs replaced in their process.
    replaced: BTreeMap<i32, BTreeSet<Mapping>>,
    count: usize,
}

/// Mappings of all processes, at most.
const MOST_KEPT: usize = 1 << 21;

impl Collected {
    pub(super) fn written(&self) -> Written {
        let mut warnings: Vec<String> = self.summary.warning.iter().cloned().collect();
        if self.summary.lost > 0 {
            let records = count(self.summary.lost, "record");
            warnings.push(format!("perf lost {records}: the profile is incomplete"));
        }
        if self.is_overfull {
            warnings.push("the recording has too many mappings".to_owned());
        }
        let Summary { samples, lost, .. } = self.summary;
        Written { samples, lost, warnings, ..Written::default() }
    }
}

struct Collector<'a> {
    replay: Replay,
    windows: &'a Windows,
    kept: Kept,
    /// Not yet merged, in the order of time.
    snapshots: VecDeque<&'a Snapshot>,
}

/// Scans the recording.
pub(super) fn collect(
    recording: &Recording<'_>,
    replay: Replay,
    windows: &Windows,
) -> Result<Collected, ProfileError> {
    let mut snapshots: Vec<&Snapshot> = recording.snapshots.iter().collect();
    snapshots.sort_by_key(|snapshot| snapshot.time);
    let snapshots = snapshots.into();
    let mut collector = Collector { replay, windows, kept: Kept::default(), snapshots };
    let summary = scan(&recording.folder.file(&PERF_DATA), &mut collector)?;
    collector.merge_until(u64::MAX);
    let Collector { mut replay, mut kept, .. } = collector;
    replay.finish(|lived| kept.keep(windows, lived));
    kept.add_replaced();
    // A process that a snapshot tells of was tracked from its begin: its descendants may be known
    // only now, its own mappings always.
    if let Some(tracked) = replay.tracked() {
        kept.by_pid.retain(|pid, _| tracked.contains(pid));
    }
    let is_overfull = replay.is_overfull || kept.count >= MOST_KEPT;
    Ok(Collected { replay, kept: kept.by_pid, summary, is_overfull })
}

impl Kept {
    fn keep(&mut self, windows: &Windows, lived: Lived) {
        if self.count < MOST_KEPT && windows.meets(lived.from, lived.until) {
            // When it was mapped no longer matters: the same again is the same.
            let mapping = Mapping { since: 0, ..lived.mapping };
            let kept = if lived.is_replaced { &mut self.replaced } else { &mut self.by_pid };
            let is_new = kept.entry(lived.pid).or_default().insert(mapping);
            self.count = self.count.saturating_add(usize::from(is_new));
        }
    }

    /// Adds what replaced programs had mapped where the later ones had nothing else: the metadata know no time, so
    /// that an address of a process can belong to one module only.
    fn add_replaced(&mut self) {
        for (pid, mappings) in std::mem::take(&mut self.replaced) {
            let last = self.by_pid.entry(pid).or_default();
            let is_free = |mapping: &Mapping| {
                let meets = |one: &Mapping| one.start < mapping.end && mapping.start < one.end;
                !last.iter().any(meets)
            };
            let free: Vec<Mapping> = mappings.into_iter().filter(is_free).collect();
            last.extend(free);
        }
    }
}

impl Collector<'_> {
    /// Merges the snapshots that were taken before this time.
    fn merge_until(&mut self, time: u64) {
        while let Some(snapshot) = self.snapshots.pop_front_if(|next| next.time < time) {
            self.merge(snapshot);
        }
    }

    /// Adds what the recording didn't tell of. It was there at the latest when the snapshot was
    /// taken, perhaps at the end of a window: it counts since that window began.
    fn merge(&mut self, snapshot: &Snapshot) {
        let since = self.windows.start_before(snapshot.time).unwrap_or(snapshot.time);
        for mapping in &snapshot.mappings {
            let known = self.replay.space(snapshot.pid).and_then(|space| space.at(mapping.start));
            let is_known = known.is_some_and(|known| {
                let file = usize::try_from(known.file).ok();
                let file = file.and_then(|place| self.replay.files.get(place));
                known.end == mapping.end && file.is_some_and(|file| *file.path == *mapping.path)
            });
            if is_known {
                continue;
            }
            let mmap = Mmap {
                pid: snapshot.pid,
                start: mapping.start,
                end: mapping.end,
                offset: mapping.offset,
                identity: Identity::Inode { device: mapping.device, inode: mapping.inode },
                code: Some(mapping.path.clone()),
            };
            let (kept, windows) = (&mut self.kept, self.windows);
            self.replay.map(&mmap, since, snapshot.time, |lived| kept.keep(windows, lived));
        }
    }
}

impl Visitor for Collector<'_> {
    fn wants_sample(&self, _time: u64) -> bool {
        false
    }

    fn event(&mut self, time: u64, event: Event, _attrs: &[Attr]) {
        self.merge_until(time);
        let (kept, windows) = (&mut self.kept, self.windows);
        let is_tracked = match &event {
            Event::Exec { pid, .. } | Event::Exit { pid, .. } => self.replay.is_tracked(*pid),
            Event::Mmap(mmap) => self.replay.is_tracked(mmap.pid),
            Event::Fork { .. } | Event::Rename { .. } | Event::Sample { .. } => true,
        };
        self.replay.event(time, &event, |lived| {
            if is_tracked {
                kept.keep(windows, lived);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_process_belongs_to_its_last_program() {
        let windows = Windows::default();
        let mut kept = Kept::default();
        let lived = |start, file, is_replaced| {
            let mapping = Mapping { start, end: start + 10, offset: 0, file, since: 1 };
            Lived { pid: 7, mapping, from: 1, until: 2, is_replaced }
        };
        for (start, file) in [(10, 1), (30, 1), (50, 1)] {
            kept.keep(&windows, lived(start, file, true));
        }
        for (start, file) in [(15, 2), (50, 1)] {
            kept.keep(&windows, lived(start, file, false));
        }
        kept.add_replaced();
        let shown: Vec<_> = kept.by_pid[&7].iter().map(|one| (one.start, one.file)).collect();
        assert_eq!(shown, [(15, 2), (30, 1), (50, 1)]);
    }
}
