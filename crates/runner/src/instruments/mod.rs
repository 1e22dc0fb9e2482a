//! What is recorded beside a measurement, in any mode. An instrument starts before the benchmark,
//! adds variables to its environment, and leaves a file in the profile folder.

mod mongo;
mod mongo_uri;

use std::io;

use runner_shared::profile_dir::ProfileDir;

use crate::{
    env::Env,
    process::SpawnError,
    settings::options::{Instrument, InstrumentOptions},
};

use mongo::MongoTracer;
pub(crate) use mongo_uri::MongoUriError;

/// The reason why an instrument did not record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstrumentError {
    /// The tracer is nowhere.
    #[error("`{0}` was not found in PATH")]
    MissingTracer(&'static str),
    /// The tracer can't be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// There is nothing to listen on, or nowhere to write to.
    #[error("could not prepare the MongoDB instrument")]
    Prepare(#[source] io::Error),
    /// The user's variable is not there.
    #[error("the environment variable {0} given by `--mongo-uri-env-name` is not set")]
    NoVariable(String),
    /// The user's variable can't be used.
    #[error("the address in the environment variable {name} is not supported")]
    Uri {
        /// The variable.
        name: String,
        /// Why. Never says what is in it: there may be a password.
        #[source]
        source: MongoUriError,
    },
    /// The tracer is not heard of.
    #[error("the MongoDB tracer {what}{tail}")]
    Silent {
        /// What it did instead.
        what: String,
        /// The end of what it said.
        tail: String,
    },
}

/// The instruments of one run. Dropping them ends their programs.
#[derive(Debug, Default)]
pub(crate) struct Instruments {
    mongo: Option<MongoTracer>,
}

impl Instruments {
    /// Starts what the user wants; `env` is our own environment.
    pub(crate) fn start(args: &InstrumentOptions, env: &Env) -> Result<Self, InstrumentError> {
        let mongo = if args.instruments.contains(&Instrument::Mongodb) {
            Some(MongoTracer::start(args.mongo_uri_env_name.as_deref(), env)?)
        } else {
            None
        };
        Ok(Self { mongo })
    }

    /// Says what is known to go wrong with what the user wants, before anything is started.
    pub(crate) fn check(args: &InstrumentOptions, env: &Env) -> Result<(), InstrumentError> {
        if args.instruments.contains(&Instrument::Mongodb) {
            MongoTracer::check(args.mongo_uri_env_name.as_deref(), env)?;
        }
        Ok(())
    }

    /// The environment of the benchmark.
    pub(crate) fn environment(&self, env: Env) -> Env {
        match &self.mongo {
            Some(mongo) => mongo.environment(env),
            None => env,
        }
    }

    /// Ends the instruments and keeps what they recorded in the profile folder.
    pub(crate) fn finish(self, folder: &ProfileDir) -> Result<(), InstrumentError> {
        let Self { mongo } = self;
        mongo.map_or(Ok(()), |mongo| mongo.finish(folder))
    }
}

/// Reads the address of a database, for `fuzzing`.
pub(crate) fn fuzz_uri(text: &str) {
    drop(mongo_uri::MongoUri::parse(text).map(|uri| uri.through("127.0.0.1:1")));
}
