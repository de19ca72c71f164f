//! Two services for the Hub, one that asks it and one that fetches, and the handle that commands them.
//!
//! The handle never waits. A question is answered once, but for one that a newer question made pointless; a download ends once. How
//! far a download is lies in a slot where the newest wins. Dropping the handle stops what goes on: what has come of a download is
//! kept, and the next one goes on from there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::model_ref::HubId;
use crate::base::stop::{Outcome, Stop};
use crate::base::sync::{Latest, Limits, Outbox, Service, Wake};
use crate::families;
use crate::session::hub::list::DownloadList;
use crate::session::hub::token;
use crate::storage::hub::{DownloadProgress, Downloaded, FoundModel, Hub, Offer, Options, Token, Variant};
use crate::storage::library::Repair;

/// How to reach the Hub for who has this token.
pub type Reach = Arc<dyn Fn(Option<Token>) -> Options + Send + Sync>;

/// Far more questions and answers than a person can ask for; a connection that doesn't answer isn't waited for at the end.
const LIMITS: Limits = Limits { orders: 32, news: 32, patience: Duration::from_secs(5) };

/// Models that a search shows.
const SHOWN: usize = 30;

/// Something to ask.
#[derive(Clone, Debug)]
pub enum HubQuestion {
    /// Which models there are of this name.
    Search(String),
    /// What a repository offers, in this precision.
    Look(HubId, Variant),
    /// What a repository offers of which files here are damaged: they make way for what is to be fetched.
    Repair(Box<Repair>, Variant),
    /// Keep an access token from now on, or none if it is empty.
    KeepToken(String),
}

/// What the Hub answers.
#[derive(Clone, Debug)]
pub enum HubAnswer {
    /// What a search found.
    Found {
        /// What was searched for.
        text: String,
        /// The models.
        found: Result<Vec<FoundModel>>,
    },
    /// What a repository offers.
    Looked {
        /// The repository, as it was asked for.
        asked: HubId,
        /// The offer.
        offer: Result<Box<Offer>>,
    },
}

impl Serialize for HubAnswer {
    /// What was asked, and the models or the sizes.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let answer = match self {
            Self::Found { text, found: Ok(found) } => {
                json!({ "search": text, "models": found.iter().map(|model| model.id.to_string()).collect::<Vec<_>>() })
            }
            Self::Found { text, found: Err(error) } => json!({ "search": text, "error": error }),
            Self::Looked { asked, offer: Ok(offer) } => json!({
                "model": asked.to_string(), "bytes": offer.bytes, "bytes_here": offer.bytes_here, "files": offer.files.len(),
            }),
            Self::Looked { asked, offer: Err(error) } => json!({ "model": asked.to_string(), "error": error }),
        };
        answer.serialize(serializer)
    }
}

/// What the services tell.
pub(in crate::session) enum HubNews {
    Answer(HubAnswer),
    /// Whether an access token is kept now, or why that can't be done.
    TokenKept(Result<bool>),
    /// A download is over.
    Ended {
        asked: HubId,
        run: u64,
        ended: Result<Downloaded>,
    },
}

/// A download to begin.
struct DownloadOrder {
    offer: Offer,
    run: u64,
    cancel: CancelToken,
}

/// The handle.
pub(in crate::session) struct HubDesk {
    asking: Service<(HubQuestion, CancelToken), HubNews>,
    fetching: Service<DownloadOrder, HubNews>,
    progress: Latest<(HubId, DownloadProgress)>,
    /// Raised for the last search or look, when another takes its place.
    asked: CancelToken,
    /// Raised for the download that goes on.
    fetched: CancelToken,
}

/// How both services reach the Hub.
#[derive(Clone)]
struct Access {
    reach: Reach,
    /// The file of the access token.
    token: PathBuf,
}

impl Access {
    fn hub(&self) -> Result<Hub> {
        Hub::new((self.reach)(token::read(&self.token)), families::ALL)
    }

