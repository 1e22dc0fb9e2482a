//! One try: from address to address, until there is an answer, silence, or an answer that is too long.

use std::{io, net::IpAddr, pin::pin, sync::Arc, time::Duration};

use reqwest::{Response, StatusCode, Url, header};
use serde::Deserialize;
use system::files::{self, Links};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    Http, HttpSettings, Payload, Request,
    body::{FileBody, Sending},
    pace::{self, Pace},
};
use crate::{
    error::{ApiError, one_line},
    watch::{Step, Watch},
};

/// The address of the pages of the public service.
const DOMAIN: &str = "codspeed.io";
/// A service that sends us further than that sends us in a circle.
const MOST_REDIRECTS: usize = 10;
/// As many answers, and the one that we want.
const MOST_HEADS: u32 = 11;

/// The response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) host: String,
    pub(crate) status: StatusCode,
    /// Empty if it went to a file.
    pub(crate) body: Vec<u8>,
    /// The SHA-256 of what went to a file.
    pub(crate) sha256: Option<[u8; 32]>,
    pub(super) retry_after: Option<Duration>,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// The service's reason: `error` of a JSON object, or the text itself.
    pub(crate) fn into_error(self, action: &'static str) -> ApiError {
        #[derive(Deserialize)]
        struct Reason {
            error: String,
        }
        let Self { host, status, body, sha256: _, retry_after } = self;
        let message = match serde_json::from_slice::<Reason>(&body) {
            Ok(Reason { error }) => one_line(&error),
            Err(_) => one_line(&String::from_utf8_lossy(&body)),
        };
        ApiError::Status { action, host, status: status.as_u16(), message, retry_after }
    }

    pub(crate) fn garbage(
        host: String,
        action: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> ApiError {
        ApiError::Garbage { action, host, source: source.into() }
    }
}

impl Http {
    /// Makes a request once.
    pub(super) async fn attempt(
        &self,
        request: &Request<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<Answer, ApiError> {
        let within = request.within.unwrap_or_else(|| self.longest(request));
        let travel = self.travel(request, watch);
        timeout(within, travel).await.unwrap_or_else(|_| Err(timed_out(request, within)))
    }

    /// Returns the longest time that the lengths of a request and its answer allow.
    fn longest(&self, request: &Request<'_>) -> Duration {
        let sent = match &request.body {
            Payload::None => 0,
            Payload::Text(text) => u64::try_from(text.len()).unwrap_or(u64::MAX),
            Payload::Archive(archive) => archive.size,
        };
        let most = u64::try_from(request.most_bytes).unwrap_or(u64::MAX);
        pace::longest(&self.settings, sent.saturating_add(most), MOST_HEADS)
    }

    /// Follows the service to where it sends us, with the same method and body.
    async fn travel(
        &self,
        request: &Request<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<Answer, ApiError> {
        let mut url = request.url.clone();
        let mut may_have_token = true;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.exchange(request, &url, may_have_token, watch).await?;
            let Some(next) = redirection(&url, &response) else {
                return self.read(request, response, watch).await;
            };
            may_have_token = may_have_token && is_same_service(&url, &next);
            url = next;
        }
        Err(ApiError::Redirects { action: request.action, host: host(&request.url) })
    }

    /// Sends everything and waits for the head of an answer, as long as something moves.
    async fn exchange(
        &self,
        request: &Request<'_>,
        url: &Url,
        may_have_token: bool,
        watch: &mut Watch<'_>,
    ) -> Result<Response, ApiError> {
        let mut builder = self.client.request(request.method.clone(), url.clone());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(token) = request.token.as_ref().filter(|_| may_have_token) {
            if !is_private(url) {
                return Err(ApiError::Unsafe { action: request.action, host: host(url) });
            }
            builder = builder.header(header::AUTHORIZATION, token);
        }
        let sending = Arc::new(Sending::default());
        let mut total = 0;
        match &request.body {
            Payload::None => {}
            Payload::Text(text) => builder = builder.body((*text).to_owned()),
            Payload::Archive(archive) => {
                let opened = files::open(&archive.path, Links::Follow);
                let file = opened.map_err(|source| unread(archive, source))?;
                let body = FileBody::new(file, archive.size, Arc::clone(&sending));
                builder = builder
                    .header(header::CONTENT_LENGTH, archive.size)
                    .body(reqwest::Body::wrap(body));
                total = archive.size;
            }
        }
        let mut answer = pin!(builder.send());
        let mut pace = Pace::new(&self.settings, Instant::now());
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer.map_err(|err| match (sending.failure(), &request.body) {
                    (Some(source), Payload::Archive(archive)) => unread(archive, source),
                    _ => broken(request, err),
                }),
                () = sending.moved() => {
                    pace.moved(sending.bytes(), Instant::now());
                    if sending.bytes() >= total {
                        // From now on, it is about the answer.
                        pace = Pace::new(&self.settings, Instant::now());
                    }
                    if watch(Step::Sent { bytes: sending.bytes(), total }).is_break() {
                        return Err(ApiError::Cancelled);
                    }
                }
                () = sleep_until(pace.deadline()) => return Err(self.too_late(request, &pace)),
            }
        }
    }
}

