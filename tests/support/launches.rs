//! What a pass through a network launches on a GPU: every kernel, burn's, fused ones and our own, with the bytes that it moves.
//!
//! burn tells which operations it runs as one block and on which tensors, CubeCL tells every launch before it is submitted, and
//! the allocator is asked at each launch what is alive: all three on the thread that does the work, so they belong together.
//! They tell of the whole process: nothing else may compute on a GPU meanwhile.
//!
//! In a dry run (`DryRun`) all of it is the same, but nothing is computed and no memory taken: so networks of any size are counted
//! in seconds on a software rasteriser. Launches are exact. Bytes are those of the tensors, each counted once a launch that reads or writes it, as if caches were
//! perfect. What a block allocates before its last launch (a copy in another layout, patches, scores) is written once and read
//! once. Each kernel of a block but its copies is taken to read the block's largest input.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use burn::backend::DispatchDevice;
use burn::backend::fusion::custom::{OperationIr, TensorId, TensorIr};
use burn::backend::fusion::observer::{BlockOperations, FusionObservation, FusionObserver};
use burn::cubecl::MemoryScope;
use burn::cubecl::client::Client;
use burn::cubecl::config::autotune::{AutotuneConfig, AutotuneLevel, BenchConfig};
use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig, TypeNameFormatLevel, type_name_format};
use burn::cubecl::logging::{LaunchObservation, LaunchObserver, ProfileDuration, TimingRequest};
use burn::tensor::Device;

/// The runtime's handle of a GPU.
pub(crate) fn client(device: &Device) -> Client {
    match device.as_dispatch() {
        DispatchDevice::Cube(device) => device.client(),
        DispatchDevice::Flex(_) => panic!("the CPU launches nothing"),
    }
}

/// Lets the tuner try each variant of a kernel once, since what it finds on a software rasteriser means nothing. It has to be
/// said before the first device is opened.
pub(crate) fn tune_briefly() {
    let bench = BenchConfig { min_samples: 1, max_samples: 1, adaptive: false, ..BenchConfig::default() };
    let autotune =
        AutotuneConfig { level: AutotuneLevel::Minimal, disable_cache: true, bench, ..AutotuneConfig::default() };
    CubeClRuntimeConfig::try_set(CubeClRuntimeConfig { autotune, ..CubeClRuntimeConfig::default() });
}

/// A kernel that was launched.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The operations of its block.
    pub(crate) operation: String,
    /// Its name without its path.
    pub(crate) kernel: String,
    /// Bytes of activations and temporaries that it reads.
    pub(crate) read: u64,
    /// Bytes of weights that it reads.
    pub(crate) weights: u64,
    /// Bytes that it writes.
    pub(crate) written: u64,
    /// Bytes of its largest tensor that is no weight.
    pub(crate) largest: u64,
    /// Bytes that are alive while it runs, without what was there before the pass.
    pub(crate) alive: u64,
    /// Whether it only writes a weight once more, in another layout.
    pub(crate) copies_weight: bool,
}

/// Counts what a pass launches, which must end by waiting for the device.
pub(crate) fn count(device: &Device, pass: impl FnOnce()) -> Vec<Launch> {
    let recorder = Arc::new(Recorder { client: client(device), blocks: Mutex::default() });
    device.sync().expect("a device");
    let before = recorder.alive();
    let operations = FusionObservation::new(recorder.clone());
    let launches = LaunchObservation::new(recorder.clone());
    pass();
    drop((operations, launches));
    let blocks = std::mem::take(&mut *recorder.blocks.lock().expect("no panic"));
    attribute(&blocks, before.bytes)
}

/// How long each kernel of a pass ran on the device, in the order of [`count`]; `None` where the device tells nothing.
pub(crate) fn time(pass: impl FnOnce()) -> Vec<Option<Duration>> {
    let stopwatch = Arc::new(Stopwatch::default());
    let observation = LaunchObservation::new(stopwatch.clone());
    pass();
    drop(observation);
    let profiles = std::mem::take(&mut *stopwatch.0.lock().expect("no panic"));
    profiles.into_iter().map(|profile| Some(pollster::block_on(profile.resolve())?.duration())).collect()
}

/// The measurements of launches, not yet read.
#[derive(Default)]
struct Stopwatch(Mutex<Vec<ProfileDuration>>);

