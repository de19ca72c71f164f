//! A PNG drawn again from what it carries, by another process than the one that drew it: the program draws, and a session of the
//! tests' process takes the file's settings as the window does. The model lies in a folder, to which only its content leads back.

use std::fs;
use std::path::{Path, PathBuf};

use burnisher::base::device::DeviceChoice;
use burnisher::base::model_ref::ModelRef;
use burnisher::base::sync::bell;
use burnisher::content::imaging::png_text;
use burnisher::families;
use burnisher::session::settings::{Draft, Settings};
use burnisher::session::{Session, SessionCommand, SessionEvent, open_worker};
use burnisher::storage::gallery::Destination;
use burnisher::storage::hub::Shelf;
use burnisher::storage::recipe::import::{Imported, import};
use burnisher::storage::recipe::local_files::LocalFiles;
use burnisher::worker::{Event, JobEnd, Output, Previews, Work};
use image::{Rgb, RgbImage};
use tempfile::TempDir;

use crate::checkpoints::{self, Checkpoint, Storage};
use crate::command_line::{folder, program, text};
use crate::odd_folders::copy;

/// A computer: folders of its own, with a model.
struct Computer(TempDir);

impl Computer {
    /// One that has the tiny model in this folder.
    fn with_model(place: &str) -> Self {
        let computer = Self(folder());
        copy(&checkpoints::folder(Checkpoint::TinySd15, Storage::Whole), &computer.path(place));
        computer
    }

    /// A place on it, whose folder is there.
    fn path(&self, place: &str) -> PathBuf {
        let path = self.0.path().join(place);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        path
    }

    /// What it knows of places.
    fn local_files(&self) -> LocalFiles {
        LocalFiles::at(self.path("config/burnisher/local-files.jsonl"))
    }

    /// Draws `drawn.png` by the command line, whose every path is absolute.
    fn draw(&self, model: &str, args: &[&str]) -> PathBuf {
        let (model, drawn) = (self.path(model), self.path("pictures/drawn.png"));
        let [model, output] = [&model, &drawn].map(|path| path.to_str().expect("Unicode"));
        let all = ["generate", "--device", "cpu", "--steps", "3", "--seed", "3", "--prompt", "a fox"];
        let all = [&all[..], &["--width", "64", "--height", "64", "--model", model, "--output", output], args].concat();
        let run = program(self.0.path(), &all).env("XDG_CONFIG_HOME", self.path("config")).output();
        let run = run.expect("the program starts");
        assert!(run.status.success(), "{}", text(&run.stderr));
        drawn
    }

    /// Draws what was read from a picture, as a window with an empty form does.
    fn draw_again(&self, imported: &Imported, model: ModelRef) -> RgbImage {
        let mut draft = Draft::default();
        draft.take_patch(&imported.patch, imported.patch.has);
        let settings = Settings { model: model.clone(), device: DeviceChoice::Cpu, ..Settings::default() };
        let shelf = Shelf::in_cache(self.path("hub"), families::ALL);
        let (wake, woken) = bell();
        let session = Session::for_drawing(settings, shelf, self.local_files(), Box::new(open_worker), wake);
        let mut session = session.expect("a thread");
        let events = session.subscribe();
        let destination = Destination::from_path(&self.path("pictures/again.png")).expect("a file");
        let output = Some(Output { destination, previews: Previews::Off, trace: None });
        let work = Work::Pictures(draft.request());
        session.send(SessionCommand::Draw { model, work, output, is_first: false }).expect("it can be drawn");
        loop {
            match session.wait(&events, &woken).expect("the worker") {
                Some(SessionEvent::Worker(Event::ModelFailed { error, .. })) => panic!("{error}"),
                Some(SessionEvent::Worker(Event::JobEnded { outcome: JobEnd::Finished(entries), .. })) => {
                    return pixels(&entries[0].path);
                }
                Some(SessionEvent::Worker(Event::JobEnded { outcome, .. })) => panic!("{outcome:?}"),
                _ => {}
            }
        }
    }
}

fn pixels(path: &Path) -> RgbImage {
    image::open(path).expect("a picture").into_rgb8()
}

/// The model that a picture leads to.
fn model(imported: &Imported) -> ModelRef {
    imported.patch.model.clone().expect("the model is known")
}

