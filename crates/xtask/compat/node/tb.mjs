import { Bench } from "tinybench";
import { withCodSpeed } from "@codspeed/tinybench-plugin";
const sum = (n) => { let t = 0; for (let i = 0; i < n; i++) t = (t * 31 + i) >>> 0; return t; };
const b = withCodSpeed(new Bench({ time: 30, iterations: 4, warmupTime: 10, warmupIterations: 2 }));
b.add("tiny", () => { sum(1000); });
b.add("allocates", () => { new Uint8Array(3_000_000).fill(1); });
await b.run();
