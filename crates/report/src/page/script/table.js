// Tables that are sorted by a click on a head, and filtered by a text and by verdicts. Without this script they are whole,
// in the order of the page.

const cellValue = (row, column) => {
  const cell = row.cells[column];
  const value = cell?.dataset.value;
  return value === undefined ? (cell?.textContent ?? "").toLowerCase() : Number(value);
};

const compareValues = (one, other) => {
  if (typeof one === "number" && typeof other === "number") {
    // Unknown values come last, in either order.
    const [a, b] = [Number.isNaN(one), Number.isNaN(other)];
    return a || b ? Number(a) - Number(b) : one - other;
  }
  const [a, b] = [String(one), String(other)];
  return a < b ? -1 : a > b ? 1 : 0;
};

/** The rows below the head, of all groups. */
const rowsOf = (table) => [...table.tBodies].flatMap((body) => [...body.rows]);

/** The height of a row of one line, in pixels: what a group is taken for until it is seen. */
const ROW_HEIGHT = 30;

/** Groups of which no row is shown have no room, and others as much as they need. */
const fitGroups = (table) => {
  for (const body of table.tBodies) {
    const shown = [...body.rows].filter((row) => !row.hidden).length;
    body.hidden = shown === 0;
    body.style.containIntrinsicBlockSize =
      shown === body.rows.length ? "" : `${shown * ROW_HEIGHT}px`;
  }
};

const sortTable = (table, column, descending) => {
  const bodies = [...table.tBodies];
  const most = Math.max(...bodies.map((body) => body.rows.length));
  const sign = descending ? -1 : 1;
  const rows = rowsOf(table).map((row, place) => ({ row, place, value: cellValue(row, column) }));
  rows.sort((one, other) => {
    const isUnknown = Number.isNaN(one.value) || Number.isNaN(other.value);
    const order = compareValues(one.value, other.value);
    return (isUnknown ? order : sign * order) || one.place - other.place;
  });
  const sorted = rows.map(({ row }) => row);
  bodies.forEach((body, nth) => body.append(...sorted.slice(nth * most, (nth + 1) * most)));
  fitGroups(table);
};

/** Has the groups of a large table laid out one by one while nothing else is to do: until then screen readers miss them. */
const layOutAtLeisure = (table) => {
  const waiting = [...table.tBodies];
  const later = globalThis.requestIdleCallback ?? ((step) => setTimeout(step, 20));
  const step = () => {
    const body = waiting.shift();
    if (!body) {
      table.dataset.whole = performance.now().toFixed();
      return;
    }
    body.style.contentVisibility = "visible";
    later(step);
  };
  later(step);
};

const makeSortable = (table) => {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) {
        other.removeAttribute("aria-sort");
      }
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortTable(table, column, descending);
    });
  });
};

const makeFiltered = (form, table) => {
  const text = form.querySelector('input[type="search"]');
  const boxes = [...form.querySelectorAll('input[type="checkbox"]')];
  const count = form.querySelector("output");
  const update = () => {
    const wanted = text.value.trim().toLowerCase();
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const rows = rowsOf(table);
    let shown = 0;
    for (const row of rows) {
      const isNamed = row.cells[0].textContent.toLowerCase().includes(wanted);
      const isOfVerdict = boxes.length === 0 || verdicts.has(row.dataset.verdict);
      row.hidden = !(isNamed && isOfVerdict);
      shown += row.hidden ? 0 : 1;
    }
    fitGroups(table);
    count.textContent = `${shown} of ${rows.length}`;
  };
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  const all = rowsOf(table).length;
  count.textContent = `${all} of ${all}`;
};
