//! The statements that cubecl sends, and what each does to the file.
//!
//! They are those of `cubecl-environment` 0.11, `src/persistence/turso.rs`.

use crate::log::{Entry, Log};
use crate::value::{Error, Result, Value};

/// What a statement gives: rows, and how many entries it changed.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Vec<Value>>,
    pub(crate) changed: u64,
}

impl Answer {
    fn of_rows(rows: Vec<Vec<Value>>) -> Self {
        Self { rows, changed: 0 }
    }

    fn of_change(changed: bool) -> Self {
        Self { rows: Vec::new(), changed: u64::from(changed) }
    }
}

/// Carries out a statement.
pub(crate) fn run(log: &mut Log, sql: &str, params: &[Value]) -> Result<Answer> {
    let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    log.refresh()?;
    match (&*sql, params) {
        ("CREATE TABLE IF NOT EXISTS meta ( k TEXT PRIMARY KEY, v TEXT NOT NULL )", [])
        | (
            "CREATE TABLE IF NOT EXISTS entries ( namespace TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, \
             origin INTEGER NOT NULL, PRIMARY KEY (namespace, key) )",
            [],
        )
        | ("PRAGMA synchronous = NORMAL", []) => Ok(Answer::default()),
        ("DROP TABLE IF EXISTS entries", []) => log.clear().map(|()| Answer::default()),
        ("SELECT v FROM meta WHERE k = ?1", [key]) => {
            let found = log.meta(key.bytes()?).map(|value| String::from_utf8_lossy(value).into_owned());
            Ok(Answer::of_rows(found.into_iter().map(|value| vec![value.into()]).collect()))
        }
        ("INSERT INTO meta (k, v) VALUES (?1, ?2) ON CONFLICT(k) DO UPDATE SET v = excluded.v", [key, value]) => {
            log.set_meta(key.bytes()?, value.bytes()?).map(|()| Answer::of_change(true))
        }
        (
            "INSERT INTO entries (namespace, key, value, origin) VALUES (?1, ?2, ?3, ?4) ON CONFLICT(namespace, key) \
             DO UPDATE SET value = excluded.value, origin = excluded.origin WHERE entries.origin = 1 AND \
             excluded.origin = 0",
            [namespace, key, value, Value::Integer(origin)],
        ) => {
            // What was found out on this machine replaces what was brought along, and nothing else replaces anything.
            let replaces = |old: &Entry| old.origin == 1 && *origin == 0;
            log.insert(namespace.bytes()?, key.bytes()?, value.bytes()?, *origin, replaces).map(Answer::of_change)
        }
        (
            "INSERT INTO entries (namespace, key, value, origin) VALUES (?1, ?2, ?3, ?4) ON CONFLICT(namespace, key) \
             DO UPDATE SET value = excluded.value, origin = excluded.origin",
            [namespace, key, value, Value::Integer(origin)],
        ) => log.insert(namespace.bytes()?, key.bytes()?, value.bytes()?, *origin, |_| true).map(Answer::of_change),
        ("SELECT value FROM entries WHERE namespace = ?1 AND key = ?2", [namespace, key]) => {
            let found = log.entry(namespace.bytes()?, key.bytes()?);
            Ok(Answer::of_rows(found.into_iter().map(|entry| vec![entry.value.clone().into()]).collect()))
        }
        ("SELECT key, value, origin FROM entries WHERE namespace = ?1", [namespace]) => {
            let entries = log.namespace(namespace.bytes()?);
            let rows =
                entries.map(|(key, entry)| vec![key.to_vec().into(), entry.value.clone().into(), entry.origin.into()]);
            Ok(Answer::of_rows(rows.collect()))
        }
        ("DELETE FROM entries WHERE namespace = ?1", [namespace]) => {
            log.remove(namespace.bytes()?, None).map(Answer::of_change)
        }
        ("DELETE FROM entries WHERE namespace = ?1 AND key = ?2", [namespace, key]) => {
            log.remove(namespace.bytes()?, Some(key.bytes()?)).map(Answer::of_change)
        }
        (
            "SELECT namespace, COUNT(*), SUM(length(key) + length(value)) FROM entries GROUP BY namespace ORDER BY \
             namespace",
            [],
        ) => {
            let rows = log.namespaces().map(|(namespace, entries, bytes)| {
                let numbers = [entries, bytes].map(|count| i64::try_from(count).unwrap_or(i64::MAX).into());
                std::iter::once(String::from_utf8_lossy(namespace).into_owned().into()).chain(numbers).collect()
            });
            Ok(Answer::of_rows(rows.collect()))
        }
        _ => Err(Error::Error(format!("this statement is not supported here: {sql}"))),
    }
}
