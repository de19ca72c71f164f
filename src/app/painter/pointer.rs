//! What the pointer does to the mask: strokes, rectangles, lassos, clicks that fill.
//!
//! Every event of the pointer counts, not only the last of a frame, so that fast strokes stay round. A gesture begins on the canvas
//! and may go anywhere. A pen and the first finger are the pointer; a second finger turns a gesture into zooming.

use egui::{Event, Modifiers, PointerButton, Pos2, Response, Ui};

use super::gesture::{Gesture, whole_pixels};
use super::state::{Painter, Tool};
use crate::app::action::Action;
use crate::app::painter::mask::{Operation, Paint, Point, Stroke};
use crate::app::widgets::Placed;
use crate::session::settings::{Brush, Draft};

/// Points of a lasso at most: more than a hand draws in minutes.
const MAX_POINTS: usize = 20_000;

impl Painter {
    /// Follows the pointer over the canvas. `paints` is false while the primary button is a hand.
    pub(super) fn follow_pointer(
        &mut self,
        ui: &Ui,
        response: &Response,
        placed: Placed,
        paints: bool,
        (brush, draft): (Brush, &mut Draft),
        actions: &mut Vec<Action>,
    ) {
        if ui.input(|input| input.multi_touch().is_some()) {
            return self.cancel_gesture();
        }
        let (events, is_down) = ui.input(|input| {
            let is_ours = |event: &&Event| matches!(event, Event::PointerMoved(_) | Event::PointerButton { .. });
            (input.events.iter().filter(is_ours).cloned().collect::<Vec<_>>(), input.pointer.primary_down())
        });
        // A press and its release may come in one frame.
        let is_pressed = response.is_pointer_button_down_on() || response.clicked() || response.drag_stopped();
        self.catch_up(brush, draft, actions);
        let begins = is_pressed && paints && (self.is_ready() || self.is_waiting());
        let pixels = |point: Pos2| placed.pixels_from_screen(point);
        let mut moved = Vec::new();
        for event in events {
            match event {
                Event::PointerMoved(point) => moved.push(pixels(point)),
                Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers } => {
                    self.go_on(&std::mem::take(&mut moved));
                    if !pressed {
                        self.go_on(&[pixels(pos)]);
                        self.finish(brush, draft, actions);
                    } else if begins && self.gesture.is_none() && response.rect.contains(pos) {
                        leave_text(ui);
                        self.begin(pixels(pos), brush, modifiers, actions);
                    }
                }
                _ => {}
            }
        }
        self.go_on(&moved);
        // The release may have been lost with the window's focus.
        if !is_down {
            self.finish(brush, draft, actions);
        }
    }

    /// Draws what was begun while the mask was worked on.
    fn catch_up(&mut self, brush: Brush, draft: &mut Draft, actions: &mut Vec<Action>) {
        if !self.is_ready() {
            return;
        }
        match self.gesture.take() {
            Some(Gesture::Waiting { points, modifiers, is_over }) => {
                points.first().into_iter().for_each(|at| self.begin(*at, brush, modifiers, actions));
                self.go_on(&points);
                if is_over {
                    self.finish(brush, draft, actions);
                }
            }
            other => self.gesture = other,
        }
    }

    fn begin(&mut self, at: Point, brush: Brush, modifiers: Modifiers, actions: &mut Vec<Action>) {
        if self.work.is_some() {
            self.gesture = Some(Gesture::Waiting { points: vec![at], modifiers, is_over: false });
            return;
        }
        let paint = if self.tool == Tool::Eraser { Paint::Erase } else { Paint::Mask };
        let paint = paint.swapped(modifiers.command);
        self.gesture = match self.tool {
            Tool::Brush | Tool::Eraser => {
                let bitmap = &mut self.layer;
                let from = self.last.filter(|_| modifiers.shift);
                let mut stroke = Stroke::begin(bitmap, brush, paint, from.unwrap_or(at));
                stroke.follow(bitmap, &[at]);
                Some(Gesture::Stroke(Box::new(stroke)))
            }
            Tool::Rectangle => Some(Gesture::Rectangle { from: at, to: at, paint }),
            Tool::Lasso => Some(Gesture::Lasso { points: vec![at], paint }),
            Tool::Fill => {
                actions.push(self.change(Operation::Flood { at, paint, opacity: brush.opacity }));
                None
            }
        };
    }

    fn go_on(&mut self, points: &[Point]) {
        let Some(end) = points.last() else { return };
        match &mut self.gesture {
            Some(Gesture::Stroke(stroke)) => stroke.follow(&mut self.layer, points),
            Some(Gesture::Rectangle { to, .. }) => *to = *end,
            Some(Gesture::Lasso { points: line, .. } | Gesture::Waiting { points: line, is_over: false, .. }) => {
                line.extend(points.iter().take(MAX_POINTS.saturating_sub(line.len())));
            }
            Some(Gesture::Waiting { .. }) | None => {}
        }
    }

    fn finish(&mut self, brush: Brush, draft: &mut Draft, actions: &mut Vec<Action>) {
        let opacity = brush.opacity;
        match self.gesture.take() {
            Some(Gesture::Stroke(stroke)) => {
                self.last = Some(stroke.last());
                let edit = stroke.end(&self.layer);
                if let Some(edit) = edit {
                    self.history.push(edit);
                    self.was_extended = false;
                    self.publish(draft);
                }
            }
            Some(Gesture::Rectangle { from, to, paint }) => {
                let [min, max] = whole_pixels(from, to);
                if min[0] < max[0] && min[1] < max[1] {
                    let points = vec![min, [max[0], min[1]], max, [min[0], max[1]]];
                    actions.push(self.change(Operation::Polygon { points, paint, opacity }));
                }
            }
            Some(Gesture::Lasso { points, paint }) => {
                actions.push(self.change(Operation::Polygon { points, paint, opacity }));
            }
            Some(Gesture::Waiting { points, modifiers, .. }) => {
                self.gesture = Some(Gesture::Waiting { points, modifiers, is_over: true });
            }
            None => {}
        }
    }

    /// Takes back what the pointer began.
    pub(super) fn cancel_gesture(&mut self) {
        if let Some(Gesture::Stroke(stroke)) = self.gesture.take() {
            stroke.cancel(&mut self.layer);
        }
    }
}

/// Takes the keyboard from a text box: egui leaves it there unless the press becomes a click.
fn leave_text(ui: &Ui) {
    ui.memory_mut(|memory| memory.focused().into_iter().for_each(|focused| memory.surrender_focus(focused)));
}
