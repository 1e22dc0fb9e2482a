//! Rule: modules don't use each other in a circle, so that the children of every module lie in layers. A module may
//! use those that hold it, and those that it holds.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding, Tree,
    modules::{Modules, Use},
};

/// The places where one child of a module uses another one, by both names.
type Uses<'a> = BTreeMap<(String, String), Vec<Use<'a>>>;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let packages: BTreeSet<&str> = tree.files.iter().filter_map(|file| file.package()).collect();
    packages.into_iter().flat_map(|package| check_package(tree, package)).collect()
}

fn check_package(tree: &Tree, package: &str) -> Vec<Finding> {
    let mut by_parent: BTreeMap<String, Uses> = BTreeMap::new();
    for found in Modules::of(tree, package).uses() {
        let (parent, from, to) = found.siblings();
        by_parent.entry(parent).or_default().entry((from, to)).or_default().push(found);
    }
    by_parent.values().flat_map(findings).collect()
}

/// Returns a finding for each circle, with the places of all uses in it.
fn findings(uses: &Uses) -> Vec<Finding> {
    let circle = |found: &BTreeSet<&str>| {
        let inside = uses
            .iter()
            .filter(|((a, b), _)| [a, b].iter().all(|name| found.contains(name.as_str())));
        let shown: Vec<String> = inside
            .clone()
            .map(|((from, to), places)| format!("`{from}` uses `{to}` ({})", places_of(places)))
            .collect();
        let first = inside.flat_map(|(_, places)| places).next()?;
        let advice = format!("modules in a circle: {}", shown.join(", "));
        Some(first.file.finding(first.line, "circles", advice))
    };
    circles(uses).iter().filter_map(circle).collect()
}

/// Returns the sets of names that all lead to each other.
fn circles<'a>(uses: &'a Uses<'_>) -> Vec<BTreeSet<&'a str>> {
    let names: BTreeSet<&str> = uses.keys().map(|(from, _)| from.as_str()).collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        names.iter().map(|name| (*name, reached(uses, name))).collect();
    let leads = |from: &str, to: &str| reached.get(from).is_some_and(|found| found.contains(to));
    let mut circles: Vec<BTreeSet<&str>> = Vec::new();
    for name in names {
        let known = circles.iter().any(|circle| circle.contains(name));
        if leads(name, name) && !known {
            let back = reached.keys().copied();
            circles.push(back.filter(|other| leads(name, other) && leads(other, name)).collect());
        }
    }
    circles
}

/// Returns all names that one leads to, by one use or several.
fn reached<'a>(uses: &'a Uses<'_>, from: &str) -> BTreeSet<&'a str> {
    let next = |name: &str| -> Vec<&'a str> {
        uses.keys().filter(|(user, _)| user == name).map(|(_, used)| used.as_str()).collect()
    };
    let mut reached = BTreeSet::new();
    let mut waiting = next(from);
    while let Some(name) = waiting.pop() {
        if reached.insert(name) {
            waiting.extend(next(name));
        }
    }
    reached
}

fn places_of(uses: &[Use]) -> String {
    let places: BTreeSet<String> =
        uses.iter().map(|found| format!("{}:{}", found.file.path, found.line)).collect();
    places.into_iter().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn advice(files: &[(&str, &str)], expected: &[&str]) {
        let findings = check(&Tree::of(files));
        let shown: Vec<String> = findings.iter().map(Finding::shown).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn uses_in_one_direction_are_fine() {
        let files = [
            ("crates/a/src/b/c.rs", "use crate::d::D;\nuse super::B;"),
            ("crates/a/src/b/mod.rs", "use c::C;"),
            ("crates/a/src/d.rs", "use crate::e::E;"),
            ("crates/a/src/e.rs", ""),
        ];
        advice(&files, &[]);
    }

    #[test]
    fn both_directions_are_named() {
        let files = [
            ("crates/a/src/b/c.rs", "\nuse crate::d::D;"),
            ("crates/a/src/b/mod.rs", ""),
            ("crates/a/src/d.rs", "use crate::b::c::C;\nuse crate::b::c::E;"),
            ("crates/a/src/e.rs", "use crate::d::D;"),
        ];
        let expected = "crates/a/src/b/c.rs:2: circles: modules in a circle: \
            `b` uses `d` (crates/a/src/b/c.rs:2), \
            `d` uses `b` (crates/a/src/d.rs:1 crates/a/src/d.rs:2)";
        advice(&files, &[expected]);
    }

    #[test]
    fn a_circle_of_three_is_one() {
        let files = [
            ("crates/a/src/x/b.rs", "use super::c::C;"),
            ("crates/a/src/x/c.rs", "use super::d::D;"),
            ("crates/a/src/x/d.rs", "use super::b::B;"),
        ];
        let expected = "crates/a/src/x/b.rs:1: circles: modules in a circle: \
            `b` uses `c` (crates/a/src/x/b.rs:1), \
            `c` uses `d` (crates/a/src/x/c.rs:1), \
            `d` uses `b` (crates/a/src/x/d.rs:1)";
        advice(&files, &[expected]);
    }

    #[test]
    fn other_crates_with_the_same_names_are_apart() {
        let files = [
            ("crates/a/src/b.rs", "use crate::c::C;"),
            ("crates/a/src/c.rs", ""),
            ("crates/d/src/b.rs", ""),
            ("crates/d/src/c.rs", "use crate::b::B;"),
        ];
        advice(&files, &[]);
    }
}
