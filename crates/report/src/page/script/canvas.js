// A flame graph on a canvas: draws a tree, and tells which frame is meant by the mouse, the finger or the keyboard.

const ROW = 19;
/** Narrower rectangles are not drawn, in pixels of the page. */
const LEAST = 0.4;
/** Narrower ones have no text. */
const LEAST_TEXT = 24;

/** A number between 0 and 1 from a text: equal texts have equal colours. */
const hashOf = (text) => {
  let hash = 2166136261;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 16777619);
  }
  return (hash >>> 0) / 4294967296;
};

const styleOf = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

/** The colour of a frame by its program or library; light and dark pages have their own lightness. */
const objectColour = (frame, isDark) => {
  const object = frame.object.split("/").at(-1) ?? "";
  const hue = Math.floor(hashOf(object) * 360);
  const shift = Math.floor(hashOf(frame.name) * 10);
  return isDark ? `hsl(${hue} 35% ${27 + shift}%)` : `hsl(${hue} 60% ${74 + shift}%)`;
};

/** Red for more, blue for less, the stronger the larger the change; grey within the noise. */
const changeColour = (node, whole, noise, isDark) => {
  const change = node.total - node.baseTotal;
  if (Math.abs(change) <= noise || whole <= 0) {
    return isDark ? "hsl(0 0% 32%)" : "hsl(0 0% 84%)";
  }
  const strength = Math.min(1, Math.sqrt(Math.abs(change) / whole));
  const hue = change > 0 ? 4 : 212;
  return isDark
    ? `hsl(${hue} ${35 + 30 * strength}% ${26 + 16 * strength}%)`
    : `hsl(${hue} ${60 + 30 * strength}% ${90 - 25 * strength}%)`;
};

/**
 * A view of a tree. `describe` gives the text of a node, `onFocus` hears when another node fills the width, `onSelect`
 * when another one is selected.
 */
class FlameCanvas {
  constructor(canvas, tip, hooks) {
    this.canvas = canvas;
    this.tip = tip;
    this.hooks = hooks;
    this.shown = null;
    this.focus = null;
    this.selected = null;
    this.rows = [];
    canvas.addEventListener("click", (event) => this.click(event));
    canvas.addEventListener("mousemove", (event) => this.hover(event));
    canvas.addEventListener("mouseleave", () => this.hideTip());
    canvas.addEventListener("keydown", (event) => this.press(event));
    canvas.addEventListener("blur", () => this.hideTip());
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
  }

  /** Shows a tree: `{root, frames, colour: (node) => text, matches}`. The focus and the selection are lost. */
  show(shown) {
    this.shown = shown;
    this.focus = null;
    this.selected = null;
    this.draw();
  }

  /** Colours and matches have changed; the tree has not. */
  restyle(changes) {
    Object.assign(this.shown, changes);
    this.draw();
  }

  zoom(node) {
    this.focus = node && node !== this.shown.root ? node : null;
    this.hooks.onFocus(this.focus);
    this.draw();
  }

  select(node) {
    this.selected = node;
    this.hooks.onSelect(node);
    this.draw();
  }

