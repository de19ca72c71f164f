//! Whatever takes time and is neither drawing nor the gallery: files, dialogs, the clipboard's pictures. It happens on threads of
//! its own, so that the window never waits.
//!
//! One thread works off what comes in order; each file dialog has one to itself, since it stays open as long as the user likes.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use egui::epaint::text::FontDefinitions;

use crate::app::dialogs::inspector::{Found, Look};
use crate::app::painter::mask::{Derived, Wish, Work, Worked};
use crate::app::panels::form::outlook::{Asked, Planned};
use crate::app::panels::form::source::{self, Glance};
use crate::app::stage::lab::Sheet;
use crate::base::device::{self, DeviceInfo};
use crate::base::error::{Error, Result};
use crate::base::files::write_whole;
use crate::base::model_ref::ModelRef;
use crate::base::sync::Latest;
use crate::content::request::Mask;
use crate::settings::Settings;
use crate::storage::gallery::decode;
use crate::storage::gallery::export::{self, Format, Metadata};
use crate::storage::recipe::import::{self, Imported};

/// Tasks and answers that wait at most: far more than a person can ask for.
const CAPACITY: usize = 64;

/// What pictures' names end in, of those that can be read.
const READABLE: [&str; 9] = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "jfif"];

/// Something to do.
#[derive(Debug)]
pub(super) enum Task {
    /// Write a copy of a picture.
    Export { source: PathBuf, target: PathBuf, metadata: Metadata },
    /// Read a picture's settings.
    Import(PathBuf),
    /// Read the settings that a text tells.
    ImportText(String),
    /// Read a picture for the clipboard.
    Copy(PathBuf),
    /// Find out what a picture is.
    Glance(PathBuf),
    /// Take over what was dropped: a picture to begin with, or a model.
    Drop(PathBuf),
    /// Keep a picture that was pasted, in this folder.
    Paste { picture: Arc<egui::ColorImage>, folder: PathBuf },
    /// Read the depth map that a picture was drawn by.
    OpenDepth(PathBuf),
    /// Read a picture to show it.
    Open(PathBuf),
    /// Write the lab's pictures as one.
    SaveSheet { sheet: Box<Sheet>, fonts: Box<FontDefinitions>, target: PathBuf },
    /// Show a folder in the file manager.
    OpenFolder(PathBuf),
    /// Show a page in the browser.
    OpenPage(String),
    /// Make the folder for pictures.
    MakeFolder(PathBuf),
    /// Plan the memory of the form's next picture.
    Plan(Box<Asked>),
    /// Find out what pictures can be drawn on.
    ListDevices,
    /// Write the settings that lie in the slot.
    SaveSettings,
    /// Change the painter's mask.
    ChangeMask(Box<Work>),
    /// Find out what lies in the slots about the painter's mask.
    LookAtMask,
    /// Write the painter's mask as a picture.
    SaveMask { mask: Mask, target: PathBuf },
}

/// What has come of it.
pub(super) enum Done {
    /// A copy is written, in this place.
    Exported(PathBuf),
    /// A picture's settings, and where they come from.
    Imported { place: String, imported: Box<Imported> },
    /// A picture for the clipboard.
    Copied(egui::ColorImage),
    /// What a picture is.
    Glanced { path: PathBuf, glance: Result<Glance> },
    /// A picture to begin with.
    PickedSource(PathBuf),
    /// A depth map.
    PickedDepth(PathBuf),
    /// The depth map that a picture was drawn by.
    OpenedDepth { path: PathBuf, map: egui::ColorImage },
    /// A picture to show.
    Opened { path: PathBuf, picture: egui::ColorImage },
    /// The user chose where to save the lab's pictures.
    PickedSheet { sheet: Box<Sheet>, target: PathBuf },
    /// The folder for pictures is there.
    FolderMade,
    /// The memory plan of the form's next picture.
    Planned(Box<Planned>),
    /// What pictures can be drawn on.
    Devices(Vec<DeviceInfo>),
    /// The user chose where to save this picture.
    PickedTarget { source: PathBuf, target: PathBuf },
    /// The user chose a model.
    PickedModel(ModelRef),
    /// The user chose a folder to look for models in.
    PickedModelFolder(PathBuf),
    /// What a model is made of.
    Inspected { model: ModelRef, found: Result<Box<Found>> },
    /// The user chose a picture to read settings from.
    PickedPicture(PathBuf),
    /// The user chose the folder for pictures.
    PickedOutput(PathBuf),
    /// The painter's mask is changed, or can't be.
    MaskChanged { id: u64, worked: Box<Result<Worked>> },
    /// How the painter's mask would look.
    MaskPreviewed(Box<Worked>),
    /// What the pipeline would make of the painter's mask.
    MaskDerived(Box<Derived>),
    /// The user chose a picture as the mask.
    PickedMask(PathBuf),
    /// The user chose where to save the mask.
    PickedMaskTarget { mask: Mask, target: PathBuf },
    /// Something failed.
    Failed(Error),
}

