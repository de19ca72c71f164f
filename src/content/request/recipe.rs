//! What a PNG carries of the request that drew it.

use serde::{Deserialize, Serialize};

use super::field_set::FieldSet;
use super::fields::Field;
use super::patch::Patch;
use super::request::Request;
use super::safety::Verdict;
use crate::base::model_ref::ModelRef;

/// What the PNG stores: enough to draw the picture again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The request that draws this one picture: its own seed, count 1.
    pub request: Request,
    /// The model, as the user named it.
    pub model: String,
    /// The fingerprint of a model on disk: it is found again by this, not by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_hash: Option<String>,
    /// The version of Burnisher that drew it.
    pub app_version: String,
    /// What the model's safety checker says of the picture; `None` if it wasn't asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

impl Recipe {
    /// Makes the recipe of picture `k` of `request`, drawn by this version of Burnisher.
    pub fn of_picture(request: &Request, k: usize, model: impl Into<String>) -> Self {
        Self {
            request: request.picture(k),
            model: model.into(),
            model_hash: None,
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            verdict: None,
        }
    }

    /// Returns what a form takes over from it: everything that drew the picture.
    pub fn patch(&self) -> Patch {
        let mut has = FieldSet::all();
        // How many pictures there were says nothing of this one, and what is done to flagged ones is the user's choice.
        has.remove(Field::Count);
        has.remove(Field::Safety);
        Patch { request: self.request.clone(), has, model: self.model_ref() }
    }

    /// Returns the model, where its name alone says which it is: that of a file or folder without its place doesn't.
    pub fn model_ref(&self) -> Option<ModelRef> {
        let Ok(model) = self.model.parse::<ModelRef>();
        match &model {
            ModelRef::Folder(path) | ModelRef::File(path) if path.is_relative() => None,
            _ => Some(model),
        }
    }

    /// Returns what may leave this machine, and what is taken of what came to it: no path of a picture or of the model.
    #[must_use]
    pub fn shared(&self) -> Self {
        let mut shared = self.clone();
        shared.request.forget_places();
        let Ok(model) = self.model.parse::<ModelRef>();
        if let ModelRef::Folder(path) | ModelRef::File(path) = &model {
            let name = path.file_name().unwrap_or(path.as_os_str());
            shared.model = name.to_string_lossy().into_owned();
        }
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::{Branch, ImageRef, Prompts, Seeds, Start, Task};

    fn request() -> Request {
        Request { prompts: Prompts::new("a fox"), seeds: Seeds::new(u64::MAX, 2), ..Request::default() }
    }

    #[test]
    fn each_picture_has_its_own_seed_and_the_last_seed_wraps() {
        let recipe = Recipe::of_picture(&request(), 1, "bundled");
        assert_eq!((recipe.request.seeds.first, recipe.request.seeds.count), (0, 1));
    }

    #[test]
    fn what_leaves_the_machine_tells_no_path() {
        let image = ImageRef { hash: Some("ab12".into()), hint: Some("/home/anna/cat.png".into()) };
        let task = Task::ImageToImage { image: image.clone(), strength: 0.5 };
        let from = Request { start: task.clone().into(), ..Request::default() };
        let branch = Some(Box::new(Branch { from, step: 1 }));
        let request = Request { start: Start { task, branch }, ..Request::default() };
        for model in ["/home/anna/models/cats", "/home/anna/models/cats.safetensors"] {
            let recipe = Recipe::of_picture(&request, 0, model).shared();
            let json = serde_json::to_string(&recipe).expect("JSON");
            assert!(!json.contains("anna") && !json.contains('/') && json.contains("ab12"), "{json}");
            assert_eq!(recipe.model_ref(), None, "the name alone says too little");
        }
        for model in ["bundled", "owner/name"] {
            assert_eq!(Recipe::of_picture(&request, 0, model).shared().model, model);
        }
    }

    #[test]
    fn a_recipe_survives_json_with_every_digit_of_its_seed() {
        let recipe = Recipe::of_picture(&request(), 0, "models/fox");
        let json = serde_json::to_string(&recipe).expect("a recipe is JSON");
        assert!(json.contains("18446744073709551615"));
        assert_eq!(serde_json::from_str::<Recipe>(&json).expect("and back"), recipe);
    }

    #[test]
    fn a_newer_recipe_with_unknown_keys_still_opens() {
        let json = r#"{"request":{"task":{"name":"text-to-image","x":1},"prompt":"a","negative_prompt":"","steps":1,
            "guidance_scale":1,"guidance_rescale":0,"seed":1,"width":8,"height":8,"count":1,"later":true},
            "model":"bundled","app_version":"9","later":[]}"#;
        let recipe: Recipe = serde_json::from_str(json).expect("unknown keys are passed over");
        assert_eq!(recipe.request.sampling.scheduler, None);
    }
}
