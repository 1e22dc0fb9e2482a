//! Scripts whose functions have no names in a profile, and the reason.

use super::FunctionCost;
use crate::kinds::{GENERATED, is_file_of};

/// The first version of Python that tells profilers what it runs: 3.12.
const FIRST: (u32, u32) = (3, 12);
/// Less than one of so many equal parts of a profile is not worth a word.
const SMALLEST: u64 = 10;

/// The first words.
const WHAT: &str = "functions of Python have no names here, only those of its interpreter";

/// Returns why functions of Python have no names in a profile in which Python has worked, as a sentence without a final
/// period; `None` if they have, or if it has done little.
pub(crate) fn unnamed_python(costs: &[FunctionCost<'_>]) -> Option<String> {
    let is_named = |of: &FunctionCost<'_>| of.object == GENERATED && of.name.starts_with("py::");
    if costs.iter().any(is_named) {
        return None;
    }
    let file = |object: &'_ str| object.rsplit('/').next().map(str::to_owned);
    let pythons = costs.iter().filter_map(|of| {
        let file = file(of.object)?;
        let is_python = ["python", "libpython"].iter().any(|stem| is_file_of(&file, stem));
        is_python.then_some((file, of.own))
    });
    let (mut sum, mut most) = (0_u64, (String::new(), 0));
    for (file, own) in pythons {
        sum = sum.saturating_add(own);
        if own > most.1 {
            most = (file, own);
        }
    }
    let all = costs.iter().fold(0_u64, |sum, of| sum.saturating_add(of.own));
    if sum == 0 || sum < all / SMALLEST {
        return None;
    }
    Some(match version(&most.0) {
        Some((major, minor)) if (major, minor) < FIRST => format!(
            "{WHAT}: Python {major}.{minor} can't tell profilers which function it runs; Python 3.12 and later can"
        ),
        Some((major, minor)) => format!(
            "{WHAT}: Python {major}.{minor} has not told which function it runs; it does with `-X perf`, unless it was \
                built without that"
        ),
        None => format!(
            "{WHAT}: it has not told which function it runs; Python 3.12 and later do with `-X perf`"
        ),
    })
}

/// The version in a name such as `python3.11` or `libpython3.11.so.1.0`.
fn version(file: &str) -> Option<(u32, u32)> {
    let (_, rest) = file.split_once("python")?;
    let mut numbers = rest.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost<'s>(name: &'s str, object: &'s str, own: u64) -> FunctionCost<'s> {
        FunctionCost { name, object, own, total: own }
    }

    #[test]
    fn an_old_python_is_named_with_what_would_help() {
        let eval = |object| cost("_PyEval_EvalFrameDefault", object, 80);
        let libc = cost("memcpy", "/lib/libc.so.6", 20);
        let said = |object| unnamed_python(&[eval(object), libc.clone()]).unwrap();
        let old = said("/usr/bin/python3.11");
        assert!(old.contains("Python 3.11 can't tell profilers"), "{old}");
        assert!(old.ends_with("Python 3.12 and later can"), "{old}");
        assert!(said("/opt/lib/libpython3.9.so.1.0").contains("Python 3.9 can't"));
        let new = said("/opt/lib/libpython3.13t.so.1.0");
        assert!(new.contains("Python 3.13 has not told") && new.contains("`-X perf`"), "{new}");
        assert!(said("/usr/bin/python").contains(": it has not told which function it runs"));
        let named = [eval("/usr/bin/python3.12"), cost("py::hot:/w/hot.py", GENERATED, 0)];
        assert_eq!(unnamed_python(&named), None);
    }

    #[test]
    fn a_helper_in_python_is_not_worth_a_word() {
        let python = cost("_PyEval_EvalFrameDefault", "/usr/bin/python3.11", 9);
        assert_eq!(unnamed_python(&[python, cost("main", "/w/m", 91)]), None);
        assert_eq!(unnamed_python(&[cost("main", "/w/m", 91)]), None);
        assert_eq!(unnamed_python(&[]), None);
    }
}
