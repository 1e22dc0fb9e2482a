//! The end of a run that is remembered: its record is stored, and the user is told its name.

use store::{Record, RecordId, Store, StoreError};

use super::{
    Context,
    kept::{self, ELSEWHERE, Kept},
    remote,
    shares::Loaded,
    sides::has_before,
};
use crate::{
    error::{CliError, chain},
    event::RunEvent,
    recording::Recording,
};

/// A record that was just stored, and its store: who goes on with it need not open that again.
pub(crate) struct Recorded {
    pub(super) id: RecordId,
    /// The one that was stored before it, of a command that makes two: the base.
    pub(super) before: Option<RecordId>,
    pub(super) kept: Kept,
}

/// Stores the records of a run, and says what the last of them is called. Returns false if there was one that could not
/// be stored, which is said; the others are stored, named and shared all the same.
pub(super) fn keep(recordings: impl IntoIterator<Item = Recording>, context: &Context) -> bool {
    // Where nothing was measured there is nothing to remember.
    let records = recordings.into_iter().filter_map(|it| it.finish(&context.env, &context.ui));
    let records: Vec<Record> = records.collect();
    if records.is_empty() {
        return true;
    }
    let kept = match kept::open_or_make(context) {
        Ok(kept) => kept,
        Err(err) => {
            tell_fault(&err, context);
            return false;
        }
    };
    let Stored { runs, faults } = Stored::of(records, |record| Ok(add(&kept.store, record)?));
    for err in &faults {
        tell_fault(err, context);
    }
    if let Some(last) = runs.last() {
        let is_hinted = has_before(&kept, last).unwrap_or_default();
        let how = if is_hinted { " (compare with the last run: `codspeed compare`)" } else { "" };
        context.ui.event(&RunEvent::Step(format!("recorded as {}{how}", last.0.short())));
    }
    let ids: Vec<RecordId> = runs.iter().map(|(id, _)| *id).collect();
    for id in &ids {
        context.ui.event(&RunEvent::Recorded { id: id.to_string() });
    }
    remote::share(&kept, &ids, context);
    let before = ids.iter().rev().nth(1).copied();
    context.recorded.replace(ids.last().map(|id| Recorded { id: *id, before, kept }));
    faults.is_empty()
}

fn tell_fault(err: &CliError, context: &Context) {
    let text = format!("the run could not be recorded: {}", chain(&*err.source));
    let hint = Some(format!("{ELSEWHERE}; `--no-store` runs without a record"));
    context.ui.event(&RunEvent::Warning { text, hint });
}

/// The outcome of storing records.
#[derive(Debug)]
struct Stored {
    /// Those that were stored, with their names.
    runs: Vec<Loaded>,
    /// The reasons why others could not be.
    faults: Vec<CliError>,
}

impl Stored {
    /// Stores each of the records: one that can't be stored keeps no other one from being.
    fn of(
        records: Vec<Record>,
        mut store: impl FnMut(&Record) -> Result<RecordId, CliError>,
    ) -> Self {
        let mut all = Self { runs: Vec::new(), faults: Vec::new() };
        for record in records {
            match store(&record) {
                Ok(id) => all.runs.push((id, record)),
                Err(err) => all.faults.push(err),
            }
        }
        all
    }
}

/// Stores a record and returns its name.
pub(super) fn add(store: &Store, record: &Record) -> Result<RecordId, StoreError> {
    match store.add(record) {
        // It is there, and found as soon as somebody looks.
        Err(StoreError::Unlisted { id, .. }) => Ok(id),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ExitKind;

    #[test]
    fn one_that_cannot_be_stored_keeps_no_other_out() {
        let id = |number: u64| RecordId::of(&number.to_le_bytes());
        let of = |numbers: &[u64]| {
            let records = numbers.iter().map(|of| Record { time_ms: *of, ..Record::default() });
            let stored = Stored::of(records.collect(), |record| match record.time_ms {
                0 => Err(CliError::new(ExitKind::Failed, "the disk is full")),
                number => Ok(id(number)),
            });
            let ids: Vec<RecordId> = stored.runs.iter().map(|(id, _)| *id).collect();
            (ids, stored.faults.len())
        };
        assert_eq!(of(&[2, 0]), (vec![id(2)], 1));
        assert_eq!(of(&[0, 1]), (vec![id(1)], 1));
        assert_eq!(of(&[2, 1]), (vec![id(2), id(1)], 0));
        assert_eq!(of(&[0]), (vec![], 1));
    }
}
