//! The database file: how it is opened, and how a new one takes its place.
//!
//! Each has a name of its own, and a small file says which one is used. So a new one never meets the journal of an old
//! one, whoever still has that open.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    fcntl::{Flock, FlockArg},
    sys::statfs::{FsType, statfs},
};
use runner_shared::fault::Attempt;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use system::{
    files::{self, Links},
    temporary::NamedFile,
};

use super::{
    super::{
        IndexError, StoreError,
        records::{UNFINISHED, sync_folder},
    },
    schema,
};

/// The file that holds the name of the database.
const POINTER: &str = "index";
/// Bytes of that at most.
const POINTER_BYTES: u64 = 64;
/// The ends of the name of a database.
const NAME: (&str, &str) = ("index-", ".db");
/// Ends of the names of files that the library puts beside it.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];
/// Only one program at a time puts a database in its place.
const LOCK: &str = "lock";
/// Tries to open a database before somebody replaces it.
const TRIES: usize = 10;
/// The time that a program waits for others that write to the index.
const BUSY: Duration = Duration::from_secs(30);
/// Statements that a connection keeps.
const STATEMENTS: usize = 32;
/// Bytes of a page: the values of a metric in a run of some hundred benchmarks are on one.
const PAGE_BYTES: i64 = 16 << 10;
/// KiB of pages that a connection keeps.
const CACHE_KIB: i64 = 16 << 10;

/// File systems of other machines, by the hexadecimal digits of their numbers (`linux/magic.h`): programs there don't
/// share the memory that a write-ahead log needs.
const REMOTE: [&str; 8] = [
    "6969",     // NFS
    "517b",     // SMB
    "ff534d42", // CIFS
    "fe534d42", // SMB2
    "1021997",  // 9P
    "c36400",   // Ceph
    "65735546", // FUSE
    "5346414f", // AFS
];

/// A database that is open.
#[derive(Debug)]
pub(super) struct Opened {
    pub connection: Connection,
    /// Its name.
    pub name: String,
}

/// Returns the name of the database that is used.
pub(super) fn current(folder: &Path) -> Option<String> {
    let bytes = files::read(&folder.join(POINTER), Links::Refuse, POINTER_BYTES).ok()?;
    let name = String::from_utf8(bytes).ok()?;
    is_name(&name).then_some(name)
}

/// Returns whether a database of ours can have this name.
fn is_name(name: &str) -> bool {
    let middle = name.strip_prefix(NAME.0).and_then(|rest| rest.strip_suffix(NAME.1));
    middle.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Opens the index; `None` if it has to be made.
pub(super) fn open(folder: &Path) -> Result<Option<Opened>, IndexError> {
    let mut before = None;
    for _ in 0..TRIES {
        let Some(name) = current(folder) else { return Ok(None) };
        let path = folder.join(&name);
        if path.symlink_metadata().is_ok_and(|about| about.is_file()) {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&path, flags)?;
            prepare(&connection)?;
            if !schema::is_ours(&connection)? {
                return Ok(None);
            }
            choose_journal(&connection, folder)?;
            return Ok(Some(Opened { connection, name }));
        }
        // Somebody has replaced it in between, or it is gone.
        if before.as_ref() == Some(&name) {
            return Ok(None);
        }
        before = Some(name);
    }
    Ok(None)
}

/// Opens the index in a folder that can't be written to; `None` if it is of no use.
pub(super) fn open_read_only(folder: &Path) -> Result<Option<Opened>, IndexError> {
    let Some(name) = current(folder) else { return Ok(None) };
    let path = folder.join(&name);
    let log = folder.join(format!("{name}-wal"));
    // What is in the log can't be read without writing.
    let has_log = log.symlink_metadata().is_ok_and(|about| about.len() > 0);
    if has_log || !path.symlink_metadata().is_ok_and(|about| about.is_file()) {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(&path), flags)?;
    prepare(&connection)?;
    Ok(schema::is_ours(&connection)?.then_some(Opened { connection, name }))
}

