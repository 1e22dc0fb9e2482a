//! Rule: some names are spelled in one file only: environment variables, and the paths of the FIFOs. Tests are free.

use super::{File, Finding};

/// Names of our environment variables start like this. Written in parts, because this file isn't their home either.
const ENV: &str = concat!("CODSPEED", "_");
const ENV_HOME: &str = "crates/runner-shared/src/env_names/mod.rs";

const TEMP: &str = concat!("/tm", "p/");
const TEMP_HOME: &str = "crates/runner-shared/src/fifo/paths.rs";

pub(super) fn check(file: &File) -> Vec<Finding> {
    let Some(rust) = &file.rust else { return Vec::new() };
    if file.is_test() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for string in rust.strings.iter().filter(|string| !rust.is_test(string.line)) {
        if string.text.starts_with(ENV) && file.path != ENV_HOME {
            let advice = format!("use a constant of {ENV_HOME} instead of \"{}\"", string.text);
            findings.push(file.finding(string.line, "literals", advice));
        }
        if string.text.contains(TEMP) && file.path != TEMP_HOME && file.package() != Some("xtask") {
            let advice = format!(
                "only {TEMP_HOME} spells a path below {TEMP}; ask for a temporary folder instead"
            );
            findings.push(file.finding(string.line, "literals", advice));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn count(path: &str, text: &str, expected: usize) {
        let findings = check(&File::new(path, text));
        assert_eq!(findings.len(), expected, "{findings:?}");
    }

    #[test]
    fn environment_names_have_one_home() {
        let text = "const A: &str = \"CODSPEED_X\";";
        count("crates/runner/src/a.rs", text, 1);
        count(ENV_HOME, text, 0);
        count("crates/runner/tests/cli/a.rs", text, 0);
        count("crates/runner/src/a.rs", "// \"CODSPEED_X\"\nfn a() { b(\"not CODSPEED_X\") }", 0);
    }

    #[test]
    fn temporary_paths_have_one_home() {
        let text = "fn a() { b(\"/tmp/x\") }";
        count("crates/runner/src/a.rs", text, 1);
        count(TEMP_HOME, text, 0);
        count("crates/xtask/src/a.rs", text, 0);
        count(
            "crates/runner/src/a.rs",
            "#[cfg(test)]\nmod tests { const A: &str = \"/tmp/x\"; }",
            0,
        );
    }
}
