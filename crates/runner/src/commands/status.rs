//! `codspeed status`: what each mode finds and lacks.

use super::{Context, outcome};
use crate::{
    error::{CliError, ExitKind},
    mode::status::{self, Lack, ModeStatus},
    tools,
};

/// Prints the state of all modes.
pub(crate) fn run(context: &Context) -> Result<ExitKind, CliError> {
    let mut lines = lines(&status::all(&context.env));
    if let Some(cache) = tools::cache(&context.env).filter(|cache| cache.is_dir()) {
        lines.push(format!("installed by `codspeed setup`: {}", cache.display()));
    }
    let text = lines.join("\n");
    context.ui.details(&text).map_err(|err| outcome::unwritten(&err))?;
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
