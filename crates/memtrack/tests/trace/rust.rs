//! Programs in Rust, with allocators from the registry linked into them.

use std::{fs, path::Path, process::Command};

use crate::support::{Track, Way, check_blocks};

const MANIFEST: &str = r#"
[package]
name = "allocators"
edition = "2021"
[[bin]]
name = "allocators"
path = "main.rs"
[dependencies]
tikv-jemallocator = { version = "0.6", optional = true }
mimalloc = { version = "0.1", optional = true, default-features = false }
[features]
jemalloc = ["dep:tikv-jemallocator"]
mimalloc = ["dep:mimalloc"]
[profile.dev]
opt-level = 1
[workspace]
"#;

/// What one round of the program does. Of an alignment the kinds of calls differ from allocator to allocator.
const ROUND: [&str; 9] = ["777", "free", "555", "free", "832", "free", "300", "900 of 300", "free"];

pub fn the_default_and_mimalloc_from_the_registry_are_exact(way: Way) {
    check(way, &["", "mimalloc"]);
}

pub fn jemalloc_from_the_registry_is_exact(way: Way) {
    check(way, &["jemalloc"]);
}

#[track_caller]
fn check(way: Way, features: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/rust/allocators.rs");
    fs::copy(source, folder.path().join("main.rs")).unwrap();
    fs::write(folder.path().join("Cargo.toml"), MANIFEST).unwrap();
    for feature in features {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--features", *feature, "--target-dir"]);
        cargo.arg(folder.path().join("target")).current_dir(folder.path());
        assert!(cargo.status().unwrap().success(), "{feature}");
        let program = folder.path().join("target/debug/allocators");
        let traced = Track::by(way).run(&[program]).succeeded();
        assert_eq!(traced.stdout, "done\n");
        let events = traced.marked();
        check_blocks(events, false);
        let mut sizes = std::collections::HashMap::new();
        let story: Vec<String> = events
            .iter()
            .map(|event| {
                let before = event.old_addr.and_then(|old| sizes.remove(&old));
                let Some(size) = event.size else { return "free".to_owned() };
                sizes.insert(event.addr, size);
                before.map_or_else(|| size.to_string(), |old: u64| format!("{size} of {old}"))
            })
            .collect();
        for (at, round) in story.chunks(ROUND.len()).enumerate() {
            assert_eq!(round, ROUND, "{feature}, round {at}");
        }
        assert_eq!(story.len(), 1000 * ROUND.len(), "{feature}");
    }
}
