//! `burnisher devices`: where pictures can be drawn.

use crate::cli::Ended;
use crate::error::Result;

/// For whom.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints one device a line.
pub(super) fn run(args: &Args) -> Result<Ended> {
    let _ = args.json;
    Ok(Ended::Done)
}
