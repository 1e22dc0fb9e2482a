//! The end of a run that is remembered: its record is stored, and the user is told its name.

use store::{Filter, Record, RecordId, StoreError};

use super::{
    Context,
    kept::{self, Kept},
    remote,
};
use crate::{
    error::{CliError, chain},
    event::RunEvent,
    recording::Recording,
};

/// Stores the records of a run, and says what the last of them is called. Returns false if there was one that could not
/// be stored, which is said.
pub(super) fn keep(recordings: impl IntoIterator<Item = Recording>, context: &Context) -> bool {
    let mut last = None;
    let mut ids = Vec::new();
    for recording in recordings {
        // Where nothing was measured there is nothing to remember.
        let Some(record) = recording.finish(&context.env, &context.ui) else { continue };
        match store(&record, context) {
            Ok((id, has_others)) => {
                ids.push(id);
                last = Some((id, has_others));
            }
            Err(err) => {
                let text = format!("the run could not be recorded: {}", chain(&*err.source));
                let hint = Some("use `--no-store` to run without a record".to_owned());
                context.ui.event(&RunEvent::Warning { text, hint });
                return false;
            }
        }
    }
    context.recorded.set(last.map(|(id, _)| id));
    if let Some((id, has_others)) = last {
        let how = if has_others { " (compare with the last run: `codspeed compare`)" } else { "" };
        context.ui.event(&RunEvent::Step(format!("recorded as {}{how}", id.short())));
    }
    for id in &ids {
        context.ui.event(&RunEvent::Recorded { id: id.to_string() });
    }
    remote::share(&ids, context);
    true
}

/// Returns the name of the record, and whether there are others of its project.
fn store(record: &Record, context: &Context) -> Result<(RecordId, bool), CliError> {
    let Kept { store, .. } = kept::open_or_make(context)?;
    let before = Filter { newest: Some(1), ..Filter::of_project(&record.project) };
    let has_others = !store.entries(&before)?.is_empty();
    match store.add(record) {
        // One that is not listed is there, and found as soon as somebody looks.
        Ok(id) | Err(StoreError::Unlisted { id, .. }) => Ok((id, has_others)),
        Err(err) => Err(err.into()),
    }
}
