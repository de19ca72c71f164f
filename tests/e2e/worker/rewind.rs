//! Looking back at the steps of a picture, and going on from one of them.

use std::path::Path;

use burnisher::content::request::{Branch, Guidance, Prompts, Request, Sampling, Seeds, Size};
use burnisher::storage::gallery::{Destination, read_recipe};
use burnisher::worker::{Command, Event, Job, JobEnd, ModelInfo, WorkerHandle};
use image::RgbImage;

use super::bundled::bundled;
use super::puppet::{command, next};

/// A run that was looked at: its picture, its file's recipe, and what of it is kept.
struct Drawn {
    picture: RgbImage,
    recipe: Request,
    job: Job,
    kept: Option<(Request, usize)>,
}

fn request(info: &ModelInfo, sampler: &str) -> Request {
    Request {
        prompts: Prompts::new("a red heart in 3d style"),
        sampling: Sampling { scheduler: Some(sampler.parse().expect("a sampler")), steps: 12, ..Sampling::default() },
        guidance: Guidance { scale: info.guidance_scale, ..Guidance::default() },
        seeds: Seeds::one(3),
        size: Size::new(64, 64),
        ..Request::default()
    }
}

fn draw(worker: &mut WorkerHandle, request: Request, folder: &Path) -> Result<Drawn, String> {
    let job = Job::new(request, Destination::Folder(folder.to_owned()));
    command(worker, Command::Generate(Box::new(job.clone())));
    let mut kept = None;
    loop {
        match next(worker) {
            Event::StepsKept { id, request, steps } if id == job.id => kept = Some((request, steps)),
            Event::JobEnded { outcome: JobEnd::Finished(entries), .. } => {
                let path = &entries[0].path;
                let recipe = read_recipe(path).expect("a PNG").expect("a recipe").request;
                return Ok(Drawn { picture: image::open(path).expect("a PNG").to_rgb8(), recipe, job, kept });
            }
            Event::JobEnded { outcome: JobEnd::Failed(error), .. } => return Err(error.to_string()),
            Event::JobEnded { outcome, .. } => panic!("{outcome:?}"),
            _ => {}
        }
    }
}

fn branch(from: &Drawn, step: usize, to: Request) -> Request {
    let (from, steps) = from.kept.clone().expect("its steps are kept");
    assert!(step <= steps, "{steps} steps");
    to.with(|request| request.start.branch = Some(Box::new(Branch { from, step })))
}

/// How far pictures are apart, of 255.
fn apart(a: &RgbImage, b: &RgbImage) -> f64 {
    a.iter().zip(b.iter()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}

#[test]
fn going_on_with_nothing_changed_gives_the_same_picture_also_from_its_recipe_on_another_day() {
    let (mut worker, info, _turn) = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    // Noise is drawn on the way; two calls a step; neither.
    for sampler in ["euler-a", "heun", "ddim"] {
        let whole = draw(&mut worker, request(&info, sampler), folder.path()).expect("a picture");
        let step = if sampler == "heun" { 8 } else { 5 };
        let asked = branch(&whole, step, request(&info, sampler));
        let gone_on = draw(&mut worker, asked.clone(), folder.path()).expect("a picture");
        assert_eq!(gone_on.picture, whole.picture, "{sampler}");
        assert_eq!(gone_on.recipe, asked, "the file says where it went on from");
        // Nothing is kept of that run any more, so that it is drawn again.
        let redrawn = draw(&mut worker, gone_on.recipe, folder.path()).expect("a picture");
        assert_eq!(redrawn.picture, whole.picture, "{sampler} redrawn");
    }
}

#[test]
fn another_sampler_takes_up_what_the_first_one_left_and_another_prompt_changes_it() {
    let (mut worker, info, _turn) = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    let samplers = ["ddim", "euler", "dpm++2m-karras", "unipc", "pndm"];
    let wholes = samplers.map(|sampler| draw(&mut worker, request(&info, sampler), folder.path()).expect("a picture"));
    let [first, ..] = &wholes;
    for (sampler, whole) in samplers.iter().zip(&wholes) {
        // The first run's latents, taken up by another sampler, whose own scale and levels of noise they don't have.
        draw(&mut worker, request(&info, "ddim"), folder.path()).expect("a picture");
        let asked = branch(first, 6, request(&info, sampler));
        let gone_on = draw(&mut worker, asked, folder.path()).expect("a picture");
        let difference = apart(&gone_on.picture, &whole.picture);
        let difference = difference.min(apart(&gone_on.picture, &first.picture));
        assert!(difference < 4.0, "ddim, then {sampler}: {difference} of 255 away from either");
    }
    let other = request(&info, "ddim").with(|request| request.prompts.prompt = "a blue heart in 3d style".into());
    let changed = draw(&mut worker, branch(first, 2, other), folder.path()).expect("a picture");
    assert!(apart(&changed.picture, &first.picture) > 10.0, "the words count from there on");
}

#[test]
fn the_steps_of_the_last_picture_can_be_looked_at_and_no_others() {
    let (mut worker, info, _turn) = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    let drawn = draw(&mut worker, request(&info, "ddim"), folder.path()).expect("a picture");
    let id = drawn.job.id;
    let mut distances = Vec::new();
    for step in [1, 6, 12] {
        command(&mut worker, Command::LookBack { id, step });
        let Event::LookedBack { error: None, .. } = next(&mut worker) else { panic!("no look back") };
        let preview = worker.previews()[0].take().expect("a preview");
        assert_eq!((preview.id, preview.step, preview.steps), (id, step, 12));
        distances.push(apart(&preview.image, &drawn.picture));
    }
    assert!(distances[0] > distances[1] && distances[1] > distances[2] && distances[2] < 1.0, "{distances:?}");
    draw(&mut worker, request(&info, "euler"), folder.path()).expect("a picture");
    command(&mut worker, Command::LookBack { id, step: 1 });
    let Event::LookedBack { error: Some(error), .. } = next(&mut worker) else { panic!("it is gone") };
    assert!(error.to_string().contains("the steps of this picture are gone"), "{error}");
}

#[test]
fn what_cannot_be_gone_on_from_is_told() {
    let (mut worker, info, _turn) = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    let from = request(&info, "ddim");
    let mut error = |step: usize, to: Request| {
        let request = to.with(|request| request.start.branch = Some(Box::new(Branch { from: from.clone(), step })));
        draw(&mut worker, request, folder.path()).err().expect("it is refused")
    };
    assert!(error(0, from.clone()).contains("from another one's step 1 on"));
    assert!(error(12, from.clone()).contains("nothing is left to be drawn"));
    assert!(error(99, from.clone()).contains("There is no step 99"));
    assert!(error(3, from.clone().with(|request| request.size.width = 72)).contains("goes on at the size"));
}
