//! Options about the service: whether, as whom and where results are sent.

use std::path::PathBuf;

use api::{MetadataVersion, RepositoryProvider, Secret};
use clap::{Args, ValueEnum, builder::BoolishValueParser};
use runner_shared::env_names;

use super::global::{parse_secret, parse_url};

/// The heading of the help that lists them.
const HEADING: &str = "Upload";

/// Options of everything that sends results.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct UploadArgs {
    /// Upload the results to the service [default: in CI, and when you are logged in].
    #[arg(help_heading = HEADING, long, conflicts_with = "skip_upload")]
    pub upload: bool,

    /// Keep the results on this machine, without an upload.
    #[arg(help_heading = HEADING, long, env = env_names::SKIP_UPLOAD.name, value_parser = BoolishValueParser::new())]
    pub skip_upload: bool,

    /// Where, as whom, and what is wanted in return.
    #[command(flatten)]
    pub target: TargetArgs,
}

/// The place where results are sent, as whom, and what is wanted in return.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct TargetArgs {
    /// The token for the upload [default: that of the CI provider, or of your login].
    #[arg(help_heading = HEADING, long, env = env_names::TOKEN.name, hide_env_values = true, value_name = "TOKEN",
          value_parser = parse_secret)]
    pub token: Option<Secret>,

    /// The repository that the results belong to, outside of CI [default: the Git remote].
    #[arg(help_heading = HEADING, short, long, env = env_names::REPOSITORY.name, value_name = "OWNER/NAME")]
    pub repository: Option<String>,

    /// The provider of that repository.
    #[arg(help_heading = HEADING, long, env = env_names::PROVIDER.name, value_enum, requires = "repository",
          ignore_case = true)]
    pub provider: Option<RepositoryHost>,

    /// Address to upload to [default: that of the profile, or of the service].
    #[arg(help_heading = HEADING, long, env = env_names::UPLOAD_URL.name, value_name = "URL", value_parser = parse_url)]
    pub upload_url: Option<String>,

    /// Wait until the service has judged the results, even in CI; exit with 6 if it reports a regression.
    #[arg(help_heading = HEADING, long)]
    pub wait: bool,

    /// Compare with this run at the service, and show the differences. For `exec` with several commands: the command
    /// to compare with.
    #[arg(help_heading = HEADING, long, value_name = "RUN ID")]
    pub base: Option<String>,

    /// Version of the upload metadata: 10, or 8 for older services.
    #[arg(long, hide = true, value_name = "NUMBER", value_parser = parse_version)]
    pub metadata_version: Option<MetadataVersion>,
}

/// The provider that hosts a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RepositoryHost {
    /// github.com.
    #[value(alias = "gh")]
    Github,
    /// gitlab.com.
    #[value(alias = "gl")]
    Gitlab,
}

impl From<RepositoryHost> for RepositoryProvider {
    fn from(host: RepositoryHost) -> Self {
        match host {
            RepositoryHost::Github => Self::GitHub,
            RepositoryHost::Gitlab => Self::GitLab,
        }
    }
}

/// Upload the results of an earlier run.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UploadCommandArgs {
    /// The profile folder of the run.
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,

    /// Where, as whom, and what is wanted in return.
    #[command(flatten)]
    pub target: TargetArgs,
}

const EXAMPLES: &str = "\
Examples:
  codspeed exec --profile-folder p -- ./program; codspeed upload p
  codspeed upload p --repository owner/name          for a repository that Git doesn't know
  codspeed upload profile.Xy12.out                   after a failed upload: the run names the folder";

fn parse_version(text: &str) -> Result<MetadataVersion, String> {
    match text {
        "8" => Ok(MetadataVersion::V8),
        "10" => Ok(MetadataVersion::V10),
        _ => Err("the versions are 8 and 10".to_owned()),
    }
}
