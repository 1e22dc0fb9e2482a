//! Remembers which processes have measured when. Processes that measure must take turns: what is known of them is enough
//! to notice that they don't, though a message doesn't say from whom it is. No I/O and no clock.

use super::clients::{Client, Speaker, unrelated};

/// More turns than this are not remembered.
const MOST_TURNS: usize = 64;

/// The windows so far.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Those who can have opened the window that is open.
    opened: Option<Vec<Speaker>>,
    measured: Vec<Turn>,
}

/// A span of time in which one of these processes measured.
#[derive(Debug)]
struct Turn {
    by: Vec<Speaker>,
    /// Ticks since the machine was started.
    end: u64,
}

/// Meaning of a window that is to be opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Nothing.
    Fine,
    /// The process that opened the window that is still open is gone: it measures nothing any more.
    Abandoned,
    /// Two processes measure at the same time.
    Overlap([Client; 2]),
}

impl Turns {
    /// One of these, who are all that can speak, opens a window.
    pub(super) fn opens(&mut self, speakers: Vec<Speaker>) -> Opening {
        let opening = match &self.opened {
            Some(before) => second_opening(before, &speakers),
            None => Opening::Fine,
        };
        if opening == Opening::Fine && self.opened.is_some() {
            return opening;
        }
        let opening = match (opening, self.late(&speakers)) {
            (Opening::Overlap(pair), _) | (_, Some(pair)) => Opening::Overlap(pair),
            (opening, None) => opening,
        };
        self.opened = Some(speakers);
        opening
    }

    /// The window is closed; the time in ticks.
    pub(super) fn closes(&mut self, now: u64) {
        let Some(by) = self.opened.take().filter(|by| !by.is_empty()) else { return };
        self.remember(by, now);
    }

    /// Adds a turn; further windows of the same processes prolong it.
    fn remember(&mut self, by: Vec<Speaker>, end: u64) {
        match self.measured.last_mut() {
            Some(last) if last.by == by => last.end = end,
            Some(_) | None => {
                if self.measured.len() == MOST_TURNS {
                    self.measured.remove(0);
                }
                self.measured.push(Turn { by, end });
            }
        }
    }

    /// The process says that the last window was its own. Returns the two if it was there while another one measured.
    /// `speakers` finds those who can speak, for one that was not known when the window was opened.
    pub(super) fn claims(
        &mut self,
        pid: i32,
        speakers: impl FnOnce() -> Vec<Speaker>,
    ) -> Option<[Client; 2]> {
        let is_it = |speaker: &&Speaker| speaker.client.pid == pid;
        let last = self.measured.last()?;
        let Some(own) = last.by.iter().find(is_it).cloned() else {
            let all = speakers();
            return self.late(&[all.iter().find(is_it)?.clone()]);
        };
        let end = last.end;
        self.measured.pop();
        self.remember(vec![own.clone()], end);
        self.late(&[own])
    }

    /// Returns two of which the second ran while the first measured, if that is so whoever of `speakers` it is.
    fn late(&self, speakers: &[Speaker]) -> Option<[Client; 2]> {
        let overlaps = |speaker: &Speaker| {
            let turn = self.measured.iter().find(|Turn { by, end }| {
                speaker.start < *end && !by.iter().any(|other| other.is_of_one_line_with(speaker))
            })?;
            Some([turn.by.first()?.client.clone(), speaker.client.clone()])
        };
        let pairs: Option<Vec<_>> = speakers.iter().map(overlaps).collect();
        pairs?.into_iter().next()
    }
}

