//! Compiles `bpf/memtrack.bpf.c` with clang. Needs no kernel headers and no network.

use std::{env, error::Error, fs, path::Path, process::Command};

use crate::stack::{self, Depth};

const OBJECT: &str = "memtrack.bpf.o";

/// Leaves `memtrack.bpf.o` in the folder.
#[expect(
    clippy::disallowed_methods,
    reason = "a build script is told by its environment, and starts a compiler"
)]
pub(crate) fn build(folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=bpf");
    println!("cargo::rerun-if-env-changed=CLANG");
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    let target = env::var("CARGO_CFG_TARGET_ARCH")?.to_uppercase();
    let mut command = Command::new(&clang);
    command.args(["-target", "bpf", "-O2", "-g", "-Wall", "-Werror", "-mcpu=v3"]);
    // The kernel's messages name lines of the source; where it lay on this machine says nothing.
    command.arg(format!("-ffile-prefix-map={}=.", env::var("CARGO_MANIFEST_DIR")?));
    command.arg("-I").arg(folder).arg(format!("-DTARGET_{target}")).args([
        "-c",
        "bpf/memtrack.bpf.c",
        "-o",
    ]);
    let status = command.arg(folder.join(OBJECT)).status().map_err(|err| {
        format!(
            "memtrack needs clang to build its BPF program (on Debian, run `apt-get install clang`; set CLANG to use \
             another one): {err}"
        )
    })?;
    if !status.success() {
        return Err(format!("`{command:?}` failed ({status}); see above").into());
    }
    Ok(())
}

/// Fails if a program of the object has more stack than it may have; see `stack.rs`.
#[expect(clippy::disallowed_methods, reason = "a build script reads what it has just made")]
pub(crate) fn check(folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build");
    let depths = stack::depths(&fs::read(folder.join(OBJECT))?)?;
    let most = stack::LIMIT;
    match depths.iter().find(|depth| depth.deepest >= most) {
        Some(Depth { program, deepest, .. }) => Err(format!(
            "the BPF program `{program}` needs {deepest} bytes of stack, and must need less than {most}: with \
             more, threads that preempt each other overwrite each other's stack"
        )
        .into()),
        None if depths.is_empty() => Err("no BPF program was built".into()),
        None => Ok(()),
    }
}
