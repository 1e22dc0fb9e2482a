// Numbers as people read them, with the words of the tables in the page.

const NANOS = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];
const BYTES = [
  [1024 ** 4, "TB"],
  [1024 ** 3, "GB"],
  [1024 ** 2, "MB"],
  [1024, "KB"],
  [1, "B"],
];

const scaled = (value, steps, digits) => {
  const size = Math.abs(value);
  const [step, unit] = steps.find(([least]) => size >= least) ?? steps.at(-1);
  return `${(value / step).toFixed(step === 1 && Number.isInteger(value) ? 0 : digits)} ${unit}`;
};

/** A value with its unit. */
const showValue = (value, unit) => {
  if (unit === "nanoseconds") {
    return scaled(value, NANOS, 3);
  }
  if (unit === "bytes") {
    return scaled(value, BYTES, 1);
  }
  return Math.round(value).toLocaleString("en-US");
};

/** A part of a whole in percent. */
const showShare = (part, whole) => (whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "-");

/** The change from one value to another one. */
const showChange = (base, head) => {
  if (base <= 0) {
    return head > 0 ? "new" : "none";
  }
  if (head <= 0) {
    return "gone";
  }
  const ratio = head / base;
  if (ratio >= 10) {
    return `${ratio.toFixed(0)}x`;
  }
  const change = (100 * (ratio - 1)).toFixed(1);
  return Number(change) === 0 ? "0.0 %" : `${ratio > 1 ? "+" : ""}${change} %`;
};
