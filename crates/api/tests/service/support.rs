//! A client that never waits, an archive, and what an upload says about itself.

use std::{
    fs,
    ops::ControlFlow,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use api::{
    Archive, Event, Executor, Http, HttpSettings, Machine, MetadataVersion, Pause,
    RepositoryProvider, RunContext, RunEnvironment, Runner, Step, Submission, unwatched,
};
use runner_shared::profile_dir::ProfileDir;
use tempfile::TempDir;

/// Notes pauses instead of making them. The dice always fall on the longest one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noted(Arc<Mutex<Vec<Duration>>>);

impl Noted {
    pub(crate) fn seconds(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().map(Duration::as_secs).collect()
    }
}

impl Pause for Noted {
    fn pause(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }

    fn random(&self) -> f64 {
        1.0
    }
}

pub(crate) fn client() -> (Http, Noted) {
    client_with(|_| ())
}

pub(crate) fn client_with(change: impl FnOnce(&mut HttpSettings)) -> (Http, Noted) {
    let noted = Noted::default();
    let mut settings = HttpSettings {
        pause: Arc::new(noted.clone()),
        use_proxies: false,
        ..HttpSettings::default()
    };
    change(&mut settings);
    (Http::new(settings).unwrap(), noted)
}

/// A folder with an archive beside the profile.
pub(crate) struct Profile {
    pub(crate) dir: TempDir,
    pub(crate) archive: Archive,
}

pub(crate) fn profile(executor: Executor) -> Profile {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("profile");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("1.out"), "events: Ir\n".repeat(20_000)).unwrap();
    let archive = pack(&folder, executor, &dir.path().join("archive"));
    Profile { dir, archive }
}

pub(crate) fn pack(folder: &Path, executor: Executor, to: &Path) -> Archive {
    Archive::pack(&ProfileDir::new(folder), executor, to, &mut unwatched).unwrap().archive
}

pub(crate) fn submission(executor: Executor) -> Submission {
    let text = str::to_owned;
    let run = RunContext {
        repository_provider: RepositoryProvider::GitHub,
        run_environment: RunEnvironment::Local,
        run_part: None,
        commit_hash: text("0123456789abcdef0123456789abcdef01234567"),
        reference: text("refs/heads/main"),
        head_ref: None,
        base_ref: None,
        owner: text("acme"),
        repository: text("widgets"),
        event: Event::Local,
        sender: None,
        gh_data: None,
        gl_data: None,
        repository_root_path: text("/home/user/widgets/"),
    };
    let runner = Runner {
        version: text("5.1.0"),
        instruments: Vec::new(),
        executor,
        exclude_allocations: false,
        machine: Machine::default(),
    };
    Submission {
        run,
        runner,
        allow_empty: false,
        expected_run_parts: Some(1),
        version: MetadataVersion::V10,
    }
}

/// Writes down what is seen, in short.
pub(crate) fn note(seen: &mut Vec<String>) -> impl FnMut(Step<'_>) -> ControlFlow<()> + '_ {
    |step| {
        seen.push(match step {
            Step::Archived { bytes, total } => format!("archived {bytes} of {total}"),
            Step::Token { token } => format!("token of {} letters", token.expose().len()),
            Step::NoToken { error } => format!("no token: {error}"),
            Step::Tokenless { line } => line.to_owned(),
            Step::Registered { run_id } => format!("registered {run_id}"),
            Step::Sent { bytes, total } => format!("sent {bytes} of {total}"),
            Step::Received { bytes, total } => format!("received {bytes} of {total:?}"),
            Step::Retry { error, pause } => format!("again in {pause:?}: {error}"),
            Step::Waiting { so_far } => format!("waiting, {so_far:?} so far"),
        });
        ControlFlow::Continue(())
    }
}
