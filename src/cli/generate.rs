//! `burnisher generate`: draws pictures.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args as _, ValueEnum};

use crate::base::cancel::CancelToken;
use crate::base::device::{DeviceChoice, DtypeChoice, KernelChoice};
use crate::base::error::{Error, Result};
use crate::base::files::sweep_temporary;
use crate::base::model_ref::ModelRef;
use crate::base::sync::{Wake, bell};
use crate::cli::fields::FieldArgs;
use crate::cli::memory_limit::MemoryLimit;
use crate::cli::model_arg::model_ref;
use crate::cli::report::Report;
use crate::cli::shell::{Ended, cancel_on_interrupt};
use crate::cli::task::{TaskArgs, default_size, side_multiple};
use crate::cli::waits::Waits;
use crate::content::request::{Field, FieldSet, Request, SafetyMode, Validate as _, limits, random_seed};
use crate::families;
use crate::schedulers::{SamplingOptions, SigmaSchedule};
use crate::session::settings::Settings;
use crate::session::{Session, SessionCommand, SessionEvent, host_of, open_worker_on};
use crate::storage::gallery::Destination;
use crate::storage::hub::Shelf;
use crate::storage::recipe::local_files::LocalFiles;
use crate::worker::{Event, Host, JobEnd, ModelInfo, Output, Previews, Work};

/// The arguments of `generate`.
#[derive(clap::Args)]
pub(super) struct GenerateArgs {
    #[command(flatten)]
    fields: FieldArgs,
    /// `bundled`, the folder of a model in diffusers format, or `owner/name` on the Hub once it is downloaded
    #[arg(long, value_name = "REF", default_value = "bundled", value_parser = model_ref())]
    model: ModelRef,
    #[command(flatten)]
    task: TaskArgs,
    /// Sampler, for example euler-a or dpm++2m-karras [default: the model's own]
    #[arg(long, value_name = "NAME")]
    scheduler: Option<String>,
    /// How the noise levels are spread over the steps: uniform, karras, exponential, beta or lu [default: as the sampler
    /// and the model have it]
    #[arg(long, value_name = "NAME")]
    sigma_schedule: Option<SigmaSchedule>,
    /// How much noise DDIM and TCD add back at each step, 0 to 1
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    eta: f64,
    /// The timesteps to visit, falling, for example 999,700,400,100
    #[arg(long, value_name = "T,T,..", value_delimiter = ',', conflicts_with_all = ["sigmas", "steps"])]
    timesteps: Option<Vec<f64>>,
    /// The noise levels to visit, falling; Euler wants the last one, 0, as well: 14.6,3.5,1.2,0.4,0
    #[arg(long, value_name = "S,S,..", value_delimiter = ',', conflicts_with = "steps")]
    sigmas: Option<Vec<f64>>,
    /// Pixels, a multiple of 8 for most models [default: the image's, made smaller if it has more than 4 times the model's pixels;
    /// without an image or with --only-masked, the model's own]
    #[arg(long, value_name = "W")]
    width: Option<usize>,
    /// Pixels, a multiple of 8 for most models [default: see --width]
    #[arg(long, value_name = "H")]
    height: Option<usize>,
    /// What becomes of a picture that the model's safety checker flags: `blur` keeps it and says so in its metadata, `block` makes
    /// it black
    #[arg(long, value_enum, value_name = "off|blur|block", default_value_t = Safety::Blur)]
    safety_checker: Safety,
    /// The same as --safety-checker off
    #[arg(long, conflicts_with = "safety_checker")]
    no_safety_checker: bool,
    /// auto, cpu, gpu or gpu:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
    /// auto, f32, f16 or bf16
    #[arg(long, value_name = "DTYPE", default_value = "auto")]
    dtype: DtypeChoice,
    /// How a GPU's kernels are compiled: `native` in the driver's own language, `portable` in WGSL, which is slower and where less can
    /// go wrong, `auto` as it suits the GPU
    #[arg(long, value_name = "auto|native|portable", default_value = "auto")]
    kernels: KernelChoice,
    /// Gigabytes of memory that the model and its pictures may take [default: all there are]
    #[arg(long, value_name = "GB")]
    memory_limit: Option<MemoryLimit>,
    /// Threads for the CPU, up to 256 [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<NonZeroUsize>,
    /// Write a preview every N steps
    #[arg(long, value_name = "N", requires = "preview_dir")]
    preview_every: Option<NonZeroUsize>,
    /// The folder for previews
    #[arg(long, value_name = "DIR", requires = "preview_every")]
    preview_dir: Option<PathBuf>,
    /// A PNG file, or a folder [default: the current folder]
    #[arg(long, value_name = "FILE.png|DIR", default_value = ".", hide_default_value = true)]
    output: PathBuf,
    /// Write the numbers inside the run, for comparison
    #[arg(long, value_name = "FILE.safetensors")]
    trace: Option<PathBuf>,
    /// Print events as JSON on stdout, one a line
    #[arg(long)]
    json: bool,
}

/// The most threads for the CPU: with far more, each of them waits for the others.
const MAX_THREADS: usize = 256;

/// Parses a number of threads.
fn threads(text: &str) -> Result<NonZeroUsize> {
    let threads: Option<NonZeroUsize> = text.parse().ok().filter(|threads: &NonZeroUsize| threads.get() <= MAX_THREADS);
    threads.ok_or_else(|| Error::new(format!("a number between 1 and {MAX_THREADS} is wanted")))
}

/// The modes of the safety checker by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Safety {
    Off,
    Blur,
    Block,
}

