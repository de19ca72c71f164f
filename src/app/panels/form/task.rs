//! The task's part of the form: what kind of generation it is, the picture that it begins with, and what only it needs.

use std::path::{Path, PathBuf};

use egui::{ComboBox, DragValue, RichText, Slider, Vec2};

use crate::app::action::{Action, FormAction};
use crate::app::files::FileDialog;
use crate::app::panels::form::source::FormPicture;
use crate::app::state::WindowState;
use crate::app::theme;
use crate::app::widgets::{row, wide};
use crate::content::request::{Fill, Inpaint, MAX_BLUR, MAX_GROW, MAX_PADDING, TaskKind};

/// How large the small copy of a picture is shown, in points.
const THUMBNAIL: f32 = 52.0;

/// What "only masked" begins with: A1111's padding.
const PADDING: usize = 32;

/// Which task.
pub(super) fn kind_ui(ui: &mut egui::Ui, state: &mut WindowState) {
    let tasks = state.session.model().info().map(|info| info.tasks.clone());
    let draft = &mut state.draft;
    row(ui, "Task", |ui, label| {
        let combo = ComboBox::from_id_salt("task").width(ui.available_width()).selected_text(draft.start.task.label());
        let shown = combo.show_ui(ui, |ui| {
            for task in TaskKind::ALL {
                let can = tasks.as_ref().is_none_or(|tasks| tasks.contains(&task));
                ui.add_enabled_ui(can, |ui| {
                    let why_not = format!("This model can't do it. Choose {}", task.suitable_models());
                    let choice = ui.selectable_value(&mut draft.start.task, task, task.label());
                    choice.on_hover_text(explanation(task)).on_disabled_hover_text(why_not);
                });
            }
        });
        shown.response.labelled_by(label).on_hover_text(explanation(draft.start.task));
    });
    if tasks.is_some_and(|tasks| !tasks.contains(&draft.start.task)) {
        let color = theme::palette(ui).error;
        ui.label(RichText::new("⚠ This model can't do it").color(color))
            .on_hover_text(draft.start.task.suitable_models());
    }
}

fn explanation(task: TaskKind) -> &'static str {
    match task {
        TaskKind::TextToImage => "A picture from words alone",
        TaskKind::ImageToImage => "A picture changed by words",
        TaskKind::Inpaint => "Part of a picture, drawn again",
        TaskKind::DepthToImage => "A picture with the depth of another one",
        TaskKind::Unconditional => "A picture of the kind that the model knows, without words",
    }
}

/// What the task needs beyond words: its picture, depth map, and how they are used. `from_canvas` is the picture in the centre.
pub(super) fn ui(
    ui: &mut egui::Ui,
    WindowState { draft, can_drop, .. }: &mut WindowState,
    [picture, depth]: [&FormPicture; 2],
    from_canvas: Option<&Path>,
    actions: &mut Vec<Action>,
) {
    let task = draft.start.task;
    if !task.needs_image() {
        return;
    }
    let tip = if *can_drop { "Or drop a picture on the window, or paste one" } else { "Or paste a picture" };
    picture_ui(ui, "Picture", &mut draft.start.image, picture, from_canvas, (choose_source, tip), actions);
    if task == TaskKind::DepthToImage {
        picture_ui(ui, "Depth", &mut draft.start.depth, depth, None, (choose_depth, tip), actions);
    }
    row(ui, "Strength", |ui, label| {
        let slider = Slider::new(&mut draft.start.strength, 0.0..=1.0).step_by(0.01).max_decimals(3);
        wide(ui, slider).labelled_by(label).on_hover_text("How much may change: this share of the steps is done");
    });
    if task == TaskKind::Inpaint {
        inpaint_ui(ui, &mut draft.start.inpaint);
    }
}

fn choose_source() -> FileDialog<Action> {
    FileDialog::picture("A picture to begin with", |path| FormAction::BeginWith(path).into())
}

fn choose_depth() -> FileDialog<Action> {
    FileDialog::picture("A depth map: bright is near", |path| FormAction::UseDepth(path).into())
}

