//! One client for HTTP with one way to retry. What is asked of it blocks; inside, a runtime of its own lets it give up on
//! a service that has gone silent.

use std::{fs::File, sync::Arc, time::Duration};

use reqwest::{
    Client, Method, Url,
    header::{HeaderName, HeaderValue},
    redirect::Policy,
};
use tokio::{
    runtime::{Builder, Runtime},
    time::sleep,
};

mod body;
mod exchange;
mod pace;
mod receive;
mod retry;

pub(crate) use exchange::{Answer, is_page_of};
pub(crate) use retry::Retries;
pub use retry::{Pause, RealPause, Stop};

use crate::{
    archive::Archive,
    error::ApiError,
    secret::Secret,
    watch::{Step, Watch},
};

/// The way in which the service knows us.
const USER_AGENT: &str = "codspeed-runner";
/// Shorter than any server keeps an idle connection: one that it has just closed would fail the next request.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// The interval at which it is asked whether an end is wanted: a user feels no delay.
const TURN: Duration = Duration::from_millis(50);

/// The patience of a client is.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// For a connection.
    pub connect_timeout: Duration,
    /// For the next byte in either direction.
    pub idle_timeout: Duration,
    /// For the next [`HttpSettings::least_bytes`], or what is left of them: one byte now and then is not waited for.
    pub slow_timeout: Duration,
    /// See there.
    pub least_bytes: u64,
    /// For all of a request of GraphQL.
    pub graphql_timeout: Duration,
    /// The way in which it waits between two tries.
    pub pause: Arc<dyn Pause>,
    /// The party that may end whatever goes on, with [`ApiError::Cancelled`].
    pub stop: Option<Arc<dyn Stop>>,
    /// True if the usual variables of the environment (`HTTPS_PROXY`, `NO_PROXY`, ...) name its proxies.
    pub use_proxies: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(90),
            // As slow as a modem.
            slow_timeout: Duration::from_mins(2),
            least_bytes: 512 << 10,
            // The service may have to wake up first.
            graphql_timeout: Duration::from_secs(20),
            pause: Arc::new(RealPause),
            stop: None,
            use_proxies: true,
        }
    }
}

/// A client for HTTP. It has a runtime of its own, and must not be used inside of another one.
#[derive(Debug)]
pub struct Http {
    client: Client,
    runtime: Runtime,
    settings: HttpSettings,
}

/// A request, and what may come back.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The purpose, which completes "could not ...".
    pub(crate) action: &'static str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Goes to the service that it is for, and to no other host.
    pub(crate) token: Option<HeaderValue>,
    pub(crate) body: Payload<'a>,
    pub(crate) retries: Retries,
    /// For all of it, if that is less than what its length allows.
    pub(crate) within: Option<Duration>,
    /// The longest answer.
    pub(crate) most_bytes: usize,
    /// The place where a good answer goes, if not to memory.
    pub(crate) into: Option<&'a File>,
    /// True if answers with an error's status are answers, too.
    pub(crate) takes_errors: bool,
}

