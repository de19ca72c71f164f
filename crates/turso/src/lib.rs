//! Keeps cubecl's GPU tuning results in a plain file.
//!
//! cubecl (below burn) keeps them in an embedded SQL database, turso: some eighty crates and a tenth of a first build, of
//! which it uses one table of keys and values. This crate has turso's name and the part of its API that cubecl calls, and
//! `[patch.crates-io]` in the main package puts it in turso's place. `statement.rs` knows the statements that cubecl
//! sends, word for word; any other is an error, on which cubecl goes on without keeping results.
//!
//! Limits: transactions don't undo anything; bundles, cubecl's export of tuning results, aren't supported. Results are
//! written beside the database that turso itself would use, so a program with the real turso is not disturbed.
//!
//! When burn is updated: if cubecl then sends another statement, it logs that it keeps nothing, and GPUs are tuned in every
//! run; compare `statement.rs` with its source. If it asks for another version of turso, cargo takes the real one again,
//! which a test of the main package tells; raise the version here. A change here raises the last number too: continuous
//! integration tells by it that burn has to be compiled again (`tests/run.sh`).

mod api;
mod log;
mod statement;
mod value;

pub use api::{Builder, Connection, Database, Row, Rows, transaction};
pub use value::{Error, FromValue, IntoParams, Result, Value};
