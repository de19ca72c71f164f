//! The form: a request in the making, with what the form keeps beyond it.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::content::request::limits::clamped;
use crate::content::request::{
    Field, FieldSet, ImageRef, Inpaint, Patch, Request, SIDE_MULTIPLE, Sampling, Task, TaskKind, nearest_side,
    random_seed,
};

/// Diffusers' `strength` of image to image.
const DEFAULT_STRENGTH: f64 = 0.8;

/// What the user has filled in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Draft {
    /// The values of the request, but for its task, which is made of `start`.
    pub values: Request,
    /// What the pictures start from, for every task: it stays when the task changes.
    pub start: StartDraft,
    /// Whether the seed stays. If not, `values` has the one of the last picture.
    pub seed_locked: bool,
    /// Whether size, steps and guidance are still the model's own, so that another model brings its own.
    pub untouched: bool,
}

/// What pictures start from, in the form: for every task at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StartDraft {
    /// What kind of generation it is.
    pub task: TaskKind,
    /// The picture to begin with.
    #[serde(with = "crate::base::path_text")]
    pub image: Option<PathBuf>,
    /// How much of the picture may change.
    pub strength: f64,
    /// The mask and how it is used. Its picture and strength are the ones above.
    pub inpaint: Inpaint,
    /// A depth map of the user's own.
    #[serde(with = "crate::base::path_text")]
    pub depth: Option<PathBuf>,
}

impl Default for StartDraft {
    fn default() -> Self {
        Self {
            task: TaskKind::TextToImage,
            image: None,
            strength: DEFAULT_STRENGTH,
            inpaint: Inpaint::default(),
            depth: None,
        }
    }
}

impl Default for Draft {
    fn default() -> Self {
        let values = Request { sampling: Sampling { steps: 20, ..Sampling::default() }, ..Request::default() };
        Self { values, start: StartDraft::default(), seed_locked: false, untouched: true }
    }
}

impl<'de> Deserialize<'de> for Draft {
    /// Reads also what older versions wrote, in which all values stood beside one another. A value that makes no sense has
    /// its default.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::deserialize(deserializer)?;
        let part = |key: &str| map.get(key).and_then(Value::as_object).unwrap_or(&map).clone();
        let mut draft = Self::default();
        let Patch { request, has, .. } = Patch::from(Request::read(&part("values")));
        let all: Vec<Field> = has.iter().filter(|field| *field != Field::Task).collect();
        Patch { request, has, model: None }.apply(all.into_iter().collect(), &mut draft.values);
        draft.start = serde_json::from_value(Value::Object(part("start"))).map_err(serde::de::Error::custom)?;
        let flag = |key: &str, usual: bool| map.get(key).and_then(Value::as_bool).unwrap_or(usual);
        (draft.seed_locked, draft.untouched) = (flag("seed_locked", false), flag("untouched", true));
        Ok(draft)
    }
}

impl Draft {
    /// Returns the request as the form stands.
    pub fn request(&self) -> Request {
        self.values.clone().with(|request| request.start.task = self.start.task())
    }

    /// Returns the request of a click on Generate: with a new seed unless it is locked.
    pub fn next_request(&mut self) -> Request {
        if !self.seed_locked {
            self.values.seeds.first = random_seed();
        }
        self.request()
    }

    /// Takes everything over from a request. The seed is locked, so that the next picture is the same one.
    pub fn take(&mut self, request: &Request) {
        self.take_values(request.clone());
        self.values.seeds.count = 1;
        (self.seed_locked, self.untouched) = (true, false);
        self.make_valid();
    }

    /// Puts those of these fields that a patch has into the form, each brought into its range.
    pub fn take_patch(&mut self, patch: &Patch, fields: FieldSet) {
        let taken: FieldSet = patch.has.iter().filter(|field| fields.contains(*field)).collect();
        let mut request = self.request();
        patch.apply(taken, &mut request);
        if taken.contains(Field::Task) {
            self.take_values(request);
        } else {
            self.values = request;
            self.values.start.task = Task::TextToImage;
        }
        self.untouched &= ![Field::Steps, Field::GuidanceScale, Field::GuidanceRescale, Field::Size]
            .into_iter()
            .any(|field| taken.contains(field));
        self.seed_locked |= taken.contains(Field::Seed);
        self.make_valid();
    }

    /// Takes a request apart.
    fn take_values(&mut self, mut request: Request) {
        self.start.take(&std::mem::take(&mut request.start.task));
        self.values = request;
    }

    /// Returns the value of a field for people.
    pub(super) fn show(&self, field: Field) -> String {
        match field {
            Field::Seed if !self.seed_locked => "New each time".to_owned(),
            _ => field.show(&self.request()),
        }
    }

    /// Brings every value into its range.
    pub fn make_valid(&mut self) {
        self.start.strength = clamped(self.start.strength, 1.0, DEFAULT_STRENGTH);
        for field in Field::ALL {
            field.mend(&mut self.values);
        }
    }

    /// Rounds the sides to multiples of what the model needs.
    pub fn round_sides(&mut self, multiple: Option<usize>) {
        let (size, multiple) = (&mut self.values.size, multiple.unwrap_or(SIDE_MULTIPLE));
        (size.width, size.height) = (nearest_side(size.width, multiple), nearest_side(size.height, multiple));
    }
}

