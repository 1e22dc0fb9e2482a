//! Where the token of an upload comes from. A CI system's own token lives for minutes only, so it is asked for at the
//! last moment.

use reqwest::{Method, header};
use serde::Deserialize;

use crate::{
    error::ApiError,
    http::{Answer, Http, Request, Retries, parse_url, token_header},
    secret::Secret,
    watch::Watch,
};

/// For whom the token is made.
const AUDIENCE: &str = "codspeed.io";

/// The `action` of errors of the CI system.
pub const ASK_FOR_A_TOKEN: &str = "get a token from the CI system";

/// The origin of the token of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// It is known.
    Known(Secret),
    /// The CI system makes one (`OpenID` Connect).
    Oidc(Oidc),
    /// There is none: the service looks for the upload's hash in the public log of the job.
    Tokenless,
}

/// A CI system that makes tokens, as GitHub does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// The place where it is asked.
    pub url: String,
    /// The token that proves who asks.
    pub token: Secret,
    /// True if the upload fails without a token: it does for a private repository. Otherwise it goes on without one.
    pub is_required: bool,
}

#[derive(Deserialize)]
struct Token {
    value: String,
}

impl Oidc {
    /// Asks for a token.
    pub fn ask(&self, http: &Http, watch: &mut Watch<'_>) -> Result<Secret, ApiError> {
        let action = ASK_FOR_A_TOKEN;
        let mut url = parse_url(&self.url)?;
        url.query_pairs_mut().append_pair("audience", AUDIENCE);
        let json = header::HeaderValue::from_static("application/json");
        let request = Request {
            action,
            headers: vec![(header::ACCEPT, json)],
            token: Some(token_header("Bearer ", &self.token)?),
            retries: Retries::Many,
            ..Request::new(Method::GET, url)
        };
        let Answer { host, body, .. } = http.send(&request, watch)?;
        match serde_json::from_slice::<Token>(&body) {
            Ok(Token { value }) => Secret::new(&value)
                .ok_or_else(|| Answer::garbage(host, action, "the token is empty")),
            Err(err) => Err(Answer::garbage(host, action, err)),
        }
    }
}
