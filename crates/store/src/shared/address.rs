//! The address of a shared store, and the object store behind it.

use std::{io, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig, StaticCredentialProvider,
    aws::AmazonS3Builder,
    azure::MicrosoftAzureBuilder,
    gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey},
    local::LocalFileSystem,
    path::Path,
};
use reqwest::Url;

use super::{Purpose, SharedError, http::Connector};

/// Tries of a request after the first one, and the time within which they begin.
const RETRIES: usize = 6;
const WITHIN: Duration = Duration::from_mins(1);

/// The start of a kind of address.
struct Scheme {
    name: &'static str,
    /// The starts of the variables that configure it.
    variables: &'static [&'static str],
    /// Those of them that name the server.
    endpoints: &'static [&'static str],
    /// Others that decide where an address leads: at Azure, containers of two accounts may have the same name.
    accounts: &'static [&'static str],
    open: fn(&Url, &Settings<'_>) -> Opened,
}

type Opened = Result<Arc<dyn ObjectStore>, SharedError>;

/// The things beside its address that decide how an object store is opened.
struct Settings<'a> {
    variables: &'a [(String, String)],
    /// True if its server is one of this machine without encryption.
    is_open: bool,
    purpose: Purpose,
}

/// The kinds of object stores.
const SCHEMES: &[Scheme] = &[
    Scheme {
        name: "s3",
        variables: &["AWS_"],
        endpoints: &["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"],
        accounts: &[],
        open: s3,
    },
    Scheme {
        name: "gs",
        variables: &["GOOGLE_"],
        endpoints: &["GOOGLE_BASE_URL"],
        accounts: &[],
        open: gs,
    },
    Scheme {
        name: "az",
        variables: &["AZURE_", "AZURITE_"],
        // The last one counts with `AZURE_STORAGE_USE_EMULATOR=true`.
        endpoints: &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT", "AZURITE_BLOB_STORAGE_URL"],
        accounts: &[
            "AZURE_STORAGE_ACCOUNT_NAME",
            "AZURE_ACCOUNT_NAME",
            "AZURE_STORAGE_USE_EMULATOR",
            "AZURE_USE_EMULATOR",
        ],
        open: az,
    },
    Scheme { name: "file", variables: &[], endpoints: &[], accounts: &[], open: file },
];

/// An object store behind an address.
pub(super) struct Reached {
    pub objects: Arc<dyn ObjectStore>,
    /// The folder in it.
    pub folder: Path,
    /// The servers that the environment names.
    pub servers: Vec<String>,
}

/// Opens the object store of an address such as `s3://bucket/folder`, `gs://bucket/folder`, `az://container/folder` or
/// `file:///folder`.
///
/// # Errors
///
/// The address is none of these, or a setting in the variables is wrong.
pub(super) fn open(
    address: &str,
    variables: impl Iterator<Item = (String, String)>,
    purpose: Purpose,
) -> Result<Reached, SharedError> {
    let invalid = |reason: String| SharedError::Address { address: shown(address), reason };
    let url: Url = address.parse().map_err(|_not_a_url| invalid("it is not a URL".to_owned()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "credentials belong into the environment, not into the address".to_owned(),
        ));
    }
    let Some(scheme) = SCHEMES.iter().find(|scheme| scheme.name == url.scheme()) else {
        let names: Vec<String> =
            SCHEMES.iter().map(|scheme| format!("`{}://`", scheme.name)).collect();
        return Err(invalid(format!("expected one that begins with {}", names.join(", "))));
    };
    let variables: Vec<_> = variables.filter(|(name, _)| scheme.is_configured_by(name)).collect();
    let mut is_open = false;
    let mut servers = Vec::new();
    for (name, value) in variables.iter().filter(|of| scheme.endpoints.contains(&of.0.as_str())) {
        is_open |= is_open_line(name, value)?;
        servers.push(value.clone());
    }
    let accounts = variables.iter().filter(|of| scheme.accounts.contains(&of.0.as_str()));
    servers.extend(accounts.map(|(name, value)| format!("{name}={value}")));
    servers.sort_unstable();
    let objects = (scheme.open)(&url, &Settings { variables: &variables, is_open, purpose })?;
    let folder = if scheme.name == "file" { "" } else { url.path() };
    let folder = Path::from_url_path(folder).map_err(|err| invalid(err.to_string()))?;
    Ok(Reached { objects, folder, servers })
}

