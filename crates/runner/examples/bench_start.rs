//! Measures the start-up time of `codspeed` and its siblings, compared with `/bin/true`, in turns.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints its figures and starts what it measures"
)]

use std::{
    error::Error,
    path::Path,
    process::{Command, Stdio},
};

use runner_shared::{
    clock::now,
    walltime::{quantile, sorted},
};

const RUNS: usize = 200;
const PROGRAMS: [&str; 3] = ["codspeed", "exec-harness", "codspeed-memtrack"];

fn main() -> Result<(), Box<dyn Error>> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).ok_or("no build folder")?;
    for program in PROGRAMS {
        let path = folder.join(program);
        let (mut ours, mut bare) = (Vec::with_capacity(RUNS), Vec::with_capacity(RUNS));
        for _ in 0..RUNS {
            ours.push(once(&path)?);
            bare.push(once(Path::new("/bin/true"))?);
        }
        let (ours, bare) = (quantile(&sorted(&ours), 0.5), quantile(&sorted(&bare), 0.5));
        println!("{program} --version\t{:.2}\tms\tmedian of {RUNS}, budget 5 ms", ours / 1e6);
        println!(
            "{program} --version\t{:.2}\tx\tof `/bin/true --version` ({:.2} ms)",
            ours / bare,
            bare / 1e6
        );
    }
    Ok(())
}

/// Nanoseconds from before the process exists until it has ended.
fn once(program: &Path) -> Result<u64, Box<dyn Error>> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null());
    let start = now();
    let status = command.status()?;
    let took = now().since(start);
    if !status.success() {
        return Err(format!("`{} --version` failed: {status}", program.display()).into());
    }
    Ok(took)
}
