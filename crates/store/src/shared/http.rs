//! Object stores are reached by the HTTP client that the rest of the program has: one implementation of TLS, one set of
//! certificates, one rule for silence. Certificates are read once a line is encrypted, not before: that takes longer than
//! a request to a server on this machine.

use std::{io, sync::OnceLock, time::Duration};

use async_trait::async_trait;
use http_body_util::BodyExt;
use object_store::{
    ClientConfigKey, ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
        HttpResponseBody, HttpService,
    },
};
use reqwest::{
    Body, Client, Url,
    header::{AUTHORIZATION, HeaderValue},
    redirect::Policy,
};

/// For a connection.
const CONNECT: Duration = Duration::from_secs(15);
/// For the next byte of an answer.
const SILENCE: Duration = Duration::from_secs(30);
/// For a whole request: the largest record, over a slow line.
const WHOLE: Duration = Duration::from_mins(3);

/// Makes clients for object stores.
#[derive(Debug)]
pub(super) struct Connector;

/// The clients of a connection to an object store, each made when it is needed first.
#[derive(Debug)]
struct Service {
    /// True if a line may be open: that to a server on this machine, or to the one that hands out a virtual machine's
    /// credentials.
    may_be_open: bool,
    encrypted: OnceLock<Client>,
    open: OnceLock<Client>,
}

/// The reason why a request is not sent.
#[derive(Debug, thiserror::Error)]
#[error("the address has no encryption (`http://`), and is on another machine")]
struct OpenLine;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let allows = options.get_config_value(&ClientConfigKey::AllowHttp);
        Ok(HttpClient::new(Service {
            may_be_open: allows.as_deref() == Some("true"),
            encrypted: OnceLock::new(),
            open: OnceLock::new(),
        }))
    }
}

impl Service {
    /// Returns the client for an address.
    fn client(&self, url: &Url) -> Result<&Client, HttpError> {
        let is_encrypted = url.scheme() == "https";
        if !is_encrypted && !self.may_be_open {
            return Err(HttpError::new(HttpErrorKind::Unknown, OpenLine));
        }
        let place = if is_encrypted { &self.encrypted } else { &self.open };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let client = client(is_encrypted).map_err(failed)?;
        Ok(place.get_or_init(|| client))
    }
}

/// Makes a client for encrypted lines, or one for open ones.
fn client(is_encrypted: bool) -> reqwest::Result<Client> {
    Client::builder()
        .https_only(is_encrypted)
        .tls_built_in_root_certs(is_encrypted)
        .user_agent("codspeed")
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .timeout(WHOLE)
        // Requests are signed for one host.
        .redirect(Policy::none())
        .build()
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url: Result<Url, _> = parts.uri.to_string().parse();
        let url = url.map_err(|err| HttpError::new_boxed(HttpErrorKind::Unknown, Box::new(err)))?;
        let client = self.client(&url)?;
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        // An empty token is none, and some servers refuse it.
        let token = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
        if token.is_some_and(|token| token.trim_ascii() == b"Bearer") {
            request.headers_mut().remove(AUTHORIZATION);
        }
        *request.body_mut() = Some(Body::wrap(body));
        let answer: http::Response<Body> = client.execute(request).await.map_err(failed)?.into();
        let (parts, body) = answer.into_parts();
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body.map_err(failed))))
    }
}

/// Tells failures that another try may mend from others.
fn failed(err: reqwest::Error) -> HttpError {
    let kind = if err.is_timeout() {
        HttpErrorKind::Timeout
    } else if err.is_connect() {
        HttpErrorKind::Connect
    } else if is_cut(&err) {
        HttpErrorKind::Interrupted
    } else if err.is_request() {
        HttpErrorKind::Request
    } else {
        HttpErrorKind::Unknown
    };
    // The address of a request may hold a signature.
    HttpError::new(kind, err.without_url())
}

/// Returns true if the other side has closed the connection before its time.
fn is_cut(err: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(err);
    while let Some(one) = cause {
        let kind = one.downcast_ref::<io::Error>().map(io::Error::kind);
        let cut = [
            io::ErrorKind::ConnectionAborted,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::UnexpectedEof,
        ];
        if kind.is_some_and(|kind| cut.contains(&kind)) {
            return true;
        }
        cause = one.source();
    }
    // An answer that ends in its middle is told in words only.
    err.is_body() || err.is_decode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_read_for_encrypted_lines_only() {
        let of = |may_be_open| Service {
            may_be_open,
            encrypted: OnceLock::new(),
            open: OnceLock::new(),
        };
        let (open, encrypted) =
            ("http://127.0.0.1:1/".parse().unwrap(), "https://a/".parse().unwrap());
        let service = of(true);
        assert!(service.client(&open).is_ok() && service.encrypted.get().is_none());
        assert!(service.client(&encrypted).is_ok() && service.encrypted.get().is_some());
        let service = of(false);
        assert!(service.client(&open).is_err() && service.open.get().is_none());
        assert!(service.client(&encrypted).is_ok());
    }
}
