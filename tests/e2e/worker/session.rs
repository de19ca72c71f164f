//! The session as its clients drive it, without a window: an engine that obeys prompts, folders of its own, and a process that is
//! killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use burnisher::base::model_ref::ModelRef;
use burnisher::base::sync::{Wake, bell};
use burnisher::families;
use burnisher::session::journal::{self, Kept};
use burnisher::session::settings::{Draft, Settings};
use burnisher::session::{Key, Move, OpenWorker, Seat, Session, SessionCommand, SessionEvent, SessionSetup};
use burnisher::storage::gallery::Destination;
use burnisher::storage::hub;
use burnisher::storage::library::Places;
use burnisher::storage::recipe::local_files::LocalFiles;
use burnisher::worker::{Engine, Event, Hooks, JobEnd, ModelInfo, Output, Previews, spawn_waking, spawn_watched};
use crossbeam_channel::Receiver;

use super::puppet::{DRAW, Puppet, WAIT, job};

/// Longer than anything takes on a busy machine; what takes as long has failed.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// A session on a folder, and what wakes its driver.
pub(super) struct Driver {
    pub(super) session: Session,
    woken: Receiver<()>,
    events: Receiver<SessionEvent>,
    pub(super) heard: Vec<SessionEvent>,
}

pub(super) fn settings_file(folder: &Path) -> PathBuf {
    folder.join("settings.json")
}

fn no_hub(folder: &Path) -> hub::Options {
    hub::Options { offline: true, cache: folder.join("hub"), ..hub::Options::from_env(None) }
}

impl Driver {
    /// The session of this folder, with engines that `open` makes, and no Hub.
    pub(super) fn open<E: Engine>(folder: &Path, open: impl Fn() -> E + Clone + Send + 'static) -> Self {
        Self::open_with_hub(folder, open, no_hub(folder))
    }

    /// The same with a Hub.
    pub(super) fn open_with_hub<E: Engine>(
        folder: &Path,
        open: impl Fn() -> E + Clone + Send + 'static,
        hub: hub::Options,
    ) -> Self {
        let open_worker = move |_: &Settings, _: &hub::Shelf, wake: Wake| {
            let open = open.clone();
            spawn_waking(move |_, _| Ok(open()), move || wake())
        };
        Self::open_with_worker(folder, Box::new(open_worker), hub)
    }

    fn open_with_worker(folder: &Path, open_worker: OpenWorker, hub: hub::Options) -> Self {
        let (wake, woken) = bell();
        let setup = SessionSetup {
            seat: Seat::take(settings_file(folder)),
            cache: folder.join("cache"),
            places: Places::default(),
            open_worker,
            keep_every: Duration::ZERO,
            reach_hub: Arc::new(move |_| hub.clone()),
        };
        let mut session = Session::open(setup, wake).expect("threads");
        session.settings.output_folder = folder.join("pictures");
        let events = session.subscribe();
        Self { session, woken, events, heard: Vec::new() }
    }

    pub(super) fn ask(&mut self, command: SessionCommand) {
        self.session.send(command).expect("it can be done");
    }

    pub(super) fn draw(&mut self, prompt: &str) {
        let work = job(prompt, Path::new(".")).work;
        self.ask(SessionCommand::Draw { model: ModelRef::Bundled, work, output: None, is_first: false });
    }

    /// Drives the session until something is so.
    pub(super) fn until(&mut self, what: &str, is_so: impl Fn(&Session) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.session.poll();
            let is_so = is_so(&self.session);
            self.heard.extend(self.events.try_iter());
            if is_so {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(self.woken.recv_timeout(left).is_ok(), "never seen: {what}\n{:?}", self.heard);
        }
    }

    /// Waits until something is told that wasn't heard yet, or something else is so.
    pub(super) fn news(&mut self, or: impl Fn(&Session) -> bool) -> Vec<SessionEvent> {
        let heard = self.heard.len();
        let events = self.events.clone();
        self.until("news", |session| !events.is_empty() || or(session));
        self.heard.extend(self.events.try_iter());
        self.heard.get(heard..).unwrap_or_default().to_vec()
    }

