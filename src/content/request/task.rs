//! The five tasks, with what only each of them needs.
//!
//! Pictures that a task begins with are named by their content and read when the job starts; the mask is part of the request, since
//! most masks were painted and are no file.

use serde::{Deserialize, Serialize};

use super::image_ref::ImageRef;
use super::limits::{MAX_BLUR, MAX_GROW, MAX_PADDING, MAX_SIDE, validate_strength};
use super::mask::Mask;
use crate::base::error::{Error, Result};
use crate::base::units::number_text;
use crate::content::imaging::inpaint::MaskedEdit;
use crate::content::imaging::margins::Margins;

/// What kind of generation it is.
///
/// Where it begins with a picture, this may have any size: it is resized to the request's width and height.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "name")]
pub enum Task {
    /// A picture from words alone.
    #[default]
    TextToImage,
    /// A picture of the kind that the model was trained on; there is no prompt.
    Unconditional,
    /// A picture changed by words.
    ImageToImage {
        /// The picture.
        image: ImageRef,
        /// How much may change, 0 to 1: this share of the steps is done.
        strength: f64,
    },
    /// Part of a picture is drawn again.
    Inpaint(Box<Inpaint>),
    /// A picture with the depth of another one.
    DepthToImage {
        /// The picture.
        image: ImageRef,
        /// How much may change, 0 to 1: this share of the steps is done.
        strength: f64,
        /// A depth map of the user's own (bright is near); `None` has it estimated from the picture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        depth: Option<ImageRef>,
    },
}

/// What inpainting needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inpaint {
    /// The picture.
    pub image: ImageRef,
    /// The part to draw again: as large as the picture with its [`margins`](Self::margins).
    pub mask: Mask,
    /// How much may change, 0 to 1: this share of the steps is done.
    pub strength: f64,
    /// Pixels that the picture is extended by before anything else (outpainting).
    pub margins: Margins,
    /// Pixels that the mask grows by before it is used; negative ones shrink it.
    pub mask_grow: i32,
    /// Radius of the Gaussian that softens the mask's edge, in pixels.
    pub mask_blur: f64,
    /// Whether grey in the mask means less strength there (differential diffusion), instead of all or nothing at one half.
    pub soft: bool,
    /// Diffusers' `padding_mask_crop`: draws only the mask's surroundings, with so many pixels around it, at full size.
    pub only_masked: Option<usize>,
    /// What stands in the hole before the first step.
    pub fill: Fill,
    /// Whether what the mask leaves out comes back byte for byte; the result then has the picture's own size.
    pub paste_back: bool,
}

impl Default for Inpaint {
    fn default() -> Self {
        Self {
            image: ImageRef::default(),
            mask: Mask::default(),
            strength: 1.0,
            margins: Margins::default(),
            mask_grow: 0,
            mask_blur: 0.0,
            soft: false,
            only_masked: None,
            fill: Fill::Original,
            paste_back: true,
        }
    }
}

impl Inpaint {
    /// What is done to the picture's pixels.
    pub fn edit(&self) -> MaskedEdit<'_> {
        MaskedEdit {
            mask: self.mask.pixels(),
            colours: self.mask.colours(),
            margins: self.margins,
            grow: self.mask_grow,
            blur: self.mask_blur,
            soft: self.soft,
            only_masked: self.only_masked,
            hides_hole: self.fill == Fill::Blurred,
        }
    }
}

/// What stands in the hole before the first step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fill {
    /// The picture itself.
    #[default]
    Original,
    /// Noise alone.
    Noise,
    /// Nothing: latents of zero.
    Blank,
    /// The surroundings, blurred into the hole.
    Blurred,
}

impl Fill {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 4] = [Self::Original, Self::Noise, Self::Blank, Self::Blurred];

    /// Returns its name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Original => "Original",
            Self::Noise => "Noise",
            Self::Blank => "Blank",
            Self::Blurred => "Blurred",
        }
    }
}

/// A kind of task, without its inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// See [`Task::TextToImage`].
    #[default]
    TextToImage,
    /// See [`Task::ImageToImage`].
    ImageToImage,
    /// See [`Task::Inpaint`].
    Inpaint,
    /// See [`Task::DepthToImage`].
    DepthToImage,
    /// See [`Task::Unconditional`].
    Unconditional,
}

