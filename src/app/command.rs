//! Everything that a menu, a button or a key can ask for, each with its text, its explanation and its keys in one place.

use egui::{Key, KeyboardShortcut, Modifiers};

/// An action without further details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum UiCommand {
    Generate,
    GenerateFirst,
    Stop,
    StopAll,
    ResumeQueue,
    RandomSeed,
    SwapSides,
    OlderPrompt,
    NewerPrompt,
    SaveAs,
    SaveCopy,
    CopyPicture,
    CopyPrompt,
    BeginWith,
    LookBack,
    ShowDepth,
    ReadPicture,
    Models,
    OpenModel,
    InspectModel,
    OpenFolder,
    FreeMemory,
    Fit,
    ActualSize,
    DoubleSize,
    ToggleControls,
    ToggleGallery,
    PaintBrush,
    PaintEraser,
    PaintRectangle,
    PaintLasso,
    PaintFill,
    SmallerBrush,
    LargerBrush,
    UndoPaint,
    RedoPaint,
    InvertMask,
    ClearMask,
    MaskAll,
    GrowMask,
    ShrinkMask,
    FeatherMask,
    MaskFromAlpha,
    OpenMask,
    SaveMask,
    SwitchMask,
    Lab,
    Settings,
    Shortcuts,
    About,
    Quit,
}

const NONE: Modifiers = Modifiers::NONE;
const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const ALT: Modifiers = Modifiers::ALT;

impl UiCommand {
    /// In the order of the shortcuts sheet.
    pub(super) const ALL: [Self; 51] = [
        Self::Generate,
        Self::GenerateFirst,
        Self::Stop,
        Self::StopAll,
        Self::ResumeQueue,
        Self::RandomSeed,
        Self::SwapSides,
        Self::OlderPrompt,
        Self::NewerPrompt,
        Self::SaveAs,
        Self::SaveCopy,
        Self::CopyPicture,
        Self::CopyPrompt,
        Self::BeginWith,
        Self::LookBack,
        Self::ShowDepth,
        Self::ReadPicture,
        Self::Models,
        Self::OpenModel,
        Self::InspectModel,
        Self::OpenFolder,
        Self::FreeMemory,
        Self::Fit,
        Self::ActualSize,
        Self::DoubleSize,
        Self::ToggleControls,
        Self::ToggleGallery,
        Self::PaintBrush,
        Self::PaintEraser,
        Self::PaintRectangle,
        Self::PaintLasso,
        Self::PaintFill,
        Self::SmallerBrush,
        Self::LargerBrush,
        Self::UndoPaint,
        Self::RedoPaint,
        Self::InvertMask,
        Self::ClearMask,
        Self::MaskAll,
        Self::GrowMask,
        Self::ShrinkMask,
        Self::FeatherMask,
        Self::MaskFromAlpha,
        Self::OpenMask,
        Self::SaveMask,
        Self::SwitchMask,
        Self::Lab,
        Self::Settings,
        Self::Shortcuts,
        Self::About,
        Self::Quit,
    ];

