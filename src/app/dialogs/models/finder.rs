//! The thread that looks for models, compares files and checks them, and the handle that commands it.
//!
//! It does one thing at a time: a new order stops what is going on. The handle never waits: an order lies in a slot where
//! the newest wins, what is found comes through a bounded channel, and how far things are lies in a slot. The window is
//! woken when there is something to hear. Dropping the handle stops the work; a folder that doesn't answer is waited for
//! no longer than [`PATIENCE`].

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never};

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::sync::Latest;
use crate::families;
use crate::storage::library::{Duplicates, LibraryItem, Places, ScanNews, Soundness, find_duplicates, scan, verify};

/// News that wait for who fetches them.
const NEWS: usize = 256;

/// How long the end is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// From one wake of the window to the next while a long piece of work goes on.
const TELLING: Duration = Duration::from_millis(100);

/// What the thread is to do.
pub(crate) enum Order {
    /// Look for models.
    Scan(Places),
    /// Find files with the same content among those of the items.
    FindDuplicates(Vec<LibraryItem>),
    /// Compare a model with its checksums.
    Verify(Box<LibraryItem>),
}

/// What the thread has to tell.
pub(crate) enum News {
    /// It begins to look for models: what was found before is gone.
    Scanning,
    /// Something was found.
    Item(Box<LibraryItem>),
    /// What couldn't be looked into, or read.
    Trouble(Error),
    /// Files with the same content.
    Duplicates(Vec<Duplicates>),
    /// A model was checked.
    Verified { item: Box<LibraryItem>, verdict: Soundness },
    /// All models are told of.
    Scanned,
    /// The order of this number is done, or was stopped.
    Done(u64),
}

/// How far the work is.
#[derive(Clone, Debug)]
pub(crate) enum Progress {
    /// It looks into this folder.
    Looking(PathBuf),
    /// So many bytes of so many are read.
    Bytes(u64, u64),
}

/// The thread, as the window holds it.
pub(crate) struct Finder {
    order: Latest<(Order, u64, CancelToken)>,
    /// The number of the last order.
    number: u64,
    poke: Sender<()>,
    news: Receiver<News>,
    progress: Latest<Progress>,
    cancel: CancelToken,
    alive: Receiver<Infallible>,
}

/// The thread's end.
struct Work {
    news: Sender<News>,
    progress: Latest<Progress>,
    wake: Arc<dyn Fn() + Send + Sync>,
    /// When the window was last woken for progress.
    woken: Mutex<Instant>,
}

impl Finder {
    /// Starts the thread. `wake` is called, on any thread, when there are news.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn spawn(wake: Arc<dyn Fn() + Send + Sync>) -> Result<Self> {
        let order: Latest<(Order, u64, CancelToken)> = Latest::new();
        let (poke, poked) = bounded(1);
        let (told, news) = bounded(NEWS);
        let (held, alive) = bounded::<Infallible>(0);
        let progress = Latest::new();
        let work = Work { news: told, progress: progress.clone(), wake, woken: Mutex::new(Instant::now()) };
        let orders = order.clone();
        let run = move || {
            let _alive = held;
            for () in poked {
                if let Some((order, number, cancel)) = orders.take() {
                    work.obey(order, &cancel);
                    work.tell(News::Done(number), &cancel);
                }
            }
        };
        let thread = thread::Builder::new().name("burnisher-models".to_owned()).spawn(run);
        thread.map_err(|cause| Error::new("the thread for models can't be started").caused_by(cause))?;
        Ok(Self { order, number: 0, poke, news, progress, cancel: CancelToken::new(), alive })
    }

    /// Has this done, in place of what is going on.
    pub(crate) fn order(&mut self, order: Order) {
        self.stop();
        self.cancel = CancelToken::new();
        self.number += 1;
        self.order.put((order, self.number, self.cancel.clone()));
        // A full channel says the same.
        let _ = self.poke.try_send(());
    }

    /// Stops what is going on.
    pub(crate) fn stop(&self) {
        self.cancel.cancel();
    }

    /// The next thing there is to tell. To be called until there is nothing more, whenever the window was woken.
    pub(crate) fn news(&self) -> Option<News> {
        // That an earlier order is over says nothing of the last one.
        let is_late = |news: &News| matches!(news, News::Done(number) if *number != self.number);
        self.news.try_iter().find(|news| !is_late(news))
    }

    /// How far the work is, if that changed.
    pub(crate) fn progress(&self) -> Option<Progress> {
        self.progress.take()
    }
}

impl Drop for Finder {
    fn drop(&mut self) {
        self.stop();
        // With the other ends gone, the thread waits neither for orders nor for room.
        self.poke = bounded(0).0;
        self.news = never();
        let _ = self.alive.recv_timeout(PATIENCE);
    }
}

impl Work {
    fn obey(&self, order: Order, cancel: &CancelToken) {
        match order {
            Order::Scan(places) => {
                self.tell(News::Scanning, cancel);
                let scanned = scan(&places, families::ALL, cancel, &|found| match found {
                    ScanNews::Looking(folder) => self.show(Progress::Looking(folder)),
                    ScanNews::Item(item) => self.tell(News::Item(item), cancel),
                    ScanNews::Trouble(error) => self.tell(News::Trouble(error), cancel),
                });
                match scanned {
                    Err(error) => self.tell(News::Trouble(error), cancel),
                    Ok(()) if !cancel.is_cancelled() => self.tell(News::Scanned, cancel),
                    Ok(()) => {}
                }
            }
            Order::FindDuplicates(items) => {
                let mut on_bytes = |done, of| self.show(Progress::Bytes(done, of));
                if let Some((found, troubles)) = find_duplicates(&items, cancel, &mut on_bytes) {
                    for error in troubles {
                        self.tell(News::Trouble(error), cancel);
                    }
                    self.tell(News::Duplicates(found), cancel);
                }
            }
            Order::Verify(item) => match verify(&item, cancel, &mut |done, of| self.show(Progress::Bytes(done, of))) {
                Ok(Some(verdict)) => self.tell(News::Verified { item, verdict }, cancel),
                Ok(None) => {}
                Err(error) => self.tell(News::Trouble(error), cancel),
            },
        }
    }

    /// Waits for room. Nobody wants the rest if nobody listens.
    fn tell(&self, news: News, cancel: &CancelToken) {
        if self.news.send(news).is_err() {
            cancel.cancel();
        }
        (self.wake)();
    }

    /// Replaces what nobody fetched.
    fn show(&self, progress: Progress) {
        self.progress.put(progress);
        // An instant is put in one move, so one left by a thread that panicked is whole.
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        if woken.elapsed() >= TELLING {
            *woken = Instant::now();
            (self.wake)();
        }
    }
}
