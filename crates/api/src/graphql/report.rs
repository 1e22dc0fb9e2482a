//! The report of a run at the service.

use std::time::Duration;

use super::{
    Service,
    queries::{
        FetchLocalRun, FetchLocalRunReport, fetch_local_run, fetch_local_run_report, is_there,
    },
    words::{Conclusion, RunStatus},
};
use crate::{
    error::{ApiError, Code},
    executor::Executor,
    watch::Watch,
};

const ACTION: &str = "get the results of the run";
/// The interval at which the service is asked whether it has finished.
const INTERVAL: Duration = Duration::from_secs(1);
/// For how long.
const PATIENCE: Duration = Duration::from_mins(5);

/// A run, as the service sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// The id at the service.
    pub run_id: String,
    /// The progress.
    pub status: RunStatus,
    /// The address of its page.
    pub url: String,
    /// How much faster all of it is: 0.1 is 10 %.
    pub impact: Option<f64>,
    /// The conclusion of the report that has the impact, else of the first report.
    pub conclusion: Option<Conclusion>,
    /// How much slower it may be: 0.1 is 10 %.
    pub allowed_regression: Option<f64>,
    /// One for each benchmark.
    pub results: Vec<BenchmarkResult>,
}

/// The result of a benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchmarkResult {
    /// Its name.
    pub name: String,
    /// The instrument that measured it; `None` if the word is unknown.
    pub executor: Option<Executor>,
    /// Seconds; bytes in memory mode.
    pub value: f64,
    /// Simulation mode: where the time goes.
    pub valgrind: Option<TimeDistribution>,
    /// Walltime mode.
    pub walltime: Option<WalltimeDetails>,
    /// Memory mode.
    pub memory: Option<MemoryDetails>,
    /// True if the service could not make a profile of it. Only [`Service::run`] knows.
    pub has_no_profile: bool,
}

/// The place where the estimated time of a simulation goes, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeDistribution {
    /// Instructions.
    pub ir: f64,
    /// Misses of the first cache.
    pub l1m: f64,
    /// Misses of the last cache.
    pub llm: f64,
    /// System calls.
    pub sys: f64,
}

/// More about a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WalltimeDetails {
    /// The number of times that it ran.
    pub iterations: f64,
    /// Standard deviation in seconds.
    pub stdev: f64,
    /// All iterations, in seconds.
    pub total_time: f64,
}

/// More about memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryDetails {
    /// Bytes.
    pub peak_memory: u64,
    /// Bytes.
    pub total_allocated: u64,
    /// Number of calls.
    pub alloc_calls: u64,
}

/// The two questions about a run. A service may know only one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// With its comparison: services that compare runs of a machine with their base.
    Report,
    /// Without: newer services, and older ones beside the other question.
    Run,
}

impl Question {
    const fn other(self) -> Self {
        match self {
            Self::Report => Self::Run,
            Self::Run => Self::Report,
        }
    }
}

/// Returns whether a service did not understand a question, or answered another one. What it says of the
/// token, the repository or the run it would say to any question.
fn is_not_understood(err: &ApiError) -> bool {
    let by_code = matches!(err.code(), Some(Code::Other(_)));
    let by_status = matches!(err.status(), Some(400 | 404 | 422));
    by_code || by_status || matches!(err, ApiError::Garbage { .. })
}

