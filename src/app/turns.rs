//! Keys and texts take effect in their order, also if a slow frame brings many: what is typed after a picture was asked for belongs
//! to the next one.

use egui::{Event, Key};

/// What was typed and waits for the next frame.
#[derive(Debug, Default)]
pub(super) struct Turns {
    later: Vec<Event>,
}

impl Turns {
    /// Leaves of the events what was typed up to the next picture that is asked for. Returns whether something waits for another
    /// frame. A key that is held down asks once.
    pub(super) fn take(&mut self, events: &mut Vec<Event>) -> bool {
        let (typed, others): (Vec<Event>, Vec<Event>) = std::mem::take(events).into_iter().partition(is_typed);
        self.later.extend(typed);
        self.later.retain(|event| !asks(event, true));
        let end = self.later.iter().position(|event| asks(event, false)).map_or(self.later.len(), |at| at + 1);
        *events = others;
        events.extend(self.later.drain(..end));
        !self.later.is_empty()
    }
}

/// Whether an event belongs to what is typed.
fn is_typed(event: &Event) -> bool {
    matches!(event, Event::Key { .. } | Event::Text(_) | Event::Paste(_) | Event::Cut | Event::Copy | Event::Ime(_))
}

/// Whether it asks for a picture, by a key that is pressed or held.
fn asks(event: &Event, held: bool) -> bool {
    matches!(event, Event::Key { key: Key::Enter, pressed: true, repeat, modifiers, .. } if modifiers.command && *repeat == held)
}
