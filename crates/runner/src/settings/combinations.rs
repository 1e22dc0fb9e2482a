//! Commands with parameters become commands with values: one for each combination, each with a name of its own.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use runner_shared::harness::{RunArgs, Target};

use super::parameter::Parameter;

/// So many commands are compared at most: what is beyond is a slip, and would run for days.
const MOST_COMMANDS: usize = 1000;

/// Parameters that do not suit the commands.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CombinationError {
    /// Two options for one name.
    #[error("the parameter `{name}` is given twice")]
    SameName {
        /// The name.
        name: String,
    },
    /// It would change nothing.
    #[error("the parameter `{name}` is not used: write `{{{name}}}` where its value belongs")]
    Unused {
        /// The name.
        name: String,
    },
    /// More than anybody wants to wait for.
    #[error("the parameters combine to more than {MOST_COMMANDS} commands")]
    TooMany,
}

/// One value for each parameter that a command has.
type Values<'a> = Vec<(&'a str, &'a str)>;

/// Returns each of these commands with each combination of values, command by command; the first parameter changes
/// slowest. Braces around anything else stay as they are.
pub(crate) fn combined(
    commands: &[Target],
    parameters: &[Parameter],
) -> Result<Vec<Target>, CombinationError> {
    for (nth, Parameter { name, .. }) in parameters.iter().enumerate() {
        if parameters.iter().take(nth).any(|other| other.name == *name) {
            return Err(CombinationError::SameName { name: name.clone() });
        }
        if !commands.iter().any(|command| mentions(command, name)) {
            return Err(CombinationError::Unused { name: name.clone() });
        }
    }
    let mut all = Vec::new();
    for command in commands {
        let own: Vec<&Parameter> =
            parameters.iter().filter(|it| mentions(command, &it.name)).collect();
        let count = own.iter().try_fold(1_usize, |count, it| count.checked_mul(it.values.len()));
        if count.is_none_or(|count| all.len().saturating_add(count) > MOST_COMMANDS) {
            return Err(CombinationError::TooMany);
        }
        all.extend(combinations(&own).iter().map(|values| filled(command, values)));
    }
    Ok(all)
}

fn combinations<'a>(parameters: &[&'a Parameter]) -> Vec<Values<'a>> {
    parameters.iter().fold(vec![Vec::new()], |before, Parameter { name, values }| {
        let with = |one: Values<'a>| {
            values.iter().map(move |value| {
                let mut one = one.clone();
                one.push((name, value));
                one
            })
        };
        before.into_iter().flat_map(with).collect()
    })
}

/// The texts of a command in which a parameter may stand, besides its words and its name.
fn texts(args: &RunArgs) -> [&Option<OsString>; 6] {
    // Taken apart completely, so that a new one can't be forgotten here.
    let RunArgs {
        setup,
        prepare,
        conclude,
        cleanup,
        input,
        output,
        timeout: _,
        ignore_failure: _,
        counters: _,
        shell: _,
        subtract_shell: _,
    } = args;
    [setup, prepare, conclude, cleanup, input, output]
}

fn mentions(command: &Target, name: &str) -> bool {
    let braced = format!("{{{name}}}");
    let around = texts(&command.run_args).into_iter().flatten();
    let words = command.command.iter().chain(around).map(OsString::as_os_str);
    let name = command.name.as_deref().map(OsStr::new);
    words.chain(name).any(|text| find(text.as_bytes(), braced.as_bytes()).is_some())
}

/// The command with these values. Its name tells all of them, so that no two are called the same.
fn filled(command: &Target, values: &Values<'_>) -> Target {
    let own_name = command.full_name();
    let untold: Vec<String> = values
        .iter()
        .filter(|(name, _)| !own_name.contains(&format!("{{{name}}}")))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let fill = |text: &OsString| replaced(text, values);
    let some = |text: &Option<OsString>| text.as_ref().map(fill);
    let [setup, prepare, conclude, cleanup, input, output] = texts(&command.run_args).map(some);
    let mut target = Target {
        command: command.command.iter().map(fill).collect(),
        name: command.name.as_ref().map(|name| {
            runner_shared::text::as_text(&replaced(&OsString::from(name), values)).into_owned()
        }),
        walltime_args: command.walltime_args.clone(),
        run_args: RunArgs {
            setup,
            prepare,
            conclude,
            cleanup,
            input,
            output,
            ..command.run_args.clone()
        },
        working_directory: command.working_directory.clone(),
    };
    if !untold.is_empty() {
        target.name = Some(format!("{} [{}]", target.full_name(), untold.join(", ")));
    }
    target
}

