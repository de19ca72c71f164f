//! Settings that come from elsewhere (a picture, a file of another app), and what they would change in the form.

use crate::base::model_ref::ModelRef;
use crate::content::request::{Branch, Recipe, Request, Task};
use crate::schedulers::{SamplingOptions, SchedulerKind};
use crate::settings::Draft;

/// Values for some of the form's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// See [`Start::task`](crate::content::request::Start::task).
    pub task: Option<Task>,
    /// See [`Start::branch`](crate::content::request::Start::branch); it comes with the task.
    pub branch: Option<Box<Branch>>,
    /// See [`Prompts::prompt`](crate::content::request::Prompts::prompt).
    pub prompt: Option<String>,
    /// See [`Prompts::negative_prompt`](crate::content::request::Prompts::negative_prompt).
    pub negative_prompt: Option<String>,
    /// What draws it.
    pub model: Option<ModelRef>,
    /// See [`Sampling::scheduler`](crate::content::request::Sampling::scheduler).
    pub scheduler: Option<SchedulerKind>,
    /// See [`Sampling::options`](crate::content::request::Sampling::options).
    pub sampling: Option<SamplingOptions>,
    /// See [`Sampling::steps`](crate::content::request::Sampling::steps).
    pub steps: Option<usize>,
    /// See [`Guidance::scale`](crate::content::request::Guidance::scale).
    pub guidance_scale: Option<f64>,
    /// See [`Guidance::rescale`](crate::content::request::Guidance::rescale).
    pub guidance_rescale: Option<f64>,
    /// See [`Seeds::first`](crate::content::request::Seeds::first).
    pub seed: Option<u64>,
    /// Pixels: width and height.
    pub size: Option<(usize, usize)>,
}

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The task with its picture and mask.
    Task,
    /// The prompt.
    Prompt,
    /// The negative prompt.
    NegativePrompt,
    /// The model.
    Model,
    /// The sampler.
    Sampler,
    /// What is asked of the sampler beyond its kind.
    Sampling,
    /// The steps.
    Steps,
    /// The guidance scale.
    Guidance,
    /// The guidance rescale.
    Rescale,
    /// The seed, which is locked then.
    Seed,
    /// Width and height.
    Size,
}

impl Field {
    /// What the form calls it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::Prompt => "Prompt",
            Self::NegativePrompt => "Negative prompt",
            Self::Model => "Model",
            Self::Sampler => "Sampler",
            Self::Sampling => "Noise levels",
            Self::Steps => "Steps",
            Self::Guidance => "Guidance",
            Self::Rescale => "Guidance rescale",
            Self::Seed => "Seed",
            Self::Size => "Size",
        }
    }
}

/// A field that would change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which.
    pub field: Field,
    /// What it says now.
    pub now: String,
    /// What it would say.
    pub then: String,
}

impl From<&Recipe> for Patch {
    /// Everything that drew a picture.
    fn from(recipe: &Recipe) -> Self {
        let Request { start, prompts, sampling, guidance, seeds, size, finish: _ } = recipe.request.clone();
        Self {
            task: Some(start.task),
            branch: start.branch,
            sampling: Some(sampling.options),
            prompt: Some(prompts.prompt),
            negative_prompt: Some(prompts.negative_prompt),
            model: recipe.model.parse().ok(),
            scheduler: sampling.scheduler,
            steps: Some(sampling.steps),
            guidance_scale: Some(guidance.scale),
            guidance_rescale: Some(guidance.rescale),
            seed: Some(seeds.first),
            size: Some((size.width, size.height)),
        }
    }
}

impl Patch {
    /// What it would change.
    pub fn changes(&self, draft: &Draft, model: &ModelRef) -> Vec<Change> {
        let mut then = draft.clone();
        let mut then_model = model.clone();
        self.apply(&mut then, &mut then_model, |_| true);
        let (task_now, task_then) = task_texts(draft, &then);
        let all = [
            (Field::Task, task_now, task_then),
            (Field::Prompt, draft.prompt.clone(), then.prompt),
            (Field::NegativePrompt, draft.negative_prompt.clone(), then.negative_prompt),
            (Field::Model, model.to_string(), then_model.to_string()),
            (Field::Sampler, sampler(draft.scheduler), sampler(then.scheduler)),
            (Field::Sampling, sampling(&draft.sampling), sampling(&then.sampling)),
            (Field::Steps, draft.steps.to_string(), then.steps.to_string()),
            (Field::Guidance, draft.guidance_scale.to_string(), then.guidance_scale.to_string()),
            (Field::Rescale, draft.guidance_rescale.to_string(), then.guidance_rescale.to_string()),
            (Field::Seed, seed(draft.seed, draft.seed_locked), seed(then.seed, then.seed_locked)),
            (Field::Size, size(draft), format!("{} × {}", then.width, then.height)),
        ];
        let changed = all.into_iter().filter(|(_, now, then)| now != then);
        changed.map(|(field, now, then)| Change { field, now, then }).collect()
    }

