//! A service that says no, says nothing, or says nonsense: the error tells what to do, and nothing is lost.

use nix::sys::signal::Signal;
use runner_shared::text::shown;
use serde_json::json;
use test_support::{Answer, FakeApi, Gate, Run, Sandbox};

use crate::{
    service::{LOCAL, LOGIN, asked, data, files, names, quick, refusal, report, the_asked, user},
    stage::{codspeed, nothing_is_left, start},
};

/// Returns what the error says, without the address of the service.
fn told(sandbox: &Sandbox, api: &FakeApi, run: &Run) -> String {
    let host = api.url("").replace("http://", "");
    let at = run.stderr.find("error: ").unwrap_or(0);
    let text = run.stderr.get(at..).unwrap().replace(&host, "[service]");
    text.replace(&shown(sandbox.path()).into_owned(), "[sandbox]")
}

/// A run whose upload fails like this; afterwards the same bytes arrive. Returns what the user was told.
#[track_caller]
fn refused(route: &str, answer: Answer, tries: usize) -> String {
    let (sandbox, api) = user();
    api.on(route, [answer]);
    let run = codspeed(&sandbox, quick(&[]));
    assert_eq!(run.code, 5, "{}", run.shown());
    assert_eq!(asked(&api, route).len(), tries);
    let told = told(&sandbox, &api, &run);
    let nothing_is_lost =
        "run `codspeed upload [sandbox]/profile` to try again; the results are kept";
    assert!(told.contains(nothing_is_lost), "{}", run.shown());
    arrives_later(&sandbox, &api, route);
    told
}