/// A window is opened while one is open: by the process that opened it, which changes nothing and is usual, by the
/// successor of one that was ended within its window, or by a second process.
fn second_opening(before: &[Speaker], now: &[Speaker]) -> Opening {
    let pair = unrelated(now).map(|pair| pair.map(|speaker| speaker.client.clone()));
    let one_is_gone = before.iter().any(|speaker| !now.iter().any(|other| other.is(speaker)));
    match (pair, now) {
        (Some(pair), _) => Opening::Overlap(pair),
        (None, []) => Opening::Fine,
        (None, _) if one_is_gone => Opening::Abandoned,
        (None, [first, second, ..]) => {
            Opening::Overlap([first.client.clone(), second.client.clone()])
        }
        (None, [_]) => Opening::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(pid: i32) -> Client {
        Client { pid, name: format!("p{pid}"), tool: None }
    }

    fn speaker(pid: i32, start: u64, above: &[i32]) -> Speaker {
        Speaker { client: client(pid), start, above: above.to_vec(), opened: true }
    }

    fn overlap(first: i32, second: i32) -> Opening {
        Opening::Overlap([client(first), client(second)])
    }

    #[test]
    fn a_process_alone_may_open_its_window_twice() {
        let mut turns = Turns::default();
        let one = || vec![speaker(5, 1, &[1])];
        for now in 10..1000 {
            assert_eq!(turns.opens(one()), Opening::Fine);
            assert_eq!(turns.opens(one()), Opening::Fine);
            turns.closes(now);
            assert_eq!(turns.claims(5, Vec::new), None);
        }
        assert_eq!(turns.measured.len(), 1);
    }

    #[test]
    fn workers_that_share_a_connection_overlap() {
        let (main, one, two) =
            (speaker(5, 1, &[1]), speaker(6, 2, &[5, 1]), speaker(7, 2, &[5, 1]));
        let mut turns = Turns::default();
        let all = vec![main, one, two];
        assert_eq!(turns.opens(all.clone()), Opening::Fine);
        assert_eq!(turns.opens(all), overlap(6, 7));
    }

    #[test]
    fn a_process_and_its_child_must_not_measure_at_the_same_time() {
        let (main, child) = (speaker(5, 1, &[1]), speaker(6, 9, &[5, 1]));
        let mut turns = Turns::default();
        assert_eq!(turns.opens(vec![main.clone()]), Opening::Fine);
        assert_eq!(turns.opens(vec![main, child]), overlap(5, 6));
    }

    #[test]
    fn a_window_whose_process_is_gone_is_no_overlap() {
        let (main, one, two) =
            (speaker(5, 1, &[1]), speaker(6, 2, &[5, 1]), speaker(7, 4, &[5, 1]));
        let mut turns = Turns::default();
        assert_eq!(turns.opens(vec![main.clone(), one.clone()]), Opening::Fine);
        assert_eq!(turns.opens(vec![main.clone(), two]), Opening::Abandoned);
        assert_eq!(turns.opens(vec![main]), Opening::Abandoned);
        // The same number, another process.
        assert_eq!(turns.opens(vec![speaker(5, 30, &[1])]), Opening::Abandoned);
        // Nothing is known.
        assert_eq!(turns.opens(Vec::new()), Opening::Fine);
    }

    #[test]
    fn who_ran_while_another_measured_must_not_measure_after_it() {
        for (start, overlaps) in [(3, true), (19, true), (20, false), (25, false)] {
            let mut turns = Turns::default();
            assert_eq!(turns.opens(vec![speaker(6, 2, &[1])]), Opening::Fine);
            turns.closes(20);
            let expected = if overlaps { overlap(6, 7) } else { Opening::Fine };
            assert_eq!(turns.opens(vec![speaker(7, start, &[1])]), expected, "{start}");
        }
    }

    #[test]
    fn who_of_several_has_measured_is_known_when_it_says_so() {
        let (main, one, two) =
            (speaker(5, 1, &[1]), speaker(6, 2, &[5, 1]), speaker(7, 2, &[5, 1]));
        let mut turns = Turns::default();
        assert_eq!(turns.claims(6, Vec::new), None);
        assert_eq!(turns.opens(vec![main.clone(), one, two.clone()]), Opening::Fine);
        turns.closes(20);
        assert_eq!(turns.claims(6, Vec::new), None);
        // It may be the main process that measures now, which may have waited.
        assert_eq!(turns.opens(vec![main, two]), Opening::Fine);
        turns.closes(30);
        assert_eq!(turns.claims(7, Vec::new), Some([client(6), client(7)]));
    }

    #[test]
    fn a_process_that_names_a_benchmark_did_not_run_beside_another() {
        let (one, two) = (speaker(6, 2, &[5, 1]), speaker(7, 2, &[5, 1]));
        let mut turns = Turns::default();
        assert_eq!(turns.opens(vec![one.clone()]), Opening::Fine);
        turns.closes(20);
        let all = || vec![one.clone(), two.clone()];
        assert_eq!(turns.claims(6, all), None);
        assert_eq!(turns.claims(9, all), None);
        assert_eq!(turns.claims(7, all), Some([client(6), client(7)]));
    }

    #[test]
    fn a_process_and_those_that_it_started_take_turns() {
        let (main, child) = (speaker(5, 1, &[1]), speaker(6, 2, &[5, 1]));
        let mut turns = Turns::default();
        for (now, pid) in [(10, 5), (20, 6), (30, 5), (40, 6)] {
            assert_eq!(turns.opens(vec![main.clone(), child.clone()]), Opening::Fine);
            turns.closes(now);
            assert_eq!(turns.claims(pid, Vec::new), None);
        }
    }
}
