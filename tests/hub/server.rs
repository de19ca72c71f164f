//! A Hub on this machine: a small HTTP/1.1 server that answers as huggingface.co does, and misbehaves on demand.
//!
//! Small files come from the Hub's own port with their git hash as ETag; weights are redirected to a second port, as to the
//! CDN, with `X-Linked-Etag` and `X-Linked-Size`. Python's `huggingface_hub` is served as well. Every request is noted.
//! Limits: one request a connection, GET and HEAD.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A server that runs until it is dropped.
pub(crate) struct Server {
    shared: Arc<Shared>,
    ports: [u16; 2],
}

struct Shared {
    repos: Mutex<BTreeMap<String, Arc<Held>>>,
    seen: Mutex<Vec<Seen>>,
    fault: Mutex<Box<FaultOf>>,
    /// Bytes a second of each answer's body; 0 for as fast as it goes.
    rate: AtomicU64,
    stopped: AtomicBool,
    cdn: u16,
}

/// What goes wrong with a request, asked with all that came before it.
type FaultOf = dyn Fn(&Seen, &[Seen]) -> Fault + Send + Sync;

/// A repository.
#[derive(Clone, Default)]
pub(crate) struct Repo {
    /// Content by path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// What the API says of a path instead of the truth: its size.
    pub(crate) told_sizes: BTreeMap<String, u64>,
    /// Paths that the API lists besides.
    pub(crate) told_paths: Vec<String>,
    /// Fields of the API's answer to replace.
    pub(crate) told: Value,
    /// Where it has moved to.
    pub(crate) moved_to: Option<String>,
    /// The token that opens it, if it is gated.
    pub(crate) gated: Option<String>,
}

/// A repository with what is worked out once.
struct Held {
    repo: Repo,
    commit: String,
    /// The SHA-256 and git's hash by path.
    hashes: BTreeMap<String, [String; 2]>,
}

impl std::ops::Deref for Held {
    type Target = Repo;

    fn deref(&self) -> &Repo {
        &self.repo
    }
}

/// A request, and what was answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Whether it came to the second port.
    pub(crate) at_cdn: bool,
    /// The first byte of the range that was asked for.
    pub(crate) from: Option<u64>,
    pub(crate) authorization: Option<String>,
    /// Bytes of the body that were sent; known once the answer has ended.
    pub(crate) sent: u64,
}

impl Seen {
    /// Whether it asks for a file's content.
    pub(crate) fn is_content(&self) -> bool {
        self.method == "GET" && (self.at_cdn || self.target.contains("/resolve/"))
    }
}

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// This status, with these headers.
    Status(u16, &'static str),
    /// The connection breaks after so many bytes of the body.
    CutAfter(usize),
    /// Nothing more comes after so many bytes.
    StallAfter(usize),
    /// All of it comes, whatever range was asked for.
    IgnoreRange,
    /// One bit is another.
    FlipBit,
    /// The body is longer by so many bytes, and says so.
    Longer(usize),
    /// The body is shorter by so many bytes, and says so.
    Shorter(usize),
    /// The body comes without its length, and longer.
    LongerUnannounced(usize),
    /// The body is that of another range than asked for.
    OtherRange,
    /// A redirect to this address.
    Redirect(&'static str),
}

impl Repo {
    /// All files of a folder.
    pub(crate) fn of(folder: &Path) -> Self {
        fn walk(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let name = format!("{prefix}{}", path.file_name().expect("a name").to_string_lossy());
                if path.is_dir() {
                    walk(&path, &format!("{name}/"), files);
                } else {
                    files.insert(name, fs::read(path).expect("a file"));
                }
            }
        }
        let mut repo = Self::default();
        walk(folder, "", &mut repo.files);
        repo
    }

    /// The commit: it stands for the content.
    pub(crate) fn commit(&self) -> String {
        let mut digest = Sha256::new();
        for (path, content) in &self.files {
            digest.update(path);
            digest.update(content);
        }
        hex(&digest.finalize())[..40].to_owned()
    }
}