/// An address without what may be secret in it.
pub(super) fn shown(address: &str) -> String {
    match address.parse::<Url>() {
        Ok(url) => {
            format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
        }
        Err(_) => runner_shared::text::one_line(address),
    }
}

/// Returns true if the variables of some scheme have names that begin like this one.
pub fn configures_shared_store(name: &str) -> bool {
    SCHEMES.iter().any(|scheme| scheme.is_configured_by(name))
}

impl Scheme {
    fn is_configured_by(&self, name: &str) -> bool {
        self.variables.iter().any(|start| name.starts_with(start))
    }
}

/// Returns true for a server without encryption. Records and credentials go over an encrypted line, or stay on this
/// machine.
fn is_open_line(name: &str, value: &str) -> Result<bool, SharedError> {
    // The parser writes the scheme in small letters and leaves blanks around it out.
    let Some(url) = value.parse::<Url>().ok().filter(|url| url.scheme() == "http") else {
        return Ok(false);
    };
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if host == "localhost" || address.is_ok_and(|address| address.is_loopback()) {
        return Ok(true);
    }
    Err(SharedError::OpenLine { variable: name.to_owned() })
}

fn retries() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(10),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: RETRIES, retry_timeout: WITHIN }
}

/// Sets what the variables say on a builder; those that it doesn't know are for other programs.
macro_rules! configured {
    ($builder:expr, $variables:expr) => {
        $variables.iter().fold($builder, |builder, (name, value)| {
            match name.to_ascii_lowercase().parse() {
                Ok(key) => builder.with_config(key, value),
                Err(_) => builder,
            }
        })
    };
}

fn s3(url: &Url, of: &Settings<'_>) -> Opened {
    let builder = configured!(AmazonS3Builder::new(), of.variables)
        .with_url(url.as_str())
        .with_allow_http(of.is_open)
        .with_retry(retries())
        .with_http_connector(Connector);
    Ok(Arc::new(builder.build()?))
}

fn gs(url: &Url, of: &Settings<'_>) -> Opened {
    let mut builder = configured!(GoogleCloudStorageBuilder::new(), of.variables);
    let unsigned = builder.get_config_value(&GoogleConfigKey::SkipSignature);
    if unsigned
        .is_some_and(|word| matches!(&*word.to_lowercase(), "1" | "true" | "on" | "yes" | "y"))
    {
        // It is only heeded when something is read.
        let nobody = GcpCredential { bearer: String::new() };
        builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(nobody)));
    }
    // The rule of the builder is that any line may be open.
    let allows_open = GoogleConfigKey::Client(ClientConfigKey::AllowHttp);
    let builder = builder
        .with_config(allows_open, of.is_open.to_string())
        .with_url(url.as_str())
        .with_retry(retries())
        .with_http_connector(Connector);
    Ok(Arc::new(builder.build()?))
}

fn az(url: &Url, of: &Settings<'_>) -> Opened {
    let builder = configured!(MicrosoftAzureBuilder::new(), of.variables)
        .with_url(url.as_str())
        .with_allow_http(of.is_open)
        .with_retry(retries())
        .with_http_connector(Connector);
    Ok(Arc::new(builder.build()?))
}

