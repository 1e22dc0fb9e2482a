//! Services of the system that all programs of CodSpeed need, done with care in one place: files that others may have made, files
//! that are written whole or not at all, the lock that a measurement holds, and the signals that ask for an end.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]

pub mod exposure;
pub mod files;
pub mod fork_lock;
pub mod guard;
pub mod lineage;
pub mod lines;
pub mod lock;
pub mod orphans;
pub mod perf;
pub mod pidfd;
pub mod processors;
pub mod signals;
pub mod stopped;
pub mod streams;
pub mod temporary;
pub mod threads;
pub mod tuning;
