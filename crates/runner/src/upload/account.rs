//! As whom we speak with the service, and where it is.

use std::sync::Arc;

use api::{Http, HttpSettings, Secret, Service, Stop};

use super::refused;
use crate::error::{CliError, ExitKind};

/// The place where questions are answered.
const API_URL: &str = "https://gql.codspeed.io/";
/// The place where results are sent.
const UPLOAD_URL: &str = "https://api.codspeed.io/upload";

/// The service and the login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// The token of the login, if there is one.
    pub login: Option<Secret>,
    /// The place where questions are answered.
    pub api_url: String,
    /// The place where results are sent.
    pub upload_url: String,
}

impl Account {
    /// An account at these addresses, or at the public ones.
    pub(crate) fn new(
        login: Option<Secret>,
        api_url: Option<String>,
        upload_url: Option<String>,
    ) -> Self {
        Self {
            login,
            api_url: api_url.unwrap_or_else(|| API_URL.to_owned()),
            upload_url: upload_url.unwrap_or_else(|| UPLOAD_URL.to_owned()),
        }
    }

    /// The service, asked as this account.
    pub(crate) fn service<'a>(&self, http: &'a Http) -> Result<Service<'a>, CliError> {
        Service::new(http, &self.api_url, self.login.clone()).map_err(refused)
    }
}

/// A client for the service, which this may stop.
pub(crate) fn http(stop: Option<Arc<dyn Stop>>) -> Result<Http, CliError> {
    let settings = HttpSettings { stop, ..HttpSettings::default() };
    Http::new(settings).map_err(|err| CliError::new(ExitKind::Service, err))
}
