//! Accompanies a benchmark while it runs.

use std::{sync::mpsc, thread};

use super::RunError;
use crate::{
    event::RunEvent,
    process::{Child, Ended, Signals, adopt_orphans, kill_descendants},
    session::{Conversation, Served, SessionRecord, serve},
    ui::Ui,
};

/// Accompanies the benchmark to its end, and ends what is left of it when it did not end by itself.
pub(super) fn watch(
    mut child: Child,
    conversation: Option<Conversation<'_>>,
    signals: &Signals,
    ui: &Ui,
) -> Result<Served, RunError> {
    adopt_orphans();
    let (tell, heard) = mpsc::channel();
    let outcome = thread::scope(|scope| {
        let child = &mut child;
        // A thread of its own, so that nothing which is told to the user delays an answer.
        let serving = scope.spawn(move || {
            let tell = |event| drop(tell.send(event));
            serve(conversation, child, signals, &tell)
        });
        for event in heard {
            ui.event(&event);
        }
        serving.join()
    });
    drop(child);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    let well = |served: &Served| !served.interrupted && served.ended == Ended::Code(0);
    if !outcome.as_ref().is_ok_and(well) {
        // What a benchmark leaves running on purpose is its own affair, if it succeeds.
        kill_descendants();
    }
    Ok(outcome?)
}

/// Says what was odd about a conversation.
pub(super) fn warn_of(record: &SessionRecord, ui: &Ui) {
    let SessionRecord { integration, pids: _, timestamps: _, unreadable, open_windows } = record;
    let who = integration.as_ref().map_or("the benchmark integration", |(name, _)| name.as_str());
    let counted = |count: u64, what: &str| {
        if count > 0 {
            ui.event(&RunEvent::Warning(what.to_owned()));
        }
    };
    counted(*unreadable, &format!("{unreadable} messages of {who} could not be understood"));
    counted(*open_windows, &format!("{who} began a measurement and did not finish it"));
}
