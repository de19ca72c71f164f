//! Programs that are killed while they draw, with the real engine on the bundled model: every finished picture is whole, all that was
//! asked for is there again, and what was being drawn is gone on with.
//!
//! `BURNISHER_TEST_KILLS=100` kills as often at moments chosen by chance.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::thread;
use std::time::Duration;

use burnisher::base::model_ref::ModelRef;
use burnisher::base::rng::TorchRng;
use burnisher::base::stop::Outcome;
use burnisher::content::request::{Guidance, Inpaint, Mask, Prompts, Request, Sampling, Seeds, Size, Task, Valid};
use burnisher::pipelines::{DiffusionPipeline, Drawn};
use burnisher::session::journal;
use burnisher::session::{Session, SessionCommand, SessionEvent};
use burnisher::storage::gallery::read_recipe;
use burnisher::worker::{self, Engine, Event, Hooks, LeftBehind, ModelInfo, Resumption, Step, Variants, Work};
use image::{GrayImage, Luma, Rgb, RgbImage};

use super::bundled::{CPU, turn};
use super::session::{Driver, PATIENCE, pictures, settings_file};

/// Steps of each picture.
const STEPS: usize = 6;

/// A picture by what draws it, and its pixels.
type Finished = (String, RgbImage);

fn request(prompt: &str, sampler: &str) -> Request {
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

/// A queue of five, which gives eight pictures.
fn five(folder: &Path) -> Vec<Work> {
    let picture = RgbImage::from_fn(64, 64, |x, y| Rgb([x * 3, y * 3, x * y].map(|c| c as u8)));
    let path = folder.join("begin.png");
    picture.save(&path).expect("a PNG");
    let image = path.to_str().expect("Unicode");
    let changed = Task::ImageToImage { image: image.into(), strength: 0.8 };
    let mask = Mask::new(GrayImage::from_fn(64, 64, |x, _| Luma([if x > 20 { 255 } else { 0 }])));
    let inpaint = Task::Inpaint(Box::new(Inpaint { image: image.into(), mask, ..Inpaint::default() }));
    let compared = ["ddim", "heun"].map(|sampler| request("a star", sampler));
    vec![
        request("a heart", "euler-a").into(),
        request("a sun", "unipc").with(|request| request.seeds = Seeds::new(10, 3)).into(),
        request("a moon", "euler-a").with(|request| request.start = changed.into()).into(),
        request("a house", "dpm++2m-sde").with(|request| request.start = inpaint.into()).into(),
        Work::Compare(Variants::new(compared.into()).expect("two")),
    ]
}

/// What identifies a picture in these tests.
fn name_of(request: &Request) -> String {
    let sampler = request.sampling.scheduler.map_or("", |kind| kind.name());
    format!("{} {} {sampler}", request.prompts.prompt, request.seeds.first)
}

fn names_of(work: &Work) -> Vec<String> {
    work.requests().flat_map(|request| (0..request.seeds.count).map(|k| name_of(&request.picture(k)))).collect()
}

/// The finished pictures of a folder, each of them whole.
fn finished(folder: &Path) -> Vec<Finished> {
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

fn real() -> DiffusionPipeline {
    worker::open(&ModelRef::Bundled, CPU, &mut |_| Ok(())).expect("the bundled model")
}

fn draw(driver: &mut Driver, work: Work) {
    driver.ask(SessionCommand::Draw { model: ModelRef::Bundled, work, output: None, is_first: false });
}

fn until_all_is_on_disk(driver: &mut Driver) {
    driver.until("it is on the disk", |session| session.queue().waiting().all(|(key, ..)| session.is_on_disk(key)));
}

/// This test program, with one of the tests below, in a process of its own.
fn process(test: &str, folder: &Path) -> Child {
    let this = std::env::current_exe().expect("this program");
    Process::new(this)
        .args(["--exact", &format!("worker::killed::{test}"), "--ignored", "--nocapture"])
        .env("BURNISHER_TEST_FOLDER", folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts")
}

fn own_folder() -> PathBuf {
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

#[test]
fn a_queue_of_five_survives_being_killed_wherever_it_is() {
    let _turn = turn();
    let undisturbed = tempfile::tempdir().expect("a folder");
    let mut driver = Driver::open(undisturbed.path(), real);
    let works = five(undisturbed.path());
    let mut expected: Vec<String> = works.iter().flat_map(names_of).collect();
    expected.sort();
    for work in works {
        draw(&mut driver, work);
    }
    driver.until("the end", |session| !session.has_work());
    drop(driver);
    let undisturbed = finished(undisturbed.path());
    assert_eq!(undisturbed.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), expected);

    // Every kind of moment, and then as many by chance as are asked for.
    let wanted: usize = std::env::var("BURNISHER_TEST_KILLS").map_or(0, |count| count.parse().expect("a number"));
    let mut kinds =
        [(0, "loading"), (2, "step"), (0, "decoding"), (0, "saving"), (1, "saved"), (9, "step"), (0, "ended")]
            .into_iter();
    let (mut chance, mut kills, mut gone_on) = (TorchRng::manual_seed(1), 0, 0);
    while kinds.len() > 0 || kills < wanted {
        let folder = tempfile::tempdir().expect("a folder");
        // One program after the other, until all is drawn.
        loop {
            let by_chance = (chance.randn(1)[0].abs() * 30.0) as usize;
            let moment = kinds.next().or((kills < wanted).then_some((by_chance, "")));
            let (ended_itself, went_on) = run_until(folder.path(), moment);
            gone_on += usize::from(went_on);
            let done = finished(folder.path());
            if ended_itself {
                assert!(done == undisturbed, "{:?}", done.iter().map(|(name, _)| name).collect::<Vec<_>>());
                break;
            }
            kills += 1;
            let kept = journal::read(&settings_file(folder.path())).expect("a sound journal");
            let waiting: Vec<String> = kept.waiting().flat_map(|waiting| names_of(&waiting.work)).collect();
            for name in &expected {
                assert!(waiting.contains(name) || done.iter().any(|(done, _)| done == name), "{name} is lost");
            }
        }
    }
    println!("killed {kills} times, gone on {gone_on} times");
    assert!(gone_on > 0, "nothing was ever gone on with");
}

/// Runs the program on a folder, and kills it when it has told as many events of a kind and one more; "" is any kind.
/// Returns whether it ended by itself, and whether it went on with a picture that was half done.
fn run_until(folder: &Path, moment: Option<(usize, &str)>) -> (bool, bool) {
    let mut child = process("in_a_process_that_draws_five", folder);
    let told = BufReader::new(child.stdout.take().expect("it tells"));
    let (mut seen, mut went_on) = (0, false);
    for line in told.lines() {
        let line = line.expect("text");
        let Some(event) = line.strip_prefix("told: ") else { continue };
        went_on |= event == "goes on";
        if let Some((after, _)) = moment.filter(|(_, kind)| event.starts_with(kind)) {
            if seen == after {
                child.kill().expect("it runs, or has ended and isn't waited for yet");
            }
            seen += 1;
        }
    }
    let status = child.wait().expect("it ended");
    (status.success(), went_on)
}

#[test]
#[ignore = "run by the test before, in a process that is killed"]
fn in_a_process_that_draws_five() {
    let folder = own_folder();
    let is_new = !journal::path_beside(&settings_file(&folder)).is_file();
    let mut driver = Driver::open(&folder, real);
    if is_new {
        for work in five(&folder) {
            draw(&mut driver, work);
        }
        until_all_is_on_disk(&mut driver);
    }
    if half_done(&driver.session) {
        println!("told: goes on");
    }
    driver.ask(SessionCommand::Resume);
    driver.heard.iter().for_each(tell);
    while driver.session.has_work() {
        driver.news().iter().for_each(tell);
    }
}

fn half_done(session: &Session) -> bool {
    session.queue().waiting().any(|(key, ..)| session.half_done(key).is_some())
}

fn tell(event: &SessionEvent) {
    println!("told: {}", kind_of(event));
}

fn kind_of(event: &SessionEvent) -> &'static str {
    match event {
        SessionEvent::Worker(Event::ModelLoading { .. }) => "loading",
        SessionEvent::Worker(Event::JobPhase { phase, .. }) => phase.name(),
        SessionEvent::Worker(Event::JobStep { .. }) => "step",
        SessionEvent::Worker(Event::PictureSaved { .. }) => "saved",
        SessionEvent::Worker(Event::JobEnded { .. }) => "ended",
        _ => "other",
    }
}
