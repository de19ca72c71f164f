//! Models: opening, stopping, letting go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use burnisher::base::cancel::CancelToken;
use burnisher::base::model_ref::ModelRef;
use burnisher::base::stop::Stop;
use burnisher::worker::{Command, Event, JobEnd, Loading, OnLoading, WorkerHandle, spawn};

use super::puppet::{DRAW, Puppet, command, job, load, next, outcome, puppet, send, until_ended};

/// Loads until someone stops it.
fn endless(on_loading: &mut OnLoading<'_>) {
    while on_loading(Loading { component: "unet", fraction: 0.5, ..Loading::default() }).is_ok() {
        thread::yield_now();
    }
}

/// A worker whose first load never ends by itself and whose later ones are done at once.
fn slow_once() -> WorkerHandle {
    let mut loads = 0;
    let open = move |_: &ModelRef, on_loading: &mut OnLoading<'_>| {
        loads += 1;
        if loads == 1 {
            endless(on_loading);
            return Err(Stop::Cancelled);
        }
        Ok(Puppet::default())
    };
    spawn(open).expect("a thread")
}

#[test]
fn a_load_tells_which_component_it_is_at_and_how_far() {
    let parts = [("text_encoder", 0.1), ("unet", 0.104), ("unet", 0.106), ("unet", 0.9), ("vae", 1.0)];
    let mut worker = spawn(move |_, on_loading| {
        let flow = parts
            .map(|(component, fraction)| on_loading(Loading { component, fraction, number: 1, of: 3, room: None }));
        assert!(flow.iter().all(Result::is_ok));
        Ok(Puppet::default())
    })
    .expect("a thread");
    load(&mut worker);
    let mut told = Vec::new();
    loop {
        match next(&mut worker) {
            Event::ModelLoading { model: ModelRef::Bundled, component, fraction, .. } => {
                told.push(format!("{} {fraction}", component.as_deref().unwrap_or("-")));
            }
            Event::ModelLoaded { .. } => break,
            other => panic!("unexpected {other:?}"),
        }
    }
    // A step of less than a hundredth is left out.
    assert_eq!(told, ["- 0", "text_encoder 0.1", "unet 0.104", "unet 0.9", "vae 1"]);
}

#[test]
fn a_load_can_be_cancelled_and_jobs_fail_until_a_model_is_loaded() {
    let mut worker = slow_once();
    let folder = tempfile::tempdir().expect("a folder");
    let cancel = CancelToken::new();
    command(&mut worker, Command::Load { model: ModelRef::Bundled, cancel: cancel.clone() });
    while !matches!(next(&mut worker), Event::ModelLoading { component: Some(_), .. }) {}
    cancel.cancel();
    loop {
        match next(&mut worker) {
            Event::ModelLoading { .. } => {}
            Event::ModelCancelled { model: ModelRef::Bundled, left: None } => break,
            other => panic!("unexpected {other:?}"),
        }
    }
    send(&mut worker, job(DRAW, folder.path()));
    assert!(matches!(outcome(&mut worker), JobEnd::Failed(error) if error.to_string() == "no model is loaded"));
    load(&mut worker);
    send(&mut worker, job(DRAW, folder.path()));
    assert!(matches!(outcome(&mut worker), JobEnd::Finished(_)));
}

#[test]
fn a_load_cancelled_before_it_begins_opens_nothing() {
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&opened);
    let mut worker = spawn(move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(Puppet::default())
    })
    .expect("a thread");
    let cancel = CancelToken::new();
    cancel.cancel();
    command(&mut worker, Command::Load { model: ModelRef::Bundled, cancel });
    while !matches!(next(&mut worker), Event::ModelCancelled { .. }) {}
    assert_eq!(opened.load(Ordering::Relaxed), 0);
}

#[test]
fn dropping_the_handle_stops_a_load_and_ends_the_thread() {
    let mut worker = slow_once();
    load(&mut worker);
    while !matches!(next(&mut worker), Event::ModelLoading { component: Some(_), .. }) {}
    // Returns only once the thread has ended.
    drop(worker);
}

#[test]
fn an_unloaded_model_is_gone_from_memory_and_comes_back_for_the_next_job() {
    let (mut worker, folder) = puppet();
    command(&mut worker, Command::Unload);
    assert!(matches!(next(&mut worker), Event::ModelUnloaded));
    send(&mut worker, job(DRAW, folder.path()));
    let events = until_ended(&mut worker);
    assert!(matches!(events[0], Event::ModelLoading { component: None, .. }), "{events:?}");
    assert!(matches!(events[1], Event::ModelLoaded { .. }), "{events:?}");
    assert!(matches!(events.last(), Some(Event::JobEnded { outcome: JobEnd::Finished(_), .. })));
}

#[test]
fn a_job_can_be_cancelled_while_its_model_comes_back() {
    let mut loads = 0;
    let open = move |_: &ModelRef, on_loading: &mut OnLoading<'_>| {
        loads += 1;
        if loads == 1 {
            return Ok(Puppet::default());
        }
        endless(on_loading);
        Err(Stop::Cancelled)
    };
    let mut worker = spawn(open).expect("a thread");
    let folder = tempfile::tempdir().expect("a folder");
    load(&mut worker);
    command(&mut worker, Command::Unload);
    let sent = job(DRAW, folder.path());
    let cancel = sent.cancel.clone();
    send(&mut worker, sent);
    while !matches!(next(&mut worker), Event::ModelUnloaded) {}
    while !matches!(next(&mut worker), Event::ModelLoading { component: Some(_), .. }) {}
    cancel.cancel();
    let events = until_ended(&mut worker);
    assert!(events.iter().any(|event| matches!(event, Event::ModelCancelled { .. })), "{events:?}");
    assert!(matches!(events.last(), Some(Event::JobEnded { outcome: JobEnd::Cancelled, .. })));
}
