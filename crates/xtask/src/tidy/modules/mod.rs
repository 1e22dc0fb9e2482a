//! The modules of a crate and their uses of each other, as the paths in their files tell. Unit tests are left out.

use std::collections::BTreeMap;

use super::{File, Tree};
use paths::Named;

mod paths;

/// The most imports that lead from a name to its module; more are a circle of names.
const MAX_HOPS: usize = 16;

/// One use of a module by another one. Neither holds the other.
#[derive(Debug)]
pub(super) struct Use<'a> {
    pub(super) file: &'a File,
    pub(super) line: usize,
    /// Both from the root of the crate, as in `ui/table`.
    pub(super) from: String,
    pub(super) to: String,
}

impl Use<'_> {
    /// Returns the module that holds both, and the names of those of its children on both sides.
    pub(super) fn siblings(&self) -> (String, String, String) {
        let (from, to): (Vec<&str>, Vec<&str>) =
            (self.from.split('/').collect(), self.to.split('/').collect());
        let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let part = |names: &[&str]| names.get(same).copied().unwrap_or_default().to_owned();
        (from.get(..same).unwrap_or_default().join("/"), part(&from), part(&to))
    }
}

/// The modules of one crate that aren't tests, by their paths; the root's is empty.
#[derive(Debug)]
pub(super) struct Modules<'a> {
    all: BTreeMap<String, (&'a File, Vec<Named>)>,
}

impl<'a> Modules<'a> {
    pub(super) fn of(tree: &'a Tree, package: &str) -> Self {
        let files = tree.files.iter().filter(|file| file.package() == Some(package));
        let mut all = BTreeMap::new();
        for file in files.filter(|file| !file.is_test()) {
            let (Some(module), Some(rust)) = (module(&file.path), &file.rust) else { continue };
            let mut named = paths::read(&rust.code);
            named.retain(|named| !rust.is_test(named.line));
            // Sorted as they are, a `lib.rs` comes first; a `main.rs` beside it is another crate.
            all.entry(module).or_insert((file, named));
        }
        Self { all }
    }

    /// Returns all uses of modules that don't hold each other.
    pub(super) fn uses(&self) -> Vec<Use<'a>> {
        let mut uses = Vec::new();
        for (from, (file, named)) in &self.all {
            for named in named {
                let Some((to, _)) = self.lead(from, &named.segments, MAX_HOPS) else { continue };
                if !holds(from, &to) && !holds(&to, from) {
                    uses.push(Use { file, line: named.line, from: from.clone(), to });
                }
            }
        }
        uses
    }

    /// Returns the children of the root with their files.
    pub(super) fn of_the_root(&self) -> impl Iterator<Item = (&str, &'a File)> {
        let is_child = |name: &&String| !name.is_empty() && !name.contains('/');
        self.all
            .iter()
            .filter(move |(name, _)| is_child(name))
            .map(|(name, (file, _))| (name.as_str(), *file))
    }

    /// Returns the module that a path leads to, and whether it names the module and not an item of it.
    /// None where it leaves the crate.
    fn lead(&self, from: &str, segments: &[String], hops: usize) -> Option<(String, bool)> {
        let (first, after) = segments.split_first()?;
        let (mut place, rest) = match first.as_str() {
            "crate" => (String::new(), after),
            "self" => (from.to_owned(), after),
            "super" => (parent(from).to_owned(), after),
            _ => (from.to_owned(), segments),
        };
        for (at, segment) in rest.iter().enumerate() {
            let child = below(&place, segment);
            if segment == "super" {
                place.truncate(parent(&place).len());
            } else if self.all.contains_key(&child) {
                place = child;
            } else {
                // A name that this file doesn't import is another crate's, or its own.
                let is_inside = at > 0 || rest.len() < segments.len();
                let hops = hops.checked_sub(1)?;
                let import = self.import(&place, segment);
                match import.and_then(|import| self.lead(&place, import, hops)) {
                    Some((to, true)) => place = to,
                    Some((to, false)) => return Some((to, false)),
                    // An item of another crate that a module exports counts as its own.
                    None => return is_inside.then_some((place, false)),
                }
            }
        }
        Some((place, true))
    }

    fn import(&self, module: &str, name: &str) -> Option<&[String]> {
        let (_, named) = self.all.get(module)?;
        named
            .iter()
            .find(|named| named.import.as_deref() == Some(name))
            .map(|named| named.segments.as_slice())
    }
}

