//! `codspeed store push` and `pull`: runs are exchanged with a store that machines share; `codspeed merge` makes one
//! run of its shards.

use std::time::Duration;

use runner_shared::{env_names, text::count};
use serde_json::json;
use store::{
    Depth, Entry, Filter, Imported, Look, NotShards, Patience, Present, Purpose, Pushed, Record,
    RecordId, SharedStore, configures_shared_store, merge,
};

use super::{
    Context,
    kept::{self, Elsewhere, Kept, MOST_LISTED, MOST_SEARCHED, More},
};
use crate::{
    cli::{MergeArgs, StorePullArgs, StorePushArgs, ago},
    error::{CliError, ExitKind, chain},
    event::RunEvent,
};

/// So many runs are exchanged in a moment; of more it is said how far that is.
const MOMENT: usize = 200;
/// Runs of the project that are fetched before any are named: those that are looked at, and some that are newer than
/// the one that is compared.
pub(super) const NEWEST: Depth = Depth::Newest(MOST_LISTED + 100);
/// All shards of a CI run begin within this time.
const LONGEST_MATRIX_MS: u64 = 7 * 24 * 3600 * 1000;
/// The time that sending may add to a run whose user did not ask for it.
const AUTOMATIC: Duration = Duration::from_secs(15);

/// The way to mend an object that is no run any more.
const REPLACE: &str =
    "a machine that has the run replaces a damaged object by `codspeed store push --repair`";

/// Adds runs to the shared store.
pub(super) fn push(args: &StorePushArgs, context: &Context) -> Result<ExitKind, CliError> {
    let shared = open(args.remote.as_deref(), (Purpose::Write, Patience::Long), context)?;
    let kept = kept::open(context)?;
    let entries = if args.runs.is_empty() {
        kept.store.entries(&args.filter.resolve(&kept.project))?
    } else {
        kept.select_all(&args.runs, context)?
    };
    let ids: Vec<RecordId> = entries.iter().map(|entry| entry.id).collect();
    let (present, verb) =
        if args.repair { (Present::Verify, "checked") } else { (Present::Believe, "sent") };
    let mut told = Told::new(verb, context);
    let tell = &mut |done| told.tell(done, ids.len());
    let pushed = kept.store.push(&shared, &ids, present, tell)?;
    for err in &pushed.unreadable {
        context.ui.event(&RunEvent::warning(chain(err)));
    }
    for err in &pushed.unverified {
        context.ui.event(&RunEvent::warning(chain(err)));
    }
    let Pushed { added, replaced, unreadable, unverified } = pushed;
    let (unreadable, unverified) = (unreadable.len(), unverified.len());
    let known = ids.len() - added - replaced - unreadable - unverified;
    if args.json {
        context.print_json(&json!({ "added": added, "known": known, "replaced": replaced }))?;
    } else {
        let mut text = format!("sent to {}: {}", shared.address(), amount(added));
        if known > 0 {
            text = format!("{text}; there before: {known}");
        }
        if replaced > 0 {
            text = format!("{text}; replaced, because damaged there: {replaced}");
        }
        context.print(&text)?;
    }
    if unreadable > 0 {
        let what = format!("{} could not be read here; all others are sent", amount(unreadable));
        let hint = "run `codspeed store check` to see why";
        return Err(CliError::new(ExitKind::Failed, what).hint(hint));
    }
    if unverified > 0 {
        let what = format!("{} could not be checked; all others are sound", amount(unverified));
        let hint = "the warnings say why; run the command again if that passes by itself";
        return Err(CliError::new(ExitKind::Failed, what).hint(hint));
    }
    Ok(ExitKind::Ok)
}

/// Gets runs of the shared store.
pub(super) fn pull(args: &StorePullArgs, context: &Context) -> Result<ExitKind, CliError> {
    let shared = open(args.remote.as_deref(), (Purpose::Read, Patience::Long), context)?;
    let kept = kept::open_or_make(context)?;
    let mut told = Told::new("fetched", context);
    let tell = &mut |done, of| told.tell(done, of);
    let mut found = Imported::default();
    let pulled = kept.store.pull(&shared, args.since.map(ago), &mut found, tell);
    tell_refused(&found, context);
    pulled.inspect_err(|_| {
        if !found.added.is_empty() {
            let text = format!("{} fetched before that are stored", amount(found.added.len()));
            context.ui.event(&RunEvent::Step(text));
        }
    })?;
    let (added, refused) = (found.added.len(), found.all_refused);
    if args.json {
        context.print_json(&json!({ "added": added, "refused": refused }))?;
    } else {
        context.print(&format!("fetched from {}: {}", shared.address(), amount(added)))?;
    }
    if refused == 0 {
        return Ok(ExitKind::Ok);
    }
    let objects = count(u64::try_from(refused).unwrap_or(u64::MAX), "object");
    Err(CliError::new(ExitKind::Failed, format!("{objects} refused; all others are stored"))
        .hint(REPLACE))
}

