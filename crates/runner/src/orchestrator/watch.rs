//! Accompanies a benchmark while it runs: serves its conversation and passes on what it says.

use std::{
    io,
    sync::mpsc,
    thread::{Builder, scope},
};

use system::orphans;

use super::RunError;
use crate::{
    event::RunEvent,
    process::{Child, Ended, Relayed, Signals, kill_descendants, relay},
    session::{Conversation, ServeError, Served, SessionRecord, serve},
    ui::Ui,
};

/// Accompanies the benchmark to its end, and ends what is left of it when it did not end by itself. All that it has said
/// is shown by then.
pub(super) fn watch(
    mut child: Child,
    conversation: Option<Conversation<'_>>,
    signals: &Signals,
    ui: &Ui,
) -> Result<Served, RunError> {
    orphans::adopt();
    let pipes = child.take_pipes();
    // Who draws on standard error by himself is not disturbed.
    let lent = (pipes.stderr.is_none() && ui.draws()).then(|| ui.lend());
    let (over, ended) = io::pipe().map_err(ServeError::Watch)?;
    let (tell, heard) = mpsc::channel();
    let outcome = scope(|scope| {
        // Threads of their own, so that nothing which is told to the user delays an answer.
        let relaying = Builder::new().name("output".to_owned()).spawn_scoped(scope, || {
            relay(pipes, &over, &|| ui.patience(), &mut |relayed| match relayed {
                Relayed::Lines(stream, bytes) => ui.event(&RunEvent::Output { stream, bytes }),
                Relayed::Silence => ui.turn(),
            })
        });
        let relaying = relaying.map_err(ServeError::Watch)?;
        let serving = Builder::new().name("session".to_owned()).spawn_scoped(scope, move || {
            let tell = |event| drop(tell.send(event));
            let outcome = serve(conversation, &mut child, signals, &tell);
            // Ends what is left of its group after an error.
            drop(child);
            outcome
        });
        let serving = serving.map_err(ServeError::Watch)?;
        for event in heard {
            ui.event(&event);
        }
        let outcome = serving.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if !outcome.as_ref().is_ok_and(went_well) {
            // What a benchmark leaves running on purpose is its own affair, if it succeeds.
            kill_descendants();
        }
        drop(ended);
        let relayed = relaying.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if let Err(err) = relayed {
            let text = format!("not all that the benchmark said could be read: {err}");
            ui.event(&RunEvent::warning(text));
        }
        outcome
    });
    drop(lent);
    Ok(outcome?)
}

/// It ended by itself, and is content.
pub(super) fn went_well(served: &Served) -> bool {
    !served.interrupted && served.ended == Ended::Code(0)
}

/// Says what was odd about a conversation.
pub(super) fn warn_of(record: &SessionRecord, ui: &Ui) {
    let SessionRecord { integration, pids: _, timestamps: _, unreadable, open_windows } = record;
    let who = integration.as_ref().map_or("the benchmark integration", |(name, _)| name.as_str());
    let counted = |count: u64, what: String| {
        if count > 0 {
            ui.event(&RunEvent::warning(what));
        }
    };
    counted(*unreadable, format!("{unreadable} messages of {who} could not be understood"));
    counted(*open_windows, format!("{who} began a measurement and did not finish it"));
}
