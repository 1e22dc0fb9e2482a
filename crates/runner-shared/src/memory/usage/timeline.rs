//! Live bytes over the time, in a fixed number of points: when it is full, two become one.

use serde::{Deserialize, Serialize};

/// So many points at most, and half as many at least once there were so many.
const MOST_POINTS: usize = 256;
/// The first resolution: 1.024 µs.
const FIRST_WIDTH: u64 = 1 << 10;

/// The most that was live in each of a row of equal spans of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Timeline {
    start: Option<u64>,
    width: u64,
    points: Vec<u64>,
    /// The bytes that were live last.
    live: u64,
}

/// The fields of a [`Timeline`] in a file.
type Parts = (Option<u64>, u8, Vec<u64>, u64);

impl From<Timeline> for Parts {
    fn from(timeline: Timeline) -> Self {
        let Timeline { start, width, points, live } = timeline;
        // At most 63.
        let bits = u8::try_from(width.trailing_zeros()).unwrap_or(u8::MAX);
        (start, bits, points, live)
    }
}

impl TryFrom<Parts> for Timeline {
    type Error = &'static str;

    fn try_from((start, bits, points, live): Parts) -> Result<Self, Self::Error> {
        let width = 1_u64.checked_shl(bits.into()).filter(|width| *width >= FIRST_WIDTH);
        let width = width.ok_or("a timeline of odd spans")?;
        if points.len() > MOST_POINTS {
            return Err("a timeline of too many points");
        }
        Ok(Self { start, width, points, live })
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Self { start: None, width: FIRST_WIDTH, points: Vec::new(), live: 0 }
    }
}

impl Timeline {
    /// An empty one that begins at this time.
    pub fn starting_at(timestamp: u64) -> Self {
        Self { start: Some(timestamp), ..Self::default() }
    }

    /// From this time on so much is live. Times before the last one count as the last one.
    pub fn add(&mut self, timestamp: u64, live: u64) {
        let start = *self.start.get_or_insert(timestamp);
        let since = timestamp.saturating_sub(start);
        let mut place = self.place(since);
        while place >= MOST_POINTS {
            self.halve();
            place = self.place(since);
        }
        while self.points.len() <= place {
            self.points.push(self.live);
        }
        if let Some(point) = self.points.last_mut() {
            *point = (*point).max(live);
        }
        self.live = live;
    }

    /// Extends the timeline to this time, without a change.
    pub(super) fn go_on(&mut self, timestamp: u64) {
        self.add(timestamp, self.live);
    }

    /// Nanoseconds of one span.
    pub const fn width_ns(&self) -> u64 {
        self.width
    }

    /// The most that was live in each span, in bytes.
    pub fn points(&self) -> &[u64] {
        &self.points
    }

    fn place(&self, since: u64) -> usize {
        // Widths are powers of two, and dividing would be the dearest part of counting an event.
        usize::try_from(since >> self.width.trailing_zeros()).unwrap_or(usize::MAX)
    }

    fn halve(&mut self) {
        // At 2^63 two points hold all of time.
        self.width = self.width.saturating_mul(2);
        let pairs = self.points.chunks(2);
        self.points = pairs.map(|pair| pair.iter().copied().max().unwrap_or(0)).collect();
    }
}