impl Service<'_> {
    /// A run, its comparison with its base, and its results.
    pub fn run_report(&self, owner: &str, name: &str, run_id: &str) -> Result<RunReport, ApiError> {
        let (owner, name, id) = (owner.to_owned(), name.to_owned(), run_id.to_owned());
        let variables = fetch_local_run_report::Variables { owner, name, run_id: id };
        let data = self.ask::<FetchLocalRunReport>(ACTION, variables)?;
        let repository = data.repository.ok_or_else(|| self.no_repository())?;
        let run = repository.run.ok_or_else(|| self.no_run())?;
        let reports = run.head_reports.unwrap_or_default();
        let report = reports.iter().find(|report| report.impact.is_some()).or(reports.first());
        Ok(RunReport {
            run_id: run.id,
            status: run.status,
            url: run.url,
            impact: report.and_then(|report| report.impact),
            conclusion: report.map(|report| report.conclusion),
            allowed_regression: repository.settings.and_then(|it| it.allowed_regression),
            results: run.results.into_iter().flatten().map(Into::into).collect(),
        })
    }

    /// A run and its results, also if they are compared with nothing.
    pub fn run(&self, owner: &str, name: &str, run_id: &str) -> Result<RunReport, ApiError> {
        let (owner, name, id) = (owner.to_owned(), name.to_owned(), run_id.to_owned());
        let variables = fetch_local_run::Variables { owner, name, run_id: id };
        let data = self.ask::<FetchLocalRun>(ACTION, variables)?;
        let repository = data.repository.ok_or_else(|| self.no_repository())?;
        let run = repository.run.ok_or_else(|| self.no_run())?;
        let with_issues = |result: fetch_local_run::FetchLocalRunRepositoryRunResults| {
            let issue = result.issues.as_ref();
            let issue = issue.and_then(|issues| issues.callgraph_generation_failure.as_ref());
            BenchmarkResult { has_no_profile: is_there(issue), ..result.into() }
        };
        Ok(RunReport {
            run_id: run.id,
            status: run.status,
            url: run.url,
            impact: None,
            conclusion: None,
            allowed_regression: None,
            results: run.results.into_iter().flatten().map(with_issues).collect(),
        })
    }

    /// Waits until the service has finished with a run. Asks for its comparison too, and goes on
    /// without where the service doesn't know that question; and the other way round if the
    /// service becomes another one meanwhile.
    pub fn wait_for_report(
        &self,
        owner: &str,
        name: &str,
        run_id: &str,
        watch: &mut Watch<'_>,
    ) -> Result<RunReport, ApiError> {
        let mut question = Question::Report;
        self.wait(ACTION, INTERVAL, PATIENCE, watch, || {
            let ask = |question| match question {
                Question::Report => self.run_report(owner, name, run_id),
                Question::Run => self.run(owner, name, run_id),
            };
            let report = match ask(question) {
                Err(err) if is_not_understood(&err) => {
                    // If neither is understood, the first refusal tells more.
                    let other = ask(question.other());
                    let other = other.map_err(|e| if is_not_understood(&e) { err } else { e });
                    question = question.other();
                    other?
                }
                answered => answered?,
            };
            match report.status {
                RunStatus::Pending | RunStatus::Processing => Ok(None),
                RunStatus::Failure => Err(ApiError::RunFailed { run_id: run_id.to_owned() }),
                RunStatus::Completed | RunStatus::Unknown => Ok(Some(report)),
            }
        })
    }

    fn no_repository(&self) -> ApiError {
        self.missing(ACTION, Code::RepositoryNotFound, "repository not found")
    }

    fn no_run(&self) -> ApiError {
        self.missing(ACTION, Code::RunNotFound, "run not found")
    }
}

/// Two queries, two sets of types with the same fields.
macro_rules! result_from {
    ($result:ty) => {
        impl From<$result> for BenchmarkResult {
            fn from(result: $result) -> Self {
                let distribution = result.valgrind.and_then(|it| it.time_distribution);
                Self {
                    name: result.benchmark.name,
                    executor: Executor::parse(&result.benchmark.executor),
                    value: result.value,
                    valgrind: distribution.map(|it| TimeDistribution {
                        ir: it.ir,
                        l1m: it.l1m,
                        llm: it.llm,
                        sys: it.sys,
                    }),
                    walltime: result.walltime.map(|it| WalltimeDetails {
                        iterations: it.iterations,
                        stdev: it.stdev,
                        total_time: it.total_time,
                    }),
                    memory: result.memory.map(|it| MemoryDetails {
                        peak_memory: it.peak_memory.0,
                        total_allocated: it.total_allocated.0,
                        alloc_calls: it.alloc_calls.0,
                    }),
                    has_no_profile: false,
                }
            }
        }
    };
}

result_from!(fetch_local_run_report::FetchLocalRunReportRepositoryRunResults);
result_from!(fetch_local_run::FetchLocalRunRepositoryRunResults);
