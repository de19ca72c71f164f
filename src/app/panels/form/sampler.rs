//! The sampler's part of the form: which one, how the noise levels are spread over the steps, and what that looks like.

use egui::{ComboBox, DragValue, Pos2, Rect, Sense, Stroke, Vec2};

use crate::app::theme;
use crate::app::widgets::row;
use crate::base::error::Result;
use crate::schedulers::{SamplingOptions, SchedulerConfig, SchedulerKind, SigmaSchedule};
use crate::session::settings::Draft;
use crate::worker::ModelInfo;

/// How tall the plot is, in points.
const PLOT_HEIGHT: f32 = 34.0;

/// The noise levels of a run as the form stands; worked out anew when the form changes.
#[derive(Debug, Default)]
pub(crate) struct Levels(Option<(LevelsKey, Result<Vec<f64>>)>);

/// What the levels depend on.
#[derive(Debug, PartialEq)]
struct LevelsKey {
    kind: SchedulerKind,
    config: SchedulerConfig,
    sampling: SamplingOptions,
    steps: usize,
}

impl Levels {
    fn of(&mut self, info: &ModelInfo, draft: &Draft) -> Option<&Result<Vec<f64>>> {
        let kind = draft.values.sampling.scheduler.or(info.scheduler)?;
        let is_same = self.0.as_ref().is_some_and(|(asked, _)| {
            asked.kind == kind
                && asked.steps == draft.values.sampling.steps
                && asked.sampling == draft.values.sampling.options
                && asked.config == info.scheduler_config
        });
        if !is_same {
            let (config, sampling) = (info.scheduler_config.clone(), draft.values.sampling.options.clone());
            let levels = kind.sigmas(&config, draft.values.sampling.steps, &sampling);
            self.0 = Some((LevelsKey { kind, config, sampling, steps: draft.values.sampling.steps }, levels));
        }
        self.0.as_ref().map(|(_, levels)| levels)
    }
}

/// Which sampler, and with which noise levels.
pub(super) fn ui(ui: &mut egui::Ui, levels: &mut Levels, info: Option<&ModelInfo>, draft: &mut Draft) {
    kind_ui(ui, info, draft);
    schedule_ui(ui, levels, info, draft);
}

fn kind_ui(ui: &mut egui::Ui, info: Option<&ModelInfo>, draft: &mut Draft) {
    let own = info.and_then(|info| info.scheduler);
    let refused = info.map_or(&[][..], |info| &info.refused);
    let own_label = own.map_or("The model's own".to_owned(), |kind| format!("The model's own ({})", kind.label()));
    row(ui, "Sampler", |ui, label| {
        let selected = draft.values.sampling.scheduler.map_or(own_label.clone(), |kind| kind.label().to_owned());
        let combo = ComboBox::from_id_salt("sampler").width(ui.available_width()).height(420.0);
        let before = draft.values.sampling.scheduler;
        let shown = combo.selected_text(selected).truncate().show_ui(ui, |ui| {
            ui.selectable_value(&mut draft.values.sampling.scheduler, None, own_label);
            // A schedule has a menu of its own; a name with one in it is listed where a picture brought it along.
            let listed = |kind: &SchedulerKind| kind.named_schedule().is_none() || before == Some(*kind);
            for kind in SchedulerKind::ALL.iter().copied().filter(listed) {
                let reason = refused.iter().find_map(|(refused, reason)| (*refused == kind).then_some(reason.as_str()));
                ui.add_enabled_ui(reason.is_none(), |ui| {
                    let value = ui.selectable_value(&mut draft.values.sampling.scheduler, Some(kind), kind.label());
                    value.on_hover_text(kind.class_name()).on_disabled_hover_text(reason.unwrap_or_default());
                });
            }
        });
        if draft.values.sampling.scheduler != before {
            suit(&mut draft.values.sampling.options, draft.values.sampling.scheduler.or(own));
        }
        let tip = || {
            draft
                .values
                .sampling
                .scheduler
                .or(own)
                .map_or(String::new(), |kind| in_force(kind, info, &draft.values.sampling.options))
        };
        shown.response.labelled_by(label).on_hover_ui(|ui| drop(ui.label(tip())));
    });
}

/// Has the form draw with this sampler.
pub(crate) fn choose(draft: &mut Draft, kind: SchedulerKind) {
    draft.values.sampling.scheduler = Some(kind);
    suit(&mut draft.values.sampling.options, draft.values.sampling.scheduler);
}

