//! `burnisher inspect`: what a model is made of, without loading its weights, and what its sampler has in force.

use std::fmt;

use serde::Serialize;

use crate::checkpoint::{Checkpoint, Description, ModelRef};
use crate::cli::{Ended, print};
use crate::error::{Error, Result};
use crate::schedulers::{SamplingOptions, SchedulerKind, Setting};

/// Which model, and for whom.
#[derive(clap::Args)]
pub(super) struct Args {
    /// `bundled`, or the folder of a model in diffusers format
    #[arg(value_name = "REF")]
    model: ModelRef,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A model, and what its sampler makes of its configuration.
#[derive(Serialize)]
struct Inspected {
    #[serde(flatten)]
    description: Description,
    /// `None` for a model without one, or with one that we don't have.
    sampler: Option<Sampler>,
}

/// The sampler that a checkpoint asks for.
#[derive(Serialize)]
struct Sampler {
    name: &'static str,
    class: &'static str,
    settings: Vec<Setting>,
}

/// Prints the pipeline's components and each one's config.
pub(super) fn run(args: &Args) -> Result<Ended> {
    let description = Checkpoint::open(&args.model)?.describe()?;
    let inspected = Inspected { sampler: Sampler::of(&description), description };
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
        Ok(())
    }
}
