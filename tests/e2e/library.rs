//! Models are found wherever they lie: folders of other apps, laid out as those do it, whole and not.

use std::fs;
use std::path::{Path, PathBuf};

use burnisher::base::cancel::CancelToken;
use burnisher::base::error::Error;
use burnisher::base::model_ref::ModelRef;
use burnisher::families;
use burnisher::storage::checkpoint::family::{Architecture, FileKind};
use burnisher::storage::library::{self, ItemState, LibraryApp, LibraryItem, Places, ScanNews};
use tempfile::TempDir;

use crate::checkpoints::{self, Checkpoint, Storage};
use crate::model_files::{EMBEDDING, LORA, SD1, SD1_INPAINT, SDXL, VAE, VAE_OF_DIFFUSERS, bytes, write, write_bytes};

mod cache;
mod damage;
mod program;
mod reading;
mod speed;

/// A folder, and what is found in it.
struct Tree {
    folder: TempDir,
}

impl Tree {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, content: &[u8]) -> &Self {
        write_bytes(&self.path(path), content);
        self
    }

    fn model(&self, path: &str) -> &Self {
        write(&self.path(path), &SD1);
        self
    }

    fn folder(&self, path: &str) -> &Self {
        fs::create_dir_all(self.path(path)).expect("folders");
        self
    }

    /// A model in diffusers format.
    fn pipeline(&self, path: &str) -> &Self {
        copy(&checkpoints::folder(Checkpoint::TinySd15, Storage::Whole), &self.path(path));
        self
    }

    /// All that is found where the user's folder is this one.
    fn at_home(&self) -> Vec<LibraryItem> {
        let places = Places { homes: vec![self.folder.path().into()], ..Places::default() };
        sound(list(&places))
    }

    /// All that is found in one of its folders, which the user added.
    fn added(&self, path: &str) -> Vec<LibraryItem> {
        sound(list(&Places::only(vec![self.path(path)])))
    }
}

fn list(places: &Places) -> (Vec<LibraryItem>, Vec<Error>) {
    library::list(places, families::ALL, &CancelToken::new()).expect("threads")
}

fn sound((items, troubles): (Vec<LibraryItem>, Vec<Error>)) -> Vec<LibraryItem> {
    assert!(troubles.is_empty(), "{troubles:?}");
    items
}

/// Copies a folder with all that is below it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

fn link(to: &Path, at: &Path) {
    fs::create_dir_all(at.parent().expect("a folder")).expect("folders");
    #[cfg(unix)]
    std::os::unix::fs::symlink(to, at).expect("a link");
    #[cfg(windows)]
    if to.is_dir() {
        std::os::windows::fs::symlink_dir(to, at).expect("a link");
    } else {
        std::os::windows::fs::symlink_file(to, at).expect("a link");
    }
}

/// Name, kind and app of each.
fn told(items: &[LibraryItem]) -> Vec<(&str, FileKind, LibraryApp)> {
    items.iter().map(|item| (&*item.name, item.kind, item.app)).collect()
}

fn names(items: &[LibraryItem]) -> Vec<&str> {
    items.iter().map(|item| &*item.name).collect()
}

#[test]
fn models_of_a1111_are_found_by_kind() {
    let tree = Tree::new();
    let root = "stable-diffusion-webui-forge";
    tree.model(&format!("{root}/models/Stable-diffusion/photo.safetensors"));
    write(&tree.path(&format!("{root}/models/Stable-diffusion/sub/Paint.SafeTensors")), &SD1_INPAINT);
    write(&tree.path(&format!("{root}/models/VAE/ft-mse.safetensors")), &VAE);
    write(&tree.path(&format!("{root}/models/Lora/style.safetensors")), &LORA);
    write(&tree.path(&format!("{root}/embeddings/cat.safetensors")), &EMBEDDING);
    tree.write(&format!("{root}/embeddings/dog.pt"), b"PK\x03\x04pickle");
    // No models are looked for among upscalers and pictures.
    write(&tree.path(&format!("{root}/models/ESRGAN/4x.safetensors")), &VAE);
    write(&tree.path(&format!("{root}/outputs/a.safetensors")), &VAE);
    let items = tree.at_home();
    let app = LibraryApp::WebUi;
    assert_eq!(
        told(&items),
        [
            ("cat", FileKind::Embedding, app),
            ("dog", FileKind::Embedding, app),
            ("ft-mse", FileKind::Vae, app),
            ("Paint", FileKind::Checkpoint, app),
            ("photo", FileKind::Checkpoint, app),
            ("style", FileKind::Lora, app),
        ]
    );
    let path = tree.path(&format!("{root}/models/Stable-diffusion/photo.safetensors"));
    let photo = &items[4];
    assert_eq!((photo.family_text(), &photo.state), ("Stable Diffusion 1", &ItemState::Whole));
    assert_eq!(photo.model, Some(ModelRef::File(path.clone())));
    assert_eq!((photo.bytes, photo.precision_text()), (fs::metadata(&path).expect("a file").len(), "f16".to_owned()));
    assert!(photo.is_usable() && photo.modified.is_some() && photo.repair().is_none());
    assert_eq!(items[3].family_text(), "Stable Diffusion 1 Inpainting");
    assert!(items[0].model.is_none() && !items[0].is_usable(), "an embedding is no model by itself");
    assert!(items[1].state.why().expect("a reason").contains("can run code"));
}