/// Takes back what another sampler was asked for and this one can't be.
fn suit(sampling: &mut SamplingOptions, kind: Option<SchedulerKind>) {
    let Some(kind) = kind else { return };
    sampling.sigma_schedule = sampling.sigma_schedule.filter(|schedule| kind.sigma_schedules().contains(schedule));
    sampling.eta = if kind.takes_eta() { sampling.eta } else { 0.0 };
    sampling.timesteps = sampling.timesteps.take().filter(|_| kind.takes_timesteps());
    sampling.sigmas = sampling.sigmas.take().filter(|_| kind.takes_sigmas());
}

/// The class with every value in force.
fn in_force(kind: SchedulerKind, info: Option<&ModelInfo>, sampling: &SamplingOptions) -> String {
    let Some(info) = info else { return kind.class_name().to_owned() };
    let settings = kind.settings(&info.scheduler_config, sampling);
    let lines = settings.iter().map(ToString::to_string);
    std::iter::once(kind.class_name().to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}

fn schedule_ui(ui: &mut egui::Ui, levels: &mut Levels, info: Option<&ModelInfo>, draft: &mut Draft) {
    let kind = draft.values.sampling.scheduler.or(info.and_then(|info| info.scheduler));
    let choices = kind.map(SchedulerKind::sigma_schedules).unwrap_or_default();
    row(ui, "Schedule", |ui, label| {
        let chosen = draft.values.sampling.options.sigma_schedule;
        let combo = ComboBox::from_id_salt("schedule").width((ui.available_width() - 70.0).max(90.0));
        let shown = ui.add_enabled_ui(choices.len() > 1 || chosen.is_some(), |ui| {
            combo.selected_text(chosen.map_or("Automatic", SigmaSchedule::label)).truncate().show_ui(ui, |ui| {
                let schedule = &mut draft.values.sampling.options.sigma_schedule;
                ui.selectable_value(schedule, None, "Automatic").on_hover_text("What the sampler and the model choose");
                for choice in choices {
                    ui.selectable_value(schedule, Some(choice), choice.label());
                }
            })
        });
        let tip = "How the noise levels are spread over the steps";
        shown.inner.response.labelled_by(label).on_hover_text(tip).on_disabled_hover_text("This sampler has only one");
        if let Some(levels) = info.and_then(|info| levels.of(info, draft)) {
            match levels {
                Ok(levels) => plot_ui(ui, levels),
                Err(error) => {
                    let color = theme::palette(ui).error;
                    ui.label(egui::RichText::new("⚠").color(color)).on_hover_text(error.to_string());
                }
            }
        }
    });
    let why_not = info.and_then(|info| levels.of(info, draft)).and_then(|levels| levels.as_ref().err());
    if let Some(error) = why_not {
        let text = format!("⚠ {}", error.headline());
        let text = egui::RichText::new(text).small().color(theme::palette(ui).error);
        ui.label(text).on_hover_text(error.to_string());
    }
}

/// The noise at each step, from left to right.
fn plot_ui(ui: &mut egui::Ui, levels: &[f64]) {
    /// Levels that are told in numbers.
    const SHOWN: usize = 40;
    let size = Vec2::new(ui.available_width().clamp(30.0, 90.0), PLOT_HEIGHT.min(ui.spacing().interact_size.y));
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let (first, last) = (levels.first().copied().unwrap_or(0.0), levels.last().copied().unwrap_or(0.0));
    let words = format!("Noise levels: {} steps from {first:.3} to {last:.3}", levels.len().saturating_sub(1));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &words));
    ui.painter().rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    let inner = rect.shrink(3.0);
    let color = theme::palette(ui).accent;
    let points: Vec<Pos2> = curve(levels, inner);
    if points.len() <= 30 {
        for point in &points {
            ui.painter().circle_filled(*point, 1.3, color);
        }
    }
    ui.painter().line(points, Stroke::new(1.0, color));
    response.on_hover_ui(|ui| {
        ui.label(words);
        let shown: Vec<String> = levels.iter().take(SHOWN).map(|level| format!("{level:.3}")).collect();
        let more = if levels.len() > SHOWN { ", …" } else { "" };
        ui.label(egui::RichText::new(format!("{}{more}", shown.join(", "))).small());
    });
}

/// The levels as points of a rectangle: steps to the right, noise upwards by its logarithm from about a tenth on, since most
/// steps are at little noise.
fn curve(levels: &[f64], rect: Rect) -> Vec<Pos2> {
    let rise = |level: f64| (1.0 + 10.0 * level.max(0.0)).ln();
    let most = levels.iter().copied().filter(|level| level.is_finite()).map(rise).fold(f64::MIN_POSITIVE, f64::max);
    let last = levels.len().saturating_sub(1).max(1) as f32;
    let point = |(step, level): (usize, &f64)| {
        let height = (rise(*level) / most).clamp(0.0, 1.0) as f32;
        Pos2::new(rect.left() + rect.width() * step as f32 / last, rect.bottom() - rect.height() * height)
    };
    levels.iter().enumerate().map(point).collect()
}

