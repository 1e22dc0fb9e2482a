//! One dump: fed line by line, given away when the next one begins.

use std::sync::Arc;

use super::{
    graph::{AtLine, Function, Graph, MAX_EVENTS, Slot, SourceLine, add, bit},
    line::{Line, Place, costs, number, skip_spaces},
    names::{NameId, Names, Short},
    trigger::Trigger,
};

/// More processes than a benchmark can have started in any sense are not looked up.
const MOST_SPAWNED: usize = 1 << 16;

/// The event that counts instructions.
pub(crate) const INSTRUCTIONS: &str = "Ir";

/// A dump.
#[derive(Debug)]
pub(crate) struct Part {
    /// The reason why it was written.
    pub trigger: Trigger,
    /// The thread that it is about, if threads were kept apart.
    pub thread: Option<u64>,
    /// Processes that were started meanwhile, where the tool says so.
    pub spawned: Vec<u32>,
    /// Names of the events, in the order of all costs.
    pub events: Vec<Arc<str>>,
    /// The line `totals:`, padded with zeros; `None` in a part that was not written to its end.
    /// A value is `None` if the counter ran backwards.
    pub totals: Option<Vec<Option<u64>>>,
    /// The functions and their costs.
    pub graph: Graph,
    /// Lines that made no sense.
    pub odd_lines: u64,
    /// Functions and calls for which there was no room.
    pub left_out: u64,
}

impl Part {
    /// The place of the event that everything is weighed by: instructions, if there are any.
    pub(crate) fn weighed(&self) -> usize {
        self.events.iter().position(|name| &**name == INSTRUCTIONS).unwrap_or(0)
    }
}

/// The short forms of all names of a file. They outlive the parts.
#[derive(Debug, Default)]
pub(super) struct Shorts {
    objects: Short,
    files: Short,
    functions: Short,
}

/// A dump that is being read.
#[derive(Debug)]
pub(super) struct Building {
    part: Part,
    /// Positions per cost line.
    positions: usize,
    /// The one among them that is a line of the source.
    line_position: Option<usize>,
    /// The line of the last cost.
    line: u64,
    /// Costs are wanted by line.
    keeps_lines: bool,
    /// The place of the cost before, in the same function.
    before: SourceLine,
    /// The event whose costs are kept by line.
    weighed: usize,
    /// The file of the next lines.
    line_file: NameId,
    object: NameId,
    file: NameId,
    function: Option<u32>,
    /// Stands for functions for which there is no room.
    others: Function,
    called_object: Option<NameId>,
    called_file: Option<NameId>,
    called: Option<NameId>,
    /// The call that the next cost line is about.
    call: Option<u32>,
}

impl Building {
    pub(super) fn new(names: &mut Names) -> Self {
        let unknown = names.id(Names::UNKNOWN.as_bytes());
        let part = Part {
            trigger: Trigger::Other(String::new()),
            thread: None,
            spawned: Vec::new(),
            events: Vec::new(),
            totals: None,
            graph: Graph::default(),
            odd_lines: 0,
            left_out: 0,
        };
        Self {
            part,
            positions: 1,
            line_position: Some(0),
            line: 0,
            keeps_lines: false,
            before: SourceLine { file: unknown, line: 0 },
            weighed: 0,
            line_file: unknown,
            object: unknown,
            file: unknown,
            function: None,
            others: Function { object: unknown, file: unknown, name: names.others() },
            called_object: None,
            called_file: None,
            called: None,
            call: None,
        }
    }

    /// Nothing was said that would be worth a part.
    pub(super) fn is_empty(&self) -> bool {
        self.part.events.is_empty() && self.part.totals.is_none()
    }

    /// The object of the next functions.
    pub(super) const fn object(&self) -> NameId {
        self.object
    }

    /// Costs of the next functions are wanted by line, too, or not.
    pub(super) const fn keep_lines(&mut self, keeps: bool) {
        self.keeps_lines = keeps;
    }

    pub(super) fn finish(self) -> Part {
        let left_out = self.part.graph.left_out();
        Part { left_out, ..self.part }
    }

    /// Takes a line.
    #[inline]
    pub(super) fn line(&mut self, line: Line<'_>, shorts: &mut Shorts, names: &mut Names) {
        let is_understood = match line {
            Line::Cost(text) => self.cost(text),
            Line::Name(place, text) => self.name(place, text, shorts, names),
            Line::Calls(count) => self.calls(count),
            Line::Field(key, value) => self.field(key, value),
            Line::Nothing | Line::Jump => true,
            Line::Odd => false,
        };
        if !is_understood {
            self.part.odd_lines = self.part.odd_lines.saturating_add(1);
        }
    }