/// A folder, on a network drive for example. Who writes makes it if it isn't there, but not the folders above it: the
/// drive may be missing.
fn file(url: &Url, of: &Settings<'_>) -> Opened {
    let invalid = |reason: &str| SharedError::Address {
        address: shown(url.as_str()),
        reason: reason.to_owned(),
    };
    let path: PathBuf =
        url.to_file_path().map_err(|()| invalid("expected an absolute path: `file:///folder`"))?;
    if !path.is_dir() {
        match of.purpose {
            Purpose::Read => return Err(SharedError::NoFolder { path }),
            Purpose::Write => match std::fs::create_dir(&path) {
                Err(err) if err.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                other => {
                    other.map_err(|source| SharedError::Folder { path: path.clone(), source })?;
                }
            },
        }
    }
    Ok(Arc::new(LocalFileSystem::new_with_prefix(path)?.with_automatic_cleanup(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str) -> String {
        open(address, std::iter::empty(), Purpose::Read).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn wrong_addresses_are_explained() {
        let words = [
            ("bucket", "`bucket` is not the address of a shared store: it is not a URL"),
            (
                "ftp://host/x",
                "`ftp://host/x` is not the address of a shared store: expected one that begins with `s3://`, `gs://`, \
                    `az://`, `file://`",
            ),
            (
                "s3://key:secret@bucket/x",
                "`s3://bucket/x` is not the address of a shared store: credentials belong into the environment, not \
                    into the address",
            ),
            (
                "file://host/x",
                "`file://host/x` is not the address of a shared store: expected an absolute path: `file:///folder`",
            ),
        ];
        for (address, expected) in words {
            assert_eq!(refused(address), expected);
        }
    }

    fn opened(address: &str, name: &str, value: &str) -> Result<Reached, SharedError> {
        let variables = [(name, value), ("AZURE_STORAGE_ACCOUNT_NAME", "a")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        open(address, variables.into_iter(), Purpose::Read)
    }

    #[test]
    fn servers_of_all_kinds_need_encrypted_lines() {
        for (address, name) in [
            ("gs://b/x", "GOOGLE_BASE_URL"),
            ("az://b/x", "AZURE_STORAGE_ENDPOINT"),
            ("az://b/x", "AZURITE_BLOB_STORAGE_URL"),
        ] {
            let refused = opened(address, name, "http://example.com").map(|_| ());
            assert!(matches!(refused, Err(SharedError::OpenLine { .. })), "{name}: {refused:?}");
            assert!(opened(address, name, "http://127.0.0.1:9000").is_ok(), "{name}");
            assert!(configures_shared_store(name));
        }
    }

    #[test]
    fn containers_of_two_accounts_are_two_places() {
        let of = |account: &str| {
            let name = "AZURE_STORAGE_ACCOUNT_NAME".to_owned();
            open("az://b/x", [(name, account.to_owned())].into_iter(), Purpose::Read)
                .map(|reached| reached.servers)
                .unwrap()
        };
        assert_ne!(of("one"), of("two"));
    }

    #[test]
    fn records_go_over_encrypted_lines() {
        let with = |name: &str, value: &str| opened("s3://b/x", name, value);
        let at = |endpoint| with("AWS_ENDPOINT_URL", endpoint);
        let is_refused =
            |name, value| matches!(with(name, value), Err(SharedError::OpenLine { .. }));
        assert!(is_refused("AWS_ENDPOINT_URL_S3", "HTTP://example.com"));
        assert!(is_refused("AWS_ENDPOINT", " Http://example.com"));
        assert!(!is_refused("AWS_ENDPOINT_URL_DYNAMODB", "http://example.com"));
        assert!(!is_refused("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254"));
        assert!(matches!(at("http://example.com"), Err(SharedError::OpenLine { .. })));
        assert!(matches!(at("http://127.0.0.1.example.com"), Err(SharedError::OpenLine { .. })));
        assert!(at("http://127.0.0.1:9000").is_ok());
        assert!(at("http://[::1]:9000").is_ok());
        assert!(at("https://example.com").is_ok());
    }

    #[test]
    fn secrets_in_addresses_are_not_shown() {
        assert_eq!(shown("s3://key:secret@bucket/x?sig=abc"), "s3://bucket/x");
    }
}
