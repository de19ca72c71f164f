//! Every pipeline that the row of a family tells of, with every task and every sampler: there is a memory plan, and the request is
//! read back as it was written.

use std::collections::BTreeSet;
use std::path::Path;

use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::content::request::{Inpaint, Mask, Prompts, Request, Sampling, Size, Task, TaskKind};
use burnisher::families;
use burnisher::pipelines::{self, Wish};
use burnisher::schedulers::SchedulerKind;

use crate::imaging::mask;
use crate::runs::tiny;
use crate::support::checkpoints::Checkpoint;

fn task(kind: TaskKind) -> Task {
    let image = Path::new("picture.png").to_owned();
    match kind {
        TaskKind::TextToImage => Task::TextToImage,
        TaskKind::Unconditional => Task::Unconditional,
        TaskKind::ImageToImage => Task::ImageToImage { image: image.into(), strength: 0.5 },
        TaskKind::Inpaint => Task::Inpaint(Box::new(Inpaint {
            image: image.into(),
            mask: Mask::new(mask(64, 64)),
            ..Inpaint::default()
        })),
        TaskKind::DepthToImage => Task::DepthToImage { image: image.into(), strength: 0.5, depth: None },
    }
}

#[test]
fn every_task_of_every_family_is_planned_and_written_down_with_every_sampler() {
    let capacity = device::open(DeviceChoice::Cpu, DtypeChoice::F32).expect("the CPU is there").capacity();
    let mut met = BTreeSet::new();
    for checkpoint in
        [Checkpoint::TinySd15, Checkpoint::TinySd15Inpaint, Checkpoint::TinySd2Depth, Checkpoint::TinyDdpm]
    {
        let inspection = pipelines::inspect(&tiny(checkpoint), capacity).expect("a model");
        let class = &inspection.description.class_name;
        let (row, pipeline) = families::ALL.pipeline(class).expect("a row has it");
        met.insert(row.id);
        for kind in pipeline.tasks {
            for scheduler in SchedulerKind::ALL {
                let prompt = if kind.has_prompt() { "a fox" } else { "" };
                let request = Request {
                    start: task(*kind).into(),
                    prompts: Prompts::new(prompt),
                    sampling: Sampling { steps: pipeline.steps, scheduler: Some(*scheduler), ..Sampling::default() },
                    size: Size::new(64, 64),
                    ..Request::default()
                };
                let plan = inspection.plan(|_| Wish::of(&request), 0).expect("it can be used");
                assert!(plan.peak_bytes > 0, "{class}: {kind:?}");
                let written = serde_json::to_string(&request).expect("JSON");
                let read: Request = serde_json::from_str(&written).expect("a request");
                assert_eq!(read, request, "{class}: {kind:?}, {scheduler:?}");
            }
        }
    }
    let runnable = families::ALL.rows().iter().filter(|row| !row.pipelines.is_empty()).map(|row| row.id);
    assert_eq!(met, runnable.collect(), "a family without a tiny model here");
}
