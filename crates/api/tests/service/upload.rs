//! Metadata, archive and token on their way.

use std::{
    fs,
    ops::ControlFlow,
    os::fd::AsRawFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use api::{ApiError, Executor, Http, Oidc, Secret, Step, Stop, TokenSource, Uploaded, unwatched};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket};
use test_support::{Answer, FakeApi, Gate, Request};

use crate::support::{Noted, Profile, client, client_with, note, profile, submission};

fn token() -> TokenSource {
    TokenSource::Known(Secret::new("secret-token").unwrap())
}

fn oidc(api: &FakeApi, is_required: bool) -> TokenSource {
    let token = Secret::new("request-token").unwrap();
    TokenSource::Oidc(Oidc { url: api.oidc_url(), token, is_required })
}

fn upload(http: &Http, api: &FakeApi, source: &TokenSource) -> Result<Uploaded, ApiError> {
    let Profile { dir: _dir, archive } = profile(Executor::Walltime);
    let submission = submission(Executor::Walltime);
    http.upload(&api.upload_url(), source, &archive, &submission, &mut unwatched)
}

/// Names and values but for those of the connection itself.
fn headers(request: &Request) -> Vec<String> {
    let lines = request.headers.iter().filter(|(name, _)| name != "host");
    let mut lines: Vec<String> = lines.map(|(name, value)| format!("{name}: {value}")).collect();
    lines.sort();
    lines
}

#[test]
fn an_upload_is_a_post_and_a_put_with_exactly_these_headers() {
    let (api, (http, _)) = (FakeApi::start(), client());
    let Profile { dir: _dir, archive } = profile(Executor::Valgrind);
    let submission = submission(Executor::Valgrind);
    let mut seen = Vec::new();
    let uploaded = http
        .upload(&api.upload_url(), &token(), &archive, &submission, &mut note(&mut seen))
        .unwrap();
    assert_eq!((uploaded.run_id.as_str(), uploaded.status.as_str()), ("run-1", "success"));
    assert_eq!(seen.first().unwrap(), "registered run-1");
    assert_eq!(*seen.last().unwrap(), format!("sent {0} of {0}", archive.size));

    let requests = api.requests();
    let [post, put] = requests.as_slice() else { panic!("{:?}", api.routes()) };
    assert_eq!(post.target, "/upload");
    assert_eq!(
        headers(post),
        [
            "accept: */*".to_owned(),
            "authorization: secret-token".to_owned(),
            format!("content-length: {}", post.body_len),
            "content-type: application/json".to_owned(),
            "user-agent: codspeed-runner".to_owned(),
        ]
    );
    let metadata = api::Metadata::new(&submission, &archive, false).unwrap();
    assert_eq!(post.text(), metadata.json());
    assert_eq!(put.target, "/storage?signature=secret");
    assert_eq!(
        headers(put),
        [
            "accept: */*".to_owned(),
            "content-encoding: gzip".to_owned(),
            format!("content-length: {}", archive.size),
            format!("content-md5: {}", archive.md5),
            "content-type: application/x-tar".to_owned(),
            "user-agent: codspeed-runner".to_owned(),
        ]
    );
    assert_eq!(put.body, fs::read(&archive.path).unwrap());
}

#[test]
fn a_plain_archive_has_no_content_encoding() {
    let (api, (http, _)) = (FakeApi::start(), client());
    upload(&http, &api, &token()).unwrap();
    let requests = api.requests();
    assert_eq!(requests[1].header("content-encoding"), None);
    assert_eq!(requests[0].json()["profileEncoding"], serde_json::Value::Null);
}