#[test]
fn a_folder_named_in_the_web_uis_script_is_looked_into() {
    let tree = Tree::new();
    let elsewhere = tree.path("big drive/sd");
    let script = format!("#!/bin/bash\nexport COMMANDLINE_ARGS=\"--xformers --ckpt-dir '{}'\"\n", elsewhere.display());
    tree.folder("mine/models/Stable-diffusion").write("mine/webui-user.sh", script.as_bytes());
    tree.model("big drive/sd/far.safetensors");
    assert_eq!(told(&tree.added("mine")), [("far", FileKind::Checkpoint, LibraryApp::WebUi)]);
}

#[test]
fn models_of_comfyui_are_found_with_those_its_config_names() {
    let tree = Tree::new();
    tree.model("ComfyUI/models/checkpoints/sub/near.safetensors");
    tree.pipeline("ComfyUI/models/diffusers/folder");
    write(&tree.path("ComfyUI/models/unet/flux.safetensors"), &SD1[..2]);
    write(&tree.path("ComfyUI/models/upscale_models/4x.safetensors"), &VAE);
    tree.model("shared/models/Stable-diffusion/far.safetensors");
    write(&tree.path("shared/models/VAE/v.safetensors"), &VAE);
    write(&tree.path("shared/l2/lora.safetensors"), &LORA);
    let config = "# a comment\na111:\n    base_path: ../shared/\n    checkpoints: models/Stable-diffusion\n    \
                  vae: models/VAE\n    loras: |\n         l1\n         l2\n    controlnet: models/ControlNet\n";
    tree.write("ComfyUI/extra_model_paths.yaml", config.as_bytes()).folder("shared/l1");
    let items = tree.at_home();
    let app = LibraryApp::ComfyUi;
    assert_eq!(
        told(&items),
        [
            ("far", FileKind::Checkpoint, app),
            ("flux", FileKind::Unet, app),
            ("folder", FileKind::Checkpoint, app),
            ("lora", FileKind::Lora, app),
            ("near", FileKind::Checkpoint, app),
            ("v", FileKind::Vae, app),
        ]
    );
    let why = items[1].state.why().expect("a UNet alone draws nothing");
    assert!(why.contains("VAE") && why.contains("text encoder") && !items[1].is_usable(), "{why}");
    // What it lacks may lie beside it.
    tree.folder("ComfyUI/models/unet/flux");
    assert!(tree.at_home()[1].is_usable());
    let folder = &items[2];
    assert_eq!(folder.model, Some(ModelRef::Folder(tree.path("ComfyUI/models/diffusers/folder"))));
    assert_eq!(
        (folder.family_text(), &folder.state, folder.precision_text().as_str()),
        ("Stable Diffusion 1", &ItemState::Whole, "f32")
    );
}

#[test]
fn models_of_invokeai_are_found_by_its_config_and_named_by_what_they_were() {
    let tree = Tree::new();
    tree.write("invokeai/invokeai.yaml", b"schema_version: 4.0.2\nmodels_dir: tree\n");
    tree.model("invokeai/tree/sd-1/main/single.safetensors");
    tree.model("invokeai/tree/.download_cache/half.safetensors");
    let id = "0f2f8c9e-4a3a-4b7a-9d52-1b6f5f0e7a11";
    tree.pipeline(&format!("invokeai/tree/{id}"));
    let index = tree.path(&format!("invokeai/tree/{id}/model_index.json"));
    let text = fs::read_to_string(&index).expect("an index").replacen('{', "{\"_name_or_path\": \"acme/dream\",", 1);
    fs::write(&index, text).expect("written");
    assert_eq!(
        told(&tree.at_home()),
        [("dream", FileKind::Checkpoint, LibraryApp::InvokeAi), ("single", FileKind::Checkpoint, LibraryApp::InvokeAi)]
    );
}

