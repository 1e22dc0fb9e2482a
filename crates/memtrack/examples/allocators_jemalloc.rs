//! A program with jemalloc, built from the sources of its crate and linked statically, for the tests of the tracer.

#[path = "../tests/programs/rust/rounds.rs"]
mod rounds;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    rounds::run();
}
