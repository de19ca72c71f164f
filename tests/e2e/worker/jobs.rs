//! Jobs: how they go on and how they end, whatever the engine does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use burnisher::base::stop::Outcome;
use burnisher::content::request::{Request, Valid};
use burnisher::pipelines::Drawn;
use burnisher::schedulers::SchedulerKind;
use burnisher::storage::gallery;
use burnisher::worker::{Busy, Command, Engine, Event, Hooks, JobEnd, ModelInfo, spawn};

use super::puppet::{
    DRAW, FAIL, LOSE, PANIC, Puppet, WAIT, files, job, load, next, outcome, puppet, request_of, send, until_ended,
};

#[test]
fn a_job_tells_its_phases_and_steps_in_order_and_ends_once() {
    let (mut worker, folder) = puppet();
    let sent = job(DRAW, folder.path());
    let id = sent.id;
    send(&mut worker, sent);
    let events = until_ended(&mut worker);
    let told: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::JobStarted { id: of, request } if *of == id => {
                format!("started {:?}", request.sampling.scheduler.map(SchedulerKind::name))
            }
            Event::JobPhase { id: of, picture: 0, phase, tuning: false } if *of == id => phase.name().to_owned(),
            Event::JobStep { id: of, picture: 0, step, steps, .. } if *of == id => format!("{step}/{steps}"),
            Event::PictureSaved { id: of, .. } if *of == id => "saved".to_owned(),
            Event::JobEnded { id: of, outcome: JobEnd::Finished(_) } if *of == id => "finished".to_owned(),
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    let expected = ["started Some(\"ddim\")", "denoising", "1/3", "2/3", "3/3", "saving", "saved", "finished"];
    assert_eq!(told, expected);
    assert!(worker.try_recv().is_none(), "nothing follows the end");
}

#[test]
fn a_panic_ends_its_job_once_and_the_next_job_opens_the_model_again() {
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&opened);
    let mut worker = spawn(move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(Puppet::default())
    })
    .expect("a thread");
    let folder = tempfile::tempdir().expect("a folder");
    load(&mut worker);
    send(&mut worker, job(PANIC, folder.path()));
    match outcome(&mut worker) {
        JobEnd::Failed(error) => assert!(error.to_string().contains("the device was lost"), "{error}"),
        other => panic!("a panic is no {other:?}"),
    }
    assert_eq!(files(folder.path()), [""; 0]);

    send(&mut worker, job(DRAW, folder.path()));
    let events = until_ended(&mut worker);
    assert!(
        matches!(events[0], Event::ModelLoading { .. }) && matches!(events[1], Event::ModelLoaded { .. }),
        "{events:?}"
    );
    let ends = events.iter().filter(|event| matches!(event, Event::JobEnded { .. })).count();
    assert_eq!(ends, 1);
    assert!(matches!(events.last(), Some(Event::JobEnded { outcome: JobEnd::Finished(_), .. })));
    assert_eq!(opened.load(Ordering::Relaxed), 2);
}

#[test]
fn a_failed_job_leaves_the_model_loaded() {
    let (mut worker, folder) = puppet();
    send(&mut worker, job(FAIL, folder.path()));
    assert!(matches!(outcome(&mut worker), JobEnd::Failed(error) if error.to_string() == "the request doesn't fit"));
    send(&mut worker, job(DRAW, folder.path()));
    let events = until_ended(&mut worker);
    assert!(matches!(events[0], Event::JobStarted { .. }), "{events:?}");
}

#[test]
fn a_job_that_loses_the_device_ends_once_and_the_next_job_opens_the_model_again() {
    let (mut worker, folder) = puppet();
    send(&mut worker, job(LOSE, folder.path()));
    let events = until_ended(&mut worker);
    assert!(matches!(
        events.last(),
        Some(Event::JobEnded { outcome: JobEnd::Failed(error), .. }) if error.to_string().contains("the device failed")
    ));
    send(&mut worker, job(DRAW, folder.path()));
    let events = until_ended(&mut worker);
    assert!(matches!(events[0], Event::ModelLoading { .. }), "{events:?}");
    assert!(matches!(events.last(), Some(Event::JobEnded { outcome: JobEnd::Finished(_), .. })), "{events:?}");
}