impl TaskKind {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 5] =
        [Self::TextToImage, Self::ImageToImage, Self::Inpaint, Self::DepthToImage, Self::Unconditional];

    /// Returns its name on the command line, in JSON and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::TextToImage => "text-to-image",
            Self::ImageToImage => "image-to-image",
            Self::Inpaint => "inpaint",
            Self::DepthToImage => "depth-to-image",
            Self::Unconditional => "unconditional",
        }
    }

    /// Returns its name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::TextToImage => "Text to image",
            Self::ImageToImage => "Image to image",
            Self::Inpaint => "Inpaint",
            Self::DepthToImage => "Depth to image",
            Self::Unconditional => "Unconditional",
        }
    }

    /// Whether it begins with a picture.
    pub fn needs_image(self) -> bool {
        matches!(self, Self::ImageToImage | Self::Inpaint | Self::DepthToImage)
    }

    /// Returns which models can do it, for people.
    pub fn suitable_models(self) -> &'static str {
        match self {
            Self::TextToImage | Self::ImageToImage => "a text-to-image model, such as Stable Diffusion 1.5 or 2.1",
            Self::Inpaint => "an inpainting model, such as Stable Diffusion Inpainting, or any text-to-image model",
            Self::DepthToImage => "a depth model, such as Stable Diffusion 2 Depth",
            Self::Unconditional => "an unconditional model, such as google/ddpm-cat-256",
        }
    }

    /// Whether it uses a prompt.
    pub fn has_prompt(self) -> bool {
        self != Self::Unconditional
    }
}

impl Task {
    /// Returns the kind of task.
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::TextToImage => TaskKind::TextToImage,
            Self::Unconditional => TaskKind::Unconditional,
            Self::ImageToImage { .. } => TaskKind::ImageToImage,
            Self::Inpaint(_) => TaskKind::Inpaint,
            Self::DepthToImage { .. } => TaskKind::DepthToImage,
        }
    }

    /// Returns the picture that it begins with.
    pub fn image(&self) -> Option<&ImageRef> {
        match self {
            Self::TextToImage | Self::Unconditional => None,
            Self::ImageToImage { image, .. } | Self::DepthToImage { image, .. } => Some(image),
            Self::Inpaint(inpaint) => Some(&inpaint.image),
        }
    }

    /// Returns all pictures that it names, to be changed.
    pub(super) fn images_mut(&mut self) -> Vec<&mut ImageRef> {
        match self {
            Self::TextToImage | Self::Unconditional => Vec::new(),
            Self::ImageToImage { image, .. } => vec![image],
            Self::Inpaint(inpaint) => vec![&mut inpaint.image],
            Self::DepthToImage { image, depth, .. } => std::iter::once(image).chain(depth).collect(),
        }
    }

    /// Returns the share of the steps that is done; all of them where there is no picture to begin with.
    pub fn strength(&self) -> f64 {
        match self {
            Self::TextToImage | Self::Unconditional => 1.0,
            Self::ImageToImage { strength, .. } | Self::DepthToImage { strength, .. } => *strength,
            Self::Inpaint(inpaint) => inpaint.strength,
        }
    }

    /// Checks what can be checked without the picture.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(super) fn validate(&self) -> Result<()> {
        validate_strength(self.strength())?;
        if self.image().is_some_and(ImageRef::is_empty) {
            return Err(Error::new(format!("{} begins with a picture: choose one", self.kind().label())));
        }
        if let Self::Inpaint(inpaint) = self {
            if !(0.0..=MAX_BLUR).contains(&inpaint.mask_blur) {
                let message = format!(
                    "the mask's blur must be between 0 and {MAX_BLUR} pixels, not {}",
                    number_text(inpaint.mask_blur)
                );
                return Err(Error::new(message));
            }
            if inpaint.mask_grow.unsigned_abs() > MAX_GROW.unsigned_abs() {
                let message =
                    format!("the mask can grow by {MAX_GROW} pixels at most either way, not by {}", inpaint.mask_grow);
                return Err(Error::new(message));
            }
            let Margins { left, top, right, bottom } = inpaint.margins;
            if [left, top, right, bottom].into_iter().any(|margin| margin > MAX_SIDE) {
                return Err(Error::new(format!("a margin can have {MAX_SIDE} pixels at most")));
            }
            if inpaint.only_masked.is_some_and(|padding| padding > MAX_PADDING) {
                return Err(Error::new(format!("at most {MAX_PADDING} pixels around the mask can be drawn with it")));
            }
            inpaint.mask.validate()?;
        }
        Ok(())
    }
}
