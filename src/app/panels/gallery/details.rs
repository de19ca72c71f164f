//! What is known of the chosen picture, and taking its settings over.

use std::path::Path;
use std::time::SystemTime;

use egui::{Button, Label, RichText, ScrollArea, Ui};

use crate::app::action::GalleryAction;
use crate::app::panels::gallery::describe;
use crate::app::panels::gallery::state::Gallery;
use crate::app::words::bytes;
use crate::content::request::{Field, Patch, Recipe, TaskKind};
use crate::storage::gallery::listing::{Foreign, Item};

/// How far down the list the picture on the canvas is looked for where none is chosen: it was just drawn.
const RECENT: usize = 100;

/// What can be taken over from a picture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reuse {
    All,
    Seed,
    Prompt,
}

impl Reuse {
    const EACH: [Self; 3] = [Self::All, Self::Seed, Self::Prompt];

    fn label(self) -> &'static str {
        match self {
            Self::All => "Reuse all settings",
            Self::Seed => "Reuse seed",
            Self::Prompt => "Reuse prompt",
        }
    }

    fn patch(self, recipe: &Recipe) -> Patch {
        let all = recipe.patch();
        match self {
            Self::All => all,
            Self::Seed => all.only(&[Field::Seed]),
            Self::Prompt => all.only(&[Field::Prompt, Field::NegativePrompt]),
        }
    }
}

/// The panel. Adds what the user wants done.
pub(crate) fn ui(ui: &mut Ui, gallery: &Gallery, shown: Option<&Path>, actions: &mut Vec<GalleryAction>) {
    let listing = std::sync::Arc::clone(&gallery.listing);
    ScrollArea::vertical().id_salt("details").auto_shrink(false).show(ui, |ui| {
        let selection = &gallery.selection;
        match selection.len() {
            0 => match listing.items.iter().take(RECENT).find(|item| Some(&*item.path) == shown) {
                Some(item) => item_ui(ui, item, actions),
                None => drop(ui.weak("Choose a picture to see how it was made")),
            },
            1 => {
                if let [item] = selection.chosen(&listing.items)[..] {
                    item_ui(ui, item, actions);
                }
            }
            several => {
                ui.strong(describe::counted(several as u64, "picture"));
                if several == 2 && ui.button("Compare").clicked() {
                    actions.extend(selection.pair(&listing.items, None).map(GalleryAction::Compare));
                }
                if ui.button("Delete").clicked() {
                    let chosen = selection.chosen(&listing.items);
                    actions.push(GalleryAction::Delete(chosen.iter().map(|item| item.path.clone()).collect()));
                }
            }
        }
    });
}

fn item_ui(ui: &mut Ui, item: &Item, actions: &mut Vec<GalleryAction>) {
    if let Some(recipe) = &item.recipe {
        reuse_ui(ui, &item.path, recipe, actions);
        ui.separator();
        recipe_ui(ui, recipe, actions);
    } else {
        let read = Button::new("Reuse its settings…");
        let read = ui.add_enabled(item.foreign.is_some(), read).on_hover_text("Shows what would change first");
        if read.on_disabled_hover_text("This picture doesn't say how it was made").clicked() {
            actions.push(GalleryAction::Import(item.path.clone()));
        }
        if let Some(foreign) = &item.foreign {
            ui.separator();
            foreign_ui(ui, foreign, actions);
        }
    }
    ui.separator();
    row(ui, "Pixels", &format!("{} × {}", item.width, item.height));
    row(ui, "File size", &bytes(item.bytes));
    row(ui, "Changed", &describe::ago(item.modified, SystemTime::now()));
    let path = item.path.display().to_string();
    copied_row(ui, "File", &path, actions);
    ui.horizontal_wrapped(|ui| {
        if ui.button("Open folder").clicked() {
            actions.push(GalleryAction::OpenFolder(item.path.clone()));
        }
        if ui.button("Save as…").clicked() {
            actions.push(GalleryAction::SaveAs(item.path.clone()));
        }
        if ui.button("Copy picture").clicked() {
            actions.push(GalleryAction::CopyPicture(item.path.clone()));
        }
    });
}

