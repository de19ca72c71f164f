//! The session itself: what it holds, the commands that it takes, and what is asked of it.

use std::mem;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::base::sync::{Latest, Wake};
use crate::content::request::Validate;
use crate::families;
use crate::session::command::SessionCommand;
use crate::session::desks::Desks;
use crate::session::event::SessionEvent;
use crate::session::gallery::GalleryDesk;
use crate::session::hub::{DownloadList, HubDesk};
use crate::session::idle;
use crate::session::journal::{self, Journal};
use crate::session::library::{LibraryDesk, LibraryOrder, LibraryProgress};
use crate::session::model::ModelState;
use crate::session::noted;
use crate::session::queue::{Key, Queue};
use crate::session::resume::{self, HalfDone};
use crate::session::settings::{Draft, Settings, remember};
use crate::session::setup::{OpenWorker, SessionSetup, host_of};
use crate::session::waiting::Waiting;
use crate::session::worker_slot::WorkerSlot;
use crate::storage::hub::Shelf;
use crate::storage::library::Places;
use crate::storage::recipe::local_files::LocalFiles;
use crate::worker::{self, JobId, LeftBehind, Preview, RunKeeper};

/// Events that may wait for a subscriber: far more than come between two of its looks. One that lags further behind is dropped.
const EVENTS: usize = 4096;

/// The program without a window.
pub struct Session {
    /// Where the files lie that recipes name by their content.
    pub local_files: LocalFiles,
    /// The preferences. The client may change them; they are kept at the next [`Self::poll`].
    pub settings: Settings,
    pub(super) queue: Queue,
    half_done: HalfDone,
    pub(super) model: ModelState,
    /// Whether the preferences' model is to be loaded as soon as the worker is free.
    pub(super) wants_model: bool,
    /// The step of the last picture that is to be shown as soon as the worker is free.
    pub(super) wants_step: Option<(JobId, usize)>,
    pub(super) worker: WorkerSlot,
    /// Since when the model has had nothing to do.
    idle_since: Option<Instant>,
    history: Vec<String>,
    /// The form as it was left.
    form: Draft,
    /// `None` if it only draws.
    pub(super) desks: Option<Desks>,
    pub(super) downloads: DownloadList,
    /// Where models are looked for, beside the folders in the preferences.
    pub(super) places: Places,
    /// Whether models were ever looked for.
    pub(super) has_scanned: bool,
    /// Counts the windows on these settings from 1.
    seat_number: usize,
    subscribers: Vec<Sender<SessionEvent>>,
    /// What happened before anyone subscribed.
    early: Vec<SessionEvent>,
}

impl Session {
    /// Begins a session where the last one ended. `wake` is called, on any thread, when [`Self::poll`] has something to do.
    ///
    /// # Errors
    /// The system has no threads to give.
    pub fn open(setup: SessionSetup, wake: Wake) -> Result<Self> {
        let seat = setup.seat;
        let (settings, broken) = Settings::load(seat.settings());
        let local_files = LocalFiles::at(seat.settings().with_file_name("local-files.jsonl"));
        let mut opened = journal::open(&seat);
        let troubles = mem::take(&mut opened.troubles);
        let shelf = Shelf::in_cache((setup.reach_hub)(None).cache, families::ALL);
        let mut session = Self::new(settings, shelf, local_files, setup.open_worker, wake.clone());
        let left = opened.journals.iter().map(|journal| LeftBehind::read(journal)).collect();
        let (runs, lost) = resume::take_in(left, &mut opened.kept);
        session.queue = Queue::left_over(opened.kept.queue.iter().cloned());
        (session.form, session.history) = (opened.kept.draft.clone(), opened.kept.history.clone());
        session.places = setup.places;
        session.seat_number = seat.number();
        let told = seat.about_others(opened.taken_over);
        session.desks = Some(Desks {
            gallery: GalleryDesk::spawn(setup.cache, wake.clone())?,
            hub: HubDesk::spawn(setup.reach_hub, &seat.settings().with_file_name("hub-token"), &wake)?,
            library: LibraryDesk::spawn(wake.clone())?,
            runs: RunKeeper::spawn(&seat.journal(), runs, wake.clone())?,
            keep_every: setup.keep_every,
            journal: Journal::spawn(seat, opened, &session.settings, &session.queue, wake)?,
        });
        broken.into_iter().chain(troubles).for_each(|error| session.tell(SessionEvent::Failed(error)));
        for notice in told {
            session.notice(notice);
        }
        if let Some(error) = lost.filter(|_| !session.queue.is_empty()) {
            session.notice(format!("{error}. It is drawn from the start"));
        }
        session.keep();
        session.start_worker();
        Ok(session)
    }