impl Held {
    fn new(repo: Repo) -> Self {
        let hashes = repo.files.iter().map(|(path, content)| (path.clone(), [sha256(content), git_hash(content)]));
        Self { commit: repo.commit(), hashes: hashes.collect(), repo }
    }

    fn siblings(&self) -> Vec<Value> {
        let file = |(path, content): (&String, &Vec<u8>)| {
            let size = self.told_sizes.get(path).copied().unwrap_or(content.len() as u64);
            let mut file = json!({ "rfilename": path, "size": size, "blobId": self.hashes[path][1] });
            if is_large(path) {
                file["lfs"] = json!({ "sha256": self.hashes[path][0], "size": size, "pointerSize": 130 });
            }
            file
        };
        let more = |path: &String| json!({ "rfilename": path, "size": 5, "blobId": git_hash(b"hello") });
        self.files.iter().map(file).chain(self.told_paths.iter().map(more)).collect()
    }

    fn knows(&self, revision: &str) -> bool {
        ["main", "refs/pr/3", &self.commit].contains(&revision)
    }

    /// `GET /api/models/{id}`
    fn info(&self, id: &str) -> Value {
        let class: Value = self.files.get("model_index.json").map_or(Value::Null, |index| {
            serde_json::from_slice::<Value>(index).map_or(Value::Null, |index| index["_class_name"].clone())
        });
        let mut info = json!({
            "_id": "0", "id": id, "modelId": id, "sha": self.commit, "private": false, "disabled": false,
            "gated": if self.gated.is_some() { json!("auto") } else { json!(false) },
            "tags": ["diffusers", "license:mit", format!("diffusers:{}", class.as_str().unwrap_or_default())],
            "cardData": { "license": "mit" }, "downloads": 3, "likes": 2, "library_name": "diffusers",
            "lastModified": "2024-09-04T12:00:00.000Z", "createdAt": "2022-03-02T23:29:04.000Z",
            "siblings": self.siblings(),
        });
        for (key, value) in self.told.as_object().into_iter().flatten() {
            info[key] = value.clone();
        }
        info
    }

    /// `GET /api/models/{id}/tree/{commit}`, which Python asks.
    fn tree(&self) -> Value {
        let file = |(path, content): (&String, &Vec<u8>)| {
            let mut file = json!({ "type": "file", "path": path, "size": content.len(), "oid": self.hashes[path][1] });
            if is_large(path) {
                file["lfs"] = json!({ "oid": self.hashes[path][0], "size": content.len(), "pointerSize": 130 });
            }
            file
        };
        self.files.iter().map(file).collect()
    }
}

/// Whether the Hub keeps a file apart from git.
fn is_large(path: &str) -> bool {
    path.ends_with(".safetensors")
}

pub(crate) fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

