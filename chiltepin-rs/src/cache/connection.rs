//! Connections to the index, and its tables.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension};

/// Part of the file's name, so that programs of two versions do not fight over one file.
pub(super) const VERSION: i32 = 3;

/// How long another process of this machine may hold the index.
const PATIENCE: Duration = Duration::from_secs(5);

/// How old the state may be in which keys are looked up.
const HOLD: Duration = Duration::from_millis(10);

const SCHEMA: &str = "
    CREATE TABLE pack (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        -- Up to here its records are in the index, and so large it was then.
        scanned INTEGER NOT NULL,
        size INTEGER NOT NULL,
        -- The first and the last stamp in it.
        first INTEGER NOT NULL,
        latest INTEGER NOT NULL
    );
    -- Where the newest record of a key is, and no more, so that many keys fit on a page.
    CREATE TABLE entry (
        key BLOB PRIMARY KEY,
        pack INTEGER NOT NULL,
        offset INTEGER NOT NULL,
        length INTEGER NOT NULL,
        stamp INTEGER NOT NULL,
        -- 1 for a tombstone, of which there is no more to say.
        removed INTEGER NOT NULL,
        used INTEGER NOT NULL
    ) WITHOUT ROWID;
    -- What is listed. Its id is made of pack and offset, so that rows are added at the end;
    -- those of records that hold no longer stay until their pack goes.
    CREATE TABLE about (
        id INTEGER PRIMARY KEY,
        made INTEGER NOT NULL,
        took INTEGER NOT NULL,
        size INTEGER NOT NULL,
        has_objects INTEGER NOT NULL,
        has_directory INTEGER NOT NULL,
        function TEXT NOT NULL,
        run TEXT NOT NULL,
        task TEXT NOT NULL
    );
    CREATE TABLE upstream (
        upstream BLOB NOT NULL,
        key BLOB NOT NULL,
        PRIMARY KEY (upstream, key)
    ) WITHOUT ROWID;
    -- The start of the machine in which all of this was written.
    CREATE TABLE boot (
        id TEXT NOT NULL
    );
";

/// A connection that may stand in a transaction, in which it looks up twice as fast.
pub(super) struct Reader {
    pub(super) connection: Connection,
    /// Since when, and in which generation.
    held: Option<(Instant, u64)>,
}

impl Reader {
    pub(super) fn connect(file: &Path) -> rusqlite::Result<Self> {
        Ok(Self {
            connection: connect(file)?,
            held: None,
        })
    }

    pub(super) fn hold(&mut self, generation: u64) -> rusqlite::Result<()> {
        let now = Instant::now();
        let fresh = |(since, of): (Instant, u64)| of == generation && now - since < HOLD;
        if !self.held.is_some_and(fresh) {
            self.release()?;
            self.connection.prepare_cached("BEGIN")?.execute([])?;
            self.held = Some((now, generation));
        }
        Ok(())
    }

    pub(super) fn release(&mut self) -> rusqlite::Result<()> {
        if self.held.take().is_some() {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }
}

pub(super) fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    // KiB: the inner nodes of a million entries.
    connection.pragma_update(None, "cache_size", -65536)?;
    // Pages: a page that many groups change is written back once for all of them, but whoever reads
    // looks through all that is in the log.
    connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
    Ok(connection)
}

/// Makes the tables where there are none, and touches each.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    let version =
        || connection.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0));
    if version()? == 0 {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        // Another process may have been faster.
        if version()? == 0 {
            connection.execute_batch(SCHEMA)?;
            connection.pragma_update(None, "user_version", VERSION)?;
        }
        connection.execute_batch("COMMIT")?;
    }
    if version()? != VERSION {
        return Err(rusqlite::Error::InvalidQuery);
    }
    for table in ["pack", "entry", "about", "upstream", "boot"] {
        connection
            .query_row(&format!("SELECT * FROM {table} LIMIT 1"), [], |_| Ok(()))
            .optional()?;
    }
    Ok(())
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
    )
}
