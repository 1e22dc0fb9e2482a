//! One of several uploads of a run: what tells them from each other.

use std::path::{Path, PathBuf};

use api::RunPart;
use runner_shared::{profile_dir::PROJECT_FOLDER, text::hex};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// A part as the provider describes it, before it is known which upload of the job it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BasePart {
    pub run_id: String,
    pub part_id: String,
    pub job: String,
    pub metadata: Map<String, Value>,
    pub kind: PartKind,
}

/// The owner of the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartKind {
    /// A job's: it may upload several times, and a retry must come to the same numbers. So uploads are counted.
    Job,
    /// One command of a user's: not counted, and unknown to metadata version 8.
    Command,
}

impl BasePart {
    /// Returns where its uploads are counted, if they are.
    pub(super) fn key<'a>(&'a self, root: &'a Path) -> Option<PartKey<'a>> {
        let Self { run_id, part_id, job: _, metadata: _, kind } = self;
        (*kind == PartKind::Job).then_some(PartKey { root, run_id, part_id })
    }
}

/// Uploads with the same key are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartKey<'a> {
    root: &'a Path,
    run_id: &'a str,
    part_id: &'a str,
}

#[cfg(test)]
impl<'a> PartKey<'a> {
    /// Any key.
    pub(super) fn new(root: &'a Path, run_id: &'a str, part_id: &'a str) -> Self {
        Self { root, run_id, part_id }
    }
}

impl PartKey<'_> {
    /// The folder of our things in the repository.
    pub(super) fn home(&self) -> PathBuf {
        self.root.join(PROJECT_FOLDER)
    }

    /// The file that holds the number. A run id is a number or a UUID; one that is no name of a folder is hashed.
    pub(super) fn file(&self) -> PathBuf {
        let Self { root: _, run_id, part_id } = self;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let run = if !run_id.is_empty() && run_id.len() <= 128 && run_id.chars().all(is_name) {
            (*run_id).to_owned()
        } else {
            hash(run_id)
        };
        self.home().join("run-state").join(run).join(format!("{}.json", hash(part_id)))
    }
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Which upload of the job it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suffix<'a> {
    /// As metadata version 8 has it.
    V8 {
        /// Uploads of the job before this one.
        run_index: u64,
    },
    /// As metadata version 10 has it.
    V10 {
        /// The executor that measured: `valgrind`, `walltime` or `memory`.
        executor: &'a str,
        /// Uploads of the job before this one; left out for a part that isn't counted.
        run_index: u64,
        /// The position among the parts of this command, if there are several.
        part_index: Option<u64>,
    },
}

impl Suffix<'_> {
    /// The part with what tells it from the others. Nothing for one that the version doesn't know.
    pub(super) fn apply(&self, part: &BasePart) -> Option<RunPart> {
        let BasePart { run_id, part_id, job, metadata, kind } = part;
        let mut suffix = Map::new();
        let index = match (self, kind) {
            (Self::V8 { .. }, PartKind::Command) => return None,
            (Self::V8 { run_index }, PartKind::Job) => Some(*run_index),
            (Self::V10 { executor, run_index, part_index }, kind) => {
                suffix.insert("executor".to_owned(), Value::from(*executor));
                if let Some(part_index) = part_index {
                    suffix.insert("run-part-index".to_owned(), Value::from(*part_index));
                }
                (*kind == PartKind::Job).then_some(*run_index)
            }
        };
        if let Some(index) = index {
            suffix.insert("run-index".to_owned(), Value::from(index));
        }
        let run_part_id = format!("{part_id}-{}", Value::Object(suffix.clone()));
        let mut metadata = metadata.clone();
        metadata.extend(suffix);
        Some(RunPart { run_id: run_id.clone(), run_part_id, job_name: job.clone(), metadata })
    }
}

#[cfg(test)]
mod tests {
    use runner_shared::text::shown;

    use super::*;

    fn part(kind: PartKind) -> BasePart {
        let metadata = Map::from_iter([("os".to_owned(), Value::from("ubuntu"))]);
        let text = str::to_owned;
        BasePart { run_id: text("9001"), part_id: text("bench"), job: text("job"), metadata, kind }
    }

    #[track_caller]
    fn check(suffix: Suffix<'_>, kind: PartKind, id: &str, metadata: &str) {
        let RunPart { run_id, run_part_id, job_name, metadata: found } =
            suffix.apply(&part(kind)).unwrap();
        assert_eq!((run_id.as_str(), job_name.as_str()), ("9001", "job"));
        assert_eq!(run_part_id, id);
        assert_eq!(Value::Object(found).to_string(), metadata);
    }

    #[test]
    fn version_8_has_the_index_only() {
        check(
            Suffix::V8 { run_index: 0 },
            PartKind::Job,
            r#"bench-{"run-index":0}"#,
            r#"{"os":"ubuntu","run-index":0}"#,
        );
        assert_eq!(Suffix::V8 { run_index: 0 }.apply(&part(PartKind::Command)), None);
    }

    #[test]
    fn version_10_has_the_executor_and_the_position() {
        let v10 =
            |run_index, part_index| Suffix::V10 { executor: "walltime", run_index, part_index };
        check(
            v10(1, Some(1)),
            PartKind::Job,
            r#"bench-{"executor":"walltime","run-index":1,"run-part-index":1}"#,
            r#"{"executor":"walltime","os":"ubuntu","run-index":1,"run-part-index":1}"#,
        );
        check(
            v10(0, None),
            PartKind::Job,
            r#"bench-{"executor":"walltime","run-index":0}"#,
            r#"{"executor":"walltime","os":"ubuntu","run-index":0}"#,
        );
        check(
            v10(5, Some(0)),
            PartKind::Command,
            r#"bench-{"executor":"walltime","run-part-index":0}"#,
            r#"{"executor":"walltime","os":"ubuntu","run-part-index":0}"#,
        );
    }

    #[test]
    fn a_run_id_never_leads_out_of_its_folder() {
        for id in ["../../x", "", "/etc", "a\0b", &"9".repeat(300)] {
            let file = PartKey::new(Path::new("/r"), id, "p").file();
            let parts: Vec<_> = file.components().collect();
            assert_eq!(parts.len(), 6, "{}", shown(&file));
            assert!(file.starts_with("/r/.codspeed/run-state"));
            assert!(!file.to_string_lossy().contains(".."));
        }
    }
}