    /// Puts the chosen fields into the form, each brought into its range.
    pub fn apply(&self, draft: &mut Draft, model: &mut ModelRef, chosen: impl Fn(Field) -> bool) {
        fn set<T: Clone>(target: &mut T, value: Option<&T>, chosen: bool) -> bool {
            value.filter(|_| chosen).map(|value| *target = value.clone()).is_some()
        }
        set(&mut draft.prompt, self.prompt.as_ref(), chosen(Field::Prompt));
        set(&mut draft.negative_prompt, self.negative_prompt.as_ref(), chosen(Field::NegativePrompt));
        set(model, self.model.as_ref(), chosen(Field::Model));
        if let Some(task) = self.task.as_ref().filter(|_| chosen(Field::Task)) {
            draft.take_task(task);
            draft.branch.clone_from(&self.branch);
        }
        set(&mut draft.sampling, self.sampling.as_ref(), chosen(Field::Sampling));
        set(&mut draft.scheduler, self.scheduler.map(Some).as_ref(), chosen(Field::Sampler));
        let own = [
            set(&mut draft.steps, self.steps.as_ref(), chosen(Field::Steps)),
            set(&mut draft.guidance_scale, self.guidance_scale.as_ref(), chosen(Field::Guidance)),
            set(&mut draft.guidance_rescale, self.guidance_rescale.as_ref(), chosen(Field::Rescale)),
            set(&mut draft.width, self.size.map(|size| size.0).as_ref(), chosen(Field::Size)),
            set(&mut draft.height, self.size.map(|size| size.1).as_ref(), chosen(Field::Size)),
        ];
        draft.untouched &= !own.contains(&true);
        draft.seed_locked |= set(&mut draft.seed, self.seed.as_ref(), chosen(Field::Seed));
        draft.make_valid();
    }
}

/// Both tasks in words that differ if the tasks do.
fn task_texts(now: &Draft, then: &Draft) -> (String, String) {
    let text = |draft: &Draft| {
        let image = draft.image.as_ref().and_then(|image| image.file_name()).filter(|_| draft.task.needs_image());
        let image = image.map_or(String::new(), |name| format!(", {}", name.to_string_lossy()));
        let strength = if draft.task.needs_image() { format!(", strength {}", draft.strength) } else { String::new() };
        format!("{}{image}{strength}", draft.task.label())
    };
    let (now_text, mut then_text) = (text(now), text(then));
    if let Some(branch) = &then.branch {
        then_text = format!("{then_text}, going on from step {} of another run", branch.step);
    }
    if now_text == then_text && now.request().start.task != then.request().start.task {
        then_text.push_str(", with its mask and options");
    }
    (now_text, then_text)
}

fn sampling(options: &SamplingOptions) -> String {
    let schedule = options.sigma_schedule.map_or("Automatic".to_owned(), |schedule| format!("{schedule:?}"));
    let eta = if options.eta == 0.0 { String::new() } else { format!(", eta {}", options.eta) };
    let own = options.timesteps.is_some() || options.sigmas.is_some();
    format!("{schedule}{eta}{}", if own { ", levels of their own" } else { "" })
}

fn sampler(kind: Option<SchedulerKind>) -> String {
    kind.map_or("The model's own", SchedulerKind::label).to_owned()
}

fn seed(seed: u64, locked: bool) -> String {
    if locked { seed.to_string() } else { "New each time".to_owned() }
}

fn size(draft: &Draft) -> String {
    format!("{} × {}", draft.width, draft.height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch() -> Patch {
        Patch { prompt: Some("a fox".into()), steps: Some(5), seed: Some(3), size: Some((72, 64)), ..Patch::default() }
    }

    #[test]
    fn changes_name_what_differs_and_nothing_else() {
        let draft = Draft { steps: 5, ..Draft::default() };
        let changes = patch().changes(&draft, &ModelRef::Bundled);
        let fields: Vec<Field> = changes.iter().map(|change| change.field).collect();
        assert_eq!(fields, [Field::Prompt, Field::Seed, Field::Size]);
        assert_eq!((changes[1].now.as_str(), changes[1].then.as_str()), ("New each time", "3"));
        assert_eq!(changes[2].then, "72 × 64");
    }

    #[test]
    fn only_the_chosen_fields_are_taken() {
        let (mut draft, mut model) = (Draft::default(), ModelRef::Bundled);
        patch().apply(&mut draft, &mut model, |field| field == Field::Seed);
        assert_eq!((draft.seed, draft.seed_locked, draft.prompt.as_str(), draft.untouched), (3, true, "", true));
        patch().apply(&mut draft, &mut model, |_| true);
        assert_eq!((draft.prompt.as_str(), draft.width, draft.untouched), ("a fox", 72, false));
        assert_eq!(patch().changes(&draft, &model), []);
    }

    #[test]
    fn a_recipe_gives_back_its_request() {
        let request = Draft::default().request().with(|request| {
            request.prompts.prompt = "a fox".into();
            request.seeds.first = 8;
        });
        let (mut draft, mut model) = (Draft::default(), ModelRef::Bundled);
        Patch::from(&Recipe::of_picture(&request, 0, "/models/sd")).apply(&mut draft, &mut model, |_| true);
        assert_eq!(draft.request(), request);
        assert_eq!(model, ModelRef::Folder("/models/sd".into()));
    }
}
