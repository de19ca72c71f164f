//! Loading a model of 2 GB, nothing else: how long it takes, and the most memory that the process has had in the end.
//!
//! Every load is a process of its own, several in turns with the peer's; the table shows the middle one of each. The files
//! are in the system's cache: the first round, which reads them from the disk, isn't counted.

use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::base::model_ref::ModelRef;
use burnisher::pipelines::DiffusionPipeline;
use serde_json::{Value, json};

use crate::moment::Moment;
use crate::pipeline::peak_gigabytes;
use crate::{checkpoint, parse, run};

const ROUNDS: usize = 5;

/// Seconds and gigabytes of one load.
pub(crate) fn measure(model: &str, dtype: &str) -> Value {
    rayon::ThreadPoolBuilder::new().num_threads(2).build_global().expect("the first pool");
    let Ok(model) = model.parse::<ModelRef>();
    let dtype: DtypeChoice = dtype.parse().expect("f32 or f16");
    let start = Moment::now();
    let compute = device::open(DeviceChoice::Cpu, dtype).expect("the CPU");
    let opened = DiffusionPipeline::open(&model, compute, &mut |_| Ok(()));
    let pipeline = opened.expect("the model");
    let seconds = start.wall.elapsed().as_secs_f64();
    drop(pipeline);
    json!({ "load wall s": seconds, "peak GB": peak_gigabytes() })
}

/// Both sides on each model, in one run; without any, on one that is made for it.
pub(crate) fn compare(models: &[&str]) {
    if models.is_empty() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        checkpoint::write(folder.path());
        return compare_on(folder.path().to_str().expect("a plain path"));
    }
    for model in models {
        compare_on(model);
    }
}

fn compare_on(model: &str) {
    let this = std::env::current_exe().expect("this program");
    let this = this.to_str().expect("a plain path");
    let python = std::env::var("BURNISHER_BENCH_PYTHON").ok();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/peer_load.py");
    println!("{model}");
    println!("{:<28} {:>12} {:>12} {:>8}", "", "burnisher", "diffusers", "ratio");
    for dtype in ["f32", "f16"] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let figures = [
                Some(parse(&run(this, &["measure-load", model, dtype]))),
                python.as_ref().map(|python| parse(&run(python, &[script, model, dtype]))),
            ];
            if round > 0 {
                let [our, their] = figures;
                ours.extend(our);
                theirs.extend(their);
            }
        }
        for name in ["load wall s", "peak GB"] {
            let (what, our) = (format!("{dtype}: {name}"), middle(&ours, name).expect("ours"));
            match middle(&theirs, name) {
                Some(their) => println!("{what:<28} {our:>12.3} {their:>12.3} {:>8.2}", our / their),
                None => println!("{what:<28} {our:>12.3}"),
            }
        }
    }
}

fn middle(rounds: &[Value], name: &str) -> Option<f64> {
    let mut figures: Vec<f64> = rounds.iter().filter_map(|figures| figures[name].as_f64()).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}
