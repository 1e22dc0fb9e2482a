//! The shape of the user's file: from a tree to profiles and back, and from the oldest shape to today's. No I/O.

use std::collections::BTreeMap;

use api::Secret;

use super::{DEFAULT, Profile};
use crate::settings::yaml::{Flaw, Key, Node, Position, Value};

/// The shape that is written.
const VERSION: u64 = 1;

const AUTH: &str = "auth";
const TOKEN: &str = "token";
const API_URL: &str = "api-url";
const UPLOAD_URL: &str = "upload-url";
const PROFILES: &str = "profiles";
const VERSION_KEY: &str = "version";

/// Profiles by name. Brings a tree of the oldest shape, which had one token and no profiles, into today's, and takes the
/// tokens out of it: they are kept as secrets alone.
pub(super) fn profiles(document: &mut Node) -> Result<(BTreeMap<String, Profile>, Migrated), Flaw> {
    mapping(document, "the file")?;
    let migrated = migrate(document)?;
    let mut profiles = BTreeMap::new();
    if let Some(node) = document.get(PROFILES) {
        for (name, node) in mapping(node, "`profiles`")? {
            if name.text.contains(char::is_control) {
                let what = "the name of a profile can't have control characters in it";
                return Err(Flaw::new(name.at, what.to_owned()));
            }
            profiles.insert(name.text.clone(), profile(node, &name.text)?);
        }
    }
    for name in profiles.keys() {
        document.set(&[PROFILES, name, AUTH, TOKEN], None);
    }
    profiles.entry(DEFAULT.to_owned()).or_default();
    Ok((profiles, migrated))
}

/// Whether the tree had another shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Migrated {
    Yes,
    No,
}

/// Puts profiles into a tree; what it holds besides stays.
pub(super) fn put(document: &mut Node, profiles: &BTreeMap<String, Profile>) {
    put_version(document);
    let gone: Vec<String> = document
        .get(PROFILES)
        .map(|node| node.entries().iter().map(|(name, _)| name.text.clone()).collect::<Vec<_>>())
        .unwrap_or_default()
        .into_iter()
        .filter(|name| !profiles.contains_key(name))
        .collect();
    for name in gone {
        document.set(&[PROFILES, &name], None);
    }
    for (name, Profile { token, api_url, upload_url }) in profiles {
        if document.get(PROFILES).and_then(|node| node.get(name)).is_none() {
            document.set(&[PROFILES, name], Some(Node::mapping()));
        }
        let token = token.as_ref().map(|token| Node::text(token.expose()));
        document.set(&[PROFILES, name, AUTH, TOKEN], token);
        for (key, url) in [(API_URL, api_url), (UPLOAD_URL, upload_url)] {
            document.set(&[PROFILES, name, key], url.as_deref().map(Node::text));
        }
    }
}

fn put_version(document: &mut Node) {
    let version = Value::Scalar { text: VERSION.to_string(), plain: true };
    document.set(&[VERSION_KEY], Some(Node { at: Position::START, value: version }));
}

/// Moves the token of the oldest shape into the default profile, unless that has one.
fn migrate(document: &mut Node) -> Result<Migrated, Flaw> {
    if let Some(node) = document.get(VERSION_KEY).filter(|node| !node.is_null()) {
        return match node.plain().and_then(|text| text.parse::<u64>().ok()) {
            Some(VERSION) => Ok(Migrated::No),
            Some(newer) if newer > VERSION => {
                let what = format!(
                    "version {newer} is newer than the {VERSION} that this program supports"
                );
                Err(Flaw::new(node.at, what))
            }
            Some(_) | None => {
                let what = format!("`version` must be {VERSION}, but is {}", node.found());
                Err(Flaw::new(node.at, what))
            }
        };
    }
    let Some(auth) = document.get(AUTH) else { return Ok(Migrated::No) };
    let old = token(auth)?.map(|token| Node::text(token.expose()));
    let default = document.get(PROFILES).and_then(|node| node.get(DEFAULT));
    let has_token = match default {
        Some(node) => profile(node, DEFAULT)?.token.is_some(),
        None => false,
    };
    document.set(&[AUTH, TOKEN], None);
    if document.get(AUTH).is_none_or(|auth| auth.entries().is_empty()) {
        document.set(&[AUTH], None);
    }
    if let (Some(old), false) = (old, has_token) {
        document.set(&[PROFILES, DEFAULT, AUTH, TOKEN], Some(old));
    }
    put_version(document);
    Ok(Migrated::Yes)
}

fn profile(node: &Node, name: &str) -> Result<Profile, Flaw> {
    mapping(node, &format!("the profile `{name}`"))?;
    let url = |key| match node.get(key).filter(|node| !node.is_null()) {
        Some(node) => match node.as_text() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(Flaw::new(
                node.at,
                format!("`{key}` must be a string, but is {}", node.found()),
            )),
        },
        None => Ok(None),
    };
    Ok(Profile {
        token: node.get(AUTH).map(token).transpose()?.flatten(),
        api_url: url(API_URL)?,
        upload_url: url(UPLOAD_URL)?,
    })
}

/// The token below `auth`. It is never repeated in what is said about it.
fn token(auth: &Node) -> Result<Option<Secret>, Flaw> {
    mapping(auth, "`auth`")?;
    let Some(node) = auth.get(TOKEN).filter(|node| !node.is_null()) else { return Ok(None) };
    match &node.value {
        // Also one that looks like a number.
        Value::Scalar { text, .. } => Ok(Secret::new(text)),
        Value::Sequence(_) | Value::Mapping(_) => {
            Err(Flaw::new(node.at, "`token` must be a string"))
        }
    }
}

/// Keys and values of a mapping; none if there is nothing.
fn mapping<'a>(node: &'a Node, what: &str) -> Result<&'a [(Key, Node)], Flaw> {
    match &node.value {
        Value::Mapping(entries) => Ok(entries),
        Value::Scalar { .. } if node.is_null() => Ok(&[]),
        // What it is instead may be a secret.
        Value::Scalar { .. } | Value::Sequence(_) => {
            Err(Flaw::new(node.at, format!("{what} must be a mapping")))
        }
    }
}
