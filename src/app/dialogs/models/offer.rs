//! What a repository of the Hub offers: licence, files, space, and the buttons to fetch and to use it.

use egui::{Button, RichText};

use crate::app::action::{Action, HubAction, ModelAction};
use crate::app::theme;
use crate::app::words::bytes;
use crate::base::error::{Error, Result};
use crate::base::model_ref::{HubId, ModelRef};
use crate::session::{Download, DownloadList, Standing};
use crate::storage::hub::{Gate, Licence, Offer};

/// Licences that allow everything, or all but leaving the author's name out: nobody has to agree to anything.
const FREE: [&str; 8] =
    ["mit", "apache-2.0", "bsd-3-clause", "bsd-2-clause", "cc0-1.0", "cc-by-4.0", "unlicense", "isc"];

/// A repository that is looked at, and what it offers; `None` while the Hub is asked.
pub(super) type Looked = (HubId, Option<Result<Box<Offer>>>);

/// What the repository that was looked at last offers. `accepted`: whether its licence is.
pub(super) fn ui(
    ui: &mut egui::Ui,
    looked: Option<&Looked>,
    accepted: &mut bool,
    list: &DownloadList,
    actions: &mut Vec<Action>,
) {
    match looked {
        None => drop(ui.label("Choose a model to see its size and licence")),
        Some((id, None)) => drop(ui.label(format!("Asking the Hub about {id}…"))),
        Some((id, Some(Err(error)))) => failed_ui(ui, id, error, actions),
        Some((_, Some(Ok(offer)))) => offer_ui(ui, offer, list.get(&offer.asked), accepted, actions),
    }
}

fn failed_ui(ui: &mut egui::Ui, id: &HubId, error: &Error, actions: &mut Vec<Action>) {
    let color = theme::palette(ui).error;
    ui.label(RichText::new(format!("⚠ {}", error.headline())).color(color));
    for cause in error.causes() {
        ui.label(cause);
    }
    if let Some(advice) = error.advice() {
        ui.label(advice);
    }
    ui.horizontal(|ui| {
        if ui.button("Ask again").clicked() {
            actions.push(HubAction::Look(id.clone()).into());
        }
        page_button(ui, id, actions);
    });
}

fn offer_ui(
    ui: &mut egui::Ui,
    offer: &Offer,
    download: Option<&Download>,
    accepted: &mut bool,
    actions: &mut Vec<Action>,
) {
    ui.label(RichText::new(offer.id.to_string()).strong());
    if offer.asked.repo() != offer.id.repo() {
        ui.label(format!("{} has moved here", offer.asked.repo()));
    }
    ui.label(&offer.class_name);
    let files = format!("{} in {} files", bytes(offer.bytes), offer.files.len());
    let here = match offer.bytes_here {
        0 => String::new(),
        some if some >= offer.bytes => ", all of them here".to_owned(),
        some => format!(", {} of that here", bytes(some)),
    };
    ui.label(files + &here).on_hover_ui(|ui| {
        for file in &offer.files {
            ui.label(format!("{}  {}", file.path, bytes(file.bytes)));
        }
    });
    let missing = offer.bytes.saturating_sub(offer.bytes_here);
    if let Some(free) = offer.free_bytes {
        let sign = if offer.fits_on_disk() { "" } else { "⚠ Not enough space: " };
        ui.label(format!("{sign}{} free on the disk", bytes(free)));
    }
    let popular = [(offer.downloads, "downloads a month"), (offer.likes, "likes")];
    let popular: Vec<String> = popular.iter().filter_map(|(n, what)| Some(format!("{} {what}", (*n)?))).collect();
    if !popular.is_empty() {
        ui.label(RichText::new(popular.join(" · ")).small().weak());
    }
    ui.add_space(6.0);
    ui.label(format!("Licence: {}", licence_name(&offer.licence)));
    if offer.gate != Gate::Open {
        let text = match offer.gate {
            Gate::Manual => {
                "Its author hands it out on request: ask on its page, and give an access token in the settings"
            }
            _ => "It has to be accepted on the model's page, and an access token given in the settings",
        };
        ui.label(format!("⚠ {text}"));
    }
    if let Some(text) = &offer.gate_text {
        ui.label(RichText::new(text).small());
    }
    page_button(ui, &offer.id, actions);
    let whole = offer.bytes_here >= offer.bytes || download.is_some_and(|d| matches!(d.standing, Standing::Done));
    ui.add_space(6.0);
    if whole {
        ui.horizontal(|ui| {
            if ui.button("Use it").clicked() {
                actions.push(ModelAction::Use(ModelRef::Hub(offer.asked.clone())).into());
                actions.push(Action::CloseDialog);
            }
            if ui.button("Inspect it").clicked() {
                actions.push(ModelAction::Inspect(ModelRef::Hub(offer.asked.clone())).into());
            }
        });
        return;
    }
    let asks = asks_for_consent(offer);
    if asks {
        ui.checkbox(accepted, "I accept the licence");
    }
    let goes_on = download.is_some_and(|d| matches!(d.standing, Standing::Waiting | Standing::Running(_)));
    let text = if offer.bytes_here > 0 { "Go on downloading" } else { "Download" };
    let button = ui.add_enabled((*accepted || !asks) && !goes_on, Button::new(text));
    let button = if goes_on { button } else { button.on_disabled_hover_text("Accept the licence first") };
    if button.on_hover_text(format!("{} to fetch", bytes(missing))).clicked() {
        actions.push(HubAction::Download(Box::new(offer.clone())).into());
    }
}

/// Whether the user has to agree to something.
fn asks_for_consent(offer: &Offer) -> bool {
    offer.gate != Gate::Open || offer.licence.id.as_deref().is_none_or(|id| !FREE.contains(&id))
}

fn licence_name(licence: &Licence) -> String {
    match (&licence.id, &licence.name) {
        (_, Some(name)) => name.clone(),
        (Some(id), None) => id.clone(),
        (None, None) => "none is named: ask its author before you publish what it draws".to_owned(),
    }
}

fn page_button(ui: &mut egui::Ui, id: &HubId, actions: &mut Vec<Action>) {
    let page = format!("https://huggingface.co/{}", id.repo());
    let tip = format!("{page}: the card, the licence and pictures, in the browser");
    if ui.button("Open its page").on_hover_text(tip).clicked() {
        actions.push(Action::OpenPage(page));
    }
}