/// Draws, and shows what happens.
pub(super) fn run(args: &GenerateArgs) -> Result<Ended> {
    let mut request = args.request()?;
    let output = args.output()?;
    // Loading a model may take minutes: what is wrong is said before.
    request.validate()?;
    output.check()?;
    sweep_temporary(output.destination.folder());
    let (wake, woken) = bell();
    let interrupted = CancelToken::new();
    cancel_on_interrupt(&interrupted, wake.clone())?;
    let mut report = Report::new(args.json);
    // A bar says itself what goes on.
    let waits = (!report.is_bar()).then(Waits::new);
    let mut session = args.session(wake)?;
    let events = session.subscribe();
    let mut unsaved_seed = None;
    loop {
        if interrupted.is_cancelled() {
            session.send(SessionCommand::StopLoading)?;
            session.send(SessionCommand::StopGeneration)?;
        }
        let Some(SessionEvent::Worker(event)) = session.wait(&events, &woken)? else { continue };
        report.tell(&event)?;
        if let Some(waits) = &waits {
            waits.follow(&event);
        }
        match event {
            Event::ModelLoaded { info, .. } => {
                args.complete(&mut request, &info)?;
                let (work, output) = (Work::Pictures(request.clone()), Some(output.clone()));
                session.send(SessionCommand::Draw { model: args.model.clone(), work, output, is_first: false })?;
            }
            Event::ModelFailed { error, .. } => return Err(error),
            Event::PictureUnsaved { unsaved, .. } => unsaved_seed = Some(unsaved.recipe().request.seeds.first),
            Event::ModelCancelled { .. } => return Ok(Ended::Interrupted),
            Event::JobEnded { outcome, .. } => {
                return match outcome {
                    JobEnd::Finished(_) => Ok(Ended::Done),
                    JobEnd::Cancelled => Ok(Ended::Interrupted),
                    JobEnd::Failed(error) => Err(match unsaved_seed {
                        None => error,
                        Some(seed) => error.advise(format!(
                            "No other folder took the picture either: --seed {seed} draws it again once there is room"
                        )),
                    }),
                };
            }
            _ => {}
        }
    }
}

impl GenerateArgs {
    fn safety(&self) -> SafetyMode {
        match self.safety_checker {
            _ if self.no_safety_checker => SafetyMode::Off,
            Safety::Off => SafetyMode::Off,
            Safety::Blur => SafetyMode::Blur,
            Safety::Block => SafetyMode::Block,
        }
    }

    /// Returns the request, with Diffusers' defaults where the model has a say: [`Self::complete`] asks it.
    fn request(&self) -> Result<Request> {
        let mut request = Request::default();
        self.fields.0.apply(FieldSet::all(), &mut request);
        request.start.task = self.task.task(self.gives(Field::Prompt), &self.model, wrong_usage)?;
        request.sampling.scheduler = self.scheduler.as_deref().map(str::parse).transpose()?;
        request.sampling.options = SamplingOptions {
            sigma_schedule: self.sigma_schedule,
            eta: self.eta,
            timesteps: self.timesteps.clone(),
            sigmas: self.sigmas.clone(),
        };
        if !self.gives(Field::Seed) {
            request.seeds.first = random_seed();
        }
        request.size.width = self.width.unwrap_or(request.size.width);
        request.size.height = self.height.unwrap_or(request.size.height);
        if let Some(multiple) = side_multiple(&self.model).filter(|_| self.width.or(self.height).is_some()) {
            limits::validate_size(request.size, multiple)?;
        }
        request.finish.safety = self.safety();
        Ok(request)
    }

    /// Whether the arguments have a value for a field.
    fn gives(&self, field: Field) -> bool {
        self.fields.0.has.contains(field)
    }

    /// Returns what the pictures and their previews become.
    fn output(&self) -> Result<Output> {
        let previews = match (self.preview_every, &self.preview_dir) {
            (Some(every), Some(folder)) => Previews::Files { every, folder: folder.clone() },
            _ => Previews::Off,
        };
        let destination = Destination::from_path(&self.output)?;
        Ok(Output { destination, previews, trace: self.trace.clone() })
    }

    /// Opens a session that begins to load the model.
    fn session(&self, wake: Wake) -> Result<Session> {
        let settings = Settings {
            model: self.model.clone(),
            device: self.device,
            dtype: self.dtype,
            kernels: self.kernels,
            memory_limit_gb: self.memory_limit.map_or(0.0, MemoryLimit::gigabytes),
            ..Settings::default()
        };
        let threads = self.threads;
        let open_worker = move |settings: &Settings, shelf: &Shelf, wake: Wake| {
            open_worker_on(Host { threads, ..host_of(settings) }, shelf, wake)
        };
        Session::for_drawing(
            settings,
            Shelf::of_script(families::ALL),
            LocalFiles::of_user(),
            Box::new(open_worker),
            wake,
        )
    }

    /// Takes over what the model recommends where the arguments leave it open.
    ///
    /// # Errors
    /// The picture that it begins with can't be read any more.
    fn complete(&self, request: &mut Request, info: &ModelInfo) -> Result<()> {
        if !self.gives(Field::Steps) {
            request.sampling.steps = info.steps;
        }
        if !self.gives(Field::GuidanceScale) {
            request.guidance.scale = info.guidance_scale;
        }
        let (width, height) = default_size(request, info)?;
        request.size.width = self.width.unwrap_or(width);
        request.size.height = self.height.unwrap_or(height);
        Ok(())
    }
}

/// Ends the program as for arguments that can't be understood.
fn wrong_usage(kind: ErrorKind, message: &str) -> ! {
    let command = clap::Command::new("generate").bin_name("burnisher generate");
    GenerateArgs::augment_args(command).error(kind, message).exit()
}
