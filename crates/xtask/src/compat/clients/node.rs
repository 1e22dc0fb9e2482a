//! The plugins for benchmark libraries of Node.

use super::{
    Benchmark,
    Cell::{Fails, Measured},
    Client, Rounds,
};

const NPM: &str =
    "test -e node_modules/.package-lock.json || npm install --silent --no-audit --no-fund";

const TINYBENCH: Client = Client {
    name: "tinybench",
    package: "@codspeed/tinybench-plugin 5.7.1 (tinybench 6.2.3)",
    folder: "node",
    place: "node",
    prepare: NPM,
    command: "node tb.mjs",
    integration: ("codspeed-node", "5.7.1"),
    writer: None,
    benchmarks: &[
        Benchmark::new("tb.mjs::tiny", Rounds::Exactly(1)),
        Benchmark::allocating("tb.mjs::allocates", Rounds::Exactly(1), 3_000_000),
    ],
    walltime: Measured,
    simulation: Measured,
    memory: Measured,
    may_leave: &[],
    is_quick: true,
};

const VITEST: Client = Client {
    name: "vitest",
    package: "@codspeed/vitest-plugin 5.7.1 (vitest 4.1.12)",
    command: "npx vitest bench --run",
    benchmarks: &[
        Benchmark::new("bench/sum.bench.mjs::sums::small", Rounds::Exactly(1)),
        Benchmark::allocating(
            "bench/sum.bench.mjs::sums::allocates",
            Rounds::Exactly(1),
            3_000_000,
        ),
    ],
    is_quick: false,
    ..TINYBENCH
};

pub(super) const CLIENTS: &[Client] = &[
    VITEST,
    Client {
        name: "vitest-3",
        package: "@codspeed/vitest-plugin 5.7.1 (vitest 3.2.7)",
        place: "node-vitest3",
        prepare: "test -e node_modules/.package-lock.json || { npm pkg set dependencies.vitest=3.2.7 && \
            npm install --silent --no-audit --no-fund; }",
        ..VITEST
    },
    TINYBENCH,
    Client {
        name: "benchmark.js",
        package: "@codspeed/benchmark.js-plugin 5.1.0 (benchmark 2.1.4)",
        command: "node bj.cjs",
        benchmarks: &[Benchmark::new("bj.cjs::bjs", Rounds::Never)],
        walltime: Fails {
            code: 4,
            says: "no benchmark reported a result",
            why: "it doesn't save its times",
        },
        is_quick: false,
        ..TINYBENCH
    },
    Client::absent(
        "playwright",
        "@codspeed/playwright-plugin",
        "needs a browser, which is in no registry",
    ),
];
