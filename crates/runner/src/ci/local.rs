//! The machine of a developer. Nothing has to be there: no repository, no remote, no commit.

use std::io::Read;

use api::{Event, RepositoryName, RunEnvironment};
use runner_shared::{env_names, text::as_text};
use serde_json::Map;
use system::files;

use super::{
    CiContext, CiError, Identity, Provider, Situation, TokenPolicy,
    context::{self, Commit},
    git::Repository,
    run_part::{BasePart, PartKind},
};
use crate::error::chain;

pub(super) const PROVIDER: Provider = Provider {
    id: "local",
    name: "this machine",
    uploads: false,
    log: None,
    keyless: None,
    base_branch: None,
    detect: |_| true,
    context,
};

/// The name at the service of the one job of a command.
const JOB: &str = "local-job";

fn context(situation: &Situation<'_>) -> Result<CiContext, CiError> {
    let mut notes = Vec::new();
    let checkout = Repository::find(situation.here);
    let head = checkout.as_ref().map(|repository| repository.head(situation.env)).transpose();
    let head = head.unwrap_or_else(|err| {
        notes.push(format!("{err}: the results can't be assigned to a commit"));
        None
    });
    let by_remote = || checkout.as_ref().and_then(|repository| by_remote(repository, &mut notes));
    let repository = situation.repository.clone().or_else(by_remote);
    let (root, root_text) = context::root_above(situation.here)
        .unwrap_or_else(|| (situation.here.to_owned(), as_text(situation.here).into_owned()));
    let commit = head.as_ref().map_or_else(context::no_commit, |head| head.commit.clone());
    let part = BasePart {
        run_id: uuid(random()?),
        part_id: JOB.to_owned(),
        job: JOB.to_owned(),
        metadata: Map::new(),
        kind: PartKind::Command,
    };
    let identity = Identity {
        repository,
        root,
        root_text,
        environment: RunEnvironment::Local,
        event: Event::Local,
        reference: commit.clone(),
        head_ref: head.and_then(|head| head.branch),
        base_ref: None,
        sender: None,
        gh_data: None,
        gl_data: None,
        commit: Commit::Given(commit),
        part: Some(part),
    };
    let token = match &situation.token {
        Some(token) => TokenPolicy::Static(token.clone()),
        None => TokenPolicy::Missing {
            reason: "you are not logged in".to_owned(),
            hint: format!("run `codspeed auth login`, or set {}", env_names::TOKEN.name),
        },
    };
    Ok(CiContext { provider: &PROVIDER, token, is_fork: false, identity: Ok(identity), notes })
}

/// The repository that the first useful remote names. Otherwise a note says what stands in the way.
pub(super) fn by_remote(
    repository: &Repository,
    notes: &mut Vec<String>,
) -> Option<RepositoryName> {
    let remotes = match repository.remotes() {
        Ok(remotes) => remotes,
        Err(err) => {
            notes.push(chain(&err));
            return None;
        }
    };
    let found = remotes.iter().find_map(|(name, remote)| {
        Some((name, remote.as_ref().and_then(super::remote::Remote::repository)?))
    });
    if let Some((name, repository)) = found {
        if name != "origin" {
            notes.push(format!("using the repository of the Git remote `{name}`"));
        }
        return Some(repository);
    }
    notes.push(match remotes.first() {
        None => {
            format!("the Git repository has no remote in `{}`", repository.shown_config())
        }
        Some((name, None)) => format!("the URL of the Git remote `{name}` has no host"),
        Some((name, Some(remote))) => format!(
            "the Git remote `{name}` is at {}, not at github.com or gitlab.com",
            remote.host
        ),
    });
    None
}

fn random() -> Result<[u8; 16], CiError> {
    let mut bytes = [0; 16];
    let read = files::open_kernel("/dev/urandom").and_then(|mut it| it.read_exact(&mut bytes));
    read.map_err(CiError::Random)?;
    Ok(bytes)
}

/// A UUID of version 4 (RFC 9562, section 5.4).
fn uuid(mut bytes: [u8; 16]) -> String {
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|part| hex.get(part).unwrap_or_default()).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_which_kind_it_is() {
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_ne!(random().unwrap(), random().unwrap());
    }
}
