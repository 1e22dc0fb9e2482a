import { bench, describe } from "vitest";
const sum = (n) => { let t = 0; for (let i = 0; i < n; i++) t = (t * 31 + i) >>> 0; return t; };
describe("sums", () => {
  bench("small", () => { sum(1000); });
  bench("allocates", () => { new Uint8Array(3_000_000).fill(1); });
});
