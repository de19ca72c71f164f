//! Downloads from the Hub: two named threads, one that asks the Hub and one that fetches, and the handle that commands them.
//!
//! The handle never waits. A question is answered by one [`Told`], but for one that a newer question made pointless; a
//! download ends in one. How far a download is lies in a slot where the newest wins. Dropping the handle stops what goes
//! on: what has come of a download is kept, and the next one goes on from there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded, never};

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::model_ref::HubId;
use crate::base::sync::Latest;
use crate::base::sync::Wake;
use crate::families;
use crate::storage::hub::{DownloadProgress, Downloaded, FoundModel, Hub, Offer, Options, Token, Variant};
use crate::storage::library::Repair;

mod act;
mod list;
mod token;

pub(super) use list::{Download, List, Standing};

/// How to reach the Hub for who has this token.
pub type Reach = Arc<dyn Fn(Option<Token>) -> Options + Send + Sync>;

/// Questions and answers that wait at most: far more than a person can ask.
const CAPACITY: usize = 32;

/// Models that a search shows.
const SHOWN: usize = 30;

/// Something to ask.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// Which models there are of this name.
    Search(String),
    /// What a repository offers, in this precision.
    Look(HubId, Variant),
    /// What a repository offers of which files here are damaged: they make way for what is to be fetched.
    Repair(Box<Repair>, Variant),
    /// Keep an access token from now on, or none if it is empty.
    KeepToken(String),
}

/// What the threads tell.
pub(super) enum Told {
    /// What a search found.
    Found { text: String, found: Result<Vec<FoundModel>> },
    /// What a repository offers.
    Looked { asked: HubId, offer: Result<Box<Offer>> },
    /// A download is over.
    Ended { asked: HubId, run: u64, ended: Result<Downloaded> },
    /// Whether an access token is kept now, or why that can't be done.
    TokenKept(Result<bool>),
}

/// A download to begin.
struct Order {
    offer: Offer,
    run: u64,
    cancel: CancelToken,
}

/// The window's end.
pub(super) struct Downloads {
    questions: Option<Sender<(Question, CancelToken)>>,
    orders: Option<Sender<Order>>,
    told: Receiver<Told>,
    progress: Latest<(HubId, DownloadProgress)>,
    /// Raised for the last search or look, when another takes its place.
    asked: CancelToken,
    /// Raised for the download that goes on.
    fetched: CancelToken,
    threads: Vec<JoinHandle<()>>,
}

/// What both threads have.
#[derive(Clone)]
struct Teller {
    told: Sender<Told>,
    wake: Wake,
    reach: Reach,
    /// The file of the access token.
    token: PathBuf,
}

impl Teller {
    fn tell(&self, told: Told) {
        // The window is gone if nobody listens.
        if self.told.send(told).is_ok() {
            (self.wake)();
        }
    }

    fn hub(&self) -> Result<Hub> {
        Hub::new((self.reach)(token::read(&self.token)), families::ALL)
    }

    fn answer(&self, question: Question, cancel: &CancelToken) {
        match question {
            Question::KeepToken(text) => self.tell(Told::TokenKept(token::keep(&self.token, &text))),
            Question::Search(text) => {
                let found = self.hub().and_then(|hub| hub.search(&text, SHOWN, cancel));
                if let Some(found) = found.transpose() {
                    self.tell(Told::Found { text, found });
                }
            }
            Question::Look(asked, variant) => {
                let offer = self.hub().and_then(|hub| hub.look(&asked, variant, cancel));
                if let Some(offer) = offer.transpose() {
                    self.tell(Told::Looked { asked, offer: offer.map(Box::new) });
                }
            }
            Question::Repair(repair, variant) => {
                let offer = self.hub().and_then(|hub| {
                    // Nothing makes way unless the Hub can be asked for it.
                    if hub.look(&repair.id, variant, cancel)?.is_none() {
                        return Ok(None);
                    }
                    repair.make_way()?;
                    hub.look(&repair.id, variant, cancel)
                });
                if let Some(offer) = offer.transpose() {
                    self.tell(Told::Looked { asked: repair.id, offer: offer.map(Box::new) });
                }
            }
        }
    }

    fn fetch(&self, order: &Order, slot: &Latest<(HubId, DownloadProgress)>) {
        let asked = order.offer.asked.clone();
        let mut on_progress = |progress: &DownloadProgress| {
            slot.put((asked.clone(), progress.clone()));
            (self.wake)();
        };
        let ended = self.hub().and_then(|hub| hub.download(&order.offer, &mut on_progress, &order.cancel));
        self.tell(Told::Ended { asked, run: order.run, ended });
    }
}

impl Downloads {
    /// Starts the threads. `wake` is called whenever there is something to hear; an access token is kept in `token`.
    ///
    /// # Errors
    /// The system has no threads to give.
    pub(super) fn spawn(reach: Reach, token: &Path, wake: Wake) -> Result<Self> {
        let (questions, asked) = bounded::<(Question, CancelToken)>(CAPACITY);
        let (orders, ordered) = bounded::<Order>(1);
        let (tell, told) = bounded(CAPACITY);
        let teller = Teller { told: tell, wake, reach, token: token.to_owned() };
        let (progress, asking) = (Latest::new(), teller.clone());
        let slot = progress.clone();
        let threads = vec![
            named("burnisher-hub", move || {
                for (question, cancel) in asked.iter().filter(|(_, cancel)| !cancel.is_cancelled()) {
                    asking.answer(question, &cancel);
                }
            })?,
            named("burnisher-download", move || ordered.iter().for_each(|order| teller.fetch(&order, &slot)))?,
        ];
        let (questions, orders) = (Some(questions), Some(orders));
        let (asked, fetched) = (CancelToken::new(), CancelToken::new());
        Ok(Self { questions, orders, told, progress, asked, fetched, threads })
    }

    /// Asks something. A search or a look makes the last one pointless.
    ///
    /// # Errors
    /// So much waits already that it can't be taken.
    pub(super) fn ask(&mut self, question: Question) -> Result<()> {
        let cancel = CancelToken::new();
        if !matches!(question, Question::KeepToken(_)) {
            self.asked.cancel();
            self.asked = cancel.clone();
        }
        let busy = || Error::new("the Hub doesn't answer yet").advise("Try again in a moment");
        self.questions.as_ref().ok_or_else(busy)?.try_send((question, cancel)).map_err(|_| busy())
    }

    /// Begins the next download of the list, if none goes on.
    pub(super) fn dispatch(&mut self, list: &mut List) {
        let Some((offer, cancel)) = list.next() else { return };
        let asked = offer.asked.clone();
        let order = Order { offer, run: list.begin(&asked), cancel: cancel.clone() };
        if self.orders.as_ref().is_some_and(|orders| orders.try_send(order).is_ok()) {
            self.fetched = cancel;
        } else {
            // The last one hasn't wound up yet.
            list.put_off(&asked);
        }
    }

    /// What there is to hear.
    pub(super) fn told(&self) -> Option<Told> {
        self.told.try_recv().ok()
    }

    /// How far the download is that goes on, if that is news.
    pub(super) fn progress(&self) -> Option<(HubId, DownloadProgress)> {
        self.progress.take()
    }
}

impl Drop for Downloads {
    /// Stops what goes on, within a moment.
    fn drop(&mut self) {
        self.asked.cancel();
        self.fetched.cancel();
        (self.questions, self.orders) = (None, None);
        self.told = never();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn named(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|cause| Error::new("the threads for the Hub can't be started").caused_by(cause))
}
