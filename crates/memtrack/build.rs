//! Builds what is not Rust: the kernel's part, and the library of the backend `preload`.

#[path = "build/bpf.rs"]
mod bpf;
#[path = "build/preload.rs"]
mod preload;
#[path = "build/stack.rs"]
mod stack;
#[path = "build/table.rs"]
mod table;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    #[expect(clippy::disallowed_methods, reason = "cargo's interface to build scripts")]
    let folder = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    table::write(folder.as_ref())?;
    bpf::build(folder.as_ref())?;
    bpf::check(folder.as_ref())?;
    preload::build(folder.as_ref())
}
