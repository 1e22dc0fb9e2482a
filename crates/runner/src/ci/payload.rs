//! Reads the payload of an event at GitHub: a file of somebody else's, of which nothing is taken for granted.

use std::path::{Path, PathBuf};

use runner_shared::{
    artifact::read_json,
    bounds::{EVENT_BYTES, JSON_VALUES_BYTES},
};
use serde_json::Value;
use system::files::{self, Links};

use super::CiError;

/// The payload of an event.
#[derive(Debug)]
pub(super) struct Payload {
    path: PathBuf,
    value: Value,
}

/// The origin of a pull request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The branch; `owner:branch` in a fork.
    pub label: String,
    /// The branch is in another repository.
    pub is_fork: bool,
}

impl Payload {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self, CiError> {
        let failed = |source| CiError::PayloadRead { path: path.to_owned(), source };
        let bytes = files::read(path, Links::Follow, EVENT_BYTES).map_err(failed)?;
        Self::parse(path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, CiError> {
        let no_json = |source| CiError::PayloadParse { path: path.to_owned(), source };
        let value = read_json(bytes, JSON_VALUES_BYTES).map_err(no_json)?;
        Ok(Self { path: path.to_owned(), value })
    }

    /// Returns whether the repository is private, if it is told.
    pub(super) fn is_private(&self) -> Option<bool> {
        self.value.pointer("/repository/private")?.as_bool()
    }

    /// The number of the pull request.
    pub(super) fn pull_request(&self) -> Result<u64, CiError> {
        let number = self.value.pointer("/pull_request/number").and_then(Value::as_u64);
        number.ok_or_else(|| self.lacks("pull_request.number"))
    }

    /// The branch that the pull request is for.
    pub(super) fn base_ref(&self) -> Option<&str> {
        self.text("/pull_request/base/ref")
    }

    /// Returns where the pull request comes from. Of a fork that was deleted, GitHub tells the label only.
    pub(super) fn head(&self) -> Result<Head, CiError> {
        let branch = self.text("/pull_request/head/ref");
        let branch = branch.ok_or_else(|| self.lacks("pull_request.head.ref"))?;
        if !self.is_fork() {
            return Ok(Head { label: branch.to_owned(), is_fork: false });
        }
        let owner = self.text("/pull_request/head/repo/owner/login");
        let label = self.text("/pull_request/head/label").filter(|label| label.contains(':'));
        let user = self.text("/pull_request/head/user/login");
        let label = match (owner, label, user) {
            (Some(owner), _, _) => format!("{owner}:{branch}"),
            (None, Some(label), _) => label.to_owned(),
            (None, None, Some(user)) => format!("{user}:{branch}"),
            (None, None, None) => return Err(self.lacks("pull_request.head.user.login")),
        };
        Ok(Head { label, is_fork: true })
    }

    /// The branch is in another repository. When that is not told, it is a fork: nothing of a fork is trusted.
    fn is_fork(&self) -> bool {
        let id = |pointer| self.value.pointer(pointer).filter(|id| !id.is_null());
        let head = id("/pull_request/head/repo/id");
        head.is_none() || head != id("/pull_request/base/repo/id")
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    }

    fn lacks(&self, field: &'static str) -> CiError {
        CiError::PayloadField { path: self.path.clone(), field }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(text: &str) -> Result<Head, String> {
        let payload = Payload::parse(Path::new("e"), text.as_bytes()).map_err(|e| e.to_string())?;
        payload.head().map_err(|err| err.to_string())
    }

    #[test]
    fn a_fork_is_called_by_its_owner_as_far_as_that_is_told() {
        let fork = |label: &str| Ok(Head { label: label.to_owned(), is_fork: true });
        let lacks = |field: &str| Err(format!("the event `e` has no `{field}`"));
        let table = [
            (
                r#"{"head":{"ref":"b","repo":{"id":1}},"base":{"repo":{"id":1}}}"#,
                Ok(Head { label: "b".to_owned(), is_fork: false }),
            ),
            (
                r#"{"head":{"ref":"b","repo":{"id":2,"owner":{"login":"o"}}},"base":{"repo":{"id":1}}}"#,
                fork("o:b"),
            ),
            (r#"{"head":{"ref":"b","repo":null,"label":"o:b"}}"#, fork("o:b")),
            (r#"{"head":{"ref":"b","repo":null,"user":{"login":"u"}}}"#, fork("u:b")),
            (r#"{"head":{"ref":"b","label":"b","user":{"login":"u"}}}"#, fork("u:b")),
            (
                r#"{"head":{"ref":"b","repo":"odd","user":7}}"#,
                lacks("pull_request.head.user.login"),
            ),
            (r#"{"head":{"ref":["b"]}}"#, lacks("pull_request.head.ref")),
            ("[]", lacks("pull_request.head.ref")),
        ];
        for (text, expected) in table {
            assert_eq!(head(&format!(r#"{{"pull_request":{text}}}"#)), expected, "{text}");
        }
    }

    #[test]
    fn no_json_and_too_much_of_it_are_refused() {
        assert!(head("{").unwrap_err().contains("is not valid JSON"));
        assert!(head(&"[".repeat(1 << 20)).unwrap_err().contains("is not valid JSON"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        std::fs::File::create(&path).unwrap().set_len(EVENT_BYTES + 1).unwrap();
        assert!(matches!(Payload::read(&path), Err(CiError::PayloadRead { .. })));
    }

    /// Any JSON, with the names that we look for.
    fn json() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,4}".prop_map(Value::from),
        ];
        let key = prop::sample::select(vec![
            "pull_request",
            "head",
            "base",
            "repo",
            "id",
            "ref",
            "label",
            "user",
            "login",
            "owner",
            "number",
            "repository",
            "private",
        ]);
        scalar.prop_recursive(6, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                prop::collection::vec((key.clone(), inner), 0..6).prop_map(|entries| {
                    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_payload_is_too_odd(value in json(), bytes in any::<Vec<u8>>()) {
            let text = value.to_string();
            let payload = Payload::parse(Path::new("e"), text.as_bytes()).unwrap();
            if let Ok(head) = payload.head() {
                prop_assert!(!head.label.is_empty());
            }
            let _told = (payload.is_private(), payload.pull_request(), payload.base_ref());
            let _refused = Payload::parse(Path::new("e"), &bytes);
        }
    }
}
