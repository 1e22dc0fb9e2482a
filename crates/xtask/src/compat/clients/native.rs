//! Programs that use the C library of the integrations, and clients that can't be had from a registry.

use super::{Benchmark, Cell::Measured, Client, Rounds};

pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "c",
        package: "a C program with instrument-hooks of codspeed 6.0.0",
        folder: "c",
        place: "c",
        // The C sources lie in a package of crates.io.
        prepare: "test -d vendor || cargo vendor --quiet vendor >config.toml; \
            hooks=vendor/codspeed/instrument-hooks; \
            gcc -O2 -g -w -std=gnu11 -I $hooks/includes -o suite suite.c $hooks/dist/core.c -lpthread",
        command: "./suite",
        integration: ("codspeed-cpp", "2.3.0"),
        writer: None,
        benchmarks: &[
            Benchmark::new("suite.c::compute", Rounds::Exactly(4)),
            Benchmark::allocating("suite.c::allocate", Rounds::Exactly(2), 3_000_000),
        ],
        walltime: Measured,
        simulation: Measured,
        memory: Measured,
        may_leave: &[],
        is_quick: true,
    },
    Client::absent(
        "google_benchmark",
        "codspeed-cpp (google_benchmark)",
        "its sources are in no registry",
    ),
    Client::absent("go", "codspeed-go", "its go-runner is in no registry"),
    Client::absent("jvm", "codspeed-jvm (JMH)", "it is in no registry that we use"),
];
