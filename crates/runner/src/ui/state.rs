//! Distributes events: secrets are taken out, then every sink that wants it gets it.

use std::{borrow::Cow, fs::File, io, time::Duration};

use results::TableStyle;
use runner_shared::{
    fault::{Attempt, explain},
    profile_dir::{LOG, ProfileDir},
    text::{lines, shown},
};

use super::{
    Screen,
    hush::Hush,
    json::Json,
    log_file::LogFile,
    open::{self, People, Stdio},
    redact::Redactor,
    shown::{Shown, is_group, level},
    summary::Summary,
    surface::{Claim, Level},
};
use crate::{
    env::Env,
    event::{RunEvent, Stream},
};

/// All sinks.
#[derive(Default)]
pub(super) struct State {
    pub redactor: Redactor,
    /// The way in which tables are made.
    pub style: TableStyle,
    /// The data that standard output is kept for.
    pub claim: Claim,
    /// Events from before it was known where to show them.
    early: Vec<RunEvent>,
    people: Option<People>,
    pub json: Option<Json<Stdio>>,
    pub log: Option<LogFile<File>>,
    /// Something could not be written to the log, which was said.
    log_has_gaps: bool,
    summary: Option<Summary>,
    /// Ends of output in which a secret may begin.
    begun: [Vec<u8>; 2],
    /// Many runs, of which only what is new is shown.
    pub hush: Hush,
    /// All that a benchmark says is wanted.
    full_output: bool,
}

impl State {
    pub(super) fn open(&mut self, env: &Env, screen: Screen) {
        self.redactor.add_all(env);
        self.style = open::table_style(env, screen);
        self.claim = screen.claim;
        self.full_output = screen.full_output;
        self.json = open::json(screen);
        self.summary = open::summary(env, screen);
        match open::log(env, screen) {
            Ok(log) => self.log = log,
            Err(err) => {
                let text = format!("no {} will be written: {err}", LOG.path);
                self.early.push(RunEvent::warning(text));
            }
        }
        self.watch(open::people(env, screen));
    }

    /// Now there is somebody to see what happened so far.
    pub(super) fn watch(&mut self, people: People) {
        self.people = Some(people);
        for event in std::mem::take(&mut self.early) {
            drop(self.event(&event));
        }
    }

    /// Shows the event. Fails if people don't get it.
    pub(super) fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        if self.people.is_none() {
            self.early.push(event.clone());
            return Ok(());
        }
        if self.hush.keeps(event) {
            return Ok(());
        }
        if matches!(event, RunEvent::GroupEnd { .. }) {
            self.finish_output()?;
        }
        let clean = if let RunEvent::Output { stream, bytes } = event {
            self.clean(*stream, bytes)
        } else {
            self.redactor.event(event)
        };
        self.tell(&clean)
    }

    fn tell(&mut self, event: &RunEvent) -> io::Result<()> {
        let told = match &mut self.json {
            // It has an escape for everything.
            Some(json) => json.on(event),
            None => Ok(()),
        };
        // The border for what others have named or written: from here on nothing steers a terminal.
        let is_theirs = matches!(event, RunEvent::Output { .. } | RunEvent::Report(_));
        let safe =
            if is_theirs { Cow::Borrowed(event) } else { Cow::Owned(event.with_texts(&lines)) };
        let event = &*safe;
        let logged = self.log.as_mut().map_or(Ok(()), |log| log.on(event));
        if let (Err(err), false) = (logged, self.log_has_gaps) {
            // One such warning is enough, also if it is what fails.
            self.log_has_gaps = true;
            let text = format!("{} is incomplete: {}", LOG.path, explain(&err, Attempt::Write));
            drop(self.tell(&RunEvent::warning(text)));
        }
        // It is among the lines, which have standard output for themselves.
        let is_told =
            self.json.is_some() && matches!(event, RunEvent::Output { stream: Stream::Stdout, .. });
        let shown = match &mut self.people {
            Some(_) if is_told => Ok(()),
            Some(people) if level(event) <= people.level || (people.is_log && is_group(event)) => {
                people.sink.show(&Shown::of(event))
            }
            Some(_) | None => Ok(()),
        };
        if let (RunEvent::Report(finished), Some(summary)) = (event, &mut self.summary)
            && !finished.markdown.is_empty()
            && let Err(err) = summary.add(&finished.markdown)
        {
            let text = format!(
                "could not write the job summary `{}`: {}",
                summary.path(),
                explain(&err, Attempt::Write)
            );
            // One such warning is enough.
            self.summary = None;
            drop(self.tell(&RunEvent::warning(text)));
        }
        told.and(shown)
    }

    /// Output without secrets. An end in which one may begin is kept until more comes.
    fn clean(&mut self, stream: Stream, bytes: &[u8]) -> RunEvent {
        let place = match stream {
            Stream::Stdout => 0,
            Stream::Stderr => 1,
        };
        let mut all = self.begun.get_mut(place).map(std::mem::take).unwrap_or_default();
        all.extend_from_slice(bytes);
        let begun = all.split_off(all.len() - self.redactor.begun(&all));
        if let Some(kept) = self.begun.get_mut(place) {
            *kept = begun;
        }
        RunEvent::Output { stream, bytes: self.redactor.bytes(&all).into_owned() }
    }

    /// No more comes.
    fn finish_output(&mut self) -> io::Result<()> {
        let [stdout, stderr] = std::mem::take(&mut self.begun);
        for (stream, bytes) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            if !bytes.is_empty() {
                self.tell(&RunEvent::Output { stream, bytes })?;
            }
        }
        Ok(())
    }

    pub(super) fn save_log(&mut self, folder: &ProfileDir) {
        let Some(log) = &mut self.log else { return };
        if let Err(err) = log.save(folder) {
            let text = format!(
                "could not write `{}`: {}",
                shown(&folder.file(&LOG)),
                explain(&err, Attempt::Write)
            );
            drop(self.event(&RunEvent::warning(text)));
        }
    }

    /// One of many runs begins.
    pub(super) fn begin_hush(&mut self) {
        let sees_all = self.people.as_ref().is_some_and(|people| people.level >= Level::Debug);
        if !sees_all && !self.full_output {
            self.hush.begin();
        }
    }

    pub(super) fn show_kept_output(&mut self) -> io::Result<()> {
        let kept = self.hush.take_output();
        kept.iter().try_for_each(|event| self.event(event))
    }

    pub(super) fn lend(&mut self, lent: bool) {
        if let Some(people) = &mut self.people {
            people.sink.lend(lent);
        }
    }

    pub(super) fn draws(&self) -> bool {
        self.people.as_ref().is_some_and(|people| people.sink.draws())
    }

    pub(super) fn turn(&mut self) {
        if let Some(people) = &mut self.people {
            people.sink.turn();
        }
    }

    pub(super) fn patience(&self) -> Option<Duration> {
        self.people.as_ref().and_then(|people| people.sink.patience())
    }
}

impl Drop for State {
    /// Returns what nobody has seen yet is seen now.
    fn drop(&mut self) {
        if !self.early.is_empty() && self.people.is_none() {
            self.open(&Env::default(), open::fallback());
        }
        drop(self.finish_output());
        if let Some(json) = &mut self.json {
            drop(json.finish());
        }
    }
}