    /// What a button or menu says.
    pub(super) fn text(self) -> &'static str {
        self.texts().0
    }

    /// What it does, in a sentence.
    pub(super) fn tooltip(self) -> &'static str {
        self.texts().1
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Generate => ("Generate", "Draw what the prompt says, after everything that waits"),
            Self::GenerateFirst => ("Generate next", "Draw what the prompt says before everything else that waits"),
            Self::Stop => ("Stop", "Stop the picture that is being drawn; the next one begins"),
            Self::StopAll => ("Stop all", "Stop the picture that is being drawn and empty the queue"),
            Self::ResumeQueue => ("Resume the queue", "Draw what was left waiting"),
            Self::RandomSeed => ("New seed", "Choose a new seed, and another one for every picture"),
            Self::SwapSides => ("Swap sides", "Swap width and height"),
            Self::OlderPrompt => ("Older prompt", "The prompt that was drawn before this one"),
            Self::NewerPrompt => ("Newer prompt", "The prompt that was drawn after this one"),
            Self::SaveAs => ("Save as…", "Save a copy as PNG, JPEG or WebP"),
            Self::SaveCopy => ("Save a copy", "Save a copy as PNG into the folder that was last saved to"),
            Self::CopyPicture => ("Copy picture", "Copy the picture to the clipboard"),
            Self::CopyPrompt => ("Copy prompt", "Copy the prompt to the clipboard"),
            Self::BeginWith => ("Begin with this picture", "Change the picture that is shown, or paint on it"),
            Self::LookBack => ("Look back", "Look at the steps of the last picture, and go on from one of them"),
            Self::ShowDepth => ("Depth map", "Show the depth map that the picture was drawn by, or the picture again"),
            Self::ReadPicture => {
                ("Read a picture's settings…", "Take prompt and settings from a picture, also another app's")
            }
            Self::Models => ("Models…", "Models on this computer, and how to get more"),
            Self::OpenModel => ("Open a model…", "Open a model's folder in Diffusers format"),
            Self::InspectModel => ("Inspect the model…", "See what the model is made of, and what its sampler does"),
            Self::OpenFolder => ("Open the folder", "Show the gallery's folder in the file manager"),
            Self::FreeMemory => ("Free memory", "Unload the model; it is loaded again for the next picture"),
            Self::Fit => ("Fit", "Fit the picture into the window"),
            Self::ActualSize => ("100 %", "Show a pixel of the picture as a pixel of the screen"),
            Self::DoubleSize => ("200 %", "Show a pixel of the picture as four of the screen"),
            Self::ToggleControls => ("Controls", "Show or hide the controls"),
            Self::ToggleGallery => ("Gallery", "Show or hide the gallery"),
            Self::PaintBrush => ("Brush", "Paint the mask; Ctrl erases, Shift and a click draw a straight line"),
            Self::PaintEraser => ("Eraser", "Erase the mask"),
            Self::PaintRectangle => ("Rectangle", "Mask a rectangle; Ctrl erases it"),
            Self::PaintLasso => ("Lasso", "Mask the area inside a line; Ctrl erases it"),
            Self::PaintFill => ("Fill", "Fill the connected area that is clicked; Ctrl erases it"),
            Self::SmallerBrush => ("Smaller brush", "Make the brush smaller"),
            Self::LargerBrush => ("Larger brush", "Make the brush larger"),
            Self::UndoPaint => ("Undo", "Undo the last change of the mask"),
            Self::RedoPaint => ("Redo", "Repeat what was undone last"),
            Self::InvertMask => ("Invert", "Mask what isn't masked, and the other way round"),
            Self::ClearMask => ("Clear", "Mask nothing"),
            Self::MaskAll => ("Mask everything", "Draw the whole picture again"),
            Self::GrowMask => ("Grow…", "Make the mask larger on all sides"),
            Self::ShrinkMask => ("Shrink…", "Make the mask smaller on all sides"),
            Self::FeatherMask => ("Feather…", "Soften the mask's edge"),
            Self::MaskFromAlpha => ("Mask what is transparent", "Take the mask from the picture's transparent parts"),
            Self::OpenMask => ("Open a mask…", "Use a picture as the mask: white is drawn again"),
            Self::SaveMask => ("Save the mask…", "Save the mask as a picture: white is drawn again"),
            Self::SwitchMask => ("Mask or picture", "Look at the mask, or at the picture that was drawn last"),
            Self::Lab => ("Lab…", "Compare samplers, step counts or guidance side by side"),
            Self::Settings => ("Settings…", "Folders, device, previews, appearance"),
            Self::Shortcuts => ("Keyboard shortcuts", "Everything that has a key"),
            Self::About => ("About Burnisher", "Versions, devices and drivers, to look at and for a report"),
            Self::Quit => ("Quit", "Close Burnisher; what waits is kept"),
        }
    }

    /// Its keys, the first of which is shown.
    pub(super) fn shortcuts(self) -> &'static [KeyboardShortcut] {
        const fn key(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
            KeyboardShortcut::new(modifiers, key)
        }
        match self {
            Self::Generate => const { &[key(CTRL, Key::Enter)] },
            Self::GenerateFirst => const { &[key(CTRL_SHIFT, Key::Enter)] },
            Self::Stop => const { &[key(NONE, Key::Escape)] },
            Self::StopAll => const { &[key(Modifiers::SHIFT, Key::Escape)] },
            Self::RandomSeed => const { &[key(CTRL, Key::R)] },
            Self::PaintBrush => const { &[key(NONE, Key::B)] },
            Self::PaintEraser => const { &[key(NONE, Key::E)] },
            Self::PaintRectangle => const { &[key(NONE, Key::U)] },
            Self::PaintLasso => const { &[key(NONE, Key::L)] },
            Self::PaintFill => const { &[key(NONE, Key::G)] },
            Self::SmallerBrush => const { &[key(NONE, Key::OpenBracket)] },
            Self::LargerBrush => const { &[key(NONE, Key::CloseBracket)] },
            Self::UndoPaint => const { &[key(CTRL, Key::Z)] },
            Self::RedoPaint => const { &[key(CTRL_SHIFT, Key::Z), key(CTRL, Key::Y)] },
            Self::InvertMask => const { &[key(Modifiers::SHIFT, Key::V)] },
            Self::ClearMask => const { &[key(Modifiers::SHIFT, Key::C)] },
            Self::SwitchMask => const { &[key(NONE, Key::M)] },
            Self::Lab => const { &[key(CTRL, Key::L)] },
            Self::LookBack => const { &[key(CTRL, Key::K)] },
            Self::BeginWith => const { &[key(CTRL, Key::I)] },
            Self::OlderPrompt => const { &[key(ALT, Key::ArrowUp)] },
            Self::NewerPrompt => const { &[key(ALT, Key::ArrowDown)] },
            Self::SaveAs => const { &[key(CTRL, Key::S)] },
            Self::SaveCopy => const { &[key(CTRL_SHIFT, Key::S)] },
            Self::CopyPicture => const { &[key(CTRL_SHIFT, Key::C)] },
            Self::ReadPicture => const { &[key(CTRL, Key::O)] },
            Self::Models => const { &[key(CTRL, Key::M)] },
            Self::OpenModel => const { &[key(CTRL_SHIFT, Key::O)] },
            Self::InspectModel => const { &[key(CTRL_SHIFT, Key::I)] },
            Self::Fit => const { &[key(CTRL, Key::Num0)] },
            Self::ActualSize => const { &[key(CTRL, Key::Num1)] },
            Self::DoubleSize => const { &[key(CTRL, Key::Num2)] },
            Self::ToggleControls => const { &[key(CTRL, Key::B)] },
            Self::ToggleGallery => const { &[key(CTRL, Key::G)] },
            Self::Settings => const { &[key(CTRL, Key::Comma)] },
            Self::Shortcuts => const { &[key(Modifiers::SHIFT, Key::Questionmark), key(NONE, Key::F1)] },
            Self::Quit => const { &[key(CTRL, Key::Q)] },
            Self::ResumeQueue
            | Self::SwapSides
            | Self::ShowDepth
            | Self::CopyPrompt
            | Self::OpenFolder
            | Self::FreeMemory
            | Self::About
            | Self::MaskAll
            | Self::GrowMask
            | Self::ShrinkMask
            | Self::FeatherMask
            | Self::MaskFromAlpha
            | Self::OpenMask
            | Self::SaveMask => &[],
        }
    }

    /// Whether its keys belong to a text box while one is being typed into.
    fn types_text(self) -> bool {
        self == Self::Shortcuts || self.is_of_painter()
    }

    /// Whether it is about the mask, and has its keys only while there is one.
    pub(super) fn is_of_painter(self) -> bool {
        let (first, last) = (Self::PaintBrush as usize, Self::SwitchMask as usize);
        (first..=last).contains(&(self as usize))
    }

    /// The text with its keys, for tooltips.
    pub(super) fn explanation(self, ctx: &egui::Context) -> String {
        match self.shortcuts().first() {
            Some(keys) => format!("{} ({})", self.tooltip(), keys_text(ctx, *keys)),
            None => self.tooltip().to_owned(),
        }
    }

    /// The commands whose keys were pressed. Call it before any widget sees the keys. `closable`: something is open that
    /// Escape closes. `paints`: there is a mask to be painted.
    pub(super) fn pressed(ctx: &egui::Context, closable: bool, paints: bool) -> Vec<Self> {
        let typing = ctx.text_edit_focused();
        // With more modifiers first: Ctrl+Shift+S would also match Ctrl+S.
        let mut commands: Vec<(Self, KeyboardShortcut)> =
            Self::ALL.iter().flat_map(|command| command.shortcuts().iter().map(|keys| (*command, *keys))).collect();
        commands.sort_by_key(|(_, keys)| std::cmp::Reverse(modifier_count(keys.modifiers)));
        // Escape closes what is open before it stops anything.
        let is_modal = ctx.memory(|memory| memory.top_modal_layer().is_some());
        let open = closable || egui::Popup::is_any_open(ctx) || is_modal;
        ctx.input_mut(|input| {
            commands
                .into_iter()
                .filter(|(command, _)| !(typing && command.types_text()))
                .filter(|(command, _)| !(open && *command == Self::Stop))
                .filter(|(command, _)| !command.is_of_painter() || (paints && !is_modal))
                .filter(|(_, keys)| input.consume_shortcut(keys))
                .map(|(command, _)| command)
                .collect()
        })
    }
}

/// Keys as people write them.
pub(super) fn keys_text(ctx: &egui::Context, keys: KeyboardShortcut) -> String {
    ctx.format_shortcut(&keys)
        .replace("Shift+Questionmark", "?")
        .replace("Comma", ",")
        .replace("Escape", "Esc")
        .replace("OpenBracket", "[")
        .replace("CloseBracket", "]")
}

fn modifier_count(modifiers: Modifiers) -> usize {
    [modifiers.alt, modifiers.ctrl || modifiers.command, modifiers.shift].into_iter().filter(|on| *on).count()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_commands_share_keys_or_words() {
        let keys: Vec<_> =
            UiCommand::ALL.iter().flat_map(|command| command.shortcuts()).map(|k| format!("{k:?}")).collect();
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
        let texts: HashSet<_> = UiCommand::ALL.iter().map(|command| command.text()).collect();
        assert_eq!(texts.len(), UiCommand::ALL.len());
    }

    #[test]
    fn texts_follow_the_house_style() {
        for command in UiCommand::ALL {
            for text in [command.text(), command.tooltip()] {
                assert!(!text.ends_with('.') && !text.starts_with(char::is_lowercase), "{text}");
            }
        }
    }
}
