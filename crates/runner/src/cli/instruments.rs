//! Options for what is recorded beside a measurement.

use clap::Args;

use crate::settings::options::Instrument;

/// Options of instruments.
#[derive(Debug, Default, Args)]
pub(crate) struct InstrumentArgs {
    /// Additional data to record, separated by commas.
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub instruments: Vec<Instrument>,

    /// The environment variable that holds the address of the benchmark's MongoDB server;
    /// the benchmark sees the address of the tracer instead.
    #[arg(long, value_name = "NAME")]
    pub mongo_uri_env_name: Option<String>,
}
