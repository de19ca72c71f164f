//! The program in a real window on a screen of its own, driven by mouse and keyboard: a session from the first prompt to a queue
//! that outlives two restarts.
//!
//! The window tells the tests nothing: they see the screen and the files. What a pixel means comes from the colours of the dark
//! theme, of which each test picks those that nothing else has.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use burnisher::base::device::DeviceChoice;
use burnisher::session::journal::Kept;
use burnisher::session::settings::{Settings, Theme};
use burnisher::storage::gallery;
use image::RgbImage;
use tempfile::TempDir;

use crate::on_disk::OnDisk;

mod desktops;
mod screen;

use screen::{Area, Screen, Seen, is_near};

const PROMPT: &str = "a fox in flat style";

/// Pictures, and their steps: enough that five previews are worth their while on a busy machine, too.
const COUNT: usize = 3;
const STEPS: usize = 30;
/// Steps that nobody waits for.
const MANY_STEPS: usize = 1000;

/// How soon a stopped job has to be over, as seen on the screen of a busy machine. An idle one takes a fraction of it.
const STOPS_WITHIN: Duration = Duration::from_secs(2);

/// Colours of the dark theme: behind pictures, of the button Generate, of text boxes, around what has the focus, of the window.
const CANVAS: [u8; 3] = [17, 17, 18];
const GENERATE: [u8; 3] = [203, 121, 66];
const TEXT_BOX: [u8; 3] = [20, 20, 21];
const FOCUS: [u8; 3] = [222, 220, 217];
const PANEL: [u8; 3] = [30, 30, 32];

/// The program, its user's folders and screen.
struct Session {
    /// Goes first, so that the program is gone before its folders are.
    program: Program,
    screen: Screen,
    home: TempDir,
}

/// The program, which ends with this value.
struct Program(Option<Child>);

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Session {
    /// A user who set a few things by hand and hasn't opened the window yet.
    fn new() -> Self {
        Self::on(Screen::open("1280x800x24"))
    }

    /// The same on another screen.
    fn on(screen: Screen) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let session = Self { program: Program(None), screen, home };
        let settings = Settings {
            output_folder: session.home.path().join("pictures"),
            save_folder: Some(session.home.path().join("copies")),
            device: DeviceChoice::Cpu,
            theme: Theme::Dark,
            ..Settings::default()
        };
        let mut kept = Kept::default();
        let draft = &mut kept.draft;
        (draft.values.size.width, draft.values.size.height, draft.values.sampling.steps, draft.values.guidance.scale) =
            (64, 64, STEPS, 4.0);
        (draft.values.seeds.count, draft.values.seeds.first, draft.seed_locked, draft.untouched) =
            (COUNT, 7, true, false);
        for folder in ["copies", "run"] {
            fs::create_dir(session.home.path().join(folder)).expect("a folder");
        }
        OnDisk { settings, kept }.write(&session.settings_file());
        session
    }

    fn settings_file(&self) -> PathBuf {
        self.home.path().join("config/burnisher/settings.json")
    }

    /// The settings as they are on disk, and what else is kept.
    fn settings(&self) -> OnDisk {
        OnDisk::read(&self.settings_file())
    }

    fn pictures(&self, folder: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.home.path().join(folder)) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
        paths.sort();
        paths
    }

    /// Starts the program and waits until its window fills the screen and has the keyboard.
    fn start(&mut self) {
        self.start_with(|_| {});
        self.screen.until("the window", |_| {
            let window = self.window()?;
            for place in [["windowmove", &window, "0", "0"], ["windowsize", &window, "1280", "800"]] {
                self.screen.try_xdotool(&place)?;
            }
            self.screen.try_xdotool(&["windowfocus", &window])
        });
        self.screen.until("the form and the canvas", |seen| generate_button(seen).zip(canvas(seen)));
    }

    /// The window's number.
    fn window(&self) -> Option<String> {
        self.screen.try_xdotool(&["search", "--name", "^Burnisher$"])
    }

    /// Starts the program, with this done to its command.
    fn start_with(&mut self, change: impl FnOnce(&mut Command)) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_burnisher"));
        let home = self.home.path();
        command.env("HOME", home).env("WINIT_X11_SCALE_FACTOR", "1").env("NODEVICE_SELECT", "1");
        for (name, folder) in [
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            command.env(name, home.join(folder));
        }
        command.env_remove("DBUS_SESSION_BUS_ADDRESS").current_dir(home).stdin(Stdio::null());
        self.screen.show(&mut command);
        change(&mut command);
        self.program = Program(Some(command.spawn().expect("the program starts")));
    }

    /// Waits until the program has ended by itself.
    fn end(&mut self) -> ExitStatus {
        let mut child = self.program.0.take().expect("it runs");
        self.screen.until("the end of the program", |_| child.try_wait().expect("its state"))
    }

    /// Waits for this many previews of the first pictures, each of which differs from those before.
    fn until_previews(&self, count: usize) {
        let canvas = self.screen.until("the canvas", canvas);
        let mut previews = HashSet::new();
        self.screen.until_sees("previews", |screen| {
            if is_drawing(screen) {
                previews.insert(screen.pixels(canvas).collect::<Vec<_>>());
            }
            // One may be what was there before. Each finished picture, which then has a file, is seen too, and in the moment
            // before it is read the last preview, sharp.
            previews.len() > count + 2 * self.pictures("pictures").len()
        });
    }
}

