//! Checks of the markers and names of a conversation against each other.

use std::collections::BTreeSet;

use runner_shared::{artifact::ExecutionTimestamps, fifo::MarkerType};

use super::Concern;

/// All that can be wrong in a walltime run; `results` are the names in the results files.
pub(super) fn check(timestamps: &ExecutionTimestamps, results: &BTreeSet<String>) -> Vec<Concern> {
    let Markers { windows, open, crossed, halves } = Markers::of(&timestamps.markers);
    let mut concerns = counted(open, crossed);
    if halves > 0 {
        concerns.push(Concern::HalfRounds(halves));
    }
    let announced = by_time(timestamps);
    let names: BTreeSet<String> = announced.iter().map(|(_, uri)| (*uri).to_owned()).collect();
    let only_in = |some: &BTreeSet<String>, others: &BTreeSet<String>| {
        some.difference(others).cloned().collect::<Vec<_>>()
    };
    let without = without_rounds(&announced, &windows);
    let groups: [Group; 3] = [
        (without, Concern::WithoutRounds),
        (only_in(&names, results), Concern::WithoutResult),
        (only_in(results, &names), Concern::WithoutAnnouncement),
    ];
    for (uris, concern) in groups {
        if !uris.is_empty() {
            concerns.push(concern(uris));
        }
    }
    concerns
}

/// Names, and what is said of them.
type Group = (Vec<String>, fn(Vec<String>) -> Concern);

/// Returns the faults that windows alone can have.
pub(super) fn windows(timestamps: &ExecutionTimestamps) -> Vec<Concern> {
    let Markers { open, crossed, .. } = Markers::of(&timestamps.markers);
    counted(open, crossed)
}

fn counted(open: usize, crossed: usize) -> Vec<Concern> {
    let open = (open > 0).then_some(Concern::OpenWindows(open));
    let crossed = (crossed > 0).then_some(Concern::CrossedWindows(crossed));
    open.into_iter().chain(crossed).collect()
}

/// A window with the number of rounds that were marked in it.
struct Window {
    start: u64,
    rounds: usize,
}

/// The sums of the markers, in the order of their times.
#[derive(Default)]
struct Markers {
    windows: Vec<Window>,
    open: usize,
    crossed: usize,
    halves: usize,
}

impl Markers {
    /// Clients may send markers late: only their times count. Rounds outside of all windows are warm-up.
    fn of(markers: &[MarkerType]) -> Self {
        let mut markers = markers.to_vec();
        // At the same nanosecond a window ends before the next begins, and rounds lie inside.
        markers.sort_by_key(|marker| match *marker {
            MarkerType::RoundEnd(time) => (time, 0),
            MarkerType::SampleEnd(time) => (time, 1),
            MarkerType::SampleStart(time) => (time, 2),
            MarkerType::RoundStart(time) => (time, 3),
        });
        let mut found = Self::default();
        let (mut is_open, mut in_round) = (false, false);
        for marker in markers {
            match marker {
                MarkerType::SampleStart(start) => {
                    found.crossed += usize::from(is_open);
                    is_open = true;
                    in_round = false;
                    found.windows.push(Window { start, rounds: 0 });
                }
                MarkerType::SampleEnd(_) => {
                    found.crossed += usize::from(!is_open);
                    found.halves += usize::from(is_open && in_round);
                    (is_open, in_round) = (false, false);
                }
                MarkerType::RoundStart(_) => {
                    found.halves += usize::from(is_open && in_round);
                    in_round = is_open;
                }
                MarkerType::RoundEnd(_) if is_open => {
                    found.halves += usize::from(!in_round);
                    if let Some(window) = found.windows.last_mut().filter(|_| in_round) {
                        window.rounds += 1;
                    }
                    in_round = false;
                }
                MarkerType::RoundEnd(_) => {}
            }
        }
        found.open = usize::from(is_open);
        found
    }
}

fn by_time(timestamps: &ExecutionTimestamps) -> Vec<(u64, &str)> {
    let mut announced: Vec<(u64, &str)> =
        timestamps.uri_by_ts.iter().map(|(time, uri)| (*time, uri.as_str())).collect();
    announced.sort_by_key(|(time, _)| *time);
    announced
}

/// The names whose windows, those since the name before, hold no round.
fn without_rounds(announced: &[(u64, &str)], windows: &[Window]) -> Vec<String> {
    let mut left = windows.iter().peekable();
    let mut without = BTreeSet::new();
    for (time, uri) in announced {
        let mut rounds = 0;
        while let Some(window) = left.next_if(|window| window.start <= *time) {
            rounds += window.rounds;
        }
        if rounds == 0 {
            without.insert((*uri).to_owned());
        }
    }
    without.into_iter().collect()
}
