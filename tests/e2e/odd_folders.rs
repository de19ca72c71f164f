//! The program on folders that people and converters have changed: entries and files too many, or too few.

use std::fs;
use std::path::{Path, PathBuf};

use burnisher::base::cancel::CancelToken;
use burnisher::families;
use burnisher::storage::library::{self, LibraryItem, Places};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::checkpoints::{self, Checkpoint, Storage};
use crate::command_line::{folder, generate, run, text};

/// A copy of a tiny checkpoint, and what is done with it.
struct Bent {
    home: TempDir,
    model: PathBuf,
}

impl Bent {
    fn new(checkpoint: Checkpoint) -> Self {
        let home = folder();
        let model = home.path().join("model");
        copy(&checkpoints::folder(checkpoint, Storage::Whole), &model);
        Self { home, model }
    }

    /// Changes a file that holds a JSON object.
    fn edit(&self, file: &str, change: impl FnOnce(&mut Map<String, Value>)) -> &Self {
        let path = self.model.join(file);
        let mut content = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("a JSON object");
        change(&mut content);
        fs::write(path, Value::Object(content).to_string()).expect("written");
        self
    }

    /// Adds an entry to the index.
    fn names(&self, name: &str, value: Value) -> &Self {
        self.edit("model_index.json", |index| drop(index.insert(name.to_owned(), value)))
    }

