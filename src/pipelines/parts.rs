//! The components of Stable Diffusion that have weights, each in its place.

use super::depth_estimator::DepthEstimator;
use super::memory::{Footprint, Part};
use super::opening::{Opening, build};
use super::safety::SafetyChecker;
use super::sketch;
use super::slot::{Component, Slot};
use crate::base::device::ComputeDevice;
use crate::base::error::{Error, Result};
use crate::content::request::TaskKind;
use crate::models::autoencoder_kl::AutoencoderKL;
use crate::models::clip::ClipTextModel;
use crate::models::unet_2d::UNet2DModel;
use crate::models::unet_2d_condition::UNet2DConditionModel;
use crate::storage::checkpoint::{Checkpoint, Comparison};

/// The places of a model's components.
pub(super) struct Parts {
    pub(super) text_encoder: Slot<ClipTextModel>,
    pub(super) unet: Slot<UNet2DConditionModel>,
    pub(super) vae: Slot<AutoencoderKL>,
    pub(super) safety_checker: Option<Slot<SafetyChecker>>,
    pub(super) depth_estimator: Option<Slot<DepthEstimator>>,
    /// Whether its latents are those of Stable Diffusion 1 and 2: a look at them is to be had without the autoencoder.
    pub(super) can_sketch: bool,
}

/// Does something with the slot of a part, if the model has it.
macro_rules! with_slot {
    ($parts:expr, $part:expr, |$slot:ident| $work:expr) => {
        match $part {
            Part::TextEncoder => Some(&$parts.text_encoder).map(|$slot| $work),
            Part::Unet => Some(&$parts.unet).map(|$slot| $work),
            Part::Vae => Some(&$parts.vae).map(|$slot| $work),
            Part::SafetyChecker => $parts.safety_checker.as_ref().map(|$slot| $work),
            Part::DepthEstimator => $parts.depth_estimator.as_ref().map(|$slot| $work),
        }
    };
}

impl Parts {
    /// The empty places of the components that a checkpoint has. Configs and headers are checked, which takes time where a disk
    /// is slow: `goes_on` is asked before each component. `None` when it says no.
    ///
    /// # Errors
    /// An option that we don't know, weights that don't fit their config, components that don't fit each other.
    pub(super) fn new(
        checkpoint: &Checkpoint,
        compute: &ComputeDevice,
        goes_on: &mut dyn FnMut(Part) -> bool,
    ) -> Result<Option<Self>> {
        macro_rules! slot {
            ($part:expr, $new:expr) => {
                if checkpoint.component($part.name()).is_err() || goes_on($part) {
                    $new(checkpoint, compute)?
                } else {
                    return Ok(None);
                }
            };
        }
        let parts = Self {
            text_encoder: slot!(Part::TextEncoder, Slot::new),
            unet: slot!(Part::Unet, Slot::new),
            vae: slot!(Part::Vae, Slot::new),
            safety_checker: slot!(Part::SafetyChecker, Slot::if_there),
            depth_estimator: slot!(Part::DepthEstimator, Slot::if_there),
            can_sketch: sketch::knows(&checkpoint.component("vae")?.config),
        };
        parts.check_fit()?;
        Ok(Some(parts))
    }

    /// Components of one model fit each other; a folder put together by hand may not.
    fn check_fit(&self) -> Result<()> {
        let (text, unet) = (self.text_encoder.outline.width(), self.unet.outline.cross_attention_dim());
        if text != unet {
            return Err(Error::new(format!("The text encoder gives {text} values a token, but the unet reads {unet}"))
                .advise("Take both from the same model"));
        }
        let (latents, inputs) = (self.vae.outline.latent_channels(), self.unet.outline.in_channels());
        if inputs == latents + 1 && self.depth_estimator.is_none() {
            return Err(Error::new("The unet reads a depth beside the latents, but the model has no depth_estimator")
                .advise("The model isn't complete: download all of it"));
        }
        if self.tasks().is_empty() {
            return Err(Error::new(format!("The vae has {latents} latent channels, but the unet reads {inputs}"))
                .advise("Take both from the same model"));
        }
        Ok(())
    }

