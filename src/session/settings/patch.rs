//! What settings from elsewhere (a picture, a file of another app) would change in the form.

use crate::base::model_ref::ModelRef;
use crate::content::request::{Field, FieldSet, Patch};
use crate::session::settings::Draft;

/// Something of the form that can be taken over by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FormSetting {
    /// The model.
    Model,
    /// A field of the request.
    Field(Field),
}

impl FormSetting {
    /// What the form calls it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Model => "Model",
            Self::Field(field) => field.label(),
        }
    }
}

/// A setting that would change.
#[derive(Clone, Debug, PartialEq)]
pub struct FormChange {
    /// Which.
    pub setting: FormSetting,
    /// What it says now.
    pub now: String,
    /// What it would say.
    pub then: String,
}

/// Returns what a patch would change in the form.
pub fn changes(patch: &Patch, draft: &Draft, model: &ModelRef) -> Vec<FormChange> {
    let mut after = draft.clone();
    after.take_patch(patch, FieldSet::all());
    let then_model = patch.model.as_ref().unwrap_or(model);
    let mut changes = Vec::new();
    if then_model != model {
        changes.push(FormChange { setting: FormSetting::Model, now: model.to_string(), then: then_model.to_string() });
    }
    let (now_request, then_request) = (draft.request(), after.request());
    for field in patch.has.iter() {
        let (now, mut then) = (draft.show(field), after.show(field));
        if now == then && field.differs(&now_request, &then_request) {
            then.push_str(", with its own options");
        }
        if now != then {
            changes.push(FormChange { setting: FormSetting::Field(field), now, then });
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::{Inpaint, Recipe, Size, Task};

    fn patch() -> Patch {
        Patch::default()
            .with(Field::Prompt, |request| request.prompts.prompt = "a fox".into())
            .with(Field::Steps, |request| request.sampling.steps = 5)
            .with(Field::Seed, |request| request.seeds.first = 3)
            .with(Field::Size, |request| request.size = Size::new(72, 64))
    }

    #[test]
    fn changes_name_what_differs_and_nothing_else() {
        let mut draft = Draft::default();
        draft.values.sampling.steps = 5;
        let changes = changes(&patch(), &draft, &ModelRef::Bundled);
        let settings: Vec<FormSetting> = changes.iter().map(|change| change.setting).collect();
        assert_eq!(settings, [Field::Prompt, Field::Seed, Field::Size].map(FormSetting::Field));
        assert_eq!((changes[1].now.as_str(), changes[1].then.as_str()), ("New each time", "3"));
        assert_eq!(changes[2].then, "72 × 64");
    }

    #[test]
    fn tasks_that_differ_in_what_is_not_shown_are_told_apart() {
        let task = |grow| Task::Inpaint(Box::new(Inpaint { mask_grow: grow, ..Inpaint::default() }));
        let mut draft = Draft::default();
        draft.start.take(&task(1));
        let patch = Patch::default().with(Field::Task, |request| request.start.task = task(2));
        let changes = changes(&patch, &draft, &ModelRef::Bundled);
        assert!(changes[0].then.ends_with(", with its own options"), "{changes:?}");
    }

    #[test]
    fn only_the_chosen_fields_are_taken() {
        let mut draft = Draft::default();
        draft.take_patch(&patch(), [Field::Seed].into_iter().collect());
        let seen = (draft.values.seeds.first, draft.seed_locked, draft.values.prompts.prompt.as_str(), draft.untouched);
        assert_eq!(seen, (3, true, "", true));
        draft.take_patch(&patch(), FieldSet::all());
        assert_eq!(
            (draft.values.prompts.prompt.as_str(), draft.values.size.width, draft.untouched),
            ("a fox", 72, false)
        );
        assert_eq!(changes(&patch(), &draft, &ModelRef::Bundled), []);
    }

    #[test]
    fn a_recipe_gives_back_its_request() {
        let request = Draft::default().request().with(|request| {
            request.prompts.prompt = "a fox".into();
            request.seeds.first = 8;
        });
        let mut draft = Draft::default();
        let patch = Recipe::of_picture(&request, 0, "/models/sd").patch();
        draft.take_patch(&patch, FieldSet::all());
        assert_eq!(draft.request(), request);
        assert_eq!(patch.model, Some(ModelRef::Folder("/models/sd".into())));
    }
}
