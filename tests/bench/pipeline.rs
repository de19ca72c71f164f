//! The whole pipeline, through the library's own interface.

use std::path::Path;

use burnisher::base::cancel::CancelToken;
use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::base::model_ref::ModelRef;
use burnisher::content::request::{Guidance, Prompts, Request, Sampling, Seeds, Size, Valid};
use burnisher::pipelines::{DiffusionPipeline, Hooks, Phase};
use serde_json::{Map, Value};

use crate::moment::Moment;

/// Seconds of processor time (all threads, divided by two) and gigabytes, by name.
pub(crate) fn measure(folder: &Path) -> Value {
    rayon::ThreadPoolBuilder::new().num_threads(2).build_global().expect("the first pool");
    let mut figures = Map::new();
    let open = || {
        let compute = device::open(DeviceChoice::Cpu, DtypeChoice::F32).expect("the CPU");
        let model = ModelRef::Folder(folder.into());
        let opened = DiffusionPipeline::open(&model, compute, &mut |_| Ok(()));
        opened.expect("the model")
    };
    // The first time the file may come from the disk; the second time it is warm.
    drop(open());
    let start = Moment::now();
    let pipeline = open();
    figures.insert("load wall s".into(), start.wall.elapsed().as_secs_f64().into());
    for size in [512, 256] {
        let mut moments = vec![(None, Moment::now())];
        let mut steps = Vec::new();
        let request = Request {
            prompts: Prompts::new("An image of a squirrel in Picasso style"),
            sampling: Sampling { steps: 3, ..Sampling::default() },
            guidance: Guidance { scale: 7.5, ..Guidance::default() },
            seeds: Seeds::one(0),
            size: Size::new(size, size),
            ..Request::default()
        };
        let hooks = Hooks {
            on_phase: &mut |phase| moments.push((Some(phase), Moment::now())),
            on_step: &mut |_| {
                steps.push(Moment::now());
                Ok(())
            },
            cancel: &CancelToken::new(),
            trace: None,
        };
        pipeline.run(&Valid::new(request.clone()).expect("a good request"), hooks).expect("a picture");
        let end = Moment::now();
        let began = |phase| &moments.iter().find(|(p, _)| *p == Some(phase)).expect("the phase").1;
        let (encoding, denoising, decoding) = (began(Phase::Encoding), began(Phase::Denoising), began(Phase::Decoding));
        for (what, from, to, times) in [
            ("2 prompts", encoding, denoising, 1.0),
            ("step", &steps[0], &steps[2], 2.0),
            ("decode", decoding, &end, 1.0),
        ] {
            figures.insert(format!("{what} @{size} cpu s"), ((to.cpu - from.cpu) / 2.0 / times).into());
            figures.insert(format!("{what} @{size} wall s"), ((to.wall - from.wall).as_secs_f64() / times).into());
        }
        if size == 512 {
            figures.insert("peak GB".into(), peak_gigabytes().into());
        }
    }
    figures.into()
}

/// The most memory that this process has had.
pub(crate) fn peak_gigabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") * 1024.0 / 1e9
}
