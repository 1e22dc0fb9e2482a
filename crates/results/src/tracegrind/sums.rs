//! Sums up entries and exits: what each function cost itself, and what its calls cost.

use std::{collections::BTreeMap, fmt::Write, rc::Rc};

use runner_shared::bounds::{Allowance, TRACEGRIND_BYTES, size};

/// Bytes of an entry of a table besides its texts and costs.
const ENTRY: u64 = 150;
/// Deeper stacks are not followed.
const MOST_DEPTH: usize = 100_000;

/// A function; equal ones are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) object: String,
    pub(super) file: String,
}

impl Function {
    fn bytes(&self) -> u64 {
        size(self.name.len() + self.object.len() + self.file.len())
    }
}

type Costs = Vec<u64>;

/// Everything since the last marker.
#[derive(Debug)]
pub(super) struct Sums {
    events: usize,
    stacks: BTreeMap<i64, Vec<Running>>,
    own: BTreeMap<Rc<Function>, Costs>,
    /// By caller and called: how often, and with everything in it.
    calls: BTreeMap<(Rc<Function>, Rc<Function>), (u64, Costs)>,
    room: Allowance,
}

/// A function that has not ended yet.
#[derive(Debug)]
struct Running {
    function: Rc<Function>,
    /// With what it called.
    inclusive: Costs,
    /// It runs in itself, so that its cost is in that of the outer one.
    nested: bool,
}

impl Sums {
    pub(super) fn new(events: usize) -> Self {
        Self {
            events,
            stacks: BTreeMap::new(),
            own: BTreeMap::new(),
            calls: BTreeMap::new(),
            room: Allowance::of(size(TRACEGRIND_BYTES)),
        }
    }

    /// There was no room for something: the sums are too small.
    pub(super) fn is_full(&self) -> bool {
        self.room.left_out() > 0
    }

    /// Returns the room that an entry with these texts takes, in bytes.
    fn bytes(&self, function: &Function) -> u64 {
        ENTRY + function.bytes() + 8 * size(self.events)
    }

    /// Nothing was spent.
    pub(super) fn is_empty(&self) -> bool {
        self.own.values().all(|costs| costs.iter().all(|cost| *cost == 0))
    }

    /// Adds the costs to the function that runs.
    pub(super) fn spend(&mut self, thread: i64, costs: &[u64]) {
        if !self.stacks.contains_key(&thread) && !self.room.take(ENTRY) {
            return;
        }
        let top = self.stacks.entry(thread).or_default().last_mut();
        let function = match top {
            Some(running) => {
                add(&mut running.inclusive, costs);
                Rc::clone(&running.function)
            }
            // Counting begins in the midst of a function that nobody has named.
            None => Rc::new(Function { name: "???".to_owned(), ..Function::default() }),
        };
        let (events, bytes) = (self.events, self.bytes(&function));
        if !self.own.contains_key(&function) && !self.room.take(bytes) {
            return;
        }
        add(self.own.entry(function).or_insert_with(|| vec![0; events]), costs);
    }

    pub(super) fn enter(&mut self, thread: i64, function: Function, costs: &[u64]) {
        self.spend(thread, costs);
        let bytes = self.bytes(&function);
        let stack = self.stacks.entry(thread).or_default();
        if stack.len() >= MOST_DEPTH || !self.room.take(bytes) {
            return;
        }
        let function = Rc::new(function);
        let nested = stack.iter().any(|running| running.function == function);
        stack.push(Running { function, inclusive: vec![0; self.events], nested });
    }

    pub(super) fn exit(&mut self, thread: i64, function: &Function, costs: &[u64]) {
        self.spend(thread, costs);
        let stack = self.stacks.entry(thread).or_default();
        // A jump may end several functions at once; an exit without an entry ends none.
        let Some(at) = stack.iter().rposition(|running| *running.function == *function) else {
            return;
        };
        while self.stacks.get(&thread).is_some_and(|stack| stack.len() > at) {
            let Some(ended) = self.stacks.entry(thread).or_default().pop() else { return };
            self.called(thread, &ended, 1);
            self.room.give_back(self.bytes(&ended.function));
        }
    }

    /// Hands the cost of a function that has been run to its caller.
    fn called(&mut self, thread: i64, ended: &Running, times: u64) {
        let Running { function, inclusive, nested } = ended;
        let Some(caller) = self.stacks.entry(thread).or_default().last_mut() else { return };
        add(&mut caller.inclusive, inclusive);
        let (caller, events) = (Rc::clone(&caller.function), self.events);
        let key = (caller, Rc::clone(function));
        if !self.calls.contains_key(&key) && !self.room.take(self.bytes(function)) {
            return;
        }
        let (count, sum) = self.calls.entry(key).or_insert_with(|| (0, vec![0; events]));
        *count = count.saturating_add(times);
        if !nested {
            add(sum, inclusive);
        }
    }

    /// Appends all of it as lines of callgrind. What still runs goes on from nothing.
    pub(super) fn write_and_clear(&mut self, text: &mut String) {
        for (thread, mut stack) in std::mem::take(&mut self.stacks) {
            // From the innermost one out, as if all ended now.
            let mut open = Vec::with_capacity(stack.len());
            while let Some(ended) = stack.pop() {
                self.stacks.insert(thread, stack);
                self.called(thread, &ended, 1);
                stack = self.stacks.remove(&thread).unwrap_or_default();
                open.push(Running { inclusive: vec![0; self.events], ..ended });
            }
            open.reverse();
            self.stacks.insert(thread, open);
        }
        let mut totals = vec![0; self.events];
        // Who only called has no cost of its own, but its calls have.
        for (caller, _) in self.calls.keys() {
            let events = self.events;
            self.own.entry(Rc::clone(caller)).or_insert_with(|| vec![0; events]);
        }
        for (function, costs) in std::mem::take(&mut self.own) {
            add(&mut totals, &costs);
            let Function { name, object, file } = &*function;
            let own = shown(&costs);
            // Writing to a string doesn't fail.
            let _ = writeln!(text, "ob={object}\nfl={file}\nfn={name}\n0 {own}");
            let first = (Rc::clone(&function), Rc::new(Function::default()));
            let of_it = self.calls.range(first..).take_while(|((by, _), _)| *by == function);
            for ((_, called), (count, costs)) in of_it {
                let Function { name, object, file } = &**called;
                let costs = shown(costs);
                let _ = writeln!(
                    text,
                    "cob={object}\ncfi={file}\ncfn={name}\ncalls={count} 0\n0 {costs}"
                );
            }
        }
        self.calls.clear();
        // What goes on to run is all that is kept.
        self.room = Allowance::of(size(TRACEGRIND_BYTES));
        let open = self.stacks.values().flatten().map(|running| self.bytes(&running.function));
        let open = open.fold(ENTRY * size(self.stacks.len()), u64::saturating_add);
        if !self.room.take(open) {
            self.stacks.clear();
        }
        let _ = writeln!(text, "\ntotals: {}", shown(&totals));
    }
}

fn add(sum: &mut [u64], costs: &[u64]) {
    for (sum, cost) in sum.iter_mut().zip(costs) {
        *sum = sum.saturating_add(*cost);
    }
}

fn shown(costs: &[u64]) -> String {
    costs.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
}
