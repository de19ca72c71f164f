//! A Hub on this machine: a small HTTP/1.1 server that answers as huggingface.co does, and misbehaves on demand.
//!
//! Small files come from the Hub's own port with their git hash as ETag; weights are redirected to a second port, as to the
//! CDN, with `X-Linked-Etag` and `X-Linked-Size`. Python's `huggingface_hub` is served as well. Every request is noted.
//! Limits: one request a connection, GET and HEAD.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::repo::{Held, Repo, is_large};

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
    /// Bytes of answers that went out so far.
    sent: AtomicU64,
    stopped: AtomicBool,
    cdn: u16,
}

/// What goes wrong with a request, asked with all that came before it.
type FaultOf = dyn Fn(&Seen, &[Seen]) -> Fault + Send + Sync;

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
    /// The rest of a file is sent in this way.
    Rest(Rest),
}

/// How a mirror sends the rest of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// With this in place of `bytes ` in `Content-Range`; `None` for without that header.
    Named(Option<&'static str>),
    /// With the status of a whole file; with `Content-Range` or without.
    AsWhole(bool),
    /// Not at all: this status.
    Refused(u16),
    /// With all that is before it.
    FromZero,
    /// No more than so many bytes of it.
    AtMost(usize),
    /// With the length of the whole file.
    WithLengthOfAll,
    /// Other bytes.
    Garbled,
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
            sent: AtomicU64::new(0),
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

    /// Bytes of answers that went out so far.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
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

    fn add(&mut self, header: &str) {
        self.headers.extend([header, "\r\n"]);
    }

    /// Becomes the rest of a file, as a mirror sends it.
    fn rest(&mut self, from: usize, how: Rest) {
        let of = self.body.len();
        let mut to = of;
        let mut name = Some("bytes ");
        let mut begin = from;
        match how {
            Rest::Named(other) => name = other,
            Rest::AsWhole(is_named) => (self.status, name) = (200, name.filter(|_| is_named)),
            Rest::Refused(status) => return *self = Self::new(status, "", "{}"),
            Rest::FromZero => begin = 0,
            Rest::AtMost(bytes) => to = of.min(from + bytes),
            Rest::WithLengthOfAll => self.add(&format!("Content-Length: {of}")),
            Rest::Garbled => self.body.iter_mut().for_each(|byte| *byte ^= 1),
        }
        if let Some(name) = name {
            self.add(&format!("Content-Range: {name}{begin}-{}/{of}", to - 1));
        }
        self.body.truncate(to);
        self.body.drain(..begin);
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
            ["api", "models"] => {
                Answer::json(&repos.iter().map(|(id, repo)| repo.info(id, false)).collect::<Vec<_>>().into())
            }
            ["api", "models", owner, name, ref rest @ ..] => {
                let Some((id, repo)) = repos.get_key_value(&format!("{owner}/{name}")) else {
                    // The Hub doesn't tell strangers what is private.
                    let headers = "X-Error-Code: RepoNotFound\r\nX-Error-Message: Repository not found\r\n";
                    return Answer::new(if request.authorization.is_some() { 404 } else { 401 }, headers, "{}");
                };
                if let Some(to) = &repo.moved_to {
                    return Answer::new(307, format!("Location: /api/models/{to}\r\n"), "");
                }
                match rest {
                    ["tree", ..] => Answer::json(&repo.tree()),
                    ["revision", revision @ ..] if !repo.knows(&revision.join("/")) => {
                        Answer::absent("RevisionNotFound")
                    }
                    _ => Answer::json(&repo.info(id, request.target.contains("blobs=true"))),
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
                answer.rest(
                    from as usize,
                    if let Fault::Rest(rest) = fault { *rest } else { Rest::Named(Some("bytes ")) },
                );
            }
        }
        if !matches!(fault, Fault::LongerUnannounced(_)) && !answer.headers.contains("Content-Length") {
            answer.add(&format!("Content-Length: {}", answer.body.len()));
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
            self.sent.fetch_add(body.len() as u64, Ordering::Relaxed);
            return Ok(body.len() as u64);
        }
        for slice in body.chunks(rate.div_ceil(200) as usize) {
            stream.write_all(slice)?;
            self.sent.fetch_add(slice.len() as u64, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(5));
        }
        Ok(body.len() as u64)
    }
}

const GATED: &str =
    "X-Error-Code: GatedRepo\r\nX-Error-Message: Access to this model is restricted. Bearer hf_secret_token\r\n";
