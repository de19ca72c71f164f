//! What `generate` shows of a run: events as JSON, or the paths of the pictures on stdout and the progress on stderr.
//!
//! Progress is a bar where stderr is a terminal and plain lines elsewhere, few enough for a log.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::base::error::Result;
use crate::cli::json;
use crate::cli::shell::print;
use crate::content::request::Request;
use crate::pipelines::Phase;
use crate::worker::{Event, ModelInfo};

/// Where the events of a run go.
pub(super) enum Report {
    /// One event a line on stdout.
    Json,
    /// A progress bar on stderr.
    Bar(ProgressBar),
    /// Lines on stderr; the time of the last one.
    Lines(Option<Instant>),
}

/// The least time between two plain lines about steps.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// `pos` of `len` steps, the rate and the time left.
const BAR: &str = "{msg:9} {wide_bar} {pos}/{len}  {rate}  {left} left";
/// What has no steps to count.
const SPINNER: &str = "{msg} {spinner}";

impl Report {
    /// Chooses the report by the flag and by whether stderr is a terminal.
    pub(super) fn new(json: bool) -> Self {
        if json {
            Self::Json
        } else if io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style(SPINNER));
            bar.enable_steady_tick(Duration::from_millis(250));
            Self::Bar(bar)
        } else {
            Self::Lines(None)
        }
    }

    /// Whether it is a bar, which shows all the time what goes on.
    pub(super) fn is_bar(&self) -> bool {
        matches!(self, Self::Bar(_))
    }

    /// Shows an event.
    ///
    /// # Errors
    /// stdout can't be written to.
    pub(super) fn tell(&mut self, event: &Event) -> Result<()> {
        if let Self::Json = self {
            return json::of_event(event).map_or(Ok(()), print);
        }
        match event {
            Event::ModelLoading { model, component: None, .. } => self.note(&format!("loading {model}")),
            Event::ModelLoaded { info, .. } => {
                self.say(&loaded(info));
                info.notes.iter().for_each(|note| self.say(&format!("note: {note}")));
            }
            Event::JobStarted { request, .. } => self.say(&started(request)),
            Event::ModelLoading { component: Some(component), number, of, fraction, .. } => {
                if let Self::Bar(bar) = self {
                    bar.set_message(format!("loading {component} ({number} of {of}), {:.0} %", 100.0 * fraction));
                }
            }
            Event::JobPhase { phase, tuning: true, .. } if self.is_bar() => {
                self.note(&format!(
                    "{}, and tuning the GPU for this size, which takes minutes the first time",
                    phase.name()
                ));
            }
            Event::JobPhase { phase, .. } => self.note(phase.name()),
            Event::JobStep { step, steps, .. } => self.step(*step, *steps),
            Event::PictureSaved { entry, .. } => return self.suspended(|| print(entry.path.display())),
            Event::JobNote { note, .. } => self.say(&format!("note: {note}")),
            Event::PictureUnsaved { .. } => self.say("note: the picture is lost, as no folder takes it"),
            Event::ModelLetGo { .. }
            | Event::ModelUnloaded
            | Event::StartedOver { .. }
            | Event::StepsKept { .. }
            | Event::LookedBack { .. } => {}
            Event::ModelFailed { .. } | Event::ModelCancelled { .. } | Event::JobEnded { .. } => self.end(),
        }
        Ok(())
    }

    /// Prints a line that stays.
    fn say(&self, line: &str) {
        // Progress that can't be shown is no reason to stop drawing.
        self.suspended(|| drop(writeln!(io::stderr(), "{line}")));
    }

    /// Shows what is being done; steps are counted and timed from here.
    fn note(&mut self, what: &str) {
        match self {
            Self::Json => {}
            Self::Bar(bar) => {
                bar.set_style(style(SPINNER));
                bar.set_message(what.to_owned());
                bar.reset();
                bar.set_length(0);
            }
            Self::Lines(last) => {
                *last = None;
                self.say(what);
            }
        }
    }

    fn step(&mut self, step: usize, steps: usize) {
        match self {
            Self::Json => {}
            Self::Bar(bar) => {
                if bar.length() != Some(steps as u64) {
                    bar.set_style(style(BAR));
                    // What was being tuned, is.
                    bar.set_message(Phase::Denoising.name());
                    bar.set_length(steps as u64);
                }
                bar.set_position(step as u64);
            }
            Self::Lines(last) => {
                if step == steps || last.is_none_or(|last| last.elapsed() >= BETWEEN_LINES) {
                    *last = Some(Instant::now());
                    self.say(&format!("step {step} of {steps}"));
                }
            }
        }
    }

    /// Leaves the terminal as it was. How it ended is told by what `generate` returns.
    fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }

    /// Hides the bar while something else is printed.
    fn suspended<T>(&self, print: impl FnOnce() -> T) -> T {
        if let Self::Bar(bar) = self { bar.suspend(print) } else { print() }
    }
}

fn loaded(info: &ModelInfo) -> String {
    format!("{} on {} in {}", info.class_name, info.device, info.dtype)
}

fn started(request: &Request) -> String {
    let sampler =
        request.sampling.scheduler.map_or("the checkpoint's sampler", crate::schedulers::SchedulerKind::label);
    let guidance = if request.start.task.kind().has_prompt() {
        format!(", guidance {}", request.guidance.scale)
    } else {
        String::new()
    };
    let Request { size, sampling, seeds, .. } = request;
    let (width, height, steps, seed) = (size.width, size.height, sampling.steps, seeds.first);
    format!("{width} x {height}, {sampler}, {steps} steps{guidance}, seed {seed}")
}

/// A style whose template is one of ours; the default if it weren't sound.
fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style
        .with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = match state.per_sec() {
                rate if rate <= 0.0 => out.write_str("-"),
                rate if rate < 1.0 => write!(out, "{:.1} s/step", 1.0 / rate),
                rate => write!(out, "{rate:.1} steps/s"),
            };
        })
        .with_key("left", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(out, "{:#}", HumanDuration(state.eta()));
        })
}