/// Writes a picture to begin with.
fn write_input(path: &Path) {
    let input = RgbImage::from_fn(64, 64, |x, y| Rgb([x * 4, y * 4, x ^ y].map(|channel| channel as u8)));
    input.save(path).expect("a PNG");
}

/// Whether this is a path from the root of a disk. The rest of an address of the web, behind its colon, isn't.
fn is_absolute(text: &str) -> bool {
    Path::new(text).is_absolute() && !text.starts_with("//")
}

/// All texts in a JSON value.
fn texts_in(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(values) => values.iter().flat_map(texts_in).collect(),
        serde_json::Value::Object(members) => members.values().flat_map(texts_in).collect(),
        _ => Vec::new(),
    }
}

/// Asserts that a PNG tells no place of the computer that drew it.
fn assert_tells_no_place(png: &Path, computer: &Computer) {
    let home = computer.0.path().to_str().expect("Unicode");
    let bytes = fs::read(png).expect("the file");
    assert!(!bytes.windows(home.len()).any(|part| part == home.as_bytes()), "a place stands in the file");
    let texts = png_text::read_texts(std::io::Cursor::new(bytes)).expect("a PNG");
    assert!(!texts.is_empty(), "it carries its settings");
    for (keyword, text) in texts {
        assert!(!text.contains(home), "{keyword}: {text}");
        let words = text.split([' ', ',', ':', '"', '\n']);
        assert_eq!(words.filter(|word| is_absolute(word)).collect::<Vec<_>>(), [""; 0], "{keyword}: {text}");
        if let Ok(json) = serde_json::from_str(&text) {
            assert!(!texts_in(&json).into_iter().any(is_absolute), "{keyword}: {text}");
        }
    }
}

#[test]
fn a_picture_of_a_model_in_a_folder_is_drawn_again_from_its_png_alone() {
    let computer = Computer::with_model("models/fox");
    let drawn = computer.draw("models/fox", &["--scheduler", "euler-a", "--guidance-scale", "3.5"]);
    assert_tells_no_place(&drawn, &computer);
    let elsewhere = computer.path("mail/a.png");
    fs::copy(&drawn, &elsewhere).expect("a copy");
    let imported = import(&elsewhere, &computer.local_files()).expect("settings");
    assert_eq!(imported.patch.model, Some(ModelRef::Folder(computer.path("models/fox"))));
    assert_eq!(computer.draw_again(&imported, model(&imported)), pixels(&drawn));
}

#[test]
fn a_changed_picture_is_drawn_again_though_what_it_began_with_has_moved() {
    let computer = Computer::with_model("models/fox");
    let input = computer.path("camera/input.png");
    write_input(&input);
    let drawn = computer.draw("models/fox", &["--image", input.to_str().expect("Unicode"), "--strength", "0.7"]);
    assert_tells_no_place(&drawn, &computer);
    let together = computer.path("holiday/drawn.png");
    fs::copy(&drawn, &together).expect("a copy");
    // Another picture has its old name, and it has another one.
    fs::rename(&input, computer.path("holiday/beach.png")).expect("it moves");
    RgbImage::new(64, 64).save(&input).expect("a PNG");
    let imported = import(&together, &computer.local_files()).expect("settings");
    assert_eq!(imported.notes, [""; 0]);
    assert_eq!(computer.draw_again(&imported, model(&imported)), pixels(&drawn));
}

#[test]
fn on_another_computer_a_picture_is_drawn_again_with_the_same_model_and_picture() {
    let (here, there) = (Computer::with_model("models/fox"), Computer::with_model("checkpoints/vulpes"));
    let input = here.path("camera/input.png");
    write_input(&input);
    let drawn = here.draw("models/fox", &["--image", input.to_str().expect("Unicode")]);
    let received = there.path("mail/drawn.png");
    fs::copy(&drawn, &received).expect("a copy");

    let imported = import(&received, &there.local_files()).expect("settings");
    assert_eq!((&imported.patch.model, imported.model.as_deref()), (&None, Some("fox")));
    assert!(imported.notes.iter().any(|note| note.contains("isn't known on this computer")), "{:?}", imported.notes);

    fs::copy(&input, there.path("mail/other name.png")).expect("a copy");
    let imported = import(&received, &there.local_files()).expect("settings");
    assert_eq!(imported.notes, [""; 0]);
    let opened = ModelRef::Folder(there.path("checkpoints/vulpes"));
    assert_eq!(there.draw_again(&imported, opened), pixels(&drawn));
}
