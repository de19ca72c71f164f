//! A program that is killed wherever it is, while it draws a queue of five, a mask is painted, and a model is fetched from a Hub on
//! this machine: every finished picture is whole, all that was asked for is there again, what was being drawn is gone on with and
//! becomes the same picture, no older mask comes back, and the download goes on to the same bytes.
//!
//! `BURNISHER_TEST_KILLS=100` kills as often at moments chosen by chance.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::thread;
use std::time::Duration;

use burnisher::base::model_ref::HubId;
use burnisher::content::request::{Inpaint, Mask, Seeds, Task};
use burnisher::session::settings::Draft;
use burnisher::session::{HubAnswer, HubQuestion, Session, SessionCommand, SessionEvent, Standing, journal};
use burnisher::storage::hub::{Options, Patience, Variant};
use burnisher::worker::{Event, Variants, Work};
use image::{GrayImage, Luma, Rgb, RgbImage};

use super::bundled::turn;
use super::killed::{draw, finished, names_of, own_folder, program, real, request, until_all_is_on_disk};
use super::session::{Driver, settings_file};
use crate::stage::{Dice, MODEL, Stage};

/// The side of the mask that is painted: its text is long enough to lie in a file of its own.
const PAINTED_SIDE: u32 = 128;

/// Bytes a second that the Hub sends: a download takes about as long as the queue.
const RATE: u64 = 500_000;

/// The moments that are chosen from by chance, each with how often it comes at the most.
const MOMENTS: [(&str, u64); 9] = [
    ("loading", 8),
    ("encoding", 8),
    ("step", 40),
    ("decoding", 8),
    ("saving", 8),
    ("saved", 8),
    ("ended", 5),
    ("painted", 60),
    ("fetched", 30),
];

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

/// A mask after so many strokes.
fn painted(strokes: u32) -> Mask {
    Mask::new(GrayImage::from_fn(PAINTED_SIDE, PAINTED_SIDE, |x, y| {
        Luma([match (x, y) {
            (0, 0) => strokes as u8,
            (1, 0) => (strokes >> 8) as u8,
            _ => (x * x * 7 + y * y * (x + 3) + strokes) as u8,
        }])
    }))
}

/// How many strokes the mask of a form has. No other mask than one that was painted is there.
fn strokes_of(form: &Draft) -> u32 {
    let mask = &form.start.inpaint.mask;
    if mask.pixels().dimensions() == (0, 0) {
        return 0;
    }
    let [low, high] = [0, 1].map(|x| u32::from(mask.pixels().get_pixel(x, 0).0[0]));
    let strokes = low + (high << 8);
    assert!(*mask == painted(strokes), "a mask that nobody painted");
    strokes
}

/// What one program came to.
#[derive(Debug, Default)]
struct ProgramEnd {
    ended_by_itself: bool,
    went_on: bool,
    /// Strokes that it painted.
    strokes: u32,
}

#[test]
fn a_queue_of_five_a_mask_and_a_download_survive_being_killed_wherever_they_are() {
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
    let mut kinds = [
        ("loading", 0),
        ("step", 2),
        ("fetched", 3),
        ("decoding", 0),
        ("kept", 0),
        ("saving", 0),
        ("saved", 1),
        ("step", 9),
        ("ended", 0),
    ]
    .into_iter();
    let (mut dice, mut killed, mut programs_that_went_on, mut downloads_that_went_on) =
        (Dice::new(1), BTreeMap::<&str, usize>::new(), 0, 0);
    while kinds.len() > 0 || killed.values().sum::<usize>() < wanted {
        let stage = Stage::new();
        stage.server.throttle(RATE);
        let folder = stage.home.path();
        let mut strokes = 0;
        // One program after the other, until all is drawn and here.
        loop {
            let mut by_chance = || {
                let (kind, most) = MOMENTS[dice.below(MOMENTS.len() as u64) as usize];
                (kind, dice.below(most) as usize)
            };
            let is_wanted = killed.values().sum::<usize>() < wanted;
            let moment = kinds.next().or_else(|| is_wanted.then(&mut by_chance));
            let end = run_until(&stage, moment, Duration::from_micros(dice.below(60_000)));
            programs_that_went_on += usize::from(end.went_on);
            let done = finished(folder);
            let kept = journal::read(&settings_file(folder)).expect("a sound journal");
            stage.assert_sound_blobs();
            if end.ended_by_itself {
                assert!(done == undisturbed, "{:?}", done.iter().map(|(name, _)| name).collect::<Vec<_>>());
                assert_eq!(strokes_of(&kept.draft), strokes + end.strokes, "an orderly end loses no stroke");
                stage.assert_whole(&Stage::repo());
                break;
            }
            let (kind, _) = moment.expect("nobody killed it");
            *killed.entry(kind).or_default() += 1;
            let waiting: Vec<String> = kept.waiting().flat_map(|waiting| names_of(&waiting.work)).collect();
            for name in &expected {
                assert!(waiting.contains(name) || done.iter().any(|(done, _)| done == name), "{name} is lost");
            }
            let after = strokes_of(&kept.draft);
            assert!(after >= strokes, "the mask of an earlier program is back");
            assert!(kind != "kept" || after > strokes, "what the disk had is lost");
            strokes = after;
        }
        downloads_that_went_on += stage.server.seen().iter().filter(|seen| seen.from > Some(0)).count();
    }
    println!(
        "killed {killed:?}; {programs_that_went_on} programs went on with a picture, {downloads_that_went_on} downloads with a file"
    );
    assert!(programs_that_went_on > 0 && downloads_that_went_on > 0, "nothing was ever gone on with");
}