/// The button Generate, unless a dialog dims it.
fn generate_button(screen: &Seen) -> Option<Area> {
    Area::coloured(screen, GENERATE, 25)
}

/// The canvas, of which margins are seen around any picture.
fn canvas(screen: &Seen) -> Option<Area> {
    Area::coloured(screen, CANVAS, 300)
}

/// Whether the canvas has the gallery's room.
fn is_wide(canvas: &Area) -> bool {
    canvas.right > 1260
}

/// The box for the prompt: the first high one among the controls.
fn prompt_box(screen: &Seen) -> Option<Area> {
    let (right, end) = (canvas(screen)?.left, generate_button(screen)?.top);
    let row = |top| Area { left: 0, top, right, bottom: top + 1 };
    let boxed = |top: &u32| screen.count(row(*top), TEXT_BOX, 1) > 120;
    let top = (0..end).find(boxed)?;
    let bottom = (top..end).find(|row| !boxed(row))?;
    (bottom - top > 40).then_some(Area { left: 0, top, right, bottom })
}

/// A part of the status line.
fn status(screen: &Seen, left: u32, right: u32) -> Area {
    Area { left, top: screen.height - 24, right, bottom: screen.height - 4 }
}

/// Whether the status line has a progress bar with something left to do.
fn is_drawing(screen: &Seen) -> bool {
    screen.count(status(screen, 10, 126), TEXT_BOX, 1) > 50
}

/// Whether the status line says a short word only: that it is ready.
fn is_ready(screen: &Seen) -> bool {
    let (word, rest) = (status(screen, 8, 60), status(screen, 60, 600));
    screen.count(word, PANEL, 2) < screen.pixels(word).count()
        && screen.count(rest, PANEL, 2) == screen.pixels(rest).count()
}

/// Whether a picture fills the canvas, pixel by pixel.
fn canvas_shows(screen: &Seen, picture: &RgbImage) -> bool {
    /// Between the picture and the canvas's edge.
    const MARGIN: f32 = 8.0;
    let Some(canvas) = canvas(screen) else { return false };
    let room = |canvas: u32, picture: u32| (canvas as f32 - 2.0 * MARGIN) / picture as f32;
    let scale = room(canvas.width(), picture.width()).min(room(canvas.height(), picture.height()));
    let (x, y) = canvas.middle();
    let at = |middle: u32, side: u32, pixel: u32| middle as f32 + (pixel as f32 + 0.5 - side as f32 / 2.0) * scale;
    picture.enumerate_pixels().all(|(column, row, pixel)| {
        let (x, y) = (at(x, picture.width(), column), at(y, picture.height(), row));
        is_near(screen.pixel(x as u32, y as u32), pixel.0, 3)
    })
}

/// Whether the gallery, right of the canvas, shows a picture: much of it has the colour of the picture's corner.
fn gallery_shows(screen: &Seen, picture: &RgbImage) -> bool {
    let Some(canvas) = canvas(screen) else { return false };
    let gallery = Area { left: canvas.right, right: screen.width, ..canvas };
    screen.count(gallery, picture.get_pixel(3, 3).0, 6) > 1000
}

#[test]
fn a_session_goes_from_a_prompt_to_a_picture_and_its_queue_outlives_the_window() {
    let mut session = Session::new();
    session.start();
    let picture = draws_and_saves(&mut session);
    let mut settings = session.settings();
    (settings.kept.draft.values.seeds.count, settings.kept.draft.values.sampling.steps) = (1, MANY_STEPS);
    settings.write(&session.settings_file());
    session.start();
    stops_and_closes(&mut session);
    session.start();
    finds_everything_again(&mut session, &picture);
}

/// The network sockets that a program holds: those of its files that the system lists among its TCP and UDP ones.
fn network_sockets(program: u32) -> Vec<String> {
    let listed: String = ["tcp", "tcp6", "udp", "udp6"]
        .map(|kind| fs::read_to_string(format!("/proc/net/{kind}")).unwrap_or_default())
        .concat();
    // The tenth column is the socket's inode.
    let inodes: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().nth(9)).collect();
    let files = fs::read_dir(format!("/proc/{program}/fd")).expect("it runs");
    let names = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| inodes.iter().any(|inode| *name == format!("socket:[{inode}]"))).collect()
}

