//! Compiles `bpf/memtrack.bpf.c` with clang. Needs no kernel headers and no network.

use std::{env, path::Path, process::Command};

const SOURCES: &[&str] = &["bpf/memtrack.bpf.c", "bpf/kernel.h"];

#[expect(clippy::disallowed_methods, reason = "a build script has no process module")]
pub(crate) fn compile() {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    println!("cargo::rerun-if-env-changed=CLANG");
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    let target = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default().to_uppercase();
    let object = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("memtrack.bpf.o");
    let mut command = Command::new(&clang);
    command
        .args(["-target", "bpf", "-O2", "-g", "-Wall", "-Werror", "-mcpu=v3"])
        .arg(format!("-DTARGET_{target}"))
        .args(["-c", "bpf/memtrack.bpf.c", "-o"])
        .arg(&object);
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => {
            println!("cargo::error=`{clang}` could not compile bpf/memtrack.bpf.c ({status})");
        }
        Err(err) => println!(
            "cargo::error=`{clang}` is needed to compile the kernel's part of codspeed-memtrack and could not be \
             started: {err}. Install it (`apt-get install clang`, or `cargo xtask setup`), or name one in CLANG."
        ),
    }
}