    /// What the model can do, which shows in what its unet reads.
    pub(super) fn tasks(&self) -> &'static [TaskKind] {
        let (latents, inputs) = (self.vae.outline.latent_channels(), self.unet.outline.in_channels());
        if inputs == latents {
            &[TaskKind::TextToImage, TaskKind::ImageToImage, TaskKind::Inpaint]
        } else if inputs == 2 * latents + 1 {
            // The latents, the mask, and the latents of the picture with its hole.
            &[TaskKind::Inpaint]
        } else if inputs == latents + 1 && self.depth_estimator.is_some() {
            &[TaskKind::DepthToImage]
        } else {
            &[]
        }
    }

    /// What the model takes; `sample_size` is what it is made for, in latents.
    pub(super) fn footprint(&self, compute: &ComputeDevice, (width, height): (usize, usize)) -> Footprint {
        let (unet, vae) = (&self.unet.outline, &self.vae.outline);
        let scale = vae.scale_factor();
        let parameters = Part::ALL.into_iter().filter_map(|part| with_slot!(self, part, |slot| slot.parameters()));
        Footprint {
            parameters: parameters.collect(),
            capacity: compute.capacity(),
            unet_channels: unet.first_channels() as u64,
            // Between the two layers of a transformer's feed-forward part.
            unet_widest: 8,
            decoder_channels: Some(vae.widest_at_full_size() as u64),
            scale,
            looks_decode: !self.can_sketch,
            depth_side: self.depth_estimator.as_ref().map_or(0, |slot| slot.outline.image_size() as u64),
            size: (width * scale, height * scale),
        }
    }

    /// A component's files beside its network, if the model has it.
    pub(super) fn comparison(&self, part: Part) -> Option<&Comparison> {
        with_slot!(self, part, |slot| &slot.comparison)
    }

    /// Fills the place of a component; `false` when stopped.
    ///
    /// # Errors
    /// The weights don't fit the component's config.
    pub(super) fn fill(&self, part: Part, opening: &mut Opening<'_>) -> Result<bool> {
        with_slot!(self, part, |slot| slot.fill(opening)).unwrap_or(Ok(true))
    }

    /// The components that are loaded.
    pub(super) fn loaded(&self) -> Vec<Part> {
        let is_full = |part: &Part| with_slot!(self, part, |slot| slot.is_full()).unwrap_or(false);
        Part::ALL.into_iter().filter(is_full).collect()
    }

    /// Lets go of a component.
    pub(super) fn empty(&self, part: Part) {
        let _ = with_slot!(self, part, |slot| slot.empty());
    }

    /// The tensors of the files that nothing reads, in words.
    pub(super) fn notes(&self) -> Vec<String> {
        let note = |part: Part| Some(format!("{}: {}", part.name(), self.comparison(part)?.mismatch.note()?));
        Part::ALL.into_iter().filter_map(note).collect()
    }
}

/// A network that is a component by itself.
macro_rules! component {
    ($network:ty, $part:expr) => {
        impl Component for $network {
            const PART: Part = $part;
            type Network = Self;

            fn build(checkpoint: &Checkpoint, compute: &ComputeDevice) -> Result<Self> {
                build(checkpoint, Self::PART.name(), |config| Self::new(config, &compute.device))
            }

            fn network(&self) -> &Self {
                self
            }

            fn load(self, opening: &mut Opening<'_>) -> Result<Option<Self>> {
                opening.load(Self::PART.name(), self)
            }
        }
    };
}

component!(ClipTextModel, Part::TextEncoder);
component!(UNet2DConditionModel, Part::Unet);
component!(UNet2DModel, Part::Unet);
component!(AutoencoderKL, Part::Vae);
