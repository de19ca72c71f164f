//! The check of a GPU before it is first used: whether its native kernels compute right.
//!
//! The driver may crash or hang over them, so they are tried in a process of its own, with a time limit. What is wrong there is
//! passed over: portable kernels follow, and f32. What was found is kept (`base::device`), by GPU, driver and version of the program.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use log::Level;

use crate::base::device::{self, DeviceChoice, DtypeChoice, GpuToCheck, GpuVerdict, KernelChoice};
use crate::base::error::{Error, Result};
use crate::base::stop::{Outcome, Stop};
use crate::ops::{check_names, run_checks};
use crate::pipelines::{Loading, OnLoading};

/// How far a result may be off, relative to its size. Right kernels are off by less than a tenth of it, and wrong ones by a
/// multiple: rounding is 5e-4 in f16 and 6e-8 in f32.
const OFF_F16: f64 = 2e-2;
const OFF_F32: f64 = 1e-3;

/// Latent pixels of a side: that of a picture of 256 pixels, and of 64 for what computes on the CPU.
const SIDE: usize = 32;
const SIDE_OF_SOFTWARE: usize = 8;

/// How often is asked whether the check is still wanted.
const WANTED_INTERVAL: Duration = Duration::from_millis(100);

/// How GPUs are checked.
#[derive(Clone, Debug)]
pub struct Guard {
    /// This program, whose command `check-gpu` computes.
    pub program: PathBuf,
    /// How long a GPU may take for one kind of kernels, tuning included.
    pub limit: Duration,
    /// Where verdicts are kept.
    pub kept: PathBuf,
}

/// The guard of this process.
static GUARD: OnceLock<Guard> = OnceLock::new();

/// Has GPUs checked from now on, before they are first used. Without this they are taken as they are.
pub fn guard_gpus(guard: Guard) {
    let _ = GUARD.set(guard);
}

/// Checks the GPU that a model is about to be opened on, unless that was done, the user says which kernels to take, or it is
/// software.
///
/// # Errors
/// What `on_loading` says, which is asked again and again.
pub(super) fn ensure(choice: DeviceChoice, kernels: KernelChoice, on_loading: &mut OnLoading<'_>) -> Outcome<()> {
    let (Some(guard), KernelChoice::Auto) = (GUARD.get(), kernels) else { return Ok(()) };
    // That there is no such GPU is told where it is opened.
    let Ok(Some(gpu)) = device::gpu_to_check(choice) else { return Ok(()) };
    if gpu.is_software || gpu.verdict(&guard.kept).is_some() {
        return Ok(());
    }
    let begun = Instant::now();
    let checking = Loading { component: "the GPU", ..Loading::default() };
    let verdict = match guard.check(&gpu, &mut || on_loading(checking)) {
        Ok(verdict) => verdict,
        Err(Stop::Cancelled) => return Err(Stop::Cancelled),
        Err(Stop::Failed(error)) => {
            log::warn!("{} was not checked: {error}", gpu.name);
            return Ok(());
        }
    };
    let text = format!("{} was checked in {:.1} s: {}", gpu.name, begun.elapsed().as_secs_f64(), verdict.reason);
    let is_native = verdict.kernels == Some(KernelChoice::Native);
    log::log!(if is_native { Level::Info } else { Level::Warn }, "{text}");
    if let Err(error) = gpu.keep(&guard.kept, verdict) {
        log::warn!("the check of the GPU can't be kept: {error}");
    }
    Ok(())
}

impl Guard {
    /// Finds the first kernels and number format that compute right on a GPU: native ones, portable ones, portable ones in f32.
    ///
    /// # Errors
    /// The program can't be started; what `still_wanted` says, which is asked while the GPU computes.
    pub fn check(&self, gpu: &GpuToCheck, still_wanted: &mut dyn FnMut() -> Outcome<()>) -> Outcome<GpuVerdict> {
        let best = if gpu.has_f16 { DtypeChoice::F16 } else { DtypeChoice::F32 };
        let mut tries = vec![(KernelChoice::Native, best), (KernelChoice::Portable, best)];
        if gpu.has_f16 {
            tries.push((KernelChoice::Portable, DtypeChoice::F32));
        }
        let mut said = Vec::new();
        for (kernels, dtype) in tries {
            let found = self.try_in_child(gpu, kernels, dtype, still_wanted)?;
            let (Ok(text) | Err(text)) = &found;
            said.push(format!("{kernels} kernels in {dtype} {text}"));
            if found.is_ok() {
                return Ok(GpuVerdict { kernels: Some(kernels), f16: dtype == best, reason: said.join("; ") });
            }
        }
        Ok(GpuVerdict { kernels: None, f16: false, reason: said.join("; ") })
    }

