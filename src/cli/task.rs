//! The arguments of `generate` for the task and its input pictures.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::error::ErrorKind;
use image::{GrayImage, Luma};

use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::content::request::{Fill, ImageRef, Inpaint, Margins, Mask, Request, Task, TaskKind, size_for_picture};
use crate::families;
use crate::storage::gallery::decode;
use crate::storage::hub::Shelf;
use crate::worker::ModelInfo;

/// Diffusers' defaults of `strength`.
const STRENGTH: f64 = 0.8;
const INPAINT_STRENGTH: f64 = 1.0;

/// Ends the program over arguments that can't be understood.
type Refuse = fn(ErrorKind, &str) -> !;

/// The task and its input pictures.
#[derive(clap::Args)]
pub(super) struct TaskArgs {
    /// What kind of generation; `auto` goes by what is given and by the model
    #[arg(long, value_enum, default_value_t = TaskName::Auto)]
    task: TaskName,
    /// The picture to begin with, of any size: PNG, JPEG, WebP, GIF, BMP or TIFF
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Where to draw anew, a picture as large as the image: white is drawn, black stays
    #[arg(long, value_name = "FILE", requires = "image")]
    mask: Option<PathBuf>,
    /// How much may change, 0 to 1: this share of the steps is done [default: 0.8, and 1 for inpaint]
    #[arg(long, value_name = "X", requires = "image", allow_negative_numbers = true)]
    strength: Option<f64>,
    /// A depth map of your own, bright is near [default: estimated from the image]
    #[arg(long, value_name = "FILE", requires = "image")]
    depth: Option<PathBuf>,
    /// Softens the mask's edge: the radius of a Gaussian in pixels
    #[arg(long, value_name = "X", requires = "image", allow_negative_numbers = true)]
    mask_blur: Option<f64>,
    /// Grows the mask by so many pixels; a negative number shrinks it
    #[arg(long, value_name = "N", requires = "image", allow_negative_numbers = true)]
    mask_grow: Option<i32>,
    /// What stands in the hole before the first step [default: original]
    #[arg(long, value_enum, requires = "image")]
    fill: Option<FillName>,
    /// Takes grey in the mask for less strength there
    #[arg(long, requires = "image")]
    soft_mask: bool,
    /// Draws only what is masked, and so many pixels around it, at full size
    #[arg(long, value_name = "N", requires = "image")]
    only_masked: Option<usize>,
    /// Extends the picture by pixels at its left, top, right and bottom; without a mask these are drawn
    #[arg(long, value_name = "L,T,R,B", requires = "image", value_parser = margins)]
    extend: Option<Margins>,
    /// Saves what the model drew, instead of putting it into the picture that is left as it was elsewhere
    #[arg(long, requires = "image")]
    no_paste_back: bool,
}

/// The tasks by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TaskName {
    Auto,
    TextToImage,
    ImageToImage,
    Inpaint,
    DepthToImage,
    Unconditional,
}

/// The fills by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FillName {
    Original,
    Noise,
    Blank,
    Blurred,
}

impl From<FillName> for Fill {
    fn from(name: FillName) -> Self {
        match name {
            FillName::Original => Self::Original,
            FillName::Noise => Self::Noise,
            FillName::Blank => Self::Blank,
            FillName::Blurred => Self::Blurred,
        }
    }
}

/// Parses four numbers with commas between them.
fn margins(text: &str) -> Result<Margins> {
    let sides: Option<Vec<usize>> = text.split(',').map(|side| side.trim().parse().ok()).collect();
    match sides.as_deref() {
        Some(&[left, top, right, bottom]) => Ok(Margins { left, top, right, bottom }),
        _ => Err(Error::new("four numbers of pixels are wanted, for example 0,0,128,0")),
    }
}

