//! Options that every command takes, before its name or after it.

use std::path::PathBuf;

use api::Secret;
use clap::Args;

/// The heading of the help that lists them.
const HEADING: &str = "Options of every command";

/// Choice of files and account. The environment provides what is not given here.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::doc_markdown, reason = "the help has no backticks around variables")]
pub(crate) struct GlobalArgs {
    /// The project file [default: the nearest `codspeed.yml`, up to the root of the Git repository].
    #[arg(help_heading = HEADING, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The account profile [env: CODSPEED_PROFILE] [default: as chosen by `codspeed profile use`].
    #[arg(help_heading = HEADING, long, global = true, value_name = "NAME", value_parser = parse_name)]
    pub profile: Option<String>,

    /// Folder for the tools that `codspeed setup` installs [env: CODSPEED_SETUP_CACHE_DIR].
    #[arg(help_heading = HEADING, long, global = true, value_name = "FOLDER")]
    pub setup_cache_dir: Option<PathBuf>,

    /// Use another file for the user's settings. Use profiles instead.
    #[arg(long, global = true, value_name = "NAME", value_parser = parse_name, hide = true)]
    pub config_name: Option<String>,

    /// The login token, instead of that of the profile.
    #[arg(long, global = true, value_name = "TOKEN", value_parser = parse_secret, hide = true)]
    pub oauth_token: Option<Secret>,

    /// Address of the service, instead of that of the profile.
    #[arg(long, global = true, value_name = "URL", value_parser = parse_url, hide = true)]
    pub api_url: Option<String>,
}

/// Reads a name that can be that of a file and a key.
pub(crate) fn parse_name(name: &str) -> Result<String, String> {
    const MOST: usize = 64;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && name.len() <= MOST && name.chars().all(fits) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "a name consists of letters, digits, `-`, `_` and `.`, starts with a letter or digit, and has at most {MOST} \
            characters"
    ))
}

/// Reads an address of a service.
pub(crate) fn parse_url(text: &str) -> Result<String, String> {
    let odd = |_err| "an address must start with `https://` or `http://`".to_owned();
    api::check_url(text).map(|()| text.to_owned()).map_err(odd)
}

pub(crate) fn parse_secret(text: &str) -> Result<Secret, String> {
    Secret::new(text).ok_or_else(|| "it is blank".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_files_and_addresses_are_of_the_web() {
        for name in ["default", "work-2", "a.b_c", "2"] {
            assert_eq!(parse_name(name).as_deref(), Ok(name));
        }
        for name in ["", ".", "..", "a/b", "-x", "é", "a b", &"x".repeat(65)] {
            assert!(parse_name(name).is_err(), "{name:?}");
        }
        let url = "https://gql.example.test/";
        assert_eq!(parse_url(url).as_deref(), Ok(url));
        assert!(parse_url("http://localhost:8000").is_ok());
        for url in ["", "example.test", "ftp://x", "https://", "file:///x"] {
            assert!(parse_url(url).is_err(), "{url:?}");
        }
    }
}