    /// The prompts that wait, each with its key.
    fn waiting(&self) -> Vec<(String, Key)> {
        let prompt = |(key, waiting, _): (Key, &burnisher::session::Waiting, bool)| {
            (waiting.work.first().prompts.prompt.clone(), key)
        };
        self.session.queue().waiting().map(prompt).collect()
    }

    pub(super) fn key_of(&self, prompt: &str) -> Key {
        self.waiting().into_iter().find(|(known, _)| known == prompt).expect("it waits").1
    }

    pub(super) fn prompts(&self) -> Vec<String> {
        self.waiting().into_iter().map(|(prompt, _)| prompt).collect()
    }
}

pub(super) fn pictures(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder.join("pictures")) else { return 0 };
    entries.flatten().filter(|entry| entry.path().extension().is_some_and(|ending| ending == "png")).count()
}

pub(super) fn prompts_of(kept: &Kept) -> Vec<&str> {
    kept.waiting().map(|waiting| waiting.work.first().prompts.prompt.as_str()).collect()
}

#[test]
fn what_was_asked_of_a_session_that_is_killed_is_there_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let this = std::env::current_exe().expect("this program");
    let mut child = Process::new(this)
        .args(["--exact", "worker::session::in_a_process_that_is_killed", "--ignored", "--nocapture"])
        .env("BURNISHER_TEST_FOLDER", folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let since = Instant::now();
    loop {
        // What is being written may not be whole.
        let kept = journal::read(&settings_file(folder.path())).unwrap_or_default();
        if prompts_of(&kept) == [WAIT, "fourth", "third"] && kept.draft.values.prompts.prompt == "half a thou" {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "{kept:?}");
        assert!(child.try_wait().expect("a child").is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ended");

    let mut driver = Driver::open(folder.path(), Puppet::default);
    assert_eq!(driver.prompts(), [WAIT, "fourth", "third"], "the one that was being drawn comes first");
    assert_eq!(driver.session.form().values.prompts.prompt, "half a thou");
    assert_eq!(driver.session.history(), ["fourth", "third", "second", WAIT, DRAW]);
    assert_eq!(pictures(folder.path()), 1, "the finished picture");
    driver.until("rest", |session| session.model().info().is_some());
    assert!(driver.session.queue().paused && driver.session.queue().running().is_none(), "nothing begins by itself");
    let key = driver.key_of(WAIT);
    driver.ask(SessionCommand::Remove(key));
    driver.ask(SessionCommand::Resume);
    driver.until("the end", |session| !session.has_work());
    assert_eq!(pictures(folder.path()), 3);
    drop(driver);
    let kept = journal::read(&settings_file(folder.path())).expect("a sound journal");
    assert_eq!(prompts_of(&kept), [""; 0]);
}

#[test]
#[ignore = "run by the test before, in a process that is killed"]
fn in_a_process_that_is_killed() {
    let folder = PathBuf::from(std::env::var_os("BURNISHER_TEST_FOLDER").expect("a process of its own"));
    let mut driver = Driver::open(&folder, Puppet::default);
    driver.draw(DRAW);
    driver.until("a picture", |session| !session.has_work());
    driver.draw(WAIT);
    driver.until("it is being drawn", |session| session.queue().running().is_some());
    for prompt in ["second", "third", "fourth"] {
        driver.draw(prompt);
    }
    let (second, fourth) = (driver.key_of("second"), driver.key_of("fourth"));
    driver.ask(SessionCommand::Move(fourth, Move::First));
    driver.ask(SessionCommand::Remove(second));
    let mut form = Draft::default();
    form.values.prompts.prompt = "half a thou".into();
    driver.session.keep_form(&form);
    driver.until("the end of the world", |_| false);
}

#[test]
fn temporary_files_that_a_kill_left_are_swept_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let left = ["", "session.blobs", "pictures"].map(|name| folder.path().join(name).join(".burnisher-Ab3dEf"));
    for path in &left {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let file = fs::File::create(path).expect("a file");
        file.set_modified(SystemTime::now() - Duration::from_hours(2)).expect("a time");
    }
    let mut driver = Driver::open(folder.path(), Puppet::default);
    driver.ask(SessionCommand::Watch(folder.path().join("pictures")));
    driver.until("the folder was listed", |_| !left[2].exists());
    drop(driver);
    assert!(left.iter().all(|path| !path.exists()), "{left:?}");
}

#[test]
fn every_event_is_written_as_json_and_a_failure_stays_in_the_queue() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut driver = Driver::open(folder.path(), Puppet::default);
    driver.draw(DRAW);
    driver.draw(super::puppet::FAIL);
    driver.until("both ended", |session| session.queue().running().is_none() && session.queue().next().is_none());
    driver.heard.extend(driver.events.try_iter());
    assert_eq!(driver.prompts(), [super::puppet::FAIL], "it can be tried again");
    let told: Vec<String> = driver.heard.iter().map(|event| serde_json::to_string(event).expect("JSON")).collect();
    for what in ["model-loaded", "started", "picture-saved", "job-ended", "failed"] {
        assert!(told.iter().any(|event| event.contains(what)), "{what}: {told:?}");
    }
}