#[test]
fn models_of_apps_with_formats_of_their_own_are_listed_with_the_reason() {
    let tree = Tree::new();
    let draw_things = "Library/Containers/com.liuliu.draw-things/Data/Documents/Models";
    tree.write(&format!("{draw_things}/sd_v1.5_f16.ckpt"), b"SQLite format 3\0and more");
    tree.write(".diffusionbee/downloads/sd-v1-4.tdict", b"anything");
    tree.folder("MochiDiffusion/models/split/Unet.mlmodelc");
    let items = tree.at_home();
    let app = |app| items.iter().find(|item| item.app == app).expect("found");
    for (app, why) in [
        (app(LibraryApp::DrawThings), "Draw Things' own format"),
        (app(LibraryApp::DiffusionBee), "DiffusionBee's own format"),
        (app(LibraryApp::Mochi), "Core ML"),
    ] {
        assert!(app.state.why().expect("a reason").contains(why), "{:?}", app.state);
        assert!(!app.is_usable() && app.model.is_some());
    }
}

#[test]
fn an_added_folder_tells_by_itself_whose_it_is() {
    let tree = Tree::new();
    tree.model("a/models/Stable-diffusion/a.safetensors");
    tree.model("b/models/checkpoints/b.safetensors");
    tree.model("c/models/sd-1/c.safetensors").write("c/databases/invokeai.db", b"SQLite format 3\0");
    tree.model("d/e/f/d.safetensors");
    for (folder, found) in [
        ("a", ("a", FileKind::Checkpoint, LibraryApp::WebUi)),
        ("a/models", ("a", FileKind::Checkpoint, LibraryApp::WebUi)),
        ("b", ("b", FileKind::Checkpoint, LibraryApp::ComfyUi)),
        ("b/models", ("b", FileKind::Checkpoint, LibraryApp::ComfyUi)),
        ("c", ("c", FileKind::Checkpoint, LibraryApp::InvokeAi)),
        ("d", ("d", FileKind::Checkpoint, LibraryApp::Folder)),
        ("a/models/Stable-diffusion", ("a", FileKind::Checkpoint, LibraryApp::Folder)),
    ] {
        assert_eq!(told(&tree.added(folder)), [found], "{folder}");
    }
    tree.pipeline("model");
    assert_eq!(
        told(&tree.added("model")),
        [("model", FileKind::Checkpoint, LibraryApp::Folder)],
        "a model is a folder, too"
    );
}

#[test]
fn what_is_built_in_and_what_is_ours_is_found() {
    let tree = Tree::new();
    tree.model("own/mine.safetensors");
    let places = Places { bundled: true, own: Some(tree.path("own")), ..Places::default() };
    let items = sound(list(&places));
    assert_eq!(
        told(&items),
        [
            ("mine", FileKind::Checkpoint, LibraryApp::Burnisher),
            ("Pictogram 64 (bundled)", FileKind::Checkpoint, LibraryApp::Burnisher)
        ]
    );
    let bundled = &items[1];
    assert_eq!(
        (bundled.model.clone(), &bundled.state, &bundled.path),
        (Some(ModelRef::Bundled), &ItemState::Whole, &None)
    );
    assert!(bundled.bytes > 10_000_000 && bundled.architecture.is_some_and(Architecture::is_openable), "{bundled:?}");
}

#[test]
fn families_that_cannot_be_drawn_with_say_so() {
    let tree = Tree::new();
    write(&tree.path("xl.safetensors"), &SDXL);
    write(&tree.path("other.safetensors"), &[("model.layers.0.mlp.weight", &[4, 4])]);
    let items = tree.added("");
    assert!(items.iter().all(|item| !item.is_usable()));
    assert!(items[0].state.why().expect("a reason").contains("no Stable Diffusion model"));
    assert!(items[1].state.why().expect("a reason").contains("Stable Diffusion XL"), "{:?}", items[1].state);
    assert_eq!(items[1].family_text(), "Stable Diffusion XL");
}

