//! Takes known secrets out of everything that is shown, wherever it is shown.

use std::{borrow::Cow, ffi::OsStr};

use api::Secret;
use memchr::memmem;
use serde_json::Value;

use crate::{
    env::Env,
    event::{Benchmark, Finished, RunEvent},
};

/// The text in place of a secret.
const MASK: &[u8] = b"***";
/// To take something shorter out would hide half of a text, and who guesses it needs no log.
const SHORTEST: usize = 4;

/// The secrets that are known.
#[derive(Debug, Default)]
pub(super) struct Redactor {
    secrets: Vec<Secret>,
}

impl Redactor {
    /// One more secret. Those that are too short to be one are not taken out.
    pub(super) fn add(&mut self, secret: Secret) {
        if secret.expose().len() >= SHORTEST && !self.secrets.contains(&secret) {
            self.secrets.push(secret);
            // One may be a part of another one: the longer one goes first.
            self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        }
    }

    /// All secrets of the environment.
    pub(super) fn add_all(&mut self, env: &Env) {
        let texts = env.secrets().map(OsStr::to_string_lossy);
        texts.filter_map(|text| Secret::new(&text)).for_each(|secret| self.add(secret));
    }

    /// The same bytes without secrets.
    pub(super) fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut bytes = Cow::Borrowed(bytes);
        for secret in &self.secrets {
            let secret = secret.expose().as_bytes();
            let places: Vec<usize> = memmem::find_iter(&bytes, secret).collect();
            if places.is_empty() {
                continue;
            }
            let mut masked = Vec::with_capacity(bytes.len());
            let mut from = 0;
            for place in places {
                masked.extend_from_slice(bytes.get(from..place).unwrap_or_default());
                masked.extend_from_slice(MASK);
                from = place + secret.len();
            }
            masked.extend_from_slice(bytes.get(from..).unwrap_or_default());
            bytes = Cow::Owned(masked);
        }
        bytes
    }

    /// The same text without secrets.
    pub(super) fn text(&self, text: &str) -> String {
        // A secret is text, so what is left around it is text as well.
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    /// Returns how many bytes at the end may be the beginning of a secret that goes on in the next piece.
    pub(super) fn begun(&self, bytes: &[u8]) -> usize {
        let begun = |secret: &Secret| {
            let secret = secret.expose().as_bytes();
            (1..secret.len())
                .rev()
                .find(|len| secret.get(..*len).is_some_and(|start| bytes.ends_with(start)))
        };
        self.secrets.iter().filter_map(begun).max().unwrap_or(0)
    }

    /// The same event without secrets.
    pub(super) fn event(&self, event: &RunEvent) -> RunEvent {
        if let RunEvent::Output { stream, bytes } = event {
            return RunEvent::Output { stream: *stream, bytes: self.bytes(bytes).into_owned() };
        }
        if let RunEvent::Report(finished) = event {
            return RunEvent::Report(Box::new(self.finished(finished)));
        }
        event.with_texts(&|text| self.text(text))
    }

    fn finished(&self, finished: &Finished) -> Finished {
        let Finished { table, markdown, benchmarks, comparisons } = finished;
        let clean = |bench: &Benchmark| Benchmark {
            name: self.text(&bench.name),
            uri: self.text(&bench.uri),
            ..bench.clone()
        };
        Finished {
            table: self.text(table),
            markdown: self.text(markdown),
            benchmarks: benchmarks.iter().map(clean).collect(),
            comparisons: comparisons.iter().map(|it| self.json(it)).collect(),
        }
    }

    /// The same value with clean texts; keys are ours.
    fn json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(values) => values.iter().map(|value| self.json(value)).collect(),
            Value::Object(map) => {
                map.iter().map(|(key, value)| (key.clone(), self.json(value))).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing(secrets: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        for secret in secrets {
            redactor.add(Secret::new(secret).unwrap());
        }
        redactor
    }

    #[test]
    fn secrets_are_taken_out_of_text_and_of_bytes() {
        let redactor = knowing(&["token", "token-long", "abc"]);
        let cases = [("nothing", "nothing"), ("a token-long token.", "a *** ***."), ("abc", "abc")];
        for (text, expected) in cases {
            assert_eq!(redactor.text(text), expected);
        }
        assert_eq!(&*redactor.bytes(b"\xff\0token\xfe"), b"\xff\0***\xfe");
        assert!(matches!(redactor.bytes(b"nothing"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_beginning_of_a_secret_is_noticed() {
        let redactor = knowing(&["token", "key-key-x"]);
        for (text, expected) in [("a to", 2), ("token", 0), ("key-key-", 8), ("x", 0), ("", 0)] {
            assert_eq!(redactor.begun(text.as_bytes()), expected, "{text}");
        }
    }
}
