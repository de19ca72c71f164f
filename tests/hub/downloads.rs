//! What goes well: a model comes once, whole, and is found again.

use std::fs;
use std::thread;

use burnisher::base::cancel::CancelToken;
use burnisher::base::model_ref::{HubId, ModelRef};
use burnisher::families;
use burnisher::storage::hub::{DownloadProgress, Downloaded, Gate, Hub, Options, TransferState, Variant};

use crate::checkpoints::{Checkpoint as Tiny, Storage};
use crate::repo::Repo;
use crate::server::Seen;
use crate::stage::{MODEL, Stage, needed, repo};

fn id(text: &str) -> HubId {
    HubId::parse(text).expect("a name")
}

#[test]
fn a_model_comes_whole_and_only_what_is_needed_of_it() {
    let (stage, repo) = (Stage::new(), Stage::repo());
    let offer = stage.look(MODEL).expect("an offer");
    assert_eq!((offer.class_name.as_str(), offer.commit.as_str()), ("StableDiffusionPipeline", &*repo.commit()));
    assert_eq!((offer.licence.id.as_deref(), offer.gate), (Some("mit"), Gate::Open));
    let bytes: usize = needed(&repo).into_iter().map(|path| repo.files[path].len()).sum();
    assert_eq!((offer.bytes, offer.bytes_here), (bytes as u64, 0));
    assert!(!stage.cache().exists(), "looking writes nothing");
    stage.server.forget();
    let mut last: Option<DownloadProgress> = None;
    let done = stage.hub().download(&offer, &mut |progress| last = Some(progress.clone()), &CancelToken::new());
    let snapshot = stage.in_cache("snapshots").join(repo.commit());
    assert_eq!(done.expect("a model"), Downloaded::Done(snapshot.clone()));
    stage.assert_whole(&repo);
    let last = last.expect("some progress");
    assert_eq!((last.bytes, last.of, &last.state), (offer.bytes, offer.bytes, &TransferState::Done));
    assert_eq!(last.files.len(), offer.files.len());
    let served: u64 = stage.server.seen().iter().map(|seen| seen.sent).sum();
    assert_eq!(served, offer.bytes, "every byte once");
    assert_eq!(families::open(&ModelRef::Folder(snapshot)).expect("a model").class_name(), "StableDiffusionPipeline");
}

#[test]
fn what_is_here_is_not_fetched_again() {
    let stage = Stage::new();
    let folder = stage.download(MODEL).expect("a model");
    stage.server.forget();
    let offer = stage.look(MODEL).expect("an offer");
    assert_eq!(offer.bytes_here, offer.bytes);
    assert_eq!(stage.download(MODEL).expect("a model"), folder);
    let content: Vec<_> = stage.server.seen().into_iter().filter(Seen::is_content).collect();
    assert!(content.iter().all(|seen| seen.target.ends_with("model_index.json")), "{content:?}");
}

#[test]
fn a_new_commit_brings_only_what_changed_and_the_old_one_stays() {
    let (stage, old) = (Stage::new(), Stage::repo());
    let before = stage.download(MODEL).expect("a model");
    let mut new = old.clone();
    new.files.insert("README.md".to_owned(), b"# Better\n".to_vec());
    stage.server.put(MODEL, new.clone());
    stage.server.forget();
    stage.download(MODEL).expect("a model");
    assert!(stage.server.seen().iter().all(|seen| !seen.at_cdn), "no weights");
    stage.assert_whole(&new);
    assert_eq!(fs::read(before.join("README.md")).expect("there"), old.files["README.md"]);
}

#[test]
fn the_precision_that_is_asked_for_comes_where_there_is_one_and_parts_come_together() {
    let mut both = repo(Tiny::TinySd15, Storage::Whole);
    both.files.extend(repo(Tiny::TinySd15, Storage::Fp16).files);
    let stage = Stage::with(both);
    let weights = |variant| {
        let offer = stage.hub().look(&id(MODEL), variant, &CancelToken::new()).expect("an offer");
        let weights = offer.files.into_iter().map(|file| file.path).filter(|path| path.ends_with(".safetensors"));
        weights.collect::<Vec<_>>()
    };
    let (full, half) = (weights(Variant::Full), weights(Variant::Fp16));
    assert!(full.iter().all(|path| !path.contains("fp16")) && full.len() == 3, "{full:?}");
    assert!(half.iter().all(|path| path.contains("fp16")) && half.len() == 3, "{half:?}");

    let sharded = repo(Tiny::TinySd15, Storage::Sharded);
    let stage = Stage::with(sharded.clone());
    stage.download(MODEL).expect("a model");
    stage.assert_whole(&sharded);

    let beside = repo(Tiny::TinyDdpmLegacy, Storage::Whole);
    let stage = Stage::with(beside.clone());
    stage.download(MODEL).expect("a model");
    stage.assert_whole(&beside);
}