/// Runs the program on a stage, and kills it a little after it has told as many events of a kind and one more.
fn run_until(stage: &Stage, moment: Option<(&str, usize)>, later: Duration) -> ProgramEnd {
    let mut program = program("killed_anywhere::in_a_process_that_does_all_of_it", stage.home.path());
    let mut child = program.env("BURNISHER_TEST_HUB", stage.server.endpoint()).spawn().expect("it starts");
    let told = BufReader::new(child.stdout.take().expect("it tells"));
    let (mut seen, mut end) = (0, ProgramEnd::default());
    for line in told.lines() {
        let line = line.expect("text");
        let Some(event) = line.strip_prefix("told: ") else { continue };
        end.went_on |= event == "goes on";
        end.strokes += u32::from(event == "painted");
        if let Some((_, after)) = moment.filter(|(kind, _)| event == *kind) {
            if seen == after {
                thread::sleep(later);
                child.kill().expect("it runs, or has ended and isn't waited for yet");
            }
            seen += 1;
        }
    }
    let status = child.wait().expect("it ended");
    assert_ne!(status.code(), Some(101), "a test failed in it");
    end.ended_by_itself = status.success();
    end
}

#[test]
#[ignore = "run by the test before, in a process that is killed"]
fn in_a_process_that_does_all_of_it() {
    let folder = own_folder();
    let is_new = !journal::path_beside(&settings_file(&folder)).is_file();
    let endpoint = std::env::var("BURNISHER_TEST_HUB").expect("a Hub");
    let hub =
        Options { endpoint, cache: folder.join("hub"), token: None, offline: false, patience: Patience::default() };
    let mut driver = Driver::open_with_hub(&folder, real, hub);
    if is_new {
        for work in five(&folder) {
            draw(&mut driver, work);
        }
        until_all_is_on_disk(&mut driver);
    }
    if driver.session.queue().waiting().any(|(key, ..)| driver.session.half_done(key).is_some()) {
        println!("told: goes on");
    }
    driver.ask(SessionCommand::Resume);
    let model = HubId::parse(MODEL).expect("a name");
    driver.ask(SessionCommand::AskHub(HubQuestion::Look(model.clone(), Variant::Full)));
    let (mut form, mut fetched) = (driver.session.form().clone(), 0);
    let begun_with = strokes_of(&form);
    driver.heard.iter().for_each(tell);
    let is_here = |session: &Session| {
        session.downloads().get(&model).is_some_and(|download| matches!(download.standing, Standing::Done))
    };
    while driver.session.has_work() || !is_here(&driver.session) {
        // Each news is followed by a stroke.
        let strokes = strokes_of(&form) + 1;
        form.start.inpaint.mask = painted(strokes);
        driver.session.keep_form(&form);
        println!("told: painted");
        let on_disk = journal::read(&settings_file(&folder));
        if on_disk.is_ok_and(|kept| strokes_of(&kept.draft) > begun_with) {
            println!("told: kept");
        }
        let is_over = |session: &Session| !session.has_work() && is_here(session);
        let bytes = |session: &Session| session.downloads().iter().map(|download| download.bytes).sum::<u64>();
        let before = fetched;
        for event in driver.news(|session| bytes(session) > before || is_over(session)) {
            tell(&event);
            if let SessionEvent::Hub(HubAnswer::Looked { offer, .. }) = event {
                driver.ask(SessionCommand::Download(offer.expect("the Hub answers")));
            }
        }
        fetched = bytes(&driver.session);
        if fetched > before {
            println!("told: fetched");
        }
    }
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
