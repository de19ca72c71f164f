//! Everything that a menu, a button or a key can ask for, each with its text, its explanation and its keys in one place.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::app::apply::Action;

/// An action without further details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum UiCommand {
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
    ReadPicture,
    OpenModel,
    OpenFolder,
    FreeMemory,
    Fit,
    ActualSize,
    DoubleSize,
    ToggleControls,
    ToggleGallery,
    Lab,
    Settings,
    Shortcuts,
    Quit,
}

const NONE: Modifiers = Modifiers::NONE;
const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const ALT: Modifiers = Modifiers::ALT;

impl UiCommand {
    /// In the order of the shortcuts sheet.
    pub(super) const ALL: [Self; 27] = [
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
        Self::ReadPicture,
        Self::OpenModel,
        Self::OpenFolder,
        Self::FreeMemory,
        Self::Fit,
        Self::ActualSize,
        Self::DoubleSize,
        Self::ToggleControls,
        Self::ToggleGallery,
        Self::Lab,
        Self::Settings,
        Self::Shortcuts,
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
            Self::RandomSeed => ("New seed", "Roll a new seed and let it change with every picture"),
            Self::SwapSides => ("Swap sides", "Swap width and height"),
            Self::OlderPrompt => ("Older prompt", "The prompt that was drawn before this one"),
            Self::NewerPrompt => ("Newer prompt", "The prompt that was drawn after this one"),
            Self::SaveAs => ("Save as…", "Save a copy as PNG, JPEG or WebP"),
            Self::SaveCopy => ("Save a copy", "Save a copy as PNG into the folder that was last saved to"),
            Self::CopyPicture => ("Copy picture", "Copy the picture to the clipboard"),
            Self::CopyPrompt => ("Copy prompt", "Copy the prompt to the clipboard"),
            Self::BeginWith => ("Begin with this picture", "Change the picture that is shown, or paint on it"),
            Self::ReadPicture => {
                ("Read a picture's settings…", "Take prompt and settings from a picture, also another app's")
            }
            Self::OpenModel => ("Open a model…", "Open a model's folder in diffusers format"),
            Self::OpenFolder => ("Open the folder", "Show the gallery's folder in the file manager"),
            Self::FreeMemory => ("Free memory", "Unload the model; it is loaded again for the next picture"),
            Self::Fit => ("Fit", "Fit the picture into the window"),
            Self::ActualSize => ("100 %", "Show a pixel of the picture as a pixel of the screen"),
            Self::DoubleSize => ("200 %", "Show a pixel of the picture as four of the screen"),
            Self::ToggleControls => ("Controls", "Show or hide the controls"),
            Self::ToggleGallery => ("Gallery", "Show or hide the gallery"),
            Self::Lab => ("Lab…", "Compare samplers, step counts or guidance side by side"),
            Self::Settings => ("Settings…", "Folders, device, previews, appearance"),
            Self::Shortcuts => ("Keyboard shortcuts", "Everything that has a key"),
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
            Self::Lab => const { &[key(CTRL, Key::L)] },
            Self::BeginWith => const { &[key(CTRL, Key::I)] },
            Self::OlderPrompt => const { &[key(ALT, Key::ArrowUp)] },
            Self::NewerPrompt => const { &[key(ALT, Key::ArrowDown)] },
            Self::SaveAs => const { &[key(CTRL, Key::S)] },
            Self::SaveCopy => const { &[key(CTRL_SHIFT, Key::S)] },
            Self::CopyPicture => const { &[key(CTRL_SHIFT, Key::C)] },
            Self::ReadPicture => const { &[key(CTRL, Key::O)] },
            Self::OpenModel => const { &[key(CTRL_SHIFT, Key::O)] },
            Self::Fit => const { &[key(CTRL, Key::Num0)] },
            Self::ActualSize => const { &[key(CTRL, Key::Num1)] },
            Self::DoubleSize => const { &[key(CTRL, Key::Num2)] },
            Self::ToggleControls => const { &[key(CTRL, Key::B)] },
            Self::ToggleGallery => const { &[key(CTRL, Key::G)] },
            Self::Settings => const { &[key(CTRL, Key::Comma)] },
            Self::Shortcuts => const { &[key(Modifiers::SHIFT, Key::Questionmark), key(NONE, Key::F1)] },
            Self::Quit => const { &[key(CTRL, Key::Q)] },
            Self::ResumeQueue | Self::SwapSides | Self::CopyPrompt | Self::OpenFolder | Self::FreeMemory => &[],
        }
    }

    /// Whether its keys are letters or signs that belong to a text box while one is being typed into.
    fn types_text(self) -> bool {
        self == Self::Shortcuts
    }

    /// The text with its keys, for tooltips.
    pub(super) fn explanation(self, ctx: &egui::Context) -> String {
        match self.shortcuts().first() {
            Some(keys) => format!("{} ({})", self.tooltip(), keys_text(ctx, *keys)),
            None => self.tooltip().to_owned(),
        }
    }

    /// A button for it.
    pub(super) fn button(self, ui: &mut egui::Ui, actions: &mut Vec<Action>) -> egui::Response {
        let response = ui.button(self.text()).on_hover_text(self.explanation(ui.ctx()));
        if response.clicked() {
            actions.push(Action::Command(self));
        }
        response
    }

    /// The commands whose keys were pressed. Call it before any widget sees the keys. `closable`: something is open that
    /// Escape closes.
    pub(super) fn pressed(ctx: &egui::Context, closable: bool) -> Vec<Self> {
        let typing = ctx.text_edit_focused();
        // With more modifiers first: Ctrl+Shift+S would also match Ctrl+S.
        let mut commands: Vec<(Self, KeyboardShortcut)> =
            Self::ALL.iter().flat_map(|command| command.shortcuts().iter().map(|keys| (*command, *keys))).collect();
        commands.sort_by_key(|(_, keys)| std::cmp::Reverse(modifier_count(keys.modifiers)));
        // Escape closes what is open before it stops anything.
        let open = closable || egui::Popup::is_any_open(ctx) || ctx.memory(|memory| memory.top_modal_layer().is_some());
        ctx.input_mut(|input| {
            commands
                .into_iter()
                .filter(|(command, _)| !(typing && command.types_text()))
                .filter(|(command, _)| !(open && *command == Self::Stop))
                .filter(|(_, keys)| input.consume_shortcut(keys))
                .map(|(command, _)| command)
                .collect()
        })
    }
}

/// Keys as people write them.
pub(super) fn keys_text(ctx: &egui::Context, keys: KeyboardShortcut) -> String {
    ctx.format_shortcut(&keys).replace("Shift+Questionmark", "?").replace("Comma", ",").replace("Escape", "Esc")
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
