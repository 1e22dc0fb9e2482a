//! `codspeed auth`: a token gets into the user's file and out of it, and is seen nowhere else.

use std::{ffi::OsStr, fs, os::unix::fs::PermissionsExt};

use runner_shared::text::shown;
use serde_json::json;
use test_support::{Answer, FakeApi, Run, Sandbox, redact};

use crate::{
    service::{LOGIN, data, refusal, stranger, the_asked},
    stage::{CODSPEED, codspeed, nothing_is_left},
};

const CONFIG: &str = ".config/codspeed/config.yaml";

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1/";

/// A sandbox and a service that knows the token of Alice.
fn of_alice() -> (Sandbox, FakeApi) {
    let (sandbox, api) = stranger();
    api.on("Session", [session()]);
    (sandbox, api)
}

fn session() -> Answer {
    data(&json!({"session": {"user": {"login": "alice", "provider": "GITHUB"}}}))
}

/// `codspeed` with this on its standard input.
#[track_caller]
fn with_input(sandbox: &Sandbox, input: &str, args: &[&str]) -> Run {
    let file = sandbox.file("input", input);
    let words = [&["-c", "exec \"$0\" \"$@\" < input", CODSPEED], args].concat();
    let run = sandbox.run(sandbox.private("sh", words));
    fs::remove_file(file).unwrap();
    nothing_is_left(sandbox);
    run
}

#[track_caller]
fn auth<S: AsRef<OsStr>>(sandbox: &Sandbox, args: impl IntoIterator<Item = S>) -> Run {
    let words = args.into_iter().map(|word| word.as_ref().to_owned());
    codspeed(sandbox, [OsStr::new("auth").to_owned()].into_iter().chain(words))
}

