//! The window as its user feels it: how soon it is there, how evenly it draws while the worker is busy, and what it costs when
//! nothing happens.
//!
//! It is the program's own window, in a process of its own for each line of the table, on the display that `DISPLAY` names.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use burnisher::app::{App, Setup};
use burnisher::base::device::DeviceChoice;
use burnisher::base::model_ref::ModelRef;

use burnisher::content::request::{Size, TaskKind};
use burnisher::families;
use burnisher::session::Seat;
use burnisher::session::journal::Kept;
use burnisher::session::settings::{Brush, Draft, Settings};
use burnisher::storage::gallery::Destination;
use burnisher::storage::hub::Shelf;
use burnisher::worker::{self, Event, Job, JobEnd, Output, Previews, WorkerHandle};

use crate::moment::Moment;
use crate::on_disk::OnDisk;

/// How long frames are timed, and how long the quiet window is watched.
const TIMED: Duration = Duration::from_secs(10);

/// How long a window has to come to rest.
const REST: Duration = Duration::from_secs(2);

/// The side of the picture that a mask is painted on, in pixels.
const PAINTED: u32 = 4096;

/// What the pointer tells a frame, and a stroke.
const MOVES: usize = 8;
const STROKE: usize = 40 * MOVES;

/// Steps of a job that doesn't end while it is watched.
const MANY_STEPS: usize = 1000;

/// A line for each state of the window.
pub(crate) fn run() {
    let this = std::env::current_exe().expect("this program");
    for what in ["idle", "cpu", "gpu:0", "paint"] {
        let status = Command::new(&this).args(["window", what]).status().expect("it starts");
        assert!(status.success(), "{what} failed");
    }
    println!("previews on the CPU: {:.1} % of the denoising", 100.0 * preview_share());
}

/// One line: the window idle, while the worker draws on a device, or while a mask is painted on [`PAINTED`] x [`PAINTED`] pixels.
/// Ends the process.
pub(crate) fn measure(what: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let device: Option<DeviceChoice> = what.parse().ok();
    let paints = what == "paint";
    let mut settings = Settings {
        output_folder: folder.path().join("pictures"),
        device: device.unwrap_or(DeviceChoice::Cpu),
        ..Settings::default()
    };
    let mut form = draft(MANY_STEPS);
    form.values.prompts.prompt = "a fox in flat style".into();
    if paints {
        let picture = folder.path().join("painted.png");
        let pixel = |x: u32, y: u32| image::Rgb([(x >> 4) as u8, (y >> 4) as u8, 90]);
        image::RgbImage::from_fn(PAINTED, PAINTED, pixel).save(&picture).expect("a picture");
        (form.start.task, form.start.image) = (TaskKind::Inpaint, Some(picture));
        settings.painting.brush = Brush { diameter: 400.0, hardness: 0.5, opacity: 1.0 };
    }
    let path = folder.path().join("settings.json");
    OnDisk { settings, kept: Kept { draft: form, ..Kept::default() } }.write(&path);
    let mut setup = Setup {
        seat: Seat::take(path),
        cache: folder.path().join("cache"),
        records: folder.path().join("records"),
        ..Setup::of_user()
    };
    let told = Arc::new(AtomicUsize::new(0));
    let (open, count) = (setup.open_worker, told.clone());
    setup.open_worker = Box::new(move |settings, shelf, wake| {
        let count = count.clone();
        let counted = move || {
            count.fetch_add(1, Ordering::Relaxed);
            wake();
        };
        open(settings, shelf, Arc::new(counted))
    });
    let options = burnisher::app::native_options(folder.path().join("window.ron"));
    let name = what.to_owned();
    let open = move |creation: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, _> {
        let app = App::in_window(creation, setup)?;
        let frames = Arc::new(AtomicUsize::new(0));
        let is_busy = device.is_some();
        let (stage, times) = (Stage::Opening, Vec::new());
        let watched = Watched { app, name, is_busy, paints, painted: 0, told, frames, stage, times };
        Ok(Box::new(watched))
    };
    eframe::run_native("Burnisher", options, Box::new(open)).expect("a display");
}