/// Opens the store of this machine, with what has come to the shared store since the last time, if the environment
/// names one: so much as is wanted, and more when a word names it. Trouble with that is a warning: what is stored here
/// can be looked at all the same.
pub(super) fn open_fresh(depth: Depth, context: &Context) -> Result<Kept, CliError> {
    if context.env.get(env_names::SHARED_STORE).is_none() {
        return kept::open(context);
    }
    let kept = match kept::open(context) {
        Err(err) if kept::is_none(&err) => kept::open_or_make(context)?,
        other => other?,
    };
    Ok(freshened(kept, depth, context))
}

/// The same for a store that is open.
pub(super) fn freshened(kept: Kept, depth: Depth, context: &Context) -> Kept {
    if context.env.get(env_names::SHARED_STORE).is_none() {
        return kept;
    }
    if kept.store.is_read_only() {
        let text = "the store of this machine can't be written to, so runs of other machines may be \
            missing";
        context.ui.event(&RunEvent::warning(text));
    } else if let Some(elsewhere) = refresh(&kept, &More::of(depth), context) {
        kept.note_elsewhere(elsewhere);
    }
    kept
}

/// Gets runs of the project, and returns where more are; `None` after a warning.
fn refresh(kept: &Kept, more: &More<'_>, context: &Context) -> Option<Elsewhere> {
    let More { depth, until_ms, id, is_thorough } = *more;
    let project = &kept.project;
    let look = Look { project, depth, until_ms, id, now_ms: ago(0), is_thorough };
    let mut told = Told::new("fetched", context);
    let mut found = Imported::default();
    let refreshed = open(None, (Purpose::Read, Patience::Long), context).and_then(|shared| {
        let tell = &mut |done, of| told.tell(done, of);
        Ok(kept.store.refresh(&shared, look, &mut found, tell)?)
    });
    tell_refused(&found, context);
    match refreshed {
        Ok(whole_since_ms) => Some(Elsewhere { whole_since_ms, fetch: refresh }),
        Err(err) => {
            let text =
                "the shared store could not be read, so runs of other machines may be missing";
            warn(text, &err, context);
            None
        }
    }
}

/// Adds new runs to the shared store, if the environment names one. Trouble is a warning: the runs are stored here.
pub(super) fn share(kept: &Kept, ids: &[RecordId], context: &Context) {
    if ids.is_empty() || context.env.get(env_names::SHARED_STORE).is_none() {
        return;
    }
    if context.signals.interrupted() {
        let text = "not sent to the shared store; run `codspeed store push` later";
        context.ui.event(&RunEvent::Step(text.to_owned()));
        return;
    }
    let send = || {
        let shared = open(None, (Purpose::Write, Patience::Within(AUTOMATIC)), context)?;
        let sending = format!("sending to {}", shared.address());
        context.ui.event(&RunEvent::Step(sending));
        let pushed = kept.store.push(&shared, ids, Present::Believe, &mut |_| {})?;
        pushed.unreadable.into_iter().next().map_or(Ok(shared), |err| Err(err.into()))
    };
    match send() {
        Ok(shared) => context.ui.event(&RunEvent::Step(format!("sent to {}", shared.address()))),
        Err(err) => {
            let text = "the run is stored here, but could not be sent to the shared store; run `codspeed store push` \
                later";
            warn(text, &err, context);
        }
    }
}

impl From<NotShards> for CliError {
    fn from(err: NotShards) -> Self {
        Self::new(ExitKind::Usage, err)
    }
}

/// Makes one run of its shards, and stores it.
pub(crate) fn merge_shards(args: &MergeArgs, context: &Context) -> Result<ExitKind, CliError> {
    let kept = open_fresh(NEWEST, context)?;
    let entries: Vec<Entry> = if args.runs.is_empty() {
        shards(&kept, context)?
    } else {
        kept.select_all(&args.runs, context)?
    };
    let merged = merge(&entries, |entry| Ok::<_, CliError>(kept.store.get(entry.id)?))?;
    let mut record = Record { name: args.name.clone(), ..merged.record };
    record.fit();
    let id = kept.store.add(&record)?;
    share(&kept, &[id], context);
    let (shards, benchmarks) = (merged.shards, record.benchmarks.len());
    if args.json {
        let json = json!({
            "id": id.to_string(), "shards": shards, "benchmarks": benchmarks,
            "superseded": merged.superseded, "duplicates": merged.duplicates,
        });
        context.print_json(&json)?;
        return Ok(ExitKind::Ok);
    }
    let number = |number: usize, noun: &str| count(u64::try_from(number).unwrap_or(u64::MAX), noun);
    let mut text = format!(
        "merged {} with {} into {}",
        number(shards, "shard"),
        number(benchmarks, "benchmark"),
        id.short()
    );
    if merged.superseded > 0 {
        text = format!(
            "{text}; left out {} that ran again in the same job",
            number(merged.superseded, "benchmark")
        );
    }
    if merged.duplicates > 0 {
        text = format!(
            "{text}; left out {} that another job has, too",
            number(merged.duplicates, "benchmark")
        );
    }
    context.print(&text)?;
    Ok(ExitKind::Ok)
}

