//! Live bytes over the time, in a fixed number of points: when it is full, two become one.

/// So many points at most, and half as many at least once there were so many.
const MOST_POINTS: usize = 256;
/// The first resolution: 1.024 µs.
const FIRST_WIDTH: u64 = 1 << 10;

/// The most that was live in each of a row of equal spans of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    start: Option<u64>,
    width: u64,
    points: Vec<u64>,
    /// What was live last.
    live: u64,
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

    /// Nanoseconds of one span.
    pub const fn width_ns(&self) -> u64 {
        self.width
    }

    /// The most that was live in each span, in bytes.
    pub fn points(&self) -> &[u64] {
        &self.points
    }

    fn place(&self, since: u64) -> usize {
        usize::try_from(since / self.width).unwrap_or(usize::MAX)
    }

    fn halve(&mut self) {
        // Widths are powers of two; at 2^63 two points hold all of time.
        self.width = self.width.saturating_mul(2);
        let pairs = self.points.chunks(2);
        self.points = pairs.map(|pair| pair.iter().copied().max().unwrap_or(0)).collect();
    }
}
