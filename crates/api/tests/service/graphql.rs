//! Questions and answers in GraphQL.

use std::time::Duration;

use api::{
    ApiError, BenchmarkComparison, BenchmarkResult, Code, Comparison, ComparisonCategory,
    ComparisonStatus, Conclusion, Executor, Http, LoginSession, MemoryDetails, RepositoryName,
    RepositoryOverview, RepositoryProvider, RunReport, RunStatus, Secret, Service, Session,
    TimeDistribution, User, WalltimeDetails, unwatched,
};
use serde_json::json;
use test_support::{Answer, FakeApi, Gate};

use crate::support::{client, client_with, note};

fn service<'a>(http: &'a Http, api: &FakeApi) -> Service<'a> {
    Service::new(http, &api.graphql_url(), Secret::new("login-token")).unwrap()
}

fn widgets() -> RepositoryName {
    RepositoryName {
        provider: RepositoryProvider::GitHub,
        owner: "acme".to_owned(),
        name: "widgets".to_owned(),
    }
}

fn refusal(code: &str) -> Answer {
    let error = json!({"message": format!("no:\n{code}"), "extensions": {"code": code}});
    Answer::json(&json!({"data": null, "errors": [error]}).to_string())
}

#[test]
fn a_question_is_a_query_with_variables_and_the_raw_token() {
    let (api, (http, _)) = (FakeApi::start(), client());
    api.on("Repository", [Answer::json(r#"{"data": {"repository": {"id": "r1"}}}"#)]);
    let id = service(&http, &api).repository_id(&widgets()).unwrap();
    assert_eq!(id.as_deref(), Some("r1"));
    let request = &api.requests()[0];
    assert_eq!(request.header("authorization"), Some("login-token"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    let body = request.json();
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["query", "variables"]);
    let variables = json!({"owner": "acme", "name": "widgets", "provider": "GITHUB"});
    assert_eq!(body["variables"], variables);
    let words: Vec<&str> = body["query"].as_str().unwrap().split_whitespace().collect();
    assert_eq!(
        words.join(" "),
        "query Repository($owner: String!, $name: String!, $provider: RepositoryProvider) { \
         repository(owner: $owner, name: $name, provider: $provider) { id } }"
    );
}

#[test]
fn a_login_needs_no_token_and_is_waited_for() {
    let (api, (http, pauses)) = (FakeApi::start(), client());
    let begun =
        json!({"createLoginSession": {"callbackUrl": "http://127.0.0.1/b", "sessionId": "s"}});
    api.on("CreateLoginSession", [Answer::json(&json!({"data": begun}).to_string())]);
    let pending = Answer::json(r#"{"data": {"consumeLoginSession": {"token": null}}}"#);
    let done = Answer::json(r#"{"data": {"consumeLoginSession": {"token": "fresh"}}}"#);
    api.on("ConsumeLoginSession", [pending.clone(), pending.clone(), done]);
    let service = service(&http, &api);
    let session = service.create_login_session().unwrap();
    let expected =
        LoginSession { callback_url: "http://127.0.0.1/b".to_owned(), session_id: "s".to_owned() };
    assert_eq!(session, expected);
    let mut seen = Vec::new();
    let token = service.wait_for_login(&session.session_id, &mut note(&mut seen)).unwrap();
    assert_eq!(token.expose(), "fresh");
    assert_eq!(pauses.seconds(), [5, 5]);
    assert_eq!(seen, ["waiting, 0ns so far", "waiting, 5s so far"]);
    let requests = api.requests();
    assert!(requests.iter().all(|request| request.header("authorization").is_none()));
    assert!(requests[0].json().as_object().unwrap().contains_key("variables"));
    assert_eq!(requests[1].json()["variables"], json!({"sessionId": "s"}));

    api.on("ConsumeLoginSession", [pending]);
    let err = service.wait_for_login("s", &mut unwatched).unwrap_err();
    let patience = Duration::from_mins(5);
    assert!(matches!(err, ApiError::NotDone { after, .. } if after == patience), "{err}");
    assert_eq!(api.requests().len(), 4 + 61);
}

#[test]
fn a_session_says_whose_token_it_is() {
    let (api, (http, _)) = (FakeApi::start(), client());
    let service = service(&http, &api);
    let user = json!({"login": "alice", "provider": "GITHUB"});
    let somebody = User { login: "alice".to_owned(), provider: "GITHUB".to_owned() };
    for (answer, expected) in [
        (json!({"user": user}), Some(Session { user: Some(somebody) })),
        (json!({"user": null}), Some(Session { user: None })),
        (json!(null), None),
    ] {
        let text = json!({"data": {"session": answer}}).to_string();
        api.on("Session", [Answer::json(&text)]);
        assert_eq!(service.session().unwrap(), expected);
    }
    let body = api.requests()[0].json();
    assert!(body["variables"].is_null() || body["variables"] == json!({}), "{body}");
}

#[test]
fn an_overview_uses_what_there_is_beside_an_unknown_repository() {
    let (api, (http, _)) = (FakeApi::start(), client());
    let service = service(&http, &api);
    let session = json!({"user": {"login": "alice", "provider": "GITHUB"}});
    let found = |kind: &str, access: bool| {
        let overview = json!({"__typename": kind, "owner": "acme", "name": "widgets",
            "provider": "GITHUB", "hasWriteAccess": access});
        let data = json!({"session": session, "repositoryOverview": overview});
        Answer::json(&json!({"data": data}).to_string())
    };
    let errors = json!([{"message": "none", "extensions": {"code": "REPOSITORY_NOT_FOUND"}}]);
    let unknown =
        json!({"data": {"session": session, "repositoryOverview": null}, "errors": errors});
    api.on(
        "SessionAndRepositoryOverview",
        [
            found("Repository", true),
            found("AvailableRepository", false),
            found("SomethingNew", true),
            Answer::json(&unknown.to_string()),
        ],
    );
    let overview = |has_write_access, is_enabled| {
        Some(RepositoryOverview { repository: widgets(), has_write_access, is_enabled })
    };
    for expected in [overview(true, true), overview(false, false), None, None] {
        let got = service.repository_overview(&widgets()).unwrap();
        assert_eq!(got.repository, expected);
        assert_eq!(got.session.unwrap().user.unwrap().login, "alice");
    }
}

#[test]
fn a_project_stands_in_for_a_repository() {
    let (api, (http, _)) = (FakeApi::start(), client());
    let project = json!({"provider": "PROJECT", "owner": "alice", "name": "local-runs"});
    let data = json!({"data": {"getOrCreateProjectRepository": project}});
    api.on("Mutation", [Answer::json(&data.to_string())]);
    let got = service(&http, &api).get_or_create_project_repository("local-runs").unwrap();
    let expected = RepositoryName {
        provider: RepositoryProvider::Project,
        owner: "alice".to_owned(),
        name: "local-runs".to_owned(),
    };
    assert_eq!(got, expected);
}

#[test]
fn a_repository_that_is_not_found_is_no_error() {
    let (api, (http, pauses)) = (FakeApi::start(), client());
    let service = service(&http, &api);
    api.on("Repository", [refusal("REPOSITORY_NOT_FOUND"), refusal("UNAUTHENTICATED")]);
    assert_eq!(service.repository_id(&widgets()).unwrap(), None);
    let err = service.repository_id(&widgets()).unwrap_err();
    assert_eq!(err.code(), Some(&Code::Unauthenticated));
    assert!(err.is_about_the_token());
    let text = err.to_string();
    assert!(text.starts_with("could not look up the repository: 127.0.0.1:"), "{text}");
    assert!(text.ends_with(" says: no: UNAUTHENTICATED"), "{text}");

    // Data beside any other error are not to be trusted.
    let both = json!({"data": {"repository": {"id": "r1"}}, "errors": [{"message": "half"}]});
    api.on("Repository", [Answer::json(&both.to_string())]);
    let err = service.repository_id(&widgets()).unwrap_err();
    assert_eq!(err.code(), Some(&Code::Other(String::new())));
    assert_eq!(pauses.seconds(), [0; 0]);
}

#[test]
fn errors_of_http_are_told_once_with_the_messages_inside() {
    let (api, (http, pauses)) = (FakeApi::start(), client());
    let service = service(&http, &api);
    let errors = json!({"errors": [{"message": "bad"}, {"message": "worse"}]}).to_string();
    api.on("Session", [Answer::text(400, &errors), Answer::text(502, "<h1>bad gateway</h1>")]);
    let err = service.session().unwrap_err();
    assert!(err.to_string().ends_with(" says: bad; worse"), "{err}");
    let err = service.session().unwrap_err();
    assert_eq!(err.status(), Some(502));
    assert!(err.to_string().ends_with(" responded with 502: <h1>bad gateway</h1>"), "{err}");
    for nonsense in ["", "[]", "{}", r#"{"data": null}"#, r#"{"data": {"session": 1}}"#] {
        api.on("Session", [Answer::json(nonsense)]);
        let err = service.session().unwrap_err();
        assert!(matches!(err, ApiError::Garbage { .. }), "{nonsense}: {err}");
    }
    assert_eq!((pauses.seconds().len(), api.requests().len()), (0, 7));
}

#[test]
fn a_location_is_followed_and_the_token_stays_at_home() {
    let (api, elsewhere, (http, _)) = (FakeApi::start(), FakeApi::start(), client());
    api.on("Session", [Answer::redirect(301, &elsewhere.graphql_url())]);
    elsewhere.on("Session", [Answer::json(r#"{"data": {"session": null}}"#)]);
    assert_eq!(service(&http, &api).session().unwrap(), None);
    let request = &elsewhere.requests()[0];
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.body, api.requests()[0].body);
}

#[test]
fn a_question_has_a_time_of_its_own() {
    let gate = Gate::new();
    let patience = Duration::from_millis(50);
    let (http, _) = client_with(|settings| settings.graphql_timeout = patience);
    let api = FakeApi::start();
    api.on("Session", [Answer::json("{}").held(&gate)]);
    let err = service(&http, &api).session().unwrap_err();
    assert!(matches!(err, ApiError::TimedOut { after, .. } if after == patience), "{err}");
}

fn results() -> serde_json::Value {
    json!([
        {"benchmark": {"name": "a", "executor": "valgrind"}, "value": 0.5,
         "valgrind": {"timeDistribution": {"ir": 0.25, "l1m": 0.125, "llm": 0.0625, "sys": 0}},
         "walltime": null, "memory": null, "issues": {"callgraphGenerationFailure": "TOO_LARGE"}},
        {"benchmark": {"name": "b", "executor": "walltime"}, "value": 1,
         "valgrind": null, "walltime": {"iterations": 7, "stdev": 0.5, "totalTime": 7.5},
         "memory": null, "issues": {"callgraphGenerationFailure": null}},
        {"benchmark": {"name": "c", "executor": "memory"}, "value": 4096, "valgrind": null,
         "walltime": null, "issues": null, "memory":
         {"peakMemory": "18446744073709551615", "totalAllocated": 4096, "allocCalls": "2"}},
        {"benchmark": {"name": "d", "executor": "quantum"}, "value": 2, "valgrind":
         {"timeDistribution": null}, "walltime": null, "memory": null, "issues": null},
    ])
}

fn plain_results(knows_profiles: bool) -> Vec<BenchmarkResult> {
    let result = |name: &str, executor, value| BenchmarkResult {
        name: name.to_owned(),
        executor,
        value,
        valgrind: None,
        walltime: None,
        memory: None,
        has_no_profile: false,
    };
    let distribution = TimeDistribution { ir: 0.25, l1m: 0.125, llm: 0.0625, sys: 0.0 };
    let walltime = WalltimeDetails { iterations: 7.0, stdev: 0.5, total_time: 7.5 };
    let memory = MemoryDetails { peak_memory: u64::MAX, total_allocated: 4096, alloc_calls: 2 };
    vec![
        BenchmarkResult {
            valgrind: Some(distribution),
            has_no_profile: knows_profiles,
            ..result("a", Some(Executor::Valgrind), 0.5)
        },
        BenchmarkResult { walltime: Some(walltime), ..result("b", Some(Executor::Walltime), 1.0) },
        BenchmarkResult { memory: Some(memory), ..result("c", Some(Executor::Memory), 4096.0) },
        result("d", None, 2.0),
    ]
}

fn report(status: &str, head_reports: &serde_json::Value) -> Answer {
    let run = json!({"id": "run-1", "status": status, "url": "http://a.test/r",
        "headReports": head_reports, "results": results()});
    let repository = json!({"settings": {"allowedRegression": 0.1}, "run": run});
    Answer::json(&json!({"data": {"repository": repository}}).to_string())
}

#[test]
fn a_report_is_waited_for_and_has_impact_and_results() {
    let (api, (http, pauses)) = (FakeApi::start(), client());
    let reports = json!([
        {"id": "1", "impact": null, "conclusion": "MissingBaseRun"},
        {"id": "2", "impact": -0.25, "conclusion": "Failure"},
    ]);
    let pending = [report("PENDING", &json!(null)), report("PROCESSING", &json!([]))];
    api.on("FetchLocalRunReport", pending.into_iter().chain([report("COMPLETED", &reports)]));
    let service = service(&http, &api);
    let got = service.wait_for_report("acme", "widgets", "run-1", &mut unwatched).unwrap();
    let expected = RunReport {
        run_id: "run-1".to_owned(),
        status: RunStatus::Completed,
        url: "http://a.test/r".to_owned(),
        impact: Some(-0.25),
        conclusion: Some(Conclusion::Failure),
        allowed_regression: Some(0.1),
        results: plain_results(false),
    };
    assert_eq!(got, expected);
    assert_eq!(pauses.seconds(), [1, 1]);
    let variables = json!({"owner": "acme", "name": "widgets", "runId": "run-1"});
    assert_eq!(api.requests()[0].json()["variables"], variables);

    let reason = json!([{"id": "1", "impact": null, "conclusion": "SomethingNew"}]);
    api.on("FetchLocalRunReport", [report("COMPLETED", &reason)]);
    let got = service.run_report("acme", "widgets", "run-1").unwrap();
    assert_eq!((got.impact, got.conclusion), (None, Some(Conclusion::Unknown)));
}

#[test]
fn a_run_that_failed_and_one_that_takes_too_long_are_errors() {
    let (api, (http, pauses)) = (FakeApi::start(), client());
    let service = service(&http, &api);
    api.on("FetchLocalRunReport", [report("FAILURE", &json!([]))]);
    let err = service.wait_for_report("acme", "widgets", "run-1", &mut unwatched).unwrap_err();
    assert_eq!(err.to_string(), "the service could not process run run-1");
    api.on("FetchLocalRunReport", [report("PENDING", &json!([]))]);
    let err = service.wait_for_report("acme", "widgets", "run-1", &mut unwatched).unwrap_err();
    assert!(matches!(err, ApiError::NotDone { .. }), "{err}");
    assert_eq!(pauses.seconds().iter().sum::<u64>(), 300);
}

/// A service that does not have a field that is asked for.
fn not_understood() -> Answer {
    let error = json!({"message": "Cannot query field \"x\" on type \"Run\".",
        "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}});
    Answer::json(&json!({ "errors": [error] }).to_string())
}

#[test]
fn a_service_that_knows_one_of_the_questions_is_asked_that_one() {
    let run = |status: &str| {
        let run = json!({"id": "run-1", "status": status, "url": "u", "results": results()});
        Answer::json(&json!({"data": {"repository": {"run": run}}}).to_string())
    };
    let garbage = || Answer::json(r#"{"data": {"repository": {"run": {"id": 7}}}}"#);
    for refusal in [not_understood, garbage, || Answer::text(400, "no such field")] {
        let (api, (http, _)) = (FakeApi::start(), client());
        api.on("FetchLocalRunReport", [refusal()]);
        api.on("FetchLocalRun", [run("PENDING"), run("COMPLETED")]);
        let service = service(&http, &api);
        let got = service.wait_for_report("acme", "widgets", "run-1", &mut unwatched).unwrap();
        assert_eq!((got.conclusion, got.results), (None, plain_results(true)));
        assert_eq!(api.routes(), ["FetchLocalRunReport", "FetchLocalRun", "FetchLocalRun"]);
    }
    // The other way round: it becomes an older one while we wait.
    let (api, (http, _)) = (FakeApi::start(), client());
    let reports = json!([{"id": "1", "impact": 0.1, "conclusion": "Success"}]);
    api.on("FetchLocalRunReport", [not_understood(), report("COMPLETED", &reports)]);
    api.on("FetchLocalRun", [run("PENDING"), not_understood()]);
    let service = service(&http, &api);
    let got = service.wait_for_report("acme", "widgets", "run-1", &mut unwatched).unwrap();
    assert_eq!(got.conclusion, Some(Conclusion::Success));
}

#[test]
fn a_service_that_knows_neither_question_or_no_run_is_an_error() {
    let (api, (http, _)) = (FakeApi::start(), client());
    let service = service(&http, &api);
    api.on("FetchLocalRunReport", [Answer::text(400, "not this")]);
    api.on("FetchLocalRun", [Answer::text(400, "nor that")]);
    let err = service.wait_for_report("acme", "widgets", "run-1", &mut unwatched).unwrap_err();
    assert!(err.to_string().contains("not this"), "{err}");
    // What any question is answered with is not asked twice.
    let no_run = json!({"data": {"repository": {"run": null}}}).to_string();
    api.on("FetchLocalRunReport", [Answer::json(&no_run)]);
    let err = service.wait_for_report("acme", "widgets", "run-1", &mut unwatched).unwrap_err();
    assert_eq!(err.code(), Some(&Code::RunNotFound));
    let asked = ["FetchLocalRunReport", "FetchLocalRun", "FetchLocalRunReport"];
    assert_eq!(api.routes(), asked);
}

#[test]
fn a_run_has_results_without_a_report() {
    let (api, (http, _)) = (FakeApi::start(), client());
    let service = service(&http, &api);
    let run = json!({"id": "run-1", "status": "COMPLETED", "url": "u", "results": results()});
    let answer = json!({"data": {"repository": {"run": run}}}).to_string();
    let no_run = json!({"data": {"repository": {"run": null}}}).to_string();
    let nothing = json!({"data": {"repository": null}}).to_string();
    api.on("FetchLocalRun", [answer, no_run, nothing].map(|text| Answer::json(&text)));
    let got = service.run("acme", "widgets", "run-1").unwrap();
    assert_eq!((got.impact, got.conclusion, got.allowed_regression), (None, None, None));
    assert_eq!(got.results, plain_results(true));
    for code in [Code::RunNotFound, Code::RepositoryNotFound] {
        let err = service.run("acme", "widgets", "run-1").unwrap_err();
        assert_eq!(err.code(), Some(&code));
    }
}

#[test]
fn two_runs_are_compared() {
    let (api, (http, _)) = (FakeApi::start(), client());
    let row = json!({"benchmark": {"name": "a", "executor": "walltime"}, "value": 2,
        "baseValue": 1.5, "change": -0.25, "category": "Acknowledged", "status": "Regression",
        "result": {"issues": {"callgraphGenerationFailure": true}}});
    let new = json!({"benchmark": {"name": "b", "executor": "memory"}, "value": null,
        "baseValue": null, "change": null, "category": "Archived", "status": "Strange",
        "result": null});
    let comparison = json!({"impact": 0.5, "url": "u", "resultComparisons": [row, new],
        "headRun": {"id": "h", "status": "PROCESSING"}});
    let answer = json!({"data": {"repository": {"paginatedCompareRuns": comparison}}}).to_string();
    let gone = refusal("RUN_NOT_FOUND");
    api.on("CompareRuns", [Answer::json(&answer), gone, refusal("NOT_FOUND")]);
    let service = service(&http, &api);
    let got = service.compare_runs("acme", "widgets", "b", "h").unwrap();
    let expected = Comparison {
        url: "u".to_owned(),
        impact: Some(0.5),
        head_run_id: "h".to_owned(),
        head_status: RunStatus::Processing,
        benchmarks: vec![
            BenchmarkComparison {
                name: "a".to_owned(),
                executor: Some(Executor::Walltime),
                value: Some(2.0),
                base_value: Some(1.5),
                change: Some(-0.25),
                category: ComparisonCategory::Acknowledged,
                status: ComparisonStatus::Regression,
                has_no_profile: true,
            },
            BenchmarkComparison {
                name: "b".to_owned(),
                executor: Some(Executor::Memory),
                value: None,
                base_value: None,
                change: None,
                category: ComparisonCategory::Archived,
                status: ComparisonStatus::Unknown,
                has_no_profile: false,
            },
        ],
    };
    assert_eq!(got, expected);
    let variables = json!({"owner": "acme", "name": "widgets", "baseRunId": "b", "headRunId": "h"});
    assert_eq!(api.requests()[0].json()["variables"], variables);
    for code in [Code::RunNotFound, Code::NotFound] {
        let err = service.compare_runs("acme", "widgets", "b", "h").unwrap_err();
        assert_eq!(err.code(), Some(&code));
    }
}
