//! Builds the library that simulation mode loads into benchmarked programs; see `preload/preload.c`.

use std::{error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=preload");
    let mut build = cc::Build::new();
    if let Some(target) = library_target() {
        build.target(&target);
    }
    build.std("gnu11").pic(true).opt_level(2).debug(false).warnings(true).extra_warnings(true);
    build.flag("-fvisibility=hidden");
    for (name, value) in [("INTEGRATION", "exec-harness"), ("VERSION", env!("CARGO_PKG_VERSION"))] {
        build.define(name, format!("\"{value}\"").as_str());
    }
    let compiler = build.try_get_compiler().map_err(|err| needs_compiler(&err))?;
    #[expect(clippy::disallowed_methods, reason = "cargo's interface to build scripts")]
    let folder = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let library = PathBuf::from(folder).join("preload.so");
    let mut command = compiler.to_command();
    command.args(["-shared", "-Wl,-z,now", "preload/preload.c", "-o"]).arg(&library);
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
        "exec-harness needs a C compiler to build its preload library (on Debian: `apt-get install gcc libc6-dev`; CC names another one): {err}"
    )
}
