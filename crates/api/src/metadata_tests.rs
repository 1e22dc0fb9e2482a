//! Golden texts of the metadata, from section 14 of the description of the upload.

use serde_json::json;

use super::*;

/// Vector 2: a pull request from a fork, matrix job, no token.
// In parts: the house has a rule about folders of one machine.
const V8: &str = concat!(
    r#"{"repositoryProvider":"GITHUB","version":8,"tokenless":true,"profileMd5":"1B2M2Y8AsgTpgAmY7PhCfg==","profileEncoding":"gzip","runner":{"name":"codspeed-runner","version":"4.11.0","instruments":[],"executor":"valgrind","os":"ubuntu","osVersion":"24.04","arch":"x86_64","host":"runner-1","user":"runner","cpuBrand":"Example CPU","cpuName":"cpu0","cpuVendorId":"GenuineIntel","cpuCores":2,"totalMemoryGb":8},"runEnvironment":"GITHUB_ACTIONS","runPart":{"runId":"9001","runPartId":"build-{\"os\":\"ubuntu-24.04\",\"py\":3.12}-{\"job-total\":4,\"job-index\":2}-{\"run-index\":0}","jobName":"build","metadata":{"job-index":2,"job-total":4,"os":"ubuntu-24.04","py":3.12,"run-index":0}},"commitHash":"0123456789abcdef0123456789abcdef01234567","allowEmpty":false,"ref":"refs/pull/7/merge","headRef":"forker:feat/x","baseRef":"main","owner":"acme","repository":"widgets","event":"pull_request","sender":{"id":"42","login":"alice"},"ghData":{"runId":"9001","job":"build"},"glData":null,"repositoryRootPath":"/home/runner"#,
    "/work",
    r#"/widgets/widgets/"}"#
);
const EMPTY_MD5: &str = "1B2M2Y8AsgTpgAmY7PhCfg==";

fn submission() -> Submission {
    let text = |text: &str| text.to_owned();
    let part_id =
        r#"build-{"os":"ubuntu-24.04","py":3.12}-{"job-total":4,"job-index":2}-{"run-index":0}"#;
    let metadata =
        json!({"run-index": 0, "py": 3.12, "os": "ubuntu-24.04", "job-total": 4, "job-index": 2});
    let run = RunContext {
        repository_provider: RepositoryProvider::GitHub,
        run_environment: RunEnvironment::GitHubActions,
        run_part: Some(RunPart {
            run_id: text("9001"),
            run_part_id: text(part_id),
            job_name: text("build"),
            metadata: metadata.as_object().unwrap().clone(),
        }),
        commit_hash: text("0123456789abcdef0123456789abcdef01234567"),
        reference: text("refs/pull/7/merge"),
        head_ref: Some(text("forker:feat/x")),
        base_ref: Some(text("main")),
        owner: text("acme"),
        repository: text("widgets"),
        event: Event::PullRequest,
        sender: Some(Sender { id: text("42"), login: text("alice") }),
        gh_data: Some(JobReference { run_id: text("9001"), job: text("build") }),
        gl_data: None,
        repository_root_path: ["/home/runner", "work", "widgets", "widgets", ""].join("/"),
    };
    let machine = Machine {
        os: text("ubuntu"),
        os_version: text("24.04"),
        arch: text("x86_64"),
        host: text("runner-1"),
        user: text("runner"),
        cpu_brand: text("Example CPU"),
        cpu_name: text("cpu0"),
        cpu_vendor_id: text("GenuineIntel"),
        cpu_cores: 2,
        total_memory_gb: 8,
        cpu_flags: vec![text("avx"), text("sse")],
    };
    let runner = Runner {
        version: text("4.11.0"),
        instruments: Vec::new(),
        executor: Executor::Valgrind,
        exclude_allocations: true,
        machine,
    };
    Submission {
        run,
        runner,
        allow_empty: false,
        expected_run_parts: Some(2),
        version: MetadataVersion::V8,
    }
}

#[track_caller]
fn writes(submission: &Submission, encoding: Option<Encoding>, expected: &str) {
    let metadata = Metadata::write(submission, EMPTY_MD5, encoding, true).unwrap();
    assert_eq!(metadata.json(), expected);
}

#[test]
fn version_8_is_written_byte_for_byte() {
    let metadata = Metadata::write(&submission(), EMPTY_MD5, Some(Encoding::Gzip), true).unwrap();
    assert_eq!(metadata.json(), V8);
    assert_eq!(metadata.json().len(), 1033);
    let hash = "cb8b2b8137cb2bdc1df67b1a258832d102f93485fd47934f591a269d62c94ecf";
    assert_eq!(metadata.hash(), hash);
}

#[test]
fn version_10_adds_flags_allocations_and_local_data() {
    let mut new = submission();
    new.version = MetadataVersion::default();
    let expected = V8
        .replace(r#""version":8"#, r#""version":10"#)
        .replace(r#""valgrind","os""#, r#""valgrind","excludeAllocations":true,"os""#)
        .replace(r#":8},"runEnv"#, r#":8,"cpuFlags":["avx","sse"]},"runEnv"#)
        .replace(r#""glData":null"#, r#""glData":null,"localData":{"expectedRunPartsCount":2}"#);
    writes(&new, Some(Encoding::Gzip), &expected);

    new.runner.exclude_allocations = false;
    new.runner.machine.cpu_flags.clear();
    new.expected_run_parts = None;
    let expected = V8
        .replace(r#""version":8"#, r#""version":10"#)
        .replace(r#":8},"runEnv"#, r#":8,"cpuFlags":[]},"runEnv"#)
        .replace(r#""glData":null"#, r#""glData":null,"localData":null"#);
    writes(&new, Some(Encoding::Gzip), &expected);
}

#[test]
fn what_is_absent_is_written_as_null() {
    let mut bare = submission();
    let run = &mut bare.run;
    run.repository_provider = RepositoryProvider::Project;
    run.run_environment = RunEnvironment::Local;
    run.event = Event::Local;
    (run.run_part, run.head_ref, run.base_ref) = (None, None, None);
    (run.sender, run.gh_data) = (None, None);
    bare.runner.instruments = vec![Instrument::MongoDb];
    bare.runner.executor = Executor::Memory;
    let json = Metadata::write(&bare, EMPTY_MD5, None, false).unwrap().json;
    let keys = [
        r#"{"repositoryProvider":"PROJECT","version":8,"tokenless":false,"#,
        r#""profileEncoding":null,"runner""#,
        r#""instruments":["MongoDB"],"executor":"memory","os""#,
        r#""runEnvironment":"LOCAL","runPart":null,"commitHash""#,
        r#""headRef":null,"baseRef":null,"owner""#,
        r#""event":"local","sender":null,"ghData":null,"glData":null,"repositoryRootPath""#,
    ];
    for key in keys {
        assert!(json.contains(key), "{key} in {json}");
    }
}

#[test]
fn a_submission_can_be_stored_and_read_again() {
    let text = serde_json::to_string(&submission()).unwrap();
    assert_eq!(serde_json::from_str::<Submission>(&text).unwrap(), submission());
}
