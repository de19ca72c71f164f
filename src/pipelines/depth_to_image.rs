//! Depth to image, as Diffusers' `StableDiffusionDepth2ImgPipeline`: image to image with a denoiser that also reads how far
//! everything is, as one more channel.

use std::path::Path;

use burn::tensor::{DType, Tensor, TensorData};

use super::image_conditioning::ImageConditioning;
use super::resident::Resident;
use super::run::Drawn;
use super::run_context::RunContext;
use super::run_start::RunStart;
use super::{image_to_image, latents, stages};
use crate::base::stop::Outcome;
use crate::content::imaging::decode;
use crate::content::imaging::depth::DepthMap;
use crate::content::request::Request;

/// Draws the request's pictures as one batch, by a depth map of the user's own or by what is estimated from the picture.
pub(super) fn run(
    resident: &Resident,
    request: &Request,
    start: Option<RunStart>,
    image: &Path,
    depth: Option<&Path>,
    context: &mut RunContext<'_>,
) -> Outcome<Vec<Drawn>> {
    let picture = decode::rgb(image)?;
    let own = depth.map(|path| DepthMap::from_grey(&decode::grey_16(path)?)).transpose()?;
    // What is wrong with a file is said before anything is begun.
    own.as_ref().map(DepthMap::normalised).transpose()?;
    let begun = stages::begin(resident, request, start, context)?;
    let depth = own.map_or_else(|| resident.estimate_depth(&picture), Ok)?;
    let (width, height) = latents::size(resident, request);
    let values = depth.resized(width as usize, height as usize).normalised()?;
    let shown = depth.shown(request.size.width as u32, request.size.height as u32)?;
    let data = TensorData::new(values, [1, 1, height as usize, width as usize]);
    let channel = Tensor::<4>::from_data(data, (&resident.compute().device, DType::F32));
    context.record("depth_mask", || channel.clone());
    let channels = Some(channel.expand([request.seeds.count, 1, height as usize, width as usize]));
    let image = ImageConditioning { channels, hooks: Vec::new() };
    let mut pictures = image_to_image::draw(begun, request, &picture, image, context)?;
    for drawn in &mut pictures {
        drawn.depth = Some(shown.clone());
    }
    Ok(pictures)
}
