//! The Hub's cache: revisions, and downloads that were cut.

use std::fs;

use burnisher::base::model_ref::{HubId, ModelRef};
use burnisher::base::stop::Stop;
use burnisher::storage::library::{ItemState, LibraryItem, Places, Soundness, verify};
use sha2::{Digest, Sha256};

use super::{
    CancelToken, Checkpoint, FileKind, LibraryApp, Path, SD1, Storage, Tree, VAE_OF_DIFFUSERS, bytes, checkpoints,
    link, list, names, sound, told,
};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba98";

impl Tree {
    /// Writes a repository as `huggingface_hub` does: each file a blob named by its hash, and a link to it.
    fn repository(&self, repo: &str, commit: &str, files: &[(&str, &[u8])]) -> &Self {
        for (name, content) in files {
            let hash = checkpoints::hex(&Sha256::digest(content));
            self.write(&format!("hub/{repo}/blobs/{hash}"), content);
            let at = self.path(&format!("hub/{repo}/snapshots/{commit}/{name}"));
            let up = "../".repeat(2 + name.matches('/').count());
            link(Path::new(&format!("{up}blobs/{hash}")), &at);
        }
        self
    }

    /// A repository with a whole model, and `main` on it.
    fn whole_repository(&self, repo: &str) -> &Self {
        let mut files = Vec::new();
        read_all(&checkpoints::folder(Checkpoint::TinySd15, Storage::Whole), "", &mut files);
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (&**name, &**bytes)).collect();
        self.repository(repo, COMMIT, &files).write(&format!("hub/{repo}/refs/main"), COMMIT.as_bytes())
    }

    fn snapshot(&self, repo: &str, file: &str) -> std::path::PathBuf {
        self.path(&format!("hub/{repo}/snapshots/{COMMIT}/{file}"))
    }

    fn cached(&self) -> Vec<LibraryItem> {
        sound(list(&Places { hub: Some(self.path("hub")), ..Places::default() }))
    }
}

/// All files below a folder, by their names relative to it.
fn read_all(folder: &Path, above: &str, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read_all(&entry.path(), &format!("{name}/"), found);
        } else {
            found.push((name, fs::read(entry.path()).expect("a file")));
        }
    }
}

fn hub(text: &str) -> Option<ModelRef> {
    HubId::parse(text).map(ModelRef::Hub)
}

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";
const REPO: &str = "models--acme--tiny-sd";

#[test]
fn a_model_of_the_hub_is_found_under_its_name() {
    let tree = Tree::new();
    tree.whole_repository(REPO);
    let items = tree.cached();
    assert_eq!(told(&items), [("acme/tiny-sd", FileKind::Checkpoint, LibraryApp::Hub)]);
    let item = &items[0];
    assert_eq!(
        (&item.model, &item.state, item.family_text()),
        (&hub("acme/tiny-sd"), &ItemState::Whole, "Stable Diffusion 1")
    );
    assert!(item.is_usable() && item.repair().is_none());
    assert!(item.files.iter().all(|file| file.path.starts_with(fs::canonicalize(tree.path("hub")).expect("a folder"))));
}

#[test]
fn a_single_file_beside_a_pipeline_is_a_model_of_its_own() {
    let tree = Tree::new();
    tree.whole_repository(REPO).repository(REPO, COMMIT, &[("v1-pruned.safetensors", &bytes(&SD1, "F32"))]);
    let items = tree.cached();
    assert_eq!(names(&items), ["acme/tiny-sd", "acme/tiny-sd/v1-pruned"]);
    assert!(items[1].is_usable() && matches!(items[1].model, Some(ModelRef::File(_))), "{items:?}");
}

#[test]
fn each_revision_is_a_model_of_its_own() {
    let tree = Tree::new();
    tree.whole_repository(REPO);
    let index = fs::read(tree.snapshot(REPO, "model_index.json")).expect("an index");
    tree.repository(REPO, OTHER, &[("model_index.json", &index)]);
    let third = "a".repeat(40);
    tree.repository(REPO, &third, &[("model_index.json", &index)]);
    tree.write(&format!("hub/{REPO}/refs/refs/pr/3"), OTHER.as_bytes());
    let items = tree.cached();
    assert_eq!(names(&items), ["acme/tiny-sd", "acme/tiny-sd@aaaaaaa", "acme/tiny-sd@refs/pr/3"]);
    assert_eq!(items[1].model, hub(&format!("acme/tiny-sd@{third}")));
    assert_eq!(items[2].model, hub("acme/tiny-sd@refs/pr/3"));
}

#[test]
fn a_download_that_was_cut_is_told_with_what_is_missing_and_can_be_repaired() {
    let tree = Tree::new();
    tree.whole_repository(REPO);
    let blob = fs::canonicalize(tree.snapshot(REPO, UNET)).expect("a blob");
    fs::rename(&blob, blob.with_extension("incomplete")).expect("renamed");
    let items = tree.cached();
    assert_eq!(items[0].state, ItemState::Partial { missing: vec![UNET.to_owned()] });
    let repair = items[0].repair().expect("it can be");
    assert_eq!((Some(ModelRef::Hub(repair.id.clone())), repair.damaged.len()), (hub("acme/tiny-sd"), 0));
    // The link comes last.
    fs::remove_file(tree.snapshot(REPO, UNET)).expect("removed");
    fs::remove_file(tree.snapshot(REPO, "vae/config.json")).expect("removed");
    let why = tree.cached()[0].state.why().expect("a reason");
    assert!(why.contains("unet's weights") && why.contains("vae/config.json"), "{why}");
}