pub(crate) fn git_hash(content: &[u8]) -> String {
    let mut digest = sha1_smol::Sha1::from(format!("blob {}\0", content.len()));
    digest.update(content);
    digest.digest().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Server {
    pub(crate) fn start() -> Self {
        let listeners = [(), ()].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
        let ports = listeners.each_ref().map(|listener| listener.local_addr().expect("an address").port());
        let shared = Arc::new(Shared {
            repos: Mutex::default(),
            seen: Mutex::default(),
            fault: Mutex::new(Box::new(|_, _| Fault::None)),
            rate: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            cdn: ports[1],
        });
        for (listener, at_cdn) in listeners.into_iter().zip([false, true]) {
            let shared = Arc::clone(&shared);
            named(move || {
                for stream in listener.incoming().flatten() {
                    if shared.stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    let shared = Arc::clone(&shared);
                    // Clients hang up in the middle: that is what many tests are about.
                    named(move || drop(shared.answer(&stream, at_cdn)));
                }
            });
        }
        Self { shared, ports }
    }

    /// The Hub's address.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    pub(crate) fn put(&self, id: &str, repo: Repo) {
        lock(&self.shared.repos).insert(id.to_owned(), Arc::new(Held::new(repo)));
    }

    /// What goes wrong from now on.
    pub(crate) fn fail(&self, fault: impl Fn(&Seen, &[Seen]) -> Fault + Send + Sync + 'static) {
        *lock(&self.shared.fault) = Box::new(fault);
    }

    /// Bytes a second of each answer's body from now on.
    pub(crate) fn throttle(&self, rate: u64) {
        self.shared.rate.store(rate, Ordering::Relaxed);
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Forgets them.
    pub(crate) fn forget(&self) {
        lock(&self.shared.seen).clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        for port in self.ports {
            drop(TcpStream::connect(("127.0.0.1", port)));
        }
    }
}

fn named(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name("loopback-hub".to_owned()).spawn(work).expect("a thread");
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer, before what goes wrong with it.
struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Answer {
    fn new(status: u16, headers: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: headers.into(), body: body.into() }
    }

    fn json(value: &Value) -> Self {
        Self::new(200, "Content-Type: application/json\r\n", value.to_string())
    }

    fn absent(code: &str) -> Self {
        Self::new(404, format!("X-Error-Code: {code}\r\nX-Error-Message: not found\r\n"), "{}")
    }
}

impl Shared {
    fn answer(&self, stream: &TcpStream, at_cdn: bool) -> io::Result<()> {
        let mut request = Seen { at_cdn, ..Seen::default() };
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        let mut words = first.split(' ').map(str::to_owned);
        request.method = words.next().unwrap_or_default();
        request.target = words.next().unwrap_or_default();
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "authorization" => request.authorization = Some(value.to_owned()),
                "range" => {
                    let begin = value.trim_start_matches("bytes=").split('-').next().and_then(|at| at.parse().ok());
                    request.from = begin;
                }
                _ => {}
            }
        }
        let (fault, number) = {
            let mut seen = lock(&self.seen);
            let fault = lock(&self.fault)(&request, &seen);
            seen.push(request.clone());
            (fault, seen.len() - 1)
        };
        let answer = self.route(&request);
        let sent = self.send(stream, &request, answer, &fault);
        if let Some(seen) = lock(&self.seen).get_mut(number) {
            seen.sent = sent.as_ref().map_or(0, |sent| *sent);
        }
        sent.map(drop)
    }

    fn route(&self, request: &Seen) -> Answer {
        let path = request.target.split('?').next().unwrap_or_default().trim_matches('/').replace("%2F", "/");
        let parts: Vec<&str> = path.split('/').collect();
        let repos = lock(&self.repos).clone();
        match parts[..] {
            ["blob", hash] if request.at_cdn => {
                let mut files = repos.values().flat_map(|held| held.hashes.iter().map(move |file| (held, file)));
                let found = files.find(|(_, (_, [sha256, _]))| sha256 == hash);
                found.map_or_else(
                    || Answer::absent("EntryNotFound"),
                    |(held, (path, _))| Answer::new(200, "", held.files[path].clone()),
                )
            }
            ["api", "models"] => Answer::json(&repos.iter().map(|(id, repo)| repo.info(id)).collect::<Vec<_>>().into()),
            ["api", "models", owner, name, ref rest @ ..] => {
                let Some((id, repo)) = repos.get_key_value(&format!("{owner}/{name}")) else {
                    // The Hub doesn't tell strangers what is private.
                    let headers = "X-Error-Code: RepoNotFound\r\nX-Error-Message: Repository not found\r\n";
                    return Answer::new(if request.authorization.is_some() { 404 } else { 401 }, headers, "{}");
                };
                if let Some(to) = &repo.moved_to {
                    let rest = request.target.split_once(name).map_or("", |(_, rest)| rest);
                    return Answer::new(307, format!("Location: /api/models/{to}{rest}\r\n"), "");
                }
                match rest {
                    ["tree", ..] => Answer::json(&repo.tree()),
                    ["revision", revision @ ..] if !repo.knows(&revision.join("/")) => {
                        Answer::absent("RevisionNotFound")
                    }
                    _ => Answer::json(&repo.info(id)),
                }
            }
            [owner, name, "resolve", commit, ..] => {
                let Some(repo) = repos.get(&format!("{owner}/{name}")) else {
                    return Answer::absent("RepoNotFound");
                };
                let path = parts[4..].join("/");
                let bearer = repo.gated.as_ref().map(|token| format!("Bearer {token}"));
                if bearer.is_some() && request.authorization != bearer {
                    return Answer::new(if request.authorization.is_some() { 403 } else { 401 }, GATED, "{}");
                }
                match repo.files.get(&path) {
                    _ if !repo.knows(commit) => Answer::absent("RevisionNotFound"),
                    None => Answer::absent("EntryNotFound"),
                    Some(content) => self.content(repo, &path, content),
                }
            }
            _ => Answer::absent("NotFound"),
        }
    }

    /// A file's content, or where it lies.
    fn content(&self, held: &Held, path: &str, content: &[u8]) -> Answer {
        let ([sha256, git_hash], commit) = (&held.hashes[path], &held.commit);
        if is_large(path) {
            let size = content.len();
            return Answer::new(
                302,
                format!(
                    "Location: http://127.0.0.1:{}/blob/{sha256}?signature=secret\r\nX-Repo-Commit: {commit}\r\n\
                     X-Linked-Etag: \"{sha256}\"\r\nX-Linked-Size: {size}\r\nETag: \"{git_hash}\"\r\n",
                    self.cdn,
                ),
                "",
            );
        }
        let headers = format!("X-Repo-Commit: {commit}\r\nETag: \"{git_hash}\"\r\n");
        Answer::new(200, headers, content)
    }

    /// Sends an answer as the fault wants it; how many bytes of the body.
    fn send(&self, mut stream: &TcpStream, request: &Seen, mut answer: Answer, fault: &Fault) -> io::Result<u64> {
        match fault {
            Fault::Status(status, headers) => answer = Answer::new(*status, *headers, "{}"),
            Fault::Redirect(to) => answer = Answer::new(302, format!("Location: {to}\r\n"), ""),
            Fault::FlipBit => {
                let middle = answer.body.len() / 2;
                answer.body.get_mut(middle).into_iter().for_each(|byte| *byte ^= 1);
            }
            Fault::Longer(by) | Fault::LongerUnannounced(by) => answer.body.extend(vec![7; *by]),
            Fault::Shorter(by) => answer.body.truncate(answer.body.len() - by),
            _ => {}
        }
        if let Some(from) = request.from.filter(|_| answer.status == 200 && *fault != Fault::IgnoreRange) {
            let of = answer.body.len();
            let from = if *fault == Fault::OtherRange { from / 2 } else { from };
            if from as usize >= of {
                answer = Answer::new(416, format!("Content-Range: bytes */{of}\r\n"), "");
            } else {
                answer.status = 206;
                answer.headers += &format!("Content-Range: bytes {from}-{}/{of}\r\n", of - 1);
                answer.body.drain(..from as usize);
            }
        }
        if !matches!(fault, Fault::LongerUnannounced(_)) {
            answer.headers += &format!("Content-Length: {}\r\n", answer.body.len());
        }
        let head = format!(
            "HTTP/1.1 {} Said\r\nConnection: close\r\nAccept-Ranges: bytes\r\n{}\r\n",
            answer.status, answer.headers
        );
        stream.write_all(head.as_bytes())?;
        if request.method == "HEAD" {
            return Ok(0);
        }
        let end = match fault {
            Fault::CutAfter(bytes) | Fault::StallAfter(bytes) => answer.body.len().min(*bytes),
            _ => answer.body.len(),
        };
        let sent = self.send_slowly(stream, &answer.body[..end])?;
        if let Fault::StallAfter(_) = fault {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(20) && !self.stopped.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(sent)
    }

    fn send_slowly(&self, mut stream: &TcpStream, body: &[u8]) -> io::Result<u64> {
        let rate = self.rate.load(Ordering::Relaxed);
        if rate == 0 {
            stream.write_all(body)?;
            return Ok(body.len() as u64);
        }
        for slice in body.chunks(rate.div_ceil(200) as usize) {
            stream.write_all(slice)?;
            thread::sleep(Duration::from_millis(5));
        }
        Ok(body.len() as u64)
    }
}

const GATED: &str =
    "X-Error-Code: GatedRepo\r\nX-Error-Message: Access to this model is restricted. Bearer hf_secret_token\r\n";
