//! The lab: one picture drawn in up to four ways side by side, live, from the same noise and prompt. One of them is picked to
//! go on with, and all of them can be saved as one labelled picture.

mod act;
mod sheet;

use std::path::{Path, PathBuf};

use egui::{Align2, ColorImage, FontId, Pos2, Rect, RichText, Sense, TextureHandle, TextureOptions, Vec2};

use crate::app::action::{Action, LabAction};
use crate::app::theme;
use crate::content::request::Request;
use crate::schedulers::SchedulerKind;
use crate::worker::{JobId, Preview, Variants};

pub(crate) use sheet::LabSheet;

/// What is compared, from its start until the user closes it.
pub(crate) struct Lab {
    id: JobId,
    cells: Vec<Cell>,
    /// Whether the worker is done with it.
    ended: bool,
}

/// One of the ways.
struct Cell {
    request: Request,
    label: String,
    /// Steps that are done, and all there are once they are known.
    progress: (usize, Option<usize>),
    texture: Option<TextureHandle>,
    /// The finished picture's file.
    path: Option<PathBuf>,
}

impl Lab {
    /// A comparison that begins; `own` is the sampler that the checkpoint chooses.
    pub(crate) fn new(id: JobId, variants: &Variants, own: Option<SchedulerKind>) -> Self {
        let cell = |request: &Request| Cell {
            request: request.clone(),
            label: label(request, own),
            progress: (0, None),
            texture: None,
            path: None,
        };
        Self { id, cells: variants.iter().map(cell).collect(), ended: false }
    }

    /// Whether it is this job's.
    pub(crate) fn is_of(&self, id: JobId) -> bool {
        self.id == id
    }

    /// A step of one of the ways is done.
    pub(crate) fn step_done(&mut self, variant: usize, step: usize, steps: usize) {
        self.with(variant, |cell| cell.progress = (step, Some(steps)));
    }

    /// One of the ways looks like this by now.
    pub(crate) fn show_preview(&mut self, ctx: &egui::Context, preview: &Preview) {
        let size = [preview.image.width() as usize, preview.image.height() as usize];
        let image = ColorImage::from_rgb(size, preview.image.as_raw());
        // A preview that was taken late says less than the finished picture.
        self.with(preview.picture, |cell| {
            if cell.path.is_none() {
                cell.show(ctx, image);
            }
        });
    }

    /// A picture is finished, and in its place on disk.
    pub(crate) fn saved(&mut self, variant: usize, path: PathBuf) {
        self.with(variant, |cell| cell.path = Some(path));
    }

    /// A finished picture, read.
    pub(crate) fn show_picture(&mut self, ctx: &egui::Context, path: &Path, image: &ColorImage) {
        if let Some(cell) = self.cells.iter_mut().find(|cell| cell.path.as_deref() == Some(path)) {
            cell.show(ctx, image.clone());
        }
    }

