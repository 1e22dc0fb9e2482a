//! Builds what runs outside of this program: the kernel's part.

#[path = "build/bpf.rs"]
mod bpf;

fn main() {
    bpf::compile();
}
