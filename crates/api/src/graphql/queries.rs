//! Queries and the shapes of their answers, generated from the `.graphql` files beside.

use graphql_client::GraphQLQuery;
use serde::{Deserialize, Deserializer};

use super::words::{ComparisonCategory, ComparisonStatus, Conclusion, RunStatus};
use crate::context::RepositoryProvider;

/// A whole number that comes as a number or as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count(pub(super) u64);

/// A value of which only matters whether it is there.
type Anything = serde_json::Value;

/// Returns whether there is something, other than "no".
pub(super) fn is_there(value: Option<&Anything>) -> bool {
    value.is_some_and(|value| !value.is_null() && *value != Anything::Bool(false))
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(Self(number)),
            Either::Text(text) => text.parse().map(Self).map_err(serde::de::Error::custom),
        }
    }
}

macro_rules! operations {
    ($($name:ident in $file:tt,)*) => {
        $(
            #[derive(GraphQLQuery)]
            #[graphql(
                schema_path = "src/graphql/schema.graphql",
                query_path = $file,
                response_derives = "Debug",
                variables_derives = "Debug",
                extern_enums(
                    "RepositoryProvider",
                    "RunStatus",
                    "Conclusion",
                    "ComparisonCategory",
                    "ComparisonStatus"
                ),
                fragments_other_variant = "true"
            )]
            pub(super) struct $name;
        )*
    };
}

operations! {
    Session in "src/graphql/session.graphql",
    SessionAndRepositoryOverview in "src/graphql/session_and_repository_overview.graphql",
    Repository in "src/graphql/repository.graphql",
    Mutation in "src/graphql/get_or_create_project_repository.graphql",
    CreateLoginSession in "src/graphql/create_login_session.graphql",
    ConsumeLoginSession in "src/graphql/consume_login_session.graphql",
    FetchLocalRunReport in "src/graphql/fetch_local_run_report.graphql",
    FetchLocalRun in "src/graphql/fetch_local_run.graphql",
    CompareRuns in "src/graphql/compare_runs.graphql",
}
