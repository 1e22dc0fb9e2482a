//! Stacks without what a reader doesn't look for: code of libraries that was inlined, and interpreters at work for a
//! function of a script.

use crate::{
    kinds::{FrameKind, is_of_script, kind},
    stacks::{Frame, Inlined, Stacks},
};

/// The functions that are shown on their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FrameView {
    /// Those that a reader knows; see [`readable`].
    #[default]
    Readable,
    /// All of them.
    All,
}

impl FrameView {
    /// Returns the stacks in this view. The sum of all weights stays the same.
    pub fn of(self, stacks: &Stacks) -> Stacks {
        match self {
            Self::Readable => readable(stacks),
            Self::All => stacks.clone(),
        }
    }
}

/// Returns the same stacks with two sorts of functions folded into their callers: those that were inlined and belong to
/// a library or are closures of the caller ([`Inlined::Helper`]), and those of an interpreter below a function of a
/// script, which they run. Nothing is lost: their cost is that of the caller then.
#[must_use]
pub fn readable(stacks: &Stacks) -> Stacks {
    let of_frame = |frame: &Frame| {
        let is_interpreter = kind(&frame.name, &frame.object) == FrameKind::Interpreter;
        (is_interpreter, is_of_script(&frame.name, &frame.object))
    };
    let frames: Vec<(bool, bool)> = stacks.frames.iter().map(of_frame).collect();
    // For each node, whether a function of a script is among it and its callers.
    let mut scripts: Vec<bool> = Vec::with_capacity(stacks.nodes.len());
    let at = |place: u32| usize::try_from(place).ok();
    stacks.folded(|_, node| {
        let frame = at(node.frame).and_then(|frame| frames.get(frame)).copied();
        let (is_interpreter, is_script) = frame.unwrap_or_default();
        let caller = node.parent.and_then(|parent| scripts.get(at(parent)?).copied());
        let is_below = caller.unwrap_or(false);
        scripts.push(is_below || is_script);
        node.inlined == Inlined::Helper || is_interpreter && is_below
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::StackNode;

    fn stacks(nodes: &[(Option<u32>, &str, &str, u64, Inlined)]) -> Stacks {
        let frame = |(_, name, object, ..): &(Option<u32>, &str, &str, u64, Inlined)| Frame {
            name: (*name).into(),
            object: (*object).into(),
            file: "".into(),
        };
        let frames = nodes.iter().map(frame).collect();
        let node = |(frame, (parent, _, _, weight, inlined)): (u32, &(_, _, _, u64, Inlined))| {
            StackNode { parent: *parent, frame, weight: *weight, inlined: *inlined, line: 0 }
        };
        Stacks { frames, nodes: (0..).zip(nodes).map(node).collect(), ..Stacks::default() }
    }

    /// Lines such as `a<main 7`.
    fn shown(stacks: &Stacks) -> Vec<String> {
        let line = |(at, node): (u32, &StackNode)| {
            let names: Vec<_> =
                stacks.outwards(at).map(|node| &*stacks.frame(node).unwrap().name).collect();
            format!("{} {}", names.join("<"), node.weight)
        };
        stacks.weighted().map(line).collect()
    }

    #[test]
    fn helpers_count_for_the_function_that_uses_them() {
        use Inlined::{Helper, No, Own};
        let stacks = stacks(&[
            (None, "m::main", "m", 1, No),
            (Some(0), "m::fill", "m", 2, Own),
            (Some(1), "core::fold", "m", 4, Helper),
            (Some(2), "m::fill::{{closure}}", "m", 8, Helper),
            (Some(3), "memcpy", "libc.so.6", 16, No),
        ]);
        let readable = readable(&stacks);
        assert_eq!(
            shown(&readable),
            ["m::main 1", "m::fill<m::main 14", "memcpy<m::fill<m::main 16"]
        );
        assert_eq!(FrameView::All.of(&stacks), stacks);
    }

    #[test]
    fn an_interpreter_works_for_the_function_that_it_runs() {
        let no = Inlined::No;
        let (python, jit) = ("/usr/bin/python3.12", "[jit]");
        let stacks = stacks(&[
            (None, "Py_RunMain", python, 1, no),
            (Some(0), "_PyEval_EvalFrameDefault", python, 2, no),
            (Some(1), "py::<module>:/w/hot.py", jit, 0, no),
            (Some(2), "_PyEval_EvalFrameDefault", python, 4, no),
            (Some(3), "py::hot:/w/hot.py", jit, 0, no),
            (Some(4), "_PyEval_EvalFrameDefault", python, 8, no),
            (Some(5), "long_add", python, 16, no),
            (Some(6), "malloc", "/lib/libc.so.6", 32, no),
        ]);
        assert_eq!(
            shown(&readable(&stacks)),
            [
                "Py_RunMain 1",
                "_PyEval_EvalFrameDefault<Py_RunMain 2",
                "py::<module>:/w/hot.py<_PyEval_EvalFrameDefault<Py_RunMain 4",
                "py::hot:/w/hot.py<py::<module>:/w/hot.py<_PyEval_EvalFrameDefault<Py_RunMain 24",
                "malloc<py::hot:/w/hot.py<py::<module>:/w/hot.py<_PyEval_EvalFrameDefault<Py_RunMain \
                    32",
            ]
        );
        assert_eq!(readable(&stacks).total(), stacks.total());
    }
}
