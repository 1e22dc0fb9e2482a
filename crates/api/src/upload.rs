//! The upload: a token, then the metadata, then the archive to where the service says.

use reqwest::{
    Method, Url,
    header::{self, HeaderValue},
};
use serde::Deserialize;

use crate::{
    archive::{Archive, Encoding},
    error::ApiError,
    http::{Answer, Http, Payload, Request, Retries, parse_url, token_header},
    metadata::{Metadata, Submission},
    oidc::TokenSource,
    secret::Secret,
    watch::{Step, Watch},
};

/// The `action` of errors of the service when it is told of a run.
pub const REGISTER_THE_RUN: &str = "register the run";
/// The `action` of errors of the storage, which is no part of the service.
pub const SEND_THE_ARCHIVE: &str = "send the archive";

/// The response of the service to an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The id of the run at the service.
    pub run_id: String,
    /// The service's word for what becomes of it.
    pub status: String,
}

/// The answer to the metadata.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    status: String,
    /// Holds a secret: no message shows it.
    upload_url: String,
    run_id: String,
}

impl Http {
    /// Uploads an archive. The token is asked for once; each request may be made several times. The archive stays where
    /// it is, so that a failed upload can be repeated.
    pub fn upload(
        &self,
        upload_url: &str,
        source: &TokenSource,
        archive: &Archive,
        submission: &Submission,
        watch: &mut Watch<'_>,
    ) -> Result<Uploaded, ApiError> {
        let url = parse_url(upload_url)?;
        let token = self.token(source, watch)?;
        let metadata = Metadata::new(submission, archive, token.is_none())
            .map_err(|source| ApiError::Metadata { source })?;
        if token.is_none() {
            let line = format!("CodSpeed Run Hash: \"{}\"", metadata.hash());
            go_on(watch, Step::Tokenless { line: &line })?;
        }
        let (uploaded, storage) = self.register(url, token.as_ref(), &metadata, watch)?;
        go_on(watch, Step::Registered { run_id: &uploaded.run_id })?;
        self.put(storage, archive, watch)?;
        Ok(uploaded)
    }

    fn token(
        &self,
        source: &TokenSource,
        watch: &mut Watch<'_>,
    ) -> Result<Option<Secret>, ApiError> {
        match source {
            TokenSource::Known(token) => Ok(Some(token.clone())),
            TokenSource::Tokenless => Ok(None),
            TokenSource::Oidc(oidc) => match oidc.ask(self, watch) {
                Ok(token) => {
                    go_on(watch, Step::Token { token: &token })?;
                    Ok(Some(token))
                }
                Err(error) if oidc.is_required || matches!(error, ApiError::Cancelled) => {
                    Err(error)
                }
                Err(error) => {
                    go_on(watch, Step::NoToken { error: &error })?;
                    Ok(None)
                }
            },
        }
    }

    fn register(
        &self,
        url: Url,
        token: Option<&Secret>,
        metadata: &Metadata,
        watch: &mut Watch<'_>,
    ) -> Result<(Uploaded, Url), ApiError> {
        let action = REGISTER_THE_RUN;
        let request = Request {
            action,
            headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            token: token.map(|token| token_header("", token)).transpose()?,
            body: Payload::Text(metadata.json()),
            retries: Retries::Some,
            ..Request::new(Method::POST, url)
        };
        let Answer { host, body, .. } = self.send(&request, watch)?;
        match serde_json::from_slice(&body) {
            Ok(Registered { status, upload_url, run_id }) => {
                let storage = parse_url(&upload_url).map_err(|_shows_the_address| {
                    Answer::garbage(host, action, "`uploadUrl` is not an address")
                })?;
                Ok((Uploaded { run_id, status }, storage))
            }
            Err(err) => Err(Answer::garbage(host, action, err)),
        }
    }

    /// Sends the archive to a storage that knows us by the address alone.
    fn put(&self, url: Url, archive: &Archive, watch: &mut Watch<'_>) -> Result<(), ApiError> {
        let md5 = HeaderValue::try_from(&archive.md5)
            .map_err(|err| ApiError::Setup { source: err.into() })?;
        let mut headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar")),
            (header::HeaderName::from_static("content-md5"), md5),
        ];
        match archive.encoding {
            Some(Encoding::Gzip) => {
                headers.push((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
            }
            None => {}
        }
        let request = Request {
            action: SEND_THE_ARCHIVE,
            headers,
            body: Payload::Archive(archive),
            retries: Retries::Some,
            ..Request::new(Method::PUT, url)
        };
        self.send(&request, watch).map(drop)
    }
}

fn go_on(watch: &mut Watch<'_>, step: Step<'_>) -> Result<(), ApiError> {
    if watch(step).is_break() { Err(ApiError::Cancelled) } else { Ok(()) }
}
