//! What belongs to reports, carried out: the About window, and the offer after a crash.

use crate::app::action::HelpAction;
use crate::app::dialogs::Dialog;
use crate::app::dialogs::about::{AboutDialog, AboutFacts};
use crate::app::dialogs::crash::CrashDialog;
use crate::app::window::App;
use crate::base::logging::without_private;
use crate::base::{crash, device, logging, system};

impl App {
    /// Shows what a report needs.
    pub(crate) fn act_on_help(&mut self, action: HelpAction) {
        match action {
            HelpAction::About => {
                self.dialog = Some(Dialog::About(AboutDialog::default()));
                let log = logging::path_in(&self.records);
                self.run(|| {
                    let (system, devices, lines) = (system::system(), device::list(), logging::recent());
                    Ok(Some(HelpAction::AboutFacts(AboutFacts { system, devices, log, lines }).into()))
                });
            }
            HelpAction::AboutFacts(facts) => {
                if let Some(Dialog::About(dialog)) = &mut self.dialog {
                    dialog.facts = Some(facts);
                }
            }
            HelpAction::OfferCrash(report) => {
                let path = crash::told_in(&self.records);
                if self.dialog.is_none() {
                    self.dialog = Some(Dialog::Crash(CrashDialog { report, path }));
                } else {
                    let place = without_private(&path.display().to_string());
                    self.notices.info(format!("Burnisher crashed the last time; a report of it is in {place}"));
                }
            }
        }
    }

    /// Offers what was kept of a crash, if there was one.
    pub(crate) fn look_for_crash(&mut self) {
        let records = self.records.clone();
        self.run(move || Ok(crash::take(&records).map(|report| HelpAction::OfferCrash(report).into())));
    }
}
