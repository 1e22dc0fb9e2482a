//! A program with the allocator of the standard library, for the tests of the tracer.

#[path = "../tests/programs/rust/rounds.rs"]
mod rounds;

fn main() {
    rounds::run();
}
