//! Notices pastes that bring nothing: the toolkit is silent about them.

use egui::{Event, Key};

/// Keeps an eye on the keys that paste.
#[derive(Debug, Default)]
pub(super) struct PasteWatch {
    /// A key was pressed that pastes with others.
    is_down: bool,
    /// Something was pasted since.
    came: bool,
    /// A text that has nothing to be taken, and goes where one types.
    pub(super) text: Option<String>,
}

impl PasteWatch {
    /// Whether somebody pasted and nothing came of it. The toolkit keeps the press of keys that paste to itself, and tells of what
    /// was on the clipboard if it is a text or a picture: a release without either is all that is seen of the rest.
    pub(super) fn came_up_empty(&mut self, events: &[Event]) -> bool {
        let mut is_empty = false;
        for event in events {
            match event {
                Event::Paste(_) | Event::PasteImage(_) => self.came = true,
                Event::Key { key: Key::V | Key::Paste, pressed: true, .. } => self.is_down = true,
                Event::Key { key: Key::V | Key::Paste, pressed: false, .. } => {
                    is_empty |= !self.is_down && !self.came;
                    (self.is_down, self.came) = (false, false);
                }
                // Keys that were pressed here are released elsewhere.
                Event::WindowFocused(_) => (self.is_down, self.came) = (false, false),
                _ => {}
            }
        }
        is_empty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Event {
        Event::Key {
            key: Key::V,
            physical_key: None,
            pressed: false,
            repeat: false,
            modifiers: egui::Modifiers::COMMAND,
        }
    }

    #[test]
    fn a_paste_is_empty_if_its_key_is_released_and_nothing_came() {
        let mut watch = PasteWatch::default();
        let mut press = release();
        if let Event::Key { pressed, .. } = &mut press {
            *pressed = true;
        }
        assert!(watch.came_up_empty(&[release()]));
        assert!(!watch.came_up_empty(&[Event::Paste("a fox".to_owned())]));
        assert!(!watch.came_up_empty(&[release()]), "something came");
        assert!(!watch.came_up_empty(&[press, release()]), "the key was for something else");
        assert!(watch.came_up_empty(&[release()]));
    }
}
