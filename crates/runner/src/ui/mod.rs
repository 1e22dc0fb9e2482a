//! The only place that prints. One stream of events, several sinks: one for people, chosen once by where we are seen
//! ([`Surface`]), and beside it JSON lines, a log file and GitHub's page, where they are wanted.
//!
//! Outside of CI results go to standard output and everything else to standard error. The log of a CI provider is one
//! stream: standard output. Where standard output is kept for data ([`Claim`]), it gets nothing else, and people see all
//! of it on standard error; where the data are JSON lines, what the benchmark says on standard output is among them
//! instead.
//!
//! | to add | edit |
//! |---|---|
//! | something that users see | a variant of `RunEvent`; every sink then fails to compile until it shows it |
//! | a surface | a variant of [`Surface`], a file here, and its line in `people` |
//! | a secret | [`Ui::keep_secret`]: from then on no sink shows it |

mod buildkite;
mod escape;
mod farewell;
mod github;
mod gitlab;
mod hush;
mod json;
mod log_file;
mod open;
mod out;
mod panic;
mod plain;
mod redact;
mod report;
mod shown;
mod state;
mod style;
mod summary;
mod surface;
mod terminal;
#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api::Secret;
use results::{Report, TableStyle, Verdicts};
use runner_shared::{fault::causes, profile_dir::ProfileDir};
use store::gate::GateReport;

use crate::{
    env::Env,
    error::CliError,
    event::{Failure, Finished, RunEvent},
};
use shown::Shown;
use state::State;

pub(crate) use farewell::farewell;
pub(crate) use panic::report_panics;
pub(crate) use report::{export, export_bytes, export_measured, export_stacks, export_verdicts};
pub(crate) use surface::{Claim, Level, Screen, Surface};

/// The user. Any thread may tell something.
pub(crate) struct Ui {
    state: Mutex<State>,
}

/// Shows events to people.
trait Sink: Send {
    /// Shows it. Trouble only matters where it is about results.
    fn show(&mut self, shown: &Shown<'_>) -> io::Result<()>;

    /// Nothing has happened for a while.
    fn turn(&mut self) {}

    /// Returns how long a while is; `None` if nothing moves.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// Somebody else draws on standard error from now on, or does so no more.
    fn lend(&mut self, _lent: bool) {}

    /// It draws, so that only one program can draw at a time.
    fn draws(&self) -> bool {
        false
    }
}

impl Ui {
    /// Keeps all events until it is known where they are shown.
    pub(crate) fn early() -> Self {
        Self { state: Mutex::new(State::default()) }
    }

    /// Shows events from now on.
    pub(crate) fn new(env: &Env, screen: Screen) -> Self {
        let ui = Self::early();
        ui.open(env, screen);
        ui
    }

    /// Decides where events are shown, and shows those that were kept. Secrets of the environment are known from then
    /// on, also to these.
    pub(crate) fn open(&self, env: &Env, screen: Screen) {
        self.state().open(env, screen);
    }

    /// No sink may show the secrets of this environment from now on.
    pub(crate) fn keep_secrets_of(&self, env: &Env) {
        self.state().redactor.add_all(env);
    }

    /// The same for one text. One of less than four characters is no secret.
    pub(crate) fn keep_secret(&self, secret: Secret) {
        self.state().redactor.add(secret);
    }

    /// Returns whether there is anything to take out of texts.
    pub(crate) fn has_secrets(&self) -> bool {
        !self.state().redactor.is_empty()
    }

    /// Returns a text without secrets.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        self.state().redactor.text(text)
    }

    /// Returns the text of an export without secrets.
    pub(crate) fn masked(&self, bytes: &[u8]) -> Vec<u8> {
        self.state().redactor.export(bytes)
    }

    /// Something happened.
    pub(crate) fn event(&self, event: &RunEvent) {
        // Who does not take it does not need it; only results matter, and they have ways of their own.
        drop(self.state().event(event));
    }

    /// A failed command.
    pub(crate) fn error(&self, err: &CliError) {
        let causes = causes(&*err.source);
        let (what, hints) = (err.source.to_string(), err.hints.clone());
        self.event(&RunEvent::Error(Failure { what, causes, hints }));
    }

    /// The results of a mode.
    pub(crate) fn report(&self, results: &Report) -> io::Result<()> {
        let mut state = self.state();
        let finished = report::finished(results, open::resized(state.style, state.claim))?;
        state.event(&RunEvent::Report(Box::new(finished)))
    }

    /// Verdicts about benchmarks.
    pub(crate) fn verdicts(&self, found: &dyn Verdicts) -> io::Result<()> {
        let mut state = self.state();
        let finished = report::judged(found, open::resized(state.style, state.claim))?;
        state.event(&RunEvent::Report(Box::new(finished)))
    }

    /// The outcome of a gate.
    pub(crate) fn gated(&self, found: &GateReport) -> io::Result<()> {
        let mut state = self.state();
        let finished = report::gated(found, open::resized(state.style, state.claim));
        state.event(&RunEvent::Report(Box::new(finished)))
    }

    /// A table of stored runs, drawn for the terminal as it is now. What others have named in it steers no terminal.
    pub(crate) fn table(&self, draw: impl FnOnce(&TableStyle) -> String) -> io::Result<()> {
        let mut state = self.state();
        let table = draw(&open::resized(state.style, state.claim));
        state.event(&RunEvent::Report(Box::new(Finished { table, ..Finished::default() })))
    }

    /// Returns the columns of the terminal that shows results; `None` if they go elsewhere.
    pub(crate) fn width(&self) -> Option<u16> {
        let state = self.state();
        open::resized(state.style, state.claim).width
    }

    /// More about results, for reading.
    pub(crate) fn details(&self, text: &str) -> io::Result<()> {
        self.state().event(&RunEvent::Details(text.to_owned()))
    }

    /// Puts what happened so far into the folder.
    pub(crate) fn save_log(&self, folder: &ProfileDir) {
        self.state().save_log(folder);
    }

    /// Keeps back what is no news of one of many runs, until the result is dropped. Who wants to see all does.
    pub(crate) fn hush(&self) -> Hushed<'_> {
        self.state().begin_hush();
        Hushed(self)
    }

    /// Shows the output of the last run that was kept back.
    pub(crate) fn show_kept_output(&self) {
        drop(self.state().show_kept_output());
    }

    /// Somebody else draws on standard error until the result is dropped.
    pub(crate) fn lend(&self) -> Lent<'_> {
        self.state().lend(true);
        Lent(self)
    }

    /// We draw on standard error, so that others can't do so at the same time.
    pub(crate) fn draws(&self) -> bool {
        self.state().draws()
    }

    /// Nothing has happened for [`Self::patience`].
    pub(crate) fn turn(&self) {
        self.state().turn();
    }

    /// Returns when we want to be told that nothing happens; `None` if nothing moves.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.state().patience()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked while it told something has told it or not; nothing is half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of many runs goes on.
pub(crate) struct Hushed<'a>(&'a Ui);

impl Drop for Hushed<'_> {
    fn drop(&mut self) {
        self.0.state().hush.active = false;
    }
}

/// Standard error belongs to somebody else.
pub(crate) struct Lent<'a>(&'a Ui);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.state().lend(false);
    }
}
