//! What an upload says about itself: one compact JSON text, its keys in the service's order. It is made once; the bytes
//! that are sent are those that are hashed.

use runner_shared::text::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    archive::{Archive, Encoding},
    context::{
        Event, JobReference, RepositoryProvider, RunContext, RunEnvironment, RunPart, Sender,
    },
    executor::Executor,
};

/// The name under which the service knows us.
const RUNNER_NAME: &str = "codspeed-runner";

/// The format of the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum MetadataVersion {
    /// As of CodSpeed 4.11: without `localData`, `cpuFlags` and `excludeAllocations`.
    V8,
    /// As of CodSpeed 5.
    #[default]
    V10,
}

/// An instrument that recorded beside a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Instrument {
    /// Queries of a database.
    #[serde(rename = "MongoDB")]
    MongoDb,
}

/// The machine on which the benchmarks ran.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// `ID` of `os-release`, such as `debian`.
    pub os: String,
    /// `VERSION_ID` of `os-release`.
    pub os_version: String,
    /// `x86_64` or `aarch64`.
    pub arch: String,
    /// Name of the machine.
    pub host: String,
    /// Name of the user.
    pub user: String,
    /// Model of the processor; `unknown` if nobody knows.
    pub cpu_brand: String,
    /// Name of the first processor: `cpu0`.
    pub cpu_name: String,
    /// Maker of the processor, such as `GenuineIntel`.
    pub cpu_vendor_id: String,
    /// Physical cores.
    pub cpu_cores: u64,
    /// Memory in GiB, rounded up.
    pub total_memory_gb: u64,
    /// Features of the first processor, sorted; empty if unknown. Not in version 8.
    #[serde(default)]
    pub cpu_flags: Vec<String>,
}

/// The party that measured, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Runner {
    /// Version of `codspeed`.
    pub version: String,
    /// Instruments that recorded beside the measurement.
    pub instruments: Vec<Instrument>,
    /// The instrument that measured.
    pub executor: Executor,
    /// True if functions of allocators were not counted. Not in version 8.
    #[serde(default)]
    pub exclude_allocations: bool,
    /// The machine.
    pub machine: Machine,
}

/// All that an upload says, but for what the archive and the token decide. It can be stored beside an archive and used
/// again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submission {
    /// The origin of the run.
    pub run: RunContext,
    /// The program that measured.
    pub runner: Runner,
    /// True if a run without benchmarks is fine.
    pub allow_empty: bool,
    /// The number of uploads this run of ours makes; for local runs only. Not in version 8.
    pub expected_run_parts: Option<u64>,
    /// The format.
    #[serde(default)]
    pub version: MetadataVersion,
}

/// The text of the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    json: String,
}

impl Metadata {
    /// Writes the metadata of an upload.
    pub fn new(
        submission: &Submission,
        archive: &Archive,
        tokenless: bool,
    ) -> Result<Self, serde_json::Error> {
        Self::write(submission, &archive.md5, archive.encoding, tokenless)
    }

    fn write(
        submission: &Submission,
        profile_md5: &str,
        profile_encoding: Option<Encoding>,
        tokenless: bool,
    ) -> Result<Self, serde_json::Error> {
        let Submission { run, runner, allow_empty, expected_run_parts, version } = submission;
        let is_new = *version == MetadataVersion::V10;
        let wire = Wire {
            repository_provider: run.repository_provider,
            version: match version {
                MetadataVersion::V8 => 8,
                MetadataVersion::V10 => 10,
            },
            tokenless,
            profile_md5,
            profile_encoding,
            runner: wire_runner(runner, is_new),
            run_environment: run.run_environment,
            run_part: run.run_part.as_ref(),
            commit_hash: &run.commit_hash,
            allow_empty: *allow_empty,
            reference: &run.reference,
            head_ref: run.head_ref.as_deref(),
            base_ref: run.base_ref.as_deref(),
            owner: &run.owner,
            repository: &run.repository,
            event: run.event,
            sender: run.sender.as_ref(),
            gh_data: run.gh_data.as_ref(),
            gl_data: run.gl_data.as_ref(),
            local_data: if is_new {
                LocalData::Parts(
                    expected_run_parts
                        .map(|expected_run_parts_count| Parts { expected_run_parts_count }),
                )
            } else {
                LocalData::Unknown
            },
            repository_root_path: &run.repository_root_path,
        };
        Ok(Self { json: serde_json::to_string(&wire)? })
    }

    /// The body of the request.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The SHA-256 of the body in lower-case hexadecimal digits. The service looks for it in the log of a job that has
    /// no token.
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(self.json.as_bytes()))
    }
}

fn wire_runner(runner: &Runner, is_new: bool) -> WireRunner<'_> {
    let Runner { version, instruments, executor, exclude_allocations, machine } = runner;
    WireRunner {
        name: RUNNER_NAME,
        version,
        instruments,
        executor: *executor,
        exclude_allocations: (is_new && *exclude_allocations).then_some(true),
        os: &machine.os,
        os_version: &machine.os_version,
        arch: &machine.arch,
        host: &machine.host,
        user: &machine.user,
        cpu_brand: &machine.cpu_brand,
        cpu_name: &machine.cpu_name,
        cpu_vendor_id: &machine.cpu_vendor_id,
        cpu_cores: machine.cpu_cores,
        total_memory_gb: machine.total_memory_gb,
        cpu_flags: is_new.then_some(&machine.cpu_flags),
    }
}

/// The keys in the service's order. What is `None` is written as null, unless its version doesn't know the key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    repository_provider: RepositoryProvider,
    version: u32,
    tokenless: bool,
    profile_md5: &'a str,
    profile_encoding: Option<Encoding>,
    runner: WireRunner<'a>,
    run_environment: RunEnvironment,
    run_part: Option<&'a RunPart>,
    commit_hash: &'a str,
    allow_empty: bool,
    #[serde(rename = "ref")]
    reference: &'a str,
    head_ref: Option<&'a str>,
    base_ref: Option<&'a str>,
    owner: &'a str,
    repository: &'a str,
    event: Event,
    sender: Option<&'a Sender>,
    gh_data: Option<&'a JobReference>,
    gl_data: Option<&'a JobReference>,
    #[serde(skip_serializing_if = "LocalData::is_unknown")]
    local_data: LocalData,
    repository_root_path: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum LocalData {
    /// The version has no such key.
    Unknown,
    /// Null in CI.
    Parts(Option<Parts>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parts {
    expected_run_parts_count: u64,
}

impl LocalData {
    fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireRunner<'a> {
    name: &'static str,
    version: &'a str,
    instruments: &'a [Instrument],
    executor: Executor,
    #[serde(skip_serializing_if = "Option::is_none")]
    exclude_allocations: Option<bool>,
    os: &'a str,
    os_version: &'a str,
    arch: &'a str,
    host: &'a str,
    user: &'a str,
    cpu_brand: &'a str,
    cpu_name: &'a str,
    cpu_vendor_id: &'a str,
    cpu_cores: u64,
    total_memory_gb: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_flags: Option<&'a Vec<String>>,
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