impl StartDraft {
    /// Returns the task as the form stands; a picture that isn't chosen yet has an empty path.
    fn task(&self) -> Task {
        let (image, strength) = (self.image.clone().map(ImageRef::from).unwrap_or_default(), self.strength);
        match self.task {
            TaskKind::TextToImage => Task::TextToImage,
            TaskKind::Unconditional => Task::Unconditional,
            TaskKind::ImageToImage => Task::ImageToImage { image, strength },
            TaskKind::Inpaint => Task::Inpaint(Box::new(Inpaint { image, strength, ..self.inpaint.clone() })),
            TaskKind::DepthToImage => {
                Task::DepthToImage { image, strength, depth: self.depth.clone().map(ImageRef::from) }
            }
        }
    }

    /// Takes a task over. What it doesn't speak of stays: the picture, the mask.
    pub fn take(&mut self, task: &Task) {
        self.task = task.kind();
        if let Some(image) = task.image() {
            self.image.clone_from(&image.hint);
            self.strength = task.strength();
        }
        match task {
            Task::Inpaint(inpaint) => self.inpaint = Inpaint::clone(inpaint),
            Task::DepthToImage { depth, .. } => self.depth = depth.as_ref().and_then(|depth| depth.hint.clone()),
            Task::TextToImage | Task::Unconditional | Task::ImageToImage { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::{MAX_SIDE, Mask, Size, Validate};

    #[test]
    fn an_open_seed_is_new_each_time_and_a_locked_one_stays() {
        let mut draft = Draft::default();
        let first = draft.next_request().seeds.first;
        assert_eq!(draft.values.seeds.first, first, "it is shown");
        assert_ne!(draft.next_request().seeds.first, first);
        draft.seed_locked = true;
        draft.values.seeds.first = 7;
        assert_eq!([draft.next_request().seeds.first, draft.next_request().seeds.first], [7, 7]);
    }

    #[test]
    fn a_form_that_takes_a_request_asks_for_the_same_again() {
        let request = Draft::default().request().with(|request| {
            request.seeds.first = 9;
            request.prompts.prompt = "a fox".into();
            request.sampling.steps = 3;
        });
        let mut draft = Draft::default();
        draft.take(&request);
        assert_eq!(draft.next_request(), request);
    }

    #[test]
    fn a_picture_and_a_mask_stay_when_the_task_changes() {
        let mask = Mask::new(image::GrayImage::from_pixel(8, 8, image::Luma([255])));
        let inpaint = Inpaint { image: "a.png".into(), mask, strength: 0.5, mask_blur: 4.0, ..Inpaint::default() };
        let request = Draft::default().request().with(|request| request.start.task = Task::Inpaint(Box::new(inpaint)));
        let mut draft = Draft::default();
        draft.take(&request);
        assert_eq!(draft.request().start.task, request.start.task);
        draft.take(&Draft::default().request());
        assert_eq!(draft.request().start.task, Task::TextToImage);
        draft.start.take(&Task::Inpaint(Box::new(Inpaint { image: "a.png".into(), ..draft.start.inpaint.clone() })));
        assert_eq!(draft.start.inpaint.mask.pixels().dimensions(), (8, 8));
    }

    #[test]
    fn values_out_of_range_come_back_into_it() {
        let mut draft = Draft::default();
        draft.values = draft.values.with(|values| {
            values.sampling.steps = 0;
            values.guidance.scale = f64::NAN;
            values.size = Size::new(3, usize::MAX);
            values.seeds.count = 0;
        });
        draft.make_valid();
        draft.request().validate().expect("now it is good");
        let values = &draft.values;
        assert_eq!((values.sampling.steps, values.size, values.seeds.count), (1, Size::new(3, MAX_SIDE), 1));
        draft.round_sides(None);
        assert_eq!(draft.values.size, Size::new(8, MAX_SIDE));
    }

    #[test]
    fn a_form_comes_back_as_it_was_and_as_an_older_version_wrote_it() {
        let mut draft = Draft::default();
        draft.values.prompts.prompt = "a fox".into();
        draft.values.seeds.first = u64::MAX;
        (draft.values.size.width, draft.seed_locked, draft.untouched) = (640, true, false);
        (draft.start.task, draft.start.image, draft.start.strength) =
            (TaskKind::ImageToImage, Some("/a.png".into()), 0.3);
        let json = serde_json::to_string(&draft).expect("JSON");
        assert_eq!(serde_json::from_str::<Draft>(&json).expect("a form"), draft);
        let old = r#"{"task":"image-to-image","image":"/a.png","strength":0.3,"inpaint":{"mask":null},"depth":null,
            "prompt":"a fox","negative_prompt":"","scheduler":null,"steps":20,"guidance_scale":7.5,
            "guidance_rescale":0.0,"seed":18446744073709551615,"seed_locked":true,"width":640,"height":512,"count":1,
            "untouched":false}"#;
        assert_eq!(serde_json::from_str::<Draft>(old).expect("a form"), draft);
    }
}
