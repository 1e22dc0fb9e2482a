//! `environment-<pid>.json`: what an integration says of its language, and which libraries its process had loaded.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::Deserialize;

use runner_shared::{
    bounds::{self, ABOUT_BYTES, Allowance, Unit, size},
    profile_dir::{ENVIRONMENT, ProfileDir},
    text::{count, shown},
};

use super::file::{bytes_within, names, with_causes};

/// The facts that the processes of a run reported about themselves. Processes with equal reports are merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The processes, sorted.
    pub pids: Vec<u32>,
    /// By language (`python`, `rust`, `nodejs`, `go`, `cpp`): what is known of it, by name.
    pub languages: BTreeMap<String, BTreeMap<String, Fact>>,
    /// By the name that programs ask the loader for.
    pub libraries: BTreeMap<String, Library>,
}

/// Something about a language.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Fact {
    /// One value, such as a version.
    One(String),
    /// Several, such as options of a build.
    Several(Vec<String>),
}

/// A library that a process had loaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Library {
    /// Its file.
    pub path: String,
    /// The identity of its build, in hexadecimal, if the file has one.
    pub build_id: Option<String>,
}

/// Room that a file takes besides its bytes: there shall not be any number of small ones.
const FILE: u64 = 4096;

/// The file.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    integration_environment: BTreeMap<String, BTreeMap<String, Fact>>,
    #[serde(default)]
    linked_libraries: BTreeMap<String, Library>,
}

/// Reads all `environment-<pid>.json` on top of a profile folder, in the order of process numbers. A file that can't be
/// read is a warning.
pub fn read_environments(profile_dir: &ProfileDir) -> (Vec<Environment>, Vec<String>) {
    let (mut found, mut warnings): (Vec<Environment>, _) = (Vec::new(), Vec::new());
    let listed = names(profile_dir.path()).unwrap_or_else(|err| {
        warnings.push(with_causes(&err));
        BTreeSet::new()
    });
    let mut files: Vec<(u32, PathBuf)> = listed
        .iter()
        .filter_map(|name| {
            Some((ENVIRONMENT.number(name.to_str()?)?, profile_dir.path().join(name)))
        })
        // Never a FIFO, which would hold us.
        .filter(|(_, path)| path.is_file())
        .collect();
    files.sort();
    let mut room = Allowance::of(ABOUT_BYTES);
    for (pid, path) in files {
        let read = bytes_within(&path, ABOUT_BYTES).map_err(|err| with_causes(&err));
        let needed = FILE + read.as_ref().map_or(0, |bytes| size(bytes.len()));
        if !room.take(needed) {
            continue;
        }
        let parsed = read.and_then(|bytes| {
            let shape = |err| format!("`{}` was left out: {err}", shown(&path));
            serde_json::from_slice::<File>(&bytes).map_err(shape)
        });
        let File { integration_environment: languages, linked_libraries: libraries } = match parsed
        {
            Ok(file) => file,
            Err(text) => {
                warnings.push(text);
                continue;
            }
        };
        let same =
            |one: &&mut Environment| one.languages == languages && one.libraries == libraries;
        match found.iter_mut().find(same) {
            Some(one) => {
                one.pids.push(pid);
                room.give_back(needed);
            }
            None => found.push(Environment { pids: vec![pid], languages, libraries }),
        }
    }
    if room.left_out() > 0 {
        warnings.push(format!(
            "{} left out: together they have more than {}",
            count(room.left_out(), &format!("`{}` file", ENVIRONMENT.path)),
            bounds::shown(ABOUT_BYTES, Unit::Bytes)
        ));
    }
    (found, warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &str = r#"{"integration_environment": {"rust": {"rustc": "1.95.0", "opt-level": "3"},
        "python": {"build_args": ["--enable-shared", "--x"]}}, "other": 1,
        "linked_libraries": {"libc.so.6": {"path": "/lib/libc.so.6", "build_id": "93ac"},
            "/x.so": {"path": "/x.so", "build_id": null}}}"#;

    #[test]
    fn equal_processes_are_merged_and_invalid_ones_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        file("environment-20.json", CONTENT);
        file("environment-3.json", CONTENT);
        file("environment-4.json", "{}");
        file("environment-5.json", "7");
        file("environment-x.json", "no number");
        std::fs::create_dir(folder.path().join("environment-6.json")).unwrap();
        let (found, warnings) = read_environments(&ProfileDir::new(folder.path()));
        let pids: Vec<&[u32]> = found.iter().map(|one| &one.pids[..]).collect();
        assert_eq!(pids, [&[3, 20][..], &[4]]);
        let one = &found[0];
        assert_eq!(one.languages["rust"]["rustc"], Fact::One("1.95.0".to_owned()));
        let several = vec!["--enable-shared".to_owned(), "--x".to_owned()];
        assert_eq!(one.languages["python"]["build_args"], Fact::Several(several));
        assert_eq!(one.libraries["libc.so.6"].build_id.as_deref(), Some("93ac"));
        assert_eq!(one.libraries["/x.so"].build_id, None);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("environment-5.json` was left out"), "{warnings:?}");
        let missing = ProfileDir::new(folder.path().join("missing"));
        assert_eq!(read_environments(&missing), (Vec::new(), Vec::new()));
    }
}