/// The runs that share their CI run and commit with the newest run of a CI system.
fn shards(kept: &Kept, context: &Context) -> Result<Vec<Entry>, CliError> {
    type Key = (String, String, Option<String>);
    let key = |entry: &Entry| -> Option<Key> {
        let ci = entry.ci.as_ref().filter(|ci| !ci.job.is_empty())?;
        Some((ci.provider.clone(), ci.run.clone(), entry.commit.as_ref().map(|it| it.hash.clone())))
    };
    let of_project = || Filter::of_project(&kept.project);
    let find =
        |entries: &[Entry]| entries.iter().find_map(|entry| Some((key(entry)?, entry.time_ms)));
    let newest = |count| Filter { newest: Some(count), ..of_project() };
    let mut found = find(&kept.entries(&newest(MOST_LISTED), context)?);
    if found.is_none() {
        found = find(&kept.entries(&newest(MOST_SEARCHED), context)?);
    }
    let (newest, time_ms) = found.ok_or_else(|| {
        let what = "no stored run of this project comes from a job of a CI system";
        CliError::new(ExitKind::Usage, what)
            .hint("name the runs to merge, or fetch them first by `codspeed store pull`")
    })?;
    let since_ms = Some(time_ms.saturating_sub(LONGEST_MATRIX_MS));
    let mut shards = kept.entries(&Filter { since_ms, ..of_project() }, context)?;
    shards.retain(|entry| key(entry).is_some_and(|key| key == newest));
    Ok(shards)
}

/// Refuses an address of the environment that is none, before hours are spent.
pub(super) fn check(context: &Context) -> Result<(), CliError> {
    if context.env.get(env_names::SHARED_STORE).is_none() {
        return Ok(());
    }
    open(None, (Purpose::Write, Patience::Within(AUTOMATIC)), context).map(drop)
}

/// Opens the shared store at this address, else at the one of the environment.
fn open(
    address: Option<&str>,
    (purpose, patience): (Purpose, Patience),
    context: &Context,
) -> Result<SharedStore, CliError> {
    let by_environment = context.env.get(env_names::SHARED_STORE).map(|it| it.to_string_lossy());
    let Some(address) = address.map(Into::into).or(by_environment) else {
        let what = "no shared store is named";
        return Err(CliError::new(ExitKind::Usage, what).hint(format!(
            "add its address, such as `s3://bucket/folder`, or set {}",
            env_names::SHARED_STORE.name
        )));
    };
    let variables = context.env.all().filter_map(|(name, value)| {
        let (name, value) = (name.to_str()?, value.to_str()?);
        configures_shared_store(name).then(|| (name.to_owned(), value.to_owned()))
    });
    Ok(SharedStore::open(&address, variables, purpose, patience)?)
}

/// Warns of objects that were refused.
fn tell_refused(found: &Imported, context: &Context) {
    for refused in &found.refused {
        let text = format!("`{}` was refused: {}", refused.name, refused.why);
        context.ui.event(&RunEvent::warning(text));
    }
    if let more @ 1.. = found.all_refused - found.refused.len() {
        let objects = count(u64::try_from(more).unwrap_or(u64::MAX), "more object");
        context.ui.event(&RunEvent::warning(format!("{objects} were refused")));
    }
}

/// Says now and then how far an exchange of many runs is.
struct Told<'a> {
    verb: &'static str,
    context: &'a Context,
    next: usize,
}

impl<'a> Told<'a> {
    const fn new(verb: &'static str, context: &'a Context) -> Self {
        Self { verb, context, next: MOMENT }
    }

    fn tell(&mut self, done: usize, of: usize) {
        if of > MOMENT && done >= self.next {
            let text = format!("{} {done} of {of} runs", self.verb);
            self.context.ui.event(&RunEvent::Step(text));
            self.next = done.saturating_add((of / 10).max(MOMENT));
        }
    }
}

fn warn(text: &str, err: &CliError, context: &Context) {
    let text = format!("{text}: {}", chain(&*err.source));
    context.ui.event(&RunEvent::warning(text));
}

fn amount(runs: usize) -> String {
    count(u64::try_from(runs).unwrap_or(u64::MAX), "run")
}
