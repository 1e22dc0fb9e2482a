//! The loop that blocks on everything that can happen in a run: messages, the end of the
//! benchmark, signals. There is no time-out that a healthy run sits out, and no interval but that of a look at processes that
//! are stopped, of which nobody tells.

use std::{io, os::fd::AsFd};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::Signal,
};
use runner_shared::{
    artifact::Preemptions,
    clock::{Monotonic, now},
    fifo::{Command, FrameDecoder},
};
use system::{lineage::ticks_now, signals::Signals, stopped::Stopped};

use super::{
    beside::beside,
    clients::{Client, Speaker, speakers, unrelated},
    fifos::{Changes, FifoPair},
    journal::Journal,
    state::{Reaction, Refusal, Request, Session, SessionRecord},
    stop::Stop,
    switches::Switches,
    turns::{Opening, Turns},
};
use crate::{
    event::RunEvent,
    process::{Child, Children, Ended, Poll},
};

/// A client that has finished has this long to go before another one is refused. The shortest time that a client waits
/// for its answer is 1 s.
const PATIENCE_NS: u64 = 500_000_000;
/// While more answers than this wait for a reader, no further messages are taken.
const MOST_UNSENT: usize = 64 * 1024;

/// The profiler as the conversation sees it.
pub(crate) trait ProfilerControl: Send {
    /// Does what is asked and returns whether it worked. Must not take long: clients wait.
    fn ask(&mut self, request: Request) -> bool;

    /// A process of the benchmark named itself for the first time; it waits for its answer.
    fn meet(&mut self, _pid: i32) {}

    /// The benchmark has ended: there is nothing to record any more.
    fn ended(&mut self) {}
}

/// The parties of a conversation with the benchmark.
pub(crate) struct Conversation<'a> {
    /// The place where it speaks and listens.
    pub fifos: &'a mut FifoPair,
    /// The session that answers it.
    pub session: Session,
    /// The profiler that it may switch on and off.
    pub control: &'a mut dyn ProfilerControl,
    /// The place where it is kept while it goes on.
    pub journal: Journal,
    /// The watch over the threads that measure.
    pub switches: Switches,
}

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Served {
    /// The record of the conversation.
    pub record: SessionRecord,
    /// The times in which the threads that measured were disturbed.
    pub preemptions: Preemptions,
    /// The end of the benchmark.
    pub ended: Ended,
    /// The user ended it.
    pub interrupted: bool,
}

/// The reason why a run had to be given up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The integration can't be served.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The command was stopped by the system because it wants to use the terminal.
    #[error("the benchmark command tried to use the terminal ({0}), which is not allowed")]
    WantsTerminal(Signal),
    /// Waiting failed.
    #[error("could not watch the benchmark")]
    Watch(#[from] io::Error),
}

/// Serves the conversation, if there is one, until the benchmark has ended. Sends what the user should know through
/// `tell`. Dropping `child` afterwards ends what is left of its group after an error.
pub(crate) fn serve(
    conversation: Option<Conversation<'_>>,
    child: &mut Child,
    signals: &Signals,
    tell: &dyn Fn(RunEvent),
) -> Result<Served, ServeError> {
    serve_with(PATIENCE_NS, conversation, child, signals, tell)
}

/// [`serve`] with another time, in nanoseconds, that a finished client has to go before another one is refused.
fn serve_with(
    patience: u64,
    conversation: Option<Conversation<'_>>,
    child: &mut Child,
    signals: &Signals,
    tell: &dyn Fn(RunEvent),
) -> Result<Served, ServeError> {
    let mut talk = conversation.map(|conversation| Talk::begin(conversation, patience, tell));
    let children = Children::listen()?;
    let (mut stop, mut stopped) = (Stop::new(signals), Stopped::default());
    loop {
        let deadlines = stop.deadline.into_iter().chain([stopped.next()]);
        let ready = wait(talk.as_ref(), child, (signals, &children), deadlines)?;
        stopped.look().into_iter().for_each(|text| tell(RunEvent::warning(text)));
        if let Some(talk) = &mut talk {
            if ready.answers {
                talk.send()?;
            }
            if ready.switches {
                talk.switches.gather();
            }
            if ready.messages || ready.changed {
                talk.take(ready.changed)?;
            }
            talk.lose_patience()?;
        }
        while let Some(heard) = ready.signals.then(|| signals.next()).flatten() {
            stop.request(child, heard, tell);
        }
        stop.look_at_the_clock(child, tell);
        let refusal = talk.as_ref().and_then(|talk| talk.session.refusal());
        if refusal.is_some() {
            stop.refuse(child);
        }
        if !(ready.ended || children.have_changed()) {
            continue;
        }
        child.collect_orphans();
        match child.poll()? {
            Poll::Runs => {}
            Poll::WantsTerminal(signal) => return Err(ServeError::WantsTerminal(signal)),
            Poll::Ended(ended) => {
                if let Some(refusal) = refusal {
                    return Err(refusal.clone().into());
                }
                let requested = stop.end();
                // The last words may still be in the FIFO.
                if let Some(talk) = &mut talk {
                    talk.take(true)?;
                    // Those who were there at the same time are gone; none of them began to measure.
                    talk.overlap = None;
                    talk.take(true)?;
                    talk.control.ended();
                }
                let finish = |talk: Talk<'_>| (talk.session.finish(), talk.switches.finish());
                let (record, preemptions) = talk.map(finish).unwrap_or_default();
                return Ok(Served { record, preemptions, ended, interrupted: requested });
            }
        }
    }
}