#[test]
fn a_panic_while_loading_is_a_failed_model_and_jobs_fail_until_one_loads() {
    let mut tries = 0;
    let mut worker = spawn(move |_, _| {
        tries += 1;
        if tries == 1 { panic!("out of memory") } else { Ok(Puppet::default()) }
    })
    .expect("a thread");
    let folder = tempfile::tempdir().expect("a folder");
    load(&mut worker);
    assert!(matches!(next(&mut worker), Event::ModelLoading { .. }));
    assert!(
        matches!(next(&mut worker), Event::ModelFailed { error, .. } if error.to_string().contains("out of memory"))
    );
    send(&mut worker, job(DRAW, folder.path()));
    assert!(matches!(outcome(&mut worker), JobEnd::Failed(error) if error.to_string() == "no model is loaded"));
    load(&mut worker);
    send(&mut worker, job(DRAW, folder.path()));
    assert!(matches!(outcome(&mut worker), JobEnd::Finished(_)));
}

#[test]
fn a_job_runs_on_and_can_be_cancelled_while_nobody_drains_the_events() {
    let steps = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&steps);
    let mut worker =
        spawn(move |_, _| Ok(Puppet { steps: Arc::clone(&counter), ..Puppet::default() })).expect("a thread");
    let folder = tempfile::tempdir().expect("a folder");
    load(&mut worker);
    let sent = job(WAIT, folder.path());
    let cancel = sent.cancel.clone();
    send(&mut worker, sent);
    // More steps than any channel holds.
    while steps.load(Ordering::Relaxed) < 100_000 {
        thread::yield_now();
    }
    cancel.cancel();
    let events = until_ended(&mut worker);
    assert!(matches!(events.last(), Some(Event::JobEnded { outcome: JobEnd::Cancelled, .. })));
    assert!(events.len() < 1000, "steps were left out");
    assert_eq!(files(folder.path()), [""; 0]);
}

#[test]
fn a_job_cancelled_before_it_begins_draws_nothing() {
    let (mut worker, folder) = puppet();
    let sent = job(DRAW, folder.path());
    sent.cancel.cancel();
    send(&mut worker, sent);
    assert!(matches!(&until_ended(&mut worker)[..], [Event::JobEnded { outcome: JobEnd::Cancelled, .. }]));
}

#[test]
fn the_worker_holds_one_command_and_gives_the_next_one_back() {
    let (mut worker, folder) = puppet();
    let first = job(WAIT, folder.path());
    let cancel = first.cancel.clone();
    send(&mut worker, first);
    while !matches!(next(&mut worker), Event::JobStarted { .. }) {}
    send(&mut worker, job(DRAW, folder.path()));
    let third = job(DRAW, folder.path());
    let id = third.id;
    match worker.try_send(Command::Generate(third)) {
        Err(Busy(Command::Generate(job))) => assert_eq!(job.id, id),
        other => panic!("there is no room for a third: {other:?}"),
    }
    cancel.cancel();
    assert!(matches!(outcome(&mut worker), JobEnd::Cancelled));
    assert!(matches!(outcome(&mut worker), JobEnd::Finished(_)));
}

#[test]
fn a_picture_is_in_its_folder_before_anyone_is_told() {
    let (mut worker, folder) = puppet();
    let mut sent = job(DRAW, folder.path());
    request_of(&mut sent).seeds.count = 3;
    request_of(&mut sent).seeds.first = u64::MAX;
    send(&mut worker, sent.clone());
    let mut saved = Vec::new();
    let finished = loop {
        match next(&mut worker) {
            Event::PictureSaved { entry, .. } => {
                assert_eq!(gallery::read_recipe(&entry.path).expect("a whole PNG"), Some(entry.recipe.clone()));
                saved.push(entry);
            }
            Event::JobEnded { outcome: JobEnd::Finished(entries), .. } => break entries,
            Event::JobEnded { outcome, .. } => panic!("{outcome:?}"),
            _ => {}
        }
    };
    assert_eq!(finished, saved);
    assert_eq!(saved.iter().map(|entry| entry.recipe.request.seeds.first).collect::<Vec<_>>(), [u64::MAX, 0, 1]);
    assert!(saved.iter().all(|entry| entry.recipe.request.seeds.count == 1 && entry.recipe.model == "bundled"));
    assert_eq!(files(folder.path()).len(), 3);
}

