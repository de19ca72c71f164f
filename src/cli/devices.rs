//! `burnisher devices`: where pictures can be drawn.

use crate::base::device;
use crate::base::error::{Error, Result};
use crate::cli::shell::{Ended, print};

/// The arguments of `devices`.
#[derive(clap::Args)]
pub(super) struct DevicesArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints one device a line; the one that `auto` takes has a star.
pub(super) fn run(args: &DevicesArgs) -> Result<Ended> {
    let devices = device::list();
    if args.json {
        let json = serde_json::to_string_pretty(&devices);
        print(json.map_err(|cause| Error::new("the list is no JSON").caused_by(cause))?)?;
        return Ok(Ended::Done);
    }
    for device in devices {
        let star = if device.default { '*' } else { ' ' };
        let f16 = if device.f16 { ", f16" } else { "" };
        let limit =
            device.max_tensor_bytes.map_or(String::new(), |bytes| format!(", buffers up to {} MB", bytes >> 20));
        let driver = if device.driver.is_empty() { String::new() } else { format!(", {}", device.driver) };
        print(format!(
            "{star} {:<6} {} ({}, {}{driver}{f16}{limit})",
            device.id, device.name, device.kind, device.backend
        ))?;
    }
    Ok(Ended::Done)
}
