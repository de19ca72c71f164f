//! Depth to image, as Diffusers' `StableDiffusionDepth2ImgPipeline`: image to image with a unet that also reads how far everything
//! is, as a fifth channel.

use std::path::Path;

use burn::tensor::{DType, Tensor, TensorData};

use super::conditioning::Conditioning;
use super::rewind::Start;
use super::stable_diffusion::StableDiffusion;
use super::{Hooks, Run, image_to_image, latents, stages};
use crate::base::error::Result;
use crate::content::imaging::decode;
use crate::content::imaging::depth::DepthMap;
use crate::content::request::Request;

/// Draws the request's pictures as one batch, by a depth map of the user's own or what is estimated from the picture.
pub(super) fn run(
    model: &StableDiffusion,
    request: &Request,
    start: Option<Start>,
    image: &Path,
    depth: Option<&Path>,
    mut hooks: Hooks<'_>,
) -> Result<Run> {
    let picture = decode::rgb(image)?;
    let own = depth.map(|path| DepthMap::from_grey(&decode::grey_16(path)?)).transpose()?;
    // What is wrong with a file is said before anything is begun.
    own.as_ref().map(DepthMap::normalised).transpose()?;
    let Some(begun) = stages::begin(model, request, start, &mut hooks)? else { return Ok(Run::Cancelled) };
    let depth = own.map_or_else(|| model.estimate_depth(&picture, hooks.cancel), |own| Ok(Some(own)))?;
    let Some(depth) = depth.filter(|_| !hooks.cancel.is_cancelled()) else { return Ok(Run::Cancelled) };
    let (width, height) = latents::size(model, request);
    let values = depth.resized(width as usize, height as usize).normalised()?;
    let shown = depth.shown(request.size.width as u32, request.size.height as u32)?;
    let data = TensorData::new(values, [1, 1, height as usize, width as usize]);
    let channel = Tensor::<4>::from_data(data, (&model.compute.device, DType::F32));
    stages::record(&mut hooks, "depth_mask", || channel.clone());
    let channels = Some(channel.expand([request.seeds.count, 1, height as usize, width as usize]));
    let conditioning = Conditioning { channels, keep: None };
    let Run::Done(mut pictures) = image_to_image::draw(begun, request, &picture, conditioning, &mut hooks)? else {
        return Ok(Run::Cancelled);
    };
    for drawn in &mut pictures {
        drawn.depth = Some(shown.clone());
    }
    Ok(Run::Done(pictures))
}
