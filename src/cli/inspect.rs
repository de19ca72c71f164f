//! `burnisher inspect`: shows a model's components without loading their weights, its sampler's settings, and whether it fits
//! into memory.

use std::fmt;

use serde::Serialize;

use crate::base::device::{DeviceChoice, DtypeChoice};
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::cli::memory_limit::MemoryLimit;
use crate::cli::model_arg::model_ref;
use crate::cli::shell::{Ended, print};
use crate::cli::waits::Waits;
use crate::content::request::limits;
use crate::families;
use crate::schedulers::{Fate, SamplingOptions, SchedulerKind, Setting, Swapped};
use crate::storage::checkpoint::Description;
use crate::storage::hub::Shelf;
use crate::worker::{self, ComponentInspection, Host, Plan, Wish};

/// The arguments of `inspect`.
#[derive(clap::Args)]
pub(super) struct InspectArgs {
    /// `bundled`, a folder in diffusers format, a .safetensors file, or `owner/name` on the Hub
    #[arg(value_name = "REF", value_parser = model_ref())]
    model: ModelRef,
    /// Show what this sampler would make of the model's own one's configuration
    #[arg(long, value_name = "NAME")]
    scheduler: Option<SchedulerKind>,
    /// The picture that the memory is planned for, in pixels [default: the model's own size]
    #[arg(long, value_name = "W")]
    width: Option<usize>,
    /// See --width
    #[arg(long, value_name = "H")]
    height: Option<usize>,
    /// The device that the memory is planned for: auto, cpu, gpu or gpu:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
    /// What the model would compute in: auto, f32, f16 or bf16
    #[arg(long, value_name = "DTYPE", default_value = "auto")]
    dtype: DtypeChoice,
    /// Gigabytes of memory that the model and its pictures may take [default: all there are]
    #[arg(long, value_name = "GB")]
    memory_limit: Option<MemoryLimit>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// All that is known of a model.
#[derive(Serialize)]
struct Inspected {
    #[serde(flatten)]
    description: Description,
    /// `None` for a model without one, or with one that we don't have.
    sampler: Option<Sampler>,
    /// What another sampler would make of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    swap: Option<Swap>,
    /// How the files of each component differ from what its config asks for.
    weights: Vec<ComponentInspection>,
    memory: Option<Plan>,
    /// Why the model can't be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The sampler that a checkpoint asks for.
#[derive(Serialize)]
struct Sampler {
    name: &'static str,
    class: &'static str,
    settings: Vec<Setting>,
}

/// Another sampler in its place.
#[derive(Serialize)]
struct Swap {
    name: &'static str,
    class: &'static str,
    options: Vec<Swapped>,
}

/// Prints the pipeline's components and each one's config.
pub(super) fn run(args: &InspectArgs) -> Result<Ended> {
    let memory_limit = args.memory_limit.map(MemoryLimit::bytes);
    let host = Host { device: args.device, dtype: args.dtype, memory_limit, ..Host::default() };
    let waits = Waits::until_dropped("the model's files are being read");
    let inspection = worker::inspect(&Shelf::of_script(families::ALL).resolve(&args.model)?, host)?;
    let wish = |usual: Wish| {
        let (width, height) = (args.width.unwrap_or(usual.width), args.height.unwrap_or(usual.height));
        Wish { width, height, ..usual }
    };
    drop(waits);
    // What the model draws is a multiple of something; what is planned for need only be a picture.
    for (name, side) in [("width", args.width), ("height", args.height)] {
        side.map_or(Ok(()), |pixels| limits::validate_side(name, pixels, 1))?;
    }
    let plan = inspection.plan(|footprint| wish(Wish::usual(footprint)), 0);
    let scheduler = inspection.description.components.iter().find(|component| component.name == "scheduler");
    let swap = args.scheduler.zip(scheduler).map(|(kind, scheduler)| Swap {
        name: kind.name(),
        class: kind.class_name(),
        options: kind.swapped_in(&scheduler.config),
    });
    let inspected = Inspected {
        sampler: Sampler::of(&inspection.description),
        swap,
        weights: inspection.components,
        error: plan.as_ref().err().map(ToString::to_string),
        memory: plan.ok(),
        description: inspection.description,
    };
    if args.json {
        let json = serde_json::to_string_pretty(&inspected);
        print(json.map_err(|cause| Error::new("the description is no JSON").caused_by(cause))?)?;
    } else {
        print(inspected.to_string().trim_end())?;
    }
    Ok(Ended::Done)
}

impl Sampler {
    fn of(model: &Description) -> Option<Self> {
        let config = &model.components.iter().find(|component| component.name == "scheduler")?.config;
        let kind = SchedulerKind::from_config(config).ok()?;
        let settings = kind.settings(config, &SamplingOptions::default());
        Some(Self { name: kind.name(), class: kind.class_name(), settings })
    }
}

impl fmt::Display for Inspected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.description)?;
        if let Some(Sampler { name, class, settings }) = &self.sampler {
            writeln!(f, "\nsampler {name}, with all that {class} has in force:")?;
            settings.iter().try_for_each(|setting| writeln!(f, "  {setting}"))?;
        }
        if let Some(swap) = &self.swap {
            write!(f, "\n{swap}")?;
        }
        let notes = self.description.notes.iter().cloned();
        for note in notes.chain(self.weights.iter().filter_map(ComponentInspection::note)) {
            writeln!(f, "\nnote: {note}")?;
        }
        if let Some(plan) = &self.memory {
            writeln!(f, "\nmemory: {plan}")?;
            plan.details().iter().try_for_each(|detail| writeln!(f, "  {detail}"))?;
        }
        self.error.as_ref().map_or(Ok(()), |error| writeln!(f, "\nthis model can't be used: {error}"))
    }
}

impl fmt::Display for Swap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "sampler {} in its place, as {}.from_config(pipe.scheduler.config):", self.name, self.class)?;
        let value = |value: &Option<_>| value.as_ref().map_or("-".to_owned(), ToString::to_string);
        for fate in Fate::ALL {
            for option in self.options.iter().filter(|option| option.fate == fate) {
                let Swapped { key, before, after, .. } = option;
                let label = fate.label().to_lowercase();
                match fate {
                    Fate::Changed => writeln!(f, "  {label} {key} = {}, was {}", value(after), value(before))?,
                    Fate::Dropped => writeln!(f, "  {label} {key} = {}", value(before))?,
                    Fate::New | Fate::Kept => writeln!(f, "  {label} {key} = {}", value(after))?,
                }
            }
        }
        Ok(())
    }
}
