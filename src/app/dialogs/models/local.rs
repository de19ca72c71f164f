//! The tab of the dialog about models that has those on this computer: what goes on, the list, and the chosen one.

use std::path::PathBuf;

use egui::{Button, ProgressBar, RichText, Spinner, TextEdit};

use crate::app::action::{Action, ModelAction, ModelsAction};
use crate::app::dialogs::models::list::{ModelList, Sort};
use crate::app::dialogs::models::{duplicates, list};
use crate::app::files::FileDialog;
use crate::app::panels::notices::Notices;
use crate::app::theme;
use crate::base::error::Error;
use crate::base::model_ref::ModelRef;
use crate::session::settings::Settings;
use crate::session::{LibraryNews, LibraryProgress};
use crate::storage::library::{Duplicates, LibraryApp, LibraryItem, Soundness, size_text};

/// What is kept free for the chosen model, in points: three lines and its buttons.
const CHOSEN_HEIGHT: f32 = 124.0;

/// What the tab knows.
#[derive(Debug, Default)]
pub(crate) struct Local {
    list: ModelList,
    /// What couldn't be looked into the last time.
    troubles: Vec<Error>,
    /// Files with the same content, while they are shown.
    duplicates: Option<Vec<Duplicates>>,
    pub(crate) work: Activity,
    /// Whether models were ever looked for.
    pub(crate) was_asked: bool,
}

/// What goes on.
#[derive(Debug, Default)]
pub(crate) enum Activity {
    #[default]
    Nothing,
    /// Looking for models, in this folder.
    Scanning(Option<PathBuf>),
    /// Reading so many bytes of so many, for this.
    Reading(&'static str, u64, u64),
}

impl Activity {
    /// The order is carried on.
    pub(crate) fn follow(&mut self, progress: LibraryProgress) {
        match (self, progress) {
            (Self::Scanning(folder), LibraryProgress::Looking(now)) => *folder = Some(now),
            (Self::Reading(_, done, of), LibraryProgress::Bytes(now, all)) => (*done, *of) = (now, all),
            _ => {}
        }
    }
}

impl Local {
    /// All that was found.
    pub(crate) fn items(&self) -> &[LibraryItem] {
        self.list.items()
    }

    /// Takes in what is found.
    pub(crate) fn hear(&mut self, news: LibraryNews, notices: &mut Notices) {
        match news {
            LibraryNews::Scanning => {
                self.work = Activity::Scanning(None);
                self.list.begin();
                self.troubles.clear();
                self.duplicates = None;
            }
            LibraryNews::Item(item) => self.list.add(*item),
            LibraryNews::Trouble(error) => self.troubles.push(error),
            LibraryNews::Duplicates(found) => self.duplicates = Some(found),
            LibraryNews::Verified { item, verdict } => {
                match &verdict {
                    Soundness::Sound(_) => notices.info(format!("{} is what the Hub gave", item.name)),
                    Soundness::Unknown => notices.info(format!("Nothing says what {} should be", item.name)),
                    Soundness::Damaged(_) => {}
                }
                self.list.replace(item.verified(&verdict));
            }
            LibraryNews::Scanned => self.list.end(),
            LibraryNews::Done => self.work = Activity::Nothing,
        }
    }

    /// The tab.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, settings: &Settings, actions: &mut Vec<Action>) {
        if !self.was_asked {
            actions.push(ModelsAction::Refresh.into());
        }
        self.tools_ui(ui, settings, actions);
        self.work_ui(ui, actions);
        if let Some(found) = &self.duplicates {
            if duplicates::ui(ui, found, actions) {
                self.duplicates = None;
            }
            return;
        }
        let size = egui::vec2(ui.available_width(), (ui.available_height() - CHOSEN_HEIGHT).max(80.0));
        ui.allocate_ui_with_layout(size, egui::Layout::top_down(egui::Align::Min), |ui| {
            ui.set_min_size(size);
            if self.list.is_empty() {
                self.empty_ui(ui);
            } else {
                list::ui(ui, &mut self.list, &settings.model, actions);
            }
        });
        ui.separator();
        chosen_ui(ui, self.list.chosen(), &settings.model, matches!(self.work, Activity::Nothing), actions);
    }

    fn tools_ui(&mut self, ui: &mut egui::Ui, settings: &Settings, actions: &mut Vec<Action>) {
        ui.horizontal_wrapped(|ui| {
            let field = TextEdit::singleline(&mut self.list.words).hint_text("Name, family, app").desired_width(190.0);
            ui.add(field).accessible_name("Search models");
            let sort = egui::ComboBox::from_id_salt("sort_models").width(110.0).selected_text(self.list.sort.label());
            let shown = sort.show_ui(ui, |ui| {
                for sort in Sort::ALL {
                    ui.selectable_value(&mut self.list.sort, sort, sort.label());
                }
            });
            shown.response.accessible_name("Sort models by");
            let look = ui.button("Refresh").on_hover_text("Look for models again");
            if look.clicked() {
                actions.push(ModelsAction::Refresh.into());
            }
            let add = ui
                .button("Add a folder…")
                .on_hover_text("A folder with models, or of another app: it is used in place");
            if add.clicked() {
                let dialog = FileDialog::folder("A folder with models, or of another app", |folder| {
                    ModelsAction::AddFolder(folder).into()
                });
                actions.push(Action::Browse(dialog));
            }
            if !settings.model_folders.is_empty() {
                ui.menu_button("Folders", |ui| {
                    for folder in &settings.model_folders {
                        if ui.button(format!("Forget {}", folder.display())).clicked() {
                            actions.push(ModelsAction::ForgetFolder(folder.clone()).into());
                            ui.close();
                        }
                    }
                })
                .response
                .on_hover_text("The folders that you added; nothing in them changes");
            }
            if ui.button("Open a file…").on_hover_text("Use a .safetensors file, wherever it is").clicked() {
                let dialog = FileDialog::file("Open a model: a .safetensors file", |path| {
                    ModelAction::Use(ModelRef::of_path(path)).into()
                });
                actions.push(Action::Browse(dialog.only("Models", &["safetensors"])));
            }
            let several = self.list.items().len() > 1 && matches!(self.work, Activity::Nothing);
            let find = ui.add_enabled(several, Button::new("Find duplicates"));
            if find.on_hover_text("Reads files of the same length whole, which takes a while").clicked() {
                actions.push(ModelsAction::FindDuplicates.into());
            }
        });
    }

