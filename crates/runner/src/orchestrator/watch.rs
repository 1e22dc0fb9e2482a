//! Accompanies a benchmark while it runs: serves its conversation and passes on what it says.

use std::{
    io,
    sync::mpsc,
    thread::{Builder, scope},
};

use runner_shared::{
    bounds::{self, CONVERSATION_BYTES, Unit},
    text::processes,
};
use system::{orphans::Orphans, signals::Signals};

use super::RunError;
use crate::{
    event::RunEvent,
    process::{Child, Ended, Relayed, kill_descendants, left_running, relay},
    session::{Conversation, ServeError, Served, SessionRecord, serve},
    ui::Ui,
    workload::Workload,
};

/// Accompanies the benchmark to its end, and ends what is left of it when it did not end by itself, but nothing that ran
/// `before`. All that it has said is shown by then.
pub(super) fn watch(
    mut child: Child,
    before: &Orphans,
    conversation: Option<Conversation<'_>>,
    signals: &Signals,
    ui: &Ui,
) -> Result<Served, RunError> {
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
            kill_descendants(before);
        }
        drop(ended);
        let relayed = relaying.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if let Err(err) = relayed {
            let text = format!("the benchmark's output could not be read completely: {err}");
            ui.event(&RunEvent::warning(text));
        }
        outcome
    });
    drop(lent);
    // What it has left running goes on without us.
    signals.spare_descendants();
    Ok(outcome?)
}

/// It ended by itself, and is content.
pub(super) fn went_well(served: &Served) -> bool {
    !served.interrupted && served.ended == Ended::Code(0)
}

/// Notes what runs below us before a benchmark does: what a shell that became us had started, instruments, what an
/// earlier benchmark has left. Orphans become our children from now on.
pub(super) fn before() -> Orphans {
    let mut before = Orphans::adopt();
    before.note_descendants();
    before
}

/// Returns a warning about processes of a suite that go on without it; `consequence` is what they mean for the numbers. To
/// be asked when nothing that we have started beside the suite runs any more.
pub(super) fn left_by_suite(
    workload: &Workload,
    before: &Orphans,
    served: &Served,
    consequence: &str,
) -> Option<String> {
    match workload {
        Workload::Suite(_) if went_well(served) => {}
        // What else there was has been ended, and `exec-harness` speaks for itself.
        Workload::Suite(_) | Workload::Commands { .. } => return None,
    }
    let left = left_running(before);
    let names = processes(left.iter().map(|process| (process.pid.as_raw(), &*process.name)));
    match &left[..] {
        [] => None,
        [_] => Some(format!(
            "a process started by the suite was still running at its end and is left running: {names}; {consequence}"
        )),
        _ => Some(format!(
            "processes started by the suite were still running at its end and are left running: {names}; {consequence}"
        )),
    }
}

/// Says what was odd about a conversation.
pub(super) fn warn_of(record: &SessionRecord, ui: &Ui) {
    warn_of_messages(record, ui);
    let open = record.open_windows;
    warn_if(
        open,
        || format!("{} started a measurement and did not finish it", speaker(record)),
        ui,
    );
}

/// The same for a mode that speaks itself of measurements that were not finished.
pub(super) fn warn_of_messages(record: &SessionRecord, ui: &Ui) {
    let SessionRecord { unreadable, left_out, .. } = record;
    let who = || speaker(record);
    warn_if(
        *unreadable,
        || format!("{unreadable} messages of {} could not be understood", who()),
        ui,
    );
    let bound = bounds::shown(CONVERSATION_BYTES, Unit::Bytes);
    warn_if(
        *left_out,
        || {
            format!(
                "{} sent more than {bound} of names and rounds: the last {left_out} are dropped, so rounds and \
                    profiles of later benchmarks are missing",
                who()
            )
        },
        ui,
    );
}

fn speaker(record: &SessionRecord) -> &str {
    record.integration.as_ref().map_or("the benchmark integration", |(name, _)| name.as_str())
}

fn warn_if(count: u64, what: impl FnOnce() -> String, ui: &Ui) {
    if count > 0 {
        ui.event(&RunEvent::warning(what()));
    }
}