impl LaunchObserver for Stopwatch {
    fn launched(&self, _: &'static str) {}

    fn timing(&self) -> TimingRequest {
        TimingRequest::Deferred
    }

    fn profiled(&self, _: &'static str, profile: ProfileDuration) {
        self.0.lock().expect("no panic").push(profile);
    }
}

/// What the allocator has given out.
#[derive(Clone, Copy, Debug, Default)]
struct Alive {
    bytes: u64,
    tensors: u64,
}

/// A tensor of a block.
#[derive(Clone, Debug)]
struct Operand {
    id: TensorId,
    bytes: u64,
    /// Whether it has more than one axis, unlike a bias.
    is_matrix: bool,
}

/// An operation of a block.
#[derive(Debug)]
struct Step {
    name: String,
    inputs: Vec<Operand>,
    outputs: Vec<Operand>,
    /// Whether it may give another view of its input.
    is_view: bool,
}

/// Operations that run together, and what they launch.
#[derive(Debug, Default)]
struct Block {
    steps: Vec<Step>,
    before: Alive,
    launches: Vec<(&'static str, Alive)>,
}

struct Recorder {
    client: Client,
    blocks: Mutex<Vec<Block>>,
}

impl Recorder {
    fn alive(&self) -> Alive {
        let usage = self.client.memory_report(MemoryScope::Device).usage();
        Alive { bytes: usage.bytes_in_use, tensors: usage.number_allocs }
    }
}

impl LaunchObserver for Recorder {
    fn launched(&self, kernel: &'static str) {
        let alive = self.alive();
        let mut blocks = self.blocks.lock().expect("no panic");
        if blocks.is_empty() {
            blocks.push(Block::default());
        }
        blocks.last_mut().expect("one was pushed").launches.push((kernel, alive));
    }
}

impl FusionObserver for Recorder {
    fn registered(&self, _: &OperationIr) {}

    fn block_starts(&self, block: BlockOperations<'_>) {
        let steps = block.iter().filter(|operation| !matches!(operation, OperationIr::Drop(_))).map(step).collect();
        let block = Block { steps, before: self.alive(), launches: Vec::new() };
        self.blocks.lock().expect("no panic").push(block);
    }

