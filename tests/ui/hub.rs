//! Models from the Hub: searched, looked at, downloaded. A server on this machine plays the Hub; the client is the real one.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use burnisher::base::model_ref::{HubId, ModelRef};
use burnisher::storage::hub::{Options, Patience, Token};
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use serde_json::json;

use crate::checkpoints::{self, Checkpoint, Storage};
use crate::repo::Repo;
use crate::server::{Fault, Server};
use crate::stage::{Puppet, Stage};

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    stall: Duration::from_secs(5),
    backoff: Duration::from_millis(2),
    tries: 3,
};

/// A window and a Hub with `acme/tiny-sd15`.
fn stage(change: impl FnOnce(&mut Repo)) -> (Stage, Arc<Server>) {
    let server = Arc::new(Server::start());
    let mut repo = Repo::of(&checkpoints::folder(Checkpoint::TinySd15, Storage::Whole));
    change(&mut repo);
    server.put("acme/tiny-sd15", repo);
    let folder = tempfile::tempdir().expect("a folder");
    let (cache, endpoint) = (folder.path().join("hub"), server.endpoint());
    let reach = move |token: Option<Token>| {
        let (endpoint, cache) = (endpoint.clone(), cache.clone());
        Options { endpoint, cache, token, offline: false, patience: PATIENCE }
    };
    let mut stage = Stage::open_with_hub(folder, Puppet::default(), [1280.0, 800.0], reach);
    stage.until_says("Ready");
    stage.press(egui::Modifiers::COMMAND, egui::Key::M);
    stage.click("From the Hub");
    (stage, server)
}

/// Shows what the Hub has of the model.
fn look(stage: &mut Stage) {
    stage.type_into("Search the Hub", "acme/tiny-sd15");
    stage.click("Search");
    stage.until_says("Licence: ");
}

fn is_disabled(stage: &Stage, label: &str) -> bool {
    stage.window.get_by_label(label).accesskit_node().is_disabled()
}

fn model() -> ModelRef {
    ModelRef::Hub(HubId::parse("acme/tiny-sd15").expect("a name"))
}

#[test]
fn a_model_is_found_downloaded_and_used() {
    let (mut stage, _server) = stage(|_| {});
    stage.type_into("Search the Hub", "tiny");
    stage.click("Search");
    stage.until_says("3 downloads · mit");
    stage.click("acme/tiny-sd15");
    stage.until_says("Licence: mit");
    assert!(stage.says("StableDiffusionPipeline"));
    assert!(!stage.says("I accept the licence"), "there is nothing to agree to");
    stage.click("Download");
    stage.until_says("here, checked");
    let refs = stage.folder.path().join("hub/models--acme--tiny-sd15/refs/main");
    assert!(refs.is_file(), "it is in the cache");
    stage.click("Use it");
    stage.until("the model in the settings", |stage| stage.settings().model == model());
}

#[test]
fn a_licence_with_conditions_is_accepted_before_anything_is_fetched() {
    let (mut stage, server) =
        stage(|repo| repo.told = json!({ "cardData": { "license": "creativeml-openrail-m" }, "tags": ["diffusers"] }));
    look(&mut stage);
    assert!(stage.says("creativeml-openrail-m"));
    assert!(is_disabled(&stage, "Download"));
    assert!(!server.seen().iter().any(|seen| seen.at_cdn), "no weights before consent");
    stage.click("I accept the licence");
    stage.click("Download");
    stage.until_says("here, checked");
}

#[test]
fn a_download_is_paused_and_goes_on_from_where_it_was() {
    let (mut stage, server) = stage(|_| {});
    look(&mut stage);
    // Slow enough to stop in the middle of the weights, the only files of more than 16 kB.
    server.throttle(40_000);
    stage.click("Download");
    stage.until("a part of the weights", |stage| {
        let blobs = std::fs::read_dir(stage.folder.path().join("hub/models--acme--tiny-sd15/blobs"));
        let mut parts = blobs.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        parts.any(|path| path.extension().is_some() && path.metadata().is_ok_and(|file| file.len() > 16_000))
    });
    stage.click("Pause");
    stage.until_says("Paused, ");
    server.throttle(0);
    stage.click("Resume");
    stage.until_says("here, checked");
    assert!(server.seen().iter().any(|seen| seen.from.is_some_and(|from| from > 0)), "it began anew");
}

#[test]
fn a_download_that_fails_says_why_and_can_be_tried_again() {
    let (mut stage, server) = stage(|_| {});
    look(&mut stage);
    server.fail(|seen, _| if seen.is_content() { Fault::Status(503, "") } else { Fault::None });
    stage.click("Download");
    stage.until_says("Try again");
    server.fail(|_, _| Fault::None);
    stage.click("Try again");
    stage.until_says("here, checked");
}

