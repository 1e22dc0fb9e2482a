//! Which code lies where in a process.

use std::collections::BTreeMap;

/// A piece of a file mapped as code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Mapping {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The offset of `start` in the file.
    pub(crate) offset: u64,
    /// Number of the file.
    pub(crate) file: u32,
    /// Since when, nanoseconds.
    pub(crate) since: u64,
}

impl Mapping {
    /// Returns the part of it between two addresses; `None` if there is none.
    fn part(self, start: u64, end: u64) -> Option<Self> {
        let (start, end) = (self.start.max(start), self.end.min(end));
        let offset = self.offset.wrapping_add(start.wrapping_sub(self.start));
        (start < end).then_some(Self { start, end, offset, ..self })
    }
}

/// The code of a process. Mappings never overlap.
#[derive(Debug, Clone, Default)]
pub(crate) struct Space {
    by_start: BTreeMap<u64, Mapping>,
}

impl Space {
    /// The mapping at an address.
    pub(crate) fn at(&self, address: u64) -> Option<&Mapping> {
        let (_, mapping) = self.by_start.range(..=address).next_back()?;
        Some(mapping).filter(|mapping| address < mapping.end)
    }

    /// All of them, by address.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.by_start.values()
    }

    /// The number of mappings.
    pub(crate) fn len(&self) -> usize {
        self.by_start.len()
    }

    /// Returns true if there is code between two addresses.
    pub(crate) fn is_used(&self, start: u64, end: u64) -> bool {
        self.by_start
            .range(..end)
            .next_back()
            .is_some_and(|(_, mapping)| mapping.end > start && start < end)
    }

    /// Takes the code between two addresses away, as the kernel does when something else is
    /// mapped there. What a mapping has outside stays.
    pub(crate) fn clear(&mut self, start: u64, end: u64, mut gone: impl FnMut(Mapping)) {
        let overlapping: Vec<Mapping> = self
            .by_start
            .range(..end)
            .rev()
            .map(|(_, mapping)| *mapping)
            .take_while(|mapping| mapping.end > start)
            .collect();
        for mapping in overlapping {
            self.by_start.remove(&mapping.start);
            gone(mapping);
            for rest in [mapping.part(0, start), mapping.part(end, u64::MAX)].into_iter().flatten()
            {
                self.by_start.insert(rest.start, rest);
            }
        }
    }

    /// Puts a mapping where nothing is.
    pub(crate) fn insert(&mut self, mapping: Mapping) {
        if mapping.start < mapping.end {
            self.by_start.insert(mapping.start, mapping);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mapping(start: u64, end: u64, file: u32) -> Mapping {
        Mapping { start, end, offset: start + 1000, file, since: 0 }
    }

    #[test]
    fn a_new_mapping_cuts_old_ones() {
        let mut space = Space::default();
        space.insert(mapping(10, 40, 1));
        let mut gone = Vec::new();
        space.clear(20, 30, |mapping| gone.push(mapping));
        space.insert(mapping(20, 30, 2));
        assert_eq!(gone, [mapping(10, 40, 1)]);
        let files = [9, 10, 19, 20, 29, 30, 39, 40].map(|at| space.at(at).map(|found| found.file));
        let expected = [None, Some(1), Some(1), Some(2), Some(2), Some(1), Some(1), None];
        assert_eq!(files, expected);
        assert_eq!(space.at(35).unwrap().offset, 1030);
        assert!(space.is_used(39, 50) && !space.is_used(40, 50) && !space.is_used(0, 10));
    }

    proptest! {
        #[test]
        fn it_is_like_painting_bytes(maps in prop::collection::vec((0_u64..64, 0_u64..64), 0..40)) {
            let mut space = Space::default();
            let mut painted = [None; 128];
            for (file, (start, length)) in (0..).zip(maps) {
                let new = mapping(start, start + length, file);
                space.clear(new.start, new.end, drop);
                space.insert(new);
                for at in start..start + length {
                    painted[usize::try_from(at).unwrap()] = Some((file, at + 1000));
                }
            }
            for (at, expected) in (0..).zip(painted) {
                let found = space.at(at).map(|found| (found.file, found.offset + (at - found.start)));
                prop_assert_eq!(found, expected);
                prop_assert_eq!(space.is_used(at, at + 1), expected.is_some());
            }
        }
    }
}
