//! What is kept is there again, with the statements that cubecl sends.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use turso::{Builder, Connection, Database};

const CREATE_META: &str = "
    CREATE TABLE IF NOT EXISTS meta (
        k TEXT PRIMARY KEY,
        v TEXT NOT NULL
    )
";
const INSERT: &str = "INSERT INTO entries (namespace, key, value, origin) \
                      VALUES (?1, ?2, ?3, ?4) \
                      ON CONFLICT(namespace, key) DO UPDATE \
                      SET value = excluded.value, origin = excluded.origin \
                      WHERE entries.origin = 1 AND excluded.origin = 0";
const SELECT: &str = "SELECT value FROM entries WHERE namespace = ?1 AND key = ?2";
const SCAN: &str = "SELECT key, value, origin FROM entries WHERE namespace = ?1";
const META_SET: &str = "INSERT INTO meta (k, v) VALUES (?1, ?2) ON CONFLICT(k) DO UPDATE SET v = excluded.v";

/// Nothing here ever waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

/// A folder of this test's own, which is removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("burnisher-tuning-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("default.db.tuning")
    }

    fn open(&self) -> Database {
        let path = self.0.join("default.db");
        now(Builder::new_local(path.to_str().expect("text")).experimental_multiprocess_wal(true).build()).expect("open")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn put(connection: &Connection, key: &str, value: &str, origin: i64) -> u64 {
    let params = ("tune/0.11/gpu", key.as_bytes().to_vec(), value.as_bytes().to_vec(), origin);
    now(connection.execute(INSERT, params)).expect("written")
}

fn get(database: &Database, key: &str) -> Option<String> {
    let connection = database.connect().expect("a connection");
    let mut rows = now(connection.query(SELECT, ("tune/0.11/gpu", key.as_bytes().to_vec()))).expect("read");
    let row = now(rows.next()).expect("read")?;
    Some(String::from_utf8(row.get::<Vec<u8>>(0).expect("bytes")).expect("text"))
}

#[test]
fn results_are_there_again_after_a_restart() {
    let folder = Folder::new("restart");
    {
        let database = folder.open();
        let connection = database.connect().expect("a connection");
        now(connection.execute(CREATE_META, ())).expect("done");
        now(connection.execute(META_SET, ("schema_version", "3"))).expect("done");
        assert_eq!(put(&connection, "matmul", "fast", 0), 1);
        assert_eq!(put(&connection, "matmul", "other", 0), 0, "the first result stays");
        assert_eq!(put(&connection, "conv", "brought along", 1), 1);
        assert_eq!(put(&connection, "conv", "found out here", 0), 1);
    }
    let database = folder.open();
    assert_eq!(get(&database, "matmul").as_deref(), Some("fast"));
    assert_eq!(get(&database, "conv").as_deref(), Some("found out here"));
    assert_eq!(get(&database, "none"), None);
    let connection = database.connect().expect("a connection");
    let mut rows = now(connection.query("SELECT v FROM meta WHERE k = ?1", ("schema_version",))).expect("read");
    let row = now(rows.next()).expect("read").expect("a row");
    assert_eq!(row.get::<String>(0).expect("text"), "3");
    let mut rows = now(connection.query(SCAN, ("tune/0.11/gpu",))).expect("read");
    let mut seen = 0;
    while now(rows.next()).expect("read").is_some() {
        seen += 1;
    }
    assert_eq!(seen, 2);
}

#[test]
fn two_that_have_it_open_see_each_others_results() {
    let folder = Folder::new("two");
    let (one, other) = (folder.open(), folder.open());
    put(&one.connect().expect("a connection"), "a", "1", 0);
    put(&other.connect().expect("a connection"), "b", "2", 0);
    put(&one.connect().expect("a connection"), "c", "3", 0);
    for database in [&one, &other] {
        assert_eq!(["a", "b", "c"].map(|key| get(database, key)), ["1", "2", "3"].map(|value| Some(value.to_owned())));
    }
}

#[test]
fn a_write_that_was_cut_short_costs_one_result_and_a_damaged_file_all() {
    let folder = Folder::new("damage");
    put(&folder.open().connect().expect("a connection"), "a", "1", 0);
    put(&folder.open().connect().expect("a connection"), "b", "2", 0);
    let whole = fs::read(folder.file()).expect("there");
    fs::write(folder.file(), &whole[..whole.len() - 3]).expect("cut");
    let database = folder.open();
    assert_eq!((get(&database, "a").as_deref(), get(&database, "b")), (Some("1"), None));
    put(&database.connect().expect("a connection"), "b", "3", 0);
    assert_eq!(get(&folder.open(), "b").as_deref(), Some("3"));
    fs::write(folder.file(), b"SQLite format 3\0 and more").expect("written");
    let database = folder.open();
    assert_eq!(get(&database, "a"), None);
    put(&database.connect().expect("a connection"), "a", "4", 0);
    assert_eq!(get(&folder.open(), "a").as_deref(), Some("4"));
}

#[test]
fn clearing_and_removing_last_and_other_statements_are_refused() {
    let folder = Folder::new("removing");
    let database = folder.open();
    let connection = database.connect().expect("a connection");
    put(&connection, "a", "1", 0);
    put(&connection, "b", "2", 0);
    let remove = "DELETE FROM entries WHERE namespace = ?1 AND key = ?2";
    now(connection.execute(remove, ("tune/0.11/gpu", b"a".to_vec()))).expect("removed");
    assert_eq!(get(&folder.open(), "a"), None);
    assert_eq!(get(&folder.open(), "b").as_deref(), Some("2"));
    now(connection.execute("DROP TABLE IF EXISTS entries", ())).expect("cleared");
    assert_eq!(get(&folder.open(), "b"), None);
    assert!(now(connection.execute("VACUUM", ())).is_err());
}

#[test]
fn a_file_to_be_read_only_must_be_there_and_stays_as_it_is() {
    let folder = Folder::new("reading");
    let read = |path: &Path| now(Builder::new_local(path.to_str().expect("text")).read_only(true).build());
    assert!(read(&folder.0.join("default.db")).is_err());
    put(&folder.open().connect().expect("a connection"), "a", "1", 0);
    let database = read(&folder.0.join("default.db")).expect("open");
    assert_eq!(get(&database, "a").as_deref(), Some("1"));
    let params = ("n", b"k".to_vec(), b"v".to_vec(), 0_i64);
    assert!(now(database.connect().expect("a connection").execute(INSERT, params)).is_err());
}
