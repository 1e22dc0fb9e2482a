//! The store from outside: what it keeps, and what it bears.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on shall stop"
)]

mod archive;
mod faults;
mod fixture;
mod index;
mod processes;
mod runs;
mod select;
