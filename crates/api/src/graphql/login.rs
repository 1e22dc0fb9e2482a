//! Logging in through a browser, and who is logged in.

use std::time::Duration;

use reqwest::Url;

use super::{
    Service,
    queries::{
        ConsumeLoginSession, CreateLoginSession, Session as SessionQuery, consume_login_session,
        create_login_session, session,
    },
};
use crate::{error::ApiError, http::is_page_of, secret::Secret, watch::Watch};

/// The interval at which the service is asked whether the user has logged in.
const INTERVAL: Duration = Duration::from_secs(5);
/// For how long.
const PATIENCE: Duration = Duration::from_mins(5);

/// A login that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSession {
    /// The page that the user opens in a browser: one of the service, without characters that mean something to a terminal.
    pub callback_url: String,
    /// The session with which we ask for the token.
    pub session_id: String,
}

/// A token that is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The owner; there are tokens that belong to no user.
    pub user: Option<User>,
}

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub login: String,
    /// The place where the name is known, as the service spells it.
    pub provider: String,
}

impl Service<'_> {
    /// Begins a login.
    pub fn create_login_session(&self) -> Result<LoginSession, ApiError> {
        let action = "start a login";
        let variables = create_login_session::Variables {};
        let data = self.ask_with::<CreateLoginSession>(action, variables, None, &[])?;
        let session = data.create_login_session;
        let callback_url = self.page(action, &session.callback_url)?;
        Ok(LoginSession { callback_url, session_id: session.session_id })
    }

    /// Reads the address of a page that a browser may be sent to.
    fn page(&self, action: &'static str, text: &str) -> Result<String, ApiError> {
        let page = Url::parse(text).ok();
        if let Some(page) = page.as_ref().filter(|page| is_page_of(&self.url, page)) {
            return Ok(page.to_string());
        }
        let place = page.and_then(|page| Some(format!("{}://{}", page.scheme(), page.host_str()?)));
        Err(ApiError::ForeignPage {
            action,
            host: self.url.host_str().unwrap_or_default().to_owned(),
            page: place.unwrap_or_else(|| "something".to_owned()),
        })
    }

    /// The token of a login; none as long as the user hasn't logged in.
    pub fn consume_login_session(&self, session_id: &str) -> Result<Option<Secret>, ApiError> {
        let variables = consume_login_session::Variables { session_id: session_id.to_owned() };
        let data = self.ask_with::<ConsumeLoginSession>("log in", variables, None, &[])?;
        Ok(data.consume_login_session.token.and_then(|token| Secret::new(&token)))
    }

    /// Waits until the user has logged in.
    pub fn wait_for_login(
        &self,
        session_id: &str,
        watch: &mut Watch<'_>,
    ) -> Result<Secret, ApiError> {
        self.wait("log in", INTERVAL, PATIENCE, watch, || self.consume_login_session(session_id))
    }

    /// Returns what the service knows of our token; nothing if it isn't good. It may also answer with
    /// [`Code::Unauthenticated`](crate::Code) then.
    pub fn session(&self) -> Result<Option<Session>, ApiError> {
        let data = self.ask::<SessionQuery>("check the login", session::Variables {})?;
        Ok(data.session.map(|session| Session {
            user: session.user.map(|user| User { login: user.login, provider: user.provider }),
        }))
    }
}