  draw() {
    const width = this.canvas.parentElement?.clientWidth ?? 0;
    if (!this.shown || width === 0) {
      return;
    }
    const { root, frames } = this.shown;
    this.rows = layOut(root, frames, this.focus, LEAST / width);
    const height = Math.max(this.rows.length * ROW, ROW);
    const ratio = globalThis.devicePixelRatio || 1;
    // Larger canvases are refused by browsers.
    const scale = Math.min(ratio, 16000 / height, 16000 / width);
    this.canvas.width = Math.floor(width * scale);
    this.canvas.height = Math.floor(Math.min(height, 16000) * scale);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${Math.min(height, 16000)}px`;
    const paint = this.canvas.getContext("2d");
    paint.setTransform(scale, 0, 0, scale, 0, 0);
    paint.clearRect(0, 0, width, height);
    paint.font = `12px ${styleOf(this.canvas, "font-family")}`;
    paint.textBaseline = "middle";
    const colours = {
      text: styleOf(this.canvas, "--text"),
      dimmed: styleOf(this.canvas, "--surface"),
      match: styleOf(this.canvas, "--match"),
      matchText: styleOf(this.canvas, "--match-text"),
      line: styleOf(this.canvas, "--accent"),
    };
    this.rows.forEach((row, place) => {
      for (const rectangle of row ?? []) {
        this.drawOne(paint, rectangle, place * ROW, width, colours);
      }
    });
  }

  drawOne(paint, { node, from, width: part }, top, width, colours) {
    const { frames, colour, matches, rootTitle } = this.shown;
    const [left, wide] = [from * width, Math.max(part * width - 0.5, 0.5)];
    const frame = frames[node.frame];
    const isMatch = Boolean(frame && matches?.(frame));
    paint.globalAlpha = matches && !isMatch ? 0.35 : 1;
    paint.fillStyle = isMatch ? colours.match : frame ? colour(node, frame) : colours.dimmed;
    paint.fillRect(left, top, wide, ROW - 1);
    if (node === this.selected) {
      paint.globalAlpha = 1;
      paint.strokeStyle = colours.line;
      paint.lineWidth = 2;
      paint.strokeRect(left + 1, top + 1, Math.max(wide - 2, 1), ROW - 3);
    }
    if (wide >= LEAST_TEXT) {
      paint.fillStyle = isMatch ? colours.matchText : colours.text;
      paint.save();
      paint.beginPath();
      paint.rect(left, top, wide - 3, ROW);
      paint.clip();
      // More letters than fit are never drawn, however long the name is.
      const text = (frame ? frame.name : rootTitle).slice(0, Math.ceil(wide / 4));
      paint.fillText(text, left + 4, top + ROW / 2);
      paint.restore();
    }
    paint.globalAlpha = 1;
  }

  nodeAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width;
    const row = this.rows[Math.floor((event.clientY - box.top) / ROW)] ?? [];
    return row.find(({ from, width }) => at >= from && at < from + width)?.node ?? null;
  }

  click(event) {
    const node = this.nodeAt(event);
    if (node) {
      this.select(node);
      this.zoom(node === this.focus ? null : node);
    }
  }

  hover(event) {
    const node = this.nodeAt(event);
    if (!node) {
      this.hideTip();
      return;
    }
    this.showTip(node, event.clientX, event.clientY);
  }

  showTip(node, x, y) {
    this.tip.textContent = this.hooks.describe(node).join("\n");
    this.tip.hidden = false;
    const box = this.tip.getBoundingClientRect();
    const [right, bottom] = [document.documentElement.clientWidth, globalThis.innerHeight];
    this.tip.style.left = `${Math.max(0, Math.min(x + 12, right - box.width - 8))}px`;
    this.tip.style.top = `${y + 16 + box.height > bottom ? Math.max(0, y - box.height - 8) : y + 16}px`;
  }

  hideTip() {
    this.tip.hidden = true;
  }

  /** The node that an arrow leads to. */
  neighbour(key) {
    const { root, frames } = this.shown;
    const node = this.selected ?? this.focus ?? root;
    if (key === "ArrowUp") {
      return node.parent;
    }
    if (key === "ArrowDown") {
      const children = sortedChildren(node, frames).filter((child) => child.span > 0);
      return children.sort((one, other) => other.span - one.span)[0];
    }
    const siblings = node.parent ? sortedChildren(node.parent, frames) : [node];
    const step = key === "ArrowLeft" ? -1 : 1;
    return siblings[siblings.indexOf(node) + step];
  }

  press(event) {
    if (!this.shown || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key.startsWith("Arrow")) {
      const node = this.neighbour(event.key);
      if (node) {
        this.select(node);
      }
    } else if (event.key === "Enter" || event.key === " ") {
      this.zoom(this.selected === this.focus ? null : this.selected);
    } else if (event.key === "Escape") {
      this.hideTip();
      this.zoom(null);
    } else if (event.key === "/") {
      this.hooks.onSearch();
    } else {
      return;
    }
    event.preventDefault();
  }
}