/// The module of a file of the library or the program; none for other files.
fn module(path: &str) -> Option<String> {
    let (_, below) = path.strip_prefix("crates/")?.split_once("/src/")?;
    let name = below.strip_suffix(".rs")?;
    if name.ends_with("_tests") || name.starts_with("bin/") {
        return None;
    }
    let is_root = ["lib", "main"].contains(&name);
    Some(if is_root { String::new() } else { name.trim_end_matches("/mod").to_owned() })
}

fn below(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}/{name}") }
}

fn parent(module: &str) -> &str {
    module.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Returns whether a module is another one, or holds it.
fn holds(outer: &str, inner: &str) -> bool {
    outer.is_empty()
        || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn uses(files: &[(&str, &str)], expected: &[&str]) {
        let files: Vec<(String, &str)> =
            files.iter().map(|(path, text)| (format!("crates/a/src/{path}"), *text)).collect();
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let tree = Tree::of(&files);
        let shown = |found: &Use| format!("{}:{} {}", found.from, found.line, found.to);
        let found: Vec<String> = Modules::of(&tree, "a").uses().iter().map(shown).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn paths_lead_to_modules() {
        uses(
            &[
                ("a.rs", "use crate::b::{self, c::D};\nfn e() { b::c::f(); }"),
                ("b/c.rs", "fn g() { super::super::a::h() }"),
                ("b/mod.rs", "mod c;"),
            ],
            &["a:1 b", "a:1 b/c", "a:2 b/c", "b/c:1 a"],
        );
    }

    #[test]
    fn names_that_are_exported_on_lead_to_where_they_are() {
        uses(
            &[
                ("a/b.rs", "use super::D;\nfn d() { D::c() }"),
                ("a/c.rs", ""),
                ("a/mod.rs", "pub(crate) use c::D;"),
            ],
            &["a/b:1 a/c", "a/b:2 a/c"],
        );
    }

    #[test]
    fn names_of_other_crates_are_of_the_module_that_exports_them() {
        uses(&[("a.rs", "use crate::b::C;"), ("b.rs", "pub use std::C;")], &["a:1 b"]);
    }

    #[test]
    fn parents_children_and_other_crates_are_left_out() {
        uses(
            &[
                ("a/b.rs", "use super::C;\nuse std::b::D;\nuse a::E;"),
                ("a/mod.rs", "use b::F;\nfn c() { b::c() }"),
                ("lib.rs", "use a::b::F;"),
                ("main.rs", "use crate::a;"),
            ],
            &[],
        );
    }

    #[test]
    fn tests_are_left_out() {
        uses(
            &[
                ("a.rs", "#[cfg(test)]\nmod tests { use crate::b::C; }"),
                ("a/tests.rs", "use crate::b::C;"),
                ("a_tests.rs", "use crate::b::C;"),
                ("b.rs", ""),
            ],
            &[],
        );
    }

    #[test]
    fn names_in_a_circle_end() {
        uses(&[("a.rs", "use crate::b::C;"), ("b.rs", "pub use crate::a::C;")], &[]);
    }

    #[test]
    fn siblings_are_the_children_of_the_module_that_holds_both() {
        let file = File::new("a.rs", "");
        let found = |from: &str, to: &str| {
            Use { file: &file, line: 1, from: from.to_owned(), to: to.to_owned() }.siblings()
        };
        let names = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(found("a/b/c", "a/d"), names("a", "b", "d"));
        assert_eq!(found("a/b", "c/d"), names("", "a", "c"));
    }
}
