//! The functions that were inlined at the source lines of programs, by the debug information of their files.

use std::{collections::HashMap, fs::File, path::Path, sync::Arc, time::SystemTime};

use debug_info::{Inlines, Lines};
use system::files::{self, Links};

use crate::callgrind::InlinedPart;

/// Files whose debug information is held at a time.
const MOST_OBJECTS: usize = 16;
/// Functions whose lines are held, and objects of which it is known whether they have any.
const MOST_FUNCTIONS: usize = 4096;

/// What is known of files and their functions.
#[derive(Debug, Default)]
pub(super) struct Objects {
    with_lines: HashMap<String, bool>,
    known: HashMap<String, Option<Inlines>>,
    functions: HashMap<(String, String), Arc<Lines>>,
}

impl Objects {
    /// Tells what was inlined at a line of a function, outermost first, by an object and its function, by the source file
    /// and number of the line, and by those of the line before it. An object that is younger than the counts may be
    /// another one.
    pub(super) fn inlined(
        &mut self,
        [object, function]: [&str; 2],
        places: [(&str, u64); 2],
        counted: SystemTime,
    ) -> Vec<InlinedPart> {
        let lines = self.lines(object, function, counted);
        let [place, before] =
            places.map(|(file, line)| (file, u32::try_from(line).unwrap_or(u32::MAX)));
        let parts = lines.at(place, before).iter();
        parts
            .map(|part| InlinedPart { name: part.function.clone(), file: part.file.clone() })
            .take_while(|part| !part.name.is_empty())
            .collect()
    }

    /// Tells whether an object has debug information. It may be younger than the counts, and then has none.
    pub(super) fn have_lines(&mut self, object: &str, counted: SystemTime) -> bool {
        if let Some(known) = self.with_lines.get(object) {
            return *known;
        }
        let found = open(Path::new(object), counted).is_some_and(|file| Inlines::are_in(&file));
        if self.with_lines.len() >= MOST_FUNCTIONS {
            self.with_lines.clear();
        }
        self.with_lines.insert(object.to_owned(), found);
        found
    }

    fn lines(&mut self, object: &str, function: &str, counted: SystemTime) -> Arc<Lines> {
        let key = (object.to_owned(), function.to_owned());
        if let Some(known) = self.functions.get(&key) {
            return Arc::clone(known);
        }
        if !self.known.contains_key(object) {
            if self.known.len() >= MOST_OBJECTS {
                self.known.clear();
            }
            let found = open(Path::new(object), counted).and_then(|file| Inlines::read(&file));
            self.known.insert(object.to_owned(), found);
        }
        let inlines = self.known.get(object).and_then(Option::as_ref);
        let lines = Arc::new(inlines.map(|inlines| inlines.lines(function)).unwrap_or_default());
        if self.functions.len() >= MOST_FUNCTIONS {
            self.functions.clear();
        }
        self.functions.insert(key, Arc::clone(&lines));
        lines
    }
}

/// An object as it was when it was counted.
fn open(path: &Path, counted: SystemTime) -> Option<File> {
    let file = files::open(path, Links::Follow).ok().filter(|_| path.is_absolute())?;
    let changed = file.metadata().and_then(|about| about.modified()).ok()?;
    (changed <= counted).then_some(file)
}
