//! The address of a MongoDB server, and the same address with a proxy in the server's place. No I/O.

/// The reason why an address can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MongoUriError {
    /// Another protocol.
    #[error("it does not start with `mongodb://`")]
    Scheme,
    /// Found by DNS.
    #[error(
        "`mongodb+srv://` names no host: give the address of one server as `mongodb://host:port`"
    )]
    Srv,
    /// Of a replica set.
    #[error("it names several hosts, but only one server can be traced: give only the primary")]
    SeveralHosts,
    /// Nothing to connect to.
    #[error("it names no host")]
    NoHost,
    /// No port.
    #[error("it names no port: give it as `mongodb://host:port`")]
    NoPort,
}

/// An address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MongoUri {
    /// `user:password@`, as given; or empty.
    user: String,
    /// `host:port`.
    pub server: String,
    /// `/database`, as given; or empty.
    path: String,
    /// What stands behind `?`.
    options: String,
}

impl MongoUri {
    /// Takes an address apart.
    pub(crate) fn parse(text: &str) -> Result<Self, MongoUriError> {
        if text.starts_with("mongodb+srv://") {
            return Err(MongoUriError::Srv);
        }
        let rest = text.strip_prefix("mongodb://").ok_or(MongoUriError::Scheme)?;
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        // A password may hold a slash only in its encoded form.
        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let (user, server) = match authority.rsplit_once('@') {
            Some((user, server)) => (format!("{user}@"), server),
            None => (String::new(), authority),
        };
        if server.contains(',') {
            return Err(MongoUriError::SeveralHosts);
        }
        // An IPv6 address has colons of its own, in brackets.
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            Some(_) | None => (server, None),
        };
        if host.is_empty() {
            return Err(MongoUriError::NoHost);
        }
        port.and_then(|port| port.parse::<u16>().ok()).ok_or(MongoUriError::NoPort)?;
        let (server, path) = (server.to_owned(), path.to_owned());
        Ok(Self { user, server, path, options: options.to_owned() })
    }

    /// The same database by way of a proxy, which is the only server there is.
    pub(crate) fn through(&self, proxy: &str) -> String {
        let Self { user, server: _, path, options } = self;
        let is_direct = |pair: &str| {
            let key = pair.split('=').next().unwrap_or_default();
            key.eq_ignore_ascii_case("directConnection")
        };
        let own = options.split('&').filter(|pair| !pair.is_empty() && !is_direct(pair));
        let options: Vec<&str> = own.chain(["directConnection=true"]).collect();
        format!("mongodb://{user}{proxy}{path}?{}", options.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_the_proxy_with_everything_that_it_says() {
        let table = [
            ("db.local:27017/shop?w=majority", "/shop?w=majority&directConnection=true"),
            ("db.local:27017", "?directConnection=true"),
            ("db.local:27017/", "/?directConnection=true"),
            ("db.local:27017/?directConnection=false&a=b", "/?a=b&directConnection=true"),
            ("db.local:27017?directconnection=true", "?directConnection=true"),
        ];
        for (text, expected) in table {
            let uri = MongoUri::parse(&format!("mongodb://{text}")).unwrap();
            assert_eq!(uri.server, "db.local:27017");
            assert_eq!(uri.through("127.0.0.1:1"), format!("mongodb://127.0.0.1:1{expected}"));
        }
        let uri = MongoUri::parse("mongodb://me:p%2Fw@[::1]:99/x").unwrap();
        assert_eq!(uri.server, "[::1]:99");
        assert_eq!(uri.through("p:1"), "mongodb://me:p%2Fw@p:1/x?directConnection=true");
    }

    #[test]
    fn what_names_no_single_server_is_refused() {
        let table = [
            ("http://db:1", MongoUriError::Scheme),
            ("db:1", MongoUriError::Scheme),
            ("", MongoUriError::Scheme),
            ("mongodb+srv://db.example.org/x", MongoUriError::Srv),
            ("mongodb://a:1,b:2/x", MongoUriError::SeveralHosts),
            ("mongodb://", MongoUriError::NoHost),
            ("mongodb://:27017", MongoUriError::NoHost),
            ("mongodb://db/x", MongoUriError::NoPort),
            ("mongodb://[::1]/x", MongoUriError::NoPort),
            ("mongodb://db:seven/x", MongoUriError::NoPort),
            ("mongodb://db:70000", MongoUriError::NoPort),
        ];
        for (text, expected) in table {
            assert_eq!(MongoUri::parse(text), Err(expected), "{text}");
        }
    }
}
