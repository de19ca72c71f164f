//! What the other threads tell, taken in.

use crate::app::action::LabAction;
use crate::app::librarian::LibrarianNews;
use crate::app::stage::lab::Lab;
use crate::app::stage::look_back::Steps;
use crate::app::window::App;
use crate::base::sync::Latest;
use crate::session::{GalleryNews, SessionEvent};
use crate::storage::gallery::Entry;
use crate::worker::{self, JobId, Preview, Work};

impl App {
    /// Takes in what the session tells.
    pub(super) fn hear_session(&mut self, ctx: &egui::Context) {
        while let Ok(event) = self.events.try_recv() {
            match event {
                SessionEvent::Worker(event) => self.hear_worker(ctx, event),
                SessionEvent::Started { id, work: Work::Compare(variants) } => {
                    let own = self.state.info().and_then(|info| info.scheduler);
                    self.centre.lab = Some(Lab::new(id, &variants, own));
                }
                SessionEvent::Started { .. } => {}
                SessionEvent::Gallery(news) => self.hear_gallery(&news),
                SessionEvent::Hub(_) | SessionEvent::Downloaded(_) | SessionEvent::Library(_) => {
                    self.models.hear(event, &mut self.notices);
                }
                SessionEvent::Notice(text) => self.notices.info(text),
                SessionEvent::Failed(error) => self.notices.error(error),
            }
        }
    }

    /// Shows what the worker did. What it means for queue and model, the session knows.
    fn hear_worker(&mut self, ctx: &egui::Context, event: worker::Event) {
        let centre = &mut self.centre;
        match event {
            worker::Event::ModelLoaded { model, info } => self.form.hear_model(&mut self.state, &model, &info),
            worker::Event::ModelLetGo { .. }
            | worker::Event::ModelUnloaded
            | worker::Event::LookedBack { error: Some(_), .. } => centre.steps = None,
            worker::Event::JobStep { id, picture, step, steps, .. } => {
                if let Some(lab) = centre.lab.as_mut().filter(|lab| lab.is_of(id)) {
                    lab.step_done(picture, step, steps);
                }
            }
            worker::Event::StepsKept { id, request, steps } => centre.steps = Some(Steps::new(id, request, steps)),
            worker::Event::PictureSaved { id, picture, entry } => self.hear_saved(ctx, id, picture, entry),
            worker::Event::PictureUnsaved { unsaved, .. } => self.notices.unsaved(unsaved),
            worker::Event::JobEnded { id, .. } => {
                centre.lab.iter_mut().filter(|lab| lab.is_of(id)).for_each(Lab::end);
            }
            worker::Event::ModelLoading { .. }
            | worker::Event::ModelFailed { .. }
            | worker::Event::ModelCancelled { .. }
            | worker::Event::JobStarted { .. }
            | worker::Event::StartedOver { .. }
            | worker::Event::JobPhase { .. }
            | worker::Event::JobNote { .. }
            | worker::Event::LookedBack { error: None, .. } => {}
        }
    }

    /// A picture of a job is finished, and in its place on disk.
    fn hear_saved(&mut self, ctx: &egui::Context, id: JobId, picture: usize, entry: Entry) {
        if let Some(lab) = self.centre.lab.as_mut().filter(|lab| lab.is_of(id)) {
            lab.saved(picture, entry.path.clone());
            self.apply(ctx, LabAction::Open(entry.path).into());
        } else if self.centre.follows(self.around()) {
            self.centre.make_way();
            self.show(entry.path, &entry.recipe.request.prompts.prompt);
        }
    }

    /// Shows the newest previews.
    pub(super) fn take_previews(&mut self, ctx: &egui::Context) {
        let previews: Vec<Preview> = self.state.session.previews().iter().filter_map(Latest::take).collect();
        for preview in previews {
            if let Some(lab) = self.centre.lab.as_mut().filter(|lab| lab.is_of(preview.id)) {
                lab.show_preview(ctx, &preview);
                continue;
            }
            let running = self.state.session.queue().running();
            let is_looked_back = self.centre.steps.as_ref().is_some_and(|steps| steps.id == preview.id);
            // One that was taken late must not come before the finished picture.
            let is_running =
                running.is_some_and(|running| running.id == preview.id && preview.picture >= running.finished);
            if is_running && self.centre.follows(self.around()) {
                self.centre.make_way();
                self.centre.canvas.show_preview(&preview);
            } else if is_looked_back && running.is_none() && self.centre.looks_back() {
                self.centre.canvas.show_preview(&preview);
            }
        }
    }

    /// Takes in what there is to tell of the folder for pictures.
    fn hear_gallery(&mut self, news: &GalleryNews) {
        self.gallery.hear_folder(news);
        match news {
            GalleryNews::Failed(error) | GalleryNews::FolderGone(error) => self.notices.error(error.clone()),
            GalleryNews::Deleted { paths } => {
                let canvas = &mut self.centre.canvas;
                if canvas.path().is_some_and(|shown| paths.iter().any(|path| path == shown)) {
                    canvas.clear();
                }
            }
            GalleryNews::FolderBack => self.notices.info("The folder for pictures is back"),
            GalleryNews::Listing(_) | GalleryNews::Restored { .. } => {}
        }
    }

    /// Takes in what the librarian tells.
    pub(super) fn hear_librarian(&mut self, ctx: &egui::Context) {
        while let Some(news) = self.librarian.news() {
            self.gallery.hear(ctx, &news);
            match news {
                LibrarianNews::Picture { path, image: Ok(opened) } => {
                    self.painter.hear_picture(&path, Some(&opened));
                    if self.state.draft.start.image.as_ref() == Some(&path) {
                        self.state.session.settings.painting.brush.suit(opened.size);
                    }
                    self.centre.canvas.show_picture(&path, &opened);
                }
                LibrarianNews::Picture { path, image: Err(error) } => {
                    self.painter.hear_picture(&path, None);
                    self.notices.error(error);
                }
                LibrarianNews::Comparison { paths, comparison } => {
                    if let Some(compared) = &mut self.centre.compared {
                        compared.put(ctx, &paths, &comparison);
                    }
                }
                LibrarianNews::Thumbnail { .. } => {}
            }
        }
    }
}
