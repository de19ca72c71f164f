//! A program that is killed while it draws, with the real engine on the bundled model: what was being drawn is gone on with, and what
//! was saved isn't drawn twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::thread;
use std::time::Duration;

use burnisher::base::model_ref::ModelRef;
use burnisher::base::stop::Outcome;
use burnisher::content::request::{Guidance, Prompts, Request, Sampling, Seeds, Size, Valid};
use burnisher::pipelines::{DiffusionPipeline, Drawn};
use burnisher::session::journal;
use burnisher::session::{SessionCommand, SessionEvent};
use burnisher::storage::gallery::read_recipe;
use burnisher::worker::{self, Engine, Event, Hooks, LeftBehind, ModelInfo, Resumption, Step, Work};
use image::RgbImage;

use super::bundled::{CPU, turn};
use super::session::{Driver, PATIENCE, pictures, settings_file};

/// Steps of each picture.
const STEPS: usize = 6;

/// A picture by what draws it, and its pixels.
pub(super) type Finished = (String, RgbImage);

pub(super) fn request(prompt: &str, sampler: &str) -> Request {
    Request {
        prompts: Prompts::new(prompt),
        sampling: Sampling {
            scheduler: Some(sampler.parse().expect("a sampler")),
            steps: STEPS,
            ..Sampling::default()
        },
        guidance: Guidance { scale: 3.0, ..Guidance::default() },
        seeds: Seeds::one(1),
        size: Size::new(64, 64),
        ..Request::default()
    }
}

/// What identifies a picture in these tests.
fn name_of(request: &Request) -> String {
    let sampler = request.sampling.scheduler.map_or("", |kind| kind.name());
    format!("{} {} {sampler}", request.prompts.prompt, request.seeds.first)
}

pub(super) fn names_of(work: &Work) -> Vec<String> {
    work.requests().flat_map(|request| (0..request.seeds.count).map(|k| name_of(&request.picture(k)))).collect()
}

/// The finished pictures of a folder, each of them whole.
pub(super) fn finished(folder: &Path) -> Vec<Finished> {
    let Ok(entries) = fs::read_dir(folder.join("pictures")) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let paths = paths.filter(|path| path.extension().is_some_and(|ending| ending == "png"));
    let read = |path: PathBuf| {
        let recipe = read_recipe(&path).expect("a whole PNG").expect("a recipe");
        (name_of(&recipe.request), image::open(&path).expect("a whole PNG").to_rgb8())
    };
    let mut finished: Vec<Finished> = paths.map(read).collect();
    finished.sort_by(|(a, _), (b, _)| a.cmp(b));
    finished
}

pub(super) fn real() -> DiffusionPipeline {
    worker::open(&ModelRef::Bundled, CPU, &mut |_| Ok(())).expect("the bundled model")
}

pub(super) fn draw(driver: &mut Driver, work: Work) {
    driver.ask(SessionCommand::Draw { model: ModelRef::Bundled, work, output: None, is_first: false });
}

pub(super) fn until_all_is_on_disk(driver: &mut Driver) {
    driver.until("it is on the disk", |session| session.queue().waiting().all(|(key, ..)| session.is_on_disk(key)));
}

/// This test program, with one of its tests, for a process of its own.
pub(super) fn program(test: &str, folder: &Path) -> Process {
    let this = std::env::current_exe().expect("this program");
    let mut program = Process::new(this);
    program.args(["--exact", &format!("worker::{test}"), "--ignored", "--nocapture"]);
    program.env("BURNISHER_TEST_FOLDER", folder).stdout(Stdio::piped());
    program
}

fn process(test: &str, folder: &Path) -> Child {
    program(&format!("killed::{test}"), folder).spawn().expect("it starts")
}

pub(super) fn own_folder() -> PathBuf {
    PathBuf::from(std::env::var_os("BURNISHER_TEST_FOLDER").expect("a process of its own"))
}

/// Kills a process as soon as something is so.
fn kill_when(mut child: Child, what: &str, is_so: impl Fn() -> bool) {
    let since = std::time::Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "never seen: {what}");
        assert!(child.try_wait().expect("a child").is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ended");
}

/// The real engine, which stands still after some steps of its first picture.
struct StandsStill(DiffusionPipeline);

/// The steps after which it does.
const STILL_AFTER: usize = 4;

impl Engine for StandsStill {
    fn info(&self) -> ModelInfo {
        Engine::info(&self.0)
    }

    fn run(&mut self, request: &Valid<Request>, hooks: Hooks<'_>) -> Outcome<Vec<Drawn>> {
        let Hooks { on_phase, on_step, cancel, trace } = hooks;
        let mut on_step = |step: Step<'_>| {
            let done = step.index + 1;
            on_step(step)?;
            if done < STILL_AFTER {
                return Ok(());
            }
            loop {
                thread::park();
            }
        };
        Engine::run(&mut self.0, request, Hooks { on_phase, on_step: &mut on_step, cancel, trace })
    }

    fn check_resumption(&self, request: &Request, resumption: &Resumption) -> burnisher::base::error::Result<()> {
        Engine::check_resumption(&self.0, request, resumption)
    }
}