    #[inline]
    fn cost(&mut self, text: &[u8]) -> bool {
        let slot = match (self.call.take(), self.function) {
            (Some(call), _) => Slot::Call(call),
            (None, Some(function)) => Slot::Own(function),
            (None, None) => return false,
        };
        let costs = costs(text, self.positions, self.line_position, &mut self.line);
        let Some(mut rest) = costs else { return false };
        let (mut invalid, mut weight) = (0, 0);
        for (event, sum) in self.part.graph.sums(slot).iter_mut().enumerate() {
            let Some((value, more)) = number(rest) else { break };
            rest = more;
            if event == self.weighed {
                weight = value;
            }
            if !add(sum, value) {
                invalid |= bit(event);
            }
        }
        if invalid != 0 {
            self.part.graph.invalidate(invalid);
        }
        if self.keeps_lines && self.line_position.is_some() {
            let place = SourceLine { file: self.line_file, line: self.line };
            self.part.graph.keep_line(AtLine { slot, place, before: self.before }, weight);
            self.before = place;
        }
        skip_spaces(rest).is_empty()
    }

    #[inline]
    fn name(&mut self, place: Place, text: &[u8], shorts: &mut Shorts, names: &mut Names) -> bool {
        let short = match place {
            Place::Object | Place::CalledObject => &mut shorts.objects,
            Place::File | Place::InlineFile | Place::CalledFile => &mut shorts.files,
            Place::Function | Place::Called | Place::Inlined => &mut shorts.functions,
        };
        let known = short.resolve(text, names);
        let name = known.unwrap_or_else(|| names.id(Names::UNKNOWN.as_bytes()));
        match place {
            Place::Object => self.object = name,
            Place::File => (self.file, self.line_file) = (name, name),
            Place::InlineFile => self.line_file = name,
            Place::Function => self.function = Some(self.enter(name)),
            Place::CalledObject => self.called_object = Some(name),
            Place::CalledFile => self.called_file = Some(name),
            Place::Called => self.called = Some(name),
            Place::Inlined => {}
        }
        known.is_some()
    }

    fn enter(&mut self, name: NameId) -> u32 {
        self.call = None;
        self.line_file = self.file;
        self.before = SourceLine { file: self.file, line: 0 };
        let function = Function { object: self.object, file: self.file, name };
        self.part.graph.function(function, self.others)
    }

    fn calls(&mut self, count: u64) -> bool {
        let object = self.called_object.take().unwrap_or(self.object);
        let file = self.called_file.take().unwrap_or(self.file);
        let (Some(name), Some(from)) = (self.called.take(), self.function) else { return false };
        let to = self.part.graph.function(Function { object, file, name }, self.others);
        self.call = Some(self.part.graph.call(from, to, count));
        true
    }

    fn field(&mut self, key: &[u8], value: &[u8]) -> bool {
        match key {
            b"desc" => self.describe(value),
            b"events" => return self.events(value),
            b"positions" => {
                let names = || value.split(|at| *at == b' ').filter(|at| !at.is_empty());
                self.positions = names().count();
                self.line_position = names().position(|name| name == b"line");
                return self.positions > 0;
            }
            b"thread" => self.part.thread = number(value).map(|(thread, _)| thread),
            b"totals" => return self.totals(value),
            // `summary` is 0 in the dumps that matter, the others are for people.
            _ => {}
        }
        true
    }

    fn describe(&mut self, value: &[u8]) {
        if let Some(text) = value.strip_prefix(b"Trigger:") {
            self.part.trigger = Trigger::of(String::from_utf8_lossy(text.trim_ascii()).as_ref());
        } else if let Some(text) = value.strip_prefix(b"Spawned pid:") {
            let pid = number(text).and_then(|(pid, _)| u32::try_from(pid).ok());
            self.part.spawned.extend(pid.filter(|_| self.part.spawned.len() < MOST_SPAWNED));
        }
    }

    fn events(&mut self, value: &[u8]) -> bool {
        let names: Vec<Arc<str>> =
            String::from_utf8_lossy(value).split_ascii_whitespace().map(Arc::from).collect();
        if !self.part.events.is_empty() || names.is_empty() || names.len() > MAX_EVENTS {
            return false;
        }
        self.part.graph = Graph::new(names.len());
        self.part.events = names;
        self.weighed = self.part.weighed();
        true
    }

    fn totals(&mut self, value: &[u8]) -> bool {
        let mut rest = value;
        let mut totals = Vec::new();
        while totals.len() < self.part.events.len() {
            let Some((total, more)) = number(rest) else { break };
            rest = more;
            let mut sum = 0;
            totals.push(add(&mut sum, total).then_some(sum));
        }
        totals.resize(self.part.events.len(), Some(0));
        self.part.totals = Some(totals);
        skip_spaces(rest).is_empty()
    }
}