#[test]
fn dropping_the_handle_cancels_the_running_and_the_waiting_job_and_ends_the_thread() {
    /// Tells when the engine, and so the thread's state, is gone.
    struct Tracked(Puppet, Arc<AtomicUsize>);
    impl Engine for Tracked {
        fn info(&self) -> ModelInfo {
            self.0.info()
        }
        fn run(&mut self, request: &Valid<Request>, hooks: Hooks<'_>) -> Outcome<Vec<Drawn>> {
            self.0.run(request, hooks)
        }
    }
    impl Drop for Tracked {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }
    let gone = Arc::new(AtomicUsize::new(0));
    let tracker = Arc::clone(&gone);
    let mut worker = spawn(move |_, _| Ok(Tracked(Puppet::default(), Arc::clone(&tracker)))).expect("a thread");
    let folder = tempfile::tempdir().expect("a folder");
    load(&mut worker);
    send(&mut worker, job(WAIT, folder.path()));
    while !matches!(next(&mut worker), Event::JobStarted { .. }) {}
    send(&mut worker, job(WAIT, folder.path()));
    drop(worker);
    assert_eq!(gone.load(Ordering::Relaxed), 1);
    assert_eq!(files(folder.path()), [""; 0]);
}

#[test]
fn an_engine_that_panics_even_when_it_is_freed_takes_nothing_with_it() {
    struct Broken;
    impl Engine for Broken {
        fn info(&self) -> ModelInfo {
            Puppet::default().info()
        }
        fn run(&mut self, _: &Valid<Request>, _: Hooks<'_>) -> Outcome<Vec<Drawn>> {
            panic!("the device was lost")
        }
    }
    impl Drop for Broken {
        fn drop(&mut self) {
            panic!("and can't be freed")
        }
    }
    let mut worker = spawn(|_, _| Ok(Broken)).expect("a thread");
    let folder = tempfile::tempdir().expect("a folder");
    load(&mut worker);
    for _ in 0..2 {
        send(&mut worker, job(DRAW, folder.path()));
        assert!(matches!(outcome(&mut worker), JobEnd::Failed(_)));
    }
}

#[test]
fn a_bad_request_or_destination_fails_before_the_engine_is_asked() {
    let (mut worker, folder) = puppet();
    let mut bad = job(PANIC, folder.path());
    request_of(&mut bad).sampling.steps = 0;
    send(&mut worker, bad);
    assert!(matches!(outcome(&mut worker), JobEnd::Failed(error) if error.to_string().contains("steps")));
    send(&mut worker, job(PANIC, &folder.path().join("missing/folder")));
    assert!(matches!(outcome(&mut worker), JobEnd::Failed(error) if error.to_string().contains("no such folder")));
}

#[test]
fn every_job_ends_once_whatever_becomes_of_it() {
    let (mut worker, folder) = puppet();
    // A job that waits is cancelled once it has begun.
    for prompt in [DRAW, PANIC, FAIL, LOSE, PANIC, PANIC, WAIT, LOSE, LOSE, DRAW, WAIT, PANIC, DRAW] {
        let sent = job(prompt, folder.path());
        let (id, cancel) = (sent.id, sent.cancel.clone());
        send(&mut worker, sent);
        while !matches!(next(&mut worker), Event::JobStarted { .. }) {}
        if prompt == WAIT {
            cancel.cancel();
        }
        let events = until_ended(&mut worker);
        let Some(Event::JobEnded { id: ended, outcome }) = events.last() else { panic!("no end: {events:?}") };
        assert_eq!(*ended, id);
        let expected = match prompt {
            DRAW => matches!(outcome, JobEnd::Finished(_)),
            WAIT => matches!(outcome, JobEnd::Cancelled),
            _ => matches!(outcome, JobEnd::Failed(_)),
        };
        assert!(expected, "{prompt} ended as {outcome:?}");
    }
    assert!(worker.try_recv().is_none(), "nothing follows the last end");
}
