//! What the numbers of stacks mean, written when the trace is over: by then no program waits for source lines to be found.

use std::{
    collections::{BTreeMap, HashMap},
    io,
};

use debug_info::{Line, demangled, look_up};
use foldhash::fast::FixedState;
use runner_shared::{
    bounds::{Allowance, size},
    inlining::judge,
    memory::{StackFrame, encode_frame, encode_stack},
};

use crate::symbols::{Function, Place, Symbols};

/// Bytes of a place in the tables besides its texts, and of a stack besides its numbers.
pub(super) const ENTRY: u64 = 96;
/// Definitions are handed on in pieces of this length.
const PIECE: usize = 64 << 10;

/// Stacks and the places that they go through, numbered from 1.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    /// By the numbers of their places: the same place in two processes is the same.
    stacks: HashMap<Box<[u32]>, u32, FixedState>,
    numbers: HashMap<Place, u32, FixedState>,
    places: Vec<(Place, Function)>,
}

impl Definitions {
    /// The number of a place, 0 if there is no room.
    pub(super) fn place(&mut self, place: Place, function: Function, room: &mut Allowance) -> u32 {
        if let Some(known) = self.numbers.get(&place) {
            return *known;
        }
        if !room.take(ENTRY + size(function.name.len()) + size(function.module.len())) {
            return 0;
        }
        let number = number_of(self.places.len());
        self.places.push((place, function));
        self.numbers.insert(place, number);
        number
    }

    /// The number of a stack.
    pub(super) fn stack(&mut self, places: Box<[u32]>) -> u32 {
        let next = number_of(self.stacks.len());
        *self.stacks.entry(places).or_insert(next)
    }

    /// Returns whether nothing is known of a place, not even its file.
    pub(super) fn is_unknown(&self, place: u32) -> bool {
        self.numbers.get(&Place::default()) == Some(&place)
    }

