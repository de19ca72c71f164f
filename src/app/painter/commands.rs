//! The painter's commands, as menus, buttons and keys ask for them.

use std::path::PathBuf;

use super::bars::Adjust;
use super::{Painter, Shows, Tool};
use crate::app::background::Dialog;
use crate::app::command::UiCommand;
use crate::app::painter::mask::{Operation, Paint};
use crate::settings::Settings;

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
    /// Does what is asked for. Some of it needs a file dialog.
    pub(crate) fn obey(&mut self, command: UiCommand, settings: &mut Settings) -> Option<Dialog> {
        if command == UiCommand::SwitchMask {
            self.shows = if self.shows == Shows::Mask { Shows::Picture } else { Shows::Mask };
            return None;
        }
        // One sees what one changes.
        self.shows = Shows::Mask;
        if let Some(tool) = Tool::ALL.into_iter().find(|tool| tool.command() == command) {
            self.cancel_gesture();
            self.tool = tool;
            return None;
        }
        match command {
            UiCommand::SmallerBrush => settings.painting.brush.resize(-1.0),
            UiCommand::LargerBrush => settings.painting.brush.resize(1.0),
            // A mask that doesn't fit can be undone, too.
            UiCommand::UndoPaint => self.go_back(settings, true),
            UiCommand::RedoPaint => self.go_back(settings, false),
            _ if !self.is_ready() || self.gesture.is_some() => {}
            UiCommand::InvertMask => self.change(Operation::Invert),
            UiCommand::ClearMask => self.change(Operation::All(Paint::Erase)),
            UiCommand::MaskAll => self.change(Operation::All(Paint::Mask)),
            UiCommand::GrowMask => self.adjust(Adjust::Grow),
            UiCommand::ShrinkMask => self.adjust(Adjust::Shrink),
            UiCommand::FeatherMask => self.adjust(Adjust::Feather),
            UiCommand::MaskFromAlpha => {
                if let Some(path) = self.base.as_ref().map(|base| base.path.clone()) {
                    self.change(Operation::Alpha(path));
                }
            }
            UiCommand::OpenMask => return Some(Dialog::OpenMask),
            UiCommand::SaveMask => {
                let (mask, folder) = (self.present_mask(), settings.save_folder.clone());
                return Some(Dialog::SaveMask { mask, folder });
            }
            _ => {}
        }
        None
    }

    /// Takes a file as the mask.
    pub(crate) fn open_mask(&mut self, path: PathBuf) {
        if self.is_ready() && self.gesture.is_none() {
            self.shows = Shows::Mask;
            self.change(Operation::Picture(path));
        }
    }

    fn go_back(&mut self, settings: &mut Settings, is_undo: bool) {
        if self.work.is_some() || self.is_busy() {
            return;
        }
        let has_moved = {
            let bitmap = &mut self.layer.bitmap();
            let (history, margins) = (&mut self.history, &mut self.margins);
            if is_undo { history.undo(bitmap, margins) } else { history.redo(bitmap, margins) }
        };
        if has_moved {
            (self.was_extended, self.last) = (false, None);
            settings.draft.inpaint.margins = self.margins;
            self.publish(&mut settings.draft);
        }
    }
}
