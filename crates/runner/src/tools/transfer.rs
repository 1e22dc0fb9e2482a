//! Shows how far the network is.

use std::ops::ControlFlow;

use api::Step;

use crate::{error::chain, event::RunEvent, ui::Ui};

/// Shows a step of a transfer: how much of a file has come, or why it is tried again. Others are not shown.
pub(crate) fn tell(ui: &Ui, step: &Step<'_>) -> ControlFlow<()> {
    match step {
        Step::Received { bytes, total } => {
            ui.event(&RunEvent::Progress {
                label: "downloading".to_owned(),
                done: *bytes,
                total: *total,
            });
        }
        Step::Retry { error, pause } => {
            let why = chain(error);
            let text = format!("{why}; retrying in {:.1} s", pause.as_secs_f32());
            ui.event(&RunEvent::Step(text));
        }
        Step::Archived { .. }
        | Step::Token { .. }
        | Step::NoToken { .. }
        | Step::Tokenless { .. }
        | Step::Registered { .. }
        | Step::Sent { .. }
        | Step::Waiting { .. } => {}
    }
    ControlFlow::Continue(())
}