    fn write(&self, file: &str, content: &str) -> &Self {
        let path = self.model.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, content).expect("written");
        self
    }

    fn remove(&self, folder: &str) -> &Self {
        fs::remove_dir_all(self.model.join(folder)).expect("removed");
        self
    }

    /// Draws a picture of two steps: its bytes, and what is said beside.
    fn draw(&self, args: &[&str]) -> (Vec<u8>, String) {
        let output = self.try_draw(args);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let picture = self.home.path().join("picture.png");
        let pixels = image::open(&picture).expect("a picture").into_rgb8().into_raw();
        fs::remove_file(picture).expect("removed");
        (pixels, text(&output.stderr).to_owned())
    }

    fn try_draw(&self, args: &[&str]) -> std::process::Output {
        let model = self.model.to_string_lossy();
        let usual = ["--model", &model, "--prompt", "a fox", "--seed", "1", "--guidance-scale", "3"];
        let size = ["--width", "64", "--height", "64", "--output", "picture.png"];
        generate(self.home.path(), &[&usual[..], &size, args].concat())
    }

    /// What `inspect` says.
    fn inspect(&self) -> Value {
        let output = run(self.home.path(), &["inspect", &self.model.to_string_lossy(), "--device", "cpu", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// What the library says of it, the same in a cache of the Hub.
    fn in_library(&self) -> LibraryItem {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let repository = self.home.path().join("hub/models--acme--odd");
        copy(&self.model, &repository.join("snapshots").join(commit));
        fs::create_dir_all(repository.join("refs")).expect("a folder");
        fs::write(repository.join("refs/main"), commit).expect("written");
        let list = |places: &Places| library::list(places, families::ALL, &CancelToken::new()).expect("threads").0;
        let cached = list(&Places { hub: Some(self.home.path().join("hub")), ..Places::default() });
        let folder = list(&Places::only(vec![self.home.path().join("model")]));
        assert_eq!((cached.len(), folder.len()), (1, 1), "{cached:?} {folder:?}");
        assert_eq!(cached[0].state, folder[0].state);
        cached.into_iter().next().expect("one")
    }

    /// Draws the model by its name on the Hub, from the cache.
    fn draws_from_the_cache(&self) {
        let item = self.in_library();
        assert!(item.is_usable(), "{:?}", item.state);
        let shelf = burnisher::storage::hub::Shelf::in_cache(self.home.path().join("hub"), families::ALL);
        let found = shelf.resolve(&item.model.expect("a name")).expect("all of it is there");
        families::open(&found).expect("it opens");
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

#[test]
fn the_sampler_is_of_the_class_that_the_index_names_whatever_its_config_was_written_for() {
    let euler = json!(["diffusers", "EulerDiscreteScheduler"]);
    let plain = Bent::new(Checkpoint::TinySd15);
    plain.names("scheduler", euler.clone());
    plain.edit("scheduler/scheduler_config.json", |config| {
        config.insert("_class_name".to_owned(), json!("EulerDiscreteScheduler"));
    });
    let (expected, _) = plain.draw(&[]);
    let (other, _) = plain.draw(&["--scheduler", "pndm"]);
    assert_ne!(other, expected, "the sampler shows in the picture");
    let classes = [
        json!("PNDMScheduler"),
        Value::Null,
        json!("MyScheduler"),
        json!("EulerAncestralDiscreteScheduler"),
        json!(["DDIMScheduler", "PNDMScheduler"]),
    ];
    for class in classes {
        let bent = Bent::new(Checkpoint::TinySd15);
        bent.names("scheduler", euler.clone()).edit("scheduler/scheduler_config.json", |config| {
            config.remove("_class_name");
            if !class.is_null() {
                config.insert("_class_name".to_owned(), class.clone());
            }
        });
        assert!(bent.draw(&[]).0 == expected, "{class}");
        let inspected = bent.inspect();
        assert_eq!(inspected["sampler"]["class"], json!("EulerDiscreteScheduler"), "{class}");
        let component = inspected["components"].as_array().into_iter().flatten().find(|it| it["name"] == "scheduler");
        assert_eq!(component.map(|it| &it["config"]["_class_name"]), Some(&json!("EulerDiscreteScheduler")), "{class}");
    }
}

#[test]
fn a_model_draws_without_the_safety_checker_that_its_index_names_and_says_so() {
    let (expected, said) = Bent::new(Checkpoint::TinySd15).draw(&[]);
    assert!(!said.contains("safety_checker"), "{said}");
    let checker = json!(["stable_diffusion", "StableDiffusionSafetyChecker"]);
    let extractor = json!(["transformers", "CLIPImageProcessor"]);
    for files in [&[][..], &["safety_checker/config.json"], &["safety_checker/config.json", "safety_checker/model.bin"]]
    {
        let bent = Bent::new(Checkpoint::TinySd15);
        bent.names("safety_checker", checker.clone()).names("feature_extractor", extractor.clone());
        for file in files {
            bent.write(file, "{}");
        }
        for off in [&[][..], &["--no-safety-checker"]] {
            let (picture, said) = bent.draw(off);
            assert!(picture == expected && said.contains("note: safety_checker: "), "{files:?}: {said}");
        }
        let notes = &bent.inspect()["notes"];
        assert!(notes.to_string().contains("safety_checker: it"), "{notes}");
        bent.draws_from_the_cache();
        // Who asks that flagged pictures be blocked isn't to be given pictures that nobody looked at.
        let refused = bent.try_draw(&["--safety-checker", "block"]);
        let line = text(&refused.stderr);
        assert!(refused.status.code() == Some(1) && line.contains("this model's safety checker isn't there"), "{line}");
    }
}

#[test]
fn a_safety_checker_looks_at_pictures_without_the_feature_extractor_that_the_index_names() {
    let bent = Bent::new(Checkpoint::TinySd15SafetyFlag);
    bent.names("feature_extractor", json!(["transformers", "CLIPImageProcessor"])).remove("feature_extractor");
    let inspected = bent.inspect();
    assert!(inspected["notes"].to_string().contains("feature_extractor: it isn't there"), "{inspected}");
    bent.draws_from_the_cache();
}

#[test]
fn entries_that_the_pipeline_does_not_know_are_passed_over() {
    let (expected, _) = Bent::new(Checkpoint::TinySd15).draw(&[]);
    let bent = Bent::new(Checkpoint::TinySd15);
    bent.names("controlnet_list", json!(["controlnet", "RPMultiControlNetModel"]))
        .names("watermarker", json!(["pipeline", "Watermarker"]))
        .names("controlnet", json!(["diffusers", "ControlNetModel"]))
        .names("image_encoder", json!(["transformers", "CLIPVisionModelWithProjection"]))
        .names("_callback_tensor_inputs", json!(["latents", "prompt_embeds"]))
        .names("_optional_components", json!(["safety_checker", "feature_extractor"]))
        .names("trained_on", json!(["laion", "art"]))
        .names("requires_aesthetics_score", json!(false))
        .names("force_zeros_for_empty_prompt", json!(true));
    bent.write("image_encoder/config.json", "{}");
    let (picture, said) = bent.draw(&[]);
    assert!(picture == expected && !said.contains("note: "), "{said}");
    assert_eq!(bent.inspect()["error"], Value::Null);
    bent.draws_from_the_cache();
}
