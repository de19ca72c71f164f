//! What is known of the chosen picture, and taking its settings over after a look at what that would change.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use egui::{Button, RichText, ScrollArea, Ui};

use crate::app::gallery::{Form, GalleryAction, GalleryState, describe};
use crate::gallery::listing::Item;
use crate::request::Recipe;
use crate::settings::Patch;

/// The characters of a value that a look at a change shows.
const CHANGE_LENGTH: usize = 200;

/// What can be taken over from a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
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
        let all = Patch::from(recipe);
        match self {
            Self::All => all,
            Self::Seed => Patch { seed: all.seed, ..Patch::default() },
            Self::Prompt => Patch { prompt: all.prompt, negative_prompt: all.negative_prompt, ..Patch::default() },
        }
    }
}

/// A look at what taking something over would change, that is being shown.
#[derive(Clone, Debug)]
pub(super) struct Look {
    picture: PathBuf,
    reuse: Reuse,
}

/// The panel. Adds what the user wants done.
pub(super) fn ui(ui: &mut Ui, state: &mut GalleryState, form: &Form<'_>, actions: &mut Vec<GalleryAction>) {
    let listing = std::sync::Arc::clone(&state.listing);
    ScrollArea::vertical().id_salt("details").auto_shrink(false).show(ui, |ui| {
        match state.selection.chosen(&listing.items)[..] {
            [] => {
                ui.weak("Choose a picture to see how it was made");
            }
            [item] => item_ui(ui, state, item, form, actions),
            ref several => {
                ui.strong(describe::counted(several.len() as u64, "picture"));
                if let Some(pair) = state.selection.pair(&listing.items).filter(|_| several.len() == 2)
                    && ui.button("Compare").clicked()
                {
                    actions.push(GalleryAction::Compare(pair));
                }
                if ui.button("Delete").clicked() {
                    actions.push(GalleryAction::Delete(several.iter().map(|item| item.path.clone()).collect()));
                }
            }
        }
    });
}

fn item_ui(ui: &mut Ui, state: &mut GalleryState, item: &Item, form: &Form<'_>, actions: &mut Vec<GalleryAction>) {
    match &item.recipe {
        Some(recipe) => {
            reuse_ui(ui, state, item, recipe, form, actions);
            ui.separator();
            recipe_ui(ui, recipe, actions);
        }
        None => {
            ui.weak("This picture doesn't say how it was made");
        }
    }
    ui.separator();
    row(ui, "Pixels", &format!("{} × {}", item.width, item.height));
    row(ui, "File size", &describe::bytes(item.bytes));
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
    copied_row(ui, "Prompt", &request.prompt, actions);
    if !request.negative_prompt.is_empty() {
        copied_row(ui, "Negative prompt", &request.negative_prompt, actions);
    }
    copied_row(ui, "Seed", &request.seed.to_string(), actions);
    row(ui, "Model", &recipe.model);
    row(ui, "Sampler", request.scheduler.map_or("The model's own", |kind| kind.label()));
    row(ui, "Steps", &request.steps.to_string());
    row(ui, "Guidance", &request.guidance_scale.to_string());
    if request.guidance_rescale > 0.0 {
        row(ui, "Guidance rescale", &request.guidance_rescale.to_string());
    }
    row(ui, "Size", &format!("{} × {}", request.width, request.height));
    row(ui, "Made with", &format!("Burnisher {}", recipe.app_version));
}

/// A value with its name. It can be selected and copied as text.
fn row(ui: &mut Ui, name: &str, value: &str) {
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(name).weak());
        ui.label(value);
    });
}

/// A value that is often copied whole.
fn copied_row(ui: &mut Ui, name: &str, value: &str, actions: &mut Vec<GalleryAction>) {
    ui.horizontal(|ui| {
        ui.label(RichText::new(name).weak());
        let copy = ui.add_enabled(!value.is_empty(), Button::new("Copy").small());
        if copy.accessible_name(format!("Copy {}", name.to_lowercase())).clicked() {
            actions.push(GalleryAction::CopyText(value.to_owned()));
        }
    });
    ui.add(egui::Label::new(value).wrap());
}

fn reuse_ui(
    ui: &mut Ui,
    state: &mut GalleryState,
    item: &Item,
    recipe: &Recipe,
    form: &Form<'_>,
    actions: &mut Vec<GalleryAction>,
) {
    // A look at one picture is none at another.
    state.look = state.look.take().filter(|look| look.picture == item.path);
    ui.horizontal_wrapped(|ui| {
        for reuse in Reuse::EACH {
            let is_open = state.look.as_ref().is_some_and(|look| look.reuse == reuse);
            if ui.add(Button::selectable(is_open, reuse.label()).frame_when_inactive(true)).clicked() {
                state.look = (!is_open).then(|| Look { picture: item.path.clone(), reuse });
            }
        }
    });
    let Some(reuse) = state.look.as_ref().map(|look| look.reuse) else { return };
    if let Some(is_taken) = look_ui(ui, &reuse.patch(recipe), form, &item.path) {
        state.look = None;
        if is_taken {
            actions.push(GalleryAction::Reuse(Box::new(reuse.patch(recipe))));
        }
    }
}

/// What a patch would change; whether it is taken, once the user said so.
fn look_ui(ui: &mut Ui, patch: &Patch, form: &Form<'_>, salt: &Path) -> Option<bool> {
    let changes = patch.changes(form.draft, form.model);
    let mut answer = None;
    ui.push_id(salt, |ui| {
        ui.group(|ui| {
            if changes.is_empty() {
                ui.label("Nothing would change");
                if ui.button("Close").clicked() {
                    answer = Some(false);
                }
                return;
            }
            ui.horizontal_wrapped(|ui| {
                ui.label("This would change:");
                if ui.button("Apply").clicked() {
                    answer = Some(true);
                }
                if ui.button("Cancel").clicked() {
                    answer = Some(false);
                }
            });
            for change in &changes {
                ui.strong(change.field.label());
                let or_empty = |text: &str| {
                    if text.is_empty() { "(empty)".to_owned() } else { describe::shorten(text, CHANGE_LENGTH) }
                };
                ui.add(egui::Label::new(format!("Now: {}", or_empty(&change.now))).wrap());
                ui.add(egui::Label::new(format!("Then: {}", or_empty(&change.then))).wrap());
            }
        });
    });
    answer
}
