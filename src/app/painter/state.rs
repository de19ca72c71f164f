//! What the painter knows: the mask in the making, the picture under it, and what is being done.

use std::path::{Path, PathBuf};
use std::time::Instant;

use egui::Vec2;

use super::adjusting::Adjusting;
use super::gesture::Gesture;
use crate::app::action::{Action, PainterAction};
use crate::app::canvas::Sheet;
use crate::app::librarian::FittedPicture;
use crate::app::painter::mask::{Area, Bitmap, Derived, Edit, History, MaskWork, Operation, Point, SightsWish, Worked};
use crate::app::panels::notices::Notices;
use crate::base::error::Result;
use crate::content::imaging::texture::TEXTURE_SIDE;
use crate::content::request::{Margins, Mask, TaskKind};
use crate::session::settings::Draft;

/// The longest side of a picture with its margins that can be painted on: the largest texture that every GPU takes.
pub(super) const MAX_SIDE: usize = TEXTURE_SIDE as usize;

/// What the primary button does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tool {
    #[default]
    Brush,
    Eraser,
    Rectangle,
    Lasso,
    /// Fills what looks like the mask where it is clicked and hangs together: the inside of an outline.
    Fill,
}

/// The picture under the mask.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) path: PathBuf,
    pub(super) picture: BasePicture,
}

#[derive(Debug)]
pub(super) enum BasePicture {
    Opening,
    Failed,
    Open { sheet: Sheet, size: (usize, usize) },
}

/// What of the mask is seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sights {
    /// Nothing of it.
    pub(super) is_hidden: bool,
    /// The blocks of pixels that are drawn anew, in its place.
    pub(super) latents: bool,
    /// What is cut out when only the mask's surroundings are drawn.
    pub(super) cut: bool,
}

/// The mask in the making, and the tools.
#[derive(Default)]
pub(crate) struct Painter {
    pub(super) tool: Tool,
    pub(super) sights: Sights,
    /// Pixels a latent of the model in use, each way.
    pub(super) factor: usize,
    pub(super) base: Option<Base>,
    /// The mask as it is painted.
    pub(super) layer: Bitmap,
    /// The picture's margins that the mask stands for.
    pub(super) margins: Margins,
    /// The form's mask as it was last given or taken.
    published: Mask,
    pub(super) history: History,
    /// Whether a large edit is being packed.
    pub(super) is_packing: bool,
    /// Whether the last edit changed the margins: those in a row are undone together.
    pub(super) was_extended: bool,
    pub(super) gesture: Option<Gesture>,
    /// The margins as a handle of the frame is dragged.
    pub(super) dragged: Option<Margins>,
    /// Where the last stroke ended.
    pub(super) last: Option<Point>,
    /// What is being worked out, and since when.
    pub(super) work: Option<(u64, Instant)>,
    pub(super) ids: u64,
    pub(super) adjusting: Option<Adjusting>,
    pub(super) wished: Option<SightsWish>,
    pub(super) derived: Option<Derived>,
}

impl Painter {
    /// Whether the form is about a mask.
    pub(crate) fn is_on(draft: &Draft) -> bool {
        draft.start.task == TaskKind::Inpaint && draft.start.image.is_some()
    }

    /// Whether Escape has something to leave here.
    pub(crate) fn is_busy(&self) -> bool {
        self.gesture.is_some() || self.adjusting.is_some()
    }

    /// Leaves whatever the user is in the middle of.
    pub(crate) fn stop(&mut self) {
        self.cancel_gesture();
        if self.work.is_none() {
            self.adjusting = None;
        }
    }

    /// Whether the form's picture is another than the one that is painted on.
    pub(crate) fn is_another(&self, draft: &Draft) -> bool {
        let path = draft.start.image.as_ref().filter(|_| Self::is_on(draft));
        path.is_some_and(|path| self.base.as_ref().is_none_or(|base| base.path != *path))
    }

