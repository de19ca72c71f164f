//! The memory plan of the form's next picture, beside its size: worked out anew when what it depends on changes, on the thread
//! for files, since it asks the system how much memory is free.

use crate::app::theme;
use crate::session::settings::Draft;
use crate::worker::{Footprint, ModelInfo, Plan, Wish};

/// What is known of the plan.
#[derive(Debug, Default)]
pub(crate) struct Outlook {
    /// What was asked for last.
    asked: Option<Asked>,
    told: Option<Plan>,
}

/// A model, and what it is to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    footprint: Footprint,
    wish: Wish,
}

/// A plan, and what it is of.
#[derive(Debug)]
pub(crate) struct Planned {
    asked: Asked,
    plan: Plan,
}

impl Asked {
    fn of(footprint: Footprint, draft: &Draft) -> Self {
        // The worker draws one picture after the other.
        let request = draft.request().with(|request| request.seeds.count = 1);
        Self { footprint, wish: Wish::of(&request) }
    }

    /// The plan. It asks the system how much memory is free.
    pub(crate) fn plan(self) -> Planned {
        let held = self.footprint.usual_bytes();
        let plan = self.footprint.plan(&self.wish, self.footprint.budget(held));
        Planned { asked: self, plan }
    }
}

impl Outlook {
    /// What has to be planned, if the form or the model has changed.
    pub(crate) fn follow(&mut self, info: Option<&ModelInfo>, draft: &Draft) -> Option<Box<Asked>> {
        let footprint = info.and_then(|info| info.footprint.clone());
        let asked = footprint.map(|footprint| Asked::of(footprint, draft));
        if self.asked == asked {
            return None;
        }
        self.asked.clone_from(&asked);
        if asked.is_none() {
            self.told = None;
        }
        asked.map(Box::new)
    }

    /// Takes in a plan, unless it is of what isn't asked for any more.
    pub(crate) fn hear(&mut self, planned: Planned) {
        if self.asked.as_ref() == Some(&planned.asked) {
            self.told = Some(planned.plan);
        }
    }

    /// Says what isn't a plain fit.
    pub(crate) fn ui(&self, ui: &mut egui::Ui) {
        let Some(plan) = self.told.as_ref().filter(|plan| !plan.is_plain()) else { return };
        let text = egui::RichText::new(if plan.fits { plan.to_string() } else { format!("⚠ {plan}") }).small();
        let text = if plan.fits { text.weak() } else { text.color(theme::palette(ui).error) };
        let label = ui.label(text);
        let details = plan.details();
        if !details.is_empty() {
            label.on_hover_text(details.join("\n"));
        }
    }
}
