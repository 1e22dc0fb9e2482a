//! Builds the library that the backend `preload` loads into traced programs; see `preload/trace.h`.

use std::{error::Error, path::Path};

const SOURCES: [&str; 16] = [
    "preload/start.c",
    "preload/trace.c",
    "preload/blocks.c",
    "preload/calls.c",
    "preload/others.c",
    "preload/exec.c",
    "preload/maps.c",
    "preload/find.c",
    "preload/sandbox.c",
    "preload/syscalls.c",
    "preload/reach.c",
    "preload/symbols.c",
    "preload/mapping.c",
    "preload/limits.c",
    "preload/libc.c",
    "preload/libc_names.c",
];

/// Leaves `memtrack_preload.so` in the folder.
pub(crate) fn build(folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=preload");
    let mut build = cc::Build::new();
    if let Some(target) = library_target() {
        build.target(&target);
    }
    build.std("c11").pic(true).opt_level(2).debug(false).warnings(true).extra_warnings(true);
    // Frame pointers: a stack is walked from our own frame.
    build.flag("-fvisibility=hidden").force_frame_pointer(true);
    // The loader's way to thread-local memory can allocate; and programs with another C library have other loaders.
    build.flag("-ftls-model=initial-exec");
    // `libc.c` defines `memcpy` and others, which then must not be made of calls of themselves.
    build.flag("-fno-builtin").flag_if_supported("-fno-tree-loop-distribute-patterns");
    // What the unwinder must know of a function is said inside of it, and holds for one part only.
    build.flag_if_supported("-fno-reorder-blocks-and-partition");
    let compiler = build.try_get_compiler().map_err(|err| needs_compiler(&err))?;
    let mut command = compiler.to_command();
    command.args(["-shared", "-Wl,-z,now", "-lpthread"]).args(SOURCES).arg("-I").arg(folder);
    command.arg("-o").arg(folder.join("memtrack_preload.so"));
    let status = command.status().map_err(|err| needs_compiler(&err))?;
    if !status.success() {
        return Err(format!("`{command:?}` failed ({status}); see above").into());
    }
    Ok(())
}

/// The library is loaded into programs of the machine, and those have glibc even where we are built for musl.
#[expect(clippy::disallowed_methods, reason = "cargo's interface to build scripts")]
fn library_target() -> Option<String> {
    let target = std::env::var("TARGET").ok()?;
    target.ends_with("-musl").then(|| target.replace("-musl", "-gnu"))
}

fn needs_compiler(err: &dyn Error) -> String {
    format!(
        "memtrack needs a C compiler to build its preload library (on Debian, run `apt-get install gcc libc6-dev`; set CC to use another one): {err}"
    )
}