/// Writes the user's file.
fn configure(sandbox: &Sandbox, text: &str) {
    let path = sandbox.path().join(CONFIG);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Everything that was printed, without the token.
#[track_caller]
fn printed(sandbox: &Sandbox, run: &Run) -> String {
    let shown = redact(&run.shown(), sandbox);
    assert!(!shown.contains(LOGIN), "{shown}");
    shown
}

#[test]
fn a_token_from_stdin_is_checked_and_stored_privately() {
    let (sandbox, api) = of_alice();
    let run = with_input(&sandbox, &format!(" {LOGIN}\n"), &["auth", "login", "--with-token"]);
    insta::assert_snapshot!(printed(&sandbox, &run), @r"
    exit code: 0
    --- stdout
    --- stderr
    logged in as alice (GITHUB), in the profile `default`
    ");
    assert_eq!(api.routes(), ["Session"]);
    assert_eq!(the_asked(&api, "Session").header("authorization"), Some(LOGIN));
    let path = sandbox.path().join(CONFIG);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(path).unwrap().contains(LOGIN));
}

#[test]
fn a_token_that_is_no_good_changes_nothing() {
    for answer in [
        data(&json!({"session": null})),
        refusal("UNAUTHENTICATED"),
        Answer::text(401, &format!("what is {LOGIN}?")),
    ] {
        let (sandbox, api) = stranger();
        api.on("Session", [answer]);
        let run = with_input(&sandbox, LOGIN, &["auth", "login", "--with-token"]);
        insta::allow_duplicates! {
            insta::assert_snapshot!(printed(&sandbox, &run), @r"
            exit code: 5
            --- stdout
            --- stderr
            error: the service rejected this token
            hint: nothing was changed
            ");
        }
        assert!(!sandbox.path().join(CONFIG).exists());
    }
}

#[test]
fn what_is_no_token_is_not_sent() {
    let (sandbox, api) = of_alice();
    let long = "x".repeat(20_000);
    for input in ["", " \n", "two words", "line\nline\n", "\u{fffd}\0x", &long] {
        let run = with_input(&sandbox, input, &["auth", "login", "--with-token"]);
        assert_ne!(run.code, 0, "{input:?}: {}", run.shown());
        assert!(!run.stderr.contains("panicked"), "{}", run.shown());
    }
    assert!(!sandbox.path().join(CONFIG).exists());
    assert!(api.routes().is_empty(), "{:?}", api.routes());
}

/// A page of the fake service, which runs on this machine.
const PAGE: &str = "http://localhost/login?a&b";

/// A service where the user logs in at once.
fn with_browser() -> (Sandbox, FakeApi) {
    let (sandbox, api) = of_alice();
    let begun = json!({"callbackUrl": PAGE, "sessionId": "s-1"});
    api.on("CreateLoginSession", [data(&json!({"createLoginSession": begun}))]);
    api.on("ConsumeLoginSession", [data(&json!({"consumeLoginSession": {"token": LOGIN}}))]);
    (sandbox, api)
}

const BROWSER: &[&str] = &["CreateLoginSession", "ConsumeLoginSession", "Session"];

#[test]
fn without_a_browser_the_address_is_shown() {
    let (sandbox, api) = with_browser();
    let run = auth(&sandbox, ["login", "--no-browser"]);
    insta::assert_snapshot!(printed(&sandbox, &run), @r"
    exit code: 0
    --- stdout
    --- stderr
    log in here: http://localhost/login?a&b
    waiting for your login (5 minutes at most)
    logged in as alice (GITHUB), in the profile `default`
    ");
    assert_eq!(api.routes(), BROWSER);
    assert_eq!(the_asked(&api, "ConsumeLoginSession").json()["variables"]["sessionId"], "s-1");
    assert!(sandbox.text(CONFIG).contains(LOGIN));
}

#[test]
fn a_browser_opens_the_address() {
    let (sandbox, api) = with_browser();
    let mut opened = sandbox.notice("opened");
    let folder = sandbox.path().to_owned();
    sandbox.program("xdg-open", &format!("#!/bin/sh\necho \"$@\" > {}/opened\n", shown(&folder)));
    let sandbox = sandbox.with("PATH", format!("{}:/usr/bin:/bin", shown(&folder)));
    let run = auth(&sandbox, ["login"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(opened.wait(), PAGE);
    assert_eq!(api.routes(), BROWSER);
}

#[test]
fn a_page_of_another_host_is_neither_opened_nor_shown() {
    let pages = [
        "https://evil.test/login",
        "http://app.codspeed.io/login",
        "https://app.codspeed.io@evil.test/login",
        "https://codspeed.io.evil.test/login",
        "javascript:alert(1)//login",
        "file:///etc/login",
        "--help=login",
        "/etc/login",
        "\u{1b}]8;;https://evil.test/login",
        "",
    ];
    let (sandbox, api) = with_browser();
    let folder = sandbox.path().to_owned();
    sandbox.program("xdg-open", &format!("#!/bin/sh\ntouch {}/opened\n", shown(&folder)));
    let sandbox = sandbox.with("PATH", format!("{}:/usr/bin:/bin", shown(&folder)));
    for page in pages {
        let begun = json!({"callbackUrl": page, "sessionId": "s-1"});
        api.on("CreateLoginSession", [data(&json!({"createLoginSession": begun}))]);
        let run = auth(&sandbox, ["login"]);
        assert_eq!(run.code, 5, "{page:?}: {}", run.shown());
        assert!(run.stderr.contains("page of the service"), "{page:?}: {}", run.shown());
        assert!(
            !run.shown().contains("/login") && !run.shown().contains('\u{1b}'),
            "{page:?}: {}",
            run.shown()
        );
    }
    assert!(!folder.join("opened").exists());
    assert!(api.routes().iter().all(|route| route == "CreateLoginSession"), "{:?}", api.routes());
}

#[test]
fn a_login_that_can_not_begin_is_an_error() {
    let (sandbox, api) = stranger();
    api.on("CreateLoginSession", [Answer::json("{}")]);
    let run = auth(&sandbox, ["login", "--no-browser"]);
    assert_eq!(run.code, 5, "{}", run.shown());
    assert!(!sandbox.path().join(CONFIG).exists());
}

#[test]
fn the_status_says_who_is_logged_in_and_is_no_failure() {
    let (sandbox, api) = of_alice();
    let says = |sandbox: &Sandbox| {
        let run = auth(sandbox, ["status"]);
        assert_eq!(run.code, 0, "{}", run.shown());
        run.stdout.replace(&api.url(""), "[service]")
    };
    assert_eq!(says(&sandbox), "profile `default`: not logged in\n  -> codspeed auth login\n");
    assert!(api.routes().is_empty());
    configure(
        &sandbox,
        &format!("version: 1\nprofiles: {{default: {{auth: {{token: {LOGIN}}}}}}}\n"),
    );
    assert_eq!(says(&sandbox), "profile `default`: logged in as alice (GITHUB)\n");
    let over = "profile `default`: the login has expired\n  -> codspeed auth login\n";
    for answer in
        [data(&json!({"session": null})), refusal("UNAUTHENTICATED"), Answer::text(401, LOGIN)]
    {
        api.on("Session", [answer]);
        assert_eq!(says(&sandbox), over);
    }
    api.on("Session", [Answer::text(500, LOGIN)]);
    let unknown = says(&sandbox);
    assert!(
        unknown.starts_with("profile `default`: a token is stored, but could not be checked"),
        "{unknown}"
    );
    assert!(!unknown.contains(LOGIN), "{unknown}");
    let offline = says(&sandbox.with("CODSPEED_API_URL", NOWHERE));
    assert!(
        offline.starts_with("profile `default`: a token is stored, but could not be checked"),
        "{offline}"
    );
}

#[test]
fn a_logout_forgets_one_profile_and_asks_nobody() {
    let (sandbox, api) = of_alice();
    configure(
        &sandbox,
        "version: 1\nprofiles:\n  default: {auth: {token: first-t0ken}, api-url: \"http://a.test\"}\n  work: {auth: {token: second-t0ken}}\n",
    );
    let run = auth(&sandbox, ["logout"]);
    insta::assert_snapshot!(printed(&sandbox, &run), @r"
    exit code: 0
    --- stdout
    --- stderr
    logged out of the profile `default`
    ");
    let text = sandbox.text(CONFIG);
    assert!(!text.contains("first-t0ken"), "{text}");
    assert!(text.contains("second-t0ken") && text.contains("http://a.test"), "{text}");
    assert!(api.routes().is_empty());
}

#[test]
fn another_account_lies_beside_the_first() {
    let (sandbox, _api) = of_alice();
    configure(&sandbox, "version: 1\nprofiles: {default: {auth: {token: first-t0ken}}}\n");
    let args = ["--profile", "work", "auth", "login", "--with-token"];
    let run = with_input(&sandbox, LOGIN, &args);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stderr.contains("in the profile `work`"), "{}", run.stderr);
    let text = sandbox.text(CONFIG);
    assert!(text.contains("first-t0ken") && text.contains(LOGIN), "{text}");
}

#[test]
fn a_broken_file_is_kept_and_its_token_is_not_shown() {
    let (sandbox, _api) = of_alice();
    let broken = "version: 1\nprofiles: {default: {auth: {token: first-t0ken}}\n";
    configure(&sandbox, broken);
    let refused = auth(&sandbox, ["status"]);
    assert_eq!(refused.code, 2, "{}", refused.shown());
    let run = with_input(&sandbox, LOGIN, &["auth", "login", "--with-token"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    for run in [&refused, &run] {
        assert!(!run.shown().contains("t0ken"), "{}", run.shown());
    }
    assert!(run.stderr.contains("it was renamed to "), "{}", run.stderr);
    assert_eq!(sandbox.text(&format!("{CONFIG}.broken")), broken);
    assert!(sandbox.text(CONFIG).contains(LOGIN));
}
