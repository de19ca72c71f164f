//! What a generation is: shared by the window, the command line, the worker and the PNG.
//!
//! A [`Request`] is complete: it names every choice, so the same request on the same model gives the same pictures.
//! What a user leaves open (size, steps, seed) is filled in before a request exists. Its fields stand in groups, one for
//! each thing that has a say: where the picture starts from, prompts, sampling, guidance, seeds, size and what is done to
//! a finished picture.
//!
//! A [`Recipe`] is what a PNG carries (text chunk `burnisher`), as JSON. There the fields stand beside one another:
//!
//! ```json
//! {
//!   "request": {
//!     "task": { "name": "text-to-image" },
//!     "prompt": "a red heart in 3d style", "negative_prompt": "",
//!     "scheduler": "ddim", "steps": 20, "guidance_scale": 4.0, "guidance_rescale": 0.0,
//!     "seed": 1, "width": 64, "height": 64, "count": 1, "version": 2
//!   },
//!   "model": "bundled", "app_version": "0.1.0"
//! }
//! ```
//!
//! `scheduler` is the short name of the command line; null (or absent) takes the checkpoint's own. `version` counts the
//! changes of the form. A recipe is read value by value: what a newer version wrote and this one doesn't know becomes a note.
//!
//! The table of the fields, and what a new one takes, is in `fields.rs`.

mod checks;
mod field_set;
mod fields;
mod groups;
mod image_ref;
mod json;
pub mod limits;
mod mask;
mod patch;
mod recipe;
#[expect(clippy::module_inception, reason = "the type has the room's name")]
mod request;
mod row;
mod safety;
mod size;
mod task;
mod valid;

pub use field_set::FieldSet;
pub use fields::Field;
pub use groups::{Finish, Guidance, Prompts, Sampling, Seeds, Size, random_seed};
pub use image_ref::ImageRef;
pub use json::{Reading, VERSION};
pub use limits::{
    MAX_BLUR, MAX_COUNT, MAX_GROW, MAX_GUIDANCE, MAX_MASK_PIXELS, MAX_PADDING, MAX_SIDE, MAX_STEPS, SIDE_MULTIPLE,
    nearest_side,
};
pub use mask::Mask;
pub use patch::Patch;
pub use recipe::Recipe;
pub use request::{Branch, Request, Start};
pub use row::CommandLineOption;
pub use safety::{SafetyMode, Verdict};
pub use size::size_for_picture;
pub use task::{Fill, Inpaint, Task, TaskKind};
pub use valid::{Valid, Validate};

pub use crate::content::imaging::margins::Margins;