    /// The worker is done with it, or was stopped.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    fn with(&mut self, variant: usize, change: impl FnOnce(&mut Cell)) {
        self.cells.get_mut(variant).map(change);
    }

    /// What is needed to save it as one picture.
    fn sheet(&self) -> Option<LabSheet> {
        let first = &self.cells.first()?.request;
        let finished = self.cells.iter().filter_map(|cell| Some((cell.path.clone()?, cell.label.clone())));
        let pictures: Vec<_> = finished.collect();
        let title = format!(
            "{}\nSeed {}, {} × {}",
            first.prompts.prompt, first.seeds.first, first.size.width, first.size.height
        );
        (!pictures.is_empty()).then_some(LabSheet { title, pictures })
    }

    /// The comparison in place of the canvas.
    pub(crate) fn ui(&self, ui: &mut egui::Ui, actions: &mut Vec<Action>) {
        ui.horizontal(|ui| {
            ui.label(RichText::new("Lab").strong());
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.button("Close the lab").on_hover_text("The pictures stay in the gallery").clicked() {
                    actions.push(LabAction::Close.into());
                }
                let sheet = self.sheet().filter(|_| self.ended);
                let button = ui.add_enabled(sheet.is_some(), egui::Button::new("Save the sheet…"));
                if let Some(sheet) =
                    sheet.filter(|_| button.on_hover_text("All of them as one labelled picture").clicked())
                {
                    actions.push(LabAction::ChooseSheet(Box::new(sheet)).into());
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    let text =
                        if self.ended { "Pick one to go on with" } else { "Drawn from the same noise and prompt" };
                    ui.add(egui::Label::new(text).truncate());
                });
            });
        });
        let columns = if self.cells.len() > 1 { 2 } else { 1 };
        let rows = self.cells.len().div_ceil(columns).max(1);
        let gap = ui.spacing().item_spacing;
        let (room, _) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
        let size = (room.size() + gap) / Vec2::new(columns as f32, rows as f32) - gap;
        for (number, cell) in self.cells.iter().enumerate() {
            let place = Vec2::new((number % columns) as f32, (number / columns) as f32);
            let rect = Rect::from_min_size(room.min + place * (size + gap), size.max(Vec2::ZERO));
            ui.scope_builder(egui::UiBuilder::new().max_rect(rect), |ui| self.cell_ui(ui, cell, size, actions));
        }
    }

    fn cell_ui(&self, ui: &mut egui::Ui, cell: &Cell, size: Vec2, actions: &mut Vec<Action>) {
        let (done, of) = cell.progress;
        let state = match (of, &cell.path) {
            (_, Some(_)) => "finished".to_owned(),
            (_, None) if self.ended => "stopped".to_owned(),
            (Some(of), None) => format!("step {done} of {of}"),
            (None, None) => "waiting".to_owned(),
        };
        let foot = ui.spacing().interact_size.y + ui.spacing().item_spacing.y;
        let room = Vec2::new(size.x, (size.y - foot).max(16.0));
        let (rect, response) = ui.allocate_exact_size(room, Sense::hover());
        let name = format!("{}: {state}", cell.label);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
        ui.painter().rect_filled(rect, 2.0, theme::palette(ui).canvas);
        if let Some(texture) = &cell.texture {
            let shape = Vec2::new(cell.request.size.width as f32, cell.request.size.height as f32);
            let shown = shape * (rect.width() / shape.x).min(rect.height() / shape.y);
            let uv = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
            let place = Rect::from_center_size(rect.center(), shown);
            ui.painter().image(texture.id(), place, uv, egui::Color32::WHITE);
        } else {
            let color = ui.visuals().weak_text_color();
            ui.painter().text(rect.center(), Align2::CENTER_CENTER, &state, FontId::proportional(14.0), color);
        }
        ui.horizontal(|ui| {
            let pick = ui.add_enabled(cell.path.is_some(), egui::Button::new("Use this"));
            let pick = pick.on_hover_text("Take its sampler, steps and guidance, with this seed");
            if pick.accessible_name(format!("Use {}", cell.label)).clicked() {
                actions.push(LabAction::Pick(Box::new(cell.request.clone()), cell.path.clone()).into());
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if cell.path.is_none() {
                    ui.label(RichText::new(state).weak());
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    let label = egui::Label::new(RichText::new(&cell.label).strong()).truncate();
                    ui.add(label).on_hover_text(&cell.label);
                });
            });
        });
    }
}

impl Cell {
    fn show(&mut self, ctx: &egui::Context, image: ColorImage) {
        // Previews may have one pixel a latent: smoothed they tell more.
        let smooth = image.width() < self.request.size.width;
        let options = if smooth { TextureOptions::LINEAR } else { TextureOptions::NEAREST };
        match &mut self.texture {
            Some(texture) => texture.set(image, options),
            None => self.texture = Some(ctx.load_texture("lab", image, options)),
        }
    }
}

/// What tells a way from others, in words.
fn label(request: &Request, own: Option<SchedulerKind>) -> String {
    let sampler = request.sampling.scheduler.or(own).map_or("The model's own", SchedulerKind::label);
    let schedule =
        request.sampling.options.sigma_schedule.map_or(String::new(), |schedule| format!(" {}", schedule.label()));
    format!("{sampler}{schedule} · {} steps · guidance {}", request.sampling.steps, request.guidance.scale)
}
