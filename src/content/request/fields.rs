//! The table of a request's fields.
//!
//! A row says how a field is named, shown, checked, read and written. What goes through all fields goes through this
//! table: checks, JSON, patches with their list of differences, and the command line's plain options. A new field takes
//! four edits:
//!
//! 1. the member of its group (`groups.rs`),
//! 2. its default, beside it,
//! 3. its row here,
//! 4. its control in the form (`app/panels/form`).
//!
//! A field that isn't a number, a switch or a text has its option of the command line in `cli/generate.rs`.

use serde_json::{Map, Value};

use super::groups::Size;
use super::limits::{
    self, MAX_COUNT, MAX_GUIDANCE, MAX_SIDE, MAX_STEPS, clamped, validate_count, validate_guidance_rescale,
    validate_guidance_scale, validate_steps,
};
use super::request::{Branch, Request};
use super::row::{AnyRow, CommandLineOption, Row};
use super::safety::SafetyMode;
use super::task::Task;
use crate::base::error::Result;
use crate::schedulers::{SamplingOptions, SchedulerKind, SigmaSchedule};

/// Declares the fields with their rows.
macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident = $row:expr;)*) => {
        /// A field of a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Field {
            $($(#[$doc])* $field,)*
        }

        impl Field {
            /// All fields, in the order of lists and files.
            pub const ALL: &'static [Self] = &[$(Self::$field,)*];

            fn row(self) -> &'static dyn AnyRow {
                match self {
                    $(Self::$field => const { &$row },)*
                }
            }
        }
    };
}

fields! {
    /// The task with its picture and mask.
    Task = Row::new(&["task"], "Task", "task", |r| &r.start.task, |r| &mut r.start.task, task_text)
        .checked(Task::validate, |_| {});
    /// The prompt.
    Prompt = Row::new(&["prompt"], "Prompt", "prompt", |r| &r.prompts.prompt, |r| &mut r.prompts.prompt, String::clone)
        .parsed()
        .option("prompt", "TEXT", "What the picture is to show; unconditional models read none");
    /// The negative prompt.
    NegativePrompt = Row::new(
        &["negative_prompt"],
        "Negative prompt",
        "negative prompt",
        |r| &r.prompts.negative_prompt,
        |r| &mut r.prompts.negative_prompt,
        String::clone,
    )
    .parsed()
    .option("negative-prompt", "TEXT", "What it is not to show [default: nothing]");
    /// The sampler.
    Scheduler = Row::new(
        &["scheduler"],
        "Sampler",
        "sampler",
        |r| &r.sampling.scheduler,
        |r| &mut r.sampling.scheduler,
        |kind| kind.map_or("The model's own", SchedulerKind::label).to_owned(),
    );
    /// What is asked of the sampler beyond its kind.
    SamplingOptions = Row::new(
        &["sampling"],
        "Noise levels",
        "noise levels",
        |r| &r.sampling.options,
        |r| &mut r.sampling.options,
        options_text,
    )
    .checked(SamplingOptions::validate, |_| {})
    .optional();
    /// The number of steps.
    Steps = Row::new(
        &["steps"],
        "Steps",
        "number of steps",
        |r| &r.sampling.steps,
        |r| &mut r.sampling.steps,
        usize::to_string,
    )
    .checked(|steps| validate_steps(*steps), |steps| *steps = (*steps).clamp(1, MAX_STEPS))
    .parsed()
    .option("steps", "N", "Denoising steps [default: what the model's card recommends, or as many as in Diffusers]");
    /// The guidance scale.
    GuidanceScale = Row::new(
        &["guidance_scale"],
        "Guidance",
        "guidance scale",
        |r| &r.guidance.scale,
        |r| &mut r.guidance.scale,
        f64::to_string,
    )
    .checked(|scale| validate_guidance_scale(*scale), |scale| *scale = clamped(*scale, MAX_GUIDANCE, 7.5))
    .parsed()
    .option("guidance-scale", "X", "How strongly the prompt is followed; up to 1 turns guidance off [default: the card's, or 7.5]");
    /// The guidance rescale.
    GuidanceRescale = Row::new(
        &["guidance_rescale"],
        "Guidance rescale",
        "guidance rescale",
        |r| &r.guidance.rescale,
        |r| &mut r.guidance.rescale,
        f64::to_string,
    )
    .checked(|rescale| validate_guidance_rescale(*rescale), |rescale| *rescale = clamped(*rescale, 1.0, 0.0))
    .parsed()
    .option("guidance-rescale", "X", "Takes back the contrast that strong guidance adds, 0 to 1 [default: 0]");
    /// The seed of the first picture.
    Seed = Row::new(&["seed"], "Seed", "seed", |r| &r.seeds.first, |r| &mut r.seeds.first, u64::to_string)
        .parsed()
        .option("seed", "N", "Picture k is drawn from seed + k [default: random]");
    /// Width and height.
    Size = Row::new(&["width", "height"], "Size", "size", |r| &r.size, |r| &mut r.size, Size::to_string).checked(
        |size| limits::validate_size(*size, 1),
        |size| *size = Size::new(size.width.clamp(1, MAX_SIDE), size.height.clamp(1, MAX_SIDE)),
    );
    /// The number of pictures.
    Count = Row::new(
        &["count"],
        "Pictures",
        "number of pictures",
        |r| &r.seeds.count,
        |r| &mut r.seeds.count,
        usize::to_string,
    )
    .checked(|count| validate_count(*count), |count| *count = (*count).clamp(1, MAX_COUNT))
    .parsed()
    .option("count", "N", "How many pictures [default: 1]");
    /// What becomes of pictures that the safety checker flags.
    Safety = Row::new(
        &["safety"],
        "Safety",
        "safety mode",
        |r| &r.finish.safety,
        |r| &mut r.finish.safety,
        |mode: &SafetyMode| mode.label().to_owned(),
    )
    .optional();
    /// The run that it goes on from.
    Branch = Row::new(
        &["branch"],
        "Goes on from",
        "run that it goes on from",
        |r| &r.start.branch,
        |r| &mut r.start.branch,
        branch_text,
    )
    .optional();
}

