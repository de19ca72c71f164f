//! What is done to the mask away from the window's thread, and what comes of it, carried out.

use std::io::Cursor;
use std::path::Path;

use crate::app::action::{PainterAction, PictureAction};
use crate::app::files::NewestOf;
use crate::app::window::App;
use crate::base::error::{Error, Result};
use crate::base::files::write_whole;
use crate::content::request::Mask;

impl App {
    /// Changes the mask.
    pub(crate) fn act_on_painter(&mut self, ctx: &egui::Context, action: PainterAction) {
        match action {
            PainterAction::Open(path) => self.librarian.want_base(path),
            PainterAction::Change(work) => self.run(move || {
                let id = work.id;
                let worked = Box::new(work.run());
                Ok(Some(PainterAction::Changed { id, worked }.into()))
            }),
            PainterAction::Changed { id, worked } => {
                self.painter.hear_change(id, *worked, &mut self.state.draft, &mut self.notices);
            }
            // What can't be found out isn't shown.
            PainterAction::Preview(work) => self.background.run_newest(NewestOf::MaskPreview, move || {
                Ok(work.run().ok().map(|worked| PainterAction::Previewed(Box::new(worked)).into()))
            }),
            PainterAction::Previewed(worked) => self.painter.hear_preview(*worked),
            PainterAction::Derive(wish) => self.background.run_newest(NewestOf::MaskSights, move || {
                Ok(Some(PainterAction::Derived(Box::new(wish.run())).into()))
            }),
            PainterAction::Derived(derived) => self.painter.hear_derived(*derived),
            PainterAction::Pack(edit) => {
                let unpacked = edit.clone();
                let asked = self.background.run(move || Ok(Some(PainterAction::Packed(edit.packed()).into())));
                if asked.is_err() {
                    // There is no room now: it is tried again.
                    self.painter.hear_packed(unpacked);
                }
            }
            PainterAction::Packed(edit) => self.painter.hear_packed(edit),
            PainterAction::OpenMask(path) => {
                if let Some(action) = self.painter.open_mask(path) {
                    self.centre.turn_to_mask();
                    self.apply(ctx, action);
                }
            }
            PainterAction::SaveMask(mask, target) => self.run(move || {
                save(&mask, &target)?;
                Ok(Some(PictureAction::Exported(target).into()))
            }),
        }
    }
}

fn save(mask: &Mask, target: &Path) -> Result<()> {
    let failed = || Error::new(format!("The mask can't be saved: {}", target.display()));
    let mut png = Cursor::new(Vec::new());
    mask.pixels().write_to(&mut png, image::ImageFormat::Png).map_err(|cause| failed().caused_by(cause))?;
    write_whole(target, png.get_ref()).map_err(|cause| failed().caused_by(cause))
}