    /// Follows what the form says of picture, mask and margins. `factor`: pixels a latent of the model in use, each way.
    pub(crate) fn follow(&mut self, draft: &mut Draft, factor: usize, actions: &mut Vec<Action>) {
        self.factor = factor;
        let Some(path) = draft.start.image.as_ref().filter(|_| Self::is_on(draft)) else { return };
        actions.extend(self.pack());
        if self.base.as_ref().is_none_or(|base| base.path != *path) {
            self.stop();
            self.last = None;
            self.base = Some(Base { path: path.clone(), picture: BasePicture::Opening });
            actions.push(PainterAction::Open(path.clone()).into());
        }
        if draft.start.inpaint.mask != self.published {
            self.take_over(draft);
        }
        let Some((width, height)) = self.picture_size() else { return };
        if self.work.is_some() || self.gesture.is_some() {
            return;
        }
        let fits = self.mask_size() == self.margins.around(width, height);
        let wanted = draft.start.inpaint.margins.around(width, height);
        if fits && draft.start.inpaint.margins != self.margins && is_paintable(wanted) {
            actions.push(self.change(Operation::Extend(draft.start.inpaint.margins)));
        } else if !fits && self.mask_size() == wanted {
            self.margins = draft.start.inpaint.margins;
        } else if !fits && is_paintable((width, height)) && self.is_blank() {
            // Its margins are masked by what comes next.
            self.remember_whole();
            self.margins = Margins::default();
            self.put(Bitmap::blank(width, height));
        }
        self.follow_sights(draft, actions);
    }

    /// Takes a mask over that was made elsewhere.
    pub(super) fn take_over(&mut self, draft: &Draft) {
        self.cancel_gesture();
        (self.adjusting, self.last, self.work) = (None, None, None);
        self.remember_whole();
        self.margins = draft.start.inpaint.margins;
        self.published = draft.start.inpaint.mask.clone();
        self.put(Bitmap::from_image(self.published.pixels()));
    }

    pub(super) fn put(&mut self, bitmap: Bitmap) {
        let (width, height) = bitmap.size();
        self.layer.replace(width, height, bitmap.into_pixels(), Area::whole(width, height));
    }

    /// Makes the present mask something that undoing comes back to.
    pub(super) fn remember_whole(&mut self) {
        if self.mask_size() != (0, 0) {
            let edit = Edit::of_whole(&self.layer, self.margins);
            self.history.push(edit);
            self.was_extended = false;
        }
    }

    /// Gives the form the mask as it is now.
    pub(super) fn publish(&mut self, draft: &mut Draft) {
        self.published = Mask::new(self.layer.to_image());
        draft.start.inpaint.mask = self.published.clone();
    }

    /// Width and height of the picture without its margins, in pixels.
    pub(super) fn picture_size(&self) -> Option<(usize, usize)> {
        match self.base.as_ref()?.picture {
            BasePicture::Open { size, .. } => Some(size),
            BasePicture::Opening | BasePicture::Failed => None,
        }
    }

    pub(super) fn mask_size(&self) -> (usize, usize) {
        self.layer.size()
    }

    pub(super) fn is_blank(&self) -> bool {
        self.layer.pixels().iter().all(|pixel| *pixel == 0)
    }

    /// Width and height of the picture with its margins, in pixels.
    pub(super) fn frame_size(&self) -> Option<(usize, usize)> {
        let (width, height) = self.picture_size()?;
        Some(self.margins.around(width, height))
    }

    /// The size that the mask should have and hasn't.
    pub(super) fn misfit(&self) -> Option<(usize, usize)> {
        self.frame_size().filter(|wanted| self.mask_size() != *wanted && self.work.is_none())
    }

    /// Whether strokes can be painted now.
    pub(super) fn is_ready(&self) -> bool {
        self.fits() && self.work.is_none() && self.adjusting.is_none()
    }

    /// Whether strokes can be painted as soon as what is worked out is.
    pub(super) fn is_waiting(&self) -> bool {
        self.fits() && self.work.is_some() && self.adjusting.is_none()
    }

    pub(super) fn fits(&self) -> bool {
        self.frame_size().is_some_and(|wanted| self.mask_size() == wanted && is_paintable(wanted))
    }

    /// Has the whole mask changed; nothing is painted until that is done.
    #[must_use]
    pub(super) fn change(&mut self, operation: Operation) -> Action {
        let work = self.work_on(operation);
        self.work = Some((work.id, Instant::now()));
        PainterAction::Change(Box::new(work)).into()
    }

