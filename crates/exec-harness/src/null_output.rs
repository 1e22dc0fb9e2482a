//! Recognises commands that do less when their output is `/dev/null`, so that a benchmark of them can say so.

use crate::process::{Executable, Output, Stdio};

/// A program that looks at its output.
struct Frugal {
    names: &'static [&'static str],
    /// Returns true if these arguments, without the name of the program, make it do less.
    when: fn(&[&str]) -> bool,
}

const FRUGAL: &[Frugal] = &[
    // GNU grep ends at the first match; scripts around it hand on their output.
    Frugal {
        names: &[
            "grep", "egrep", "fgrep", "zgrep", "zegrep", "zfgrep", "bzgrep", "xzgrep", "lzgrep",
            "zstdgrep",
        ],
        when: |_| true,
    },
    // GNU cmp ends at the first difference, and looks at sizes first.
    Frugal { names: &["cmp", "zcmp"], when: |_| true },
    // GNU tar doesn't read the files that it packs.
    Frugal { names: &["tar", "gtar"], when: packs_to_output },
];

/// Programs that start the command behind their own arguments.
struct Wrapper {
    name: &'static str,
    /// Options that take a word of their own.
    valued: &'static [&'static str],
    /// Words before the command that are no options.
    operands: usize,
}

const WRAPPERS: &[Wrapper] = &[
    Wrapper { name: "env", valued: &["-u", "-C", "--unset", "--chdir"], operands: 0 },
    Wrapper { name: "command", valued: &[], operands: 0 },
    Wrapper { name: "exec", valued: &["-a"], operands: 0 },
    Wrapper { name: "time", valued: &["-f", "-o"], operands: 0 },
    Wrapper { name: "nohup", valued: &[], operands: 0 },
    Wrapper { name: "setsid", valued: &[], operands: 0 },
    Wrapper { name: "nice", valued: &["-n", "--adjustment"], operands: 0 },
    Wrapper { name: "ionice", valued: &["-c", "-n"], operands: 0 },
    Wrapper { name: "stdbuf", valued: &["-i", "-o", "-e"], operands: 0 },
    Wrapper { name: "timeout", valued: &["-k", "-s"], operands: 1 },
    Wrapper { name: "taskset", valued: &[], operands: 1 },
    Wrapper { name: "chrt", valued: &[], operands: 1 },
];

/// Returns the name of the program if it is one that does less and its output goes to `/dev/null`.
pub(crate) fn does_less(program: &Executable, stdio: &Stdio) -> Option<String> {
    if stdio.output != Output::Null {
        return None;
    }
    let words: Vec<&str> = if program.by_shell {
        // The last command of a line writes where the shell does.
        let last = program.argv.last()?.to_str()?.rsplit(['|', ';', '&', '\n']).next()?;
        last.split_whitespace().collect()
    } else {
        program.argv.iter().filter_map(|word| word.to_str()).collect()
    };
    frugal(&words).map(str::to_owned)
}

/// Returns the name of the program that does less, behind wrappers and assignments.
fn frugal<'a>(words: &[&'a str]) -> Option<&'a str> {
    let mut rest = words;
    loop {
        let (first, after) = rest.split_first()?;
        if is_assignment(first) {
            rest = after;
            continue;
        }
        let name = first.rsplit('/').next()?;
        let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.name == name) else {
            let program = FRUGAL.iter().find(|frugal| frugal.names.contains(&name))?;
            let writes_elsewhere = after.iter().any(|word| word.contains('>'));
            return ((program.when)(after) && !writes_elsewhere).then_some(name);
        };
        rest = wrapper.command(after);
    }
}

impl Wrapper {
    /// Returns the words of the command that it starts.
    fn command<'w, 'a>(&self, mut words: &'w [&'a str]) -> &'w [&'a str] {
        let mut operands = self.operands;
        while let Some((word, after)) = words.split_first() {
            words = if word.starts_with('-') {
                let taken = usize::from(self.valued.contains(word));
                after.get(taken..).unwrap_or_default()
            } else if operands > 0 {
                operands -= 1;
                after
            } else {
                break;
            };
        }
        words
    }
}

/// Returns true for a word such as `NAME=value`.
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    !name.is_empty() && name.chars().all(fits)
}

/// Returns true if tar is to pack files into its output or into `/dev/null`.
fn packs_to_output(arguments: &[&str]) -> bool {
    // The first word needs no dash: `tar cf FILE`.
    let bundled = |(at, word): (usize, &&str)| match word.strip_prefix('-') {
        Some(letters) if !letters.starts_with('-') => Some(letters.to_owned()),
        None if at == 0 => Some((*word).to_owned()),
        Some(_) | None => None,
    };
    let letters: String = arguments.iter().enumerate().filter_map(bundled).collect();
    let packs = letters.contains(['c', 'r', 'u'])
        || arguments.iter().any(|word| ["--create", "--append", "--update"].contains(word));
    let names_file =
        letters.contains('f') || arguments.iter().any(|word| word.starts_with("--file"));
    let to_output = |word: &&str| {
        let file = word.strip_prefix("--file=").unwrap_or(word);
        ["-", "/dev/null"].contains(&file)
    };
    packs && (!names_file || arguments.iter().any(to_output))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(command: &str) -> Option<&str> {
        frugal(&command.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn programs_are_found_behind_wrappers() {
        for command in [
            "grep a file",
            "/usr/bin/grep a file",
            "env grep a file",
            "env -i -u HOME LANG=C grep a file",
            "LC_ALL=C nice -n 5 grep a",
            "timeout -k 1 5 stdbuf -oL grep a",
            "taskset -c 1 grep a",
        ] {
            assert_eq!(named(command), Some("grep"), "{command}");
        }
        for command in
            ["", "env", "cat grep", "nice cat a", "A=grep", "timeout grep cat x", "sgrep a"]
        {
            assert_eq!(named(command), None, "{command}");
        }
    }

    #[test]
    fn tar_is_named_where_it_packs_into_nothing() {
        for command in ["tar c x", "tar -c x", "tar cf - x", "tar cf /dev/null x", "tar --create x"]
        {
            assert_eq!(named(command), Some("tar"), "{command}");
        }
        for command in
            ["tar cf x.tar x", "tar xf x.tar", "tar t", "tar -c --file=x.tar x", "tar c x > y"]
        {
            assert_eq!(named(command), None, "{command}");
        }
        assert_eq!(named("tar -c --file=/dev/null x"), Some("tar"));
    }
}
