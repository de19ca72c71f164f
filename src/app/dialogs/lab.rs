//! What the lab is to compare: a dialog.

use egui::{ComboBox, DragValue};

use crate::app::action::{Action, LabAction};
use crate::content::request::{MAX_GUIDANCE, MAX_STEPS, Request, TaskKind};
use crate::schedulers::SchedulerKind;
use crate::session::ModelState;
use crate::session::settings::Draft;
use crate::worker::{MAX_VARIANTS, ModelInfo};

/// Samplers that people compare first.
const POPULAR: [&str; 6] = ["euler", "dpm++2m-karras", "unipc", "ddim", "euler-a", "heun"];

/// What differs from one picture to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vary {
    Samplers,
    Steps,
    Guidance,
}

impl Vary {
    const ALL: [Self; 3] = [Self::Samplers, Self::Steps, Self::Guidance];

    fn label(self) -> &'static str {
        match self {
            Self::Samplers => "Samplers",
            Self::Steps => "Steps",
            Self::Guidance => "Guidance",
        }
    }
}

/// The dialog's form.
#[derive(Debug)]
pub(crate) struct LabSetup {
    vary: Vary,
    samplers: Vec<Option<SchedulerKind>>,
    steps: Vec<usize>,
    guidance: Vec<f64>,
}

impl LabSetup {
    /// What suits the form and the model.
    pub(crate) fn new(draft: &Draft, info: Option<&ModelInfo>) -> Self {
        let refused =
            |kind: SchedulerKind| info.is_some_and(|info| info.refused.iter().any(|(other, _)| *other == kind));
        let own = info.and_then(|info| info.scheduler);
        let popular = POPULAR.iter().filter_map(|name| SchedulerKind::from_name(name).ok());
        let others =
            popular.filter(|kind| Some(*kind) != draft.values.sampling.scheduler.or(own) && !refused(*kind)).map(Some);
        let samplers = std::iter::once(draft.values.sampling.scheduler).chain(others).take(MAX_VARIANTS).collect();
        let steps = [
            draft.values.sampling.steps.div_ceil(4),
            draft.values.sampling.steps.div_ceil(2),
            draft.values.sampling.steps,
            draft.values.sampling.steps * 2,
        ];
        let mut steps: Vec<usize> = steps.into_iter().map(|steps| steps.clamp(1, MAX_STEPS)).collect();
        steps.dedup();
        let guidance = [1.0, 4.0, 7.5, 12.0];
        Self { vary: Vary::Samplers, samplers, steps, guidance: guidance.into() }
    }

    /// One request a picture: the form's, but for what differs.
    fn variants(&self, draft: &mut Draft) -> Vec<Request> {
        // The lab begins with noise, whatever the form goes on from.
        let first = draft.next_request().with(|request| {
            request.seeds.count = 1;
            request.start.branch = None;
        });
        match self.vary {
            Vary::Samplers => self
                .samplers
                .iter()
                .map(|kind| first.clone().with(|request| request.sampling.scheduler = *kind))
                .collect(),
            Vary::Steps => {
                self.steps.iter().map(|steps| first.clone().with(|request| request.sampling.steps = *steps)).collect()
            }
            Vary::Guidance => self
                .guidance
                .iter()
                .map(|scale| first.clone().with(|request| request.guidance.scale = *scale))
                .collect(),
        }
    }

