//! Reads the file `config` of a repository, as far as remotes and branches need it. Format: git-config(1), without
//! `include`. A line that makes no sense is passed over.

/// One `key = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// Lower case.
    section: String,
    subsection: String,
    /// Lower case.
    key: String,
    value: String,
}

/// All entries, in their order.
#[derive(Debug, Default)]
pub(super) struct Config(Vec<Entry>);

impl Config {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text = text.replace("\r\n", "\n").replace("\\\n", "");
        let mut entries = Vec::new();
        let mut place = None;
        for line in text.lines().map(str::trim) {
            let rest = match header(line) {
                Some((section, subsection, rest)) => {
                    place = Some((section, subsection));
                    rest
                }
                None => line,
            };
            if let (Some((section, subsection)), Some((key, value))) = (&place, entry(rest)) {
                let (section, subsection) = (section.clone(), subsection.clone());
                entries.push(Entry { section, subsection, key, value });
            }
        }
        Self(entries)
    }

    /// The first value of a key that is not empty. Of several URLs of a remote, Git fetches from the first.
    pub(super) fn value(&self, section: &str, subsection: &str, key: &str) -> Option<&str> {
        let values = self.0.iter().filter(|entry| {
            entry.section == section && entry.subsection == subsection && entry.key == key
        });
        values.map(|entry| entry.value.as_str()).find(|value| !value.is_empty())
    }

    /// The names of all subsections of a section, each once, in their order.
    pub(super) fn subsections(&self, section: &str) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for entry in self.0.iter().filter(|entry| entry.section == section) {
            if !entry.subsection.is_empty() && seen.insert(entry.subsection.as_str()) {
                names.push(&entry.subsection);
            }
        }
        names
    }
}

/// `[section]`, `[section "sub\"section"]` or the old `[section.subsection]`, and what follows on the line.
fn header(line: &str) -> Option<(String, String, &str)> {
    let inner = line.strip_prefix('[')?;
    let Some((name, quoted)) = inner.split_once('"').filter(|(name, _)| !name.contains(']')) else {
        let (name, rest) = inner.split_once(']')?;
        let name = name.trim().to_ascii_lowercase();
        let (section, subsection) = name.split_once('.').unwrap_or((&name, ""));
        return Some((section.to_owned(), subsection.to_owned(), rest.trim()));
    };
    let mut subsection = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => subsection.push(chars.next()?),
            c => subsection.push(c),
        }
    }
    let rest = chars.as_str().trim_start().strip_prefix(']')?;
    Some((name.trim().to_ascii_lowercase(), subsection, rest.trim()))
}

/// `key = value`; a key alone has no value that we need.
fn entry(line: &str) -> Option<(String, String)> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    let fits = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    fits.then(|| (key.to_ascii_lowercase(), unquoted(value.trim())))
}

/// A value without quotes, backslashes and a comment behind it.
fn unquoted(text: &str) -> String {
    let mut value = String::new();
    // Blanks count only when something follows.
    let mut kept = 0;
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '#' | ';' if !quoted => break,
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some(other) => value.push(other),
                None => {}
            },
            c => value.push(c),
        }
        if quoted || !c.is_whitespace() {
            kept = value.len();
        }
    }
    value.truncate(kept);
    value
}
