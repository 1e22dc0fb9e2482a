//! To which repository the results of the user's own machine belong. Where none is known, or none may be written to, the
//! service has a project for them.

use api::{RepositoryName, Service, TokenSource};

use super::{Upload, refused};
use crate::{
    error::{CliError, ExitKind},
    event::RunEvent,
    ui::Ui,
};

/// The name at the service of the project for results without a repository.
const PROJECT: &str = "local-runs";

impl Upload {
    /// The project of the service that stands in for a repository, if one has to. CI providers know their repository.
    pub(crate) fn project(
        &self,
        service: &Service<'_>,
        ui: &Ui,
    ) -> Result<Option<RepositoryName>, CliError> {
        let Ok(identity) = &self.job.identity else { return Ok(None) };
        if self.job.provider.uploads || !self.is_login() {
            return Ok(None);
        }
        let Some(name) = &identity.repository else {
            return project(service, "the current folder is not in a repository", ui).map(Some);
        };
        let overview = service.repository_overview(name).map_err(refused)?;
        if overview.session.is_none() {
            return Err(CliError::new(ExitKind::Service, "your login has expired")
                .hint("run `codspeed auth login` to log in again"));
        }
        let shown = format!("{}/{}", name.owner, name.name);
        let reason = match overview.repository {
            Some(known) if known.has_write_access && known.is_enabled => return Ok(None),
            Some(known) if known.has_write_access => format!("{shown} is not enabled at CodSpeed"),
            Some(_) => format!("you don't have write access to {shown}"),
            None => format!("CodSpeed has no repository {shown}"),
        };
        if self.named {
            return Err(CliError::new(ExitKind::Service, reason)
                .hint("leave out `--repository` to upload to a project of your own"));
        }
        project(service, &reason, ui).map(Some)
    }

    /// Nobody says where the results belong, and the token can't ask for a project.
    pub(super) fn lacks_a_repository(&self) -> bool {
        let is_known = self.job.identity.as_ref().is_ok_and(|it| it.repository.is_some());
        !(is_known || self.job.provider.uploads || self.is_login())
    }

    /// The token is that of a person, who may ask questions; others belong to one repository.
    fn is_login(&self) -> bool {
        match &self.token {
            TokenSource::Known(token) => self.account.login.as_ref() == Some(token),
            TokenSource::Oidc(_) | TokenSource::Tokenless => false,
        }
    }
}

fn project(service: &Service<'_>, reason: &str, ui: &Ui) -> Result<RepositoryName, CliError> {
    let project = service.get_or_create_project_repository(PROJECT).map_err(refused)?;
    let text = format!("{reason}: uploading to the project {}/{}", project.owner, project.name);
    ui.event(&RunEvent::Step(text));
    Ok(project)
}
