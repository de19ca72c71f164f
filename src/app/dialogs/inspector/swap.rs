//! The scheduler: what it has in force, and what another one would make of its config.

use egui::ComboBox;

use super::tables::{table_ui, value_text};
use crate::app::action::{Action, FormAction};
use crate::app::theme;
use crate::base::error::Error;
use crate::schedulers::{Fate, SamplingOptions, SchedulerConfig, SchedulerKind, Setting, Swapped};

/// Enough steps for any sampler.
const STEPS: usize = 20;

/// The sampler that is tried on.
#[derive(Debug, Default)]
pub(crate) struct SwapPanel {
    /// `None` for the checkpoint's own.
    tried: Option<Tried>,
}

/// Another sampler with what becomes of the options.
#[derive(Debug)]
struct Tried {
    kind: SchedulerKind,
    options: Vec<Swapped>,
    /// Why it can't draw with this model.
    refused: Option<Error>,
}

impl SwapPanel {
    /// The sampler's options, and a menu to try another on.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, config: &SchedulerConfig, actions: &mut Vec<Action>) {
        let own = SchedulerKind::from_config(config).ok();
        let own_label = own.map_or("The model's own".to_owned(), |kind| format!("The model's own ({})", kind.label()));
        ui.horizontal(|ui| {
            let label = ui.label("Try a sampler");
            let selected = self.tried.as_ref().map_or(own_label.clone(), |tried| tried.kind.label().to_owned());
            let combo = ComboBox::from_id_salt("swap").width(250.0).height(320.0).selected_text(selected).truncate();
            let shown = combo.show_ui(ui, |ui| {
                if ui.selectable_label(self.tried.is_none(), own_label).clicked() {
                    self.tried = None;
                }
                for kind in SchedulerKind::ALL.iter().copied() {
                    let is_tried = self.tried.as_ref().is_some_and(|tried| tried.kind == kind);
                    if ui.selectable_label(is_tried, kind.label()).on_hover_text(kind.class_name()).clicked() {
                        self.tried = Some(Tried::new(kind, config));
                    }
                }
            });
            shown.response.labelled_by(label.id).on_hover_text("See what another sampler makes of this configuration");
            if let Some(Tried { kind, refused: None, .. }) = &self.tried
                && ui.button("Use in the form").on_hover_text("Draw the next pictures with this sampler").clicked()
            {
                actions.push(FormAction::UseSampler(*kind).into());
            }
        });
        match &self.tried {
            Some(tried) => tried.ui(ui),
            None => match own {
                Some(own) => settings_ui(ui, &own.settings(config, &SamplingOptions::default())),
                None => drop(ui.label("⚠ This sampler isn't known here: choose another one")),
            },
        }
    }
}

impl Tried {
    fn new(kind: SchedulerKind, config: &SchedulerConfig) -> Self {
        let refused = kind.sigmas(config, STEPS, &SamplingOptions::default()).err();
        Self { kind, options: kind.swapped_in(config), refused }
    }

    /// What becomes of the options, those that matter most first.
    fn ui(&self, ui: &mut egui::Ui) {
        if let Some(error) = &self.refused {
            ui.label(egui::RichText::new(format!("⚠ {error}")).color(theme::palette(ui).error));
            return;
        }
        let class = self.kind.class_name();
        ui.label(egui::RichText::new(format!("{class}.from_config(pipe.scheduler.config)")).monospace().weak());
        let mut options: Vec<&Swapped> = self.options.iter().collect();
        options.sort_by_key(|option| Fate::ALL.iter().position(|fate| *fate == option.fate));
        let text = |value: &Option<_>| value.as_ref().map_or("—".to_owned(), value_text);
        let rows = options.into_iter().map(|option| {
            [option.key.clone(), text(&option.before), text(&option.after), option.fate.label().to_owned()]
        });
        table_ui(ui, "swap", &["Option", "Before", "Then", ""], &rows.collect::<Vec<_>>());
    }
}

/// Every option in force, and where it comes from.
fn settings_ui(ui: &mut egui::Ui, settings: &[Setting]) {
    let rows = settings.iter().map(|setting| {
        let Setting { key, value, origin } = setting;
        [key.clone(), value_text(value), origin.label().to_owned()]
    });
    table_ui(ui, "settings", &["Option", "Value", ""], &rows.collect::<Vec<_>>());
}
