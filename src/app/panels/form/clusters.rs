//! Keys that move the caret and delete, by letters as people see them: a letter with its accents, a family of emoji.
//!
//! The toolkit moves by code points, and it counts the shapes on the screen as letters: of a right-to-left word or a Thai vowel there
//! are more. Its caret then ends up behind the text, where keys delete nothing. Here the caret is kept inside the text, and the keys
//! that the toolkit gets wrong for such a text are taken before it sees them. Lines are those of the text, not of the screen.

use std::ops::Range;

use egui::text::{CCursor, CCursorRange};
use egui::text_edit::TextEditState;
use egui::{Context, Event, Galley, Id, Key, Modifiers};
use unicode_segmentation::UnicodeSegmentation;

/// Takes the keys that the toolkit would get wrong, for the text box `id` if it has the keyboard. `is_miscounted`: the toolkit
/// counts more letters than the text has.
pub(super) fn take_keys(ctx: &Context, id: Id, text: &mut String, is_miscounted: bool) {
    if text.is_ascii() || !ctx.memory(|memory| memory.has_focus(id)) {
        return;
    }
    let Some(mut state) = TextEditState::load(ctx, id) else { return };
    let Some(range) = state.cursor.char_range() else { return };
    let before = (range.primary.index.0, range.secondary.index.0);
    let end = text.chars().count();
    let mut caret = Caret { at: before.0.min(end), from: before.1.min(end) };
    ctx.input_mut(|input| {
        // What comes after a key that is the toolkit's own has to wait for it.
        let mut is_ours = true;
        input.events.retain(|event| {
            let taken = is_ours.then(|| caret.take(text, event, is_miscounted));
            is_ours &= taken != Some(Taken::Theirs);
            taken != Some(Taken::Ours)
        });
    });
    if (caret.at, caret.from) != before {
        let range = CCursorRange::two(CCursor::new(caret.from), CCursor::new(caret.at));
        state.cursor.set_char_range(Some(range));
        state.store(ctx, id);
    }
}

/// Returns whether the toolkit counts other letters than a text has.
pub(super) fn is_miscounted(galley: &Galley, text: &str) -> bool {
    let counted: usize = galley.rows.iter().map(|row| row.glyphs.len() + usize::from(row.ends_with_newline)).sum();
    counted != text.chars().count()
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Ours,
    /// The toolkit changes something by it.
    Theirs,
    /// It changes nothing.
    Neither,
}

/// The two ends of a selection, in code points: the one that moves, and the one that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Caret {
    at: usize,
    from: usize,
}

impl Caret {
    fn take(&mut self, text: &mut String, event: &Event, is_miscounted: bool) -> Taken {
        match event {
            Event::Text(typed) if !typed.contains(['\n', '\r']) => self.replace(text, self.selected(), typed),
            Event::Key { key, pressed: true, modifiers, .. } => {
                match self.goal(text, *key, *modifiers, is_miscounted) {
                    Some(Goal::Move(to)) => {
                        self.at = to;
                        self.from = if modifiers.shift { self.from } else { to };
                    }
                    Some(Goal::Delete(range)) => self.replace(text, range, ""),
                    None => return Taken::Theirs,
                }
            }
            Event::Text(_) | Event::Paste(_) | Event::Cut | Event::Copy | Event::Ime(_) => return Taken::Theirs,
            _ => return Taken::Neither,
        }
        Taken::Ours
    }

    /// What a key is for; `None` if it is the toolkit's.
    fn goal(self, text: &str, key: Key, modifiers: Modifiers, is_miscounted: bool) -> Option<Goal> {
        let is_plain = !(modifiers.alt || modifiers.ctrl || modifiers.command);
        let selected = self.selected();
        let goes = !selected.is_empty() && !modifiers.shift;
        let stops = Stops::of(text);
        Some(match key {
            Key::ArrowLeft if is_plain && goes => Goal::Move(selected.start),
            Key::ArrowRight if is_plain && goes => Goal::Move(selected.end),
            Key::ArrowLeft if is_plain => Goal::Move(stops.before(self.at)),
            Key::ArrowRight if is_plain => Goal::Move(stops.after(self.at)),
            Key::Backspace | Key::Delete if is_plain && !selected.is_empty() => Goal::Delete(selected),
            Key::Backspace if is_plain => Goal::Delete(stops.before(self.at)..self.at),
            Key::Delete if is_plain => Goal::Delete(self.at..stops.after(self.at)),
            Key::Home if is_miscounted && modifiers.ctrl => Goal::Move(0),
            Key::End if is_miscounted && modifiers.ctrl => Goal::Move(stops.end()),
            Key::Home if is_miscounted && is_plain => Goal::Move(stops.line(self.at).start),
            Key::End if is_miscounted && is_plain => Goal::Move(stops.line(self.at).end),
            Key::ArrowUp if is_miscounted && is_plain => Goal::Move(stops.above(self.at)),
            Key::ArrowDown if is_miscounted && is_plain => Goal::Move(stops.below(self.at)),
            _ => return None,
        })
    }

    fn selected(self) -> Range<usize> {
        self.at.min(self.from)..self.at.max(self.from)
    }

    /// Puts other words in the place of a range.
    fn replace(&mut self, text: &mut String, range: Range<usize>, by: &str) {
        let byte = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
        let bytes = byte(range.start)..byte(range.end);
        text.replace_range(bytes, by);
        self.at = range.start + by.chars().count();
        self.from = self.at;
    }
}

