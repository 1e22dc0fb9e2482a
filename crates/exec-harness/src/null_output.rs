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
        when: |arguments| !ends_early(arguments),
    },
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
    Wrapper { name: "command", valued: &["-v", "-V"], operands: 0 },
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
        let mut commands = program.argv.last()?.to_str()?.rsplit(['|', ';', '&', '\n']);
        let last = commands.find(|command| !command.trim().is_empty())?;
        if last.contains('>') {
            return None;
        }
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
            return (program.when)(after).then_some(name);
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

/// Returns true if grep is to end early anyway, or to write names alone.
fn ends_early(arguments: &[&str]) -> bool {
    let long = ["--quiet", "--silent", "--max-count", "--files-with"];
    arguments.iter().any(|word| match word.strip_prefix('-') {
        Some(rest) if rest.starts_with('-') => long.iter().any(|option| word.starts_with(option)),
        Some(letters) => letters.contains(['q', 'l', 'L', 'm']),
        None => false,
    })
}

/// Letters of tar with a value behind them.
const VALUED: &[char] = &['f', 'C', 'I', 'T', 'X', 'b', 'g', 'F', 'H', 'K', 'L', 'N', 'V'];
/// Letters of tar that lead its output through another program.
const COMPRESSING: &[char] = &['z', 'j', 'J', 'Z', 'a', 'I'];
/// The same as words.
const COMPRESSING_WORDS: &[&str] = &[
    "--gzip",
    "--bzip2",
    "--xz",
    "--lzma",
    "--lzip",
    "--lzop",
    "--zstd",
    "--compress",
    "--auto",
    "--use-compress",
];

/// Returns true if tar is to pack files into `/dev/null`, or uncompressed into its output.
fn packs_to_output(arguments: &[&str]) -> bool {
    let mut letters = String::new();
    for (at, word) in arguments.iter().enumerate() {
        // The first word needs no dash: all of its letters are options, and their values follow.
        let (bundle, is_old) = match word.strip_prefix('-') {
            Some(bundle) => (bundle, false),
            None if at == 0 => (*word, true),
            None => continue,
        };
        if !bundle.starts_with('-') {
            let end = bundle.find(VALUED).filter(|_| !is_old).map_or(bundle.len(), |end| end + 1);
            letters.push_str(bundle.get(..end).unwrap_or_default());
        }
    }
    let has =
        |words: &[&str]| arguments.iter().any(|it| words.iter().any(|word| it.starts_with(word)));
    let packs = letters.contains(['c', 'r', 'u']) || has(&["--create", "--append", "--update"]);
    // The value follows in the next word, or behind the option: `-f -`, `-cf-`, `--file=-`.
    let is_file = |word: &str| !word.starts_with("--") && word.ends_with('f') || word == "--file";
    let names = |wanted: &str| {
        let pairs = arguments.iter().zip(arguments.iter().skip(1));
        let mut inner = arguments.iter().filter_map(|word| word.strip_suffix(wanted));
        pairs.into_iter().any(|(word, value)| is_file(word) && *value == wanted)
            || inner
                .any(|option| option == "--file=" || (option.starts_with('-') && is_file(option)))
    };
    let names_file = letters.contains('f') || has(&["--file"]);
    let compresses = letters.contains(COMPRESSING) || has(COMPRESSING_WORDS);
    packs && (names("/dev/null") || (!compresses && (!names_file || names("-"))))
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
        for command in [
            "tar cf x.tar x",
            "tar xf x.tar",
            "tar t",
            "tar -c --file=x.tar x",
            "tar czf - x",
            "tar c -I cat x",
            "tar -c -f - -z x",
            "tar xf - -C/tmp/curd",
            "tar cf x.tar -T -",
            "tar cf x.tar /dev/null",
        ] {
            assert_eq!(named(command), None, "{command}");
        }
        for command in ["tar -c --file=/dev/null x", "tar czf /dev/null x", "tar -cf- x"] {
            assert_eq!(named(command), Some("tar"), "{command}");
        }
    }

    #[test]
    fn grep_that_ends_early_anyway_is_not_named() {
        for command in ["grep -q a x", "grep -lr a .", "grep --max-count=1 a x", "command -v grep"]
        {
            assert_eq!(named(command), None, "{command}");
        }
        for command in ["grep -c > genome.fa", "grep -rn a .", "zgrep a x.gz"] {
            assert!(named(command).is_some(), "{command}");
        }
    }
}
