//! The tables of the index.

use rusqlite::Connection;

/// Version of these tables, and of what is taken from a record. Any other one is made anew.
const VERSION: i64 = 4;

/// The statements that make them, as the database remembers them.
const STATEMENTS: [&str; 8] = [
    "CREATE TABLE run (
        number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, time_ms INTEGER NOT NULL,
        kind TEXT NOT NULL, program TEXT NOT NULL, name TEXT, labels TEXT, project TEXT NOT NULL,
        hash TEXT, branch TEXT, dirty INTEGER, ci TEXT, modes INTEGER NOT NULL,
        is_complete INTEGER NOT NULL, benchmarks INTEGER NOT NULL, environment TEXT NOT NULL,
        bytes INTEGER NOT NULL)",
    "CREATE INDEX run_by_time ON run (time_ms, id)",
    "CREATE TABLE unreadable (id BLOB PRIMARY KEY)",
    // Objects of shared stores, with the version of records that could be read when they were refused.
    "CREATE TABLE refused (name TEXT PRIMARY KEY, version INTEGER NOT NULL)",
    // Looks at a project in a shared store.
    "CREATE TABLE looked (
        place TEXT PRIMARY KEY, listed_ms INTEGER NOT NULL, whole_since_ms INTEGER)",
    "CREATE TABLE benchmark (
        number INTEGER PRIMARY KEY, project TEXT NOT NULL, mode INTEGER NOT NULL,
        uri TEXT NOT NULL, occurrence INTEGER NOT NULL, name TEXT NOT NULL,
        named_ms INTEGER NOT NULL, UNIQUE (project, mode, uri, occurrence))",
    "CREATE TABLE metric (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    // `place` is the number of the metric times 2^32, plus that of the run: values of a metric lie together.
    "CREATE TABLE figures (place INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
];

/// Makes the tables.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    for statement in STATEMENTS {
        connection.execute(statement, [])?;
    }
    connection.pragma_update(None, "user_version", VERSION)
}

/// Returns whether these are our tables and nothing else: a file of others may hold triggers and views.
pub(super) fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != VERSION {
        return Ok(false);
    }
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    let found = statement.query_map([], |row| row.get(0))?;
    let found = found.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(found.iter().map(String::as_str).eq(STATEMENTS))
}

/// An empty index that is gone with the program.
pub(super) fn in_memory() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    create(&connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_tables_are_ours() {
        let connection = in_memory().unwrap();
        assert!(is_ours(&connection).unwrap());
        let trigger = "CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM run; END";
        connection.execute(trigger, []).unwrap();
        assert!(!is_ours(&connection).unwrap());
        connection.execute("DROP TRIGGER t", []).unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert!(!is_ours(&connection).unwrap());
        assert!(!is_ours(&Connection::open_in_memory().unwrap()).unwrap());
    }
}
