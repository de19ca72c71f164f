//! How much memory a run takes, before it takes it.
//!
//! The figures are upper estimates from the networks' shapes; what has to fit is the smaller of the machine's free memory and
//! what the device lets one tensor have.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::stable_diffusion::StableDiffusion;
use crate::device::ComputeDevice;
use crate::error::{Error, Result};

/// Layers of the first level that are alive at once in a UNet step: its skips and the widest transformer layer.
const LIVE_UNET_LAYERS: u64 = 40;
/// Tensors of the widest layer that are alive at once in a decode.
const LIVE_DECODE_TENSORS: u64 = 4;
/// Sides of decoder tiles in latents, largest first.
const TILES: [usize; 6] = [128, 96, 64, 48, 32, 16];

/// Bytes of main memory that are free for us; `None` if the system doesn't tell.
fn available() -> Option<u64> {
    let what = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    Some(System::new_with_specifics(what).available_memory()).filter(|&bytes| bytes > 0)
}

/// What a step of a UNet has to hold.
#[derive(Clone, Copy)]
pub(super) struct Work {
    /// Samples at a time; both halves of guidance count.
    pub(super) batch: usize,
    /// What the network sees: latents, or pixels where there are none.
    pub(super) height: usize,
    pub(super) width: usize,
    /// Channels of the level at full size.
    pub(super) channels: usize,
    /// How many times as large the widest tensor is.
    pub(super) widest: u64,
    /// Pixels a sample's pixel, each way.
    pub(super) scale: usize,
}

/// Refuses a picture that can't be computed.
pub(super) fn check(compute: &ComputeDevice, work: Work) -> Result<()> {
    let Work { batch, height, width, channels, widest, scale } = work;
    let area = batch as u64 * height as u64 * width as u64 * channels as u64 * compute.dtype.size() as u64;
    let size = format!("{} x {}", width * scale, height * scale);
    if let Some(max) = compute.max_tensor_bytes
        && area * widest > max
    {
        return Err(too_large(&size, area * widest, max, "one buffer of this GPU")
            .advise("Choose a smaller size, or the device cpu"));
    }
    let needed = area * LIVE_UNET_LAYERS;
    match available() {
        Some(free) if compute.max_tensor_bytes.is_none() && needed > free => {
            Err(too_large(&size, needed, free, "the free memory").advise("Choose a smaller size"))
        }
        _ => Ok(()),
    }
}

fn too_large(size: &str, needed: u64, there: u64, what: &str) -> Error {
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    Error::new(format!(
        "A picture of {size} is too large: it takes about {:.1} GB, and {what} holds {:.1} GB",
        gigabytes(needed),
        gigabytes(there)
    ))
}

/// The side of the tiles, in latents, in which a picture of `height` x `width` latents has to be decoded, or encoded;
/// `None` for whole.
pub(super) fn decode_tile(model: &StableDiffusion, height: usize, width: usize) -> Option<usize> {
    let scale = model.vae.scale_factor() as u64;
    let value = model.compute.dtype.size() as u64;
    let bytes =
        |h: usize, w: usize| h as u64 * w as u64 * scale * scale * model.vae.widest_at_full_size() as u64 * value;
    let fits = |h: usize, w: usize| match model.compute.max_tensor_bytes {
        Some(max) => bytes(h, w) <= max,
        None => available().is_none_or(|free| bytes(h, w) * LIVE_DECODE_TENSORS <= free),
    };
    if fits(height, width) {
        return None;
    }
    let tile = TILES.into_iter().find(|&side| fits(side, side));
    tile.or(TILES.last().copied())
}