/// What a key asks for.
enum Goal {
    Move(usize),
    Delete(Range<usize>),
}

/// Where a caret can stand: before each letter, and at the end. In code points; a letter that is a line break is marked.
struct Stops(Vec<(usize, bool)>);

impl Stops {
    fn of(text: &str) -> Self {
        let mut at = 0;
        let mut stops: Vec<(usize, bool)> = text
            .graphemes(true)
            .map(|letter| {
                let stop = (at, letter.ends_with('\n'));
                at += letter.chars().count();
                stop
            })
            .collect();
        stops.push((at, true));
        Self(stops)
    }

    fn end(&self) -> usize {
        self.0.last().map_or(0, |stop| stop.0)
    }

    fn before(&self, at: usize) -> usize {
        self.0.iter().rev().find(|stop| stop.0 < at).map_or(0, |stop| stop.0)
    }

    fn after(&self, at: usize) -> usize {
        self.0.iter().find(|stop| stop.0 > at).map_or(self.end(), |stop| stop.0)
    }

    /// The line that a caret is in, without its line break.
    fn line(&self, at: usize) -> Range<usize> {
        let here = self.0.partition_point(|stop| stop.0 < at);
        let start = self.0[..here].iter().rposition(|stop| stop.1).map_or(0, |breaks| breaks + 1);
        let end = here + self.0[here..].iter().position(|stop| stop.1).unwrap_or(0);
        self.0[start].0..self.0.get(end).map_or(self.end(), |stop| stop.0)
    }

    /// The same column of the line above, or the start.
    fn above(&self, at: usize) -> usize {
        let line = self.line(at);
        if line.start == 0 { 0 } else { self.column(self.line(self.before(line.start)), self.letters(line.start..at)) }
    }

    /// The same column of the line below, or the end.
    fn below(&self, at: usize) -> usize {
        let line = self.line(at);
        if line.end == self.end() {
            return line.end;
        }
        self.column(self.line(self.after(line.end)), self.letters(line.start..at))
    }

    fn letters(&self, range: Range<usize>) -> usize {
        self.0.iter().filter(|stop| range.contains(&stop.0)).count()
    }

    fn column(&self, line: Range<usize>, column: usize) -> usize {
        let stop = self.0.iter().filter(|stop| stop.0 >= line.start).nth(column);
        stop.map_or(line.end, |stop| stop.0.min(line.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Presses keys in a text, with the caret at its end; `|` shows where the caret is in the end.
    fn pressed(text: &str, keys: &[Key]) -> String {
        let mut text = text.to_owned();
        let at = text.chars().count();
        let mut caret = Caret { at, from: at };
        for key in keys {
            let event =
                Event::Key { key: *key, physical_key: None, pressed: true, repeat: false, modifiers: Modifiers::NONE };
            assert_eq!(caret.take(&mut text, &event, true), Taken::Ours, "{key:?}");
        }
        caret.take(&mut text, &Event::Text("|".to_owned()), true);
        text
    }

    #[test]
    fn the_caret_moves_and_deletes_by_what_people_see_as_a_letter() {
        use Key::{ArrowLeft, ArrowRight, Backspace, Delete};
        // Thai with a tone mark, e with a combining accent, a family, a flag.
        for letter in ["ที่", "e\u{301}", "👨‍👩‍👧", "🇦🇹", "ש"] {
            let text = format!("a{letter}b");
            assert_eq!(pressed(&text, &[ArrowLeft, ArrowLeft]), format!("a|{letter}b"));
            assert_eq!(pressed(&text, &[ArrowLeft, ArrowLeft, ArrowRight]), format!("a{letter}|b"));
            assert_eq!(pressed(&text, &[ArrowLeft, Backspace]), "a|b");
            assert_eq!(pressed(&text, &[ArrowLeft, ArrowLeft, Delete]), "a|b");
        }
        assert_eq!(pressed("", &[Backspace, Delete, ArrowLeft, ArrowRight]), "|");
    }

    #[test]
    fn lines_begin_and_end_where_the_text_says() {
        use Key::{ArrowDown, ArrowLeft, ArrowUp, Backspace, End, Home};
        let text = "עדד 123 שלום\nמרחבא\nb";
        assert_eq!(pressed(text, &[Home]), "עדד 123 שלום\nמרחבא\n|b");
        assert_eq!(pressed(text, &[ArrowUp, End, Backspace]), "עדד 123 שלום\nמרחב|\nb");
        assert_eq!(pressed(text, &[ArrowUp, ArrowUp]), "ע|דד 123 שלום\nמרחבא\nb");
        assert_eq!(pressed(text, &[ArrowUp, ArrowUp, End, ArrowDown]), "עדד 123 שלום\nמרחבא|\nb");
        assert_eq!(pressed(text, &[ArrowUp, ArrowUp, ArrowUp]), "|עדד 123 שלום\nמרחבא\nb");
        assert_eq!(pressed(text, &[ArrowUp, ArrowDown, ArrowDown]), format!("{text}|"));
        assert_eq!(pressed("שלום", &[End, ArrowLeft, ArrowLeft, ArrowLeft]), "ש|לום");
        assert_eq!(pressed("a\n\n", &[ArrowUp, Home]), "a\n|\n");
    }
}
