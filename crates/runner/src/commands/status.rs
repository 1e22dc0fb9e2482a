//! `codspeed status`: what each mode finds and lacks, and what the machine is.

use super::{Context, outcome};
use crate::{
    error::{CliError, ExitKind},
    host::{self, Support},
    mode::status::{self, Lack, ModeStatus},
    tools, ui,
};

/// Prints the state of all modes and of the machine.
pub(crate) fn run(context: &Context) -> Result<ExitKind, CliError> {
    let mut lines = lines(&status::all(&context.env));
    if let Some(cache) = tools::cache(&context.env).filter(|cache| cache.is_dir()) {
        lines.push(format!("installed by `codspeed setup`: {}", cache.display()));
    }
    lines.extend(machine());
    let text = lines.join("\n");
    ui::verdict(&text).map_err(|err| outcome::unwritten(&err))?;
    Ok(ExitKind::Ok)
}

fn lines(modes: &[ModeStatus]) -> Vec<String> {
    let mut lines = Vec::new();
    for ModeStatus { mode, ready, found, lacks } in modes {
        let state = if *ready { "ready" } else { "not ready" };
        lines.push(format!("{mode}: {state}"));
        lines.extend(found.iter().map(|what| format!("  {what}")));
        for Lack { what, fix } in lacks {
            lines.push(format!("  lacks {what}"));
            lines.extend(fix.iter().map(|fix| format!("    -> {fix}")));
        }
    }
    lines
}

/// What this machine is, and how well it is known.
fn machine() -> Vec<String> {
    let host = host::read();
    let (os, version, arch, cores) = (&host.os, &host.os_version, &host.arch, host.cpu.cores);
    let mut lines = vec![
        format!("system: {os} {version}, {arch}"),
        format!("  {}, {cores} cores, {} GiB", host.cpu.brand, host.memory_gib),
    ];
    lines.extend(match host::support(&host) {
        Support::Full => None,
        Support::BestEffort => Some("  not among the tried systems; most things work".to_owned()),
        Support::None => Some(format!("  lacks instruments that know {arch}")),
    });
    lines
}
