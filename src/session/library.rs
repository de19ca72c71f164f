//! The service that looks for models, compares files and checks them.
//!
//! It does one thing at a time: a new order stops what is going on. The handle never waits: an order lies in a slot where the newest
//! wins, what is found comes through a bounded channel, and how far things are lies in a slot.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::path_text::shown;
use crate::base::stop::Stop;
use crate::base::sync::{Latest, Limits, Outbox, Service, Wake};
use crate::families;
use crate::storage::library::{Duplicates, LibraryItem, Places, ScanNews, Soundness, find_duplicates, scan, verify};

/// One poke says as much as many; a folder that doesn't answer isn't waited for at the end.
const LIMITS: Limits = Limits { orders: 1, news: 256, patience: Duration::from_secs(1) };

/// From one wake to the next while a long piece of work goes on.
const TELLING: Duration = Duration::from_millis(100);

/// What the service is to do.
pub(super) enum LibraryOrder {
    /// Look for models.
    Scan(Places),
    /// Find files with the same content among those of the items.
    FindDuplicates(Vec<LibraryItem>),
    /// Compare a model with its checksums.
    Verify(Box<LibraryItem>),
}

/// What is found of the models on this computer.
#[derive(Clone, Debug)]
pub enum LibraryNews {
    /// Models are looked for: what was found before is gone.
    Scanning,
    /// Something was found.
    Item(Box<LibraryItem>),
    /// A place couldn't be looked into, or a file couldn't be read.
    Trouble(Error),
    /// Files with the same content.
    Duplicates(Vec<Duplicates>),
    /// A model was checked.
    Verified {
        /// The model.
        item: Box<LibraryItem>,
        /// What came of it.
        verdict: Soundness,
    },
    /// All models are told of.
    Scanned,
    /// What was ordered is done, or was stopped.
    Done,
}

impl Serialize for LibraryNews {
    /// What happened, with names and places.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let news = match self {
            Self::Scanning => json!("scanning"),
            Self::Item(item) => {
                json!({ "item": item.name, "model": item.model, "path": item.path.as_deref().map(shown), "bytes": item.bytes })
            }
            Self::Trouble(error) => json!({ "trouble": error }),
            Self::Duplicates(found) => json!({ "duplicates": found.len() }),
            Self::Verified { item, verdict } => {
                json!({ "verified": item.name, "damaged": matches!(verdict, Soundness::Damaged(_)) })
            }
            Self::Scanned => json!("scanned"),
            Self::Done => json!("done"),
        };
        news.serialize(serializer)
    }
}

/// How far the work is.
#[derive(Clone, Debug)]
pub enum LibraryProgress {
    /// This folder is looked into.
    Looking(PathBuf),
    /// So many bytes of so many are read.
    Bytes(u64, u64),
}

/// The handle.
pub(super) struct LibraryDesk {
    order: Latest<(LibraryOrder, u64, CancelToken)>,
    /// The number of the last order.
    number: u64,
    service: Service<(), Told>,
    progress: Latest<LibraryProgress>,
    cancel: CancelToken,
}

/// What the thread tells; the end of an order comes with its number.
enum Told {
    News(LibraryNews),
    Done(u64),
}

/// The thread's end.
struct Search {
    outbox: Outbox<Told>,
    progress: Latest<LibraryProgress>,
    /// When the client was last woken for progress.
    woken: Mutex<Instant>,
}

impl LibraryDesk {
    /// Starts the service.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(super) fn spawn(wake: Wake) -> Result<Self> {
        let order: Latest<(LibraryOrder, u64, CancelToken)> = Latest::new();
        let progress = Latest::new();
        let (orders, shown) = (order.clone(), progress.clone());
        let service = Service::spawn("burnisher-models", LIMITS, wake, move |pokes, outbox| {
            let search = Search { outbox, progress: shown, woken: Mutex::new(Instant::now()) };
            for () in pokes {
                if let Some((order, number, cancel)) = orders.take() {
                    search.obey(order, &cancel);
                    search.outbox.tell(Told::Done(number));
                }
            }
        })?;
        Ok(Self { order, number: 0, service, progress, cancel: CancelToken::new() })
    }

    /// Has this done, in place of what is going on.
    pub(super) fn order(&mut self, order: LibraryOrder) {
        self.stop();
        self.cancel = CancelToken::new();
        self.number += 1;
        self.order.put((order, self.number, self.cancel.clone()));
        // A full channel says the same.
        let _ = self.service.send(());
    }

    /// Stops what is going on.
    pub(super) fn stop(&self) {
        self.cancel.cancel();
    }

    /// The next of the news.
    pub(super) fn news(&self) -> Option<LibraryNews> {
        loop {
            match self.service.news()? {
                Told::News(news) => return Some(news),
                Told::Done(number) if number == self.number => return Some(LibraryNews::Done),
                // That an earlier order is over says nothing of the last one.
                Told::Done(_) => {}
            }
        }
    }

    /// How far the work is, if that changed.
    pub(super) fn progress(&self) -> Option<LibraryProgress> {
        self.progress.take()
    }
}

impl Drop for LibraryDesk {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Search {
    fn obey(&self, order: LibraryOrder, cancel: &CancelToken) {
        match order {
            LibraryOrder::Scan(places) => {
                self.tell(LibraryNews::Scanning, cancel);
                let scanned = scan(&places, families::ALL, cancel, &|found| match found {
                    ScanNews::Looking(folder) => self.show(LibraryProgress::Looking(folder)),
                    ScanNews::Item(item) => self.tell(LibraryNews::Item(item), cancel),
                    ScanNews::Trouble(error) => self.tell(LibraryNews::Trouble(error), cancel),
                });
                match scanned {
                    Err(error) => self.tell(LibraryNews::Trouble(error), cancel),
                    Ok(()) if !cancel.is_cancelled() => self.tell(LibraryNews::Scanned, cancel),
                    Ok(()) => {}
                }
            }
            LibraryOrder::FindDuplicates(items) => {
                let mut on_bytes = |done, of| self.show(LibraryProgress::Bytes(done, of));
                if let Ok((found, troubles)) = find_duplicates(&items, cancel, &mut on_bytes) {
                    for error in troubles {
                        self.tell(LibraryNews::Trouble(error), cancel);
                    }
                    self.tell(LibraryNews::Duplicates(found), cancel);
                }
            }
            LibraryOrder::Verify(item) => {
                let mut on_bytes = |done, of| self.show(LibraryProgress::Bytes(done, of));
                match verify(&item, cancel, &mut on_bytes) {
                    Ok(verdict) => self.tell(LibraryNews::Verified { item, verdict }, cancel),
                    Err(Stop::Cancelled) => {}
                    Err(Stop::Failed(error)) => self.tell(LibraryNews::Trouble(error), cancel),
                }
            }
        }
    }

    /// Waits for room. Nobody wants the rest if nobody listens.
    fn tell(&self, news: LibraryNews, cancel: &CancelToken) {
        if !self.outbox.tell(Told::News(news)) {
            cancel.cancel();
        }
    }

    /// Replaces what nobody fetched.
    fn show(&self, progress: LibraryProgress) {
        self.progress.put(progress);
        // An instant is put in one move, so one left by a thread that panicked is whole.
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        if woken.elapsed() >= TELLING {
            *woken = Instant::now();
            self.outbox.wake();
        }
    }
}