#[test]
fn without_a_token_the_hash_is_reported_before_the_request() {
    let (api, (http, _)) = (FakeApi::start(), client());
    let Profile { dir: _dir, archive } = profile(Executor::Memory);
    let mut lines = Vec::new();
    let mut watch = |step: Step<'_>| {
        if let Step::Tokenless { line } = step {
            lines.push((line.to_owned(), api.requests().len()));
        }
        ControlFlow::Continue(())
    };
    let submission = submission(Executor::Memory);
    http.upload(&api.upload_url(), &TokenSource::Tokenless, &archive, &submission, &mut watch)
        .unwrap();
    let post = &api.requests()[0];
    let line = format!("CodSpeed Run Hash: \"{}\"", post.body_sha256);
    assert_eq!(lines, [(line, 0)]);
    assert_eq!(post.header("authorization"), None);
    assert_eq!(post.json()["tokenless"], true);
}

#[test]
fn the_ci_system_is_asked_once_for_a_token() {
    let (api, (http, _)) = (FakeApi::start(), client());
    api.on("POST /upload", [Answer::text(500, ""), api.accepts("run-2")]);
    assert_eq!(upload(&http, &api, &oidc(&api, true)).unwrap().run_id, "run-2");
    assert_eq!(api.routes(), ["GET /oidc", "POST /upload", "POST /upload", "PUT /storage"]);
    let requests = api.requests();
    assert_eq!(requests[0].target, "/oidc?api-version=2.0&audience=codspeed.io");
    assert_eq!(
        headers(&requests[0]),
        [
            "accept: application/json",
            "authorization: Bearer request-token",
            "user-agent: codspeed-runner"
        ]
    );
    assert_eq!(requests[2].header("authorization"), Some("oidc-token"));
}