    fn block_ran(&self) {}
}

fn step(operation: &OperationIr) -> Step {
    let operand = |tensor: &TensorIr| Operand {
        id: tensor.id,
        bytes: tensor.shape.num_elements() as u64 * tensor.dtype.size() as u64,
        is_matrix: tensor.shape.num_dims() > 1,
    };
    let name = match operation {
        OperationIr::Custom(custom) => custom.id.clone(),
        // As "NumericFloat(F32, Add(BinaryOpIr { .." is written.
        other => {
            let text = format!("{other:?}");
            let head = text.split('{').next().unwrap_or_default();
            let mut words = head.split(['(', ',']).map(str::trim).filter(|word| !word.is_empty()).rev();
            words.nth(1).unwrap_or_default().to_owned()
        }
    };
    let is_view = ["Reshape", "SwapDims", "Permute", "Expand", "Slice"].contains(&name.as_str());
    Step {
        name,
        inputs: operation.inputs().map(operand).collect(),
        outputs: operation.outputs().map(operand).collect(),
        is_view,
    }
}

/// Gives each launch its share of what its block moves.
fn attribute(blocks: &[Block], before: u64) -> Vec<Launch> {
    let mut origins = Origins::default();
    let used_later = used_later(blocks);
    let mut launches = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let made: HashSet<TensorId> = block.steps.iter().flat_map(|step| &step.outputs).map(|made| made.id).collect();
        let mut inputs: HashMap<TensorId, Operand> = HashMap::new();
        for input in block.steps.iter().flat_map(|step| &step.inputs).filter(|input| !made.contains(&input.id)) {
            let origin = origins.of(input);
            inputs.insert(origin.id, origin);
        }
        for step in &block.steps {
            let views = step.is_view && (block.launches.is_empty() || block.steps.len() > 1);
            for output in &step.outputs {
                let origin = if views { step.inputs.first().map(|input| origins.of(input)) } else { None };
                origins.made.insert(output.id, origin.unwrap_or_else(|| output.clone()));
            }
        }
        let kept = block.steps.iter().flat_map(|step| &step.outputs).filter(|made| used_later[&made.id] != Some(index));
        let outputs: HashMap<TensorId, u64> = kept
            .map(|output| origins.of(output))
            .filter(|origin| made.contains(&origin.id))
            .map(|origin| (origin.id, origin.bytes))
            .collect();
        let (weights, activations): (Vec<_>, Vec<_>) =
            inputs.into_values().partition(|input| !origins.made.contains_key(&input.id));
        launches.extend(shares(block, &weights, &activations, outputs.values().sum(), before));
    }
    launches
}

/// The launches of a block; `written`: bytes of what it leaves behind.
fn shares(block: &Block, weights: &[Operand], activations: &[Operand], written: u64, before: u64) -> Vec<Launch> {
    let sum = |operands: &[Operand]| operands.iter().map(|operand| operand.bytes).sum::<u64>();
    let most = |operands: &[Operand]| operands.iter().map(|operand| operand.bytes).max().unwrap_or(0);
    let is_among = |operands: &[Operand], bytes: u64| operands.iter().any(|operand| operand.bytes == bytes);
    let (operation, last) = (title(&block.steps), block.launches.len().saturating_sub(1));
    let (mut temporaries, mut previous) = (0, block.before);
    // What is left behind may be allocated before the first launch instead of before the last.
    let mut early = match block.launches[..] {
        [.., (_, before), (_, at)] if allocated(before, at, weights, activations) < written => written,
        _ => 0,
    };
    let mut launches = Vec::new();
    for (index, &(kernel, alive)) in block.launches.iter().enumerate() {
        let kernel = type_name_format(kernel, TypeNameFormatLevel::Short);
        let mut temporary = allocated(previous, alive, weights, activations);
        previous = alive;
        if temporary >= early {
            temporary -= std::mem::take(&mut early);
        }
        let is_copy_of = |bytes: u64| {
            weights.iter().any(|weight| weight.is_matrix && weight.bytes == bytes) && !is_among(activations, bytes)
        };
        let copies_weight = if index == last {
            // What joins pieces is no other layout of one.
            matches!(&block.steps[..], [step] if step.inputs.len() == 1)
                && activations.is_empty()
                && is_copy_of(written)
        } else {
            is_copy_of(temporary)
        };
        let (read, weights_read, written) = match (index == last, copies_weight) {
            // It reads copies in place of what was copied.
            (true, _) => (sum(activations) + temporaries, sum(weights), written),
            (false, true) => (0, temporary, temporary),
            (false, false) if kernel.starts_with("CopyKernel") => (temporary, 0, temporary),
            (false, false) => {
                temporaries += temporary;
                (most(activations), 0, temporary)
            }
        };
        let largest = if index == last { most(activations).max(written) } else { temporary };
        launches.push(Launch {
            operation: operation.clone(),
            kernel,
            read,
            weights: weights_read,
            written,
            largest,
            alive: alive.bytes.saturating_sub(before),
            copies_weight,
        });
    }
    launches
}

/// Bytes that were allocated between two launches, though inputs may have been freed in between.
fn allocated(previous: Alive, now: Alive, weights: &[Operand], activations: &[Operand]) -> u64 {
    if now.tensors > previous.tensors {
        return now.bytes.saturating_sub(previous.bytes);
    }
    if now.bytes == previous.bytes {
        return 0;
    }
    let freed = activations.iter().map(|input| input.bytes).filter(|freed| now.bytes + freed >= previous.bytes);
    let sizes = freed.map(|freed| now.bytes + freed - previous.bytes);
    // What is copied has the size of an input.
    let all: Vec<u64> = sizes.collect();
    let is_input = |bytes: &&u64| weights.iter().chain(activations).any(|input| input.bytes == **bytes);
    all.iter().find(is_input).or(all.first()).copied().unwrap_or(0)
}

/// The block that uses each tensor last; `None` if nothing does.
fn used_later(blocks: &[Block]) -> HashMap<TensorId, Option<usize>> {
    let mut uses: HashMap<TensorId, Option<usize>> = HashMap::new();
    for (index, block) in blocks.iter().enumerate() {
        for step in &block.steps {
            uses.extend(step.inputs.iter().map(|input| (input.id, Some(index))));
            uses.extend(step.outputs.iter().map(|output| (output.id, None)));
        }
    }
    uses
}

/// What stands behind a view.
#[derive(Default)]
struct Origins {
    /// What the pass has made, and what each is a view of.
    made: HashMap<TensorId, Operand>,
}

impl Origins {
    fn of(&self, operand: &Operand) -> Operand {
        match self.made.get(&operand.id) {
            Some(origin) if origin.id != operand.id => self.of(origin),
            _ => operand.clone(),
        }
    }
}

/// The operations of a block in few words.
fn title(steps: &[Step]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for step in steps.iter().filter(|step| !step.is_view || steps.len() == 1) {
        if !names.contains(&step.name.as_str()) {
            names.push(&step.name);
        }
    }
    match names.len() {
        0..=4 => names.join(" "),
        more => format!("{} and {} more", names[..3].join(" "), more - 3),
    }
}
