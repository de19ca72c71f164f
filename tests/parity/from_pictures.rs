//! What is drawn from a picture against Diffusers' image-to-image, inpainting and depth-to-image pipelines
//! (`tests/golden/from_pictures`): masks, first latents and pictures, for every strength and several samplers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::content::request::{Guidance, Inpaint, Mask, Prompts, Request, Sampling, Seeds, Size, Task};
use burnisher::pipelines::DiffusionPipeline;
use image::{ImageBuffer, Luma};
use serde::Deserialize;

use crate::imaging::{mask, picture};
use crate::runs::{draw_all, open, part, tiny};
use crate::support::checkpoints::Checkpoint;
use crate::support::golden::{Arrays, json};

/// In 0..1. Storing goldens in 16 bits makes up to 8e-6 of it; the rest is sums in another order, for tens of network calls.
const CPU_TOLERANCE: f32 = 5e-5;
/// Graphics cards also have roots and exponentials of their own.
const GPU_TOLERANCE: f32 = 5e-4;
/// Of latents, which are a few units wide and multiplied by up to 14 where they are noise: the autoencoder's sums in another order.
const LATENT_TOLERANCE: f32 = 2e-5;
/// Of a picture with its cut-out drawn anew, in 255ths: a difference of one level may be enlarged by Lanczos' overshoot.
const LEVELS: f32 = 2.0;

#[derive(Deserialize)]
struct Case {
    name: String,
    task: String,
    scheduler: String,
    steps: usize,
    strength: f64,
    guidance_scale: f64,
    picture: (u32, u32),
    width: usize,
    height: usize,
    seeds: Vec<u64>,
    blur: f64,
    padding: Option<usize>,
    own_depth: bool,
    timesteps: Vec<f64>,
}

impl Case {
    /// The request for its first pictures, `count` of them, with its files in a folder.
    fn request(&self, count: usize, folder: &Path) -> Request {
        let image = folder.join("picture.png");
        picture(self.picture.0, self.picture.1).save(&image).expect("a PNG");
        let strength = self.strength;
        let task = match &*self.task {
            "image-to-image" => Task::ImageToImage { image: image.into(), strength },
            "inpaint" => Task::Inpaint(Box::new(Inpaint {
                image: image.into(),
                strength,
                mask: Mask::new(mask(self.picture.0, self.picture.1)),
                mask_blur: self.blur,
                only_masked: self.padding,
                paste_back: self.padding.is_some(),
                ..Inpaint::default()
            })),
            "depth-to-image" => Task::DepthToImage {
                image: image.into(),
                strength,
                depth: self.own_depth.then(|| depth_map(folder)).map(Into::into),
            },
            other => panic!("no task is called {other}"),
        };
        Request {
            start: task.into(),
            prompts: Prompts::new("An image of a squirrel in Picasso style"),
            sampling: Sampling {
                scheduler: Some(self.scheduler.parse().expect("a sampler that we have")),
                steps: self.steps,
                ..Sampling::default()
            },
            guidance: Guidance { scale: self.guidance_scale, ..Guidance::default() },
            seeds: Seeds::new(self.seeds[0], count),
            size: Size::new(self.width, self.height),
            ..Request::default()
        }
    }
}

/// The formula of `generate.py`, as a picture of 16 bits.
fn depth_map(folder: &Path) -> PathBuf {
    let path = folder.join("depth.png");
    let map = ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(40, 30, |x, y| {
        let bump = if x.abs_diff(12).pow(2) + y.abs_diff(15).pow(2) < 60 { 9000 } else { 0 };
        Luma([(x * 900 + y * 500 + bump) as u16])
    });
    map.save(&path).expect("a PNG");
    path
}

/// A pipeline beside what Diffusers drew with the same weights.
struct Comparison {
    golden: &'static str,
    pipeline: DiffusionPipeline,
    cases: Vec<Case>,
    arrays: Arrays,
    tolerance: f32,
}

impl Comparison {
    fn new(checkpoint: Checkpoint, device: DeviceChoice, tolerance: f32) -> Self {
        let golden = checkpoint.name();
        let compute = device::open(device, DtypeChoice::F32).expect("the device opens");
        let cases = json::<BTreeMap<String, Vec<Case>>>("from_pictures/cases.json").remove(golden);
        Self {
            golden,
            pipeline: open(&tiny(checkpoint), compute),
            cases: cases.expect("cases of this checkpoint"),
            arrays: Arrays::open(&format!("from_pictures/{golden}")),
            tolerance,
        }
    }

