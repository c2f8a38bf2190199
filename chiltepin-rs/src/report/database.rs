//! `run.db`: a run's record as SQLite tables, made from the journal whenever it has grown.
//!
//! The journal is the truth; this file can be deleted at any time. `docs/records.md` documents the
//! tables, so whoever changes them raises [`VERSION`] and writes it there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Transaction, params};

use super::event::{Ending, How};
use super::record::{AttemptRecord, RunRecord, TaskRecord};

/// The file's name in the folder of a run.
pub(crate) const FILE: &str = "run.db";

/// Of the tables; a file of another one is made anew.
const VERSION: i32 = 2;

const SCHEMA: &str = "
    CREATE TABLE run (
        id TEXT, program TEXT, directory TEXT, host TEXT, process INTEGER, version TEXT, config TEXT,
        started INTEGER, duration INTEGER, state TEXT NOT NULL, missed_events INTEGER NOT NULL,
        journal_bytes INTEGER NOT NULL
    );
    CREATE TABLE argument (position INTEGER PRIMARY KEY, argument TEXT NOT NULL);
    CREATE TABLE resource (resource INTEGER PRIMARY KEY, name TEXT NOT NULL, provider TEXT NOT NULL);
    CREATE TABLE task (
        task INTEGER PRIMARY KEY, name TEXT NOT NULL, function TEXT, state TEXT NOT NULL,
        priority INTEGER NOT NULL, submitted INTEGER, ready INTEGER, ended INTEGER,
        error_kind TEXT, error TEXT, error_place TEXT, root INTEGER
    );
    CREATE TABLE label (task INTEGER NOT NULL, label TEXT NOT NULL);
    CREATE TABLE dependency (task INTEGER NOT NULL, depends_on INTEGER NOT NULL);
    CREATE TABLE attempt (
        task INTEGER NOT NULL, attempt INTEGER NOT NULL, resource INTEGER, started INTEGER,
        begun INTEGER, finished INTEGER, how TEXT, error TEXT, worker INTEGER, run INTEGER,
        user INTEGER, system INTEGER, peak_memory INTEGER, lost_workers INTEGER NOT NULL,
        PRIMARY KEY (task, attempt)
    ) WITHOUT ROWID;
    CREATE TABLE worker (
        worker INTEGER PRIMARY KEY, resource INTEGER, node TEXT NOT NULL, name TEXT,
        process INTEGER NOT NULL, UNIQUE (resource, node, name, process)
    );
    CREATE TABLE block (
        resource TEXT NOT NULL, block INTEGER NOT NULL, at INTEGER NOT NULL, job TEXT,
        state TEXT NOT NULL, reason TEXT, size INTEGER NOT NULL
    );
    CREATE TABLE node (
        resource TEXT NOT NULL, block INTEGER NOT NULL, at INTEGER NOT NULL, node TEXT NOT NULL,
        state TEXT NOT NULL, number INTEGER NOT NULL
    );
    CREATE TABLE placement (
        task INTEGER NOT NULL, attempt INTEGER NOT NULL, number INTEGER NOT NULL
    );
    CREATE INDEX task_of_function ON task (function);
    CREATE INDEX dependency_of ON dependency (task);
    CREATE INDEX dependent_on ON dependency (depends_on);";

/// Why the file cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    #[error("cannot write `{FILE}` of the run: {0}")]
    System(#[from] io::Error),
    #[error("cannot write `{FILE}` of the run: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// Sees to it that the tables are those of a journal of so many bytes, and gives the file.
pub(crate) fn database(
    folder: &Path,
    record: &RunRecord,
    state: &str,
    journal_bytes: u64,
) -> Result<PathBuf, DatabaseError> {
    let file = folder.join(FILE);
    if is_current(&file, state, journal_bytes) {
        return Ok(file);
    }
    // Whoever reads the old one meanwhile has it to the end.
    let new = folder.join(format!(".{FILE}.{}.new", std::process::id()));
    let made = make(&new, record, state, journal_bytes);
    if let Err(error) = made {
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    fs::rename(&new, &file)?;
    Ok(file)
}

/// Whether the file has all that the journal has. What cannot be read is made anew.
fn is_current(file: &Path, state: &str, journal_bytes: u64) -> bool {
    let ask = || -> rusqlite::Result<bool> {
        let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let version: i32 = database.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        database.query_row("SELECT state, journal_bytes FROM run", [], |row| {
            let known: (String, u64) = (row.get(0)?, row.get(1)?);
            Ok(version == VERSION && known == (state.to_owned(), journal_bytes))
        })
    };
    ask().unwrap_or(false)
}

fn make(
    file: &Path,
    record: &RunRecord,
    state: &str,
    journal_bytes: u64,
) -> Result<(), DatabaseError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut database = Connection::open(file)?;
    // A file that is cut off by a crash never gets its name.
    database.pragma_update(None, "journal_mode", "OFF")?;
    database.pragma_update(None, "user_version", VERSION)?;
    let transaction = database.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    put_run(&transaction, record, state, journal_bytes)?;
    for (number, task) in &record.tasks {
        put_task(&transaction, record, *number, task)?;
        for attempt in &task.attempts {
            put_attempt(&transaction, *number, attempt)?;
        }
    }
    put_blocks(&transaction, record)?;
    transaction.commit()?;
    database.close().map_err(|(_, error)| error)?;
    Ok(())
}

fn put_run(
    transaction: &Transaction<'_>,
    record: &RunRecord,
    state: &str,
    journal_bytes: u64,
) -> rusqlite::Result<()> {
    let run = record.started.as_ref();
    transaction.execute(
        "INSERT INTO run VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            run.map(|run| &run.id),
            run.map(|run| &run.program),
            run.map(|run| &run.directory),
            run.map(|run| &run.host),
            run.map(|run| run.process),
            run.map(|run| &run.version),
            run.map(|run| &run.config),
            run.map(|run| run.unix_time),
            record.last,
            state,
            record.missed,
            journal_bytes,
        ],
    )?;
    let Some(run) = run else { return Ok(()) };
    for (position, argument) in (1u32..).zip(&run.arguments) {
        let values = params![position, argument];
        transaction.execute("INSERT INTO argument VALUES (?1, ?2)", values)?;
    }
    for (number, (name, provider)) in (0u32..).zip(&run.executors) {
        let values = params![number, name, provider];
        transaction.execute("INSERT INTO resource VALUES (?1, ?2, ?3)", values)?;
    }
    Ok(())
}

