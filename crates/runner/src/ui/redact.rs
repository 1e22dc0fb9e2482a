//! Takes known secrets out of everything that is shown, wherever it is shown.

use std::{borrow::Cow, ffi::OsStr, ops::Range};

use api::Secret;
use memchr::memmem;
use results::BenchmarkLine;
use runner_shared::text::one_line;
use serde_json::Value;

use crate::{
    env::Env,
    event::{Finished, RunEvent},
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
    /// One more secret, also as it is shown on one line. Those that are too short to be one are not taken out.
    pub(super) fn add(&mut self, secret: Secret) {
        if let Some(shown) = Secret::new(&one_line(secret.expose())) {
            self.keep(shown);
        }
        self.keep(secret);
    }

    fn keep(&mut self, secret: Secret) {
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

    /// No secret is known.
    pub(super) fn is_empty(&self) -> bool {
        self.secrets.is_empty()
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

    /// The same bytes without secrets, also without those that the format of an export spells in another way.
    pub(super) fn export(&self, bytes: &[u8]) -> Vec<u8> {
        let bytes = self.bytes(bytes);
        if self.secrets.is_empty() {
            return bytes.into_owned();
        }
        let spelling = Spelling::read(&bytes);
        let mut spans: Vec<Range<usize>> = Vec::new();
        for secret in &self.secrets {
            let secret = secret.expose().as_bytes();
            spans.extend(
                memmem::find_iter(&spelling.meant, secret)
                    .filter_map(|place| spelling.span(place..place + secret.len())),
            );
        }
        spans.sort_by_key(|span| span.start);
        let (mut masked, mut from) = (Vec::with_capacity(bytes.len()), 0);
        for span in spans {
            if span.start >= from {
                masked.extend_from_slice(bytes.get(from..span.start).unwrap_or_default());
                masked.extend_from_slice(MASK);
            }
            from = from.max(span.end);
        }
        masked.extend_from_slice(bytes.get(from..).unwrap_or_default());
        masked
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
        let clean = |bench: &BenchmarkLine| BenchmarkLine {
            name: self.text(&bench.name),
            uri: self.text(&bench.uri),
            ..bench.clone()
        };
        Finished {
            table: self.text(table),
            markdown: String::from_utf8_lossy(&self.export(markdown.as_bytes())).into_owned(),
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

/// The bytes that a text of some format means, and the places in which they are spelled.
#[derive(Debug, Default)]
struct Spelling {
    meant: Vec<u8>,
    /// Begin and end of the spelling of each of them.
    places: Vec<(usize, usize)>,
}

impl Spelling {
    /// Reads the escapes of all formats that we write: `\"`, `\|` and `\u002b` (JSON, Markdown), `""` (CSV), `&#95;` and
    /// `&lt;` (`AsciiDoc`, Markdown, XML).
    fn read(bytes: &[u8]) -> Self {
        let mut read = Self::default();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let rest = bytes.get(at..).unwrap_or_default();
            let (letter, length) = escape(rest).unwrap_or((u32::from(*byte), 1));
            let mut buffer = [0; 4];
            let spelled: &[u8] = match char::from_u32(letter) {
                Some(letter) if length > 1 => letter.encode_utf8(&mut buffer).as_bytes(),
                _ => std::slice::from_ref(byte),
            };
            read.meant.extend_from_slice(spelled);
            read.places.extend(spelled.iter().map(|_| (at, at + length)));
            at += length;
        }
        read
    }

    /// Returns the place in the text of a range of what is meant.
    fn span(&self, meant: Range<usize>) -> Option<Range<usize>> {
        let (start, _) = *self.places.get(meant.start)?;
        let (_, end) = *self.places.get(meant.end.checked_sub(1)?)?;
        Some(start..end)
    }
}

/// The character of an escape at the beginning, and its length.
fn escape(bytes: &[u8]) -> Option<(u32, usize)> {
    const NAMED: &[(&[u8], char)] =
        &[(b"&lt;", '<'), (b"&gt;", '>'), (b"&amp;", '&'), (b"&quot;", '"'), (b"&apos;", '\'')];
    let of = |digits: &[u8], radix| u32::from_str_radix(str::from_utf8(digits).ok()?, radix).ok();
    match *bytes {
        // With a space of no width behind it, so that it mentions nobody.
        [b'@', 0xe2, 0x80, 0x8b, ..] => Some((u32::from(b'@'), 4)),
        [b'"', b'"', ..] => Some((u32::from(b'"'), 2)),
        [b'\\', b'u', a, b, c, d, ..] => Some((of(&[a, b, c, d], 16)?, 6)),
        [b'\\', letter, ..] if letter.is_ascii_punctuation() => Some((u32::from(letter), 2)),
        [b'&', b'#', ref digits @ ..] => {
            let length = digits.iter().take(8).position(|byte| *byte == b';')?;
            Some((of(digits.get(..length)?, 10)?, length + 3))
        }
        [b'&', ..] => {
            let (name, letter) = NAMED.iter().find(|(name, _)| bytes.starts_with(name))?;
            Some((u32::from(*letter), name.len()))
        }
        _ => None,
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
    fn secrets_are_found_in_the_spelling_of_each_format() {
        let secret = r#"a_b"c|d\e<+f"#;
        let redactor = knowing(&[secret, "plain"]);
        for spelled in [
            serde_json::to_string(secret).unwrap(),
            r#"a_b\"c|d\\e<\u002bf"#.to_owned(),
            r#""a_b""c|d\e<+f""#.to_owned(),
            r#"`a_b"c\|d\\e&lt;+f`"#.to_owned(),
            "``a&#95;b&#34;c&#124;d&#92;e&#60;&#43;f``".to_owned(),
            secret.to_owned(),
        ] {
            let shown = redactor.export(format!("x {spelled}, plain y\n").as_bytes());
            let shown = String::from_utf8(shown).unwrap();
            assert!(shown.contains("***") && !shown.contains('d'), "{shown}");
            assert!(shown.starts_with("x ") && shown.ends_with(", *** y\n"), "{shown}");
        }
        let nothing = b"a \\u12 &# &#x; \"\" \\ \xff";
        assert_eq!(redactor.export(nothing), nothing);
    }

    #[test]
    fn secrets_of_several_lines_are_found_where_they_are_on_one() {
        let secret = "first\nsecond@home";
        let redactor = knowing(&[secret]);
        for spelled in [
            secret.to_owned(),
            one_line(secret),
            serde_json::to_string(secret).unwrap(),
            serde_json::to_string(&one_line(secret)).unwrap(),
            "first&#92;nsecond&#64;home".to_owned(),
            "first\\nsecond@\u{200b}home".to_owned(),
        ] {
            let shown = String::from_utf8(redactor.export(spelled.as_bytes())).unwrap();
            assert!(shown.contains("***") && !shown.contains("second"), "{spelled}: {shown}");
        }
        assert_eq!(redactor.text(&one_line(secret)), "***");
    }

    #[test]
    fn the_beginning_of_a_secret_is_noticed() {
        let redactor = knowing(&["token", "key-key-x"]);
        for (text, expected) in [("a to", 2), ("token", 0), ("key-key-", 8), ("x", 0), ("", 0)] {
            assert_eq!(redactor.begun(text.as_bytes()), expected, "{text}");
        }
    }
}