/// A click draws a picture, which is seen coming, kept with its recipe, and saved. The gallery is folded before the end.
fn draws_and_saves(session: &mut Session) -> RgbImage {
    let screen = &session.screen;
    let prompt = screen.until("the box for the prompt", prompt_box);
    screen.click(prompt, "the focus", |seen| seen.count(prompt, FOCUS, 3) > 200);
    screen.xdotool(&["type", "--delay", "5", PROMPT]);
    screen.until("the prompt in the settings", |_| {
        (session.settings().kept.draft.values.prompts.prompt == PROMPT).then_some(())
    });
    screen.click(screen.until("the button Generate", generate_button), "the progress bar", is_drawing);
    session.until_previews(5);

    screen.until_sees("the end of the job", is_ready);
    let paths = session.pictures("pictures");
    assert_eq!(paths.len(), COUNT);
    let path = paths.last().expect("a picture");
    let recipe = gallery::read_recipe(path).expect("a picture").expect("its recipe");
    assert_eq!(
        (recipe.request.prompts.prompt.as_str(), recipe.request.sampling.steps, recipe.request.seeds.first),
        (PROMPT, STEPS, 9)
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    assert!(!network_sockets(std::process::id()).is_empty(), "the look at sockets sees none: {listener:?}");
    let program = session.program.0.as_ref().expect("it runs");
    assert_eq!(network_sockets(program.id()), [""; 0], "nobody asked for the network");
    let picture = image::open(path).expect("a picture").to_rgb8();
    screen.until_sees("the picture on the canvas", |seen| canvas_shows(seen, &picture));
    screen.until_sees("the picture in the gallery", |seen| gallery_shows(seen, &picture));

    screen.press("ctrl+shift+s");
    let copy = screen.until("the copy", |_| session.pictures("copies").pop());
    assert_eq!(gallery::read_recipe(&copy).expect("a picture"), Some(recipe));
    assert_eq!(image::open(&copy).expect("a picture").to_rgb8(), picture);

    screen.press("ctrl+g");
    screen.until("the gallery folded", |seen| canvas(seen).filter(is_wide));
    // Nothing waits, so nothing is asked.
    screen.press("ctrl+q");
    assert!(session.end().success());
    picture
}

/// Escape stops what is being drawn, and what is left over when the window closes is asked about.
fn stops_and_closes(session: &mut Session) {
    let screen = &session.screen;
    screen.until("the gallery still folded", |seen| canvas(seen).filter(is_wide));
    let empty = screen.look();
    screen.press("ctrl+Return");
    screen.until_sees("a preview", |seen| canvas(seen).is_some_and(|area| seen.pixels(area).ne(empty.pixels(area))));
    let since = Instant::now();
    screen.press("Escape");
    screen.until_sees("the end of the job", is_ready);
    let took = since.elapsed();
    println!("Escape took {} ms from the key to the screen", took.as_millis());
    assert!(took < STOPS_WITHIN, "it took {took:?}");

    for kept in [1, 2] {
        screen.press("ctrl+Return");
        screen.until("the queue in the settings", |_| (session.settings().kept.queue.len() == kept).then_some(()));
    }
    screen.until_sees("the next job", is_drawing);
    screen.press("ctrl+q");
    screen.until_sees("the question", |seen| generate_button(seen).is_none());
    // The first button keeps the queue.
    screen.press_and_see("Tab");
    screen.press("Return");
    assert!(session.end().success());
    assert_eq!(session.settings().kept.queue.len(), 2);
}

/// Layout, form, queue and gallery are as they were left. In the end the queue is thrown away.
fn finds_everything_again(session: &mut Session, picture: &RgbImage) {
    let screen = &session.screen;
    screen.until("the gallery still folded", |seen| canvas(seen).filter(is_wide));
    screen.until_sees("the model ready, and nothing drawn of what waits", is_ready);
    screen.press("ctrl+g");
    screen.until_sees("the picture in the gallery again", |seen| gallery_shows(seen, picture));
    screen.until("the gallery in the settings", |_| session.settings().gallery_open.then_some(()));
    let settings = session.settings();
    let draft = &settings.kept.draft;
    assert_eq!(
        (draft.values.prompts.prompt.as_str(), draft.values.sampling.steps, draft.values.seeds.first),
        (PROMPT, MANY_STEPS, 7)
    );
    assert_eq!(settings.kept.queue.len(), 2);
    assert!(settings.kept.waiting().all(|waiting| waiting.work.first().prompts.prompt == PROMPT));
    assert_eq!(session.pictures("pictures").len(), COUNT, "nothing more was drawn");

    screen.press("ctrl+q");
    screen.until_sees("the question", |seen| generate_button(seen).is_none());
    // The second one throws it away.
    for _ in 0..2 {
        screen.until_still();
        screen.press_and_see("Tab");
    }
    screen.until_still();
    screen.press("Return");
    assert!(session.end().success());
    assert_eq!(session.settings().kept.queue, []);
}