#[test]
fn a_ci_token_is_requested_eleven_times_and_may_be_optional() {
    let (api, (http, pauses)) = (FakeApi::start(), client());
    api.on("GET /oidc", [Answer::text(503, "later")]);
    let err = upload(&http, &api, &oidc(&api, true)).unwrap_err();
    assert_eq!((err.status(), api.requests().len()), (Some(503), 11));
    assert_eq!(pauses.seconds(), [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]);
    assert!(err.to_string().starts_with("could not get a token from the CI system: "), "{err}");

    api.on("GET /oidc", [Answer::json(r#"{"value": " "}"#)]);
    upload(&http, &api, &oidc(&api, false)).unwrap();
    let requests = api.requests();
    let post = &requests[requests.len() - 2];
    assert_eq!((post.route.as_str(), post.header("authorization")), ("POST /upload", None));
    assert_eq!(post.json()["tokenless"], true);
}

/// Uploads while `route` always answers like this. Returns the error and what was asked.
#[track_caller]
fn fails(route: &str, answer: Answer) -> (String, ApiError, Vec<String>) {
    let (api, (http, _)) = (FakeApi::start(), client());
    let host = api.url("").replace("http://", "");
    api.on(route, [answer]);
    let err = upload(&http, &api, &token()).unwrap_err();
    (err.to_string().replace(&host, "HOST"), err, api.routes())
}

#[test]
fn permanent_errors_of_the_service_are_not_retried() {
    for status in [400, 401, 403, 404, 409, 413] {
        let answer = Answer::text(status, r#"{"error": "because\nof \u001b[2Jthis"}"#);
        let (text, err, routes) = fails("POST /upload", answer);
        assert_eq!(
            text,
            format!("could not register the run: HOST responded with {status}: because of [2Jthis")
        );
        assert_eq!((err.status(), err.is_retryable()), (Some(status), false));
        assert_eq!(err.is_about_the_token(), status == 401);
        assert_eq!(routes, ["POST /upload"]);
    }
}

#[test]
fn passing_errors_are_tried_four_times_in_all() {
    for status in [408, 429, 500, 502, 503] {
        let (text, err, routes) = fails("POST /upload", Answer::text(status, "<b>oops</b>\n"));
        assert_eq!(
            text,
            format!("could not register the run: HOST responded with {status}: <b>oops</b>")
        );
        assert!(err.is_retryable());
        assert_eq!(routes, ["POST /upload"; 4]);

        let (text, _, routes) = fails("PUT /storage", Answer::text(status, ""));
        assert_eq!(text, format!("could not send the archive: HOST responded with {status}"));
        let expected =
            ["POST /upload", "PUT /storage", "PUT /storage", "PUT /storage", "PUT /storage"];
        assert_eq!(routes, expected);
    }
}

#[test]
fn a_storage_that_refuses_ends_it_at_once() {
    for status in [400, 403, 413] {
        let (_, err, routes) = fails("PUT /storage", Answer::text(status, "<Error/>"));
        assert_eq!(err.status(), Some(status));
        assert_eq!(routes, ["POST /upload", "PUT /storage"]);
    }
}

#[test]
fn the_archive_is_sent_again_as_a_whole() {
    let (api, (http, pauses)) = (FakeApi::start(), client());
    let second = Answer::text(500, "").reset_midway();
    api.on("PUT /storage", [Answer::text(503, ""), second, Answer::text(200, "")]);
    upload(&http, &api, &token()).unwrap();
    let hashes: Vec<String> =
        api.requests().iter().skip(1).map(|put| put.body_sha256.clone()).collect();
    assert_eq!(hashes, vec![hashes[0].clone(); 3]);
    assert_eq!(pauses.seconds(), [1, 2]);
}

#[test]
fn a_pause_that_the_service_asks_for_is_made_unless_it_is_long() {
    let (api, (http, pauses)) = (FakeApi::start(), client());
    let asks = |seconds| Answer::text(429, "slow down").header("retry-after", seconds);
    api.on("POST /upload", [asks("7"), asks("0"), api.accepts("run-1")]);
    upload(&http, &api, &token()).unwrap();
    assert_eq!(pauses.seconds(), [7, 0]);

    api.on("POST /upload", [asks("3600")]);
    let before = api.requests().len();
    let err = upload(&http, &api, &token()).unwrap_err();
    assert_eq!(err.retry_after(), Some(Duration::from_hours(1)));
    assert_eq!(api.requests().len(), before + 1);
}

#[test]
fn a_connection_that_breaks_is_tried_again() {
    for answer in [
        Answer::json(r#"{"status": "success"}"#).reset_midway(),
        Answer::garbage(),
        Answer::text(500, "long enough").reset_midway(),
    ] {
        let (text, err, routes) = fails("POST /upload", answer);
        assert_eq!(text, "could not register the run: no response from HOST");
        assert!(matches!(err, ApiError::Connection { .. }) && err.is_retryable());
        assert_eq!(routes, ["POST /upload"; 4]);
    }
}

#[test]
fn a_service_that_nobody_serves_is_tried_four_times() {
    let (http, pauses) = client();
    // Nobody else gets the port as long as this is open, and nobody listens at it.
    let flags = SockFlag::SOCK_CLOEXEC;
    let taken = socket(AddressFamily::Inet, SockType::Stream, flags, None).unwrap();
    bind(taken.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    let address: SockaddrIn = getsockname(taken.as_raw_fd()).unwrap();
    let Profile { dir: _dir, archive } = profile(Executor::Walltime);
    let url = format!("http://{address}/upload");
    let submission = submission(Executor::Walltime);
    let err = http.upload(&url, &token(), &archive, &submission, &mut unwatched).unwrap_err();
    assert!(matches!(err, ApiError::Connection { .. }), "{err}");
    assert_eq!(pauses.seconds(), [1, 2, 4]);
}

/// Returns what an upload says while `route` is answered like this, and nobody is patient.
#[track_caller]
fn is_not_waited_for(route: &str, answer: impl FnOnce(&FakeApi, &Gate) -> Answer) {
    let gate = Gate::new();
    let patience = Duration::from_millis(50);
    let (http, _) = client_with(|settings| settings.idle_timeout = patience);
    let api = FakeApi::start();
    api.on(route, [answer(&api, &gate)]);
    let err = upload(&http, &api, &token()).unwrap_err();
    assert!(matches!(err, ApiError::TimedOut { after, .. } if after == patience), "{err}");
    assert!(err.to_string().ends_with(" for 0.05 s"), "{err}");
    assert!(err.is_retryable());
}

#[test]
fn silence_is_not_waited_for() {
    is_not_waited_for("POST /upload", |api, gate| api.accepts("run-1").held(gate));
    is_not_waited_for("POST /upload", |api, gate| api.accepts("run-1").held_midway(gate));
}

#[test]
fn an_answer_that_is_too_long_is_not_read() {
    for answer in [Answer::long(200, 100_000), Answer::long(200, 100_000).without_length()] {
        let (text, _, routes) = fails("POST /upload", answer);
        assert_eq!(
            text,
            "could not register the run: the response from HOST has more than 65536 bytes"
        );
        assert_eq!(routes, ["POST /upload"]);
    }
    // A reason is cut instead.
    let (text, err, _) = fails("POST /upload", Answer::long(400, 100_000));
    assert_eq!(err.status(), Some(400));
    let reason = "x".repeat(500) + "...";
    assert_eq!(text, format!("could not register the run: HOST responded with 400: {reason}"));
}

#[test]
fn an_answer_that_makes_no_sense_ends_it() {
    for body in
        ["", "<html>", r#"{"status": "ok"}"#, r#"{"status": "", "uploadUrl": 1, "runId": ""}"#]
    {
        let (text, err, routes) = fails("POST /upload", Answer::json(body));
        assert_eq!(text, "could not register the run: invalid response from HOST");
        assert!(matches!(err, ApiError::Garbage { .. }));
        assert_eq!(routes, ["POST /upload"]);
    }
    let secret = r#"{"status": "", "uploadUrl": "ftp://a?secret", "runId": ""}"#;
    let (_, err, _) = fails("POST /upload", Answer::json(secret));
    assert!(!format!("{err:?}").contains("secret"), "{err:?}");
}

#[test]
fn a_redirection_gets_the_same_body_without_the_token() {
    let (api, elsewhere, (http, _)) = (FakeApi::start(), FakeApi::start(), client());
    api.on("POST /upload", [Answer::redirect(307, "/moved")]);
    api.on("POST /moved", [Answer::redirect(308, &elsewhere.upload_url())]);
    upload(&http, &api, &token()).unwrap();
    let (at_home, abroad) = (api.requests(), elsewhere.requests());
    let tokens: Vec<_> = at_home.iter().map(|request| request.header("authorization")).collect();
    assert_eq!(tokens, [Some("secret-token"); 2]);
    assert_eq!(elsewhere.routes(), ["POST /upload", "PUT /storage"]);
    assert_eq!(abroad[0].header("authorization"), None);
    assert_eq!(abroad[0].body, at_home[0].body);
}

#[test]
fn the_storage_may_send_the_archive_elsewhere() {
    let (api, elsewhere, (http, _)) = (FakeApi::start(), FakeApi::start(), client());
    api.on("PUT /storage", [Answer::redirect(307, &elsewhere.url("/storage"))]);
    upload(&http, &api, &token()).unwrap();
    assert_eq!(elsewhere.requests()[0].body_sha256, api.requests()[1].body_sha256);
}

#[test]
fn a_circle_of_redirections_ends() {
    let (text, _, routes) = fails("POST /upload", Answer::redirect(302, "/upload"));
    assert_eq!(text, "could not register the run: too many redirects from HOST");
    assert_eq!(routes.len(), 11);
}

#[test]
fn an_archive_that_is_gone_or_cut_is_an_error_of_its_own() {
    for spoil in [|path: &_| fs::remove_file(path), |path: &_| fs::write(path, "short")] {
        let (api, (http, _)) = (FakeApi::start(), client());
        let Profile { dir: _dir, archive } = profile(Executor::Walltime);
        spoil(&archive.path).unwrap();
        let submission = submission(Executor::Walltime);
        let url = api.upload_url();
        let err = http.upload(&url, &token(), &archive, &submission, &mut unwatched).unwrap_err();
        assert!(matches!(err, ApiError::Archive { .. }), "{err:?}");
        assert_eq!(api.routes(), ["POST /upload"]);
    }
}

#[test]
fn whoever_watches_can_stop_it() {
    type IsEnd = fn(&Step<'_>) -> bool;
    let ends: [(IsEnd, usize); 4] = [
        (|step| matches!(step, Step::Tokenless { .. }), 0),
        (|step| matches!(step, Step::Retry { .. }), 1),
        (|step| matches!(step, Step::Registered { .. }), 2),
        (|step| matches!(step, Step::Sent { .. }), 2),
    ];
    for (is_end, requests) in ends {
        let (api, (http, _)) = (FakeApi::start(), client());
        api.on("POST /upload", [Answer::text(500, ""), api.accepts("run-1")]);
        let Profile { dir: _dir, archive } = profile(Executor::Walltime);
        let submission = submission(Executor::Walltime);
        let mut watch = |step: Step<'_>| {
            if is_end(&step) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let source = TokenSource::Tokenless;
        let url = api.upload_url();
        let err = http.upload(&url, &source, &archive, &submission, &mut watch).unwrap_err();
        assert!(matches!(err, ApiError::Cancelled), "{err}");
        assert_eq!(api.requests().len(), requests);
    }
}

#[test]
fn invalid_addresses_and_tokens_fail_before_any_request() {
    let (api, (http, _)) = (FakeApi::start(), client());
    let Profile { dir: _dir, archive } = profile(Executor::Walltime);
    let submission = submission(Executor::Walltime);
    for url in ["", "upload", "ftp://a.test/", "http://", "/upload"] {
        let err = http.upload(url, &token(), &archive, &submission, &mut unwatched).unwrap_err();
        assert_eq!(err.to_string(), format!("`{url}` is not a valid service address"));
    }
    let broken = TokenSource::Known(Secret::new("a\nb").unwrap());
    let err = upload(&http, &api, &broken).unwrap_err();
    assert!(err.is_about_the_token(), "{err}");
    assert!(!format!("{err} {err:?}").contains("a\nb"));
    assert_eq!(api.routes(), [""; 0]);
}

/// Wants an end when a test says so.
#[derive(Debug, Clone, Default)]
struct Button(Arc<AtomicBool>);

impl Stop for Button {
    fn is_wanted(&self) -> bool {
        self.0.load(Relaxed)
    }
}

fn stoppable() -> (Http, Noted, Button) {
    let button = Button::default();
    let stop: Arc<dyn Stop> = Arc::new(button.clone());
    let (http, pauses) = client_with(|settings| settings.stop = Some(stop));
    (http, pauses, button)
}

#[test]
fn a_service_that_is_silent_can_be_left() {
    let (api, gate, (http, _, button)) = (FakeApi::start(), Gate::new(), stoppable());
    api.on("POST /upload", [Answer::text(200, "").held(&gate)]);
    let err = std::thread::scope(|scope| {
        scope.spawn(|| {
            api.wait_for(1);
            button.0.store(true, Relaxed);
        });
        upload(&http, &api, &token()).unwrap_err()
    });
    assert!(matches!(err, ApiError::Cancelled), "{err}");
    assert!(http.is_stopped());
}

#[test]
fn a_pause_can_be_left() {
    let (api, (http, pauses, button)) = (FakeApi::start(), stoppable());
    api.on("POST /upload", [Answer::text(503, "busy").header("retry-after", "60")]);
    let Profile { dir: _dir, archive } = profile(Executor::Walltime);
    let submission = submission(Executor::Walltime);
    let mut watch = |step: Step<'_>| {
        button.0.store(matches!(step, Step::Retry { .. }), Relaxed);
        ControlFlow::Continue(())
    };
    let err =
        http.upload(&api.upload_url(), &token(), &archive, &submission, &mut watch).unwrap_err();
    assert!(matches!(err, ApiError::Cancelled), "{err}");
    assert_eq!(api.routes(), ["POST /upload"]);
    assert!(pauses.seconds().is_empty());
}