#[derive(Debug)]
pub(crate) enum Payload<'a> {
    None,
    Text(&'a str),
    Archive(&'a Archive),
}

impl Http {
    /// Makes a client. It takes a few milliseconds: the system's certificates are read.
    pub fn new(settings: HttpSettings) -> Result<Self, ApiError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ApiError::Setup { source };
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(KEEP_ALIVE)
            .redirect(Policy::none());
        if !settings.use_proxies {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|err| failed(err.into()))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self { client, runtime: runtime.map_err(|err| failed(err.into()))?, settings })
    }

    /// Gets a file of at most `most_bytes` bytes, writes it to `file` from its start, and returns its SHA-256. After an
    /// error the file holds anything.
    pub fn download(
        &self,
        url: &str,
        file: &File,
        most_bytes: usize,
        watch: &mut Watch<'_>,
    ) -> Result<[u8; 32], ApiError> {
        let request = Request {
            action: "download a file",
            retries: Retries::Some,
            most_bytes,
            into: Some(file),
            ..Request::new(Method::GET, parse_url(url)?)
        };
        // An answer without a hash has not come to the file.
        self.send(&request, watch)?.sha256.ok_or(ApiError::Cancelled)
    }

    /// Asks once, by an empty `POST`, for at most `most_bytes` bytes, which have to come `within` this time.
    pub fn post(
        &self,
        url: &str,
        most_bytes: usize,
        within: Duration,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<u8>, ApiError> {
        let request = Request {
            most_bytes,
            within: Some(within),
            ..Request::new(Method::POST, parse_url(url)?)
        };
        Ok(self.send(&request, watch)?.body)
    }

    pub(crate) fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    /// Makes a request, several times if need be.
    pub(crate) fn send(
        &self,
        request: &Request<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<Answer, ApiError> {
        let mut retry = 0;
        loop {
            let error = match self.runtime.block_on(self.attempt_or_stop(request, watch)) {
                Err(ApiError::Cancelled) => return Err(ApiError::Cancelled),
                Ok(answer) if request.takes_errors || answer.is_success() => return Ok(answer),
                Ok(answer) => answer.into_error(request.action),
                Err(error) => error,
            };
            if !error.is_retryable() || retry == request.retries.count() {
                return Err(error);
            }
            let asked = error.retry_after();
            let Some(pause) = retry::pause_before(retry, asked, &*self.settings.pause) else {
                return Err(error);
            };
            if watch(Step::Retry { error: &error, pause }).is_break() {
                return Err(ApiError::Cancelled);
            }
            self.pause(pause)?;
            retry += 1;
        }
    }

    /// Returns whether somebody wants an end.
    pub fn is_stopped(&self) -> bool {
        self.settings.stop.as_ref().is_some_and(|stop| stop.is_wanted())
    }

    /// Waits, unless somebody wants an end.
    pub(crate) fn pause(&self, duration: Duration) -> Result<(), ApiError> {
        if self.settings.stop.is_none() {
            self.settings.pause.pause(duration);
            return Ok(());
        }
        let mut left = duration;
        while !self.is_stopped() {
            if left.is_zero() {
                return Ok(());
            }
            let turn = left.min(TURN);
            self.settings.pause.pause(turn);
            left -= turn;
        }
        Err(ApiError::Cancelled)
    }

    async fn attempt_or_stop(
        &self,
        request: &Request<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<Answer, ApiError> {
        tokio::select! {
            biased;
            () = self.stopped() => Err(ApiError::Cancelled),
            outcome = self.attempt(request, watch) => outcome,
        }
    }

    /// Comes to an end when somebody wants one.
    async fn stopped(&self) {
        if self.settings.stop.is_none() {
            return std::future::pending().await;
        }
        while !self.is_stopped() {
            sleep(TURN).await;
        }
    }
}

impl Request<'_> {
    /// A request without anything.
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self {
            action: "ask",
            method,
            url,
            headers: Vec::new(),
            token: None,
            body: Payload::None,
            retries: Retries::Never,
            within: None,
            most_bytes: 64 << 10,
            into: None,
            takes_errors: false,
        }
    }
}

/// Returns whether this can be the address of a service.
pub fn check_url(text: &str) -> Result<(), ApiError> {
    parse_url(text).map(drop)
}

/// Reads the address of a service.
pub(crate) fn parse_url(text: &str) -> Result<Url, ApiError> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(_) => Err(ApiError::Url { text: text.to_owned(), source: None }),
        Err(err) => Err(ApiError::Url { text: text.to_owned(), source: Some(err.into()) }),
    }
}

/// A token as the value of a header that no log shows.
pub(crate) fn token_header(scheme: &str, token: &Secret) -> Result<HeaderValue, ApiError> {
    let value = HeaderValue::try_from(format!("{scheme}{}", token.expose()));
    let mut value = value.map_err(|_err| ApiError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}
