//! Reads an artifact with the usual crates and none of our code, as another program would.

use std::{fs::File, path::Path};

use serde::Deserialize;

/// One event as it is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    pub pid: i32,
    pub tid: i32,
    pub timestamp: u64,
    pub addr: u64,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub size: Option<u64>,
    pub old_addr: Option<u64>,
}

/// Names of events that the tracer may write without being asked for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Kind {
    Malloc,
    Calloc,
    Realloc,
    AlignedAlloc,
    Free,
}

/// All events of a complete artifact.
pub fn read(path: &Path) -> Vec<Event> {
    let bytes = zstd::decode_all(File::open(path).unwrap()).unwrap();
    let mut rest = bytes.as_slice();
    let mut events = Vec::new();
    while !rest.is_empty() {
        events.push(rmp_serde::from_read(&mut rest).unwrap());
    }
    events
}
