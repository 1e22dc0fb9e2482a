// Brings the page to life: tables at once, each flame graph when it is first seen.

/** The sections that are open, by their names. For tests, and for whoever looks at the data from the console. */
const sections = new Map();
globalThis.codspeedReport = { sections };

const openFlame = async (section) => {
  const data = section.querySelector("script[data-flame]");
  if (!data || section.dataset.state) {
    return;
  }
  section.dataset.state = "opening";
  try {
    const flame = await readFlame(data);
    section.querySelector('[data-role="controls"]').hidden = false;
    sections.set(section.id, new FlameSection(section, flame));
    section.dataset.state = "open";
  } catch (error) {
    section.dataset.state = "failed";
    section.querySelector('[data-role="told"]').textContent =
      `The flame graph can't be drawn by this browser: ${error.message}`;
  }
};

const chooseTheme = (theme) => {
  if (theme === "auto") {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = theme;
  }
  redraw();
};

const redraw = () => {
  for (const section of sections.values()) {
    section.search();
  }
};

const start = () => {
  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("change", (event) => chooseTheme(event.target.value));
  globalThis.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  for (const table of document.querySelectorAll("table.sortable")) {
    makeSortable(table);
  }
  for (const form of document.querySelectorAll("form[data-table]")) {
    makeFiltered(form, document.getElementById(form.dataset.table));
  }
  for (const table of document.querySelectorAll("table.large")) {
    layOutAtLeisure(table);
  }
  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) {
          seen.unobserve(entry.target);
          void openFlame(entry.target);
        }
      }
    },
    { rootMargin: "200px" },
  );
  for (const section of document.querySelectorAll("section.flame")) {
    seen.observe(section);
  }
  // What is open is printed, seen or not.
  for (const section of document.querySelectorAll("details[open] section.flame")) {
    void openFlame(section);
  }
  // A link to a benchmark opens it.
  const openTarget = () => {
    const target = document.getElementById(location.hash.slice(1));
    const details = target?.closest("details");
    if (details) {
      details.open = true;
      target.scrollIntoView();
    }
  };
  globalThis.addEventListener("hashchange", openTarget);
  globalThis.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details.benchmark")) {
      details.open = details.open || document.querySelectorAll("details.benchmark").length <= 20;
    }
  });
  openTarget();
};

start();
