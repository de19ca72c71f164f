//! The tab of the dialog about models that has those of the Hub: a short list and a search on the left, what a repository
//! offers on the right, downloads below.

use egui::{RichText, ScrollArea, TextEdit};

use crate::app::action::{Action, HubAction};
use crate::app::dialogs::models::{offer, transfers};
use crate::app::words::bytes;
use crate::base::error::Result;
use crate::base::model_ref::HubId;
use crate::session::{DownloadList, HubQuestion, Standing};
use crate::storage::hub::{FoundModel, Gate, Offer, Variant, good_models};

/// What the tab knows.
#[derive(Debug, Default)]
pub(crate) struct HubTab {
    /// The search box.
    text: String,
    /// What the last search found, and for which text; `None` while it goes on.
    found: Option<(String, Option<Result<Vec<FoundModel>>>)>,
    /// The repository that was looked at last, and what it offers; `None` while it is asked.
    pub(crate) looked: Option<offer::Looked>,
    /// Whether the files of 16 bits a number are taken where there are such.
    pub half: bool,
    /// Whether the licence of what is looked at is accepted.
    pub(crate) accepted: bool,
}

impl HubTab {
    /// The precision that is asked for.
    pub(crate) fn variant(&self) -> Variant {
        if self.half { Variant::Fp16 } else { Variant::Full }
    }

    /// A repository is looked at.
    pub(crate) fn look(&mut self, id: HubId) {
        (self.looked, self.accepted) = (Some((id, None)), false);
    }

    /// Takes in what a search found.
    pub(crate) fn hear_found(&mut self, text: String, found: Result<Vec<FoundModel>>) {
        self.found = Some((text, Some(found)));
    }

    /// Takes in what a repository offers.
    pub(crate) fn hear_offer(&mut self, asked: &HubId, offer: Result<Box<Offer>>) {
        if let Some((id, shown)) = &mut self.looked
            && id == asked
        {
            *shown = Some(offer);
        }
    }

    /// A model is here now: what was known of it before isn't so any more.
    pub(crate) fn download_done(&mut self, asked: &HubId) {
        if let Some((id, Some(Ok(offer)))) = &mut self.looked
            && id == asked
        {
            offer.bytes_here = offer.bytes;
        }
    }

    /// The tab.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, downloads: &DownloadList, actions: &mut Vec<Action>) {
        self.search_ui(ui, actions);
        ui.add_space(4.0);
        let list_height = if downloads.iter().next().is_some() { 128.0 } else { 0.0 };
        let height = (ui.available_height() - list_height).max(80.0);
        let size = egui::vec2(ui.available_width(), height);
        ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Min), |ui| {
            let left = egui::vec2(size.x * 0.44, height);
            ui.allocate_ui_with_layout(left, egui::Layout::top_down(egui::Align::Min), |ui| {
                ui.set_width(left.x);
                ScrollArea::vertical().id_salt("hub-list").auto_shrink(false).max_height(height).show(ui, |ui| {
                    self.list_ui(ui, downloads, actions);
                });
            });
            ui.separator();
            ui.vertical(|ui| {
                ScrollArea::vertical().id_salt("hub-offer").auto_shrink(false).max_height(height).show(ui, |ui| {
                    offer::ui(ui, self.looked.as_ref(), &mut self.accepted, downloads, actions);
                });
            });
        });
        if list_height > 0.0 {
            ui.separator();
            ScrollArea::vertical().id_salt("hub-downloads").auto_shrink(false).show(ui, |ui| {
                transfers::ui(ui, downloads, actions);
            });
        }
    }

    fn search_ui(&mut self, ui: &mut egui::Ui, actions: &mut Vec<Action>) {
        ui.horizontal(|ui| {
            let label = ui.label("Search the Hub");
            let box_width = (ui.available_width() - 250.0).max(120.0);
            let field = TextEdit::singleline(&mut self.text).hint_text("Name, or owner/name").desired_width(box_width);
            let field = ui.add(field).labelled_by(label.id);
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            if (ui.button("Search").clicked() || entered) && !self.text.trim().is_empty() {
                let text = self.text.trim().to_owned();
                if let Some(id) = HubId::parse(&text) {
                    actions.push(HubAction::Look(id).into());
                } else {
                    self.found = Some((text.clone(), None));
                    actions.push(HubAction::Ask(HubQuestion::Search(text)).into());
                }
            }
            if self.found.is_some() && ui.button("Short list").clicked() {
                self.found = None;
            }
            let tip = "Half the size to download and to hold in memory; on a GPU it makes next to no difference";
            if ui.checkbox(&mut self.half, "16 bits").on_hover_text(tip).changed()
                && let Some((id, _)) = &self.looked
            {
                actions.push(HubAction::Look(id.clone()).into());
            }
        });
    }

    fn list_ui(&self, ui: &mut egui::Ui, downloads: &DownloadList, actions: &mut Vec<Action>) {
        let Some((text, found)) = &self.found else {
            ui.label(RichText::new("Models to begin with").strong());
            for model in good_models() {
                let Some(id) = HubId::parse(model.id) else { continue };
                let size = model.bytes_fp16.filter(|_| self.half).unwrap_or(model.bytes);
                let facts = format!("{} px · {} · {}", model.side, bytes(size), model.licence);
                let is_here = is_here(downloads, &id);
                self.row(ui, &id, model.name, &[&facts, model.about], is_here, actions);
            }
            return;
        };
        match found {
            None => drop(ui.label(format!("Searching for {text}…"))),
            Some(Err(error)) => drop(ui.label(format!("⚠ {error}"))),
            Some(Ok(models)) if models.is_empty() => {
                ui.label(format!("Nothing that can be opened here is called {text}"));
            }
            Some(Ok(models)) => {
                for model in models {
                    let gate = if model.gate == Gate::Open { "" } else { " · licence to be accepted" };
                    let licence = model.licence.as_deref().unwrap_or("no licence named");
                    let facts = format!("{} downloads · {licence}{gate}", thousands(model.downloads));
                    let is_here = is_here(downloads, &model.id);
                    self.row(ui, &model.id, &model.id.to_string(), &[&facts], is_here, actions);
                }
            }
        }
    }

    /// A model of the list: a button that shows what it offers, and lines about it.
    fn row(&self, ui: &mut egui::Ui, id: &HubId, name: &str, lines: &[&str], is_here: bool, actions: &mut Vec<Action>) {
        let chosen = self.looked.as_ref().is_some_and(|(looked, _)| looked == id);
        let name = if is_here { format!("✔ {name}") } else { name.to_owned() };
        if ui.selectable_label(chosen, RichText::new(name).strong()).on_hover_text(id.to_string()).clicked() {
            actions.push(HubAction::Look(id.clone()).into());
        }
        ui.indent(("lines", id), |ui| {
            for line in lines {
                ui.label(RichText::new(*line).small().weak());
            }
        });
        ui.add_space(2.0);
    }
}

/// Whether a model was downloaded since the start.
fn is_here(downloads: &DownloadList, id: &HubId) -> bool {
    downloads.get(id).is_some_and(|download| matches!(download.standing, Standing::Done))
}

/// A large number, roughly.
fn thousands(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        1000..1_000_000 => format!("{}k", number / 1000),
        _ => format!("{:.1}M", number as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_short() {
        assert_eq!([999, 12_345, 1_250_000].map(thousands), ["999", "12k", "1.2M"]);
    }
}
