//! A program with mimalloc, built from the sources of its crate and linked statically, for the tests of the tracer.

#[path = "../tests/programs/rust/rounds.rs"]
mod rounds;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    rounds::run();
}