#[test]
fn a_session_that_only_draws_gives_what_is_asked_for_and_keeps_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (wake, woken) = bell();
    let shelf = hub::Shelf::in_cache(folder.path().join("hub"), families::ALL);
    let open_worker =
        Box::new(|_: &Settings, _: &hub::Shelf, wake: Wake| spawn_waking(|_, _| Ok(Puppet::default()), move || wake()));
    let mut session =
        Session::for_drawing(Settings::default(), shelf, LocalFiles::default(), open_worker, wake).expect("a thread");
    let events = session.subscribe();
    let refused = session.send(SessionCommand::Scan).expect_err("it has no library").to_string();
    assert!(refused.contains("only draws"), "{refused}");
    let mut until_ended = |prompt: &str, after_step: &mut dyn FnMut(&mut Session)| {
        let output = Output {
            previews: Previews::Files { every: 2.try_into().expect("not 0"), folder: folder.path().join("previews") },
            ..Destination::File(folder.path().join("fox.png")).into()
        };
        let work = job(prompt, folder.path()).work;
        let draw = SessionCommand::Draw { model: ModelRef::Bundled, work, output: Some(output), is_first: false };
        session.send(draw).expect("it can be done");
        loop {
            match session.wait(&events, &woken).expect("the worker is there") {
                Some(SessionEvent::Worker(Event::JobStep { .. })) => after_step(&mut session),
                Some(SessionEvent::Worker(Event::JobEnded { outcome, .. })) => break outcome,
                _ => {}
            }
        }
    };
    assert!(matches!(until_ended(DRAW, &mut |_| {}), JobEnd::Finished(_)));
    let names = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["fox.png", "previews"]);
    let stopped = until_ended(WAIT, &mut |session| {
        session.send(SessionCommand::StopGeneration).expect("it can be done");
    });
    assert!(matches!(stopped, JobEnd::Cancelled));
}

#[test]
fn a_picture_that_is_saved_while_the_session_ends_is_not_drawn_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut driver = Driver::open(folder.path(), Puppet::default);
    driver.draw(DRAW);
    driver.until("the picture is begun", |session| session.queue().running().is_some());
    // Nobody polls meanwhile: the session hears of the picture while it ends.
    let end = Instant::now() + PATIENCE;
    while pictures(folder.path()) == 0 {
        assert!(Instant::now() < end, "no picture was saved");
        thread::yield_now();
    }
    drop(driver);
    let driver = Driver::open(folder.path(), Puppet::default);
    assert_eq!(driver.prompts(), [""; 0]);
}

#[test]
fn who_waits_for_a_worker_that_is_gone_is_told() {
    let (wake, woken) = bell();
    let shelf = hub::Shelf::in_cache(PathBuf::new(), families::ALL);
    let open_worker = Box::new(|_: &Settings, _: &hub::Shelf, wake: Wake| {
        let mut worker = spawn_waking(|_, _| Ok(Puppet::default()), move || wake())?;
        worker.close();
        Ok(worker)
    });
    let mut session =
        Session::for_drawing(Settings::default(), shelf, LocalFiles::default(), open_worker, wake).expect("a thread");
    let events = session.subscribe();
    let error = loop {
        if let Err(error) = session.wait(&events, &woken) {
            break error.to_string();
        }
    };
    assert!(error.contains("The worker is gone"), "{error}");
}