/// The next thing to do.
#[expect(clippy::struct_excessive_bools, reason = "each is a descriptor that is ready or not")]
struct Ready {
    ended: bool,
    signals: bool,
    messages: bool,
    answers: bool,
    changed: bool,
    switches: bool,
}

fn wait(
    talk: Option<&Talk<'_>>,
    child: &Child,
    (signals, children): (&Signals, &Children),
    deadlines: impl Iterator<Item = Monotonic>,
) -> io::Result<Ready> {
    let patience = talk.and_then(|talk| talk.overlap);
    let timeout = deadlines.chain(patience).min().map_or(PollTimeout::NONE, |until| {
        let millis = until.since(now()).div_ceil(1_000_000);
        PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
    });
    let mut watched = vec![
        PollFd::new(child.as_fd(), PollFlags::POLLIN),
        PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        PollFd::new(children.as_fd(), PollFlags::POLLIN),
    ];
    if let Some(talk) = talk {
        let when = |wanted, flags| if wanted { flags } else { PollFlags::empty() };
        let listen = talk.unsent.len() < MOST_UNSENT && talk.overlap.is_none();
        let speak = !talk.unsent.is_empty();
        watched.push(PollFd::new(talk.fifos.ack(), when(speak, PollFlags::POLLOUT)));
        watched.push(PollFd::new(talk.fifos.ctl(), when(listen, PollFlags::POLLIN)));
        watched.extend(talk.fifos.changed().map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
    }
    let others = watched.len();
    watched.extend(talk.into_iter().flat_map(|talk| talk.switches.full()));
    match poll(&mut watched, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let is_ready = |fd: &PollFd<'_>| fd.any().unwrap_or(false);
    let switches = watched.iter().skip(others).any(is_ready);
    let mut ready = watched.iter().take(others).map(is_ready);
    let mut next = || ready.next().unwrap_or(false);
    // In the order in which they were added.
    let (ended, signals, _child) = (next(), next(), next());
    let (answers, messages, changed) = (next(), next(), next());
    Ok(Ready { ended, signals, messages, answers, changed, switches })
}

/// The conversation and its bytes.
struct Talk<'a> {
    fifos: &'a mut FifoPair,
    session: Session,
    control: &'a mut dyn ProfilerControl,
    journal: Journal,
    switches: Switches,
    decoder: FrameDecoder,
    /// Answers that the FIFO had no room for.
    unsent: Vec<u8>,
    turns: Turns,
    /// Those who could speak when the last window was opened.
    opened_by: Vec<Speaker>,
    /// The time until which two clients that don't take turns may both be there; nobody is answered meanwhile.
    overlap: Option<Monotonic>,
    /// Nanoseconds from the coming of the second one to the end of that time.
    patience: u64,
    tell: &'a dyn Fn(RunEvent),
}

impl<'a> Talk<'a> {
    fn begin<'b: 'a>(
        conversation: Conversation<'b>,
        patience: u64,
        tell: &'a dyn Fn(RunEvent),
    ) -> Self {
        let Conversation { fifos, session, control, journal, switches } = conversation;
        Self {
            fifos,
            session,
            control,
            journal,
            switches,
            decoder: FrameDecoder::default(),
            unsent: Vec::new(),
            turns: Turns::default(),
            opened_by: Vec::new(),
            overlap: None,
            patience,
            tell,
        }
    }

    /// Takes what has arrived and answers it. With `all` also looks for clients that are gone, and
    /// doesn't stop before the FIFO is empty.
    fn take(&mut self, all: bool) -> io::Result<()> {
        let mut chunk = [0; 16 * 1024];
        let mut gone = all && self.notice_changes();
        self.answer()?;
        while self.unsent.len() < MOST_UNSENT && self.overlap.is_none() {
            let Some(len) = self.fifos.read(&mut chunk)? else {
                // What a client wrote before it was gone was there to be read.
                if gone && self.decoder.reset() > 0 && self.session.refusal().is_none() {
                    let text = "a benchmark process ended in the middle of a message";
                    (self.tell)(RunEvent::warning(text));
                }
                return Ok(());
            };
            // Before answering: what is taken back must never be the answer to the successor of
            // the client that is gone.
            gone |= self.notice_changes();
            self.decoder.push(chunk.get(..len).unwrap_or_default());
            self.answer()?;
            if len < chunk.len() && !all && !gone {
                // That was all; if not, we are told again.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes back the answers that a client left unread when it closed its side: the next client
    /// would take them for its own. Looks at the clients anew when one has come, or when one may have gone that others
    /// wait for. Returns whether a client will say no more.
    fn notice_changes(&mut self) -> bool {
        let Changes { opened, closed } = self.fifos.take_changes();
        if closed.ack {
            self.unsent.clear();
            self.fifos.drain_answers();
        }
        if opened || (closed.ctl && self.overlap.is_some()) {
            self.look_at_clients();
        }
        closed.ctl
    }

    /// Begins to wait if two clients are there that don't take turns, and ends that when they are not.
    fn look_at_clients(&mut self) -> Option<[Client; 2]> {
        let mut connected = speakers(self.fifos.identity());
        connected.retain(|speaker| speaker.opened);
        let busy = |speaker: &&Speaker| speaker.client.tool.is_some_and(|tool| tool.main_is_busy);
        if self.session.counts_all_processes()
            && let Some(Speaker { client, .. }) = connected.iter().find(busy)
        {
            self.session.refuse(Refusal::BusyMain { client: client.clone() });
        }
        let pair = unrelated(&connected).map(named);
        let until = self.overlap.unwrap_or_else(|| now().plus(self.patience));
        self.overlap = pair.is_some().then_some(until);
        pair
    }

    /// Refuses two clients that are both still there after the time they had.
    fn lose_patience(&mut self) -> io::Result<()> {
        if self.overlap.is_some_and(|until| now() >= until) {
            match self.look_at_clients() {
                Some(pair) => {
                    self.overlap = None;
                    self.session.refuse(Refusal::Overlap { pair: Box::new(pair) });
                }
                None => self.take(true)?,
            }
        }
        Ok(())
    }

    /// Answers all complete frames: one write for the answers to what came in one piece.
    fn answer(&mut self) -> io::Result<()> {
        while self.overlap.is_none() {
            let reaction = match self.decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(payload)) => self.session.frame(payload, now()),
                Err(err) => self.session.unreadable(err),
            };
            if let Some(pid) = self.session.newcomer() {
                self.control.meet(pid);
            }
            let clash = self.session.clash().map(|pids| pids.map(Client::of));
            let all = || speakers(self.fifos.identity());
            let claim = self.session.claim();
            if let Some(record) = self.session.closed().filter(|_| claim.is_some()) {
                self.journal.add(record);
            }
            let late = claim.and_then(|pid| self.turns.claims(pid, all));
            // What nobody can read, or comes out of order, may be what two processes say at the same time.
            let is_odd = reaction == Reaction::Reply(Command::Err) || self.session.is_untimely();
            let all = if is_odd { all() } else { Vec::new() };
            let mixed = unrelated(&all).map(named);
            self.refuse_overlap(clash.or(late).or(mixed));
            let answer = match reaction {
                Reaction::Reply(answer) => answer,
                Reaction::Ask(request) => self.resolve(request),
            };
            self.unsent.extend(answer.encode());
        }
        self.send()
    }

    /// Has the profiler do what is asked, and keeps in mind whose turn it is.
    fn resolve(&mut self, request: Request) -> Command {
        if request == Request::Enable {
            self.opened_by = speakers(self.fifos.identity());
            match self.turns.opens(self.opened_by.clone()) {
                Opening::Fine => {}
                Opening::Overlap(pair) => self.refuse_overlap(Some(pair)),
                Opening::Abandoned => {
                    self.control.ask(Request::Disable);
                    self.switches.abandon();
                    self.session.abandon();
                }
            }
        }
        let worked = self.control.ask(request);
        if request == Request::Disable {
            self.switches.close();
            self.turns.closes(ticks_now());
            self.look_beside();
        }
        let answer = self.session.resolved(request, worked, now());
        if request == Request::Enable {
            self.look_beside();
            // Last of all: what follows is the benchmark. The harness itself knows when its commands are disturbed.
            if !self.session.is_of_harness() {
                self.switches.open(&self.opened_by);
            }
        }
        answer
    }

    /// Keeps in mind who runs beside the client of the open window, if they count in it.
    fn look_beside(&mut self) {
        if self.session.counts_all_processes() {
            self.session.runs_beside(beside(&self.opened_by));
        }
    }

    fn refuse_overlap(&mut self, pair: Option<[Client; 2]>) {
        if let Some(pair) = pair {
            self.session.refuse(Refusal::Overlap { pair: Box::new(pair) });
        }
    }

    fn send(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.fifos.write(&self.unsent)? {
                0 => break,
                len => drop(self.unsent.drain(..len)),
            }
        }
        Ok(())
    }
}

fn named(pair: [&Speaker; 2]) -> [Client; 2] {
    pair.map(|speaker| speaker.client.clone())
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
