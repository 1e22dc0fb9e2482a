//! The functions in which a profiler met each benchmark most often, for the terminal.

use runner_shared::{text::one_line, walltime::as_float};

use super::text::{count, grouped, percent};
use crate::stacks::Stacks;

/// Shares of fewer samples are off by more than ten points as often as not.
const FEWEST_SAMPLES: u64 = 30;

/// A function with its samples.
struct Function<'a> {
    name: &'a str,
    object: &'a str,
    own: u64,
    inclusive: u64,
}

/// A paragraph per profiled benchmark with at most `most` functions, the ones that most samples hit first. Shares are
/// of all samples of the benchmark. Empty without benchmarks.
pub fn hottest_samples(stacks: &[Stacks], most: usize) -> String {
    let paragraphs: Vec<String> = stacks.iter().map(|stacks| paragraph(stacks, most)).collect();
    paragraphs.join("\n")
}

fn paragraph(stacks: &Stacks, most: usize) -> String {
    let (name, all) = (one_line(&stacks.benchmark), stacks.total());
    if all < FEWEST_SAMPLES {
        let samples = count(all, "sample");
        return format!("{name}: {samples}, too few to say which functions are hot\n");
    }
    let row = |function: &Function<'_>| {
        let share = |samples: u64| percent(as_float(samples) / as_float(all));
        let place = function.object.rsplit('/').next().unwrap_or(function.object);
        let place =
            if place.is_empty() { String::new() } else { format!(" ({})", one_line(place)) };
        let (own, inclusive) = (share(function.own), share(function.inclusive));
        format!("{own:>7}  {inclusive:>7}  {}{place}\n", one_line(function.name))
    };
    let head =
        format!("{name} ({} samples)\n{:>7}  {:>7}  Function\n", grouped(all), "Self", "Total");
    std::iter::once(head).chain(functions(stacks).iter().take(most).map(row)).collect()
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

    fn stacks(weight: u64) -> Stacks {
        let frame = |name: &str, object: &str| Frame {
            name: name.into(),
            object: object.into(),
            file: "".into(),
        };
        let node = |parent, frame, weight| StackNode { parent, frame, weight };
        Stacks {
            benchmark: "a\nb".to_owned(),
            unit: Unit::Count,
            frames: vec![
                frame("main", "/usr/bin/x"),
                frame("eval<T>", "/lib/y.so"),
                frame("jit", ""),
            ],
            nodes: vec![
                node(None, 0, weight),
                node(Some(0), 1, 7 * weight),
                node(Some(1), 2, 2 * weight),
            ],
        }
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
        assert_eq!(hottest_samples(&[stacks(100)], 5), expected);
        assert_eq!(hottest_samples(&[stacks(100)], 1).lines().count(), 3);
    }

    #[test]
    fn few_samples_say_nothing() {
        let text = hottest_samples(&[stacks(2)], 5);
        assert_eq!(text, "a\\nb: 20 samples, too few to say which functions are hot\n");
        assert_eq!(hottest_samples(&[], 5), "");
    }
}
