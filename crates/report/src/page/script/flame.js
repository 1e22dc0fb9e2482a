// The section of a flame graph: its switches, its search, what is said of the selected function.

/** Reads the data of a flame: JSON, compressed by gzip, in base 64. */
const readFlame = async (element) => {
  const letters = atob(element.textContent.trim());
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return unpack(JSON.parse(await new Response(stream).text()));
};

class FlameSection {
  constructor(section, flame) {
    this.section = section;
    this.flame = flame;
    const get = (role) => section.querySelector(`[data-role="${role}"]`);
    this.controls = {
      column: get("column"),
      colour: get("colour"),
      search: get("search"),
      inverted: get("inverted"),
      folded: get("folded"),
      normalized: get("normalized"),
      kernel: get("hide-kernel"),
      interpreter: get("hide-interpreter"),
      startup: get("hide-startup"),
    };
    [this.matched, this.told, this.around] = [get("matched"), get("told"), get("around")];
    const tip = document.getElementById("tip");
    const hooks = {
      describe: (node) => this.describe(node),
      onFocus: () => {},
      onSelect: (node) => this.tell(node),
      onSearch: () => this.controls.search.focus(),
    };
    this.graph = new FlameCanvas(get("graph"), tip, hooks);
    // A caller of a function costs nothing of it by itself.
    const ofCallers = (node) => this.describe(node, false);
    this.callers = new FlameCanvas(get("callers"), tip, {
      ...hooks,
      describe: ofCallers,
      onSelect: (node) => this.announce(node, ofCallers),
    });
    this.callees = new FlameCanvas(get("callees"), tip, {
      ...hooks,
      onSelect: (node) => this.announce(node, hooks.describe),
    });
    this.wanted = null;
    for (const control of Object.values(this.controls)) {
      const isText = control?.type === "search";
      control?.addEventListener(isText ? "input" : "change", () =>
        isText ? this.search() : this.update(),
      );
    }
    get("reset")?.addEventListener("click", () => this.reset());
    get("sandwich")?.addEventListener("click", () => this.showAround());
    get("close-around")?.addEventListener("click", () => this.hideAround());
    this.update();
  }

  get column() {
    return this.flame.columns[Number(this.controls.column?.value ?? 0)] ?? this.flame.columns[0];
  }

  options() {
    const { column, inverted, folded, normalized } = this.controls;
    const choices = ["kernel", "interpreter", "startup"].filter((kind) => this.controls[kind]?.checked);
    return {
      column: Number(column?.value ?? 0),
      inverted: Boolean(inverted?.checked),
      folded: Boolean(folded?.checked),
      normalized: Boolean(normalized?.checked),
      // What measures is never a part of what is measured.
      hidden: new Set(["harness", ...choices]),
    };
  }

  isDiff() {
    return this.column.base !== null && this.controls.colour?.value === "change";
  }

  /** The smallest change that says something. */
  noise() {
    const { noise, headSum } = this.column;
    return this.options().normalized ? (this.flame.sampled ? 0.02 : 0.005) * headSum : noise;
  }

  /** What all views of this flame have in common. */
  look(root) {
    const isDark = styleOf(this.section, "--is-dark") === "1";
    const whole = Math.max(root.total, root.baseTotal);
    const byChange = (node) => changeColour(node, whole, this.noise(), isDark);
    const byObject = (_, frame) => objectColour(frame, isDark);
    return {
      root,
      frames: this.flame.frames,
      colour: this.isDiff() ? byChange : byObject,
      matches: matcher(this.controls.search?.value ?? ""),
      rootTitle: `all: ${this.amounts(root).join(", ")}`,
    };
  }

  update() {
    const options = this.options();
    const root = options.inverted ? invertedTree(this.flame, options) : callTree(this.flame, options);
    this.root = root;
    this.graph.show(this.look(root));
    this.search();
    if (this.wanted !== null) {
      this.showAround(this.wanted);
    }
  }

  search() {
    const look = this.look(this.root);
    const { matches } = look;
    this.graph.restyle(look);
    const text = this.controls.search?.value.trim() ?? "";
    if (!matches) {
      this.matched.textContent = text === "" ? "" : "not a valid expression";
      return;
    }
    const { head, base, count } = matchedTotal(this.root, this.flame.frames, matches);
    const shares = this.column.base === null
      ? [showShare(head, this.root.total)]
      : [showShare(base, this.root.baseTotal), showShare(head, this.root.total)];
    this.matched.textContent = count === 0 ? "no match" : `matched: ${shares.join(" → ")}`;
  }

  /** Values of a node in words. */
  amounts(node) {
    const { unit, base } = this.column;
    if (base === null) {
      return [showValue(node.total, unit)];
    }
    const both = `${showValue(node.baseTotal, unit)} → ${showValue(node.total, unit)}`;
    return [both, showChange(node.baseTotal, node.total)];
  }

  describe(node, hasSelf = !this.options().inverted) {
    const { unit, base } = this.column;
    const noise = this.noise();
    const frame = this.flame.frames[node.frame];
    if (!frame) {
      return [`all: ${this.amounts(node).join(", ")}`];
    }
    const line = (title, head, old) => {
      const shown = `${title}: ${showValue(head, unit)} (${showShare(head, this.root.total)})`;
      if (base === null) {
        return shown;
      }
      const note = Math.abs(head - old) <= noise ? ", within the noise" : "";
      return `${shown}, was ${showValue(old, unit)} (${showChange(old, head)}${note})`;
    };
    return [
      frame.inlined ? `${frame.name} (inlined)` : frame.name,
      frame.object,
      line("total", node.total, node.baseTotal),
      hasSelf ? line("self", node.self, node.base) : "",
    ].filter((text) => text !== "");
  }

  /** Says which node is selected, for who does not see it. */
  announce(node, describe) {
    this.told.textContent = node ? describe(node).join("; ") : "";
  }

  tell(node) {
    this.announce(node, (one) => this.describe(one));
    const button = this.section.querySelector('[data-role="sandwich"]');
    const isFunction = Boolean(node && this.flame.frames[node.frame]);
    button.disabled = !isFunction;
    this.selected = isFunction ? node.frame : null;
  }

  reset() {
    this.controls.search.value = "";
    this.graph.select(null);
    this.hideAround();
    this.search();
    this.graph.zoom(null);
  }

  showAround(wanted = this.selected) {
    if (wanted === null || wanted === undefined) {
      return;
    }
    this.wanted = wanted;
    const { callers, callees } = sandwich(this.flame, this.options(), wanted);
    this.around.hidden = false;
    const title = this.around.querySelector('[data-role="around-title"]');
    title.textContent = `${this.flame.frames[wanted].name}: ${this.amounts(callees).join(", ")}`;
    this.callers.show(this.look(callers));
    this.callees.show(this.look(callees));
  }

  hideAround() {
    this.wanted = null;
    this.around.hidden = true;
  }
}
