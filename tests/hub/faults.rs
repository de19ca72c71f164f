//! What breaks, and heals or is told: every download ends whole, or can be gone on with, or says why not.

use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use burnisher::base::cancel::CancelToken;
use burnisher::families;
use burnisher::storage::hub::{Downloaded, TransferState};

use crate::repo::Repo;
use crate::server::{Fault, Rest, Seen};
use crate::stage::{Dice, MODEL, Stage};

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";

/// How often a target was asked for before.
fn times(request: &Seen, before: &[Seen]) -> usize {
    before.iter().filter(|seen| seen.is_content() && seen.target == request.target).count()
}

/// Downloads with this going wrong, and expects the model whole.
fn heals(fault: impl Fn(&Seen, &[Seen]) -> Fault + Send + Sync + 'static) -> Stage {
    healed(Stage::new(), fault)
}

fn healed(stage: Stage, fault: impl Fn(&Seen, &[Seen]) -> Fault + Send + Sync + 'static) -> Stage {
    stage.server.fail(fault);
    stage.download(MODEL).expect("it heals");
    stage.assert_whole(&Stage::repo());
    stage
}

/// Downloads with this going wrong, expects a failure, then has it heal and expects the model whole.
fn tells(fault: impl Fn(&Seen, &[Seen]) -> Fault + Send + Sync + 'static) -> String {
    told(&Stage::new(), fault)
}

fn told(stage: &Stage, fault: impl Fn(&Seen, &[Seen]) -> Fault + Send + Sync + 'static) -> String {
    let offer = stage.look(MODEL).expect("an offer");
    stage.server.fail(fault);
    let begun = Instant::now();
    let told = stage.hub().download(&offer, &mut |_| {}, &CancelToken::new()).expect_err("it can't heal");
    assert!(begun.elapsed() < Duration::from_secs(20), "it hangs");
    assert!(stage.hub().local(&offer.id).is_err(), "half a model is none");
    stage.assert_sound_blobs();
    stage.server.fail(|_, _| Fault::None);
    stage.download(MODEL).expect("it heals now");
    stage.assert_whole(&Stage::repo());
    told.to_string()
}

#[test]
fn cuts_at_random_bytes_cost_nothing_but_a_request() {
    for seed in 0..6 {
        let dice = Mutex::new(Dice::new(seed));
        let stage = heals(move |request, before| {
            let mut dice = dice.lock().expect("no panic");
            // Four cuts a file: each brings something, so patience isn't used up.
            if request.is_content() && times(request, before) < 4 {
                Fault::CutAfter(1 + dice.below(60_000) as usize)
            } else {
                Fault::None
            }
        });
        // Nothing comes twice: each request for the weights goes on where the last one ended.
        let seen = stage.server.seen();
        let weights: Vec<&Seen> = seen.iter().filter(|seen| seen.at_cdn).collect();
        assert!(weights.len() >= 6, "{}", weights.len());
        for request in &weights {
            let earlier = seen.iter().take_while(|seen| !std::ptr::eq(*seen, *request));
            let had: u64 =
                earlier.filter(|seen| seen.at_cdn && seen.target == request.target).map(|seen| seen.sent).sum();
            assert_eq!(request.from.unwrap_or(0), had, "seed {seed}: {request:?}");
        }
    }
}

#[test]
fn a_busy_hub_is_asked_again_after_as_long_as_it_says() {
    let stage = Stage::new();
    let offer = stage.look(MODEL).expect("an offer");
    stage.server.fail(|request, before| {
        if times(request, before) == 0 && request.target.ends_with("merges.txt") {
            Fault::Status(429, "Retry-After: 1\r\n")
        } else {
            Fault::None
        }
    });
    let (begun, mut waited) = (Instant::now(), false);
    let mut on_progress = |progress: &burnisher::storage::hub::DownloadProgress| {
        let mut states = progress.files.iter().map(|file| &file.state);
        waited |=
            states.any(|state| matches!(state, TransferState::Waiting { secs: Some(1), why } if why.contains("429")));
    };
    let done = stage.hub().download(&offer, &mut on_progress, &CancelToken::new()).expect("it heals");
    assert!(matches!(done, Downloaded::Done(_)) && waited);
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    stage.assert_whole(&Stage::repo());
    for status in [500, 502, 503, 504, 408] {
        heals(move |request, before| match times(request, before) {
            0 | 1 if request.is_content() => Fault::Status(status, ""),
            _ => Fault::None,
        });
    }
}

#[test]
fn a_hub_that_stays_busy_is_given_up_and_what_came_is_kept() {
    let told = tells(|request, _| if request.at_cdn { Fault::Status(503, "") } else { Fault::None });
    assert!(
        told.contains("Can't get an answer from the Hub: the Hub is busy (503)") && told.contains("kept"),
        "{told}"
    );
    let told =
        tells(|request, _| if request.at_cdn { Fault::Status(429, "Retry-After: 7200\r\n") } else { Fault::None });
    assert!(told.contains("It asks to wait for 120 minutes"), "{told}");
}

