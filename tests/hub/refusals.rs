//! What can't be had, and what must not happen: gates, secrets, names that lead elsewhere, models of other kinds.

use std::fs;

use burnisher::families;
use burnisher::storage::hub::{Hub, Options, Token};
use serde_json::json;

use crate::repo::Repo;
use crate::server::Fault;
use crate::stage::{MODEL, Stage, entries};

const SECRET: &str = "hf_secret_token";

#[test]
fn a_gated_model_says_where_its_licence_is_accepted_and_how_to_give_a_token() {
    let mut stage = Stage::with(Repo { gated: Some(SECRET.to_owned()), ..Stage::repo() });
    let told = stage.look(MODEL).expect_err("nobody asks").to_string();
    let page = format!("{}/{MODEL}", stage.server.endpoint());
    assert!(told.contains(&page) && told.contains("HF_TOKEN"), "{told}");
    stage.token = Some("hf_of_someone_else");
    let told = stage.look(MODEL).expect_err("not this one").to_string();
    assert!(told.contains(&page) && told.contains("the account of your token"), "{told}");
    assert!(!told.contains("hf_of_someone_else") && !told.contains(SECRET), "{told}");
    stage.token = Some(SECRET);
    stage.download(MODEL).expect("a model");
    stage.assert_whole(&Stage::repo());
}

#[test]
fn a_token_goes_to_the_hub_alone_and_into_no_message() {
    let mut stage = Stage::with(Repo { gated: Some(SECRET.to_owned()), ..Stage::repo() });
    stage.token = Some(SECRET);
    stage.download(MODEL).expect("a model");
    stage.hub().search("tiny", 3, &burnisher::base::cancel::CancelToken::new()).expect("an answer");
    let seen = stage.server.seen();
    assert!(seen.iter().any(|seen| seen.at_cdn), "weights are redirected");
    for request in seen {
        let sent = request.authorization.as_deref();
        assert_eq!(sent, (!request.at_cdn).then_some("Bearer hf_secret_token"), "{request:?}");
        assert!(!request.target.contains(SECRET), "{request:?}");
    }
    assert!(!format!("{:?}", stage.hub()).contains("secret"), "{:?}", stage.hub());
    for status in [400, 401, 403, 404, 418, 500] {
        stage.server.fail(move |_, _| Fault::Status(status, "X-Error-Message: Bearer hf_secret_token\r\n"));
        let told = stage.look(MODEL).expect_err("refused");
        let told = format!("{told} {told:?}");
        assert!(!told.contains("secret"), "{status}: {told}");
    }
}

#[test]
fn addresses_and_tokens_that_make_no_sense_are_refused_without_being_shown() {
    let stage = Stage::new();
    for endpoint in ["", "huggingface.co", "ftp://huggingface.co", "file:///etc"] {
        let told = Hub::new(Options { endpoint: endpoint.to_owned(), ..stage.options() }, families::ALL)
            .expect_err("no Hub")
            .to_string();
        assert!(told.contains("HF_ENDPOINT"), "{told}");
    }
    let token = Token::new("hf_a\nX-Evil: b");
    let told = Hub::new(Options { token, ..stage.options() }, families::ALL).expect_err("no token").to_string();
    assert!(told.contains("The token has characters") && !told.contains("Evil"), "{told}");
    // A password in the address of a mirror isn't shown either.
    let endpoint = stage.server.endpoint().replace("http://", "http://me:hunter2@");
    stage.server.fail(|_, _| Fault::Status(403, "X-Error-Code: GatedRepo\r\n"));
    let hub = Hub::new(Options { endpoint, ..stage.options() }, families::ALL).expect("a Hub");
    let id = burnisher::base::model_ref::HubId::parse(MODEL).expect("a name");
    let variant = burnisher::storage::hub::Variant::Full;
    let told = hub
        .look(&id, variant, &burnisher::base::cancel::CancelToken::new())
        .map(drop)
        .expect_err("refused")
        .to_string();
    assert!(told.contains("127.0.0.1") && !told.contains("hunter2"), "{told}");
}

