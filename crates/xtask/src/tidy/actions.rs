//! Rule: actions of others that our workflows use are pinned by a full hash.

use super::{File, Finding};

pub(super) fn check(file: &File) -> Vec<Finding> {
    let is_workflow = file.path.starts_with(".github/") || file.path.ends_with("action.yml");
    let is_yaml = [".yml", ".yaml"].iter().any(|end| file.path.ends_with(end));
    if !is_workflow || !is_yaml {
        return Vec::new();
    }
    let lines =
        (1..).zip(file.text.lines()).filter_map(|(number, line)| Some((number, used(line)?)));
    let open = lines.filter(|(_, action)| !action.starts_with("./") && !is_pinned(action));
    open.map(|(number, action)| {
        file.finding(
            number,
            "actions",
            format!("pin `{action}` by the 40 digits of a commit's hash"),
        )
    })
    .collect()
}

/// The action of a `uses:` line.
fn used(line: &str) -> Option<&str> {
    let after = line.trim().trim_start_matches("- ").trim_start().strip_prefix("uses:")?;
    Some(after.split('#').next().unwrap_or(after).trim().trim_matches(['"', '\'']))
}

fn is_pinned(action: &str) -> bool {
    let hash = action.rsplit_once('@').map(|(_, hash)| hash).unwrap_or_default();
    hash.len() == 40 && hash.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashes_and_our_own_actions_pass() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        let text =
            format!("  - uses: a/b@v4\n    uses: a/b@{hash} # v4\n  - uses: ./\n  - uses: a/b\n");
        let lines =
            |path: &str| check(&File::new(path, &text)).iter().map(|f| f.line).collect::<Vec<_>>();
        assert_eq!(lines(".github/workflows/ci.yml"), [1, 4]);
        assert_eq!(lines("action.yml"), [1, 4]);
        assert_eq!(lines("crates/a/a.yml"), [0_usize; 0]);
    }
}