    /// What goes on, or what came of it.
    fn work_ui(&self, ui: &mut egui::Ui, actions: &mut Vec<Action>) {
        ui.horizontal(|ui| match &self.work {
            Activity::Nothing => {
                ui.weak(self.list.count());
                self.troubles_ui(ui);
            }
            Activity::Scanning(folder) => {
                ui.add(Spinner::new().size(14.0));
                if stop_ui(ui) {
                    actions.push(ModelsAction::Stop.into());
                }
                let place = folder.as_ref().map_or(String::new(), |folder| format!(" in {}", folder.display()));
                ui.add(egui::Label::new(RichText::new(format!("Looking for models{place}…")).weak()).truncate());
            }
            Activity::Reading(what, done, of) => {
                let fraction = if *of == 0 { 0.0 } else { *done as f32 / *of as f32 };
                let text = format!("{what}: {} of {}", size_text(*done), size_text(*of));
                let bar = ProgressBar::new(fraction).desired_width(320.0).desired_height(18.0).text(text);
                ui.add(bar).accessible_name(*what);
                if stop_ui(ui) {
                    actions.push(ModelsAction::Stop.into());
                }
            }
        });
    }

    fn troubles_ui(&self, ui: &mut egui::Ui) {
        let what = match self.troubles.len() {
            0 => return,
            1 => "⚠ A place couldn't be looked into".to_owned(),
            several => format!("⚠ {several} places couldn't be looked into"),
        };
        ui.menu_button(RichText::new(what).color(theme::palette(ui).error), |ui| {
            ui.set_max_width(520.0);
            for error in &self.troubles {
                ui.label(error.to_string());
            }
        });
    }

    /// In place of the list.
    fn empty_ui(&self, ui: &mut egui::Ui) {
        ui.vertical_centered(|ui| {
            ui.add_space(40.0);
            match self.work {
                Activity::Scanning(_) => ui.label("Models appear here as they are found"),
                _ if self.list.items().is_empty() => {
                    ui.label("No models yet. Add a folder that has some, or get one from the Hub")
                }
                _ => ui.label("No model fits these words"),
            };
        });
    }
}

fn stop_ui(ui: &mut egui::Ui) -> bool {
    ui.button("Stop").clicked()
}

/// What is known of the chosen model, and what can be done with it.
fn chosen_ui(ui: &mut egui::Ui, item: Option<&LibraryItem>, used: &ModelRef, is_idle: bool, actions: &mut Vec<Action>) {
    let Some(item) = item else {
        ui.weak("Choose a model to see what can be done with it");
        return;
    };
    ui.horizontal(|ui| {
        ui.strong(&item.name);
        let facts = [item.kind_text(), item.family_text()].map(str::to_owned);
        let facts = facts.into_iter().chain([item.precision_text(), size_text(item.bytes)]);
        ui.weak(facts.filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(" · "));
    });
    if let Some(path) = &item.path {
        ui.add(egui::Label::new(path.display().to_string()).selectable(true).truncate());
    }
    if let Some(why) = item.state.why() {
        ui.label(RichText::new(format!("{} {why}", list::sign(&item.state))).color(theme::palette(ui).error));
    }
    ui.horizontal_wrapped(|ui| {
        let is_used = item.model.as_ref() == Some(used);
        let usable = item.is_usable() && !is_used;
        let text = if is_used { "In use" } else { "Use" };
        let button = ui.add_enabled(usable, Button::new(text)).on_hover_text("Draw with it from now on");
        if let Some(model) = item.model.clone().filter(|_| button.clicked()) {
            actions.extend([ModelAction::Use(model).into(), Action::CloseDialog]);
        }
        let button = ui.add_enabled(item.is_usable(), Button::new("Inspect")).on_hover_text("See what it is made of");
        if let Some(model) = item.model.clone().filter(|_| button.clicked()) {
            actions.push(ModelAction::Inspect(model).into());
        }
        if let Some(path) = &item.path
            && ui.button("Show in the folder").clicked()
        {
            actions.push(ModelsAction::ShowInFolder(path.clone()).into());
        }
        if let Some(repair) = item.repair() {
            let button = ui.button("Repair").on_hover_text("Download what is missing or damaged from the Hub");
            if button.clicked() {
                actions.push(ModelsAction::Repair(Box::new(repair)).into());
            }
        } else if item.is_usable() && item.app == LibraryApp::Hub {
            let button = ui.add_enabled(is_idle, Button::new("Check"));
            if button.on_hover_text("Read all of it and compare it with the Hub's checksums").clicked() {
                actions.push(ModelsAction::Verify(Box::new(item.clone())).into());
            }
        }
    });
}