#[test]
fn a_cancelled_download_stops_soon_and_goes_on_at_the_same_byte() {
    let (stage, repo) = (Stage::new(), Stage::repo());
    let offer = stage.look(MODEL).expect("an offer");
    let largest = offer.files.iter().max_by_key(|file| file.bytes).expect("files").clone();
    stage.server.throttle(largest.bytes / 2);
    let cancel = CancelToken::new();
    let stopped = stage.hub().download(
        &offer,
        &mut |progress| {
            let file = progress.files.iter().find(|file| file.path == largest.path).expect("the file");
            if file.bytes > largest.bytes / 8 {
                cancel.cancel();
            }
        },
        &cancel,
    );
    assert_eq!(stopped.expect("no error"), Downloaded::Stopped);
    assert!(cancel.is_cancelled());
    assert!(stage.hub().local(&id(MODEL)).is_err(), "half a model is none");
    let mut here: Vec<u64> = stage.parts().iter().map(|part| part.metadata().expect("there").len()).collect();
    here.retain(|len| *len > 0);
    assert!(!here.is_empty(), "what came is kept");
    // Those of the size of the largest are still to come.
    assert!(here.iter().all(|len| *len < largest.bytes), "it went on to the end");
    stage.server.throttle(0);
    stage.server.forget();
    let offer = stage.look(MODEL).expect("an offer");
    assert!(offer.bytes_here >= here.iter().sum());
    stage.download(MODEL).expect("the rest");
    let mut from: Vec<u64> =
        stage.server.seen().iter().filter(|seen| seen.at_cdn).filter_map(|seen| seen.from).collect();
    // Small files have no second port to be sent to.
    let small = stage.server.seen().into_iter().filter(|seen| !seen.at_cdn && seen.is_content());
    from.extend(small.filter_map(|seen| seen.from));
    from.retain(|at| *at > 0);
    from.sort_unstable();
    here.sort_unstable();
    assert_eq!(from.iter().copied().collect::<std::collections::BTreeSet<_>>(), here.into_iter().collect());
    stage.assert_whole(&repo);
}

#[test]
fn two_downloads_of_one_model_share_the_work() {
    let (stage, repo) = (Stage::new(), Stage::repo());
    stage.server.throttle(20_000_000);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| stage.download(MODEL).expect("a model"));
        }
    });
    stage.assert_whole(&repo);
    let mut weights: Vec<_> = stage.server.seen().into_iter().filter(|seen| seen.at_cdn).collect();
    weights.sort_by(|a, b| a.target.cmp(&b.target));
    assert_eq!(weights.len(), 3, "each file once: {weights:?}");
}

#[test]
fn a_moved_repository_is_found_by_both_names() {
    let (stage, repo) = (Stage::new(), Stage::repo());
    stage.server.put("old/name", Repo { moved_to: Some(MODEL.to_owned()), ..Repo::default() });
    let offer = stage.look("old/name").expect("an offer");
    assert_eq!((offer.id.to_string().as_str(), offer.asked.to_string().as_str()), (MODEL, "old/name"));
    stage.download("old/name").expect("a model");
    stage.assert_whole(&repo);
    let by_old_name = stage.hub().local(&id("old/name")).expect("found");
    let by_new_name = stage.hub().local(&id(MODEL)).expect("found");
    assert_eq!(by_old_name.canonicalize().expect("there"), by_new_name.canonicalize().expect("there"));
}

#[test]
fn a_branch_or_a_commit_can_be_asked_for() {
    let (stage, commit) = (Stage::new(), Stage::repo().commit());
    stage.download(&format!("{MODEL}@refs/pr/3")).expect("a model");
    assert_eq!(fs::read_to_string(stage.in_cache("refs/refs/pr/3")).expect("a ref"), commit);
    assert!(stage.hub().local(&id(&format!("{MODEL}@refs/pr/3"))).is_ok());
    assert!(stage.hub().local(&id(MODEL)).is_err(), "the main branch wasn't asked for");
    stage.download(&format!("{MODEL}@{commit}")).expect("a model");
    assert!(stage.hub().local(&id(&format!("{MODEL}@{commit}"))).is_ok());
}

