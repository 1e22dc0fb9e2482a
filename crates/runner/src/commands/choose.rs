//! `codspeed use` and `codspeed show`: what this shell measures.

use system::lineage::ancestors;

use super::{Context, sources};
use crate::{
    cli::UseArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    settings::{
        shell_session::{SessionStore, Topic},
        user_config::DEFAULT,
    },
};

/// Remembers modes for this shell, or forgets them.
pub(crate) fn run(args: &UseArgs, context: &Context) -> Result<ExitKind, CliError> {
    let store = SessionStore::new(Topic::Modes, &context.env);
    let said = if args.clear {
        store.forget(&ancestors())?;
        "mode cleared for this shell".to_owned()
    } else {
        let (modes, _) = sources::modes(args.modes.clone(), context)?;
        let words: Vec<_> = modes.iter().map(|mode| mode.names().cli).collect();
        store.remember(&ancestors(), &words)?;
        format!("this shell uses {}", words.join(", "))
    };
    context.ui.event(&RunEvent::Step(said));
    Ok(ExitKind::Ok)
}

/// Shows what this shell uses.
pub(crate) fn show(context: &Context) -> Result<ExitKind, CliError> {
    let modes = sources::shell_modes(context)?;
    let modes: Vec<_> = modes.iter().map(|mode| mode.names().cli).collect();
    let modes = if modes.is_empty() { "not chosen".to_owned() } else { modes.join(", ") };
    let profile = sources::shell_profile(context)?;
    let profile = profile.as_deref().unwrap_or(DEFAULT);
    context.print(&format!("mode: {modes}\nprofile: {profile}"))?;
    Ok(ExitKind::Ok)
}