/// What few people need of the sampler: shown where it has it.
pub(super) fn more_ui(ui: &mut egui::Ui, info: Option<&ModelInfo>, draft: &mut Draft) {
    let own = info.and_then(|info| info.scheduler);
    let Some(kind) = draft.values.sampling.scheduler.or(own) else { return };
    if kind.takes_eta() {
        row(ui, "Eta", |ui, label| {
            let field = DragValue::new(&mut draft.values.sampling.options.eta)
                .clamp_existing_to_range(false)
                .range(0.0..=1.0)
                .speed(0.01)
                .max_decimals(3);
            ui.add(field).labelled_by(label).on_hover_text("How much noise is added back at each step");
        });
    }
    let lists = [
        (
            kind.takes_timesteps(),
            "Timesteps",
            &mut draft.values.sampling.options.timesteps,
            "for example 999, 750, 500, 250",
        ),
        (kind.takes_sigmas(), "Sigmas", &mut draft.values.sampling.options.sigmas, "for example 14.6, 5, 1, 0.1, 0"),
    ];
    for (_, name, values, hint) in lists.into_iter().filter(|(takes, ..)| *takes) {
        list_ui(ui, name, values, hint);
    }
}

/// A list of falling numbers, or none.
fn list_ui(ui: &mut egui::Ui, name: &str, values: &mut Option<Vec<f64>>, hint: &str) {
    row(ui, name, |ui, label| {
        let id = egui::Id::unique(("levels", name));
        let written = || values.iter().flatten().map(f64::to_string).collect::<Vec<_>>().join(", ");
        // What is being typed is kept as it is until the box is left.
        let mut text = ui.data(|data| data.get_temp::<String>(id)).unwrap_or_else(written);
        let field = egui::TextEdit::singleline(&mut text).id_salt(id).hint_text(hint);
        let response = ui.add(field.desired_width(ui.available_width())).labelled_by(label);
        if response.changed() {
            *values = parse(&text);
        }
        // Asked for within, it would wait for the lock that is held there.
        let has_focus = response.has_focus();
        ui.data_mut(|data| {
            if has_focus {
                data.insert_temp(id, text);
            } else {
                data.remove_temp::<String>(id);
            }
        });
        response.on_hover_text("Instead of those that the number of steps gives; empty for none of your own");
    });
}

/// The numbers of a text; `None` where there are none.
fn parse(text: &str) -> Option<Vec<f64>> {
    let words = text.split([',', ' ', ';']).filter(|word| !word.is_empty());
    let numbers: Vec<f64> = words.filter_map(|word| word.parse().ok()).collect();
    (!numbers.is_empty()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_falls_from_the_upper_left_to_the_lower_right() {
        let rect = Rect::from_min_size(Pos2::ZERO, Vec2::new(90.0, 30.0));
        let points = curve(&[16.0, 4.0, 1.0, 0.0], rect);
        assert_eq!((points[0], points[3]), (Pos2::new(0.0, 0.0), Pos2::new(90.0, 30.0)));
        assert!(points.windows(2).all(|pair| pair[0].x < pair[1].x && pair[0].y < pair[1].y), "{points:?}");
        assert!(curve(&[0.0], rect).iter().all(|point| point.is_finite()));
    }

    #[test]
    fn what_is_typed_is_a_list_of_numbers_or_nothing() {
        assert_eq!(parse("999, 500.5; 1"), Some(vec![999.0, 500.5, 1.0]));
        assert_eq!((parse(""), parse(" , ")), (None, None));
    }

    #[test]
    fn another_sampler_takes_over_what_it_can() {
        let asked = SamplingOptions {
            sigma_schedule: Some(SigmaSchedule::Karras),
            eta: 0.5,
            timesteps: Some(vec![999.0, 1.0]),
            sigmas: None,
        };
        let kind = |name| SchedulerKind::from_name(name).ok();
        let suited = |name| {
            let mut sampling = asked.clone();
            suit(&mut sampling, kind(name));
            sampling
        };
        let euler = suited("euler");
        assert_eq!((euler.sigma_schedule, euler.eta), (Some(SigmaSchedule::Karras), 0.0));
        let ddim = suited("ddim");
        assert_eq!((ddim.sigma_schedule, ddim.eta), (None, 0.5));
    }
}
