//! The functions in which a profiler met each benchmark most often, for the terminal.

use runner_shared::{
    text::{count, one_line, plural},
    walltime::as_float,
};

use crate::{
    model::Profile,
    stacks::Stacks,
    text::{grouped, percent},
};

/// Shares of fewer samples are off by more than ten points as often as not.
const FEWEST_SAMPLES: u64 = 30;

/// Names of functions are cut to so many characters.
const LONGEST_NAME: usize = 100;
/// If more of the stacks than this break off, totals say too little, and it is said.
const MANY_TRUNCATED: f64 = 0.05;

/// A function with its nanoseconds.
struct Function<'a> {
    name: &'a str,
    object: &'a str,
    own: u64,
    inclusive: u64,
}

/// A paragraph per profiled benchmark with at most `most` functions, the ones that most samples hit first. Shares are
/// of all samples of the benchmark. Empty without benchmarks.
pub fn hottest_samples(profiles: &[Profile], most: usize) -> String {
    let paragraphs: Vec<String> = profiles.iter().map(|profile| paragraph(profile, most)).collect();
    paragraphs.join("\n")
}

fn paragraph(profile: &Profile, most: usize) -> String {
    let Profile { stacks, samples, truncated } = profile;
    let name = one_line(&stacks.benchmark);
    if *samples < FEWEST_SAMPLES {
        let samples = count(*samples, "sample");
        return format!("{name}: {samples}, too few to tell which functions are hot\n");
    }
    let cut = as_float(*truncated) / as_float(*samples);
    let cut = if cut > MANY_TRUNCATED {
        format!(", {} of stacks are truncated", percent(cut))
    } else {
        String::new()
    };
    let samples = plural(*samples, &grouped(*samples), "sample");
    format!("{name} ({samples}{cut})\n{}", listed(stacks, most))
}

/// A paragraph about any stacks with at most `most` functions, those that cost most themselves first.
pub fn hottest_functions(stacks: &Stacks, most: usize) -> String {
    format!("{}\n{}", one_line(&stacks.benchmark), listed(stacks, most))
}

/// The functions with their shares of all, below a line of heads.
fn listed(stacks: &Stacks, most: usize) -> String {
    let all = stacks.total().max(1);
    let row = |function: &Function<'_>| {
        let share = |nanos: u64| percent(as_float(nanos) / as_float(all));
        let place = function.object.rsplit('/').next().unwrap_or(function.object);
        let place =
            if place.is_empty() { String::new() } else { format!(" ({})", one_line(place)) };
        let (own, inclusive) = (share(function.own), share(function.inclusive));
        let name = shortened(&one_line(function.name));
        format!("{own:>7}  {inclusive:>7}  {name}{place}\n")
    };
    let head = format!("{:>7}  {:>7}  Function\n", "Self", "Total");
    std::iter::once(head).chain(functions(stacks).iter().take(most).map(row)).collect()
}

/// A name that leaves room for others; those of templates may fill pages.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => name.get(..end).unwrap_or_default().to_owned() + "…",
        None => name.to_owned(),
    }
}

/// All functions that were hit, the one with most samples of its own first.
fn functions(stacks: &Stacks) -> Vec<Function<'_>> {
    let mut own = vec![0_u64; stacks.frames.len()];
    for node in &stacks.nodes {
        let sum = usize::try_from(node.frame).ok().and_then(|frame| own.get_mut(frame));
        if let Some(sum) = sum {
            *sum = sum.saturating_add(node.weight);
        }
    }
    let figures = own.into_iter().zip(stacks.inclusive());
    let functions = stacks.frames.iter().zip(figures).map(|(frame, (own, inclusive))| Function {
        name: &frame.name,
        object: &frame.object,
        own,
        inclusive,
    });
    let mut functions: Vec<_> = functions.filter(|function| function.own > 0).collect();
    functions.sort_by(|one, other| {
        let key = |function: &Function<'_>| (function.own, function.inclusive);
        key(other).cmp(&key(one)).then_with(|| one.name.cmp(other.name))
    });
    functions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::{Frame, StackNode, Unit};

    fn profile(samples: u64, truncated: u64) -> Profile {
        let frame = |name: &str, object: &str| Frame {
            name: name.into(),
            object: object.into(),
            file: "".into(),
        };
        let node = |parent, frame, weight| StackNode { parent, frame, line: 0, weight };
        let frames =
            vec![frame("main", "/usr/bin/x"), frame("eval<T>", "/lib/y.so"), frame("jit", "")];
        let nodes = vec![node(None, 0, 100), node(Some(0), 1, 700), node(Some(1), 2, 200)];
        let (benchmark, unit) = ("a\nb".to_owned(), Unit::Nanoseconds);
        let stacks = Stacks { benchmark, unit, frames, nodes, ..Stacks::default() };
        Profile { stacks, samples, truncated }
    }

    #[test]
    fn functions_are_sorted_by_their_own_samples() {
        let expected = "\
a\\nb (1,000 samples)
   Self    Total  Function
   70 %     90 %  eval<T> (y.so)
   20 %     20 %  jit
   10 %    100 %  main (x)
";
        assert_eq!(hottest_samples(&[profile(1000, 50)], 5), expected);
        assert_eq!(hottest_samples(&[profile(1000, 50)], 1).lines().count(), 3);
        let cut = hottest_samples(&[profile(1000, 200)], 1);
        assert!(cut.starts_with("a\\nb (1,000 samples, 20 % of stacks are truncated)\n"), "{cut}");
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(shortened(&"ä".repeat(100)), "ä".repeat(100));
        assert_eq!(shortened(&"ä".repeat(101)), "ä".repeat(100) + "…");
    }

    #[test]
    fn few_samples_say_nothing() {
        let text = hottest_samples(&[profile(29, 0)], 5);
        assert_eq!(text, "a\\nb: 29 samples, too few to tell which functions are hot\n");
        assert_eq!(hottest_samples(&[], 5), "");
    }
}
