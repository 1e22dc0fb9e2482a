//! `cargo xtask setup`: says which tools are there, and installs the missing ones where that is possible.

use std::process::ExitCode;

use anyhow::Result;

use crate::say;
use crate::shell::{Cmd, cargo, find};
use crate::tools::{Source, TOOLS, Task, Tool};

/// The exit code for a missing tool, the same as the one of `codspeed`.
pub(crate) const MISSING: u8 = 3;

/// The command.
pub(crate) fn run(task: Option<Task>) -> ExitCode {
    if ensure(task) { ExitCode::SUCCESS } else { ExitCode::from(MISSING) }
}

/// Looks for what a command needs and installs what is missing. False when a required tool is still missing.
pub(crate) fn ensure(task: Option<Task>) -> bool {
    let concerned: Vec<&Tool> = TOOLS.iter().filter(|tool| tool.concerns(task)).collect();
    let (found, missing): (Vec<&Tool>, Vec<&Tool>) =
        concerned.iter().partition(|tool| tool.is_there());
    for tool in &found {
        say::note(&format!("setup: found    {:<18} {}", tool.name, tool.what_for));
    }
    for tool in &missing {
        say::note(&format!("setup: missing  {:<18} {}", tool.name, tool.what_for));
    }
    install(&missing);
    let (lost, new): (Vec<&Tool>, Vec<&Tool>) = missing.iter().partition(|tool| !tool.is_there());
    let (fatal, optional): (Vec<&Tool>, Vec<&Tool>) =
        lost.iter().partition(|tool| tool.is_required(task));
    for tool in &lost {
        let weight = if tool.is_required(task) { "required" } else { "optional" };
        say::note(&format!("setup: still missing: {} ({weight}); {}", tool.name, advice(tool)));
    }
    say::note(&format!(
        "setup: {} found, {} installed, {} missing, {} optional missing",
        found.len(),
        new.len(),
        fatal.len(),
        optional.len()
    ));
    fatal.is_empty()
}

/// Tries to install; whether it worked is seen by probing again.
fn install(missing: &[&Tool]) {
    if let Err(err) = apt(missing) {
        say::note(&format!("setup: {err:#}"));
    }
    for tool in missing {
        let cmd = match tool.source {
            Source::Apt(_) => continue,
            Source::Cargo(name) => cargo().args(["install", "--locked", name]),
            Source::Rustup(_) if find("rustup").is_none() => continue,
            Source::Rustup(component) => Cmd::new("rustup").args(["component", "add", component]),
        };
        if let Err(err) = cmd.run() {
            say::note(&format!("setup: {err:#}"));
        }
    }
}

/// The Debian packages of these tools.
fn packages(tools: &[&Tool]) -> Vec<&'static str> {
    let of = |tool: &&Tool| match tool.source {
        Source::Apt(names) => names,
        Source::Cargo(_) | Source::Rustup(_) => &[],
    };
    tools.iter().flat_map(of).copied().collect()
}

/// Installs the Debian packages of these tools, when this is Debian and we may.
fn apt(tools: &[&Tool]) -> Result<()> {
    let all = packages(tools);
    if all.is_empty() {
        return Ok(());
    }
    let Some(prefix) = root_prefix() else { return Ok(()) };
    if find("apt-get").is_none() {
        return Ok(());
    }
    let apt_get = |args: &[&str]| {
        let words =
            prefix.iter().chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]).chain(args);
        let mut words = words.copied();
        Cmd::new(words.next().unwrap_or("env")).args(words).run()
    };
    apt_get(&["update", "--quiet"])?;
    let install = |packages: &[&str]| {
        apt_get(&[&["install", "--quiet", "-y", "--no-install-recommends"], packages].concat())
    };
    let Err(err) = install(&all) else { return Ok(()) };
    say::note(&format!("setup: {err:#}; trying again, one package at a time"));
    // One package that this distribution doesn't have keeps all others from being installed.
    for packages in tools.iter().map(|tool| packages(&[tool])) {
        if !packages.is_empty()
            && let Err(err) = install(&packages)
        {
            say::note(&format!("setup: {err:#}"));
        }
    }
    Ok(())
}

/// Returns what to write before a command so that root runs it; none when we can't become root without a question.
fn root_prefix() -> Option<&'static [&'static str]> {
    if is_root() {
        return Some(&[]);
    }
    Cmd::new("sudo").args(["-n", "true"]).succeeds().then_some(&["sudo", "-n"])
}

/// Returns whether we run as root.
pub(crate) fn is_root() -> bool {
    Cmd::new("id").args(["-u"]).capture().is_ok_and(|id| id.trim() == "0")
}

/// Returns what a person can do when we can't.
fn advice(tool: &Tool) -> String {
    match tool.source {
        Source::Apt(names) => {
            format!("install these Debian packages, or those of your system: {}", names.join(" "))
        }
        Source::Cargo(name) => format!("run `cargo install --locked {name}`"),
        Source::Rustup(component) => {
            format!("run `rustup component add {component}`, or install your system's package")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_come_from_apt_rows_only() {
        let named = |name: &&Tool| ["cc", "cargo-nextest", "git"].contains(&name.name);
        let tools: Vec<&Tool> = TOOLS.iter().filter(named).collect();
        assert_eq!(packages(&tools), ["gcc", "libc6-dev", "git"]);
    }

    #[test]
    fn a_command_looks_only_at_its_own_tools() {
        let names = |task| {
            TOOLS
                .iter()
                .filter(|tool| tool.concerns(task))
                .map(|tool| tool.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(Some(Task::Lint)),
            ["cc", "clang", "libelf, zlib", "shellcheck", "git", "rustfmt", "clippy"]
        );
        assert_eq!(
            names(Some(Task::Bench)),
            ["cc", "clang", "libelf, zlib", "perf", "heaptrack", "hyperfine"]
        );
        assert_eq!(names(None).len(), TOOLS.len());
    }

    #[test]
    fn every_tool_has_a_user() {
        let idle = TOOLS.iter().find(|tool| tool.required_by.is_empty() && tool.used_by.is_empty());
        assert!(idle.is_none(), "{idle:?}");
    }
}
