//! Two runs side by side.

use super::{
    Service,
    queries::{CompareRuns, compare_runs, is_there},
    words::{ComparisonCategory, ComparisonStatus, RunStatus},
};
use crate::{
    error::{ApiError, Code},
    executor::Executor,
};

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The address of its page.
    pub url: String,
    /// How much faster all of it is: 0.1 is 10 %.
    pub impact: Option<f64>,
    /// The id of the new run at the service.
    pub head_run_id: String,
    /// The progress of the service with the new run.
    pub head_status: RunStatus,
    /// One for each benchmark of either run.
    pub benchmarks: Vec<BenchmarkComparison>,
}

/// A benchmark in two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchmarkComparison {
    /// Its name.
    pub name: String,
    /// The instrument that measured it; `None` if the word is unknown.
    pub executor: Option<Executor>,
    /// In the new run: seconds, or bytes in memory mode.
    pub value: Option<f64>,
    /// In the base run.
    pub base_value: Option<f64>,
    /// How much faster it is: 0.1 is 10 %.
    pub change: Option<f64>,
    /// The category of the difference, as people set it.
    pub category: ComparisonCategory,
    /// The status of the difference, by its numbers.
    pub status: ComparisonStatus,
    /// True if the service could not make a profile of it.
    pub has_no_profile: bool,
}

impl Service<'_> {
    /// Compares a run with a base. [`Code::RunNotFound`] and [`Code::NotFound`] (of another kind) mean that this can't be
    /// done, and that the run itself can be shown all the same.
    pub fn compare_runs(
        &self,
        owner: &str,
        name: &str,
        base_run_id: &str,
        head_run_id: &str,
    ) -> Result<Comparison, ApiError> {
        let action = "compare the runs";
        let variables = compare_runs::Variables {
            owner: owner.to_owned(),
            name: name.to_owned(),
            base_run_id: base_run_id.to_owned(),
            head_run_id: head_run_id.to_owned(),
        };
        let data = self.ask::<CompareRuns>(action, variables)?;
        let repository = data.repository.ok_or_else(|| {
            self.missing(action, Code::RepositoryNotFound, "repository not found")
        })?;
        let comparison = repository
            .paginated_compare_runs
            .ok_or_else(|| self.missing(action, Code::NotFound, "comparison not found"))?;
        Ok(Comparison {
            url: comparison.url,
            impact: comparison.impact,
            head_run_id: comparison.head_run.id,
            head_status: comparison.head_run.status,
            benchmarks: comparison.result_comparisons.into_iter().map(Into::into).collect(),
        })
    }
}

type Row = compare_runs::CompareRunsRepositoryPaginatedCompareRunsResultComparisons;

impl From<Row> for BenchmarkComparison {
    fn from(row: Row) -> Self {
        let issues = row.result.and_then(|result| result.issues);
        let issue = issues.and_then(|issues| issues.callgraph_generation_failure);
        Self {
            name: row.benchmark.name,
            executor: Executor::parse(&row.benchmark.executor),
            value: row.value,
            base_value: row.base_value,
            change: row.change,
            category: row.category,
            status: row.status,
            has_no_profile: is_there(issue.as_ref()),
        }
    }
}