fn put_task(
    transaction: &Transaction<'_>,
    record: &RunRecord,
    number: u64,
    task: &TaskRecord,
) -> rusqlite::Result<()> {
    let ending = task.ended.as_ref().map(|(_, ending)| ending);
    let trouble = match ending {
        Some(Ending::Failed(trouble)) => Some(trouble),
        _ => None,
    };
    let root = match ending {
        Some(Ending::DependencyFailed { root }) => *root,
        _ => None,
    };
    let mut insert = transaction.prepare_cached(
        "INSERT INTO task VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    insert.execute(params![
        number,
        task.shown_name(),
        task.function.as_deref(),
        task.state().word(),
        task.priority,
        task.submitted,
        record.ready(task),
        task.ended.as_ref().map(|(at, _)| *at),
        trouble.map(|trouble| &*trouble.kind),
        trouble.map(|trouble| &*trouble.message),
        trouble.and_then(|trouble| trouble.place.as_deref()),
        root,
    ])?;
    for label in &task.labels {
        let mut insert = transaction.prepare_cached("INSERT INTO label VALUES (?1, ?2)")?;
        insert.execute(params![number, &**label])?;
    }
    for on in &task.dependencies {
        let mut insert = transaction.prepare_cached("INSERT INTO dependency VALUES (?1, ?2)")?;
        insert.execute(params![number, on])?;
    }
    Ok(())
}

fn put_attempt(
    transaction: &Transaction<'_>,
    number: u64,
    attempt: &AttemptRecord,
) -> rusqlite::Result<()> {
    let account = attempt.account.as_ref();
    let worker = account.map(|account| {
        let worker = account.worker.as_deref();
        let mut find = transaction.prepare_cached(
            "SELECT worker FROM worker
             WHERE resource IS ?1 AND node = ?2 AND name IS ?3 AND process = ?4",
        )?;
        let values = params![attempt.executor, &*account.node, worker, account.process];
        let mut rows = find.query(values)?;
        if let Some(row) = rows.next()? {
            return row.get::<_, i64>(0);
        }
        let mut insert = transaction.prepare_cached(
            "INSERT INTO worker (resource, node, name, process) VALUES (?1, ?2, ?3, ?4)",
        )?;
        insert.insert(values)
    });
    let worker = worker.transpose()?;
    let (how, error) = match attempt.finished.as_ref().map(|(_, how)| how) {
        None => (None, None),
        Some(How::Succeeded) => (Some("succeeded"), None),
        Some(How::Failed(trouble)) => (Some("failed"), Some(&*trouble.message)),
        Some(How::Stopped) => (Some("stopped"), None),
        Some(How::Returned { reason }) => (Some("returned"), Some(&**reason)),
        Some(How::Abandoned) => (Some("abandoned"), None),
    };
    let mut insert = transaction.prepare_cached(
        "INSERT INTO attempt VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    insert.execute(params![
        number,
        attempt.attempt,
        attempt.executor,
        attempt.started,
        attempt.began(),
        attempt.finished.as_ref().map(|(at, _)| *at),
        how,
        error,
        worker,
        attempt.run_time(),
        account.map(|account| account.user),
        account.map(|account| account.system),
        account.and_then(|account| account.peak_memory),
        attempt.losses.len(),
    ])?;
    for node in &attempt.nodes {
        let mut insert = transaction.prepare_cached("INSERT INTO placement VALUES (?1, ?2, ?3)")?;
        insert.execute(params![number, attempt.attempt, node])?;
    }
    Ok(())
}

fn put_blocks(transaction: &Transaction<'_>, record: &RunRecord) -> rusqlite::Result<()> {
    for (at, change) in &record.blocks {
        let (resource, block) = (&*change.executor, change.block);
        transaction.execute(
            "INSERT INTO block VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                resource,
                block,
                at,
                change.job.as_deref(),
                &*change.state,
                change.reason.as_deref(),
                change.size,
            ],
        )?;
        for node in &change.nodes {
            let (name, state) = (&*node.name, &*node.state);
            let values = params![resource, block, at, name, state, node.number];
            transaction.execute("INSERT INTO node VALUES (?1, ?2, ?3, ?4, ?5, ?6)", values)?;
        }
    }
    Ok(())
}