impl TaskArgs {
    /// Returns the task that the arguments ask for. Where they leave it open, it goes by the files that are given, whether there is a
    /// prompt, and what the model is for.
    ///
    /// # Errors
    /// A file is missing, or is none that can be used. Wrong usage ends the program.
    pub(super) fn task(&self, has_prompt: bool, model: &ModelRef, refuse: Refuse) -> Result<Task> {
        let kind = self.kind(has_prompt, model)?;
        self.check_usage(kind, has_prompt, refuse);
        let (Some(image), true) = (&self.image, kind.needs_image()) else {
            return Ok(if kind == TaskKind::Unconditional { Task::Unconditional } else { Task::TextToImage });
        };
        // Recipes are for other days and other folders.
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let looks = decode::look(image)?;
        if looks.is_animated {
            // Nobody is left to tell if stderr is closed.
            let _ = writeln!(io::stderr(), "note: only the first frame is read of {}", image.display());
        }
        let strength = self.strength.unwrap_or(STRENGTH);
        let image = ImageRef::from(absolute(image));
        Ok(match kind {
            TaskKind::Inpaint => self.inpaint(image, (looks.width, looks.height))?,
            TaskKind::DepthToImage => {
                if let Some(depth) = &self.depth {
                    decode::look(depth)?;
                }
                Task::DepthToImage { image, strength, depth: self.depth.as_deref().map(absolute).map(ImageRef::from) }
            }
            _ => Task::ImageToImage { image, strength },
        })
    }

    fn kind(&self, has_prompt: bool, model: &ModelRef) -> Result<TaskKind> {
        Ok(match self.task {
            TaskName::ImageToImage => TaskKind::ImageToImage,
            TaskName::Inpaint => TaskKind::Inpaint,
            TaskName::DepthToImage => TaskKind::DepthToImage,
            TaskName::Unconditional => TaskKind::Unconditional,
            TaskName::Auto if self.depth.is_some() => TaskKind::DepthToImage,
            TaskName::Auto if self.mask.is_some() || self.extend.is_some() => TaskKind::Inpaint,
            TaskName::Auto if self.image.is_some() => {
                if is_for(TaskKind::DepthToImage, model)? {
                    TaskKind::DepthToImage
                } else {
                    TaskKind::ImageToImage
                }
            }
            TaskName::Auto if !has_prompt && is_for(TaskKind::Unconditional, model)? => TaskKind::Unconditional,
            TaskName::Auto | TaskName::TextToImage => TaskKind::TextToImage,
        })
    }

    /// Ends the program if something is missing that the task needs, or given that means nothing to it.
    fn check_usage(&self, kind: TaskKind, has_prompt: bool, refuse: Refuse) {
        let missing = |what: &str| refuse(ErrorKind::MissingRequiredArgument, what);
        if kind.has_prompt() && !has_prompt {
            missing("--prompt <TEXT> is missing");
        }
        if kind.needs_image() && self.image.is_none() {
            missing(&format!("{} begins with a picture: --image <FILE> is missing", kind.name()));
        }
        if kind == TaskKind::Inpaint && self.mask.is_none() && self.extend.is_none() {
            missing("inpaint draws where a mask says: --mask <FILE> or --extend <L,T,R,B> is missing");
        }
        let of_inpaint = [
            ("--mask", self.mask.is_some()),
            ("--mask-blur", self.mask_blur.is_some()),
            ("--mask-grow", self.mask_grow.is_some()),
            ("--fill", self.fill.is_some()),
            ("--soft-mask", self.soft_mask),
            ("--only-masked", self.only_masked.is_some()),
            ("--extend", self.extend.is_some()),
            ("--no-paste-back", self.no_paste_back),
        ]
        .map(|(name, is_given)| (name, is_given, TaskKind::Inpaint));
        let of_depth = ("--depth", self.depth.is_some(), TaskKind::DepthToImage);
        let foreign = of_inpaint.into_iter().chain([of_depth]).find(|(_, is_given, of)| *is_given && *of != kind);
        if let Some((name, _, of)) = foreign {
            let message = format!("{name} belongs to the task {}, and this is {}", of.name(), kind.name());
            refuse(ErrorKind::ArgumentConflict, &message);
        }
        if self.image.is_some() && !kind.needs_image() {
            let message = format!("--image means nothing to the task {}", kind.name());
            refuse(ErrorKind::ArgumentConflict, &message);
        }
    }

