const Benchmark = require("benchmark");
const { withCodSpeed } = require("@codspeed/benchmark.js-plugin");
const sum = (n) => { let t = 0; for (let i = 0; i < n; i++) t = (t * 31 + i) >>> 0; return t; };
const suite = withCodSpeed(new Benchmark.Suite());
suite.add("bjs", () => { sum(1000); }, { maxTime: 0.1 });
suite.run({ async: false });
