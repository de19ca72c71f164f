//! Previews: when they are made, and what they cost.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::thread;

use burnisher::worker::{Event, JobEnd, Previews};

use super::puppet::{
    DRAW, FAIL, Puppet, WAIT, files, job, outcome, picture, puppet, request_of, send, until_ended, with,
};

fn every(steps: usize) -> Previews {
    Previews::Newest { every: NonZeroUsize::new(steps).expect("not 0") }
}

#[test]
fn each_preview_says_what_it_is_of() {
    let (mut worker, folder) = puppet();
    let mut sent = job(WAIT, folder.path());
    (request_of(&mut sent).size.width, request_of(&mut sent).size.height) = (16, 24);
    sent.output.previews = every(2);
    let (id, cancel) = (sent.id, sent.cancel.clone());
    send(&mut worker, sent);
    let slot = worker.previews()[0].clone();
    let take = || {
        loop {
            if let Some(preview) = slot.take() {
                return preview;
            }
            thread::yield_now();
        }
    };
    let first = take();
    assert_eq!((first.id, first.picture, first.step, first.steps), (id, 0, 2, usize::MAX));
    assert_eq!(first.image, picture(1));
    assert_eq!((first.width, first.height), (16, 24));
    assert!(first.cost_secs > 0.0);
    let next = take();
    assert!(next.step > first.step && next.step.is_multiple_of(2), "{}", next.step);
    cancel.cancel();
    assert!(matches!(outcome(&mut worker), JobEnd::Cancelled));
}

#[test]
fn a_window_that_takes_no_previews_is_made_only_one() {
    let puppet = Puppet::default();
    let (mut worker, folder) = with(&puppet);
    for _ in 0..2 {
        let mut sent = job(DRAW, folder.path());
        request_of(&mut sent).sampling.steps = 1000;
        sent.output.previews = every(1);
        send(&mut worker, sent);
        let events = until_ended(&mut worker);
        assert_eq!(puppet.previews.load(Ordering::Relaxed), 1);
        let share = |event: &Event| match event {
            Event::JobStep { preview_share, .. } => Some(*preview_share),
            _ => None,
        };
        let shares: Vec<f64> = events.iter().filter_map(share).collect();
        assert!(shares.windows(2).all(|pair| pair[0] >= pair[1]), "what is hidden costs nothing: {shares:?}");
    }
    assert_eq!(worker.previews()[0].take().map(|preview| preview.step), Some(1));
}

#[test]
fn a_preview_that_is_cancelled_is_not_shown() {
    let (mut worker, folder) = with(&Puppet { cancels_previews: true, ..Puppet::default() });
    let mut sent = job(WAIT, folder.path());
    sent.output.previews = every(1);
    send(&mut worker, sent);
    assert!(matches!(outcome(&mut worker), JobEnd::Cancelled));
    assert!(worker.previews()[0].is_empty());
}

#[test]
fn steps_tell_how_long_they_took_and_a_gpu_that_it_is_tuned_once_a_size() {
    let (mut worker, folder) = with(&Puppet { on_gpu: true, ..Puppet::default() });
    let mut told = |prompt, width, count| {
        let mut sent = job(prompt, folder.path());
        (request_of(&mut sent).size.width, request_of(&mut sent).seeds.count) = (width, count);
        send(&mut worker, sent);
        let events = until_ended(&mut worker);
        let secs = events.iter().filter_map(|event| match event {
            Event::JobStep { step_secs, .. } => Some(*step_secs),
            _ => None,
        });
        assert!(secs.clone().all(|secs| (0.0..1.0).contains(&secs)));
        assert_eq!(secs.count() > 0, prompt == DRAW);
        let tuning = events.iter().filter_map(|event| match event {
            Event::JobPhase { phase, tuning, .. } => Some((phase.name(), *tuning)),
            _ => None,
        });
        tuning.collect::<Vec<_>>()
    };
    let (first, again) = ([("denoising", true), ("saving", false)], [("denoising", false), ("saving", false)]);
    assert_eq!(told(FAIL, 8, 1), first[..1], "it ends before it is tuned");
    assert_eq!(told(DRAW, 8, 2), [first, again].concat());
    assert_eq!(told(DRAW, 8, 1), again);
    assert_eq!(told(DRAW, 16, 1), first);
}

#[test]
fn preview_files_come_every_so_many_steps_and_one_that_cannot_be_written_costs_a_note() {
    let (mut worker, folder) = puppet();
    let previews = folder.path().join("previews");
    let mut sent = job(DRAW, folder.path());
    request_of(&mut sent).sampling.steps = 5;
    sent.output.previews = Previews::Files { every: 2.try_into().expect("not 0"), folder: previews.clone() };
    send(&mut worker, sent.clone());
    assert!(matches!(outcome(&mut worker), JobEnd::Finished(_)));
    assert_eq!(files(&previews), ["7-0002.png", "7-0004.png"]);
    assert_eq!(image::open(previews.join("7-0004.png")).expect("a PNG").to_rgb8(), picture(3));

    std::fs::remove_dir_all(&previews).expect("gone");
    std::fs::create_dir_all(previews.join("7-0002.png")).expect("a folder in the preview's place");
    send(&mut worker, sent);
    let told = until_ended(&mut worker);
    let notes: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            Event::JobNote { note, .. } => Some(note.to_string()),
            _ => None,
        })
        .collect();
    assert!(matches!(&notes[..], [note] if note.contains("this is a folder")), "{notes:?}");
    assert!(matches!(told.last(), Some(Event::JobEnded { outcome: JobEnd::Finished(_), .. })));
}
