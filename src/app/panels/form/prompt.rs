//! Prompt and negative prompt: text boxes that show how much of a text the model reads, examples to begin with, and the history.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat};
use egui::{TextBuffer, TextEdit};

use crate::app::action::Action;
use crate::app::command::{UiCommand, keys_text};
use crate::app::panels::form::clusters;
use crate::app::state::WindowState;
use crate::app::theme;
use crate::base::model_ref::ModelRef;
use crate::worker::TokenCount;

/// Things that the bundled model knows (its card, `assets/models/pictogram-64/README.md`).
const EXAMPLES: [&str; 8] = [
    "a fox in flat style",
    "a red heart in 3d style",
    "a purple cat face, noto style",
    "a rocket in flat style",
    "a red car on a yellow background",
    "a guitar in line style",
    "a blue rose",
    "a castle in noto style",
];

/// How much of the history the menu shows.
const SHOWN_HISTORY: usize = 20;

/// How high a text box grows, in points.
const MOST_HEIGHT: f32 = 180.0;

/// The text boxes, with what is known of their texts.
#[derive(Default)]
pub(crate) struct PromptBox {
    /// How long prompt and negative prompt are, for the texts that were counted.
    tokens: [Option<(String, TokenCount)>; 2],
    /// Which prompt of the history is shown, and what stood there before.
    older: Option<(usize, String)>,
    /// Whether one types into one of the boxes.
    has_focus: bool,
    /// Whether the toolkit counts other letters than prompt and negative prompt have.
    are_miscounted: [bool; 2],
}

impl PromptBox {
    /// The prompt, with its history and, where it is empty, things to try.
    pub(super) fn ui(&mut self, ui: &mut egui::Ui, state: &mut WindowState, actions: &mut Vec<Action>) {
        ui.horizontal(|ui| {
            ui.label("Prompt");
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| history_ui(ui, state));
        });
        self.has_focus = false;
        let before = state.draft.values.prompts.prompt.clone();
        self.text_ui(ui, state, 0);
        if state.draft.values.prompts.prompt != before {
            self.older = None;
        }
        if state.draft.values.prompts.prompt.is_empty() && state.session.settings.model == ModelRef::Bundled {
            examples_ui(ui, state, actions);
        }
        let folded = state.draft.values.prompts.negative_prompt.is_empty();
        let header = egui::CollapsingHeader::new("Negative prompt").id_salt("negative").default_open(!folded);
        header.show(ui, |ui| self.text_ui(ui, state, 1));
    }

    /// Puts an older prompt of the history into the box, or a newer one for a negative number.
    pub(super) fn walk_history(&mut self, state: &mut WindowState, by: isize) {
        let (history, draft) = (state.session.history(), &mut state.draft);
        let at = self.older.as_ref().map_or(-1, |(at, _)| isize::try_from(*at).unwrap_or(0));
        let to = at + by;
        let before =
            self.older.as_ref().map_or_else(|| draft.values.prompts.prompt.clone(), |(_, before)| before.clone());
        if to < 0 {
            draft.values.prompts.prompt = before;
            self.older = None;
        } else if let Some(prompt) = history.get(to.unsigned_abs()) {
            draft.values.prompts.prompt.clone_from(prompt);
            self.older = Some((to.unsigned_abs(), before));
        }
    }

    /// Whether one types into the prompt or the negative prompt.
    pub(crate) fn has_focus(&self) -> bool {
        self.has_focus
    }

    /// Takes the prompt that is shown as a new one.
    pub(crate) fn leave_history(&mut self) {
        self.older = None;
    }

    /// Counts the texts again: another model counts in other words.
    pub(super) fn forget_counts(&mut self) {
        self.tokens = [None, None];
    }

    /// A text box for the prompt (0) or the negative prompt (1).
    fn text_ui(&mut self, ui: &mut egui::Ui, state: &mut WindowState, which: usize) {
        let counter = state.session.model().info().and_then(|info| info.token_counter.clone());
        let draft = &mut state.draft;
        let (text, name, hint, rows) = if which == 0 {
            (&mut draft.values.prompts.prompt, "Prompt", "What do you want to see?", 4)
        } else {
            (&mut draft.values.prompts.negative_prompt, "Negative prompt", "What should not be in it?", 2)
        };
        let counted = &mut self.tokens[which];
        if counted.as_ref().is_none_or(|(of, _)| of != text) {
            *counted = counter.map(|counter| (text.clone(), counter.count(text)));
        }
        let count = counted.as_ref().map(|(_, count)| *count);
        let mut layouter = |ui: &egui::Ui, text: &dyn TextBuffer, width: f32| layout(ui, text.as_str(), count, width);
        let id = egui::Id::unique(("text box", name));
        clusters::take_keys(ui.ctx(), id, text, self.are_miscounted[which]);
        let edit = TextEdit::multiline(text)
            .id(id)
            .hint_text(hint)
            .desired_rows(rows)
            .desired_width(f32::INFINITY)
            // Ctrl+Enter generates; Enter alone is a new line.
            .return_key(egui::KeyboardShortcut::new(egui::Modifiers::NONE, egui::Key::Enter))
            .layouter(&mut layouter);
        // A text of many pages leaves room for the rest of the form.
        let area =
            egui::ScrollArea::vertical().id_salt((name, "scroll")).max_height(MOST_HEIGHT).auto_shrink([false, true]);
        let output = area.show(ui, |ui| edit.show(ui)).inner;
        let response = output.response.response.accessible_name(name);
        self.are_miscounted[which] = !text.is_ascii() && clusters::is_miscounted(&output.galley, text);
        // Who opens the window can type.
        if which == 0 && ui.ctx().cumulative_frame_nr() == 0 {
            response.request_focus();
        }
        self.has_focus |= response.has_focus();
        match count {
            Some(count) => count_ui(ui, count),
            // Nothing may jump when the model is there.
            None => drop(ui.label(egui::RichText::new(" ").small())),
        }
    }
}

