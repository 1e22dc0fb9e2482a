//! The reason why a part was written: the text behind `desc: Trigger:`.

/// The reason of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// An integration has announced itself.
    Metadata {
        /// For example `pytest-codspeed`.
        name: String,
        /// The rest after the name; may be empty.
        version: String,
    },
    /// A benchmark is over: its URI.
    Benchmark(String),
    /// The process has ended.
    Termination,
    /// Anything else, or nothing.
    Other(String),
}

impl Trigger {
    /// Nothing is escaped: a label is the rest of the line.
    pub(super) fn of(text: &str) -> Self {
        let Some(label) = text.strip_prefix("Client Request:").map(str::trim) else {
            return if text == "Program termination" {
                Self::Termination
            } else {
                Self::Other(text.to_owned())
            };
        };
        if label.is_empty() {
            return Self::Other(text.to_owned());
        }
        match label.strip_prefix("Metadata:").map(str::trim) {
            Some(who) => {
                let (name, version) = who.rsplit_once(' ').unwrap_or((who, ""));
                Self::Metadata { name: name.trim().to_owned(), version: version.to_owned() }
            }
            None => Self::Benchmark(label.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_fall_into_four_classes() {
        let metadata = |name: &str, version: &str| Trigger::Metadata {
            name: name.to_owned(),
            version: version.to_owned(),
        };
        for (text, expected) in [
            ("Client Request: Metadata: exec-harness 1.2.0", metadata("exec-harness", "1.2.0")),
            ("Client Request: Metadata: odd", metadata("odd", "")),
            ("Client Request: a::b c", Trigger::Benchmark("a::b c".to_owned())),
            ("Program termination", Trigger::Termination),
            ("Client Request:", Trigger::Other("Client Request:".to_owned())),
            ("--dump-before=f", Trigger::Other("--dump-before=f".to_owned())),
            ("", Trigger::Other(String::new())),
        ] {
            assert_eq!(Trigger::of(text), expected);
        }
    }
}
