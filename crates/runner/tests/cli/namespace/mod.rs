//! Tests that need a private mount namespace, because every run uses the one well-known pair of FIFOs.

mod environment;
mod exec_exports;
mod exec_fails;
mod exec_limits;
mod exec_measures;
mod exec_names;
mod exec_versus;
mod hooks;
mod instruments;
mod leftovers;
mod memory;
mod memory_traced;
mod no_profile;
mod output;
mod perf_records;
mod profiles;
mod project_file;
mod protocol;
mod refusal;
mod screen;
mod setup;
mod signals;
mod simulation;
mod simulation_odd;
mod suites;
mod two_runs;