    /// Returns the inpainting task for a picture of this size.
    fn inpaint(&self, image: ImageRef, size: (u32, u32)) -> Result<Task> {
        let margins = self.extend.unwrap_or_default();
        let mask = match &self.mask {
            Some(path) => Mask::of_colours(decode::mask_in_colours(path)?),
            None => Mask::new(GrayImage::new(size.0, size.1)),
        };
        // A mask of the picture alone says nothing of the margins: they are to be drawn.
        let mask = if mask.pixels().dimensions() == size && !margins.is_empty() {
            Mask::new(with_margins(mask.pixels(), margins)?)
        } else {
            mask
        };
        let task = Inpaint {
            image,
            mask,
            strength: self.strength.unwrap_or(INPAINT_STRENGTH),
            margins,
            mask_grow: self.mask_grow.unwrap_or_default(),
            mask_blur: self.mask_blur.unwrap_or_default(),
            soft: self.soft_mask,
            only_masked: self.only_masked,
            fill: self.fill.map(Fill::from).unwrap_or_default(),
            paste_back: !self.no_paste_back,
        };
        task.edit().check_mask(size)?;
        Ok(Task::Inpaint(Box::new(task)))
    }
}

/// Extends a mask by margins that are all drawn.
fn with_margins(mask: &GrayImage, margins: Margins) -> Result<GrayImage> {
    let (width, height) = margins.around(mask.width() as usize, mask.height() as usize);
    if width.max(height) > crate::content::request::MAX_SIDE
        || width * height > crate::content::request::MAX_MASK_PIXELS
    {
        return Err(Error::new(format!("the extended picture is too large: {width} x {height} pixels")));
    }
    let inside = |at: u32, margin: usize, side: u32| (at as usize).checked_sub(margin).filter(|at| *at < side as usize);
    Ok(GrayImage::from_fn(width as u32, height as u32, |x, y| {
        match (inside(x, margins.left, mask.width()), inside(y, margins.top, mask.height())) {
            (Some(x), Some(y)) => *mask.get_pixel(x as u32, y as u32),
            _ => Luma([255]),
        }
    }))
}

/// Returns what the sides of a model's pictures are multiples of, from its configuration alone; `None` if that doesn't say it.
/// The network that draws the pixels halves its input from each block to the next.
pub(super) fn side_multiple(model: &ModelRef) -> Option<usize> {
    let checkpoint = families::open(model).ok()?;
    let blocks =
        |component: &str, key: &str| checkpoint.component(component).ok()?.config.get(key)?.as_array().map(Vec::len);
    let blocks = blocks("vae", "block_out_channels").or_else(|| blocks("unet", "down_block_types"))?;
    1_usize.checked_shl(u32::try_from(blocks.checked_sub(1)?).ok()?)
}

/// Returns the default width and height: those of the picture that the task begins with, rounded down to a multiple
/// of what the model needs and made smaller if the model can't draw as much; without a picture, and for the masked part alone, the model's own.
///
/// # Errors
/// The picture can't be read.
pub(super) fn default_size(request: &Request, info: &ModelInfo) -> Result<(usize, usize)> {
    let own = (info.width, info.height);
    let Some(image) = request.start.task.image() else { return Ok(own) };
    let margins = match &request.start.task {
        Task::Inpaint(inpaint) if inpaint.only_masked.is_some() => return Ok(own),
        Task::Inpaint(inpaint) => inpaint.margins,
        _ => Margins::default(),
    };
    let looks = decode::look(image.path()?)?;
    Ok(size_for_picture(margins.around(looks.width as usize, looks.height as usize), own, info.size_multiple))
}

/// Whether a task is one of those that a model's pipeline is made for.
fn is_for(task: TaskKind, model: &ModelRef) -> Result<bool> {
    Ok(families::open(&Shelf::of_script(families::ALL).resolve(model)?)?.pipeline().tasks.contains(&task))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_four_numbers() {
        assert_eq!(margins("1, 2,3,4").expect("margins"), Margins { left: 1, top: 2, right: 3, bottom: 4 });
        for text in ["", "1,2,3", "1,2,3,4,5", "1,2,3,-4", "a,b,c,d"] {
            assert!(margins(text).expect_err("no margins").to_string().contains("four numbers"));
        }
    }

    #[test]
    fn a_mask_of_the_picture_alone_has_its_margins_drawn() {
        let mask = with_margins(&GrayImage::new(2, 1), Margins { left: 1, top: 0, right: 0, bottom: 1 });
        assert_eq!(mask.expect("a mask").into_raw(), [255, 0, 0, 255, 255, 255]);
    }
}
