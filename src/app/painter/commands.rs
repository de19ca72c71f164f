//! The painter's commands, as menus, buttons and keys ask for them.

use std::path::PathBuf;

use super::adjusting::Adjust;
use super::state::{Painter, Tool};
use crate::app::action::{Action, PainterAction};
use crate::app::command::UiCommand;
use crate::app::files::FileDialog;
use crate::app::painter::mask::{Operation, Paint};
use crate::session::settings::{Draft, Settings};

impl Tool {
    pub(super) const ALL: [Self; 5] = [Self::Brush, Self::Eraser, Self::Rectangle, Self::Lasso, Self::Fill];

    pub(super) fn command(self) -> UiCommand {
        match self {
            Self::Brush => UiCommand::PaintBrush,
            Self::Eraser => UiCommand::PaintEraser,
            Self::Rectangle => UiCommand::PaintRectangle,
            Self::Lasso => UiCommand::PaintLasso,
            Self::Fill => UiCommand::PaintFill,
        }
    }
}

impl Painter {
    /// Does what is asked for.
    pub(crate) fn obey(
        &mut self,
        command: UiCommand,
        settings: &mut Settings,
        draft: &mut Draft,
        actions: &mut Vec<Action>,
    ) {
        if let Some(tool) = Tool::ALL.into_iter().find(|tool| tool.command() == command) {
            self.cancel_gesture();
            self.tool = tool;
            return;
        }
        match command {
            UiCommand::SmallerBrush => settings.painting.brush.resize(-1.0),
            UiCommand::LargerBrush => settings.painting.brush.resize(1.0),
            // A mask that doesn't fit can be undone, too.
            UiCommand::UndoPaint => self.go_back(draft, true),
            UiCommand::RedoPaint => self.go_back(draft, false),
            _ if !self.is_ready() || self.gesture.is_some() => {}
            UiCommand::InvertMask => actions.push(self.change(Operation::Invert)),
            UiCommand::ClearMask => actions.push(self.change(Operation::All(Paint::Erase))),
            UiCommand::MaskAll => actions.push(self.change(Operation::All(Paint::Mask))),
            UiCommand::GrowMask => actions.push(self.adjust(Adjust::Grow)),
            UiCommand::ShrinkMask => actions.push(self.adjust(Adjust::Shrink)),
            UiCommand::FeatherMask => actions.push(self.adjust(Adjust::Feather)),
            UiCommand::MaskFromAlpha => {
                if let Some(path) = self.base.as_ref().map(|base| base.path.clone()) {
                    actions.push(self.change(Operation::Alpha(path)));
                }
            }
            UiCommand::OpenMask => {
                let open = |path| PainterAction::OpenMask(path).into();
                actions.push(Action::Browse(FileDialog::picture("Take a picture as the mask", open)));
            }
            UiCommand::SaveMask => {
                let mask = self.present_mask();
                let save = |target| PainterAction::SaveMask(mask, target).into();
                let dialog = FileDialog::new_file("Save the mask", "mask.png", save).only("PNG", &["png"]);
                actions.push(Action::Browse(dialog.starting_in(settings.save_folder.clone())));
            }
            _ => {}
        }
    }

    /// Takes a file as the mask, unless something is going on.
    pub(crate) fn open_mask(&mut self, path: PathBuf) -> Option<Action> {
        if !self.is_ready() || self.gesture.is_some() {
            return None;
        }
        Some(self.change(Operation::Picture(path)))
    }

    fn go_back(&mut self, draft: &mut Draft, is_undo: bool) {
        if self.work.is_some() || self.is_busy() {
            return;
        }
        let has_moved = {
            let bitmap = &mut self.layer;
            let (history, margins) = (&mut self.history, &mut self.margins);
            if is_undo { history.undo(bitmap, margins) } else { history.redo(bitmap, margins) }
        };
        if has_moved {
            (self.was_extended, self.last) = (false, None);
            draft.start.inpaint.margins = self.margins;
            self.publish(draft);
        }
    }
}