/// A question that a file dialog asks.
#[derive(Clone, Debug)]
pub(super) enum Dialog {
    /// Where to save this picture, beginning in the folder.
    SaveAs { source: PathBuf, folder: Option<PathBuf> },
    /// Where to save the lab's pictures as one, beginning in the folder.
    SaveSheet { sheet: Box<Sheet>, folder: Option<PathBuf> },
    /// A model's folder.
    Model,
    /// A single file that is a model.
    ModelFile,
    /// A folder to look for models in.
    ModelFolder,
    /// A picture to read settings from.
    Picture,
    /// A picture to begin with.
    Source,
    /// A depth map.
    Depth,
    /// The folder for pictures.
    Output(PathBuf),
    /// A picture to take as the mask.
    OpenMask,
    /// Where to save the mask, beginning in the folder.
    SaveMask { mask: Mask, folder: Option<PathBuf> },
}

/// What only the newest counts of.
#[derive(Clone, Default)]
struct Slots {
    settings: Latest<Settings>,
    preview: Latest<Box<Work>>,
    derive: Latest<Box<Wish>>,
}

/// The window's end.
pub(super) struct Background {
    tasks: Option<Sender<Task>>,
    answers: Receiver<Done>,
    teller: Teller,
    slots: Slots,
    thread: Option<JoinHandle<()>>,
}

/// Tells answers, and wakes the window.
#[derive(Clone)]
struct Teller {
    answers: Sender<Done>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Teller {
    fn tell(&self, done: Done) {
        // The window is gone if nobody listens.
        if self.answers.send(done).is_ok() {
            (self.wake)();
        }
    }
}

impl Background {
    /// Starts the thread. `wake` is called after each answer; settings are written to `settings_path`.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(super) fn spawn(settings_path: PathBuf, wake: Arc<dyn Fn() + Send + Sync>) -> Result<Self> {
        let (tasks, obeyed) = bounded::<Task>(CAPACITY);
        let (answers, heard) = bounded(CAPACITY);
        let teller = Teller { answers, wake };
        let slots = Slots::default();
        let (to, newest) = (teller.clone(), slots.clone());
        let work = move || {
            for task in obeyed {
                if let Some(done) = obey(task, &newest, &to, &settings_path) {
                    to.tell(done);
                }
            }
        };
        let thread = thread::Builder::new().name("burnisher-files".to_owned()).spawn(work);
        let thread = thread.map_err(|cause| Error::new("the thread for files can't be started").caused_by(cause))?;
        Ok(Self { tasks: Some(tasks), answers: heard, teller, slots, thread: Some(thread) })
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// So much waits already that it can't be taken.
    pub(super) fn ask(&self, task: Task) -> Result<()> {
        let busy = || Error::new("too much is going on with files").advise("Try again in a moment");
        self.tasks.as_ref().ok_or_else(busy)?.try_send(task).map_err(|_| busy())
    }

    /// Has settings written; those of an earlier call that aren't yet are left out.
    pub(super) fn save_settings(&self, settings: Settings) {
        let waits = !self.slots.settings.is_empty();
        self.slots.settings.put(settings);
        if !waits {
            // With a full queue they are written by the next call, or at the end.
            let _ = self.ask(Task::SaveSettings);
        }
    }

    /// Has the painter's mask looked at; what waits of an earlier call is left out.
    pub(super) fn look_at_mask(&self, preview: Option<Box<Work>>, derive: Option<Box<Wish>>) -> Result<()> {
        if let Some(work) = preview {
            self.slots.preview.put(work);
        }
        if let Some(wish) = derive {
            self.slots.derive.put(wish);
        }
        self.ask(Task::LookAtMask)
    }

    /// The next answer, if there is one.
    pub(super) fn answer(&self) -> Option<Done> {
        self.answers.try_recv().ok()
    }

