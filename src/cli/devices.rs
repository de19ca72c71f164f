//! `burnisher devices`: where pictures can be drawn.

use crate::base::device;
use crate::base::error::{Error, Result};
use crate::cli::shell::{Ended, print};
use crate::cli::waits::Waits;

/// The arguments of `devices`.
#[derive(clap::Args)]
pub(super) struct DevicesArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints one device a line; the one that `auto` takes has a star.
pub(super) fn run(args: &DevicesArgs) -> Result<Ended> {
    let waits = Waits::until_dropped("the drivers are asked for their devices");
    let devices = device::list();
    drop(waits);
    if args.json {
        let json = serde_json::to_string_pretty(&devices);
        print(json.map_err(|cause| Error::new("the list is no JSON").caused_by(cause))?)?;
        return Ok(Ended::Done);
    }
    for device in devices {
        let star = if device.default { '*' } else { ' ' };
        print(format!("{star} {:<6} {}", device.id, device.in_words()))?;
    }
    Ok(Ended::Done)
}
