//! What every panel reads: the program behind the window, and the form.

use crate::content::request::SIDE_MULTIPLE;
use crate::session::Session;
use crate::session::settings::Draft;
use crate::worker::ModelInfo;

/// What every panel reads. Each panel keeps the rest of what it knows to itself.
pub(super) struct WindowState {
    /// The program behind the window: queue, model, preferences.
    pub session: Session,
    /// The form as it stands.
    pub draft: Draft,
    /// Whether files can be dropped on the window.
    pub can_drop: bool,
}

impl WindowState {
    /// The program, with the form as it was left.
    pub(super) fn new(session: Session) -> Self {
        Self { draft: session.form().clone(), session, can_drop: true }
    }

    /// What is known of the model that is loaded.
    pub(super) fn info(&self) -> Option<&ModelInfo> {
        self.session.model().info()
    }

    /// Whether something is being drawn.
    pub(super) fn is_running(&self) -> bool {
        self.session.queue().running().is_some()
    }

    /// Pixels a latent of the model in use, each way; while none is loaded, those of every Stable Diffusion model.
    pub(super) fn latent_factor(&self) -> usize {
        self.info().map_or(SIDE_MULTIPLE, |info| info.size_multiple)
    }
}
