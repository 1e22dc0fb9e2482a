//! Questions to the service: who is logged in, which repositories there are, what became of a run. One file for each
//! field, with plain types; the shapes of the wire are in `queries.rs`.

use std::time::Duration;

use graphql_client::{GraphQLQuery, QueryBody, Response};
use reqwest::{
    Method, Url,
    header::{self, HeaderValue},
};
use runner_shared::{
    artifact::read_json,
    bounds::{ANSWER_BYTES, JSON_VALUES_BYTES},
};
use serde::Serialize;
use serde_json::Value;

mod compare;
mod login;
mod queries;
mod report;
mod repository;
mod words;

pub use compare::{BenchmarkComparison, Comparison};
pub use login::{LoginSession, Session, User};
pub use report::{BenchmarkResult, MemoryDetails, RunReport, TimeDistribution, WalltimeDetails};
pub use repository::{Overview, RepositoryName, RepositoryOverview};
pub use words::{ComparisonCategory, ComparisonStatus, Conclusion, RunStatus};

use crate::{
    error::{ApiError, Code, one_line},
    http::{Answer, Http, Payload, Request, parse_url, token_header},
    secret::Secret,
    watch::{Step, Watch, unwatched},
};

/// The service, as it answers questions.
#[derive(Debug)]
pub struct Service<'a> {
    http: &'a Http,
    url: Url,
    token: Option<Secret>,
}

/// The body of a request. The name of the operation stands in the query.
#[derive(Serialize)]
struct Question<V> {
    query: &'static str,
    variables: V,
}

impl<'a> Service<'a> {
    /// A service at this address; the token is that of a login.
    pub fn new(http: &'a Http, api_url: &str, token: Option<Secret>) -> Result<Self, ApiError> {
        Ok(Self { http, url: parse_url(api_url)?, token })
    }

    /// Asks, and expects an answer without errors.
    fn ask<Q: GraphQLQuery>(
        &self,
        action: &'static str,
        variables: Q::Variables,
    ) -> Result<Q::ResponseData, ApiError> {
        self.ask_with::<Q>(action, variables, self.token.as_ref(), &[])
    }

    /// Asks. An answer with errors is one all the same if it has data, and all errors are `tolerated`.
    fn ask_with<Q: GraphQLQuery>(
        &self,
        action: &'static str,
        variables: Q::Variables,
        token: Option<&Secret>,
        tolerated: &[Code],
    ) -> Result<Q::ResponseData, ApiError> {
        let QueryBody { query, variables, operation_name: _ } = Q::build_query(variables);
        let text = serde_json::to_string(&Question { query, variables })
            .map_err(|source| ApiError::Metadata { source })?;
        let request = Request {
            action,
            headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            token: token.map(|token| token_header("", token)).transpose()?,
            body: Payload::Text(&text),
            within: Some(self.http.settings().graphql_timeout),
            most_bytes: ANSWER_BYTES,
            takes_errors: true,
            ..Request::new(Method::POST, self.url.clone())
        };
        let answer = self.http.send(&request, &mut unwatched)?;
        let data = data_of(answer, action, tolerated)?;
        let Answered { host, data } = data;
        serde_json::from_value(data).map_err(|err| Answer::garbage(host, action, err))
    }

    /// An error for what isn't there, although the service named no error.
    fn missing(&self, action: &'static str, code: Code, message: &str) -> ApiError {
        let host = self.url.host_str().unwrap_or_default().to_owned();
        ApiError::Refused { action, host, code, message: message.to_owned() }
    }

    /// Asks every `interval` until there is an answer, at most `for_so_long`.
    fn wait<T>(
        &self,
        action: &'static str,
        interval: Duration,
        for_so_long: Duration,
        watch: &mut Watch<'_>,
        mut ask: impl FnMut() -> Result<Option<T>, ApiError>,
    ) -> Result<T, ApiError> {
        let mut so_far = Duration::ZERO;
        loop {
            if let Some(answer) = ask()? {
                return Ok(answer);
            }
            if so_far >= for_so_long {
                return Err(ApiError::NotDone { action, after: so_far });
            }
            if watch(Step::Waiting { so_far }).is_break() {
                return Err(ApiError::Cancelled);
            }
            self.http.pause(interval)?;
            so_far += interval;
        }
    }
}

struct Answered {
    host: String,
    data: Value,
}

fn data_of(answer: Answer, action: &'static str, tolerated: &[Code]) -> Result<Answered, ApiError> {
    let is_success = answer.is_success();
    let parsed = read_json::<Response<Value>>(&answer.body, JSON_VALUES_BYTES);
    let response = match parsed {
        Ok(response) if is_success || response.errors.is_some() => response,
        Err(err) if is_success => return Err(Answer::garbage(answer.host, action, err)),
        Ok(_) | Err(_) => return Err(answer.into_error(action)),
    };
    let host = answer.host;
    let errors = response.errors.unwrap_or_default();
    let data = response.data.filter(|data| !data.is_null());
    let codes = || errors.iter().map(code_of);
    match data {
        Some(data) if is_success && codes().all(|code| tolerated.contains(&code)) => {
            Ok(Answered { host, data })
        }
        None if errors.is_empty() => Err(Answer::garbage(host, action, "it has no data")),
        Some(_) | None => {
            let code = codes().next().unwrap_or_else(|| Code::parse(""));
            let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
            Err(ApiError::Refused { action, host, code, message: one_line(&messages.join("; ")) })
        }
    }
}

fn code_of(error: &graphql_client::Error) -> Code {
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    Code::parse(code.and_then(Value::as_str).unwrap_or_default())
}