#[test]
fn a_new_worker_is_started_when_the_one_before_it_has_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let (opened, alive) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, living) = (opened.clone(), alive.clone());
    let mut driver = Driver::open(folder.path(), move || {
        count.fetch_add(1, Ordering::SeqCst);
        Alone::new(&living)
    });
    driver.draw(WAIT);
    driver.until("a step", |session| session.queue().running().is_some_and(|running| running.step > 0));
    for limit in [1.0, 2.0, 3.0] {
        driver.session.settings.memory_limit_gb = limit;
        driver.ask(SessionCommand::UseDevice);
        let before = opened.load(Ordering::SeqCst);
        driver.until("a step of the next worker", |session| {
            opened.load(Ordering::SeqCst) > before && session.queue().running().is_some_and(|running| running.step > 0)
        });
        assert_eq!(alive.load(Ordering::SeqCst), 1);
    }
    assert_eq!(opened.load(Ordering::SeqCst), 4);
    driver.ask(SessionCommand::UseDevice);
    assert!(driver.session.queue().running().is_some(), "nothing changed");
}

#[test]
fn a_worker_that_waits_for_a_lost_gpu_in_vain_is_left_behind_and_the_next_one_draws() {
    let folder = tempfile::tempdir().expect("a folder");
    let (opened, is_lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let count = opened.clone();
    let open_worker = move |_: &Settings, _: &hub::Shelf, wake: Wake| {
        let gpu = (count.fetch_add(1, Ordering::SeqCst) == 0).then(|| is_lost.clone());
        let watched = gpu.clone();
        let is_lost = move || watched.as_ref().is_some_and(|gpu| gpu.load(Ordering::SeqCst));
        spawn_watched(move |_, _| Ok(OnGpu(Puppet::default(), gpu.clone())), move || wake(), is_lost)
    };
    let mut driver = Driver::open_with_worker(folder.path(), Box::new(open_worker), no_hub(folder.path()));
    driver.draw(DRAW);
    driver.until("it failed", |session| session.queue().waiting().any(|(_, _, failed)| failed));
    let is_said = |event: &SessionEvent| matches!(event, SessionEvent::Failed(error) if error.headline().contains("GPU was lost"));
    driver.until("a word", |_| true);
    assert!(driver.heard.iter().any(is_said), "{:?}", driver.heard);
    let key = driver.key_of(DRAW);
    driver.ask(SessionCommand::TryAgain(key));
    driver.until("the end", |session| !session.has_work());
    assert_eq!((pictures(folder.path()), opened.load(Ordering::SeqCst)), (1, 2));
}

/// An engine on a GPU that is lost as soon as it draws, and which it then waits for.
struct OnGpu(Puppet, Option<Arc<AtomicBool>>);

impl Engine for OnGpu {
    fn info(&self) -> ModelInfo {
        self.0.info()
    }

    fn run(
        &mut self,
        request: &burnisher::content::request::Valid<burnisher::content::request::Request>,
        hooks: Hooks<'_>,
    ) -> burnisher::base::stop::Outcome<Vec<burnisher::pipelines::Drawn>> {
        if let Some(gpu) = &self.1 {
            gpu.store(true, Ordering::SeqCst);
            loop {
                thread::park();
            }
        }
        self.0.run(request, hooks)
    }
}

/// An engine that counts those that live.
struct Alone(Puppet, Arc<AtomicUsize>);

impl Alone {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        assert_eq!(alive.fetch_add(1, Ordering::SeqCst), 0, "another one still computes");
        Self(Puppet::default(), alive.clone())
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Engine for Alone {
    fn info(&self) -> ModelInfo {
        self.0.info()
    }

    fn run(
        &mut self,
        request: &burnisher::content::request::Valid<burnisher::content::request::Request>,
        hooks: Hooks<'_>,
    ) -> burnisher::base::stop::Outcome<Vec<burnisher::pipelines::Drawn>> {
        self.0.run(request, hooks)
    }
}
