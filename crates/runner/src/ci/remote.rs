//! From the URL of a Git remote to a host, an owner and a name. Credentials in it are dropped at once.

use api::{RepositoryName, RepositoryProvider};

/// Hosts under other names: SSH through the port of HTTPS, and old habits.
const ALIASES: &[(&str, &str)] = &[
    ("ssh.github.com", "github.com"),
    ("www.github.com", "github.com"),
    ("altssh.gitlab.com", "gitlab.com"),
    ("www.gitlab.com", "gitlab.com"),
];

/// The origin of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    /// The host in lower case, without user and port.
    pub host: String,
    /// The owner; at GitLab a path of groups.
    pub owner: String,
    /// The name, without `.git`.
    pub name: String,
}

impl Remote {
    /// Reads `https://host/owner/name.git`, `ssh://git@host:22/owner/name`, `git@host:owner/name` and the like.
    /// A path on this machine is no remote.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let url = url.trim();
        if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return None;
        }
        let (host, path) = match url.split_once("://") {
            Some(("file", _)) => return None,
            Some((_, rest)) => {
                let (authority, path) = rest.split_once('/')?;
                (without_port(without_user(authority))?, path)
            }
            None => short(url)?,
        };
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
        let (owner, name) = path.rsplit_once('/')?;
        let proper = |part: &str| !part.is_empty() && part != "." && part != "..";
        if host.is_empty() || host.starts_with('.') || !path.split('/').all(proper) {
            return None;
        }
        let host = host.to_ascii_lowercase();
        let alias = ALIASES.iter().find(|(alias, _)| *alias == host);
        let host = alias.map_or(host, |(_, proper)| (*proper).to_owned());
        Some(Self { host, owner: owner.to_owned(), name: name.to_owned() })
    }

    /// The repository at a provider that the service knows.
    pub(crate) fn repository(&self) -> Option<RepositoryName> {
        let Self { host, owner, name } = self;
        let provider = match host.as_str() {
            "github.com" if !owner.contains('/') => RepositoryProvider::GitHub,
            "gitlab.com" => RepositoryProvider::GitLab,
            _ => return None,
        };
        Some(RepositoryName { provider, owner: owner.clone(), name: name.clone() })
    }
}

/// Returns what follows the last `@`: passwords may contain one.
fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// A host without its port. What is no number after the colon is a part of a password, or no URL.
fn without_port(host: &str) -> Option<&str> {
    // The colons of an IPv6 address are inside brackets.
    let after = host.rfind(']').map_or(0, |end| end + 1);
    match host.get(after..)?.split_once(':') {
        None => Some(host),
        Some((_, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            host.get(..host.len() - port.len() - 1)
        }
        Some(_) => None,
    }
}

/// The short form of SSH, `git@host:owner/name`, and a URL without its scheme, `host/owner/name`.
fn short(url: &str) -> Option<(&str, &str)> {
    let authority = url.split('/').next().unwrap_or(url);
    let user = authority.rfind('@').map_or(0, |at| at + 1);
    let rest = url.get(user..)?;
    let end = rest.find([':', '/'])?;
    let (host, path) = (rest.get(..end)?, rest.get(end + 1..)?);
    // `folder/owner/name` is a path; a host that is reached without a scheme has a dot.
    let is_path = rest.get(end..end + 1) == Some("/") && !host.trim_matches('.').contains('.');
    (!is_path).then_some((host, path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_are_read() {
        let table = [
            ("git@github.com:acme/widgets.git", "github.com acme widgets"),
            ("https://github.com/acme/widgets", "github.com acme widgets"),
            ("https://github.com/acme/widgets.git/", "github.com acme widgets"),
            ("https://user:tok@github.com/acme/widgets.git", "github.com acme widgets"),
            ("https://user:t@k:n@github.com:443/acme/widgets", "github.com acme widgets"),
            ("user:tok@github.com:acme/widgets", "github.com acme widgets"),
            ("ssh://git@github.com:22/acme/widgets.git", "github.com acme widgets"),
            ("ssh://git@ssh.github.com:443/acme/widgets.git", "github.com acme widgets"),
            ("git+ssh://git@GitHub.com/acme/widgets", "github.com acme widgets"),
            ("git@gitlab.com:grp/sub/proj.git", "gitlab.com grp/sub proj"),
            ("https://gitlab-ci-token:tok@gitlab.com/grp/sub/proj.git", "gitlab.com grp/sub proj"),
            ("https://git.dev.example.co.uk:8443/a/b", "git.dev.example.co.uk a b"),
            ("ssh://[::1]:22/a/b", "[::1] a b"),
            ("github.com/acme/widgets", "github.com acme widgets"),
            ("work-alias:acme/widgets", "work-alias acme widgets"),
            ("git://github.com//acme/my.lib.git", "github.com acme my.lib"),
        ];
        for (url, expected) in table {
            let remote = Remote::parse(url).unwrap_or_else(|| panic!("{url}"));
            assert_eq!(format!("{} {} {}", remote.host, remote.owner, remote.name), expected);
        }
    }

    #[test]
    fn what_leads_to_no_host_is_no_remote() {
        let none = [
            "",
            "/",
            "/srv/git/a/b.git",
            "../a/b",
            "./a/b",
            "a/b/c",
            "file:///srv/a/b",
            "https://github.com",
            "https://github.com/",
            "https://github.com/acme",
            "https:///acme/widgets",
            "https://user:to/ken@github.com/a/b",
            "git@github.com:widgets",
            "https://github.com/acme/../widgets",
            "git@github.com:acme/wid gets",
            "::",
            "@:/",
            "@",
        ];
        for url in none {
            assert_eq!(Remote::parse(url), None, "{url}");
        }
    }

    #[test]
    fn only_known_hosts_have_a_repository_and_github_has_no_groups() {
        let at = |url| Remote::parse(url).unwrap().repository().map(|found| found.to_string());
        assert_eq!(at("git@github.com:a/b").as_deref(), Some("a/b at GitHub"));
        assert_eq!(at("git@gitlab.com:a/b/c").as_deref(), Some("a/b/c at GitLab"));
        assert_eq!(at("git@github.com:a/b/c"), None);
        assert_eq!(at("git@github.com.example.org:a/b"), None);
    }

    #[test]
    fn names_have_an_owner() {
        let name = |text, provider| RepositoryName::parse(text, provider).map(|it| it.to_string());
        let (github, gitlab) = (RepositoryProvider::GitHub, RepositoryProvider::GitLab);
        assert_eq!(name("a/b", github).as_deref(), Some("a/b at GitHub"));
        assert_eq!(name("a/b/c", gitlab).as_deref(), Some("a/b/c at GitLab"));
        for (text, provider) in
            [("a/b/c", github), ("a", github), ("/b", github), ("a/", gitlab), ("a//b", gitlab)]
        {
            assert_eq!(name(text, provider), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_url_is_too_odd_and_no_password_stays(
            url in "\\PC{0,20}|([a-z]{0,3}(://)?)?([a-z]{0,3}:s3cret@)?[a-z.:@/\\[\\]0-9é]{0,20}",
        ) {
            if let Some(remote) = Remote::parse(&url) {
                prop_assert!(!remote.owner.is_empty() && !remote.name.is_empty());
                prop_assert!(!remote.host.contains("s3cret"), "{remote:?}");
            }
        }
    }
}
