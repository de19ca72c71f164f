//! Depths of pictures against `DPTImageProcessor`'s and `DPTForDepthEstimation`'s (`tests/golden/depth_estimator`).

use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::content::request::TaskKind;
use burnisher::pipelines::DiffusionPipeline;
use image::{Rgb, RgbImage};

use crate::runs::{open, open_on_cpu, tiny};
use crate::support::checkpoints::Checkpoint;
use crate::support::golden::Arrays;

/// Depths are of order 1 to 3; torch adds up to a few thousand f32 products in another order, for tens of layers.
const TOLERANCE: f32 = 1e-4;
/// Graphics cards also have roots and exponentials of their own.
const GPU_TOLERANCE: f32 = 1e-3;
/// Goldens have every sixth depth of every sixth row.
const STRIDE: usize = 6;

/// The picture that the generator makes of this size.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, ((x * 7 + y * 13) % 256) as u8])
    })
}

/// Holds the depths of the golden pictures against those that a pipeline finds.
fn compare(checkpoint: Checkpoint, pipeline: &DiffusionPipeline, tolerance: f32) {
    let arrays = Arrays::open("depth_estimator/depths");
    for (width, height) in [(101, 70), (640, 480)] {
        let what = format!("{}/{width}x{height}", checkpoint.name());
        let depth = pipeline.estimate_depth(&picture(width, height)).expect("a depth");
        let rows = depth.values().chunks_exact(depth.width()).step_by(STRIDE);
        let kept: Vec<f32> = rows.flat_map(|row| row.iter().copied().step_by(STRIDE)).collect();
        let difference = arrays.get(&what).largest_difference(&kept);
        println!("{what}: {difference:.1e}");
        assert!(difference <= tolerance, "{what}: differs by {difference:e}");
    }
}

#[test]
fn pictures_of_any_size_are_as_deep_as_transformers_finds_them() {
    for checkpoint in [Checkpoint::TinySd2Depth, Checkpoint::TinySd2DepthHybrid] {
        let pipeline = open_on_cpu(checkpoint);
        assert_eq!(pipeline.tasks(), [TaskKind::DepthToImage]);
        compare(checkpoint, &pipeline, TOLERANCE);
    }
}

#[test]
fn a_gpu_finds_them_as_deep() {
    // The hybrid one's pictures are sixteen times as large, which a software rasteriser takes minutes for.
    let (checkpoint, gpu) = (Checkpoint::TinySd2Depth, DeviceChoice::Gpu(None));
    let compute = device::open(gpu, DtypeChoice::F32).expect("the device opens");
    compare(checkpoint, &open(&tiny(checkpoint), compute), GPU_TOLERANCE);
}

#[test]
fn a_model_without_an_estimator_says_which_models_have_one() {
    let error = open_on_cpu(Checkpoint::TinySd15).estimate_depth(&picture(8, 8)).expect_err("it has none").to_string();
    assert!(error.ends_with("or a depth model, such as Stable Diffusion 2 Depth"), "{error}");
}