    pub(super) fn work_on(&mut self, operation: Operation) -> MaskWork {
        self.ids += 1;
        MaskWork { id: self.ids, operation, mask: self.present_mask(), margins: self.margins }
    }

    /// The mask as it is; the form's may be none at all.
    pub(super) fn present_mask(&self) -> Mask {
        let pixels = self.published.pixels();
        let fits = (pixels.width() as usize, pixels.height() as usize) == self.mask_size();
        if fits { self.published.clone() } else { Mask::new(self.layer.to_image()) }
    }

    /// The size of what is painted on, for the toolbar.
    pub(crate) fn size_text(&self) -> Option<String> {
        self.frame_size().map(|(width, height)| format!("{width} × {height}"))
    }

    /// Takes in the form's picture, if it is still that one.
    pub(crate) fn hear_picture(&mut self, path: &Path, opened: Option<&FittedPicture>) {
        if let Some(base) = self.base.as_mut().filter(|base| base.path == path) {
            base.picture = match opened {
                Some(opened) => BasePicture::Open {
                    sheet: Sheet::new(opened.image.clone()),
                    size: (opened.size[0] as usize, opened.size[1] as usize),
                },
                None => BasePicture::Failed,
            };
        }
    }

    /// Takes in a mask that was changed.
    pub(crate) fn hear_change(&mut self, id: u64, worked: Result<Worked>, draft: &mut Draft, notices: &mut Notices) {
        if self.work.is_none_or(|(asked, _)| asked != id) {
            return;
        }
        (self.work, self.adjusting) = (None, None);
        let worked = match worked {
            Ok(worked) => worked,
            Err(error) => {
                // Nothing tries again by itself.
                draft.start.inpaint.margins = self.margins;
                return notices.error(error);
            }
        };
        if let Some((edit, area)) = worked.edit {
            let is_extended = worked.margins != self.margins;
            self.history.push_or_join(edit, is_extended && self.was_extended);
            self.was_extended = is_extended;
            let (width, height) = worked.bitmap.size();
            self.layer.replace(width, height, worked.bitmap.into_pixels(), area);
        }
        self.margins = worked.margins;
        self.published = worked.mask;
        draft.start.inpaint.mask = self.published.clone();
        if let Some(note) = worked.note {
            notices.info(note);
        }
    }

    /// Takes in how the mask would look.
    pub(crate) fn hear_preview(&mut self, worked: Worked) {
        if let Some(adjusting) = self.adjusting.as_mut() {
            adjusting.hear(worked);
        }
    }

    /// Takes in what the pipeline would make of the mask.
    pub(crate) fn hear_derived(&mut self, derived: Derived) {
        if self.wished.as_ref() == Some(&derived.wish) {
            self.derived = Some(derived);
        }
    }

    /// Has a large edit packed, one at a time.
    fn pack(&mut self) -> Option<Action> {
        let edit = self.history.unpacked().filter(|_| !self.is_packing)?;
        self.is_packing = true;
        Some(PainterAction::Pack(edit).into())
    }

    /// Takes in an edit that was packed.
    pub(crate) fn hear_packed(&mut self, edit: Edit) {
        self.history.put_packed(edit);
        self.is_packing = false;
    }

    /// Asks for what is to be seen of the pipeline's doings, if that changed.
    pub(super) fn follow_sights(&mut self, draft: &Draft, actions: &mut Vec<Action>) {
        let is_seen = self.sights.latents || self.sights.cut;
        let wish = is_seen.then(|| {
            SightsWish::of(&draft.start.inpaint, (draft.values.size.width, draft.values.size.height), self.factor)
        });
        if wish.is_none() {
            self.derived = None;
        }
        if wish != self.wished {
            actions.extend(wish.clone().map(|wish| PainterAction::Derive(Box::new(wish)).into()));
            self.wished = wish;
        }
    }
}

/// Whether a mask of this width and height can be shown.
pub(super) fn is_paintable((width, height): (usize, usize)) -> bool {
    (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height)
}

/// A size in pixels, for drawing.
pub(super) fn vector((width, height): (usize, usize)) -> Vec2 {
    egui::vec2(width as f32, height as f32)
}
