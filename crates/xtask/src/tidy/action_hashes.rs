//! Rule: the GitHub Action knows the hashes of the version that it installs, in the form that its scripts read.

use super::{Finding, Tree};
use crate::action_hashes::{HASHES_FILE, Hashes, SOURCE, VERSION_FILE};

const RULE: &str = "action-hashes";
const ADVICE: &str = "run `cargo xtask action-hashes SHA256SUMS` to write it";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let (Some(version), Some(hashes)) = (tree.file(VERSION_FILE), tree.file(HASHES_FILE)) else {
        return vec![Finding::new(
            HASHES_FILE,
            1,
            RULE,
            format!("it and {VERSION_FILE} are needed"),
        )];
    };
    let known = match Hashes::parse(&hashes.text) {
        Ok(known) => known,
        Err(err) => return vec![hashes.finding(1, RULE, format!("{err:#}; {ADVICE}"))],
    };
    let mut findings = Vec::new();
    if known.text().is_ok_and(|text| text != hashes.text) {
        findings.push(hashes.finding(1, RULE, format!("not the usual form; {ADVICE}")));
    }
    let one = version.text.strip_suffix('\n').unwrap_or_default();
    if one != SOURCE && !known.knows(one) {
        let advice =
            format!("one line: `{SOURCE}`, or a version that {HASHES_FILE} knows; {ADVICE}");
        findings.push(version.finding(1, RULE, advice));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(version: &str, hashes: &str, expected: &[&str]) {
        let tree = Tree::of(&[(VERSION_FILE, version), (HASHES_FILE, hashes)]);
        let findings = check(&tree);
        assert_eq!(findings.iter().map(|found| &*found.path).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_default_version_has_a_hash_and_no_odd_triples() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let arm = format!("    \"aarch64-unknown-linux-musl\": \"{a}\"");
        let x86 = format!("    \"x86_64-unknown-linux-musl\": \"{b}\"");
        let good = format!("{{\n  \"5.1.0\": {{\n{arm},\n{x86}\n  }}\n}}\n");
        found("source\n", "{}\n", &[]);
        found("5.1.0\n", &good, &[]);
        found("source\n", &good, &[]);
        found("5.1.0\n", "{}\n", &[VERSION_FILE]);
        found("5.1.0", &good, &[VERSION_FILE]);
        found("5.1.0\n5.1.0\n", &good, &[VERSION_FILE]);
        found("5.1.0\n", &good.replace(&format!("{arm},\n"), ""), &[]);
        found("5.1.0\n", &good.replace("-musl", "-gnu"), &[]);
        found("5.1.0\n", &good.replace(&format!(",\n{x86}"), ""), &[HASHES_FILE]);
        found("5.1.0\n", &good.replace("x86_64-", "riscv64-"), &[HASHES_FILE]);
        found("5.1.0\n", &good.replace(&a, "12"), &[HASHES_FILE]);
        found("5.1.0\n", &good.replace("\n    ", " "), &[HASHES_FILE]);
        found("source\n", "", &[HASHES_FILE]);
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