/// Returns what is left in the folder arrives, once the service accepts it.
#[track_caller]
fn arrives_later(sandbox: &Sandbox, api: &FakeApi, route: &str) {
    let folder = sandbox.path().join("profile");
    assert_eq!(names(&folder.join(".codspeed")), ["archive.tar", "run.json"]);
    let archive = std::fs::read(folder.join(".codspeed/archive.tar")).unwrap();
    let before = files(&folder);
    let healthy =
        if route.starts_with("PUT") { Answer::text(200, "") } else { api.accepts("run-2") };
    api.on(route, [healthy]);
    let run = codspeed(sandbox, ["upload", "profile"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let put = asked(api, "PUT /storage").pop().unwrap();
    assert_eq!(put.body, archive, "the same bytes");
    assert_eq!(files(&folder), before, "nothing of the folder has changed");
    assert_eq!(names(&folder.join(".codspeed")), ["run.json"]);
}

#[test]
fn refusal_401_asks_for_a_login_and_does_not_repeat_the_token() {
    let echo = format!(r#"{{"error": "bad token {LOGIN}"}}"#);
    let told = refused("POST /upload", Answer::text(401, &echo), 1);
    assert!(!told.contains(LOGIN), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn refusal_403_is_about_rights() {
    insta::assert_snapshot!(refused("POST /upload", Answer::text(403, r#"{"error": "no"}"#), 1));
}

#[test]
fn refusal_404_is_about_the_name() {
    insta::assert_snapshot!(refused("POST /upload", Answer::text(404, "nothing here"), 1));
}

#[test]
fn refusal_409_is_about_what_was_there_before() {
    insta::assert_snapshot!(refused("POST /upload", Answer::text(409, ""), 1));
}

#[test]
fn refusal_413_is_about_the_size() {
    insta::assert_snapshot!(refused("PUT /storage", Answer::text(413, "<b>large</b>"), 1));
}

#[test]
fn refusal_429_is_tried_four_times() {
    let answer = Answer::text(429, "slowly").header("retry-after", "0");
    insta::assert_snapshot!(refused("POST /upload", answer, 4));
}

#[test]
fn refusal_500_is_tried_four_times() {
    let answer = Answer::text(500, "oh").header("retry-after", "0");
    insta::assert_snapshot!(refused("POST /upload", answer, 4));
}

#[test]
fn a_storage_that_is_busy_is_tried_four_times() {
    let answer = Answer::text(503, "busy").header("retry-after", "0");
    insta::assert_snapshot!(refused("PUT /storage", answer, 4));
}

#[test]
fn a_storage_that_refuses_loses_nothing() {
    insta::assert_snapshot!(refused("PUT /storage", Answer::text(403, "<Expired/>"), 1));
}

#[test]
fn an_answer_that_makes_no_sense_loses_nothing() {
    insta::assert_snapshot!(refused("POST /upload", Answer::json(r#"{"runId": 7}"#), 1));
}

#[test]
fn an_answer_without_an_end_loses_nothing() {
    insta::assert_snapshot!(refused("POST /upload", Answer::long(200, 1 << 20), 1));
}

#[test]
fn a_service_that_sends_us_in_a_circle_loses_nothing() {
    insta::assert_snapshot!(refused("POST /upload", Answer::redirect(307, "/upload"), 11));
}

#[test]
fn a_broken_connection_and_a_garbled_answer_are_retried() {
    let (sandbox, api) = user();
    api.on("POST /upload", [api.accepts("run-0").reset_midway(), api.accepts("run-1")]);
    api.on("PUT /storage", [Answer::garbage(), Answer::text(200, "")]);
    let run = codspeed(&sandbox, quick(&[]));
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(run.stderr.matches("retrying in ").count(), 2, "{}", run.stderr);
    let [overview, post, put, report] = LOCAL else { panic!("four requests") };
    assert_eq!(api.routes(), [*overview, post, post, put, put, report]);
}

#[test]
fn a_slow_service_is_waited_for() {
    let (sandbox, api) = user();
    let gate = Gate::new();
    api.on("PUT /storage", [Answer::text(200, "fine").held_midway(&gate)]);
    let running = start(&sandbox, quick(&[]));
    api.wait_for(3);
    assert!(sandbox.path().join("profile/.codspeed/archive.tar").is_file());
    gate.open();
    let run = running.end();
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(api.routes(), LOCAL);
}

#[test]
fn another_host_gets_the_upload_but_not_the_token() {
    let (sandbox, api) = user();
    let elsewhere = FakeApi::start();
    api.on("POST /upload", [Answer::redirect(307, &elsewhere.upload_url())]);
    let run = codspeed(&sandbox, quick(&[]));
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(elsewhere.routes(), ["POST /upload", "PUT /storage"]);
    assert_eq!(the_asked(&elsewhere, "POST /upload").header("authorization"), None);
}

#[test]
fn a_login_that_is_over_is_told_before_anything_is_sent() {
    for answer in
        [refusal("UNAUTHENTICATED"), data(&json!({"session": null, "repositoryOverview": null}))]
    {
        let (sandbox, api) = user();
        api.on("SessionAndRepositoryOverview", [answer]);
        let run = codspeed(&sandbox, quick(&[]));
        assert_eq!(run.code, 5, "{}", run.shown());
        let told = told(&sandbox, &api, &run);
        assert!(told.contains("run `codspeed auth login` "), "{told}");
        assert!(told.contains("run `codspeed upload [sandbox]/profile` to try again"), "{told}");
        assert_eq!(api.routes(), ["SessionAndRepositoryOverview"]);
    }
}

#[test]
fn a_received_upload_is_no_failure_even_if_the_run_fails() {
    let failed = json!({"repository": {"settings": null, "run": {"id": "run-1", "status": "FAILURE",
        "url": "u", "headReports": [], "results": []}}});
    for (answer, why, hint) in [
        (data(&failed), "the service could not process run run-1", "in a few minutes"),
        (refusal("UNAUTHENTICATED"), "says: no", "`codspeed auth login`"),
        (refusal("RUN_NOT_FOUND"), "says: no", ""),
        (data(&json!({"repository": null})), "repository not found", ""),
        (Answer::text(400, "odd question"), "odd question", ""),
        (Answer::text(503, "busy"), "responded with 503: busy", "try again later"),
    ] {
        let (sandbox, api) = user();
        api.on("FetchLocalRunReport", [answer]);
        let run = codspeed(&sandbox, quick(&["--wait"]));
        assert_eq!(run.code, 0, "{}", run.shown());
        let warning = "warning: the results were uploaded as run run-1, but can't be shown: ";
        let at = run.stderr.find(warning).unwrap_or_else(|| panic!("{}", run.shown()));
        let (told, _) = run.stderr[at..].split_once("warning: the service didn't report").unwrap();
        assert!(told.contains(why) && told.contains(hint), "{told}");
        assert!(!run.stderr.contains("the results are kept"), "{}", run.stderr);
    }
}

#[test]
fn a_newer_service_without_reports_shows_the_results() {
    let (sandbox, api) = user();
    api.on("FetchLocalRunReport", [refusal("GRAPHQL_VALIDATION_FAILED")]);
    api.on("FetchLocalRun", [report(&json!([]))]);
    let run = codspeed(&sandbox, quick(&[]));
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stderr.contains("results: http://service.test/run-1"), "{}", run.stderr);
    assert!(!run.stderr.contains("warning: "), "{}", run.stderr);
}

#[test]
fn a_folder_of_nothing_can_not_be_uploaded() {
    let (sandbox, api) = user();
    std::fs::create_dir(sandbox.path().join("empty")).unwrap();
    for folder in ["empty", "missing"] {
        let run = codspeed(&sandbox, ["upload", folder]);
        assert_eq!(run.code, 2, "{}", run.shown());
    }
    assert_eq!(api.routes(), [""; 0]);
}

/// Interrupts a run while this request is held. Returns what the user was told.
#[track_caller]
fn interrupted(route: &str, signal: Signal) -> (Sandbox, FakeApi, Run) {
    let (sandbox, api) = user();
    let gate = Gate::new();
    api.on(route, [Answer::text(200, "").held(&gate)]);
    let running = start(&sandbox, quick(&[]));
    let position = LOCAL.iter().position(|asked| *asked == route).unwrap();
    api.wait_for(position + 1);
    running.signal(signal);
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.shown());
    nothing_is_left(&sandbox);
    (sandbox, api, run)
}

#[test]
fn ctrl_c_during_an_upload_keeps_everything_for_a_later_one() {
    for (route, signal) in [("POST /upload", Signal::SIGTERM), ("PUT /storage", Signal::SIGINT)] {
        let (sandbox, api, run) = interrupted(route, signal);
        insta::assert_snapshot!("ctrl_c", told(&sandbox, &api, &run));
        arrives_later(&sandbox, &api, route);
    }
}

#[test]
fn ctrl_c_before_an_upload_keeps_the_results() {
    let (sandbox, api, run) = interrupted("SessionAndRepositoryOverview", Signal::SIGINT);
    assert!(run.stderr.contains("the results are kept"), "{}", run.stderr);
    assert_eq!(names(&sandbox.path().join("profile/.codspeed")), ["run.json"]);
    assert_eq!(api.routes(), ["SessionAndRepositoryOverview"]);
}

#[test]
fn ctrl_c_while_results_are_processed_is_no_failed_upload() {
    let (_sandbox, _api, run) = interrupted("FetchLocalRunReport", Signal::SIGINT);
    assert!(run.stderr.contains("uploaded to acme/widgets"), "{}", run.stderr);
    assert!(!run.stderr.contains("the results are kept"), "{}", run.stderr);
}

#[test]
fn ctrl_c_between_two_tries_ends_the_waiting() {
    let (sandbox, api) = user();
    // Nobody would wait that long for a test.
    api.on("POST /upload", [Answer::text(503, "").header("retry-after", "60")]);
    let mut running = start(&sandbox, quick(&[]));
    running.says("retrying in 60.0 s");
    running.signal(Signal::SIGINT);
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.shown());
    arrives_later(&sandbox, &api, "POST /upload");
}