#[test]
fn names_that_lead_out_of_the_folder_are_refused_before_anything_is_written() {
    let names = [
        "../../../../evil.json",
        "unet/../../evil.json",
        "/tmp/evil.json",
        "unet\\..\\..\\evil.json",
        "C:\\evil.json",
        "unet/evil\0.json",
        "unet//evil.json",
        "..",
    ];
    for name in names {
        let stage = Stage::with(Repo { told_paths: vec![name.to_owned()], ..Stage::repo() });
        let told = stage.download(MODEL).expect_err(name).to_string();
        assert!(told.contains("leads out of the model's folder"), "{told}");
        assert_eq!(entries(stage.home.path()), Vec::<std::path::PathBuf>::new(), "{name}: nothing was written");
    }
    // A colon opens a second stream of a file on Windows.
    let stage = Stage::with(Repo { told_paths: vec!["unet/evil:x.json".to_owned()], ..Stage::repo() });
    let told = stage.download(MODEL).expect_err("a stream").to_string();
    assert!(told.contains("can't be called") && entries(stage.home.path()).is_empty(), "{told}");
    let told = |told| Stage::with(Repo { told, ..Stage::repo() }).download(MODEL).expect_err("no sense").to_string();
    assert!(told(json!({ "id": "../../evil" })).contains("a name that no repository has"));
    assert!(told(json!({ "sha": "../../../evil" })).contains("names no commit"));
    assert!(told(json!({ "sha": null })).contains("names no commit"));
    let evil = json!([{ "rfilename": "model_index.json", "size": 3, "blobId": "../../../evil" }]);
    let stage = Stage::with(Repo { told: json!({ "siblings": evil }), ..Stage::repo() });
    stage.download(MODEL).expect_err("no hash");
    assert!(entries(stage.home.path()).is_empty());
    let mut repo = Stage::repo();
    repo.files.insert(
        "model_index.json".to_owned(),
        br#"{"_class_name": "DDPMPipeline", "unet": ["diffusers", "UNet2DModel"],
        "scheduler": ["diffusers", "DDPMScheduler"], "../../x": ["diffusers", "Evil"]}"#
            .to_vec(),
    );
    let told = Stage::with(repo).download(MODEL).expect_err("a component").to_string();
    assert!(told.contains("can't be called \"../../x\""), "{told}");
}

#[test]
fn redirects_that_lead_nowhere_end() {
    let stage = Stage::new();
    let offer = stage.look(MODEL).expect("an offer");
    for (fault, what) in [
        (Fault::Redirect("/acme/tiny-sd15/resolve/round/and/round"), "too many redirects"),
        (Fault::Redirect("file:///etc/passwd"), ""),
    ] {
        stage.server.fail(move |request, _| if request.is_content() { fault.clone() } else { Fault::None });
        let told = stage.hub().download(&offer, &mut |_| {}, &burnisher::base::cancel::CancelToken::new());
        let told = told.expect_err("no way").to_string();
        assert!(told.contains(what) && !told.contains("passwd"), "{told}");
    }
}

#[test]
fn what_is_not_there_or_not_for_us_is_said() {
    let mut stage = Stage::new();
    let told = |stage: &Stage, model: &str| stage.look(model).expect_err(model).to_string();
    assert!(told(&stage, "acme/nothing").contains("no such model, or it is private: acme/nothing"));
    assert!(told(&stage, "acme/tiny-sd15@v9").contains("no such revision: acme/tiny-sd15@v9"));
    stage.token = Some(SECRET);
    assert!(told(&stage, "acme/nothing").contains("no such model, or it is private"));
    stage.server.fail(|_, _| Fault::Status(401, ""));
    assert!(told(&stage, MODEL).contains("doesn't accept the token"));
}

#[test]
fn models_that_could_not_be_opened_are_not_fetched() {
    let refused = |change: &dyn Fn(&mut Repo)| {
        let mut repo = Stage::repo();
        change(&mut repo);
        let stage = Stage::with(repo);
        let told = stage.download(MODEL).expect_err("refused").to_string();
        assert!(entries(stage.home.path()).is_empty(), "nothing was written");
        told
    };
    let told = refused(&|repo| {
        let weights = repo.files.remove("unet/diffusion_pytorch_model.safetensors").expect("weights");
        repo.files.insert("unet/diffusion_pytorch_model.bin".to_owned(), weights);
    });
    assert!(
        told.contains("the unet's weights are there only as pickles (.bin)") && told.contains("safetensors"),
        "{told}"
    );
    let told = refused(&|repo| drop(repo.files.remove("model_index.json")));
    assert!(told.contains("no model in diffusers format") && told.contains("single files"), "{told}");
    let index = |text: &'static str| {
        move |repo: &mut Repo| drop(repo.files.insert("model_index.json".to_owned(), text.as_bytes().to_vec()))
    };
    let told = refused(&index(r#"{"_class_name": "FluxPipeline"}"#));
    assert!(told.contains("can't open FluxPipeline: acme/tiny-sd15"), "{told}");
    let told = refused(&index(r#"{"_class_name": "DDPMPipeline", "unet": ["diffusers", "FluxTransformer2DModel"]}"#));
    assert!(told.contains("can't use a unet of class FluxTransformer2DModel"), "{told}");
    let told = refused(&index("not JSON"));
    assert!(told.contains("model_index.json can't be read"), "{told}");
    let told = refused(&|repo| drop(repo.files.remove("vae/config.json")));
    assert!(told.contains("the vae has no config.json"), "{told}");
}

#[test]
#[cfg(unix)]
fn a_cache_that_cannot_be_written_to_is_named() {
    let stage = Stage::new();
    fs::write(stage.cache(), "a file").expect("written");
    let told = stage.download(MODEL).expect_err("no folder").to_string();
    assert!(told.contains("Can't write into the Hub's cache") && told.contains("HF_HOME"), "{told}");
}
