//! Files from the network.

use std::{
    fs::File,
    io::{Read, Seek},
    ops::ControlFlow,
    time::Duration,
};

use api::{ApiError, Http, Step, Watch, unwatched};
use sha2::{Digest, Sha256};
use test_support::{Answer, FakeApi, Gate};

use crate::support::{client, client_with, note};

/// Downloads at most this much, reads the file, and compares the hash.
fn download(
    http: &Http,
    url: &str,
    most: usize,
    watch: &mut Watch<'_>,
) -> Result<Vec<u8>, ApiError> {
    let file = temporary();
    let sha256 = http.download(url, &file, most, watch)?;
    let bytes = content(file);
    assert_eq!(sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
    Ok(bytes)
}

fn temporary() -> File {
    tempfile::tempfile().unwrap()
}

fn content(mut file: File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_file_is_got_whole_at_the_third_try_and_hashed() {
    let (api, (http, pauses)) = (FakeApi::start(), client());
    let whole = Answer::text(200, "0123456789");
    api.on("GET /file", [Answer::text(503, "busy"), whole.clone().reset_midway(), whole]);
    let mut seen = Vec::new();
    let bytes = download(&http, &api.url("/file"), 10, &mut note(&mut seen)).unwrap();
    assert_eq!(bytes, b"0123456789");
    assert_eq!(pauses.seconds(), [1, 2]);
    let again: Vec<_> = seen.iter().filter(|step| step.starts_with("again in ")).collect();
    assert_eq!(again.len(), 2);
    assert!(again[0].starts_with("again in 1s: could not download a file: "), "{seen:?}");
    assert_eq!(seen.last().unwrap(), "received 10 of Some(10)");
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let (api, (http, _)) = (FakeApi::start(), client());
    let long = Answer::text(200, "0123456789");
    for answer in [long.clone(), long.without_length()] {
        api.on("GET /file", [answer]);
        let err = download(&http, &api.url("/file"), 9, &mut unwatched).unwrap_err();
        assert!(matches!(err, ApiError::TooLong { most: 9, .. }), "{err}");
    }
    api.on("GET /file", [Answer::text(404, "")]);
    let err = download(&http, &api.url("/file"), 9, &mut unwatched).unwrap_err();
    assert_eq!((err.status(), api.requests().len()), (Some(404), 3));
}

#[test]
fn a_file_that_can_t_be_written_is_not_asked_for_again() {
    let (api, (http, _)) = (FakeApi::start(), client());
    api.on("GET /file", [Answer::text(200, "0123456789")]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let readonly = File::open(file.path()).unwrap();
    let err = http.download(&api.url("/file"), &readonly, 10, &mut unwatched).unwrap_err();
    assert!(matches!(err, ApiError::Unwritten { .. }), "{err}");
    assert_eq!(api.requests().len(), 1);
}

#[test]
fn a_download_can_be_stopped() {
    let (api, (http, _)) = (FakeApi::start(), client());
    api.on("GET /file", [Answer::text(200, "0123456789")]);
    let mut stop = |step: Step<'_>| {
        if matches!(step, Step::Received { .. }) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let err = download(&http, &api.url("/file"), 10, &mut stop).unwrap_err();
    assert!(matches!(err, ApiError::Cancelled), "{err}");
}

#[test]
fn a_download_that_trickles_is_given_up_without_a_retry() {
    let patience = Duration::from_secs(1);
    let (api, (http, pauses)) = (FakeApi::start(), client_with(|it| it.slow_timeout = patience));
    let endless = Answer::file(vec![b'x'; 100_000]).trickling(patience / 20, &Gate::new());
    for answer in [endless.clone(), endless.without_length()] {
        api.on("GET /file", [answer]);
        let err = download(&http, &api.url("/file"), 100_000, &mut unwatched).unwrap_err();
        assert!(matches!(err, ApiError::TooSlow { .. }), "{err}");
        assert!(err.to_string().contains("is too slow: fewer than 524288 bytes in 1 s"), "{err}");
    }
    assert_eq!(pauses.seconds(), [0; 0]);
    assert_eq!(api.requests().len(), 2);
}