impl Http {
    /// Nothing has moved, or not enough.
    pub(super) fn too_late(&self, request: &Request<'_>, pace: &Pace<'_>) -> ApiError {
        let HttpSettings { idle_timeout, slow_timeout, least_bytes, .. } = self.settings;
        if !pace.is_slow() {
            return timed_out(request, idle_timeout);
        }
        let (action, host) = (request.action, host(&request.url));
        ApiError::TooSlow { action, host, least: least_bytes, within: slow_timeout }
    }
}

/// Returns where an answer sends us; never from a safe connection to one that others can read and change.
fn redirection(from: &Url, response: &Response) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let next = from.join(location).ok()?;
    let is_safe = next.scheme() == "https" || (next.scheme(), from.scheme()) == ("http", "http");
    is_safe.then_some(next)
}

/// Returns whether nobody on the way can read what is sent: it is encrypted, or stays on this machine.
fn is_private(url: &Url) -> bool {
    url.scheme() == "https" || is_here(url)
}

/// Returns whether the address is one of this machine.
fn is_here(url: &Url) -> bool {
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

/// Returns whether a browser may be sent to `page` by the service at `service`: nobody on the way can change it, and it
/// is a page of that host, of CodSpeed, or of this machine if the service runs here.
pub(crate) fn is_page_of(service: &Url, page: &Url) -> bool {
    let is_codspeed = |host: &str| host == DOMAIN || host.ends_with(&format!(".{DOMAIN}"));
    let is_theirs = page.host() == service.host() || page.host_str().is_some_and(is_codspeed);
    let names_nobody = page.username().is_empty() && page.password().is_none();
    names_nobody && is_private(page) && (is_theirs || (is_here(page) && is_here(service)))
}

/// Returns whether a token for one address may be seen at the other: the same host, and not less safe.
fn is_same_service(from: &Url, to: &Url) -> bool {
    let is_safer = from.scheme() == "http" && to.scheme() == "https";
    from.origin() == to.origin() || (from.host() == to.host() && is_safer)
}

/// The pause that the service asks for, in seconds. Its other form, a date, would need a clock that agrees with ours.
pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(text.trim().parse().ok()?))
}

/// The part of an address that may be shown: queries hold secrets.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

pub(super) fn timed_out(request: &Request<'_>, after: Duration) -> ApiError {
    ApiError::TimedOut { action: request.action, host: host(&request.url), after }
}

pub(super) fn broken(request: &Request<'_>, err: reqwest::Error) -> ApiError {
    let (action, host) = (request.action, host(&request.url));
    ApiError::Connection { action, host, source: err.without_url().into() }
}

fn unread(archive: &crate::archive::Archive, source: io::Error) -> ApiError {
    ApiError::Archive { path: archive.path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shares_token(from: &str, to: &str, expected: bool) {
        let url = |text: &str| Url::parse(text).unwrap();
        assert_eq!(is_same_service(&url(from), &url(to)), expected, "{from} {to}");
    }

    #[test]
    fn a_token_is_not_sent_to_other_hosts_or_from_https_to_http() {
        shares_token("https://a.test/x", "https://a.test/y", true);
        shares_token("http://a.test/", "https://a.test/", true);
        shares_token("https://a.test/", "http://a.test/", false);
        shares_token("https://a.test/", "https://b.test/", false);
        shares_token("https://a.test/", "https://b.a.test/", false);
        shares_token("https://a.test/", "https://a.test:8443/", false);
    }

    #[test]
    fn a_token_is_encrypted_unless_it_stays_on_this_machine() {
        for (url, expected) in [
            ("https://a.test/", true),
            ("http://a.test/", false),
            ("http://10.0.0.1/", false),
            ("http://127.0.0.1:4000/", true),
            ("http://127.1.2.3/", true),
            ("http://[::1]:4000/", true),
            ("http://localhost/", true),
            ("http://a.localhost/", true),
            ("http://localhost.a.test/", false),
            ("http://notlocalhost/", false),
        ] {
            assert_eq!(is_private(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn a_browser_is_sent_to_pages_of_the_service_only() {
        let public = "https://gql.codspeed.io/";
        for (service, page, expected) in [
            (public, "https://app.codspeed.io/login?code=1", true),
            (public, "https://codspeed.io/", true),
            (public, "http://app.codspeed.io/", false),
            (public, "https://codspeed.io.a.test/", false),
            (public, "https://notcodspeed.io/", false),
            (public, "https://codspeed.io@a.test/", false),
            (public, "https://user@app.codspeed.io/", false),
            (public, "http://127.0.0.1/", false),
            (public, "javascript:alert(1)", false),
            (public, "file:///etc/passwd", false),
            ("https://a.test/graphql", "https://a.test/login", true),
            ("https://a.test/graphql", "https://a.test:8443/login", true),
            ("https://a.test/graphql", "https://b.a.test/login", false),
            ("https://a.test/graphql", "http://a.test/login", false),
            ("http://127.0.0.1:4000/", "http://localhost:4001/", true),
            ("http://127.0.0.1:4000/", "http://a.test/", false),
        ] {
            let url = |text| Url::parse(text).unwrap();
            assert_eq!(is_page_of(&url(service), &url(page)), expected, "{service} {page}");
        }
    }

    #[test]
    fn what_is_shown_of_an_address_has_no_secrets() {
        let url = Url::parse("https://user:pass@a.test:8443/x?signature=1").unwrap();
        assert_eq!(host(&url), "a.test:8443");
    }
}
