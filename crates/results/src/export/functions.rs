//! The functions that cost a benchmark most, by themselves and with all they call, for the terminal.

use runner_shared::{
    text::{count, one_line, plural},
    walltime::as_float,
};

use super::fitted::{broken, cut_to, place};
use crate::{
    functions::{FrameView, FunctionCost, by_self, by_total, function_costs, unnamed_python},
    model::Profile,
    stacks::{Stacks, Unit},
    text::{grouped, percent},
};

/// Shares of fewer samples are off by more than ten points as often as not.
const FEWEST_SAMPLES: u64 = 30;

/// If more of the stacks than this break off, totals say too little, and it is said.
const MANY_TRUNCATED: f64 = 0.05;

/// The width of the two columns of shares with the space behind them.
const SHARES: usize = 18;

/// A wish for the functions of a benchmark on the terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listing {
    /// Functions in each list, at most.
    pub most: usize,
    /// The functions that are shown on their own.
    pub view: FrameView,
    /// Columns of the terminal; `None` if the output goes elsewhere.
    pub width: Option<u16>,
}

/// A paragraph per profiled benchmark with the functions that most samples hit, and those below which most were. Shares
/// are of all samples of the benchmark. Empty without benchmarks.
pub fn hottest_samples(profiles: &[Profile], listing: Listing) -> String {
    let paragraphs: Vec<String> =
        profiles.iter().map(|profile| paragraph(profile, listing)).collect();
    paragraphs.join("\n")
}

fn paragraph(profile: &Profile, listing: Listing) -> String {
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
    format!("{name} ({samples}{cut})\n{}", lists_of(stacks, listing))
}

/// A paragraph about any stacks with the functions that cost most themselves, and those that do with all they call.
pub fn hottest_functions(stacks: &Stacks, listing: Listing) -> String {
    format!("{}\n{}", one_line(&stacks.benchmark), lists_of(stacks, listing))
}

/// Both lists of any stacks, and what keeps functions from having names.
pub(super) fn lists_of(stacks: &Stacks, listing: Listing) -> String {
    let Listing { most, view, width } = listing;
    let stacks = view.of(stacks);
    let costs = function_costs(&stacks);
    let own = by_self(&costs, most);
    let totals = by_total(&costs, most, view);
    let mut text = lists(&own, &totals, stacks.total(), listing);
    let unnamed = unnamed_python(&costs).filter(|_| stacks.unit == Unit::Nanoseconds);
    if let Some(why) = unnamed {
        text.push('\n');
        text.extend(broken(&why, width).into_iter().map(|line| line + "\n"));
    }
    text
}

/// Functions with their shares of all below lines of heads: those with most of their own, then those with the largest
/// totals unless they are the same ones.
pub(super) fn lists(
    own: &[FunctionCost<'_>],
    totals: &[FunctionCost<'_>],
    all: u64,
    listing: Listing,
) -> String {
    let head = |first: &str, second: &str| format!("{first:>7}  {second:>7}  Function\n");
    let share = |cost: u64| percent(as_float(cost) / as_float(all.max(1)));
    let row = |first: u64, second: u64, of: &FunctionCost<'_>| {
        let (first, second) = (share(first), share(second));
        format!("{first:>7}  {second:>7}  {}\n", named(of.name, of.object, SHARES, listing.width))
    };
    let mut text = head("Self", "Total");
    text.extend(own.iter().map(|of| row(of.own, of.total, of)));
    if totals != own && !totals.is_empty() {
        text.push('\n');
        text.push_str(&head("Total", "Self"));
        text.extend(totals.iter().map(|of| row(of.total, of.own, of)));
    }
    text
}

/// A function and its program or library on one line, behind so many columns.
pub(super) fn named(name: &str, object: &str, behind: usize, width: Option<u16>) -> String {
    cut_to(&one_line(name), &place(object), behind, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::{Frame, StackNode};

    fn profile(samples: u64, truncated: u64) -> Profile {
        let frame = |name: &str, object: &str| Frame {
            name: name.into(),
            object: object.into(),
            file: "".into(),
        };
        let node =
            |parent, frame, weight| StackNode { parent, frame, weight, ..StackNode::default() };
        let frames =
            vec![frame("main", "/usr/bin/x"), frame("eval<T>", "/lib/y.so"), frame("jit", "")];
        let nodes = vec![node(None, 0, 100), node(Some(0), 1, 700), node(Some(1), 2, 200)];
        let (benchmark, unit) = ("a\nb".to_owned(), Unit::Nanoseconds);
        let stacks = Stacks { benchmark, unit, frames, nodes, ..Stacks::default() };
        Profile { stacks, samples, truncated }
    }

    const fn most(most: usize) -> Listing {
        Listing { most, view: FrameView::Readable, width: None }
    }

    #[test]
    fn functions_are_sorted_by_self_and_by_total() {
        let expected = "\
a\\nb (1,000 samples)
   Self    Total  Function
   70 %     90 %  eval<T> (y.so)
   20 %     20 %  jit
   10 %    100 %  main (x)

  Total     Self  Function
  100 %     10 %  main (x)
   90 %     70 %  eval<T> (y.so)
   20 %     20 %  jit
";
        assert_eq!(hottest_samples(&[profile(1000, 50)], most(5)), expected);
        assert_eq!(hottest_samples(&[profile(1000, 50)], most(1)).lines().count(), 6);
        let cut = hottest_samples(&[profile(1000, 200)], most(1));
        assert!(cut.starts_with("a\\nb (1,000 samples, 20 % of stacks are truncated)\n"), "{cut}");
    }

    #[test]
    fn one_list_is_enough_if_the_other_is_the_same() {
        let mut profile = profile(1000, 0);
        profile.stacks.nodes.truncate(1);
        let text = hottest_samples(&[profile], most(5));
        assert_eq!(text.lines().count(), 3, "{text}");
    }

    #[test]
    fn functions_without_names_are_explained() {
        let mut profile = profile(1000, 0);
        profile.stacks.frames[1].object = "/usr/bin/python3.11".into();
        let listing = Listing { width: Some(60), ..most(1) };
        let text = hottest_samples(&[profile.clone()], listing);
        assert!(text.contains("\n\nfunctions of Python have no names here"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 60), "{text}");
        profile.stacks.unit = Unit::Instructions;
        assert!(!hottest_functions(&profile.stacks, listing).contains("Python"));
    }

    #[test]
    fn few_samples_say_nothing() {
        let text = hottest_samples(&[profile(29, 0)], most(5));
        assert_eq!(text, "a\\nb: 29 samples, too few to tell which functions are hot\n");
        assert_eq!(hottest_samples(&[], most(5)), "");
    }
}
