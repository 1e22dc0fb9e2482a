//! `conditions.json`: what was not as usual in a walltime run.

use runner_shared::{
    conditions::Conditions,
    profile_dir::{CONDITIONS, ProfileDir},
    text::shown,
};
use system::files;

use super::file::{bytes_within, with_causes};

/// Thousands of processors take less.
const MOST_BYTES: u64 = 64 << 10;

/// Reads it. Without the file all was as usual; one that can't be read is a warning.
pub(super) fn read_conditions(profile_dir: &ProfileDir, warnings: &mut Vec<String>) -> Conditions {
    let path = profile_dir.file(&CONDITIONS);
    if !files::is_there(&path) {
        return Conditions::default();
    }
    let read = bytes_within(&path, MOST_BYTES).map_err(|err| with_causes(&err));
    let parsed = read.and_then(|bytes| {
        serde_json::from_slice(&bytes)
            .map_err(|err| format!("`{}` was left out: {err}", shown(&path)))
    });
    parsed.unwrap_or_else(|text| {
        warnings.push(text);
        Conditions::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_odd_is_left_out_with_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let dir = ProfileDir::new(folder.path());
        let read = || {
            let mut warnings = Vec::new();
            (read_conditions(&dir, &mut warnings), warnings.len())
        };
        assert_eq!(read(), (Conditions::default(), 0));
        let path = dir.file(&CONDITIONS);
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write(r#"{"version":1,"processors":[3],"fixed_addresses":true,"later":1}"#);
        let expected = Conditions { version: 1, processors: vec![3], fixed_addresses: true };
        assert_eq!(read(), (expected, 0));
        for odd in ["", "[]", r#"{"version":1,"processors":[-1]}"#, &"1".repeat(99_999)] {
            write(odd);
            assert_eq!(read(), (Conditions::default(), 1), "{odd}");
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(read(), (Conditions::default(), 1));
    }
}