#[test]
fn a_download_of_which_nothing_is_whole_is_told() {
    let tree = Tree::new();
    tree.write(&format!("hub/{REPO}/blobs/abc.incomplete"), b"begun").write("hub/version.txt", b"1");
    tree.write("hub/models--acme--empty/refs/main", COMMIT.as_bytes()).folder("hub/.locks/models--acme--tiny-sd");
    let items = tree.cached();
    assert_eq!(names(&items), ["acme/tiny-sd"]);
    assert!(matches!(items[0].state, ItemState::Partial { .. }) && items[0].repair().is_some());
}

#[test]
fn a_blob_that_is_cut_short_is_damage_and_makes_way_when_it_is_repaired() {
    let tree = Tree::new();
    tree.whole_repository(REPO);
    let blob = fs::canonicalize(tree.snapshot(REPO, UNET)).expect("a blob");
    let whole = fs::metadata(&blob).expect("a blob").len();
    fs::File::options().write(true).open(&blob).expect("a blob").set_len(whole - 1000).expect("cut");
    let items = tree.cached();
    let why = items[0].state.why().expect("a reason");
    assert!(
        matches!(items[0].state, ItemState::Broken { .. }) && why.contains(UNET) && why.contains("are there"),
        "{why}"
    );
    let repair = items[0].repair().expect("it can be");
    assert_eq!(repair.damaged, std::slice::from_ref(&blob));
    assert!(blob.exists(), "nothing is removed before the download begins");
    repair.make_way().expect("it can be removed");
    assert!(!blob.exists());
    repair.make_way().expect("what is gone makes no trouble");
    assert_eq!(tree.cached()[0].state, ItemState::Partial { missing: vec![UNET.to_owned()] });
}

#[test]
fn weights_that_are_only_pickled_can_be_had_as_others() {
    let tree = Tree::new();
    tree.whole_repository(REPO);
    fs::remove_file(tree.snapshot(REPO, UNET)).expect("removed");
    tree.repository(REPO, COMMIT, &[("unet/diffusion_pytorch_model.bin", b"PK\x03\x04")]);
    let items = tree.cached();
    assert!(items[0].state.why().expect("a reason").contains("pickled") && items[0].repair().is_some());
    let elsewhere = sound(list(&Places::only(vec![tree.snapshot(REPO, "")])));
    assert!(
        matches!(&elsewhere[0].state, ItemState::NotOpenable { why } if why.contains("can run code")),
        "{elsewhere:?}"
    );
    assert!(elsewhere[0].repair().is_none(), "nobody knows where it came from");
}

#[test]
fn repositories_without_pipelines_give_what_they_have() {
    let tree = Tree::new();
    tree.repository("models--acme--single", COMMIT, &[("v1.safetensors", &bytes(&SD1, "F32"))]);
    let vae = bytes(&VAE_OF_DIFFUSERS, "F32");
    tree.repository(
        "models--acme--sd-vae",
        COMMIT,
        &[("diffusion_pytorch_model.safetensors", &vae), ("config.json", b"{}")],
    );
    let language = bytes(&[("model.embed_tokens.weight", &[8, 8])], "F32");
    tree.repository("models--acme--llm", COMMIT, &[("model.safetensors", &language), ("config.json", b"{}")]);
    tree.repository("datasets--acme--cats", COMMIT, &[("a.safetensors", &vae)]);
    let items = tree.cached();
    let found = told(&items);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().any(|(name, kind, _)| name.starts_with("acme/sd-vae") && *kind == FileKind::Vae), "{found:?}");
    assert!(found.iter().any(|(name, kind, _)| name.ends_with("/v1") && *kind == FileKind::Checkpoint), "{found:?}");
}

#[test]
fn a_cache_elsewhere_is_used_by_its_folders() {
    let tree = Tree::new();
    tree.whole_repository(REPO);
    let items = tree.added("hub");
    assert_eq!(told(&items), [("acme/tiny-sd", FileKind::Checkpoint, LibraryApp::Folder)]);
    assert_eq!(items[0].model, Some(ModelRef::Folder(tree.snapshot(REPO, "").components().collect())));
}

#[test]
fn a_checksum_that_differs_is_damage() {
    let tree = Tree::new();
    tree.whole_repository(REPO);
    let item = tree.cached().remove(0);
    let check = |item: &LibraryItem| verify(item, &CancelToken::new(), &mut |_, _| {}).expect("readable");
    assert_eq!(check(&item), Soundness::Sound(3));
    let blob = fs::canonicalize(tree.snapshot(REPO, UNET)).expect("a blob");
    let mut content = fs::read(&blob).expect("a blob");
    *content.last_mut().expect("a byte") ^= 1;
    fs::write(&blob, content).expect("written");
    assert_eq!(tree.cached()[0].state, ItemState::Whole, "headers don't tell");
    let verdict = check(&item);
    assert_eq!(verdict, Soundness::Damaged(vec![blob.clone()]));
    let item = item.verified(&verdict);
    assert!(matches!(&item.state, ItemState::Broken { why } if why.contains("checksum")));
    assert_eq!(item.repair().expect("it can be").damaged, [blob]);
    let plain = sound(list(&Places::only(vec![checkpoints::folder(Checkpoint::TinySd15, Storage::Whole)]))).remove(0);
    assert_eq!(check(&plain), Soundness::Unknown);
    let stopped = CancelToken::new();
    stopped.cancel();
    assert!(matches!(verify(&item, &stopped, &mut |_, _| {}), Err(Stop::Cancelled)));
}
