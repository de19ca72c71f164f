//! The real engine on the bundled model and the CPU, driven as the window drives it.

use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use burnisher::cancel::CancelToken;
use burnisher::checkpoint::ModelRef;
use burnisher::device::{DeviceChoice, DtypeChoice};
use burnisher::gallery::Destination;
use burnisher::request::{Request, Task};
use burnisher::worker::{self, Command, Event, Job, ModelInfo, Outcome, Preview, Previews, WorkerHandle};

use super::puppet::{command, next};

fn bundled() -> (WorkerHandle, ModelInfo) {
    let mut worker =
        worker::spawn(|model, on_loading| worker::open(model, DeviceChoice::Cpu, DtypeChoice::F32, None, on_loading))
            .expect("a thread");
    let info = load(&mut worker);
    (worker, info)
}

fn load(worker: &mut WorkerHandle) -> ModelInfo {
    command(worker, Command::Load { model: ModelRef::Bundled, cancel: CancelToken::new() });
    loop {
        match next(worker) {
            Event::ModelLoaded { info, .. } => return info,
            Event::ModelFailed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

#[test]
fn measure() {
    let (mut worker, info) = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    for side in [64, 64, 96] {
        let request = Request {
            task: Task::TextToImage,
            prompt: "a red heart in 3d style".into(),
            negative_prompt: String::new(),
            scheduler: None,
            steps: info.steps,
            guidance_scale: info.guidance_scale,
            guidance_rescale: 0.0,
            seed: 1,
            width: side,
            height: side,
            count: 1,
        };
        let mut job = Job::new(request, Destination::Folder(folder.path().to_owned()));
        job.previews = Previews::Newest { every: NonZeroUsize::MIN };
        command(&mut worker, Command::Generate(Box::new(job)));
        let began = Instant::now();
        loop {
            match worker.try_recv() {
                Some(Event::JobEnded { .. }) => break,
                Some(event) => println!("{:?} {event:?}", began.elapsed()),
                None => thread::sleep(Duration::from_millis(5)),
            }
            if let Some(p) = worker.previews().take() {
                println!("{:?} preview {} {}", began.elapsed(), p.step, p.cost_secs);
            }
        }
    }
}