#[test]
fn the_precisions_of_a_folder_are_all_that_are_there() {
    let tree = Tree::new();
    tree.pipeline("both");
    let halves = checkpoints::folder(Checkpoint::TinySd15, Storage::Fp16);
    for component in ["unet", "vae", "text_encoder"] {
        copy(&halves.join(component), &tree.path(&format!("both/{component}")));
    }
    copy(&checkpoints::folder(Checkpoint::TinySd15, Storage::Sharded), &tree.path("shards"));
    copy(&checkpoints::folder(Checkpoint::TinyDdpmLegacy, Storage::Whole), &tree.path("unconditional"));
    let items = tree.added("");
    assert_eq!(names(&items), ["both", "shards", "unconditional"]);
    assert!(items.iter().all(|item| item.state == ItemState::Whole), "{items:?}");
    assert_eq!(items[0].precision_text(), "f16, f32");
    assert_eq!((items[1].precision_text().as_str(), items[1].files.len()), ("f32", 6));
    assert_eq!(items[2].family_text(), "Unconditional");
}

#[test]
fn items_come_as_they_are_found_and_a_cancelled_scan_ends() {
    let tree = Tree::new();
    for number in 0..200 {
        tree.model(&format!("{number}.safetensors"));
    }
    let cancel = CancelToken::new();
    let told = std::sync::Mutex::new(0);
    library::scan(&Places::only(vec![tree.path("")]), families::ALL, &cancel, &|found| {
        if matches!(found, ScanNews::Item(_)) {
            *told.lock().expect("whole") += 1;
            cancel.cancel();
        }
    })
    .expect("threads");
    let told = told.into_inner().expect("whole");
    assert!((1..100).contains(&told), "{told} of 200 were told of");
}

#[test]
fn loops_and_what_is_met_twice_are_met_once() {
    let tree = Tree::new();
    tree.model("models/a/one.safetensors");
    link(&tree.path("models"), &tree.path("models/a/loop"));
    link(&tree.path("models/a/one.safetensors"), &tree.path("models/b/same.safetensors"));
    link(&tree.path("models/a"), &tree.path("models/c"));
    link(&tree.path("models/itself"), &tree.path("models/itself"));
    let places = Places::only(vec![tree.path("models"), tree.path("models/a"), tree.path("models")]);
    assert_eq!(names(&sound(list(&places))), ["one"]);
}

#[test]
fn other_files_and_hidden_folders_are_passed_over() {
    let tree = Tree::new();
    tree.model("models/one.safetensors");
    for other in
        ["readme.md", "model.onnx", "weights.bin", "a.pt", "safetensors", "x.safetensors.index.json", ".b.ckpt"]
    {
        tree.write(&format!("models/{other}"), b"anything");
    }
    for hidden in [".git", "venv", "node_modules", "__pycache__"] {
        tree.model(&format!("models/{hidden}/not.safetensors"));
    }
    for number in 0..20_000 {
        fs::write(tree.path(&format!("models/{number}.txt")), "").expect("written");
    }
    assert_eq!(names(&tree.added("models")), ["one"]);
}

#[test]
fn a_folder_that_cannot_be_looked_into_is_told_and_the_others_are_found() {
    let tree = Tree::new();
    tree.model("good/one.safetensors").write("file", b"no folder");
    let places = Places::only(vec![tree.path("gone"), tree.path("file"), tree.path("good")]);
    let (items, troubles) = list(&places);
    assert_eq!(names(&items), ["one"]);
    assert_eq!(troubles.len(), 2, "{troubles:?}");
    assert!(troubles[0].to_string().contains("gone") && troubles[1].to_string().contains("file"), "{troubles:?}");
}

#[test]
fn folders_too_deep_are_told() {
    let tree = Tree::new();
    tree.model("a/b/c/d/e/f/g/found.safetensors");
    tree.model("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/lost.safetensors");
    let (items, troubles) = list(&Places::only(vec![tree.path("")]));
    assert_eq!(names(&items), ["found"]);
    assert_eq!(troubles.len(), 1, "{troubles:?}");
}

#[test]
fn a_vae_of_diffusers_is_named_by_its_folder() {
    let tree = Tree::new();
    write(&tree.path("sd-vae-ft-mse/diffusion_pytorch_model.safetensors"), &VAE_OF_DIFFUSERS);
    let items = tree.added("");
    assert_eq!(told(&items), [("sd-vae-ft-mse/diffusion_pytorch_model", FileKind::Vae, LibraryApp::Folder)]);
}
