//! The loop that the crate's documentation has, at work.

use burnisher::content::request::{Request, Sampling, Seeds, Size, Task};
use image::RgbImage;

use crate::runs::{draw, open_on_cpu, tiny};
use crate::support::checkpoints::Checkpoint;

#[expect(unreachable_pub, reason = "it stands alone in the documentation")]
#[path = "../../docs/by_hand.rs"]
mod documented;

const SIDE: usize = 32;
const STEPS: usize = 100;

#[test]
fn the_loop_by_hand_draws_what_the_pipeline_draws_and_looks_at_it_every_50_steps() {
    let model = tiny(Checkpoint::TinyDdpm);
    let mut seen: Vec<(usize, RgbImage)> = Vec::new();
    let drawn =
        documented::draw(&model, STEPS, SIDE, &mut |step, picture| seen.push((step, picture))).expect("it draws");
    let steps: Vec<usize> = seen.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [50, 100]);
    assert_ne!(seen[0].1, drawn, "there is noise left at half of the steps");
    assert_eq!(seen[1].1, drawn);

    let request = Request {
        start: Task::Unconditional.into(),
        sampling: Sampling { steps: STEPS, ..Sampling::default() },
        seeds: Seeds::one(0),
        size: Size::new(SIDE, SIDE),
        ..Request::default()
    };
    let image = draw(&open_on_cpu(Checkpoint::TinyDdpm), &request, "the pipeline").get("image");
    let unit = drawn.as_raw().iter().map(|byte| f32::from(*byte) / 255.0);
    let furthest = unit.zip(&image.values).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max);
    // Half a byte, and the same sums.
    assert!(furthest < 0.51 / 255.0, "they differ by {furthest}");
}
