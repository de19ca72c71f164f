//! `burnisher inspect`: what a model is made of, without loading its weights.

use crate::checkpoint::{Checkpoint, ModelRef};
use crate::cli::{Ended, print};
use crate::error::{Error, Result};

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

/// Prints the pipeline's components and each one's config.
pub(super) fn run(args: &Args) -> Result<Ended> {
    let description = Checkpoint::open(&args.model)?.describe()?;
    if args.json {
        let json = serde_json::to_string_pretty(&description);
        print(json.map_err(|cause| Error::new("the description is no JSON").caused_by(cause))?)?;
    } else {
        print(description.to_string().trim_end())?;
    }
    Ok(Ended::Done)
}