    /// Opens a file dialog.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(super) fn open(&self, dialog: Dialog) -> Result<()> {
        let teller = self.teller.clone();
        // The dialog is made here, on the window's thread, where macOS wants it, and waited for elsewhere.
        let asked = ask_user(dialog);
        let wait = move || {
            if let Some(done) = pollster::block_on(asked) {
                teller.tell(done);
            }
        };
        let thread = thread::Builder::new().name("burnisher-dialog".to_owned()).spawn(wait);
        thread.map(drop).map_err(|cause| Error::new("the file dialog can't be opened").caused_by(cause))
    }

    /// Looks into a model, on a thread of its own: a folder on a network may take its time.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(super) fn inspect(&self, look: Look) -> Result<()> {
        let teller = self.teller.clone();
        let work = move || {
            let found = look.take();
            teller.tell(Done::Inspected { model: look.model, found });
        };
        let thread = thread::Builder::new().name("burnisher-inspector".to_owned()).spawn(work);
        thread.map(drop).map_err(|cause| Error::new("the model can't be looked into").caused_by(cause))
    }
}

impl Drop for Background {
    /// Finishes what was asked for: settings and copies are written.
    fn drop(&mut self) {
        let _ = self.ask(Task::SaveSettings);
        self.tasks = None;
        self.answers = crossbeam_channel::never();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn obey(task: Task, slots: &Slots, teller: &Teller, settings_path: &Path) -> Option<Done> {
    let done = match task {
        Task::Export { source, target, metadata } => {
            export::export(&source, &target, metadata).map(|()| Some(Done::Exported(target)))
        }
        Task::Import(path) | Task::Drop(path) if is_model(&path) => {
            Ok(Some(Done::PickedModel(ModelRef::of_path(path))))
        }
        Task::ImportText(text) => Ok(import::import_text(&text)
            .map(|imported| Done::Imported { place: "From the clipboard".to_owned(), imported: Box::new(imported) })),
        Task::Import(path) => import::import(&path)
            .map(|imported| Some(Done::Imported { place: path.display().to_string(), imported: Box::new(imported) })),
        Task::Copy(path) => decode::decode(&path).map(|picture| Some(Done::Copied(color_image(&picture.to_rgba8())))),
        Task::Glance(path) => Ok(Some(source::glance(path))),
        Task::Drop(path) => Ok(Some(Done::PickedSource(path))),
        Task::Paste { picture, folder } => source::keep(&picture, &folder).map(|path| Some(Done::PickedSource(path))),
        Task::OpenDepth(path) => source::depth_of(path),
        Task::Open(path) => {
            decode::decode(&path).map(|picture| Some(Done::Opened { path, picture: color_image(&picture.to_rgba8()) }))
        }
        Task::SaveSheet { sheet, fonts, target } => sheet.save(*fonts, &target).map(|()| Some(Done::Exported(target))),
        Task::OpenFolder(folder) => open::that_detached(&folder)
            .map(|()| None)
            .map_err(|cause| Error::new(format!("the folder can't be opened: {}", folder.display())).caused_by(cause)),
        Task::OpenPage(page) => open::that_detached(&page)
            .map(|()| None)
            .map_err(|cause| Error::new(format!("the page can't be opened in a browser: {page}")).caused_by(cause)),
        Task::MakeFolder(folder) => {
            std::fs::create_dir_all(&folder).map(|()| Some(Done::FolderMade)).map_err(|cause| {
                Error::new(format!("the folder for pictures can't be made: {}", folder.display()))
                    .caused_by(cause)
                    .advise("Choose another one in the settings")
            })
        }
        Task::Plan(asked) => Ok(Some(Done::Planned(Box::new(asked.plan())))),
        Task::ListDevices => Ok(Some(Done::Devices(device::list()))),
        Task::ChangeMask(work) => Ok(Some(Done::MaskChanged { id: work.id, worked: Box::new(work.run()) })),
        Task::LookAtMask => {
            // Whatever can't be found out isn't shown.
            if let Some(worked) = slots.preview.take().and_then(|work| work.run().ok()) {
                teller.tell(Done::MaskPreviewed(Box::new(worked)));
            }
            Ok(slots.derive.take().map(|wish| Done::MaskDerived(Box::new(wish.run()))))
        }
        Task::SaveMask { mask, target } => save_mask(&mask, &target).map(|()| Some(Done::Exported(target))),
        Task::SaveSettings => {
            slots.settings.take().map_or(Ok(()), |settings| settings.save(settings_path)).map(|()| None)
        }
    };
    done.unwrap_or_else(|error| Some(Done::Failed(error)))
}

/// Whether a path is that of a model: a folder in diffusers format, or a file that holds one.
fn is_model(path: &Path) -> bool {
    path.join("model_index.json").is_file()
        || (path.is_file() && matches!(ModelRef::of_path(path.to_owned()), ModelRef::File(_)))
}

fn save_mask(mask: &Mask, target: &Path) -> Result<()> {
    let failed = || Error::new(format!("the mask can't be saved: {}", target.display()));
    let mut png = Cursor::new(Vec::new());
    mask.pixels().write_to(&mut png, image::ImageFormat::Png).map_err(|cause| failed().caused_by(cause))?;
    write_whole(target, png.get_ref()).map_err(|cause| failed().caused_by(cause))
}

/// A picture as egui wants it.
pub(super) fn color_image(picture: &image::RgbaImage) -> egui::ColorImage {
    let size = [picture.width() as usize, picture.height() as usize];
    egui::ColorImage::from_rgba_unmultiplied(size, picture.as_raw())
}

/// Opens the dialog and gives its answer; `None` if the user closes it without one.
fn ask_user(dialog: Dialog) -> Pin<Box<dyn Future<Output = Option<Done>> + Send>> {
    let asked = rfd::AsyncFileDialog::new();
    match dialog {
        Dialog::SaveAs { source, folder } => {
            let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let asked = asked.set_title("Save a copy").set_file_name(name);
            let filter =
                |asked: rfd::AsyncFileDialog, format: Format| asked.add_filter(format.label(), format.extensions());
            let asked = Format::ALL.into_iter().fold(asked, filter);
            let asked = if let Some(folder) = folder { asked.set_directory(folder) } else { asked };
            let target = asked.save_file();
            Box::pin(async move { Some(Done::PickedTarget { source, target: target.await?.path().to_owned() }) })
        }
        Dialog::SaveSheet { sheet, folder } => {
            let asked = asked.set_title("Save the sheet").set_file_name("lab.png").add_filter("PNG", &["png"]);
            let asked = if let Some(folder) = folder { asked.set_directory(folder) } else { asked };
            let target = asked.save_file();
            Box::pin(async move { Some(Done::PickedSheet { sheet, target: target.await?.path().to_owned() }) })
        }
        Dialog::Model => {
            let folder = asked.set_title("Open a model: a folder with a model_index.json").pick_folder();
            Box::pin(async move { Some(Done::PickedModel(ModelRef::of_path(folder.await?.path().to_owned()))) })
        }
        Dialog::ModelFile => {
            let asked = asked.set_title("Open a model: a .safetensors file").add_filter("Models", &["safetensors"]);
            let file = asked.pick_file();
            Box::pin(async move { Some(Done::PickedModel(ModelRef::of_path(file.await?.path().to_owned()))) })
        }
        Dialog::ModelFolder => {
            let folder = asked.set_title("A folder with models, or of another app").pick_folder();
            Box::pin(async move { Some(Done::PickedModelFolder(folder.await?.path().to_owned())) })
        }
        Dialog::Picture => {
            let asked = asked.set_title("Read a picture's settings");
            let picture = asked.add_filter("Pictures", &["png", "jpg", "jpeg", "webp"]).pick_file();
            Box::pin(async move { Some(Done::PickedPicture(picture.await?.path().to_owned())) })
        }
        Dialog::Source => {
            let picture = asked.set_title("A picture to begin with").add_filter("Pictures", &READABLE).pick_file();
            Box::pin(async move { Some(Done::PickedSource(picture.await?.path().to_owned())) })
        }
        Dialog::Depth => {
            let picture = asked.set_title("A depth map: bright is near").add_filter("Pictures", &READABLE).pick_file();
            Box::pin(async move { Some(Done::PickedDepth(picture.await?.path().to_owned())) })
        }
        Dialog::OpenMask => {
            let asked =
                asked.set_title("Take a picture as the mask").add_filter("Pictures", &["png", "jpg", "jpeg", "webp"]);
            let picture = asked.pick_file();
            Box::pin(async move { Some(Done::PickedMask(picture.await?.path().to_owned())) })
        }
        Dialog::SaveMask { mask, folder } => {
            let asked = asked.set_title("Save the mask").set_file_name("mask.png").add_filter("PNG", &["png"]);
            let asked = if let Some(folder) = folder { asked.set_directory(folder) } else { asked };
            let target = asked.save_file();
            Box::pin(async move { Some(Done::PickedMaskTarget { mask, target: target.await?.path().to_owned() }) })
        }
        Dialog::Output(folder) => {
            let folder = asked.set_title("The folder for pictures").set_directory(folder).pick_folder();
            Box::pin(async move { Some(Done::PickedOutput(folder.await?.path().to_owned())) })
        }
    }
}