/// The window, with a watch on it.
struct Watched {
    app: App,
    name: String,
    /// Whether the worker draws.
    is_busy: bool,
    /// Whether a mask is painted, and how many events of the pointer it has taken.
    paints: bool,
    painted: usize,
    /// How often the worker had something to tell.
    told: Arc<AtomicUsize>,
    frames: Arc<AtomicUsize>,
    stage: Stage,
    /// When frames began, and how long laying them out took.
    times: Vec<(Instant, Duration)>,
}

enum Stage {
    Opening,
    /// The window is there, and the model is being loaded; since then the worker has told no more than this.
    Settling(Instant, usize),
    /// The worker is asked to draw, when it had told so much.
    Asking(usize),
    /// Frames are timed; the worker had told so much by the time it began.
    Timing(Moment, usize),
    Resting,
}

impl eframe::App for Watched {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        self.app.logic(ctx, frame);
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        let began = Instant::now();
        self.app.ui(ui, frame);
        self.frames.fetch_add(1, Ordering::Relaxed);
        if !matches!(self.stage, Stage::Resting) {
            self.times.push((began, began.elapsed()));
            ui.ctx().request_repaint();
        }
        self.go_on();
    }

    fn raw_input_hook(&mut self, _ctx: &egui::Context, input: &mut egui::RawInput) {
        if self.paints && matches!(self.stage, Stage::Timing(..)) {
            self.paint(input);
        }
        // Ctrl+Enter, pressed once.
        if let Stage::Settling(since, told) = self.stage
            && self.is_busy
            && told > 0
            && since.elapsed() > REST
        {
            let (key, modifiers) = (egui::Key::Enter, egui::Modifiers::COMMAND);
            input.events.push(egui::Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers });
            self.stage = Stage::Asking(told);
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        self.app.clear_color(visuals)
    }
}

impl Watched {
    /// The pointer goes around over the canvas, and is lifted now and then.
    fn paint(&mut self, input: &mut egui::RawInput) {
        for _ in 0..MOVES {
            let angle = self.painted as f32 * 0.013;
            let pos = egui::pos2(700.0 + 270.0 * (angle * 1.7).sin(), 400.0 + 270.0 * angle.cos());
            input.events.push(egui::Event::PointerMoved(pos));
            if self.painted.is_multiple_of(STROKE) {
                let modifiers = egui::Modifiers::NONE;
                let button = |pressed| egui::Event::PointerButton {
                    pos,
                    button: egui::PointerButton::Primary,
                    pressed,
                    modifiers,
                };
                input.events.extend((self.painted > 0).then(|| button(false)));
                input.events.push(button(true));
            }
            self.painted += 1;
        }
    }

    fn go_on(&mut self) {
        let told = self.told.load(Ordering::Relaxed);
        match &self.stage {
            // The second frame begins when the first has been handed to the screen.
            Stage::Opening if self.times.len() == 2 => {
                if !self.is_busy && !self.paints {
                    println!("first frame after {:.2} s; load {}", since_start(), load());
                }
                self.stage = Stage::Settling(Instant::now(), told);
            }
            Stage::Settling(_, before) if told != *before => self.stage = Stage::Settling(Instant::now(), told),
            Stage::Settling(since, _) if !self.is_busy && since.elapsed() > REST => self.time(told),
            // By then kernels are compiled and steps go on.
            Stage::Asking(before) if told > *before + 20 => self.time(told),
            Stage::Timing(began, before) if began.wall.elapsed() > TIMED => {
                self.print(Moment::now().cpu - began.cpu, told - before);
                if self.is_busy || self.paints {
                    std::process::exit(0);
                }
                self.stage = Stage::Resting;
                self.watch_rest();
            }
            _ => {}
        }
    }

    fn time(&mut self, told: usize) {
        self.times.clear();
        self.stage = Stage::Timing(Moment::now(), told);
    }