#[test]
fn connections_that_stall_are_given_up_and_gone_on_with() {
    let impatient = || {
        let mut stage = Stage::new();
        stage.patience.stall = Duration::from_millis(600);
        stage
    };
    healed(impatient(), |request, before| match times(request, before) {
        0 if request.at_cdn => Fault::StallAfter(1000),
        _ => Fault::None,
    });
    let told =
        told(
            &impatient(),
            |request, _| {
                if request.target.ends_with("merges.txt") { Fault::StallAfter(0) } else { Fault::None }
            },
        );
    assert!(told.contains("nothing comes any more"), "{told}");
}

#[test]
fn servers_without_ranges_and_with_other_ranges_are_coped_with() {
    let stage = heals(|request, before| match times(request, before) {
        0 if request.at_cdn => Fault::CutAfter(5000),
        _ => Fault::IgnoreRange,
    });
    assert!(stage.server.seen().iter().any(|seen| seen.from == Some(5000)));
    heals(|request, before| match times(request, before) {
        0 if request.at_cdn => Fault::CutAfter(5000),
        1 => Fault::OtherRange,
        _ => Fault::None,
    });
}

/// A stage with the first half of the weights in the cache, on a server that sends rests in this way.
fn with_half_a_file(rest: Rest) -> Stage {
    let stage = Stage::new();
    let unet = &Stage::repo().files[UNET];
    fs::create_dir_all(stage.in_cache("blobs")).expect("a folder");
    let part = stage.in_cache("blobs").join(format!("{}.incomplete", crate::repo::sha256(unet)));
    fs::write(part, &unet[..unet.len() / 2]).expect("written");
    stage.server.fail(move |_, _| Fault::Rest(rest));
    stage
}

/// The requests for the weights that are here by half, and the bytes that came.
fn of_the_weights(stage: &Stage) -> (usize, u64) {
    let name = crate::repo::sha256(&Stage::repo().files[UNET]);
    let seen = stage.server.seen();
    let weights: Vec<&Seen> = seen.iter().filter(|seen| seen.at_cdn && seen.target.contains(&name)).collect();
    (weights.len(), weights.iter().map(|seen| seen.sent).sum())
}

#[test]
fn mirrors_that_name_a_rest_carelessly_are_gone_on_with() {
    let of = Stage::repo().files[UNET].len();
    let rest = (of - of / 2) as u64;
    let names = [None, Some("Bytes "), Some("bytes="), Some("bytes  "), Some("octets "), Some("")];
    for how in names.map(Rest::Named).into_iter().chain([Rest::AsWhole(true)]) {
        let stage = with_half_a_file(how);
        stage.download(MODEL).expect("the first time");
        stage.assert_whole(&Stage::repo());
        assert_eq!(of_the_weights(&stage), (1, rest), "{how:?}");
    }
    let stage = with_half_a_file(Rest::FromZero);
    stage.download(MODEL).expect("the first time");
    stage.assert_whole(&Stage::repo());
    assert_eq!(of_the_weights(&stage), (1, of as u64), "what is here is passed over");
    let stage = with_half_a_file(Rest::AtMost(10_000));
    stage.download(MODEL).expect("the first time");
    stage.assert_whole(&Stage::repo());
    assert_eq!(of_the_weights(&stage), (rest.div_ceil(10_000) as usize, rest), "piece by piece");
}

#[test]
fn mirrors_that_cannot_go_on_in_a_file_send_all_of_it() {
    let statuses = [400, 405, 412, 416, 500, 501].map(Rest::Refused);
    for how in statuses.into_iter().chain([Rest::AsWhole(false), Rest::WithLengthOfAll, Rest::Garbled]) {
        let stage = with_half_a_file(how);
        stage.download(MODEL).unwrap_or_else(|error| panic!("{how:?}: {error}"));
        stage.assert_whole(&Stage::repo());
    }
}

#[test]
fn a_page_that_answers_instead_of_the_hub_costs_nothing() {
    // A network that wants a login answers everything with its page.
    let stage = heals(|request, before| match times(request, before) {
        0 if request.at_cdn => Fault::CutAfter(100_000),
        1 if request.at_cdn => Fault::Status(200, "Content-Type: text/html\r\n"),
        _ => Fault::None,
    });
    let weights = stage.server.seen().into_iter().filter(|seen| seen.at_cdn);
    let from: Vec<_> = weights.map(|seen| seen.from.unwrap_or(0)).collect();
    assert_eq!(from.iter().filter(|from| **from == 100_000).count(), 6, "{from:?}");
}

#[test]
fn a_wrong_hash_throws_the_part_away_and_tries_once_more() {
    for small_or_large in ["merges.txt", "/blob/"] {
        heals(move |request, before| {
            let first = times(request, before) == 0;
            if first && request.target.contains(small_or_large) { Fault::FlipBit } else { Fault::None }
        });
        let told =
            tells(move |request, _| if request.target.contains(small_or_large) { Fault::FlipBit } else { Fault::None });
        assert!(
            told.contains("isn't what the Hub lists, its hash is another") && told.contains("try again later"),
            "{told}"
        );
    }
}