#[test]
fn a_search_finds_what_can_be_opened() {
    let stage = Stage::new();
    let mut other = Stage::repo();
    other.files.insert("model_index.json".to_owned(), br#"{"_class_name": "FluxPipeline"}"#.to_vec());
    stage.server.put("acme/other", other);
    let mut adapter = Stage::repo();
    adapter.files.retain(|path, _| path != "model_index.json");
    adapter.told = serde_json::json!({ "tags": ["diffusers"] });
    stage.server.put("acme/adapter", adapter);
    let found = stage.hub().search("tiny", 10, &CancelToken::new()).expect("an answer");
    let names: Vec<String> = found.iter().map(|found| found.id.to_string()).collect();
    assert_eq!(names, [MODEL]);
    let first = &found[0];
    assert_eq!((first.licence.as_deref(), first.downloads, first.gate), (Some("mit"), 3, Gate::Open));
    let asked = stage.server.seen().into_iter().next().expect("a request").target;
    assert!(asked.contains("search=tiny") && asked.contains("filter=diffusers"), "{asked}");
}

#[test]
fn nothing_is_asked_in_offline_mode_and_what_is_here_is_found() {
    let stage = Stage::new();
    stage.download(MODEL).expect("a model");
    stage.server.forget();
    let offline = Hub::new(Options { offline: true, ..stage.options() }, families::ALL).expect("a Hub");
    for error in [
        offline.look(&id(MODEL), Variant::Full, &CancelToken::new()).map(drop).expect_err("offline"),
        offline.search("tiny", 3, &CancelToken::new()).map(drop).expect_err("offline"),
    ] {
        assert!(error.to_string().contains("HF_HUB_OFFLINE"), "{error}");
    }
    assert!(offline.local(&id(MODEL)).is_ok());
    assert!(stage.server.seen().is_empty());
}

#[test]
fn half_a_model_is_not_taken_for_one() {
    let (stage, repo) = (Stage::new(), Stage::repo());
    let error = stage.hub().local(&id(MODEL)).expect_err("nothing is here").to_string();
    assert!(error.contains("isn't on this machine") && error.contains("burnisher download acme/tiny-sd15"), "{error}");
    // As Python leaves it when it is interrupted: the ref is there first.
    let snapshot = stage.in_cache("snapshots").join(repo.commit());
    fs::create_dir_all(snapshot.join("unet")).expect("a folder");
    fs::create_dir_all(stage.in_cache("refs")).expect("a folder");
    fs::write(stage.in_cache("refs/main"), repo.commit()).expect("a ref");
    fs::write(snapshot.join("model_index.json"), &repo.files["model_index.json"]).expect("an index");
    let error = stage.hub().local(&id(MODEL)).expect_err("only the index is here").to_string();
    assert!(error.contains("Only a part of this model") && error.contains("fetches the rest"), "{error}");
    stage.download(MODEL).expect("the rest");
    stage.assert_whole(&repo);
    // A link whose blob is gone is no file.
    let weights = snapshot.join("unet/diffusion_pytorch_model.safetensors");
    fs::remove_file(weights.canonicalize().expect("a blob")).expect("removed");
    let error = stage.hub().local(&id(MODEL)).expect_err("the unet is gone").to_string();
    assert!(error.contains("the unet has no weights"), "{error}");
}

/// A stage with the whole model in its cache.
fn downloaded() -> Stage {
    let stage = Stage::new();
    stage.download(MODEL).expect("it is there");
    stage.server.forget();
    stage
}

/// What the model is made of is read anew; nothing else is fetched.
fn assert_only_the_index_was_read(stage: &Stage) {
    let fetched = stage.server.seen().into_iter().filter(Seen::is_content).map(|seen| seen.target);
    let again: Vec<String> = fetched.filter(|target| !target.ends_with("/model_index.json")).collect();
    assert!(again.is_empty(), "fetched again: {again:?}");
}

#[test]
fn a_revision_is_read_as_other_programs_note_it() {
    let stage = downloaded();
    let commit = Stage::repo().commit();
    let snapshot = stage.in_cache("snapshots").join(&commit);
    for noted in [format!("{commit}\n"), format!("{commit}\r\n"), format!(" {commit} ")] {
        fs::write(stage.in_cache("refs/main"), noted).expect("written");
        assert_eq!(stage.hub().local(&id(MODEL)).expect("it is here"), snapshot);
    }
    for noted in ["", "\n", "../../elsewhere", "/", ".", "\u{feff}"] {
        fs::write(stage.in_cache("refs/main"), noted).expect("written");
        let told = stage.hub().local(&id(MODEL)).expect_err("no commit").to_string();
        assert!(told.contains("isn't on this machine") && told.contains("`burnisher download"), "{told}");
    }
    stage.download(MODEL).expect("it is noted anew");
    stage.assert_whole(&Stage::repo());
    assert_only_the_index_was_read(&stage);
}

#[test]
fn a_cache_without_links_is_a_cache() {
    let stage = downloaded();
    let snapshot = stage.in_cache("snapshots").join(Stage::repo().commit());
    for path in Repo::of(&snapshot).files.keys() {
        let (place, blob) = (snapshot.join(path), snapshot.join(path).canonicalize().expect("a blob"));
        fs::remove_file(&place).expect("removed");
        // One file may be what two names stand for.
        fs::copy(blob, place).expect("copied");
    }
    fs::remove_dir_all(stage.in_cache("blobs")).expect("removed");
    assert_eq!(stage.hub().local(&id(MODEL)).expect("it is here"), snapshot);
    stage.download(MODEL).expect("nothing is missing");
    assert_only_the_index_was_read(&stage);
}

#[test]
fn links_whose_files_are_gone_are_told_and_mended() {
    let stage = downloaded();
    fs::remove_dir_all(stage.in_cache("blobs")).expect("removed");
    let told = stage.hub().local(&id(MODEL)).expect_err("no file is there").to_string();
    assert!(told.contains("`burnisher download"), "{told}");
    stage.download(MODEL).expect("it is fetched again");
    stage.assert_whole(&Stage::repo());
}
