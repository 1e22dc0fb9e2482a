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

const sortTable = (table, column, descending) => {
  const body = table.tBodies[0];
  const sign = descending ? -1 : 1;
  const rows = [...body.rows].map((row, place) => ({ row, place, value: cellValue(row, column) }));
  rows.sort((one, other) => {
    const isUnknown = Number.isNaN(one.value) || Number.isNaN(other.value);
    const order = compareValues(one.value, other.value);
    return (isUnknown ? order : sign * order) || one.place - other.place;
  });
  body.append(...rows.map(({ row }) => row));
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
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const isNamed = row.cells[0].textContent.toLowerCase().includes(wanted);
      const isOfVerdict = boxes.length === 0 || verdicts.has(row.dataset.verdict);
      row.hidden = !(isNamed && isOfVerdict);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${table.tBodies[0].rows.length}`;
  };
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  update();
};
