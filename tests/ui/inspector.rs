//! The inspector: what a model is made of, read from its files.

use std::fs;
use std::path::{Path, PathBuf};

use burnisher::base::model_ref::ModelRef;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use safetensors::SafeTensors;

use crate::stage::{Puppet, Stage};

/// A window whose inspector is open on the form's model.
fn inspecting(model: ModelRef) -> Stage {
    let mut stage = Stage::with(Puppet::default(), |settings| settings.model = model);
    stage.until_says("Ready");
    stage.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::I);
    stage
}

/// The bundled model as a folder, whose unet's tensors are changed.
fn folder(change: impl FnOnce(&mut Vec<(String, Vec<usize>, Vec<u8>)>)) -> tempfile::TempDir {
    fn walk(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a folder");
        for path in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            let to: PathBuf = to.join(path.file_name().expect("a name"));
            if path.is_dir() {
                walk(&path, &to);
            } else {
                fs::copy(&path, &to).expect("a copy");
            }
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models/pictogram-64");
    walk(&model, folder.path());
    let path = folder.path().join("unet/diffusion_pytorch_model.safetensors");
    let bytes = fs::read(&path).expect("weights");
    let file = SafeTensors::deserialize(&bytes).expect("sound weights");
    let mut tensors: Vec<_> =
        file.iter().map(|(name, tensor)| (name.to_owned(), tensor.shape().to_vec(), tensor.data().to_vec())).collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(name, shape, data)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F16, shape.clone(), data);
        (name.as_str(), view.expect("the shape fits"))
    });
    safetensors::serialize_to_file(views, None, &path).expect("a file");
    folder
}

#[test]
fn a_models_components_are_shown_with_their_weights_and_options() {
    let mut stage = inspecting(ModelRef::Bundled);
    stage.until_says("\"_class_name\": \"StableDiffusionPipeline\"");
    stage.until("the plan", |stage| {
        stage.texts().iter().any(|text| text.contains("Fits: ") && text.contains(" GB, for 64 x 64"))
    });
    stage.click("unet");
    stage.until_says("UNet2DConditionModel (diffusers)");
    assert!(stage.says("Every tensor is there, and every one is used") && stage.says("block_out_channels"));
    assert!(stage.says("[64, 160, 160]"), "{:?}", stage.texts());
    stage.click("tokenizer");
    stage.until_says("CLIPTokenizer (transformers)");
    stage.click("Close");
    stage.until("it is closed", |stage| !stage.says("Copy as text"));
}

#[test]
fn all_of_it_can_be_copied_as_text() {
    let mut stage = inspecting(ModelRef::Bundled);
    stage.until_says("Copy as text");
    stage.settle();
    stage.window.get_by_label("Copy as text").click();
    let copied = |stage: &Stage| {
        stage.window.output().platform_output.commands.iter().find_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        })
    };
    let mut text = None;
    stage.until("the text", |stage| {
        text = text.take().or_else(|| copied(stage));
        text.is_some()
    });
    let text = text.expect("it was seen");
    assert!(text.starts_with("StableDiffusionPipeline {") && text.contains("unet: "), "{text}");
    assert!(text.contains("Fits: "), "{text}");
}

#[test]
fn another_sampler_is_tried_on_and_taken_into_the_form() {
    let mut stage = inspecting(ModelRef::Bundled);
    stage.until_says("Copy as text");
    stage.click("scheduler");
    stage.until_says("timestep_spacing");
    stage.click("Try a sampler");
    stage.click("Euler");
    stage.until_says("EulerDiscreteScheduler.from_config(pipe.scheduler.config)");
    assert!(stage.says("New") && stage.says("Dropped") && stage.says("Kept"));
    assert_eq!(stage.settings().kept.draft.values.sampling.scheduler, None, "it is only tried on");
    stage.click("Use in the form");
    stage.until("the sampler", |stage| {
        stage.settings().kept.draft.values.sampling.scheduler.is_some_and(|kind| kind.name() == "euler")
    });
}

#[test]
fn tensors_that_nothing_uses_are_told_and_do_no_harm() {
    let folder = folder(|tensors| tensors.push(("extra.weight".into(), vec![2], vec![0; 4])));
    let mut stage = inspecting(ModelRef::Folder(folder.path().into()));
    stage.until_says("1 tensor isn't used: extra.weight");
    assert!(stage.says("Fits: "));
    stage.click("⚠ unet");
    stage.click("⚠ 1 tensor that nothing uses, which does no harm");
    stage.until_says("extra.weight");
}

#[test]
fn tensors_that_are_missing_are_named() {
    let folder = folder(|tensors| tensors.retain(|(name, ..)| name != "conv_in.bias"));
    let mut stage = inspecting(ModelRef::Folder(folder.path().into()));
    stage.until_says("This model can't be used");
    stage.click("⚠ unet");
    stage.click("⚠ 1 tensor missing: the model can't be used");
    stage.until_says("conv_in.bias");
}

#[test]
fn a_model_that_is_not_there_is_said_to_be_so() {
    let mut stage = inspecting(ModelRef::Folder("/no/such/model".into()));
    stage.until_says("no such model: /no/such/model");
    stage.click("Close");
}