    /// The dialog.
    pub(crate) fn ui(&mut self, ctx: &egui::Context, draft: &mut Draft, model: &ModelState, actions: &mut Vec<Action>) {
        let modal = egui::Modal::new(egui::Id::unique("lab-setup")).show(ctx, |ui| {
            ui.set_width(380.0_f32.min(ctx.content_rect().width() - 40.0));
            ui.heading("Lab");
            ui.label("Draw the picture in up to four ways at once, from the same noise and prompt");
            ui.add_space(6.0);
            ui.horizontal(|ui| {
                ui.label("Compare");
                for vary in Vary::ALL {
                    ui.selectable_value(&mut self.vary, vary, vary.label());
                }
            });
            ui.add_space(4.0);
            match self.vary {
                Vary::Samplers => samplers_ui(ui, &mut self.samplers, model.info()),
                Vary::Steps => values_ui(ui, "Steps", &mut self.steps, 20, |value| {
                    DragValue::new(value).range(1..=MAX_STEPS).speed(0.1)
                }),
                Vary::Guidance => values_ui(ui, "Guidance", &mut self.guidance, 7.5, |value| {
                    DragValue::new(value).range(0.0..=MAX_GUIDANCE).speed(0.05).max_decimals(2)
                }),
            }
            ui.add_space(8.0);
            let only_text = draft.start.task != TaskKind::TextToImage;
            if only_text {
                ui.label("⚠ The lab compares text to image only: choose it as the task");
            }
            ui.horizontal(|ui| {
                let start = ui.add_enabled(!only_text, egui::Button::new("Start"));
                if start.on_hover_text("After everything that waits").clicked() {
                    actions.push(LabAction::Start(self.variants(draft)).into());
                }
                if ui.button("Cancel").clicked() {
                    actions.push(Action::CloseDialog);
                }
            });
        });
        if modal.should_close() {
            actions.push(Action::CloseDialog);
        }
    }
}

fn samplers_ui(ui: &mut egui::Ui, samplers: &mut Vec<Option<SchedulerKind>>, info: Option<&ModelInfo>) {
    let own = info.and_then(|info| info.scheduler).map_or(String::new(), |kind| format!(" ({})", kind.label()));
    let own = format!("The model's own{own}");
    let name = |kind: Option<SchedulerKind>| kind.map_or(own.clone(), |kind| kind.label().to_owned());
    let refused = |kind: SchedulerKind| {
        info.and_then(|info| info.refused.iter().find_map(|(other, why)| (*other == kind).then_some(why.as_str())))
    };
    rows_ui(ui, samplers, None, |ui, number, kind| {
        let combo = ComboBox::from_id_salt(("lab-sampler", number)).width(260.0).height(320.0);
        let shown = combo.selected_text(name(*kind)).truncate().show_ui(ui, |ui| {
            ui.selectable_value(kind, None, own.as_str());
            for &other in SchedulerKind::ALL {
                let why = refused(other);
                ui.add_enabled_ui(why.is_none(), |ui| {
                    let choice = ui.selectable_value(kind, Some(other), other.label());
                    choice.on_hover_text(other.class_name()).on_disabled_hover_text(why.unwrap_or_default());
                });
            }
        });
        shown.response.accessible_name(format!("Sampler {number}"));
    });
}

fn values_ui<T: Clone>(
    ui: &mut egui::Ui,
    name: &str,
    values: &mut Vec<T>,
    next: T,
    field: impl for<'a> Fn(&'a mut T) -> DragValue<'a>,
) {
    rows_ui(ui, values, next, |ui, number, value| {
        ui.add_sized([260.0, ui.spacing().interact_size.y], field(value)).accessible_name(format!("{name} {number}"));
    });
}

/// A numbered row for each, with a way to take it out, and one to add another. There are always two or more.
fn rows_ui<T>(ui: &mut egui::Ui, values: &mut Vec<T>, next: T, mut row: impl FnMut(&mut egui::Ui, usize, &mut T)) {
    let mut removed = None;
    let can_remove = values.len() > 2;
    for (place, value) in values.iter_mut().enumerate() {
        ui.horizontal(|ui| {
            let number = place + 1;
            ui.label(number.to_string());
            row(ui, number, value);
            let remove = ui.add_enabled(can_remove, egui::Button::new("✖").small()).on_hover_text("Leave it out");
            if remove.accessible_name(format!("Leave out number {number}")).clicked() {
                removed = Some(place);
            }
        });
    }
    if let Some(place) = removed {
        values.remove(place);
    }
    if ui.add_enabled(values.len() < MAX_VARIANTS, egui::Button::new("Add one")).clicked() {
        values.push(next);
    }
}