#[test]
fn a_gated_model_asks_for_a_token_which_the_settings_keep_and_nobody_sees() {
    let (mut stage, server) = stage(|repo| repo.gated = Some("hf_open_sesame".to_owned()));
    look_at_gate(&mut stage);
    stage.press(egui::Modifiers::NONE, egui::Key::Escape);
    stage.press(egui::Modifiers::COMMAND, egui::Key::Comma);
    stage.type_into("Hub access token", "hf_open_sesame");
    stage.click("Keep");
    stage.until_says("The access token is saved");
    assert!(!stage.says("sesame"), "the token is on the screen");
    // Settings are written when one changes.
    stage.click("Light");
    stage.press(egui::Modifiers::NONE, egui::Key::Escape);
    stage.press(egui::Modifiers::COMMAND, egui::Key::M);
    stage.click("Ask again");
    stage.until_says("Licence: ");
    stage.click("I accept the licence");
    stage.click("Download");
    stage.until_says("here, checked");
    stage.until("settings on disk", |stage| stage.folder.path().join("settings.json").is_file());
    let settings = std::fs::read_to_string(stage.folder.path().join("settings.json")).expect("settings");
    assert!(!settings.contains("sesame"), "the token is in the settings");
    let asked = server.seen();
    assert!(asked.iter().filter(|seen| seen.at_cdn).all(|seen| seen.authorization.is_none()), "others got the token");
}

/// Looks at a gated model without a token.
fn look_at_gate(stage: &mut Stage) {
    stage.type_into("Search the Hub", "acme/tiny-sd15");
    stage.click("Search");
    stage.until_says("Ask again");
    assert!(stage.says("token"), "it says what to do");
}

#[test]
fn without_a_hub_the_tab_says_so() {
    let mut stage = Stage::new();
    stage.until_says("Ready");
    stage.press(egui::Modifiers::COMMAND, egui::Key::M);
    stage.click("From the Hub");
    assert!(stage.says("Stable Diffusion 1.5"), "the short list needs no Hub");
    stage.click("Stable Diffusion 1.5");
    stage.until_says("offline mode");
    assert_eq!(stage.window.query_all_by_role(Role::ProgressIndicator).count(), 0);
}

#[test]
fn a_model_that_was_chosen_before_it_was_here_can_be_fetched_from_the_form() {
    let (stage, _server) = stage(|_| {});
    drop(stage);
    let broken = burnisher::base::error::Error::new("this model isn't on this machine: acme/tiny-sd15");
    let puppet = Puppet { broken: Some(broken), ..Puppet::default() };
    let mut stage = Stage::with(puppet, |settings| settings.model = model());
    stage.until_says("This model can't be used");
    stage.click("Download…");
    stage.until_says("offline mode");
}

#[test]
fn a_model_that_is_damaged_is_found_out_and_repaired() {
    fn row(stage: &Stage) -> Option<String> {
        stage.texts().into_iter().find(|text| text.starts_with("acme/tiny-sd15: "))
    }
    fn is(stage: &Stage, word: &str) -> bool {
        row(stage).is_some_and(|row| row.contains(&format!(", {word}")))
    }
    let (mut stage, _server) = stage(|_| {});
    look(&mut stage);
    stage.click("Download");
    stage.until_says("here, checked");
    let snapshots = stage.folder.path().join("hub/models--acme--tiny-sd15/snapshots");
    let snapshot = fs::read_dir(snapshots).expect("a folder").next().expect("one").expect("readable").path();
    let blob = fs::canonicalize(snapshot.join("unet/diffusion_pytorch_model.safetensors")).expect("a blob");
    let whole = fs::read(&blob).expect("a blob");
    // A bit falls over, which no header tells.
    let mut damaged = whole.clone();
    *damaged.last_mut().expect("a byte") ^= 1;
    fs::write(&blob, damaged).expect("written");
    stage.click("On this computer");
    stage.until("the model among the others", |stage| is(stage, "ready"));
    let ready = row(&stage).expect("a row");
    stage.click(&ready);
    stage.click("Check");
    stage.until("the damage", |stage| is(stage, "damaged"));
    assert!(blob.exists(), "nothing is removed before the Hub was asked");
    stage.click("Repair");
    stage.until_says("Licence: mit");
    assert!(!blob.exists(), "it made way");
    stage.click("Go on downloading");
    stage.until("the file as it was", |_| fs::read(&blob).is_ok_and(|file| file == whole));
    stage.until_says("here, checked");
    stage.click("On this computer");
    stage.until("the model whole again", |stage| is(stage, "ready"));
}