/// The address of a file that nobody changes.
fn uri(path: &Path) -> String {
    let letter = |byte: &u8| match byte {
        b'/' | b'-' | b'.' | b'_' => char::from(*byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    let path: String = path.as_os_str().as_encoded_bytes().iter().map(letter).collect();
    format!("file:{path}?immutable=1")
}

/// Makes a new index by `fill`, and puts it in the place of the one that has this name; if another one is there by then,
/// that is used.
pub(super) fn replace(
    folder: &Path,
    old: Option<&str>,
    fill: impl FnOnce(Connection) -> Result<Connection, StoreError>,
) -> Result<Opened, StoreError> {
    let pointer = folder.join(POINTER);
    let io = |err| StoreError::io(&pointer, Attempt::Write)(err);
    let sqlite = |err| IndexError::Sqlite(err).of(folder);
    let fresh = NamedFile::create_in(folder, UNFINISHED, 0o600).map_err(io)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(fresh.path(), flags).map_err(sqlite)?;
    prepare(&connection).map_err(|err| err.of(folder))?;
    // Nobody else sees it, and half of it is of no use.
    let quick = || -> rusqlite::Result<()> {
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update(None, "journal_mode", "OFF")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        schema::create(&connection)
    };
    quick().map_err(sqlite)?;
    let connection = fill(connection)?;
    connection.close().map_err(|(_, err)| sqlite(err))?;
    fresh.as_file().sync_all().map_err(io)?;
    let name = name_of(&fresh);
    {
        let _lock = lock(folder);
        let now = current(folder);
        if now.as_deref() == old {
            fresh.persist(&folder.join(&name)).map_err(io)?;
            files::replace_private(&pointer, name.as_bytes()).map_err(io)?;
            sync_folder(folder).map_err(io)?;
            if let Some(old) = now {
                remove(folder, &old);
            }
        }
    }
    let again = open(folder).map_err(|err| err.of(folder))?;
    // Somebody has removed it again, or replaced it by one of another version.
    again.ok_or_else(|| IndexError::Damage.of(folder))
}

/// The name of a database that was made in this file.
fn name_of(fresh: &NamedFile) -> String {
    let name = fresh.path().file_name().unwrap_or_default().to_string_lossy();
    let random: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{}{random}{}", NAME.0, NAME.1)
}

/// Removes a database that is no longer used. Who has it open goes on without seeing what others do.
fn remove(folder: &Path, name: &str) {
    for end in BESIDE.iter().chain(&[""]) {
        // What is left is removed later.
        drop(fs::remove_file(folder.join(format!("{name}{end}"))));
    }
}

/// Returns files of databases that are no longer used.
pub(in super::super) fn unused(folder: &Path, names: &[String]) -> Vec<PathBuf> {
    let current = current(folder);
    let is_unused = |file: &&String| {
        let base = BESIDE.iter().find_map(|end| file.strip_suffix(end)).unwrap_or(file);
        is_name(base) && Some(base) != current.as_deref()
    };
    names.iter().filter(is_unused).map(|name| folder.join(name)).collect()
}

/// Begins a transaction that writes; waits for others that do.
pub(super) fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Settings of each connection.
fn prepare(connection: &Connection) -> Result<(), IndexError> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // The file may come from others.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(())
}

/// Readers and a writer don't wait for each other where a write-ahead log is possible.
fn choose_journal(connection: &Connection, folder: &Path) -> Result<(), IndexError> {
    let set = |mode: &str| -> rusqlite::Result<()> {
        connection.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(()))
    };
    let is_busy = |err: &rusqlite::Error| {
        let code = err.sqlite_error_code();
        matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    };
    let is_remote = statfs(folder).is_ok_and(|about| is_remote(about.filesystem_type()));
    let chosen = match if is_remote { set("DELETE") } else { set("WAL") } {
        Err(err) if !is_busy(&err) => set("DELETE"),
        other => other,
    };
    // Who has it open at the same time chooses the same.
    chosen.or_else(|err| if is_busy(&err) { Ok(()) } else { Err(err) })?;
    // The records are the truth: an index that lags behind after a power cut is mended.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(())
}

fn is_remote(kind: FsType) -> bool {
    // The type of the number differs between C libraries.
    REMOTE.contains(&format!("{:x}", kind.0).as_str())
}

/// Takes the lock of the store; `None` where there are no locks.
fn lock(folder: &Path) -> Option<Flock<fs::File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = files::open_with(&folder.join(LOCK), Links::Refuse, &mut options).ok()?;
    Flock::lock(file, FlockArg::LockExclusive).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ours_are_opened() {
        for name in ["index-.db", "index-../x.db", "index-a/b.db", "/etc/index-a.db", "index-a", ""]
        {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_name("index-unfinishedAb3.db"));
    }

    #[test]
    fn an_address_holds_any_path() {
        assert_eq!(uri(Path::new("/a b/ü?#%")), "file:/a%20b/%C3%BC%3F%23%25?immutable=1");
    }
}
