//! Talks with the CodSpeed service: the archive of a run, its upload, login and results. All of it blocks; what takes
//! long tells a [`Watch`] how far it is, and stops when that wants it to.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]

mod archive;
mod context;
mod error;
mod executor;
mod graphql;
mod http;
mod metadata;
mod oidc;
mod secret;
mod upload;
mod watch;

pub use archive::{Archive, ArchiveError, Encoding, Packed, Skipped, Why};
pub use context::{
    Event, JobReference, RepositoryProvider, RunContext, RunEnvironment, RunPart, Sender,
};
pub use error::{ApiError, Code};
pub use executor::Executor;
pub use graphql::{
    BenchmarkComparison, BenchmarkResult, Comparison, ComparisonCategory, ComparisonStatus,
    Conclusion, LoginSession, MemoryDetails, Overview, RepositoryName, RepositoryOverview,
    RunReport, RunStatus, Service, Session, TimeDistribution, User, WalltimeDetails,
};
pub use http::{Http, HttpSettings, Pause, RealPause, Stop, check_url};
pub use metadata::{Instrument, Machine, Metadata, MetadataVersion, Runner, Submission};
pub use oidc::{ASK_FOR_A_TOKEN, Oidc, TokenSource};
pub use secret::Secret;
pub use upload::{REGISTER_THE_RUN, SEND_THE_ARCHIVE, Uploaded};
pub use watch::{Step, Watch, unwatched};