    fn on_cpu(checkpoint: Checkpoint) -> Self {
        Self::new(checkpoint, DeviceChoice::Cpu, CPU_TOLERANCE)
    }

    /// Draws the cases that `wanted` names, alone and as batches, and compares each number that Diffusers gave for them.
    fn compare(&self, wanted: impl Fn(&Case) -> bool) {
        let mut compared = 0;
        for case in self.cases.iter().filter(|case| wanted(case)) {
            for count in 1..=case.seeds.len() {
                self.compare_run(case, count);
            }
            compared += 1;
        }
        assert!(compared > 0, "no case is wanted");
    }

    fn compare_run(&self, case: &Case, count: usize) {
        let what = format!("{} {}, {count} at once", self.golden, case.name);
        let files = tempfile::tempdir().expect("a folder");
        let (trace, pictures) = draw_all(&self.pipeline, &case.request(count, files.path()), &what);
        let timesteps: Vec<f32> = case.timesteps.iter().map(|timestep| *timestep as f32).collect();
        assert_eq!(trace.get("timesteps").values, timesteps, "{what}: timesteps");
        let has = |name: &str| self.arrays.names().iter().any(|other| other == name);
        for (key, tolerance) in [("mask", 0.0), ("depth_mask", LATENT_TOLERANCE)] {
            if has(&format!("{}/{key}", case.name)) {
                let golden = self.arrays.get(&format!("{}/{key}", case.name));
                let difference = golden.largest_difference(&trace.get(key).values);
                assert!(difference <= tolerance, "{what}: {key} differs by {difference:e}");
            }
        }
        if case.task == "depth-to-image" {
            let shown = pictures[0].depth.as_ref().expect("the depth map is kept");
            assert_eq!(shown.dimensions(), (case.width as u32, case.height as u32));
            let levels: BTreeSet<u8> = shown.as_raw().iter().copied().collect();
            assert!(levels.len() > 20, "{what}: {} levels", levels.len());
        }
        for (k, seed) in case.seeds.iter().take(count).enumerate() {
            let golden = |key: &str| self.arrays.get(&format!("{}/{seed}/{key}", case.name));
            for key in ["initial_latents", "image_latents", "masked_image_latents"] {
                let is_read = key != "masked_image_latents" || self.golden == "tiny-sd15-inpaint";
                if is_read && has(&format!("{}/{seed}/{key}", case.name)) {
                    let golden = golden(key);
                    let difference = golden.largest_difference(part(&trace.get(key), k, count));
                    // What is noise alone comes to the last bit.
                    let is_noise = case.strength >= 1.0 && case.task == "inpaint" && key == "initial_latents";
                    let tolerance = if is_noise { 0.0 } else { LATENT_TOLERANCE };
                    assert!(difference <= tolerance, "{what}: {key} of picture {k} differs by {difference:e}");
                }
            }
            let golden = golden("image");
            if case.padding.is_some() {
                let picture: Vec<f32> = pictures[k].image.as_raw().iter().map(|byte| f32::from(*byte)).collect();
                let difference = golden.largest_difference(&picture);
                assert!(difference <= LEVELS, "{what}: picture {k} differs by {difference} levels");
            } else {
                let difference = golden.largest_difference(part(&trace.get("image"), k, count));
                println!("{what}: picture {k} differs by {difference:.1e}");
                assert!(difference <= self.tolerance, "{what}: picture {k} differs by {difference:e}");
            }
        }
    }
}

#[test]
fn an_ordinary_model_changes_pictures_as_diffusers_does() {
    Comparison::on_cpu(Checkpoint::TinySd15).compare(|case| case.task == "image-to-image");
}

#[test]
fn an_ordinary_model_inpaints_as_diffusers_does() {
    Comparison::on_cpu(Checkpoint::TinySd15).compare(|case| case.task == "inpaint");
}

#[test]
fn a_model_for_inpainting_inpaints_as_diffusers_does() {
    Comparison::on_cpu(Checkpoint::TinySd15Inpaint).compare(|_| true);
}

#[test]
fn a_model_for_depth_draws_by_the_users_map_as_diffusers_does() {
    Comparison::on_cpu(Checkpoint::TinySd2Depth).compare(|case| case.own_depth);
}

#[test]
fn a_gpu_draws_from_pictures_what_diffusers_draws() {
    // Squares, whose shapes other tests have tuned the GPU for.
    for checkpoint in [Checkpoint::TinySd15, Checkpoint::TinySd15Inpaint] {
        let comparison = Comparison::new(checkpoint, DeviceChoice::Gpu(None), GPU_TOLERANCE);
        comparison.compare(|case| case.name.ends_with("-square"));
    }
}
