//! Launches and bytes of a step and of a decode of Stable Diffusion 1.5 in f16. Nothing is computed.

use burn::cubecl::dry_run::DryRun;
use burn::tensor::Tensor;
use burnisher::base::device::{ComputeDevice, DtypeChoice};

use crate::gpu;
use crate::launches::{self, Launch};
use crate::networks::{Family, Scale};

const MEGABYTE: u64 = 1_000_000;

/// What a pass may cost at most.
struct Limits {
    launches: usize,
    /// Megabytes that are read and written beside the weights.
    moved: u64,
    /// Megabytes of the largest tensor.
    largest: u64,
}

impl Limits {
    fn hold(&self, build: impl FnOnce(&ComputeDevice) -> Box<dyn Fn() -> Tensor<4>>) {
        let (compute, _turn) = gpu(DtypeChoice::F16);
        let _dry = DryRun::new();
        let pass = build(&compute);
        let pass = || drop(pass().into_data());
        pass();
        let launches = launches::count(&compute.device, pass);
        let most = |of: fn(&Launch) -> u64| launches.iter().map(of).max().unwrap_or(0) / MEGABYTE;
        let moved = launches.iter().map(|launch| launch.read + launch.written).sum::<u64>() / MEGABYTE;
        let found = [
            ("launches", launches.len() as u64, self.launches as u64),
            ("MB moved beside the weights", moved, self.moved),
            ("MB in the largest tensor", most(|launch| launch.largest), self.largest),
            ("weights laid out again", launches.iter().filter(|launch| launch.copies_weight).count() as u64, 0),
        ];
        println!("found, and the limits: {found:?}");
        let broken: Vec<_> = found.iter().filter(|(_, found, limit)| found > limit).collect();
        assert!(broken.is_empty(), "{broken:?}; `cargo bench --bench gpu` says where they come from");
    }
}

/// Latents on each side of 512 x 512.
const USUAL: Scale = Scale { family: Family::Sd15, narrower: 1, side: 64 };
/// Latents on each side of 1024 x 1024.
const LARGE: Scale = Scale { side: 128, ..USUAL };

#[test]
fn a_step_at_512_stays_within_its_limits() {
    // The scores of its largest attention would take 537 MB.
    let limits = Limits { launches: 475, moved: 3_730, largest: 42 };
    limits.hold(|compute| Box::new(USUAL.unet(&compute.device, compute.dtype)));
}

#[test]
fn a_decode_at_512_stays_within_its_limits() {
    let limits = Limits { launches: 104, moved: 5_510, largest: 135 };
    limits.hold(|compute| Box::new(USUAL.decoder(&compute.device, compute.dtype)));
}

#[test]
fn a_decode_at_1024_needs_no_tensor_that_drivers_refuse() {
    let limits = Limits { launches: 104, moved: 22_030, largest: 537 };
    limits.hold(|compute| Box::new(LARGE.decoder(&compute.device, compute.dtype)));
}