    /// Begins a session that only draws: it loads the model of these preferences, keeps nothing, and has no desks. `wake` is called,
    /// on any thread, when [`Self::poll`] has something to do.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn for_drawing(
        settings: Settings,
        shelf: Shelf,
        local_files: LocalFiles,
        open_worker: OpenWorker,
        wake: Wake,
    ) -> Result<Self> {
        let mut session = Self::new(settings, shelf, local_files, open_worker, wake);
        session.worker.start_if_free(&session.settings)?;
        Ok(session)
    }

    /// A session without desks, whose worker isn't started.
    fn new(settings: Settings, shelf: Shelf, local_files: LocalFiles, open_worker: OpenWorker, wake: Wake) -> Self {
        Self {
            settings,
            queue: Queue::default(),
            half_done: HalfDone::default(),
            model: ModelState::None,
            wants_model: true,
            wants_step: None,
            local_files,
            worker: WorkerSlot::new(open_worker, shelf, wake),
            idle_since: None,
            history: Vec::new(),
            form: Draft::default(),
            desks: None,
            downloads: DownloadList::default(),
            places: Places::default(),
            has_scanned: false,
            seat_number: 1,
            subscribers: Vec::new(),
            early: Vec::new(),
        }
    }

    /// Subscribes to what happens from now on; the first subscriber hears of the beginning too. The channel ends if its receiver
    /// isn't emptied.
    #[expect(
        clippy::disallowed_methods,
        reason = "a subscriber that lets events pile up is dropped when they are told"
    )]
    pub fn subscribe(&mut self) -> Receiver<SessionEvent> {
        // The room of a channel with a bound is taken whole and at once: megabytes.
        let (subscriber, events) = unbounded();
        for event in self.early.drain(..) {
            let _ = subscriber.send(event);
        }
        self.subscribers.push(subscriber);
        events
    }

    /// Counts the windows that are open on the same settings from 1.
    pub fn seat_number(&self) -> usize {
        self.seat_number
    }

    /// Where models of the Hub lie.
    pub fn shelf(&self) -> &Shelf {
        self.worker.shelf()
    }

    /// Does what a client asks for.
    ///
    /// # Errors
    /// It can't be done: the request makes no sense, or the worker has no time.
    pub fn send(&mut self, command: SessionCommand) -> Result<()> {
        match command {
            SessionCommand::Draw { model, work, output, is_first } => {
                self.enqueue(Waiting { model, work, output }, is_first)?;
            }
            SessionCommand::Resume => self.queue.paused = false,
            SessionCommand::StopPicture => self.stop(false),
            SessionCommand::StopGeneration => self.stop(true),
            SessionCommand::Remove(key) => drop(self.queue.remove(key)),
            SessionCommand::Move(key, to) => self.queue.reorder(key, to),
            SessionCommand::TryAgain(key) => {
                self.queue.try_again(key);
                self.wants_model = true;
            }
            SessionCommand::StartOver(key) => {
                self.desks()?.runs.forget(key);
                self.queue.try_again(key);
                self.wants_model = true;
            }
            SessionCommand::Clear => {
                self.queue.clear();
                self.queue.paused = false;
            }
            SessionCommand::UseModel(model) => self.use_model(model),
            SessionCommand::StopLoading => self.model.stop_loading(),
            SessionCommand::Unload => {
                if !self.worker.send(worker::Command::Unload) {
                    return Err(Error::new("The model is in use"));
                }
            }
            SessionCommand::Watch(folder) => self.desks()?.gallery.watch(folder),
            SessionCommand::Search(query) => self.desks()?.gallery.search(query),
            SessionCommand::SetFavourite(pictures, favourite) => {
                self.desks()?.gallery.set_favourite(pictures, favourite)?;
            }
            SessionCommand::Delete(pictures) => self.desks()?.gallery.delete(pictures)?,
            SessionCommand::UndoDelete => self.desks()?.gallery.undo_delete()?,
            SessionCommand::AskHub(question) => self.desks()?.hub.ask(question)?,
            SessionCommand::Download(offer) => {
                self.desks()?;
                self.downloads.push(*offer);
            }
            SessionCommand::PauseDownload(id) => self.downloads.pause(&id),
            SessionCommand::ResumeDownload(id) => self.downloads.resume(&id),
            SessionCommand::RemoveDownload(id) => self.downloads.remove(&id),
            SessionCommand::Scan => self.scan()?,
            SessionCommand::FindDuplicates(items) => {
                self.desks()?.library.order(LibraryOrder::FindDuplicates(items));
            }
            SessionCommand::Verify(item) => self.desks()?.library.order(LibraryOrder::Verify(item)),
            SessionCommand::StopLibrary => self.desks()?.library.stop(),
            SessionCommand::LookBack { id, step } => self.wants_step = Some((id, step)),
            SessionCommand::UseDevice => {
                if self.worker.host() != Some(host_of(&self.settings)) {
                    if let (Some(desks), Some(running)) = (&self.desks, self.queue.running()) {
                        desks.runs.forget(running.key);
                    }
                    self.queue.start_over();
                    (self.model, self.wants_model) = (ModelState::None, true);
                    self.worker.replace();
                    self.start_worker();
                }
            }
        }
        self.dispatch();
        self.keep();
        Ok(())
    }

    /// Loads this model, and draws with it from now on.
    pub(super) fn use_model(&mut self, model: ModelRef) {
        self.settings.remember_model(&model);
        self.settings.model = model;
        self.model.stop_loading();
        self.wants_model = true;
    }

    /// Takes in what the session's threads did, and goes on. Returns when to come back at the latest, if nothing wakes earlier.
    pub fn poll(&mut self) -> Option<Duration> {
        self.start_worker();
        while let Some(event) = self.worker.event() {
            if let (worker::Event::PictureSaved { .. }, Some(desks)) = (&event, &self.desks) {
                desks.gallery.look();
            }
            self.hear_worker(event);
        }
        if self.worker.replace_lost() {
            // A model that couldn't be loaded isn't loaded again by itself.
            if !matches!(self.model, ModelState::Failed { .. }) {
                (self.model, self.wants_model) = (ModelState::None, true);
            }
            self.start_worker();
        }
        while let Some(news) = self.desks.as_ref().and_then(|desks| desks.gallery.news()) {
            self.tell(SessionEvent::Gallery(news));
        }
        self.hear_models();
        while let Some(error) =
            self.desks.as_ref().and_then(|desks| desks.journal.trouble().or_else(|| desks.runs.trouble()))
        {
            self.tell(SessionEvent::Failed(error));
        }
        self.dispatch();
        self.keep();
        self.unload_when_idle()
    }

    /// Waits for what happens next, for a client whose thread has nothing else to do. `None`: its wake was called, and there is
    /// nothing to tell yet. `events` is a subscription to this session, and `woken` hears the wake ([`crate::base::sync::bell`]).
    ///
    /// # Errors
    /// The worker is gone.
    pub fn wait(&mut self, events: &Receiver<SessionEvent>, woken: &Receiver<()>) -> Result<Option<SessionEvent>> {
        if let Ok(event) = events.try_recv() {
            return Ok(Some(event));
        }
        // Asked before its events are taken in: what it told before its end is heard first.
        let is_gone = self.worker.is_gone();
        let due = self.poll();
        if let Ok(event) = events.try_recv() {
            return Ok(Some(event));
        }
        if is_gone {
            return Err(Error::new("The worker is gone"));
        }
        let _ = due.map_or_else(|| woken.recv().map_err(RecvTimeoutError::from), |due| woken.recv_timeout(due));
        Ok(None)
    }

    /// Keeps the form from now on as it stands.
    pub fn keep_form(&mut self, draft: &Draft) {
        if let Some(desks) = &mut self.desks {
            desks.journal.keep_form(draft);
        }
    }

    /// The form as the last session left it.
    pub fn form(&self) -> &Draft {
        &self.form
    }

    /// Prompts that were drawn, the newest first.
    pub fn history(&self) -> &[String] {
        &self.history
    }

    /// What is being drawn, and what waits.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Whether one that waits is on the disk: if the program were killed now, it would be there the next time.
    pub fn is_on_disk(&self, key: Key) -> bool {
        let Some(desks) = &self.desks else { return true };
        self.queue.since(key).is_none_or(|since| since <= desks.journal.written_queue())
    }

    /// How many steps of the next picture of a waiting generation are done, and all of them; `None` if it isn't begun. It is gone
    /// on with when its turn comes ([`SessionCommand::StartOver`] draws it from the start).
    pub fn half_done(&self, key: Key) -> Option<(usize, usize)> {
        self.half_done.progress(key)
    }

    /// What the worker holds.
    pub fn model(&self) -> &ModelState {
        &self.model
    }

    /// The downloads since the start.
    pub fn downloads(&self) -> &DownloadList {
        &self.downloads
    }

    /// How far the work on the models of this computer is, if that changed since it was asked last.
    pub fn library_progress(&self) -> Option<LibraryProgress> {
        self.desks.as_ref()?.library.progress()
    }

    /// The slots of the newest previews. One that nobody takes costs nothing more.
    pub fn previews(&self) -> &[Latest<Preview>] {
        self.worker.previews()
    }

    /// Whether something would be left over if the program ended now.
    pub fn has_work(&self) -> bool {
        self.queue.running().is_some() || !self.queue.is_empty()
    }

    /// What serves it beside the worker.
    ///
    /// # Errors
    /// It only draws.
    pub(super) fn desks(&mut self) -> Result<&mut Desks> {
        self.desks.as_mut().ok_or_else(|| Error::new("This session only draws"))
    }

    pub(super) fn tell(&mut self, event: SessionEvent) {
        noted::note(&event);
        if self.subscribers.is_empty() {
            self.early.push(event);
            return;
        }
        self.subscribers.retain(|subscriber| subscriber.len() < EVENTS && subscriber.send(event.clone()).is_ok());
    }

    fn start_worker(&mut self) {
        if let Err(error) = self.worker.start_if_free(&self.settings) {
            self.tell(SessionEvent::Failed(error));
        }
    }

    fn enqueue(&mut self, waiting: Waiting, is_first: bool) -> Result<()> {
        waiting.work.requests().try_for_each(Validate::validate)?;
        remember(&mut self.history, &waiting.work.first().prompts.prompt);
        if let Some(desks) = &self.desks {
            desks.journal.keep_history(&self.history);
        }
        if is_first {
            self.queue.push_first(waiting);
        } else {
            self.queue.push(waiting);
        }
        // Asking for a picture is asking for the queue to go on.
        self.queue.paused = false;
        Ok(())
    }

    fn stop(&mut self, others_too: bool) {
        self.queue.stop(others_too);
        // A model that nothing waits for is loaded on: Escape is pressed for many reasons.
        if !self.queue.is_empty() {
            self.model.stop_loading();
        }
    }

    fn keep(&mut self) {
        if let Some(desks) = &mut self.desks {
            desks.journal.keep_settings(&self.settings);
            desks.journal.keep_queue(&self.queue);
            // What was finished, stopped or taken out of the queue isn't gone on with.
            for run in desks.runs.all().iter().filter(|run| !self.queue.holds(run.ticket.key)) {
                desks.runs.forget(run.ticket.key);
            }
            self.half_done.look(desks.runs.all(), &self.queue);
        }
    }

    /// Unloads a model that has had nothing to do for long enough; else says when it will have.
    fn unload_when_idle(&mut self) -> Option<Duration> {
        let is_idle = matches!(self.model, ModelState::Ready { .. })
            && self.queue.running().is_none()
            && self.queue.next().is_none();
        let now = Instant::now();
        self.idle_since = is_idle.then(|| self.idle_since.unwrap_or(now));
        let left = idle::left(self.idle_since?, now, self.settings.unload_after_minutes)?;
        if !left.is_zero() {
            return Some(left);
        }
        if self.worker.send(worker::Command::Unload) {
            // Not again before it is loaded again.
            self.idle_since = Some(now);
        }
        None
    }
}

impl Drop for Session {
    /// Keeps what has changed last; the journal's thread writes it before it ends. The worker may save a picture before it ends, which
    /// then isn't kept as one to be drawn.
    fn drop(&mut self) {
        self.keep();
        for event in self.worker.finish() {
            if let worker::Event::PictureSaved { id, picture, .. } = event {
                self.queue.finished(id, picture);
            }
        }
        self.keep();
    }
}
