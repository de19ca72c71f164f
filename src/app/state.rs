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
use crate::app::queue::Queue;
use crate::app::stage::lab::Lab;
use crate::app::stage::look_back::Steps;
use crate::base::cancel::CancelToken;
use crate::base::device::DeviceInfo;
use crate::base::error::Error;
use crate::base::model_ref::ModelRef;
use crate::content::request::TaskKind;
use crate::settings::Settings;
use crate::worker::{Left, ModelInfo, TokenCount};

/// Everything that the window knows.
pub(super) struct State {
    /// What is remembered from one run to the next, but for the queue.
    pub settings: Settings,
    pub queue: Queue,
    pub model: Model,
    /// Whether the settings' model is to be loaded as soon as the worker is free.
    pub wants_model: bool,
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
    /// Since when nothing has been drawn or loaded.
    pub idle_since: Option<Instant>,
    /// What pictures can be drawn on, once it is known.
    pub devices: Option<Vec<DeviceInfo>>,
    /// Said once: the user agreed to close with work left over.
    pub may_close: bool,
}

/// What the worker holds.
#[derive(Debug)]
pub(super) enum Model {
    /// Nothing.
    None,
    /// A model on its way.
    Loading(Loading),
    /// A model that draws.
    Ready { model: ModelRef, info: Box<ModelInfo> },
    /// A model that couldn't be opened, and why.
    Failed { model: ModelRef, error: Error },
}

/// A model on its way.
#[derive(Debug)]
pub(super) struct Loading {
    pub model: ModelRef,
    /// The component that is being read.
    pub component: Option<String>,
    /// Which of the components it is, counted from 1, and how many are read; 0 while nothing is.
    pub number: (usize, usize),
    /// How much is read, 0 to 1.
    pub fraction: f32,
    pub cancel: CancelToken,
    /// The model that stays loaded until this one stands.
    before: Option<(ModelRef, Box<ModelInfo>)>,
}

impl Loading {
    /// What is being read, in words.
    pub(super) fn text(&self) -> String {
        match (&self.component, self.number) {
            (None, _) => "Opening the model".to_owned(),
            (Some(component), (0, _)) => format!("Checking {component}"),
            (Some(component), (number, of)) => format!("Loading {component} ({number}/{of})"),
        }
    }
}

impl Model {
    /// A model begins to be loaded in place of this one.
    pub(super) fn begin_loading(&mut self, model: ModelRef, cancel: CancelToken) {
        let before = match std::mem::replace(self, Self::None) {
            Self::Ready { model, info } => Some((model, info)),
            Self::Loading(loading) => loading.before,
            Self::None | Self::Failed { .. } => None,
        };
        *self = Self::Loading(Loading { model, component: None, number: (0, 0), fraction: 0.0, cancel, before });
    }

    /// The model before it is let go of.
    pub(super) fn let_go(&mut self) {
        if let Self::Loading(loading) = self {
            loading.before = None;
        }
    }

    /// The load came to nothing: the model before it, if that is the one that stays loaded.
    pub(super) fn back_to(&mut self, left: Option<&Left>) -> bool {
        let before = if let Self::Loading(loading) = self { loading.before.take() } else { None };
        let before = before.filter(|(model, _)| left.is_some_and(|left| left.is_loaded && left.model == *model));
        let is_there = before.is_some();
        *self = before.map_or(Self::None, |(model, info)| Self::Ready { model, info });
        is_there
    }

    /// What is known of the model that is loaded.
    pub(super) fn info(&self) -> Option<&ModelInfo> {
        if let Self::Ready { info, .. } = self { Some(info) } else { None }
    }

    /// Whether the worker holds this model.
    pub(super) fn is_ready(&self, wanted: &ModelRef) -> bool {
        matches!(self, Self::Ready { model, .. } if model == wanted)
    }
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
    pub(super) fn new(mut settings: Settings) -> Self {
        let queue = Queue::left_over(std::mem::take(&mut settings.queue));
        Self {
            settings,
            queue,
            model: Model::None,
            wants_model: true,
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
            idle_since: None,
            devices: None,
            may_close: false,
        }
    }

    /// What to write down.
    pub(super) fn to_keep(&self) -> Settings {
        Settings { queue: self.queue.to_keep(), ..self.settings.clone() }
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
        let draft = &mut self.settings.draft;
        draft.image = Some(path);
        self.source.fits = true;
        if !draft.task.needs_image() {
            let can = |task: TaskKind| self.model.info().is_none_or(|info| info.tasks.contains(&task));
            let tasks = [TaskKind::ImageToImage, TaskKind::Inpaint, TaskKind::DepthToImage];
            draft.task = tasks.into_iter().find(|task| can(*task)).unwrap_or(TaskKind::ImageToImage);
        }
    }

    /// Pixels a latent of the model in use, each way; while none is loaded, those of every Stable Diffusion model.
    pub(super) fn latent_factor(&self) -> usize {
        crate::content::request::SIDE_MULTIPLE
    }

    /// Whether something would be left over if the program ended now.
    pub(super) fn has_work(&self) -> bool {
        self.queue.running().is_some() || self.queue.len() > 0
    }
}
