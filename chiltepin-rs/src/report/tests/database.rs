//! The tables of a run whose events are given.

use std::fs;

use rusqlite::Connection;

use super::shown::sample;
use crate::report::database;

/// What a query that gives texts gives.
fn ask(file: &std::path::Path, query: &str) -> Vec<String> {
    let database = Connection::open(file).unwrap();
    let mut statement = database.prepare(query).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn the_tables_tell_what_the_record_does() {
    let place = tempfile::tempdir().unwrap();
    let file = database(place.path(), &sample(), "killed", 100).unwrap();
    let states = ask(
        &file,
        "SELECT task || ' ' || name || ' ' || state FROM task",
    );
    assert_eq!(
        states,
        [
            "1 count a.txt failed",
            "2 merge not run",
            "3 count cached",
            "4 count failed",
            "5 count running"
        ]
    );
    let attempts =
        "SELECT task || '.' || attempt || ' ' || resource.name || ' ' || ifnull(how, '-')
                    FROM attempt JOIN resource USING (resource)";
    assert_eq!(
        ask(&file, attempts),
        [
            "1.1 compute failed",
            "1.2 compute failed",
            "4.1 local failed",
            "5.1 local -"
        ]
    );
    let workers = ask(
        &file,
        "SELECT node || ' ' || name || ' ' || process FROM worker",
    );
    assert_eq!(workers, ["n1 compute-2 4242"]);
    assert_eq!(
        ask(&file, "SELECT error_place FROM task WHERE task = 1"),
        ["src/main.rs:7"]
    );
    assert_eq!(
        ask(&file, "SELECT task || root FROM task WHERE root"),
        ["21"]
    );
    assert_eq!(
        ask(&file, "SELECT task || depends_on FROM dependency"),
        ["21"]
    );
    assert_eq!(ask(&file, "SELECT label FROM label"), ["disk"]);
    assert_eq!(ask(&file, "SELECT argument FROM argument"), ["--cache"]);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn tables_are_made_anew_once_the_journal_has_grown() {
    let place = tempfile::tempdir().unwrap();
    let make = |bytes| database(place.path(), &sample(), "running", bytes).unwrap();
    let mark = |file| {
        let database = Connection::open(file).unwrap();
        database
            .execute("UPDATE run SET host = 'marked'", [])
            .unwrap();
    };
    let file = make(100);
    mark(&file);
    make(100);
    assert_eq!(ask(&file, "SELECT host FROM run"), ["marked"]);
    make(101);
    assert_eq!(ask(&file, "SELECT host FROM run"), ["login1"]);
    fs::write(&file, "no database").unwrap();
    make(101);
    assert_eq!(ask(&file, "SELECT host FROM run"), ["login1"]);
}

/// What `docs/records.md` says of the tables is what they have.
#[test]
fn every_column_is_documented() {
    let documentation = include_str!("../../../docs/records.md");
    let place = tempfile::tempdir().unwrap();
    let file = database(place.path(), &sample(), "ended", 1).unwrap();
    for table in ask(&file, "SELECT name FROM sqlite_schema WHERE type = 'table'") {
        let begin = format!("| `{table}` |");
        let line = documentation.lines().find(|line| line.starts_with(&begin));
        let line = line.unwrap_or_else(|| panic!("`{table}` is not documented"));
        for column in ask(
            &file,
            &format!("SELECT name FROM pragma_table_info('{table}')"),
        ) {
            assert!(line.contains(&format!("`{column}`")), "`{table}.{column}`");
        }
    }
}
