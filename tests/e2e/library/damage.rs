//! Files that aren't what their names promise.

use std::fs;

use burnisher::storage::library::ItemState;

use super::{SD1, Tree, bytes, link};

#[test]
fn every_kind_of_damage_is_told_and_none_is_offered_for_use() {
    let tree = Tree::new();
    let whole = bytes(&SD1, "F16");
    let second = whole.windows(5).position(|bytes| bytes == b"[144,").expect("the second tensor's place");
    let overlap = [&whole[..second], b"[100,", &whole[second + 5..]].concat();
    for (name, content, why) in [
        ("cut", &whole[..whole.len() / 2], "are there. Fetch it again from where it came from"),
        ("cut-in-header", &whole[..40], "within its header"),
        ("empty", b"", "it is empty"),
        ("page", b"<!DOCTYPE html><html>log in</html>", "web page"),
        ("pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4", "Git LFS"),
        ("zeros", &[0; 4096], "zeros"),
        ("noise", &[0xa5; 4096], "doesn't begin as a safetensors file does"),
        ("overlap", &overlap, "overlap another's or leave a gap"),
    ] {
        tree.write(&format!("{name}/{name}.safetensors"), content);
        let items = tree.added(name);
        assert_eq!(items.len(), 1, "{name}");
        let ItemState::Broken { why: said } = &items[0].state else { panic!("{name}: {:?}", items[0].state) };
        assert!(said.contains(why), "{name}: {said}");
        assert!(!items[0].is_usable() && items[0].repair().is_none());
    }
}

#[test]
fn formats_that_cannot_be_opened_say_what_to_look_for() {
    let tree = Tree::new();
    for (name, content, why) in [
        ("a.ckpt", &b"PK\x03\x04archive/data.pkl"[..], "can run code"),
        ("b.ckpt", b"\x80\x02}q\0", "can run code"),
        ("c.ckpt", b"SQLite format 3\0", "Draw Things"),
        ("d.ckpt", b"", "empty"),
        ("e.ckpt", b"whatever it is", "no format that is known"),
    ] {
        tree.write(&format!("{name}/{name}"), content);
        let items = tree.added(name);
        assert!(matches!(&items[0].state, ItemState::NotOpenable { why: said } if said.contains(why)), "{items:?}");
    }
}

#[test]
fn a_link_that_leads_nowhere_is_told() {
    let tree = Tree::new();
    link(&tree.path("unplugged/model.safetensors"), &tree.path("models/linked.safetensors"));
    let items = tree.added("models");
    assert!(items[0].state.why().expect("a reason").contains("isn't there"), "{items:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_pipe_is_not_waited_for() {
    let tree = Tree::new();
    let pipe = tree.path("pipe.safetensors");
    let made = std::process::Command::new("mkfifo").args([&pipe, &pipe.with_extension("ckpt")]).status();
    assert!(made.expect("mkfifo").success());
    let items = tree.added("");
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item.state != ItemState::Whole), "{items:?}");
}

#[test]
fn a_folder_that_is_not_whole_says_what_is_missing() {
    let tree = Tree::new();
    for (name, file, missing) in [
        ("a", "unet/diffusion_pytorch_model.safetensors", "unet's weights"),
        ("b", "tokenizer/merges.txt", "tokenizer/merges.txt"),
        ("c", "scheduler/scheduler_config.json", "scheduler/scheduler_config.json"),
        ("d", "vae/config.json", "vae/config.json"),
    ] {
        tree.pipeline(name);
        fs::remove_file(tree.path(&format!("{name}/{file}"))).expect("removed");
        let items = tree.added(name);
        assert_eq!(items[0].state, ItemState::Partial { missing: vec![missing.to_owned()] });
        assert!(items[0].repair().is_none(), "nobody knows where it came from");
    }
}

#[test]
fn a_folder_with_a_broken_file_names_it() {
    let tree = Tree::new();
    for (name, file, content) in [
        ("a", "model_index.json", &b"{\"_class_name\": "[..]),
        ("b", "vae/config.json", b"[]"),
        ("c", "text_encoder/model.safetensors", b"<html><body>Sorry</body>"),
    ] {
        tree.pipeline(name).write(&format!("{name}/{file}"), content);
        let items = tree.added(name);
        assert!(matches!(&items[0].state, ItemState::Broken { why } if why.contains(file)), "{items:?}");
    }
}

#[test]
fn a_pipeline_of_another_kind_is_named() {
    let tree = Tree::new();
    tree.write(
        "xl/model_index.json",
        b"{\"_class_name\": \"StableDiffusionXLPipeline\", \"unet\": [\"diffusers\", \"UNet2DConditionModel\"]}",
    );
    let items = tree.added("xl");
    let why = items[0].state.why().expect("a reason");
    assert!(why.contains("StableDiffusionXLPipeline") && items[0].family_text() == "Stable Diffusion XL", "{items:?}");
}
