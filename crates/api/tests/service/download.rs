//! Files from the network.

use api::{ApiError, unwatched};
use test_support::{Answer, FakeApi};

use crate::support::{client, note};

#[test]
fn a_file_is_got_at_the_second_try() {
    let (api, (http, pauses)) = (FakeApi::start(), client());
    let whole = Answer::text(200, "0123456789");
    api.on("GET /file", [Answer::text(503, "busy"), whole.clone().reset_midway(), whole]);
    let mut seen = Vec::new();
    let bytes = http.download(&api.url("/file"), 10, &mut note(&mut seen)).unwrap();
    assert_eq!(bytes, b"0123456789");
    assert_eq!(pauses.seconds(), [1, 2]);
    assert_eq!(seen.len(), 2);
    assert!(seen[0].starts_with("again in 1s: could not download a file: "), "{seen:?}");
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let (api, (http, _)) = (FakeApi::start(), client());
    api.on("GET /file", [Answer::text(200, "0123456789")]);
    let err = http.download(&api.url("/file"), 9, &mut unwatched).unwrap_err();
    assert!(matches!(err, ApiError::TooLong { most: 9, .. }), "{err}");
    api.on("GET /file", [Answer::text(404, "")]);
    let err = http.download(&api.url("/file"), 9, &mut unwatched).unwrap_err();
    assert_eq!((err.status(), api.requests().len()), (Some(404), 2));
}
