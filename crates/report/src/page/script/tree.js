// Trees of calls: from the arrays in the page to the tree that is drawn. Pure functions; nothing here touches the page.

/** Kinds of frames, by their number in the page. */
const KINDS = ["program", "kernel", "interpreter", "harness", "startup"];

/**
 * Unpacks a flame. Frames and nodes come as flat arrays of numbers, nodes with the place of their caller plus 1, callers
 * before those that they call.
 */
const unpack = (packed) => {
  const frames = [];
  for (let at = 0; at + 3 < packed.frames.length; at += 4) {
    const [name, object, kind, inlined] = packed.frames.slice(at, at + 4);
    frames.push({
      name: packed.names[name] ?? "?",
      object: packed.objects[object] ?? "",
      kind: KINDS[kind] ?? KINDS[0],
      inlined: inlined > 0,
      isHelper: inlined === 2,
    });
  }
  const nodes = [];
  for (let at = 0; at + 1 < packed.nodes.length; at += 2) {
    const parent = packed.nodes[at] - 1;
    nodes.push({ parent: parent < nodes.length ? parent : -1, frame: packed.nodes[at + 1] });
  }
  return { frames, nodes, columns: packed.columns, sampled: packed.sampled };
};

const newNode = (frame, parent) => ({
  frame,
  parent,
  depth: parent ? parent.depth + 1 : 0,
  self: 0,
  base: 0,
  total: 0,
  baseTotal: 0,
  span: 0,
  children: new Map(),
});

const childOf = (parent, frame) => {
  let child = parent.children.get(frame);
  if (!child) {
    child = newNode(frame, parent);
    parent.children.set(frame, child);
  }
  return child;
};

/**
 * Sums up a tree from its leaves on. `span` is the width of a node: of two sides, in each place the larger one, so that
 * what is gone and what is new both have room.
 */
const sumUp = (root) => {
  const order = [root];
  for (let at = 0; at < order.length; at += 1) {
    order.push(...order[at].children.values());
  }
  for (let at = order.length - 1; at >= 0; at -= 1) {
    const node = order[at];
    node.total = node.self;
    node.baseTotal = node.base;
    node.span = Math.max(node.self, node.base);
    for (const child of node.children.values()) {
      node.total += child.total;
      node.baseTotal += child.baseTotal;
      node.span += child.span;
    }
  }
  return root;
};

/** True if a frame is left out: its cost counts for its caller. */
const isHidden = (frame, options) =>
  options.hidden.has(frame.kind) || (options.folded && frame.isHelper);

/**
 * Walks all nodes that have a cost, and hands each stack to `take`: the frames from the outermost on, without those that
 * are hidden, and the cost of both sides.
 */
const eachStack = (flame, options, take) => {
  const column = flame.columns[options.column] ?? flame.columns[0];
  const base = column.base;
  const factor = options.normalized && column.baseSum > 0 ? column.headSum / column.baseSum : 1;
  const stacks = [];
  flame.nodes.forEach((node, place) => {
    const above = node.parent >= 0 ? stacks[node.parent] : null;
    const frame = flame.frames[node.frame];
    const hidden = !frame || isHidden(frame, options);
    stacks[place] = hidden ? above : { frame: node.frame, above };
    const head = column.head[place] ?? 0;
    const old = (base?.[place] ?? 0) * factor;
    if (head > 0 || old > 0) {
      const list = [];
      for (let one = stacks[place]; one; one = one.above) {
        list.push(one.frame);
      }
      take(list.reverse(), head, old);
    }
  });
};

/** The tree as it was called. */
const callTree = (flame, options) => {
  const root = newNode(-1, null);
  eachStack(flame, options, (stack, head, old) => {
    let node = root;
    for (const frame of stack) {
      node = childOf(node, frame);
    }
    node.self += head;
    node.base += old;
  });
  return sumUp(root);
};

/** The tree from the other end: the functions that cost something themselves, below each its callers. */
const invertedTree = (flame, options) => {
  const root = newNode(-1, null);
  eachStack(flame, options, (stack, head, old) => {
    let node = root;
    for (const frame of stack.reverse()) {
      node = childOf(node, frame);
    }
    node.self += head;
    node.base += old;
  });
  return sumUp(root);
};