/// The text with the value of each parameter. What a value holds is not looked at again.
fn replaced(text: &OsStr, values: &Values<'_>) -> OsString {
    let mut rest = text.as_bytes();
    let mut out = Vec::new();
    while let Some(at) = rest.iter().position(|byte| *byte == b'{') {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before);
        let found = values.iter().find_map(|(name, value)| {
            let braced = format!("{{{name}}}");
            Some((from.strip_prefix(braced.as_bytes())?, value))
        });
        if let Some((after, value)) = found {
            out.extend_from_slice(value.as_bytes());
            rest = after;
        } else {
            out.push(b'{');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.extend_from_slice(rest);
    OsString::from_vec(out)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, values: &[&str]) -> Parameter {
        let values = values.iter().map(ToString::to_string).collect();
        Parameter { name: name.to_owned(), values }
    }

    fn command(words: &[&str]) -> Target {
        Target { command: words.iter().map(Into::into).collect(), ..Target::default() }
    }

    fn names(commands: &[Target], parameters: &[Parameter]) -> Vec<String> {
        combined(commands, parameters).unwrap().iter().map(Target::full_name).collect()
    }

    #[test]
    fn all_combinations_exist_and_the_first_parameter_is_slowest() {
        let all = names(
            &[command(&["old"]), command(&["new", "-j{n}", "{x}{x}"])],
            &[parameter("n", &["1", "2"]), parameter("x", &["a", "{n}"])],
        );
        assert_eq!(all, ["old", "new -j1 aa", "new -j1 {n}{n}", "new -j2 aa", "new -j2 {n}{n}"]);
        assert_eq!(names(&[command(&["a{b}", "{"])], &[]), ["a{b} {"], "no parameters");
    }

    #[test]
    fn names_tell_the_values_that_stand_elsewhere() {
        let around = RunArgs { prepare: Some("make {size}".into()), ..RunArgs::default() };
        let hooked = Target { run_args: around.clone(), ..command(&["./a", "{n}"]) };
        let parameters = [parameter("size", &["1", "2"]), parameter("n", &["7"])];
        let all = combined(std::slice::from_ref(&hooked), &parameters).unwrap();
        assert_eq!(all[1].full_name(), "./a 7 [size=2]");
        assert_eq!(all[1].uri(), "exec_harness::./a 7 [size=2]");
        assert_eq!(all[1].run_args.prepare, Some("make 2".into()));
        let named = Target { name: Some("it at {size}".to_owned()), ..hooked };
        assert_eq!(names(&[named], &parameters), ["it at 1 [n=7]", "it at 2 [n=7]"]);
    }

    #[test]
    fn words_that_are_no_text_keep_their_bytes() {
        let odd = OsString::from_vec(b"\xff{n}\xfe{".to_vec());
        let odd = Target { command: vec![odd], ..Target::default() };
        let all = combined(&[odd], &[parameter("n", &["1"])]).unwrap();
        assert_eq!(all[0].command[0].as_bytes(), b"\xff1\xfe{");
    }

    #[test]
    fn parameters_that_do_not_suit_the_commands_are_refused() {
        let refused = |parameters: &[Parameter]| {
            combined(&[command(&["a", "{n}{m}"])], parameters).unwrap_err().to_string()
        };
        let n = || parameter("n", &["1"]);
        assert_eq!(refused(&[n(), n()]), "the parameter `n` is given twice");
        assert_eq!(
            refused(&[parameter("x", &["1"])]),
            "the parameter `x` is not used: write `{x}` where its value belongs"
        );
        let many: Vec<String> = (0..40).map(|it| it.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let far = refused(&[parameter("n", &many), parameter("m", &many)]);
        assert!(far.contains("more than 1000 commands"), "{far}");
    }
}
