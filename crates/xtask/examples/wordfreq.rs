//! Counts how often each word occurs in text files, or in the files of folders, and prints the ten most frequent.
//! The feature `slow-wordfreq` builds the same program with a costlier way to count: the demo shows the difference.
#![expect(clippy::print_stdout, reason = "the program's answer")]
#![expect(clippy::disallowed_methods, reason = "it is there to be measured")]

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    match read(paths) {
        Ok(text) if text.is_empty() => ExitCode::FAILURE,
        Ok(text) => {
            for (word, count) in most_frequent(count(&text)) {
                println!("{count:>8} {word}");
            }
            ExitCode::SUCCESS
        }
        Err(err) => {
            println!("could not read: {err}");
            ExitCode::FAILURE
        }
    }
}

/// The text of all files, in lower case.
fn read(mut paths: Vec<PathBuf>) -> io::Result<String> {
    let mut text = String::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                paths.push(entry?.path());
            }
        } else {
            text.push_str(&fs::read_to_string(path)?.to_lowercase());
        }
    }
    Ok(text)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(not(feature = "slow-wordfreq"))]
fn count(text: &str) -> HashMap<String, u64> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for word in words(text) {
        *counts.entry(word).or_default() += 1;
    }
    counts.into_iter().map(|(word, count)| (word.to_owned(), count)).collect()
}

/// Looks up every word twice, and makes a string of it first.
#[cfg(feature = "slow-wordfreq")]
fn count(text: &str) -> HashMap<String, u64> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for word in words(text) {
        let so_far = counts.get(word).copied().unwrap_or_default();
        counts.insert(word.to_owned(), so_far + 1);
    }
    counts
}

/// The ten most frequent; equal ones by the alphabet.
fn most_frequent(counts: HashMap<String, u64>) -> Vec<(String, u64)> {
    let mut sorted: Vec<(String, u64)> = counts.into_iter().collect();
    sorted.sort_by(|(a, many), (b, few)| few.cmp(many).then_with(|| a.cmp(b)));
    sorted.truncate(10);
    sorted
}