/// The text, of which the part that the model doesn't read is struck through.
fn layout(ui: &egui::Ui, text: &str, count: Option<TokenCount>, width: f32) -> Arc<egui::Galley> {
    let font_id = egui::TextStyle::Body.resolve(ui.style());
    let read = TextFormat { font_id, color: ui.visuals().text_color(), ..TextFormat::default() };
    let weak = ui.visuals().weak_text_color();
    let unread = TextFormat { color: weak, strikethrough: egui::Stroke::new(1.0, weak), ..read.clone() };
    // The text may be one key ahead of the count.
    let cut = count.and_then(|count| count.cut_at).filter(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let mut job = LayoutJob { wrap: egui::text::TextWrapping::wrap_at_width(width), ..LayoutJob::default() };
    job.append(&text[..cut], 0.0, read);
    job.append(&text[cut..], 0.0, unread);
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

fn count_ui(ui: &mut egui::Ui, count: TokenCount) {
    let text = format!("{} of {} tokens", count.tokens, count.limit);
    if count.cut_at.is_some() {
        let color = theme::palette(ui).error;
        ui.label(egui::RichText::new(format!("⚠ {text}: the part struck through isn't read")).small().color(color));
    } else {
        ui.label(egui::RichText::new(text).small().weak());
    }
}

fn examples_ui(ui: &mut egui::Ui, state: &mut WindowState, actions: &mut Vec<Action>) {
    ui.label(egui::RichText::new("Try one of these:").small().weak());
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(4.0, 4.0);
        for example in EXAMPLES {
            let tip = "Puts this into the prompt box and draws it";
            if ui.add(egui::Button::new(egui::RichText::new(example).small())).on_hover_text(tip).clicked() {
                example.clone_into(&mut state.draft.values.prompts.prompt);
                actions.push(UiCommand::Generate.into());
            }
        }
    });
}

fn history_ui(ui: &mut egui::Ui, state: &mut WindowState) {
    let keys = UiCommand::OlderPrompt.shortcuts().first().map(|keys| keys_text(ui.ctx(), *keys));
    let tip = format!("Prompts that were drawn before ({})", keys.unwrap_or_default());
    let button = ui.add_enabled_ui(!state.session.history().is_empty(), |ui| {
        ui.menu_button("History", |ui| {
            ui.set_max_width(360.0);
            let mut chosen = None;
            for prompt in state.session.history().iter().take(SHOWN_HISTORY) {
                if ui.add(egui::Button::new(prompt.as_str()).truncate()).clicked() {
                    chosen = Some(prompt.clone());
                }
            }
            if let Some(prompt) = chosen {
                state.draft.values.prompts.prompt = prompt;
                ui.close();
            }
        })
    });
    button.response.on_hover_text(tip);
}