#[test]
fn a_picture_that_was_being_drawn_when_the_program_was_killed_is_gone_on_with() {
    let _turn = turn();
    let (folder, undisturbed) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let journal = journal::path_beside(&settings_file(folder.path()));
    let child = process("in_a_process_that_stands_still", folder.path());
    kill_when(child, "a state of the picture", || LeftBehind::read(&journal).run.is_some());

    let mut driver = Driver::open(folder.path(), real);
    let key = driver.session.queue().waiting().next().expect("it waits").0;
    let (done, of) = driver.session.half_done(key).expect("it can be gone on with");
    assert!((1..=STILL_AFTER).contains(&done) && of == STEPS, "{done} of {of}");
    assert!(driver.session.queue().paused, "nothing begins by itself");
    driver.ask(SessionCommand::Resume);
    driver.until("the end", |session| !session.has_work());
    let steps: Vec<usize> = driver.heard.iter().filter_map(step_of).collect();
    assert_eq!(steps, (done + 1..=STEPS).collect::<Vec<_>>(), "no step is done twice");
    assert_eq!(driver.session.half_done(key), None);
    drop(driver);
    assert!(LeftBehind::read(&journal).run.is_none(), "there is nothing to go on with any more");

    let mut driver = Driver::open(undisturbed.path(), real);
    draw(&mut driver, request("a heart", "euler-a").into());
    driver.until("the end", |session| !session.has_work());
    assert!(finished(folder.path()) == finished(undisturbed.path()), "it is the same picture");
}

#[test]
#[ignore = "run by the test before, in a process that is killed"]
fn in_a_process_that_stands_still() {
    let mut driver = Driver::open(&own_folder(), || StandsStill(real()));
    draw(&mut driver, request("a heart", "euler-a").into());
    driver.until("the end of the world", |_| false);
}

fn step_of(event: &SessionEvent) -> Option<usize> {
    if let SessionEvent::Worker(Event::JobStep { step, .. }) = event { Some(*step) } else { None }
}

#[test]
fn a_picture_that_is_half_done_can_be_drawn_from_the_start_instead() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let journal = journal::path_beside(&settings_file(folder.path()));
    let child = process("in_a_process_that_stands_still", folder.path());
    kill_when(child, "a state of the picture", || LeftBehind::read(&journal).run.is_some());

    let mut driver = Driver::open(folder.path(), real);
    let key = driver.session.queue().waiting().next().expect("it waits").0;
    driver.ask(SessionCommand::StartOver(key));
    driver.until("the end", |session| !session.has_work());
    let steps: Vec<usize> = driver.heard.iter().filter_map(step_of).collect();
    assert_eq!(steps, (1..=STEPS).collect::<Vec<_>>());
}

#[test]
fn a_picture_in_the_making_that_cannot_be_read_is_drawn_from_the_start_and_that_is_said() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let journal = journal::path_beside(&settings_file(folder.path()));
    let child = process("in_a_process_that_stands_still", folder.path());
    kill_when(child, "a state of the picture", || LeftBehind::read(&journal).run.is_some());
    fs::write(journal.with_extension("run"), "of another program").expect("written");

    let mut driver = Driver::open(folder.path(), real);
    let key = driver.session.queue().waiting().next().expect("it waits").0;
    assert_eq!(driver.session.half_done(key), None);
    driver.ask(SessionCommand::Resume);
    driver.until("the end", |session| !session.has_work());
    let is_said =
        |event: &SessionEvent| matches!(event, SessionEvent::Notice(text) if text.contains("drawn from the start"));
    assert!(driver.heard.iter().any(is_said), "{:?}", driver.heard);
    assert_eq!(driver.heard.iter().filter_map(step_of).count(), STEPS);
    assert_eq!(finished(folder.path()).len(), 1);
}

#[test]
fn a_picture_that_was_saved_in_the_last_instant_is_not_drawn_twice() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let child = process("in_a_process_that_hears_nothing", folder.path());
    kill_when(child, "a picture", || pictures(folder.path()) == 1);
    let kept = journal::read(&settings_file(folder.path())).expect("a sound journal");
    assert_eq!(kept.waiting().flat_map(|waiting| names_of(&waiting.work)).count(), 2, "the journal hasn't heard of it");

    let mut driver = Driver::open(folder.path(), real);
    driver.ask(SessionCommand::Resume);
    driver.until("the end", |session| !session.has_work());
    let names: Vec<String> = finished(folder.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a heart 1 euler-a", "a heart 1 euler-a"], "the other one was asked for as well");
    assert_eq!(driver.heard.iter().filter_map(step_of).count(), STEPS, "one picture was drawn");
}

#[test]
#[ignore = "run by the test before, in a process that is killed"]
fn in_a_process_that_hears_nothing() {
    let mut driver = Driver::open(&own_folder(), real);
    driver.until("a model", |session| session.model().info().is_some());
    // The same picture twice: one of them is done, the other isn't.
    driver.ask(SessionCommand::UseModel(ModelRef::Bundled));
    for _ in 0..2 {
        draw(&mut driver, request("a heart", "euler-a").into());
    }
    driver.until("it is being drawn", |session| session.queue().running().is_some());
    until_all_is_on_disk(&mut driver);
    // Nobody hears of what the worker does from here on.
    loop {
        thread::park();
    }
}