/// A picture's file, with ways to choose it.
fn picture_ui(
    ui: &mut egui::Ui,
    name: &str,
    file: &mut Option<PathBuf>,
    source: &FormPicture,
    from_canvas: Option<&Path>,
    (dialog, tip): (fn() -> FileDialog<Action>, &str),
    actions: &mut Vec<Action>,
) {
    row(ui, name, |ui, _| {
        ui.spacing_mut().item_spacing = Vec2::splat(4.0);
        if let Some(Ok(shown)) = &source.read {
            let size = shown.texture.size_vec2();
            let size = size * (THUMBNAIL / size.max_elem().max(1.0));
            ui.add(egui::Image::new((shown.texture.id(), size)).alt_text(format!("{name}, as chosen")));
        }
        ui.vertical(|ui| {
            ui.horizontal(|ui| {
                let choose = ui.button("Choose…").on_hover_text(tip);
                if choose.accessible_name(format!("Choose the {}", name.to_lowercase())).clicked() {
                    actions.push(Action::Browse(dialog()));
                }
                if file.is_some() {
                    let remove = ui.small_button("✖").on_hover_text("None");
                    if remove.accessible_name(format!("No {}", name.to_lowercase())).clicked() {
                        *file = None;
                    }
                }
            });
            if let Some(path) = from_canvas {
                let button = ui.button("From the canvas").on_hover_text("Begin with the picture that is shown");
                if button.clicked() {
                    actions.push(FormAction::BeginWith(path.to_owned()).into());
                }
            }
        });
    });
    let Some(path) = file else {
        let nothing =
            if name == "Depth" { "The depth is estimated from the picture" } else { "No picture is chosen yet" };
        ui.label(RichText::new(nothing).small().weak());
        return;
    };
    let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = match &source.read {
        None => format!("{file_name}, opening…"),
        Some(Ok(shown)) if shown.is_animated => {
            format!("{file_name}, {} × {}, first frame of an animation", shown.width, shown.height)
        }
        Some(Ok(shown)) => format!("{file_name}, {} × {}", shown.width, shown.height),
        Some(Err(error)) => format!("⚠ {error}"),
    };
    let color =
        if matches!(source.read, Some(Err(_))) { theme::palette(ui).error } else { ui.visuals().weak_text_color() };
    let label = egui::Label::new(RichText::new(text).small().color(color));
    ui.add(label).on_hover_text(path.display().to_string());
}

/// How the mask is used. It is painted on the canvas.
fn inpaint_ui(ui: &mut egui::Ui, inpaint: &mut Inpaint) {
    row(ui, "Fill", |ui, label| {
        let combo = ComboBox::from_id_salt("fill").width(ui.available_width()).selected_text(inpaint.fill.label());
        let shown = combo.show_ui(ui, |ui| {
            for fill in Fill::ALL {
                ui.selectable_value(&mut inpaint.fill, fill, fill.label());
            }
        });
        shown.response.labelled_by(label).on_hover_text("What stands under the mask before the first step");
    });
    row(ui, "Mask", |ui, _| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let grow = DragValue::new(&mut inpaint.mask_grow)
            .clamp_existing_to_range(false)
            .range(-MAX_GROW..=MAX_GROW)
            .prefix("grow ")
            .suffix(" px");
        ui.add(grow)
            .on_hover_text("The mask grows by so much before it is used; less than 0 shrinks it")
            .accessible_name("Grow the mask");
        let blur = DragValue::new(&mut inpaint.mask_blur)
            .clamp_existing_to_range(false)
            .range(0.0..=MAX_BLUR)
            .speed(0.2)
            .max_decimals(1);
        ui.add(blur.prefix("blur ").suffix(" px"))
            .on_hover_text("Softens the mask's edge")
            .accessible_name("Blur the mask");
    });
    let mut only_masked = inpaint.only_masked.is_some();
    ui.horizontal(|ui| {
        let tip = "Draw the mask's surroundings alone, at the full size: finer details";
        if ui.checkbox(&mut only_masked, "Only masked").on_hover_text(tip).changed() {
            inpaint.only_masked = only_masked.then_some(PADDING);
        }
        if let Some(padding) = &mut inpaint.only_masked {
            let field = DragValue::new(padding)
                .clamp_existing_to_range(false)
                .range(0..=MAX_PADDING)
                .prefix("with ")
                .suffix(" px around");
            ui.add(field).accessible_name("Pixels around the mask");
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut inpaint.soft, "Soft mask").on_hover_text("Grey in the mask means less change there");
        let tip = "What the mask leaves out comes back byte for byte, at the picture's own size";
        ui.checkbox(&mut inpaint.paste_back, "Keep the rest untouched").on_hover_text(tip);
    });
    ui.add_space(Vec2::splat(2.0).y);
}