    fn print(&self, cpu_secs: f64, told: usize) {
        let intervals = summary(self.times.windows(2).map(|pair| pair[1].0 - pair[0].0).collect());
        let layout = summary(self.times.iter().map(|time| time.1).collect());
        let (name, frames, load) = (&self.name, self.times.len(), load());
        println!("{name:<6} {frames} frames, ms apart {intervals}, ms of layout {layout}; load {load}");
        let cpu = 1e3 * cpu_secs / frames as f64;
        println!("       {cpu:.1} ms of processor time a frame, all threads; the worker told something {told} times");
    }

    /// Sees what the window costs when nothing happens, and ends the process.
    fn watch_rest(&self) {
        let frames = self.frames.clone();
        let watch = move || {
            thread::sleep(REST);
            let (before, drawn) = (Moment::now(), frames.load(Ordering::Relaxed));
            thread::sleep(TIMED);
            let (cpu, drawn) = (Moment::now().cpu - before.cpu, frames.load(Ordering::Relaxed) - drawn);
            println!("at rest for {} s: {drawn} frames, {cpu:.2} s of processor time", TIMED.as_secs());
            std::process::exit(0);
        };
        thread::Builder::new().name("watch".into()).spawn(watch).expect("a thread");
    }
}

/// Half of them take no longer than p50.
fn summary(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: f64| 1e3 * times[((times.len() - 1) as f64 * share) as usize].as_secs_f64();
    format!("p50 {:.1} p99 {:.1} max {:.1}", at(0.5), at(0.99), at(1.0))
}

/// Seconds since this process was started.
fn since_start() -> f64 {
    // starttime of proc(5), in hundredths of a second since the machine was.
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let started = stat.rsplit(')').next().expect("fields").split_whitespace().nth(19).expect("a field");
    let uptime = std::fs::read_to_string("/proc/uptime").expect("Linux");
    let now: f64 = uptime.split_whitespace().next().expect("a field").parse().expect("a number");
    now - started.parse::<f64>().expect("a number") / 100.0
}

/// How many threads want a core, of the last minute.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").expect("Linux");
    load.split_whitespace().next().expect("a field").to_owned()
}

/// What previews take of the denoising, told by a worker whose previews are taken as soon as a frame could.
fn preview_share() -> f64 {
    let settings = Settings { device: DeviceChoice::Cpu, ..Settings::default() };
    let open = Setup::of_user().open_worker;
    let mut worker = open(&settings, &Shelf::of_script(families::ALL), Arc::new(|| {})).expect("a worker");
    let load = worker::Command::Load { model: ModelRef::Bundled, cancel: burnisher::base::cancel::CancelToken::new() };
    worker.try_send(load).expect("it is free");
    let folder = tempfile::tempdir().expect("a folder");
    let previews = Previews::Newest { every: std::num::NonZeroUsize::MIN };
    let mut share = 0.0;
    // The first finds out what is fast.
    for steps in [8, 20] {
        let request = draft(steps).request().with(|request| request.prompts.prompt = "a fox in flat style".into());
        let destination = Destination::Folder(folder.path().into());
        let job = Job::new(request, Output { previews: previews.clone(), ..destination.into() });
        let mut command = worker::Command::Generate(Box::new(job));
        while let Err(worker::Busy(back)) = worker.try_send(command) {
            command = back;
            thread::sleep(Duration::from_millis(1));
        }
        share = share_of(&mut worker);
    }
    share
}

/// Follows a job to its end.
fn share_of(worker: &mut WorkerHandle) -> f64 {
    let mut share = 0.0;
    loop {
        worker.previews()[0].take();
        match worker.try_recv() {
            Some(Event::JobStep { preview_share, .. }) => share = preview_share,
            Some(Event::JobEnded { outcome: JobEnd::Finished(_), .. }) => return share,
            Some(Event::JobEnded { outcome, .. }) => panic!("{outcome:?}"),
            _ => thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn draft(steps: usize) -> Draft {
    let values = Draft::default().values.with(|values| {
        values.sampling.steps = steps;
        values.guidance.scale = 4.0;
        values.size = Size::new(64, 64);
    });
    Draft { values, untouched: false, ..Draft::default() }
}
