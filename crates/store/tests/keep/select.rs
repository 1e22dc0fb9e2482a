//! Words for runs.

use store::{Entry, Part, PartState, Record, Scope, SelectError, Selector, Store, Wanted};

use crate::fixture::{Scene, id, record};

const PROJECT: &str = "acme/widgets";

fn wanted(word: &str) -> Wanted {
    let Selector::Stored(wanted) = Selector::parse(word) else { unreachable!("{word}") };
    wanted
}

fn ask(store: &Store, word: &str) -> Result<Entry, SelectError> {
    let commit_of = |word: &str| {
        let hash = |number: u32| record(number).commit.map(|commit| commit.hash);
        if word == "v2" { hash(2) } else { None }
    };
    let scope = Scope { project: PROJECT, commit_of: &commit_of, is_suitable: &|_| true };
    store.select(&wanted(word), &scope)
}

/// The time of the run in seconds.
#[track_caller]
fn found(store: &Store, word: &str) -> u64 {
    ask(store, word).unwrap().time_ms / 1000
}

#[track_caller]
fn said(store: &Store, word: &str) -> String {
    ask(store, word).unwrap_err().to_string()
}

fn scene() -> (Scene, Store) {
    let scene = Scene::new();
    let store = scene.with(1..=8);
    let labels = [("os".to_owned(), "linux".to_owned())].into();
    store.add(&Record { name: Some("release".to_owned()), labels, ..record(9) }).unwrap();
    store.add(&Record { project: "other".to_owned(), ..record(10) }).unwrap();
    (scene, store)
}

#[test]
fn runs_are_found_by_all_their_names() {
    let (_scene, store) = scene();
    assert_eq!(found(&store, "last"), 9);
    assert_eq!(found(&store, "last~3"), 6);
    assert_eq!(found(&store, "release"), 9);
    assert_eq!(found(&store, "os=linux"), 9);
    assert_eq!(found(&store, &id(4).to_string()), 4);
    assert_eq!(found(&store, &id(4).to_string()[..8]), 4);
    assert_eq!(found(&store, "main"), 8);
    assert_eq!(found(&store, "other"), 9, "the branch, not the project");
    assert_eq!(found(&store, "v2"), 2);
    let hash = record(5).commit.unwrap().hash;
    assert_eq!(found(&store, &hash), 5);
    assert_eq!(found(&store, &hash[..16]), 5);
}

#[test]
fn a_branch_comes_before_ids_that_begin_like_it() {
    let (_scene, store) = scene();
    let start = id(4).to_string()[..6].to_owned();
    let other = Record { project: "other".to_owned(), ..branch(21, &start) };
    store.add(&other).unwrap();
    assert_eq!(found(&store, &start), 4, "branches of other projects don't count");
    store.add(&branch(20, &start)).unwrap();
    assert_eq!(found(&store, &start), 20);
}

/// A run on this branch.
fn branch(number: u32, branch: &str) -> Record {
    let mut record = record(number);
    record.commit.as_mut().unwrap().branch = Some(branch.to_owned());
    record
}

#[test]
fn a_branch_stands_for_its_newest_suitable_complete_run() {
    let (_scene, store) = scene();
    let failed = Part { state: PartState::Failed, ..Part::default() };
    store.add(&Record { parts: vec![failed], ..record(11) }).unwrap();
    assert_eq!(found(&store, "main"), 8);
    let fits = |entry: &Entry| entry.time_ms < 6000;
    let suits = |is_suitable: &dyn Fn(&Entry) -> bool| {
        let scope = Scope { project: PROJECT, commit_of: &|_| None, is_suitable };
        store.select(&wanted("main"), &scope).unwrap().time_ms / 1000
    };
    assert_eq!(suits(&fits), 5);
    assert_eq!(suits(&|_| false), 8, "the caller says why it does not fit");
}

#[test]
fn a_word_for_no_run_says_what_there_is() {
    let (_scene, store) = scene();
    let lines = ["last~20", "mian", "os=macos", "0000", "v3"].map(|word| said(&store, word));
    insta::assert_snapshot!(lines.join("\n"));
    let error = ask(&store, "mian").unwrap_err();
    let SelectError::Unknown { names, .. } = error else { unreachable!("{error}") };
    assert_eq!(names, ["release", "other", "main"]);
    let nobody = Scope { project: "new", commit_of: &|_| None, is_suitable: &|_| true };
    for word in ["last", "main"] {
        let error = store.select(&wanted(word), &nobody).unwrap_err();
        assert!(matches!(error, SelectError::Empty { others: 10, .. }), "{error}");
    }
}

#[test]
fn a_beginning_that_several_have_lists_them() {
    let scene = Scene::new();
    let store = scene.open();
    // Of some hundred runs two have IDs that begin in the same way.
    let mut seen = std::collections::BTreeMap::new();
    let pair = (1..).find_map(|number| {
        let start = id(number).to_string()[..4].to_owned();
        seen.insert(start.clone(), number).map(|before| (start, before, number))
    });
    let (start, first, second) = pair.unwrap();
    for number in [first, second] {
        store.add(&record(number)).unwrap();
    }
    let error = ask(&store, &start).unwrap_err();
    let SelectError::Ambiguous { candidates, .. } = error else { unreachable!("{error}") };
    let times = candidates.iter().map(|entry| entry.time_ms / 1000);
    assert_eq!(times.collect::<Vec<_>>(), [u64::from(second), u64::from(first)]);
}

#[test]
fn a_beginning_of_several_commits_is_refused() {
    let (_scene, store) = scene();
    let error = ask(&store, "00000").unwrap_err();
    let SelectError::AmbiguousCommit { hashes, .. } = error else { unreachable!("{error}") };
    assert_eq!(hashes.len(), 9, "those of all runs of the project");
}

#[test]
fn paths_are_told_apart_from_names() {
    for path in ["./profile", "../p", "/tmp/p", "runs/", "base.json", "x.tar", "."] {
        assert!(matches!(Selector::parse(path), Selector::Path(_)), "{path}");
    }
    for (word, expected) in [
        ("last", Wanted::Last(0)),
        ("last~12", Wanted::Last(12)),
        ("last~x", Wanted::Word("last~x".to_owned())),
        ("lasting", Wanted::Word("lasting".to_owned())),
        ("feature/x", Wanted::Word("feature/x".to_owned())),
        ("k=v=w", Wanted::Label("k".to_owned(), "v=w".to_owned())),
        ("=v", Wanted::Word("=v".to_owned())),
    ] {
        assert_eq!(Selector::parse(word), Selector::Stored(expected.clone()), "{word}");
        assert_eq!(wanted(&expected.to_string()), expected);
    }
}
