//! The calls of turso that cubecl makes.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::vec::IntoIter;

use crate::log::Log;
use crate::statement::{self, Answer};
use crate::value::{Error, FromValue, IntoParams, Result, Value};

/// How transactions begin.
pub mod transaction {
    pub use super::Transaction;

    /// When a transaction takes the right to write. It makes no difference here.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TransactionBehavior {
        /// With its first change.
        Deferred,
        /// At once.
        Immediate,
    }
}

use transaction::TransactionBehavior;

/// Says which file to open, and how.
#[derive(Debug)]
pub struct Builder {
    path: PathBuf,
    read_only: bool,
}

impl Builder {
    /// Names the database of which the file is beside.
    pub fn new_local(database: &str) -> Self {
        Self { path: format!("{database}.tuning").into(), read_only: false }
    }

    /// Changes nothing: several processes may always have the file open.
    #[must_use]
    pub fn experimental_multiprocess_wal(self, _: bool) -> Self {
        self
    }

    /// Changes nothing.
    #[must_use]
    pub fn experimental_vacuum(self, _: bool) -> Self {
        self
    }

    /// Opens a file that is there, to be read only.
    #[must_use]
    pub fn read_only(self, read_only: bool) -> Self {
        Self { read_only, ..self }
    }

    /// Opens the file.
    ///
    /// # Errors
    /// It can't be opened or made.
    #[expect(clippy::unused_async, reason = "turso's signature")]
    pub async fn build(self) -> Result<Database> {
        Ok(Database(Arc::new(Mutex::new(Log::open(&self.path, self.read_only)?))))
    }
}

/// An open file.
#[derive(Clone, Debug)]
pub struct Database(Arc<Mutex<Log>>);

impl Database {
    /// Gives a connection. All connections of a database share the file.
    ///
    /// # Errors
    /// None.
    pub fn connect(&self) -> Result<Connection> {
        Ok(Connection(self.clone()))
    }
}

/// What takes statements.
#[derive(Debug)]
pub struct Connection(Database);

#[expect(clippy::unused_async, reason = "turso's signatures")]
impl Connection {
    /// Changes nothing: a change waits until other processes have made theirs.
    ///
    /// # Errors
    /// None.
    pub fn busy_timeout(&self, _: Duration) -> Result<()> {
        Ok(())
    }

    /// Carries out a statement that gives rows.
    ///
    /// # Errors
    /// The statement isn't known, or the file fails.
    pub async fn query(&self, sql: impl AsRef<str>, params: impl IntoParams) -> Result<Rows> {
        Ok(Rows(self.run(sql.as_ref(), params)?.rows.into_iter()))
    }

    /// Carries out a statement that changes entries; how many it changed.
    ///
    /// # Errors
    /// The statement isn't known, or the file fails.
    pub async fn execute(&self, sql: impl AsRef<str>, params: impl IntoParams) -> Result<u64> {
        Ok(self.run(sql.as_ref(), params)?.changed)
    }

    /// Carries out `PRAGMA name`, and shows each row.
    ///
    /// # Errors
    /// The pragma isn't known, or a row isn't what the caller expects.
    pub async fn pragma_query(&self, name: &str, mut on_row: impl FnMut(&Row) -> Result<()>) -> Result<()> {
        let rows = self.run(&format!("PRAGMA {name}"), ())?.rows;
        rows.into_iter().try_for_each(|row| on_row(&Row(row)))
    }

    /// Begins a transaction: a way to the same connection.
    ///
    /// # Errors
    /// None.
    pub async fn transaction_with_behavior(&mut self, _: TransactionBehavior) -> Result<Transaction<'_>> {
        Ok(Transaction(self))
    }

    fn run(&self, sql: &str, params: impl IntoParams) -> Result<Answer> {
        // A thread that panicked left nothing half done: memory changes after the file.
        let mut log = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        statement::run(&mut log, sql, &params.into_params())
    }
}

/// Statements that belong together. Limits: each counts at once, and none is undone.
#[derive(Debug)]
pub struct Transaction<'a>(&'a Connection);

impl Transaction<'_> {
    /// Ends it.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "turso's signature")]
    pub async fn commit(self) -> Result<()> {
        Ok(())
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

/// The rows that a statement gave.
#[derive(Debug)]
pub struct Rows(IntoIter<Vec<Value>>);

impl Rows {
    /// Gives the next one.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "turso's signature")]
    pub async fn next(&mut self) -> Result<Option<Row>> {
        Ok(self.0.next().map(Row))
    }
}

/// A row.
#[derive(Debug)]
pub struct Row(Vec<Value>);

impl Row {
    /// Reads a column.
    ///
    /// # Errors
    /// There is no such column, or it is of another type.
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T> {
        let value = self.0.get(column).ok_or_else(|| Error::Error(format!("there is no column {column}")))?;
        T::from_value(value)
    }
}
