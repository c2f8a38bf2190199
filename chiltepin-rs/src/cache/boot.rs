//! Which start of the machine this is, and what that says about the index.
//!
//! The index is not synced. What a killed process wrote is all there, for the system had it; after
//! the machine itself has stopped, pages of one change may be there and others not.

use std::fs;

use rusqlite::{Connection, OptionalExtension, params};

/// Forgets where everything is, and keeps when it was last used: rows that wait for their records.
const FORGET: &str = "
    DELETE FROM pack;
    DELETE FROM about;
    DELETE FROM upstream;
    UPDATE entry SET pack = 0, offset = 0, stamp = 0, removed = 1;
    DELETE FROM boot";

/// A name that no other start of a machine has; empty where the system gives none.
pub(super) fn current() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.unwrap_or_default().trim().to_owned()
}

/// Has an index of another start of the machine read every pack again. An error when it is not
/// sound.
pub(super) fn check(connection: &Connection, boot: &str) -> rusqlite::Result<()> {
    if is_of(connection, boot)? {
        return Ok(());
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    // Another process may have been faster.
    if !is_of(connection, boot)? {
        connection.execute_batch(FORGET)?;
        connection.execute("INSERT INTO boot VALUES (?1)", params![boot])?;
    }
    connection.execute_batch("COMMIT")
}

fn is_of(connection: &Connection, boot: &str) -> rusqlite::Result<bool> {
    let written: Option<String> = connection
        .query_row("SELECT id FROM boot", [], |row| row.get(0))
        .optional()?;
    Ok(written.as_deref() == Some(boot))
}
