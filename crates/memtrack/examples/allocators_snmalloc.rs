//! A program with snmalloc, built from the sources of its crate and linked statically, for the tests of the tracer.

#[path = "../tests/programs/rust/rounds.rs"]
mod rounds;

#[global_allocator]
static ALLOCATOR: snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;

fn main() {
    rounds::run();
}
