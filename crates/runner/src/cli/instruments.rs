//! Options for what is recorded beside a measurement.

use clap::{Args, ValueEnum};

/// Options of instruments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct InstrumentArgs {
    /// What to record beside the measurement, as a list with commas.
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub instruments: Vec<Instrument>,

    /// The environment variable in which the benchmark finds the address of its MongoDB server;
    /// for the benchmark it leads to the tracer.
    #[arg(long, value_name = "NAME")]
    pub mongo_uri_env_name: Option<String>,
}

/// Something that records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Instrument {
    /// Which queries each benchmark makes.
    Mongodb,
}
