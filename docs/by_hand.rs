use burn::tensor::{Tensor, TensorData};
use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::base::error::Result;
use burnisher::base::model_ref::ModelRef;
use burnisher::base::rng::Generators;
use burnisher::base::stop::Outcome;
use burnisher::content::imaging::pixels::rgb_image_from_unit;
use burnisher::families;
use burnisher::models::unet_2d::UNet2DModel;
use burnisher::models::unet_blocks::Pace;
use burnisher::schedulers::{SamplingOptions, SchedulerKind};
use image::RgbImage;

/// Draws a picture from noise, and looks at it every 50 steps.
pub fn draw(model: &ModelRef, steps: usize, side: usize, look: &mut dyn FnMut(usize, RgbImage)) -> Outcome<RgbImage> {
    let compute = device::open(DeviceChoice::Cpu, DtypeChoice::F32)?;
    let checkpoint = families::open(model)?;
    let unet = UNet2DModel::new(&checkpoint.component("unet")?.config, &compute.device)?;
    let unet = checkpoint.load("unet", unet, compute.dtype, &mut |_| Ok(()))?;

    // Another sampler is another line: SchedulerKind::from_name("ddim")?
    let config = &checkpoint.component("scheduler")?.config;
    let kind = SchedulerKind::from_config(config)?;
    let mut scheduler = kind.build(config, steps, &SamplingOptions::default())?;

    let mut generators = Generators::per_image([0]);
    let shape = [1, unet.in_channels(), side, side];
    let noise = Tensor::<4>::from_data(TensorData::new(generators.randn(shape), shape), &compute.device);
    let mut sample = noise * scheduler.init_noise_sigma();

    for (i, timestep) in scheduler.timesteps().to_vec().into_iter().enumerate() {
        let input = scheduler.scale_model_input(sample.clone(), i);
        let output = unet.forward(input, timestep, Pace::AtOnce)?;
        sample = scheduler.step(output, i, sample, &mut generators)?.prev_sample;
        if (i + 1) % 50 == 0 {
            look(i + 1, picture(&sample)?);
        }
    }
    Ok(picture(&sample)?)
}

/// The numbers of a sample, -1 to 1, as a picture.
fn picture(sample: &Tensor<4>) -> Result<RgbImage> {
    let [_, _, height, width] = sample.dims();
    let pixels = (sample.clone() * 0.5 + 0.5).permute([0, 2, 3, 1]).into_data();
    rgb_image_from_unit(&pixels.iter().collect::<Vec<f32>>(), width, height)
}
