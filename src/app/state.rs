//! What the window knows. Panels draw from it and keep nothing of their own; `apply` and `events` change it.

use std::path::PathBuf;
use std::time::Instant;

use crate::app::canvas::Canvas;
use crate::app::dialogs::inspector::Inspector;
use crate::app::dialogs::lab::LabSetup;
use crate::app::dialogs::patch::PatchDialog;
use crate::app::painter::{Painter, Shows};
use crate::app::panels::form::outlook::Outlook;
use crate::app::panels::form::sampler::Levels;
use crate::app::panels::form::source::FormPicture;
use crate::app::panels::notices::Notices;
use crate::app::stage::lab::Lab;
use crate::app::stage::look_back::Steps;
use crate::base::device::DeviceInfo;
use crate::content::request::TaskKind;
use crate::session::Session;
use crate::settings::Draft;
use crate::worker::TokenCount;

/// Everything that the window knows.
pub(super) struct State {
    /// The program behind the window: queue, model, preferences.
    pub session: Session,
    /// The form as it stands.
    pub draft: Draft,
    pub canvas: Canvas,
    /// The mask of the form's picture, which takes the place of the canvas.
    pub painter: Painter,
    /// Pictures that are drawn side by side, from their start until the user closes them.
    pub lab: Option<Lab>,
    /// Finished pictures that the lab waits for.
    pub lab_wants: Vec<PathBuf>,
    /// The picture that the form names, and the depth map.
    pub source: FormPicture,
    pub depth: FormPicture,
    /// The steps of the last picture.
    pub steps: Option<Steps>,
    /// The picture on the canvas, if the safety checker flagged it and it is shown blurred, and the checker's score.
    pub flagged: Option<(PathBuf, f64)>,
    /// The picture on the canvas, if its depth map is shown in its place.
    pub depth_shown: Option<PathBuf>,
    /// The noise levels that the form gives.
    pub levels: Levels,
    pub notices: Notices,
    pub dialog: Option<Dialog>,
    /// How long prompt and negative prompt are, for the texts that were counted.
    pub tokens: [Option<(String, TokenCount)>; 2],
    /// Which prompt of the history the prompt box shows, and what stood there before.
    pub history: Option<(usize, String)>,
    /// Whether the canvas shows what is drawn as it comes: so until the user looks at another picture.
    pub follows: bool,
    /// A file that the canvas waits for.
    pub wants_picture: Option<PathBuf>,
    /// Bytes of main memory that the program takes, and when that was looked up.
    pub memory: Option<(u64, Instant)>,
    /// How much is here of what is being downloaded, 0 to 1.
    pub downloading: Option<f32>,
    /// The access token for the Hub as it is being typed.
    pub hub_token: String,
    /// The memory plan of the form's next picture.
    pub outlook: Outlook,
    /// What pictures can be drawn on, once it is known.
    pub devices: Option<Vec<DeviceInfo>>,
    /// Said once: the user agreed to close with work left over.
    pub may_close: bool,
}

/// A window in front of the others, one at a time.
#[derive(Debug)]
pub(super) enum Dialog {
    Settings,
    Shortcuts,
    /// Work is left over, and the window is to be closed.
    Close,
    /// The queue is to be thrown away.
    ClearQueue,
    /// Which models there are, here and on the Hub.
    Models,
    /// What the lab is to compare.
    Lab(LabSetup),
    /// What a model is made of.
    Inspector(Box<Inspector>),
    /// Settings from elsewhere: what would change.
    Patch(Box<PatchDialog>),
}

impl State {
    /// The window as it was left.
    pub(super) fn new(session: Session) -> Self {
        Self {
            draft: session.form().clone(),
            session,
            canvas: Canvas::default(),
            painter: Painter::default(),
            lab: None,
            lab_wants: Vec::new(),
            source: FormPicture::default(),
            depth: FormPicture::default(),
            steps: None,
            flagged: None,
            depth_shown: None,
            levels: Levels::default(),
            notices: Notices::default(),
            dialog: None,
            tokens: [None, None],
            history: None,
            follows: true,
            wants_picture: None,
            memory: None,
            downloading: None,
            hub_token: String::new(),
            outlook: Outlook::default(),
            devices: None,
            may_close: false,
        }
    }

    /// Shows a picture of the gallery as soon as it is read.
    pub(super) fn show(&mut self, path: PathBuf, prompt: &str) {
        self.canvas.turn_to(path.clone(), if prompt.is_empty() { "picture".to_owned() } else { prompt.to_owned() });
        self.painter.show(Shows::Picture);
        self.depth_shown = None;
        self.wants_picture = Some(path);
    }

    /// The picture that the canvas shows, if it is a file.
    pub(super) fn picture(&self) -> Option<PathBuf> {
        self.canvas.path().map(ToOwned::to_owned)
    }

    /// Has the form begin with this picture; a task that begins with none becomes one that does.
    pub(super) fn begin_with(&mut self, path: PathBuf) {
        let draft = &mut self.draft;
        draft.start.image = Some(path);
        self.source.fits = true;
        if !draft.start.task.needs_image() {
            let can = |task: TaskKind| self.session.model().info().is_none_or(|info| info.tasks.contains(&task));
            let tasks = [TaskKind::ImageToImage, TaskKind::Inpaint, TaskKind::DepthToImage];
            draft.start.task = tasks.into_iter().find(|task| can(*task)).unwrap_or(TaskKind::ImageToImage);
        }
    }

    /// Pixels a latent of the model in use, each way; while none is loaded, those of every Stable Diffusion model.
    pub(super) fn latent_factor(&self) -> usize {
        crate::content::request::SIDE_MULTIPLE
    }
}
