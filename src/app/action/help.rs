//! What belongs to reports: the About window, and the offer after a crash.

use crate::app::dialogs::about::AboutFacts;

/// See [`super::Action::Help`].
#[derive(Debug)]
pub(crate) enum HelpAction {
    /// Opens the About window.
    About,
    /// What it shows is found out.
    AboutFacts(AboutFacts),
    /// Offers what was kept of a crash.
    OfferCrash(String),
}