    /// Hands over the definitions of all frames and stacks.
    pub(super) fn write(
        self,
        symbols: &Symbols,
        put: &mut dyn FnMut(Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut hand_over = |bytes: &mut Vec<u8>, most: usize| {
            if bytes.len() > most { put(std::mem::take(bytes)) } else { Ok(()) }
        };
        let mut frames: HashMap<StackFrame, u32, FixedState> = HashMap::default();
        let mut chains: Vec<Option<Vec<StackFrame>>> =
            self.chains(symbols).into_iter().map(Some).collect();
        let mut of_places: Vec<Vec<u32>> = vec![Vec::new(); chains.len()];
        let mut stacks: Vec<(u32, Box<[u32]>)> =
            self.stacks.into_iter().map(|(places, number)| (number, places)).collect();
        stacks.sort_unstable_by_key(|(number, _)| *number);
        let mut numbers = Vec::new();
        for (_, places) in stacks {
            numbers.clear();
            for place in places {
                // A place without a number is unknown, as 0 is.
                let at = place.checked_sub(1).and_then(|at| usize::try_from(at).ok());
                let at = at.filter(|at| *at < chains.len());
                let Some((at, of_place)) = at.and_then(|at| Some((at, of_places.get_mut(at)?)))
                else {
                    numbers.push(0);
                    continue;
                };
                // Right before the first stack that needs them: a reader without room for all has whole stacks.
                for frame in chains.get_mut(at).and_then(Option::take).unwrap_or_default() {
                    let next = number_of(frames.len());
                    of_place.push(*frames.entry(frame).or_insert_with_key(|frame| {
                        encode_frame(&mut bytes, frame);
                        next
                    }));
                }
                numbers.extend_from_slice(of_place);
            }
            encode_stack(&mut bytes, &numbers);
            hand_over(&mut bytes, PIECE)?;
        }
        hand_over(&mut bytes, 0)
    }

    /// The frames of each place: what was inlined there, innermost first, and at last the function.
    fn chains(&self, symbols: &Symbols) -> Vec<Vec<StackFrame>> {
        let mut by_module: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (at, (place, _)) in self.places.iter().enumerate() {
            by_module.entry(place.module).or_default().push(at);
        }
        let mut lines: Vec<Vec<Line>> = vec![Vec::new(); self.places.len()];
        for (module, places) in by_module {
            let Some(file) = symbols.file_with_lines(module) else { continue };
            let address = |at: &usize| self.places.get(*at).map_or(0, |(place, _)| place.address);
            let addresses: Vec<u64> = places.iter().map(address).collect();
            for (at, found) in places.into_iter().zip(look_up(file, &addresses)) {
                if let Some(of_place) = lines.get_mut(at) {
                    *of_place = found;
                }
            }
        }
        let functions = self.places.iter().map(|(_, function)| function);
        functions.zip(lines).map(|(function, lines)| chain(function, lines)).collect()
    }
}

/// The frames of one place. The function is named by its symbol, as it is without debug information.
fn chain(function: &Function, lines: Vec<Line>) -> Vec<StackFrame> {
    let own = StackFrame::new(&function.name, &function.module);
    let last = lines.len().saturating_sub(1);
    let frame = |(at, Line { function, file, number: line }): (usize, Line)| {
        let is_own = at == last && !own.function.is_empty();
        let function = if is_own { own.function.clone() } else { demangled(&function) };
        StackFrame { function, file, line, ..own.clone() }
    };
    let mut frames: Vec<StackFrame> = lines.into_iter().enumerate().map(frame).collect();
    let outwards = frames.iter().rev().map(|frame| (&*frame.function, &*frame.file));
    let inlined = judge(outwards);
    frames.iter_mut().rev().zip(inlined).for_each(|(frame, inlined)| frame.inlined = inlined);
    if frames.is_empty() { vec![own] } else { frames }
}

/// Numbers count from 1.
fn number_of(before: usize) -> u32 {
    u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use runner_shared::{memory::StackDecoder, stacks::Inlined};

    use super::*;

    fn function(name: &str) -> Function {
        Function { name: name.to_owned(), module: "/m".to_owned() }
    }

    #[test]
    fn stacks_are_defined_in_the_order_of_their_numbers() {
        let mut definitions = Definitions::default();
        let mut room = Allowance::of(10_000);
        let mut place = |address, name| {
            let place = Place { module: 1, address };
            definitions.place(place, function(name), &mut room)
        };
        let [main, alloc, again] = [place(1, "main"), place(2, "alloc"), place(1, "main")];
        assert_eq!((main, again), (1, 1));
        let one = definitions.stack([alloc, main].into());
        let other = definitions.stack([main].into());
        assert_eq!((one, other, definitions.stack([alloc, main].into())), (1, 2, 1));
        let mut decoder = StackDecoder::default();
        let mut put = |bytes: Vec<u8>| {
            decoder.push(&bytes);
            Ok(())
        };
        definitions.write(&Symbols::default(), &mut put).unwrap();
        assert_eq!(decoder.next_event_stack(), Ok(None));
        let (table, end) = decoder.finish();
        assert_eq!(end, Ok(()));
        let names = |stack| {
            let frames = table.stack(stack).iter().map(|frame| table.frame(*frame).unwrap());
            frames.map(|frame| frame.function.as_str()).collect::<Vec<_>>()
        };
        assert_eq!((names(1), names(2)), (vec!["alloc", "main"], vec!["main"]));
    }

    #[test]
    fn inlined_functions_come_first_and_have_their_own_names() {
        let line = |function: &str, line| Line {
            function: function.to_owned(),
            file: "a.cc".to_owned(),
            number: line,
        };
        let chain =
            chain(&function("outer(int)"), vec![line("_ZN3foo3barEi", 3), line("outer", 9)]);
        let shown = chain.iter().map(|frame| (frame.function.as_str(), frame.line));
        assert_eq!(shown.collect::<Vec<_>>(), [("foo::bar(int)", 3), ("outer(int)", 9)]);
        assert!(chain.iter().all(|frame| frame.module == "/m" && frame.file == "a.cc"));
        assert_eq!([chain[0].inlined, chain[1].inlined], [Inlined::Own, Inlined::No]);
        let plain = super::chain(&function("f"), Vec::new());
        assert_eq!((plain.len(), &*plain[0].function, plain[0].line), (1, "f", 0));
    }
}
