//! `codspeed store push` and `pull`: runs are exchanged with a store that machines share; `codspeed merge` makes one run
//! of its shards.

use std::time::Duration;

use runner_shared::{env_names, text::count};
use serde_json::json;
use store::{
    Entry, Filter, Patience, Purpose, Record, RecordId, SharedStore, configures_shared_store, merge,
};

use super::{
    Context,
    kept::{self, Kept},
};
use crate::{
    cli::{MergeArgs, StorePullArgs, StorePushArgs, ago},
    error::{CliError, ExitKind},
    event::RunEvent,
};

/// So many runs are exchanged in a moment; of more it is said how far that is.
const MOMENT: usize = 200;
/// The time that sending may add to a run whose user did not ask for it.
const AUTOMATIC: Duration = Duration::from_secs(15);

/// Adds runs to the shared store.
pub(super) fn push(args: &StorePushArgs, context: &Context) -> Result<ExitKind, CliError> {
    let shared = open(args.remote.as_deref(), (Purpose::Write, Patience::Long), context)?;
    let kept = kept::open(context)?;
    let ids: Vec<RecordId> = if args.runs.is_empty() {
        kept.store.entries(&args.filter.resolve(&kept.project))?.iter().map(|it| it.id).collect()
    } else {
        let ids = args.runs.iter().map(|word| Ok(kept.select(word, context)?.id));
        ids.collect::<Result<_, CliError>>()?
    };
    let mut told = Told::new("sent", context);
    let added = kept.store.push(&shared, &ids, &mut |done| told.tell(done, ids.len()))?;
    let known = ids.len() - added;
    if args.json {
        context.print_json(&json!({ "added": added, "known": known }))?;
    } else {
        let there = if known > 0 { format!("; there before: {known}") } else { String::new() };
        let text = format!("sent to {}: {}{there}", shared.address(), amount(added));
        context.print(&text)?;
    }
    Ok(ExitKind::Ok)
}

/// Gets runs of the shared store.
pub(super) fn pull(args: &StorePullArgs, context: &Context) -> Result<ExitKind, CliError> {
    let shared = open(args.remote.as_deref(), (Purpose::Read, Patience::Long), context)?;
    let kept = kept::open_or_make(context)?;
    let (added, refused) = fetch(&shared, &kept, args.since.map(ago), context)?;
    if args.json {
        context.print_json(&json!({ "added": added, "refused": refused }))?;
    } else {
        context.print(&format!("fetched from {}: {}", shared.address(), amount(added)))?;
    }
    if refused == 0 {
        return Ok(ExitKind::Ok);
    }
    let objects = count(u64::try_from(refused).unwrap_or(u64::MAX), "object");
    Err(CliError::new(ExitKind::Failed, format!("{objects} refused; all others are stored")))
}

/// Opens the store of this machine, with what has come to the shared store since the last time, if the environment names
/// one. Trouble with that is a warning: what is stored here can be looked at all the same.
pub(super) fn open_fresh(context: &Context) -> Result<Kept, CliError> {
    if context.env.get(env_names::SHARED_STORE).is_none() {
        return kept::open(context);
    }
    let kept = kept::open_or_make(context)?;
    // All of it, whatever its time: a run may come weeks after it was made, or from a machine whose clock is wrong.
    let refreshed = open(None, (Purpose::Read, Patience::Long), context)
        .and_then(|shared| fetch(&shared, &kept, None, context));
    if let Err(err) = refreshed {
        let text = "the shared store could not be read, so runs of other machines may be missing";
        warn(text, &err, context);
    }
    Ok(kept)
}

/// Adds new runs to the shared store, if the environment names one. Trouble is a warning: the runs are stored here.
pub(super) fn share(ids: &[RecordId], context: &Context) {
    if ids.is_empty() || context.env.get(env_names::SHARED_STORE).is_none() {
        return;
    }
    let send = || {
        let shared = open(None, (Purpose::Write, Patience::Within(AUTOMATIC)), context)?;
        let sending = format!("sending to {}", shared.address());
        context.ui.event(&RunEvent::Step(sending));
        let kept = kept::open(context)?;
        kept.store.push(&shared, ids, &mut |_| {})?;
        Ok(shared)
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

/// Makes one run of its shards, and stores it.
pub(crate) fn merge_shards(args: &MergeArgs, context: &Context) -> Result<ExitKind, CliError> {
    let kept = open_fresh(context)?;
    let entries: Vec<Entry> = if args.runs.is_empty() {
        shards_of_the_newest(&kept.store.entries(&Filter::of_project(&kept.project))?)?
    } else {
        args.runs.iter().map(|word| kept.select(word, context)).collect::<Result<_, _>>()?
    };
    let records: Vec<Record> =
        entries.iter().map(|entry| kept.store.get(entry.id)).collect::<Result<_, _>>()?;
    let merged = merge(&records).map_err(|err| CliError::new(ExitKind::Usage, err))?;
    let mut record = Record { name: args.name.clone(), ..merged.record };
    record.fit();
    let id = kept.store.add(&record)?;
    share(&[id], context);
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
fn shards_of_the_newest(entries: &[Entry]) -> Result<Vec<Entry>, CliError> {
    let key = |entry: &Entry| {
        let ci = entry.ci.as_ref().filter(|ci| !ci.job.is_empty())?;
        Some((ci.provider.clone(), ci.run.clone(), entry.commit.as_ref().map(|it| it.hash.clone())))
    };
    let newest = entries.iter().find_map(key).ok_or_else(|| {
        let what = "no stored run of this project comes from a job of a CI system";
        CliError::new(ExitKind::Usage, what)
            .hint("name the runs to merge, or fetch them first by `codspeed store pull`")
    })?;
    let is_shard = |entry: &&Entry| key(entry).is_some_and(|key| key == newest);
    Ok(entries.iter().filter(is_shard).cloned().collect())
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

/// Returns how many runs are new here, and how many objects were refused, of which it warns.
fn fetch(
    shared: &SharedStore,
    kept: &Kept,
    since_ms: Option<u64>,
    context: &Context,
) -> Result<(usize, usize), CliError> {
    let mut told = Told::new("fetched", context);
    let pulled = kept.store.pull(shared, since_ms, &mut |done, of| told.tell(done, of))?;
    for refused in &pulled.refused {
        let text = format!("`{}` was refused: {}", refused.name, refused.why);
        context.ui.event(&RunEvent::warning(text));
    }
    Ok((pulled.added, pulled.all_refused))
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
    let text = format!("{text}: {}", crate::error::chain(&*err.source));
    context.ui.event(&RunEvent::warning(text));
}

fn amount(runs: usize) -> String {
    count(u64::try_from(runs).unwrap_or(u64::MAX), "run")
}