    /// The answer to a question; `None` if a newer one made it pointless.
    fn answer(&self, question: HubQuestion, cancel: &CancelToken) -> Option<HubNews> {
        let answer = match question {
            HubQuestion::KeepToken(text) => return Some(HubNews::TokenKept(token::keep(&self.token, &text))),
            HubQuestion::Search(text) => {
                let found =
                    unless_cancelled(self.hub().map_err(Stop::from).and_then(|hub| hub.search(&text, SHOWN, cancel)))?;
                HubAnswer::Found { text, found }
            }
            HubQuestion::Look(asked, variant) => {
                let offer =
                    unless_cancelled(self.hub().map_err(Stop::from).and_then(|hub| hub.look(&asked, variant, cancel)))?;
                HubAnswer::Looked { asked, offer: offer.map(Box::new) }
            }
            HubQuestion::Repair(repair, variant) => {
                let offer = self.hub().map_err(Stop::from).and_then(|hub| {
                    // Nothing makes way unless the Hub can be asked for it.
                    hub.look(&repair.id, variant, cancel)?;
                    repair.make_way()?;
                    hub.look(&repair.id, variant, cancel)
                });
                HubAnswer::Looked { offer: unless_cancelled(offer)?.map(Box::new), asked: repair.id }
            }
        };
        Some(HubNews::Answer(answer))
    }

    fn fetch(&self, order: &DownloadOrder, slot: &Latest<(HubId, DownloadProgress)>, outbox: &Outbox<HubNews>) {
        let asked = order.offer.asked.clone();
        let mut on_progress = |progress: &DownloadProgress| {
            slot.put((asked.clone(), progress.clone()));
            outbox.wake();
        };
        let ended = self.hub().and_then(|hub| hub.download(&order.offer, &mut on_progress, &order.cancel));
        outbox.tell(HubNews::Ended { asked, run: order.run, ended });
    }
}

/// Returns what came of a question; `None` where nobody waits for the answer any more.
fn unless_cancelled<T>(outcome: Outcome<T>) -> Option<Result<T>> {
    match outcome {
        Ok(value) => Some(Ok(value)),
        Err(Stop::Failed(error)) => Some(Err(error)),
        Err(Stop::Cancelled) => None,
    }
}

impl HubDesk {
    /// Starts the services. An access token is kept in the file `token`.
    ///
    /// # Errors
    /// The system has no threads to give.
    pub(in crate::session) fn spawn(reach: Reach, token: &Path, wake: &Wake) -> Result<Self> {
        let access = Access { reach, token: token.to_owned() };
        let (progress, fetcher) = (Latest::new(), access.clone());
        let slot = progress.clone();
        let asking = Service::spawn(
            "burnisher-hub",
            LIMITS,
            wake.clone(),
            move |questions: Receiver<(HubQuestion, CancelToken)>, outbox| {
                for (question, cancel) in questions {
                    let question = Some(question).filter(|_| !cancel.is_cancelled());
                    if let Some(news) = question.and_then(|question| access.answer(question, &cancel)) {
                        outbox.tell(news);
                    }
                }
            },
        )?;
        let one = Limits { orders: 1, ..LIMITS };
        let fetching =
            Service::spawn("burnisher-download", one, wake.clone(), move |orders: Receiver<DownloadOrder>, outbox| {
                for order in orders {
                    fetcher.fetch(&order, &slot, &outbox);
                }
            })?;
        Ok(Self { asking, fetching, progress, asked: CancelToken::new(), fetched: CancelToken::new() })
    }

    /// Asks something. A search or a look makes the last one pointless.
    ///
    /// # Errors
    /// So much waits already that it can't be taken.
    pub(in crate::session) fn ask(&mut self, question: HubQuestion) -> Result<()> {
        let cancel = CancelToken::new();
        if !matches!(question, HubQuestion::KeepToken(_)) {
            self.asked.cancel();
            self.asked = cancel.clone();
        }
        let busy = |_| Error::new("The Hub doesn't answer yet").advise("Try again in a moment");
        self.asking.send((question, cancel)).map_err(busy)
    }

    /// Begins the next download of the list, if none goes on.
    pub(in crate::session) fn dispatch(&mut self, list: &mut DownloadList) {
        let Some((offer, cancel)) = list.next() else { return };
        let asked = offer.asked.clone();
        let order = DownloadOrder { offer, run: list.begin(&asked), cancel: cancel.clone() };
        if self.fetching.send(order).is_ok() {
            self.fetched = cancel;
        } else {
            // The last one hasn't wound up yet.
            list.put_off(&asked);
        }
    }

    /// The next of the news.
    pub(in crate::session) fn news(&self) -> Option<HubNews> {
        self.asking.news().or_else(|| self.fetching.news())
    }

    /// How far the download is that goes on, if that is news.
    pub(in crate::session) fn progress(&self) -> Option<(HubId, DownloadProgress)> {
        self.progress.take()
    }
}

impl Drop for HubDesk {
    /// Stops what goes on.
    fn drop(&mut self) {
        self.asked.cancel();
        self.fetched.cancel();
    }
}
