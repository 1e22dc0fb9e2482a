//! Object stores are reached by the HTTP client that the rest of the program has: one implementation of TLS, one set of
//! certificates, one rule for silence.

use std::{io, time::Duration};

use async_trait::async_trait;
use http_body_util::BodyExt;
use object_store::{
    ClientConfigKey, ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
        HttpResponseBody, HttpService,
    },
};
use reqwest::{Body, Client, redirect::Policy};

/// For a connection.
const CONNECT: Duration = Duration::from_secs(15);
/// For the next byte of an answer.
const SILENCE: Duration = Duration::from_secs(30);
/// For a whole request: the largest record, over a slow line.
const WHOLE: Duration = Duration::from_mins(3);

/// Makes clients for object stores.
#[derive(Debug)]
pub(super) struct Connector;

#[derive(Debug)]
struct Service(Client);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // Only a server on this machine, and the one that hands out a virtual machine's credentials, has no encryption.
        let allows = options.get_config_value(&ClientConfigKey::AllowHttp);
        let client = Client::builder()
            .https_only(allows.as_deref() != Some("true"))
            .user_agent("codspeed")
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .timeout(WHOLE)
            // Requests are signed for one host.
            .redirect(Policy::none())
            .build();
        let failed = |source: reqwest::Error| object_store::Error::Generic {
            store: "HTTP",
            source: source.into(),
        };
        client.map(|client| HttpClient::new(Service(client))).map_err(failed)
    }
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string().parse();
        let url = url.map_err(|err| HttpError::new_boxed(HttpErrorKind::Unknown, Box::new(err)))?;
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(Body::wrap(body));
        let answer: http::Response<Body> = self.0.execute(request).await.map_err(failed)?.into();
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