impl Field {
    /// Returns its names in JSON: several where its value has several parts.
    pub fn keys(self) -> &'static [&'static str] {
        self.row().keys()
    }

    /// What the form calls it.
    pub fn label(self) -> &'static str {
        self.row().label()
    }

    /// What messages call it.
    pub fn noun(self) -> &'static str {
        self.row().noun()
    }

    /// Returns the command line's option that takes its value as it is.
    pub fn option(self) -> Option<CommandLineOption> {
        self.row().option()
    }

    /// Whether JSON leaves it out where it has its default.
    pub fn is_optional(self) -> bool {
        self.row().is_optional()
    }

    /// Copies its value from one request to another.
    pub fn copy(self, from: &Request, to: &mut Request) {
        self.row().copy(from, to);
    }

    /// Whether two requests differ in it.
    pub fn differs(self, one: &Request, other: &Request) -> bool {
        self.row().differs(one, other)
    }

    /// Returns its value for people.
    pub fn show(self, request: &Request) -> String {
        self.row().show(request)
    }

    /// Checks its value.
    ///
    /// # Errors
    /// The value is one that no request may have.
    pub fn check(self, request: &Request) -> Result<()> {
        self.row().check(request)
    }

    /// Brings its value into its range.
    pub fn mend(self, request: &mut Request) {
        self.row().mend(request);
    }

    /// Reads its value from a text.
    ///
    /// # Errors
    /// The text is no such value.
    pub fn parse(self, text: &str, to: &mut Request) -> Result<()> {
        self.row().parse(text, to)
    }

    /// Reads its value from a JSON object, if it is in there; whether it is.
    ///
    /// # Errors
    /// It is there, and is no such value.
    pub fn read(self, from: &Map<String, Value>, to: &mut Request) -> Result<bool> {
        self.row().read(from, to)
    }

    /// Writes its value into a JSON object.
    ///
    /// # Errors
    /// The value can't be written as JSON.
    pub fn write(self, request: &Request, to: &mut Map<String, Value>) -> serde_json::Result<()> {
        self.row().write(request, to)
    }
}

/// The task with its picture and strength.
fn task_text(task: &Task) -> String {
    let kind = task.kind();
    if !kind.needs_image() {
        return kind.label().to_owned();
    }
    let image = task.image().filter(|image| !image.is_empty()).map(|image| {
        let name = image.hint.as_ref().and_then(|path| path.file_name());
        name.map_or_else(|| format!(", {image}"), |name| format!(", {}", name.to_string_lossy()))
    });
    format!("{}{}, strength {}", kind.label(), image.unwrap_or_default(), task.strength())
}

/// What is asked of the sampler.
fn options_text(options: &SamplingOptions) -> String {
    let schedule = options.sigma_schedule.map_or("Automatic", SigmaSchedule::label);
    let eta = if options.eta == 0.0 { String::new() } else { format!(", eta {}", options.eta) };
    let own = options.timesteps.is_some() || options.sigmas.is_some();
    format!("{schedule}{eta}{}", if own { ", levels of their own" } else { "" })
}

#[expect(clippy::ref_option, reason = "the table passes references to members")]
fn branch_text(branch: &Option<Box<Branch>>) -> String {
    let text = |branch: &Branch| format!("Step {} of seed {}", branch.step, branch.from.seeds.first);
    branch.as_deref().map_or("Nothing".to_owned(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_belongs_to_one_field() {
        let mut keys: Vec<_> = Field::ALL.iter().flat_map(|field| field.keys()).collect();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all);
        assert!(all <= 32, "a set of fields has so many bits");
    }

    #[test]
    fn a_value_out_of_its_range_is_refused_and_can_be_mended() {
        let bad = Request::default().with(|request| {
            request.sampling.steps = 0;
            request.guidance.scale = f64::NAN;
            request.guidance.rescale = -1.0;
            request.size = Size::new(0, usize::MAX);
            request.seeds.count = 0;
        });
        let mut mended = bad.clone();
        for field in Field::ALL {
            field.mend(&mut mended);
        }
        for field in [Field::Steps, Field::GuidanceScale, Field::GuidanceRescale, Field::Size, Field::Count] {
            assert!(field.check(&bad).is_err(), "{field:?}");
            field.check(&mended).expect("now it is good");
        }
    }

    #[test]
    fn a_field_goes_from_one_request_to_another_by_text_json_and_copy() {
        let from = Request::default().with(|request| (request.sampling.steps, request.size) = (7, Size::new(64, 72)));
        let mut to = Request::default();
        Field::Steps.parse("7", &mut to).expect("a number");
        assert!(!Field::Steps.differs(&from, &to) && Field::Size.differs(&from, &to));
        let mut json = Map::new();
        Field::Size.write(&from, &mut json).expect("JSON");
        assert_eq!(serde_json::to_string(&json).expect("JSON"), r#"{"width":64,"height":72}"#);
        assert!(Field::Size.read(&json, &mut to).expect("a size"));
        assert!(!Field::Steps.read(&json, &mut to).expect("nothing to read"));
        assert_eq!((to.size, Field::Size.show(&to)), (from.size, "64 × 72".to_owned()));
        let mut copy = Request::default();
        Field::Steps.copy(&from, &mut copy);
        assert_eq!(copy.sampling.steps, 7);
    }
}