/**
 * A function alone: `callees` has all that it calls, wherever it was called from; `callers` all that call it. A function
 * that calls itself counts once.
 */
const sandwich = (flame, options, wanted) => {
  const callees = newNode(-1, null);
  const callers = newNode(-1, null);
  eachStack(flame, options, (stack, head, old) => {
    const first = stack.indexOf(wanted);
    if (first < 0) {
      return;
    }
    let node = callees;
    for (const frame of stack.slice(first)) {
      node = childOf(node, frame);
    }
    node.self += head;
    node.base += old;
    node = callers;
    for (const frame of stack.slice(0, first + 1).reverse()) {
      node = childOf(node, frame);
    }
    node.self += head;
    node.base += old;
  });
  return { callees: sumUp(callees), callers: sumUp(callers) };
};

/** The functions that match a text, or an expression between slashes; `null` if the text is empty or no expression. */
const matcher = (text) => {
  const wanted = text.trim();
  if (wanted === "") {
    return null;
  }
  if (wanted.length > 2 && wanted.startsWith("/") && wanted.endsWith("/")) {
    try {
      const expression = new RegExp(wanted.slice(1, -1), "iu");
      return (frame) => expression.test(frame.name) || expression.test(frame.object);
    } catch {
      return null;
    }
  }
  const lower = wanted.toLowerCase();
  return (frame) =>
    frame.name.toLowerCase().includes(lower) || frame.object.toLowerCase().includes(lower);
};

/** The cost of all that matches: of matching functions within others only the outermost counts. */
const matchedTotal = (root, frames, matches) => {
  let [head, base, count] = [0, 0, 0];
  const open = [...root.children.values()];
  while (open.length > 0) {
    const node = open.pop();
    if (matches(frames[node.frame])) {
      head += node.total;
      base += node.baseTotal;
      count += 1;
    } else {
      open.push(...node.children.values());
    }
  }
  return { head, base, count };
};

/** The children of a node in the order in which they are drawn. */
const sortedChildren = (node, frames) =>
  [...node.children.values()].sort((one, other) => {
    const [a, b] = [frames[one.frame].name, frames[other.frame].name];
    return a < b ? -1 : a > b ? 1 : one.frame - other.frame;
  });

/**
 * The rectangles of a tree between 0 and 1, rows from the outermost on; what is narrower than `least` is left out. Around
 * `focus` a node fills the width, and its callers above it do.
 */
const layOut = (root, frames, focus, least) => {
  const rows = [];
  const put = (node, from, width, row) => {
    (rows[row] ??= []).push({ node, from, width });
  };
  const top = focus ?? root;
  const above = [];
  for (let node = top.parent; node; node = node.parent) {
    above.unshift(node);
  }
  above.forEach((node, row) => put(node, 0, 1, row));
  const open = [{ node: top, from: 0, width: 1, row: above.length }];
  while (open.length > 0) {
    const { node, from, width, row } = open.pop();
    put(node, from, width, row);
    if (node.span <= 0) {
      continue;
    }
    let at = from;
    for (const child of sortedChildren(node, frames)) {
      const part = (child.span / node.span) * width;
      if (part >= least) {
        open.push({ node: child, from: at, width: part, row: row + 1 });
      }
      at += part;
    }
  }
  for (const row of rows) {
    row?.sort((one, other) => one.from - other.from);
  }
  return rows;
};

/** The functions with their own and their total cost, the largest total first. */
const functionsOf = (flame, options) => {
  const all = new Map();
  const get = (frame) => {
    let one = all.get(frame);
    if (!one) {
      one = { frame, self: 0, base: 0, total: 0, baseTotal: 0 };
      all.set(frame, one);
    }
    return one;
  };
  eachStack(flame, options, (stack, head, old) => {
    const last = stack.at(-1);
    if (last === undefined) {
      return;
    }
    const own = get(last);
    own.self += head;
    own.base += old;
    for (const frame of new Set(stack)) {
      const one = get(frame);
      one.total += head;
      one.baseTotal += old;
    }
  });
  return [...all.values()].sort((one, other) => other.total - one.total);
};