    /// Has a process of its own compute the checks. Finds how far they are off, or what went wrong, in words.
    fn try_in_child(
        &self,
        gpu: &GpuToCheck,
        kernels: KernelChoice,
        dtype: DtypeChoice,
        still_wanted: &mut dyn FnMut() -> Outcome<()>,
    ) -> Outcome<CheckFound> {
        let mut command = Command::new(&self.program);
        command.args(["check-gpu", "--device", &gpu.choice.to_string(), "--kernels", &kernels.to_string()]);
        command.args(["--dtype", &dtype.to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|cause| Error::new("the program can't be started").caused_by(cause))?;
        let until = Instant::now() + self.limit;
        let limit = if dtype == DtypeChoice::F16 { OFF_F16 } else { OFF_F32 };
        let found = lines_of(&mut child).and_then(|lines| judge(|| next(&lines, until, still_wanted), limit));
        end(child);
        found
    }
}

/// What checks found, in words: how far right kernels are off, or what is wrong with others.
type CheckFound = Result<String, String>;

/// Why a process says nothing more.
enum Silence {
    /// Its time is over.
    Hang,
    /// It has ended.
    Crash,
}

/// Reads the lines of a process on a thread, which ends when there are no more.
fn lines_of(child: &mut Child) -> Outcome<Receiver<String>> {
    let stdout = child.stdout.take().ok_or_else(|| Error::new("the program says nothing"))?;
    let (says, lines) = crossbeam_channel::bounded(16);
    // It ends when the process does, or when nobody listens any more.
    let read = move || {
        BufReader::new(stdout).lines().map_while(std::io::Result::ok).all(|line| says.send(line).is_ok());
    };
    let thread = thread::Builder::new().name("gpu-check".to_owned()).spawn(read);
    let thread = thread.map(|_| lines).map_err(|cause| Error::new("the system has no thread to give").caused_by(cause));
    Ok(thread?)
}

/// Waits for the next line until the time is over.
fn next(
    lines: &Receiver<String>,
    until: Instant,
    still_wanted: &mut dyn FnMut() -> Outcome<()>,
) -> Outcome<Result<String, Silence>> {
    loop {
        still_wanted()?;
        match lines.recv_deadline(until.min(Instant::now() + WANTED_INTERVAL)) {
            Ok(line) => return Ok(Ok(line)),
            Err(RecvTimeoutError::Disconnected) => return Ok(Err(Silence::Crash)),
            Err(RecvTimeoutError::Timeout) if Instant::now() >= until => return Ok(Err(Silence::Hang)),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Reads what the checks found.
fn judge(mut next: impl FnMut() -> Outcome<Result<String, Silence>>, limit: f64) -> Outcome<CheckFound> {
    let mut found = Vec::new();
    for name in check_names() {
        let off: f64 = match next()? {
            Ok(line) => line.strip_prefix(name).and_then(|off| off.trim().parse().ok()).unwrap_or(f64::NAN),
            Err(Silence::Hang) => return Ok(Err(format!("hang in the {name}"))),
            Err(Silence::Crash) => return Ok(Err(format!("crash in the {name}"))),
        };
        // No number is not within the limit.
        let is_right = off <= limit;
        if !is_right {
            return Ok(Err(format!("compute a wrong {name}, which is off by {off:.1e}")));
        }
        found.push(format!("{name} {off:.0e}"));
    }
    Ok(Ok(format!("compute right (off by: {})", found.join(", "))))
}

/// Ends a process. A driver may keep it for good, which nothing here waits for.
fn end(mut child: Child) {
    let _ = child.kill();
    let wait = move || drop(child.wait());
    if let Err(cause) = thread::Builder::new().name("gpu-check-end".to_owned()).spawn(wait) {
        log::debug!("the process of a check stays until the program ends: {cause}");
    }
}

/// Computes the checks on a GPU in this process, and tells how far each is off.
///
/// # Errors
/// There is no such GPU, or it can't be opened.
pub fn compute_checks(
    choice: DeviceChoice,
    dtype: DtypeChoice,
    kernels: KernelChoice,
    tell: impl FnMut(&'static str, f64),
) -> Result<()> {
    let is_software = device::gpu_to_check(choice)?.is_some_and(|gpu| gpu.is_software);
    let compute = device::open_with(choice, dtype, kernels)?;
    run_checks(&compute.device, compute.dtype, if is_software { SIDE_OF_SOFTWARE } else { SIDE }, tell);
    Ok(())
}
