//! `burnisher check-gpu`: computes on a GPU what the CPU computes too, and says how far that is off. For `worker::Guard`, which runs
//! it, and for reports of faults.

use crate::base::device::{DeviceChoice, DtypeChoice, KernelChoice};
use crate::base::error::Result;
use crate::cli::shell::{Ended, print};
use crate::worker::compute_checks;

/// The arguments of `check-gpu`.
#[derive(clap::Args)]
pub(super) struct CheckGpuArgs {
    /// gpu or gpu:N
    #[arg(long, value_name = "DEVICE", default_value = "gpu")]
    device: DeviceChoice,
    /// f32 or f16
    #[arg(long, value_name = "DTYPE", default_value = "f32")]
    dtype: DtypeChoice,
    /// native or portable
    #[arg(long, value_name = "KERNELS", default_value = "native")]
    kernels: KernelChoice,
}

/// Prints one check a line, as soon as it is known.
pub(super) fn run(args: &CheckGpuArgs) -> Result<Ended> {
    let mut printed = Ok(());
    compute_checks(args.device, args.dtype, args.kernels, |name, off| {
        printed = std::mem::replace(&mut printed, Ok(())).and_then(|()| print(format!("{name} {off:e}")));
    })?;
    printed.map(|()| Ended::Done)
}
