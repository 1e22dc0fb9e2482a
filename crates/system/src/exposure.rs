//! Closes the place where others on this machine could read secrets of ours: the words and variables that the kernel shows
//! of a process, as it was started.
//!
//! Not ours to close: the same words and variables of the processes that have started us, and what root reads.

use runner_shared::env_names::SECRETS;

use crate::files;

/// The most that a kernel accepts as words and variables of a program.
const MOST: usize = 64 << 20;
/// The field that `proc_pid_stat(5)` calls `arg_start`, counted from the field after the name of the program; `arg_end`,
/// `env_start` and `env_end` follow.
const ARG_START: usize = 45;

/// Overwrites secrets where the kernel shows the words and variables that we were started with: the variables that
/// [`SECRETS`] names, and the values of these options. To be called once both are taken, while no other thread works than
/// that of signals.
pub fn wipe_start(options: &[&str]) {
    let stat = files::read_kernel_text("/proc/self/stat").unwrap_or_default();
    let Some([words, end, variables, last]) = places(&stat) else { return };
    if let Some(words) = area(words, end) {
        wipe_words(words, options);
    }
    if let Some(variables) = area(variables, last) {
        wipe_variables(variables);
    }
}

/// Returns the begin and end of the words, and of the variables.
fn places(stat: &str) -> Option<[usize; 4]> {
    // The name stands in brackets and may have any character.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(ARG_START).map(str::parse);
    let mut next = || fields.next()?.ok().filter(|place| *place != 0);
    Some([next()?, next()?, next()?, next()?])
}

#[expect(unsafe_code, reason = "the kernel exposes this very memory")]
fn area(start: usize, end: usize) -> Option<&'static mut [u8]> {
    let length = end.checked_sub(start).filter(|length| *length <= MOST)?;
    // SAFETY: the kernel has put the words and variables here when it started us, on a stack that stays as long as we
    // live. No other thread reads them: that of signals never does, and one that waits for us with a small stack only waits.
    // The standard library has no reference into them, and the two areas don't overlap.
    Some(unsafe {
        std::slice::from_raw_parts_mut(std::ptr::with_exposed_provenance_mut(start), length)
    })
}

fn wipe_variables(area: &mut [u8]) {
    for variable in area.split_mut(|byte| *byte == 0) {
        let Some(equals) = variable.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = variable.split_at_mut(equals + 1);
        if SECRETS.iter().any(|secret| name.strip_suffix(b"=") == Some(secret.name.as_bytes())) {
            value.fill(0);
        }
    }
}

/// Overwrites the values of secret options. Words behind `--` are none of ours.
fn wipe_words(area: &mut [u8], options: &[&str]) {
    let mut is_value = false;
    for word in area.split_mut(|byte| *byte == 0) {
        if is_value {
            word.fill(b'*');
            is_value = false;
            continue;
        }
        if word == b"--" {
            return;
        }
        for option in options {
            match word.strip_prefix(option.as_bytes()).map(<[u8]>::first) {
                Some(None) => is_value = true,
                Some(Some(b'=')) => word.split_at_mut(option.len() + 1).1.fill(b'*'),
                Some(Some(_)) | None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &[&str] = &["--token", "--oauth-token"];

    #[track_caller]
    fn wiped(wipe: fn(&mut [u8]), text: &str, expected: &str) {
        let mut area = text.as_bytes().to_vec();
        wipe(&mut area);
        assert_eq!(String::from_utf8(area).unwrap(), expected);
    }

    #[test]
    fn only_secrets_are_overwritten() {
        wiped(
            wipe_variables,
            "A=b\0CODSPEED_TOKEN=abc\0CODSPEED_TOKENS=abc\0CI_JOB_TOKEN=\0odd\0=\0",
            "A=b\0CODSPEED_TOKEN=\0\0\0\0CODSPEED_TOKENS=abc\0CI_JOB_TOKEN=\0odd\0=\0",
        );
        wiped(
            |area| wipe_words(area, OPTIONS),
            "codspeed\0--token\0abc\0--oauth-token=x\0--tokens\0a\0--\0--token\0y\0",
            "codspeed\0--token\0***\0--oauth-token=*\0--tokens\0a\0--\0--token\0y\0",
        );
        wiped(|area| wipe_words(area, OPTIONS), "codspeed\0--token", "codspeed\0--token");
        wiped(|area| wipe_words(area, OPTIONS), "", "");
    }

    #[test]
    fn the_kernel_says_where_they_are() {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let [words, end, variables, last] = places(&stat).unwrap();
        assert!(words < end && end <= variables && variables <= last, "{stat}");
        let shown = std::fs::read("/proc/self/cmdline").unwrap();
        assert_eq!(area(words, end).unwrap(), shown);
        assert_eq!(places("1 (a) b) R"), None);
        assert_eq!(places(""), None);
    }
}
