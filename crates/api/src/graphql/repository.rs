//! Which repositories the service knows, and what we may do there.

use std::fmt;

use super::{
    Service, Session, User,
    queries::{
        Mutation, Repository, SessionAndRepositoryOverview, mutation, repository,
        session_and_repository_overview as overview,
    },
};
use crate::{
    context::RepositoryProvider,
    error::{ApiError, Code},
};

/// The owner and the name of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryName {
    /// The provider that hosts it.
    pub provider: RepositoryProvider,
    /// The owner.
    pub owner: String,
    /// Its name.
    pub name: String,
}

impl RepositoryName {
    /// `owner/name`; everything before the last slash is the owner where groups may be nested.
    pub fn parse(text: &str, provider: RepositoryProvider) -> Option<Self> {
        let text = text.trim().trim_end_matches('/');
        let (owner, name) = text.rsplit_once('/')?;
        let proper = |part: &str| {
            !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        let nested = owner.contains('/') && provider != RepositoryProvider::GitLab;
        (proper(name) && owner.split('/').all(proper) && !nested).then(|| Self {
            provider,
            owner: owner.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = match self.provider {
            RepositoryProvider::GitHub => "GitHub",
            RepositoryProvider::GitLab => "GitLab",
            RepositoryProvider::Project => "CodSpeed",
        };
        write!(f, "{}/{} at {at}", self.owner, self.name)
    }
}

/// The permissions of a user for a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryOverview {
    /// The name.
    pub repository: RepositoryName,
    /// True if the user may upload to it.
    pub has_write_access: bool,
    /// True if it was enabled at the service. If not, it could be.
    pub is_enabled: bool,
}

/// The user, and the permissions of the user for a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// Nothing if our token isn't good.
    pub session: Option<Session>,
    /// Nothing if the service doesn't know it.
    pub repository: Option<RepositoryOverview>,
}

impl Service<'_> {
    /// The service's id of a repository; nothing if it doesn't know it.
    pub fn repository_id(&self, name: &RepositoryName) -> Result<Option<String>, ApiError> {
        let RepositoryName { provider, owner, name } = name.clone();
        let variables = repository::Variables { owner, name, provider: Some(provider) };
        match self.ask::<Repository>("look up the repository", variables) {
            Ok(data) => Ok(data.repository.map(|repository| repository.id)),
            Err(err) if err.code() == Some(&Code::RepositoryNotFound) => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// The user, and the permissions of the user for a repository.
    pub fn repository_overview(&self, name: &RepositoryName) -> Result<Overview, ApiError> {
        let RepositoryName { provider, owner, name } = name.clone();
        let data = self.ask_with::<SessionAndRepositoryOverview>(
            "look up the repository",
            overview::Variables { owner, name, provider: Some(provider) },
            self.token.as_ref(),
            &[Code::RepositoryNotFound],
        )?;
        let session = data.session.map(|session| Session {
            user: session.user.map(|user| User { login: user.login, provider: user.provider }),
        });
        Ok(Overview { session, repository: data.repository_overview.and_then(overview_of) })
    }

    /// A project of the user that stands in for a repository; made if need be.
    pub fn get_or_create_project_repository(&self, name: &str) -> Result<RepositoryName, ApiError> {
        let variables = mutation::Variables { name: name.to_owned() };
        let data = self.ask::<Mutation>("get a project for local runs", variables)?;
        let project = data.get_or_create_project_repository;
        Ok(RepositoryName { provider: project.provider, owner: project.owner, name: project.name })
    }
}

fn overview_of(
    overview: overview::SessionAndRepositoryOverviewRepositoryOverview,
) -> Option<RepositoryOverview> {
    use overview::SessionAndRepositoryOverviewRepositoryOverview as Kind;
    let (provider, owner, name, access, is_enabled) = match overview {
        Kind::Repository(it) => (it.provider, it.owner, it.name, it.has_write_access, true),
        Kind::AvailableRepository(it) => {
            (it.provider, it.owner, it.name, it.has_write_access, false)
        }
        // A kind that came after us: nothing is known of what may be done with it.
        Kind::Unknown => return None,
    };
    let repository = RepositoryName { provider, owner, name };
    Some(RepositoryOverview { repository, has_write_access: access == Some(true), is_enabled })
}