fn recipe_ui(ui: &mut Ui, recipe: &Recipe, actions: &mut Vec<GalleryAction>) {
    let request = &recipe.request;
    copied_row(ui, "Prompt", &request.prompts.prompt, actions);
    if !request.prompts.negative_prompt.is_empty() {
        copied_row(ui, "Negative prompt", &request.prompts.negative_prompt, actions);
    }
    copied_row(ui, "Seed", &request.seeds.first.to_string(), actions);
    row(ui, "Model", &recipe.model);
    let task = &request.start.task;
    if task.kind() != TaskKind::TextToImage {
        row(ui, "Drawn as", task.kind().label());
    }
    if let Some(image) = task.image() {
        row(ui, "Began with", &image.to_string());
        row(ui, "Strength", &task.strength().to_string());
    }
    if let Some(branch) = &request.start.branch {
        let prompt = &branch.from.prompts.prompt;
        row(ui, "Goes on from", &format!("step {} of seed {}, “{prompt}”", branch.step, branch.from.seeds.first));
    }
    row(ui, "Sampler", request.sampling.scheduler.map_or("The model's own", |kind| kind.label()));
    row(ui, "Steps", &request.sampling.steps.to_string());
    if task.kind().has_prompt() {
        row(ui, "Guidance", &request.guidance.scale.to_string());
    }
    if request.guidance.rescale > 0.0 {
        row(ui, "Guidance rescale", &request.guidance.rescale.to_string());
    }
    if let Some(schedule) = request.sampling.options.sigma_schedule {
        row(ui, "Schedule", schedule.label());
    }
    row(ui, "Size", &format!("{} × {}", request.size.width, request.size.height));
    if let Some(verdict) = &recipe.verdict {
        let found = if verdict.flagged { "flagged" } else { "nothing found" };
        row(ui, "Safety checker", &format!("{found} (score {:.3})", verdict.score));
    }
    row(ui, "Made with", &format!("Burnisher {}", recipe.app_version));
}

/// What another app says of a picture; the rest is said when its settings are looked at.
fn foreign_ui(ui: &mut Ui, foreign: &Foreign, actions: &mut Vec<GalleryAction>) {
    copied_row(ui, "Prompt", &foreign.prompt, actions);
    if !foreign.negative_prompt.is_empty() {
        copied_row(ui, "Negative prompt", &foreign.negative_prompt, actions);
    }
    for (name, value) in [("Model", &foreign.model), ("Sampler", &foreign.sampler)] {
        if !value.is_empty() {
            row(ui, name, value);
        }
    }
    row(ui, "Made with", &foreign.app);
}

/// A value with its name. It can be selected and copied as text.
fn row(ui: &mut Ui, name: &str, value: &str) {
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(name).weak());
        ui.add(Label::new(value).selectable(true));
    });
}

/// A value that is often copied whole.
fn copied_row(ui: &mut Ui, name: &str, value: &str, actions: &mut Vec<GalleryAction>) {
    // A number, which fits beside its name.
    let is_short = value.len() <= 20 && value.bytes().all(|byte| byte.is_ascii_digit());
    ui.horizontal(|ui| {
        ui.label(RichText::new(name).weak());
        let copy = ui.add_enabled(!value.is_empty(), Button::new("Copy").small());
        if copy.accessible_name(format!("Copy {}", name.to_lowercase())).clicked() {
            actions.push(GalleryAction::CopyText(value.to_owned()));
        }
        if is_short {
            ui.add(Label::new(value).selectable(true).truncate());
        }
    });
    if !is_short {
        ui.add(Label::new(value).selectable(true).wrap());
    }
}

fn reuse_ui(ui: &mut Ui, path: &Path, recipe: &Recipe, actions: &mut Vec<GalleryAction>) {
    ui.horizontal_wrapped(|ui| {
        for reuse in Reuse::EACH {
            if ui.button(reuse.label()).on_hover_text("Shows what would change first").clicked() {
                // The gallery leaves masks in their files, and the model and the picture may have to be looked for.
                let start = &recipe.request.start;
                let is_elsewhere =
                    start.task.kind().needs_image() || start.branch.is_some() || recipe.model_hash.is_some();
                actions.push(if reuse == Reuse::All && is_elsewhere {
                    GalleryAction::Import(path.to_owned())
                } else {
                    let (title, patch) = (reuse.label().to_owned(), Box::new(reuse.patch(recipe)));
                    GalleryAction::Reuse { title, patch }
                });
            }
        }
    });
}