#[test]
fn a_part_that_went_bad_on_disk_is_thrown_away() {
    let (stage, repo) = (Stage::new(), Stage::repo());
    let unet = &repo.files[UNET];
    fs::create_dir_all(stage.in_cache("blobs")).expect("a folder");
    let part = stage.in_cache("blobs").join(format!("{}.incomplete", crate::repo::sha256(unet)));
    fs::write(&part, vec![9; unet.len() / 2]).expect("written");
    stage.download(MODEL).expect("it heals");
    stage.assert_whole(&repo);
    let asked: Vec<_> = stage.server.seen().into_iter().filter(|seen| seen.at_cdn && seen.from.is_some()).collect();
    assert_eq!(asked.len(), 1, "it was gone on with before it turned out to be bad: {asked:?}");
    // Longer than it can be: not even looked at.
    let stage = Stage::new();
    fs::create_dir_all(stage.in_cache("blobs")).expect("a folder");
    fs::write(stage.in_cache("blobs").join(part.file_name().expect("a name")), vec![9; unet.len() + 1])
        .expect("written");
    stage.download(MODEL).expect("it heals");
    stage.assert_whole(&repo);
}

#[test]
fn sizes_that_are_not_true_are_told() {
    for (fault, than) in [
        (Fault::Longer(10), "it is longer"),
        (Fault::Shorter(10), "it is shorter"),
        (Fault::LongerUnannounced(100_000), "it is longer"),
    ] {
        let told = tells(move |request, _| if request.at_cdn { fault.clone() } else { Fault::None });
        assert!(told.contains("isn't what the Hub lists") && told.contains(than), "{told}");
    }
    for (size, than) in [(10, "longer"), (100_000_000, "shorter")] {
        let mut repo = Stage::repo();
        repo.told_sizes.insert(UNET.to_owned(), size);
        let stage = Stage::with(repo);
        let told = stage.download(MODEL).expect_err("the listing lies").to_string();
        assert!(told.contains(&format!("it is {than}")) && told.contains(UNET), "{told}");
        stage.assert_sound_blobs();
    }
}

#[test]
fn a_download_that_the_disk_has_no_space_for_is_refused_before_it_begins() {
    for size in [1 << 50, u64::MAX] {
        let mut repo = Stage::repo();
        repo.told_sizes.insert(UNET.to_owned(), size);
        let stage = Stage::with(repo);
        let told = stage.download(MODEL).expect_err("no disk is as large").to_string();
        assert!(told.contains("The download needs") || told.contains("larger than any disk"), "{told}");
        assert!(!stage.cache().exists(), "nothing was written");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_fills_up_is_told_and_what_came_is_kept() {
    let (stage, repo) = (Stage::new(), Stage::repo());
    fs::create_dir_all(stage.in_cache("blobs")).expect("a folder");
    let part = stage.in_cache("blobs").join(format!("{}.incomplete", crate::repo::sha256(&repo.files[UNET])));
    // Every write to this device fails as on a full disk.
    std::os::unix::fs::symlink("/dev/full", &part).expect("a link");
    let told = stage.download(MODEL).expect_err("the disk is full").to_string();
    assert!(told.contains("The disk is full") && told.contains("what has come is kept"), "{told}");
    fs::remove_file(part).expect("removed");
    stage.download(MODEL).expect("there is space again");
    stage.assert_whole(&repo);
}

#[test]
fn a_hub_that_is_not_there_is_told_soon() {
    let stage = Stage::new();
    let offer = stage.look(MODEL).expect("an offer");
    let options = burnisher::storage::hub::Options { endpoint: "http://127.0.0.1:9".to_owned(), ..stage.options() };
    let hub = burnisher::storage::hub::Hub::new(options, families::ALL).expect("a Hub");
    let look = hub.look(&offer.id, burnisher::storage::hub::Variant::Full, &CancelToken::new()).map(drop);
    let download = hub.download(&offer, &mut |_| {}, &CancelToken::new()).map(drop);
    let told = [look.expect_err("nobody is there").to_string(), download.expect_err("nobody is there").to_string()];
    for told in told {
        assert!(told.contains("no connection") && told.contains("Check the network"), "{told}");
    }
}

#[test]
fn an_answer_without_an_end_is_not_waited_for() {
    let stage = Stage::new();
    stage.server.fail(|request, _| {
        if request.target.starts_with("/api") { Fault::LongerUnannounced(40 << 20) } else { Fault::None }
    });
    let told = stage.look(MODEL).expect_err("it has no end").to_string();
    assert!(told.contains("has no end"), "{told}");
    let stage = Stage::with(Repo { told: serde_json::json!({ "siblings": 7 }), ..Stage::repo() });
    let told = stage.look(MODEL).expect_err("no list").to_string();
    assert!(told.contains("can't be read"), "{told}");
}
