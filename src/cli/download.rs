//! `burnisher download`: a model of the Hub into the cache.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::model_ref::HubId;
use crate::base::stop::Stop;
use crate::cli::shell::{Ended, cancel_on_interrupt, print};
use crate::cli::waits::Waits;
use crate::families;
use crate::storage::hub::{DownloadProgress, Downloaded, Gate, Hub, Offer, Options, TransferState, Variant};

/// Which model.
#[derive(clap::Args)]
pub(super) struct DownloadArgs {
    /// The model on the Hub: owner/name, owner/name@revision or its page's address
    #[arg(value_name = "REF", value_parser = id)]
    model: HubId,
    /// A branch, tag or commit [default: main]
    #[arg(long, value_name = "R")]
    revision: Option<String>,
    /// Fetch the weights with 16 bits a number where there are such: half the size, for devices that compute in f16
    #[arg(long)]
    fp16: bool,
    /// Accept the licence of a model that asks for it, without a question
    #[arg(long)]
    yes: bool,
    /// Print events as JSON on stdout, one a line
    #[arg(long)]
    json: bool,
}

/// Reads a model's name.
fn id(text: &str) -> Result<HubId, String> {
    HubId::parse(text).ok_or_else(|| "a model on the Hub is named owner/name".to_owned())
}

/// Fetches it, shows how far it is, and prints its folder.
pub(super) fn run(args: &DownloadArgs) -> Result<Ended> {
    let cancel = CancelToken::new();
    cancel_on_interrupt(&cancel, Arc::new(|| {}))?;
    let id = match &args.revision {
        Some(revision) => HubId::parse(&format!("{}@{revision}", args.model.repo()))
            .ok_or_else(|| Error::new(format!("This is no branch, tag or commit: {revision:?}")))?,
        None => args.model.clone(),
    };
    let hub = Hub::new(Options::from_env(None), families::ALL)?;
    let variant = if args.fp16 { Variant::Fp16 } else { Variant::Full };
    let waits = Waits::until_dropped(&format!("the Hub is asked for {id}"));
    let looked = hub.look(&id, variant, &cancel);
    drop(waits);
    let offer = match looked {
        Ok(offer) => offer,
        Err(Stop::Cancelled) => return Ok(Ended::Interrupted),
        Err(Stop::Failed(error)) => return Err(error),
    };
    tell_offer(&offer, args.json)?;
    if offer.gate != Gate::Open && !args.yes && !accepted(&offer)? {
        return Ok(Ended::Interrupted);
    }
    let mut report = DownloadReport::new(args.json);
    let downloaded = hub.download(&offer, &mut |progress| report.tell(progress), &cancel);
    report.end();
    match downloaded? {
        Downloaded::Done(folder) if args.json => {
            print(
                json!({ "event": "downloaded", "model": offer.id.to_string(), "path": folder.display().to_string() }),
            )?;
            Ok(Ended::Done)
        }
        Downloaded::Done(folder) => {
            print(folder.display())?;
            Ok(Ended::Done)
        }
        Downloaded::Stopped => {
            say(&format!("stopped; `burnisher download {id}` goes on from here"));
            Ok(Ended::Interrupted)
        }
    }
}

/// Says what there is to fetch, and under which licence.
fn tell_offer(offer: &Offer, as_json: bool) -> Result<()> {
    let Offer { id, asked, class_name, licence, files, bytes, bytes_here, .. } = offer;
    if as_json {
        return print(json!({
            "event": "offer", "model": id.to_string(), "asked": asked.to_string(), "commit": offer.commit, "class": class_name,
            "licence": licence.id, "licence_name": licence.name, "licence_link": licence.link, "gated": offer.gate != Gate::Open,
            "files": files.iter().map(|file| json!({ "path": file.path, "bytes": file.bytes })).collect::<Vec<_>>(),
            "bytes": bytes, "bytes_here": bytes_here,
        }));
    }
    if asked.repo() != id.repo() {
        say(&format!("{asked} is called {id} now"));
    }
    say(&format!(
        "{id} ({class_name}): {} files, {}, of which {} are here",
        files.len(),
        size(*bytes),
        size(*bytes_here)
    ));
    let name = licence.name.as_ref().or(licence.id.as_ref()).map_or("none named, see its page", String::as_str);
    let link = licence.link.as_ref().map_or(String::new(), |link| format!(" ({link})"));
    say(&format!("licence: {name}{link}"));
    Ok(())
}

/// Asks whoever sits there to accept the licence.
fn accepted(offer: &Offer) -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(Error::new(format!("This model asks to have its licence accepted: {}", offer.id))
            .advise("Read it on the model's page, and say so with --yes"));
    }
    if let Some(text) = &offer.gate_text {
        say(text);
    }
    let _ = write!(io::stderr(), "Do you accept the licence? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| Error::new("Can't read the answer").caused_by(error))?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// The least time between two plain lines, and between two events.
const BETWEEN_LINES: Duration = Duration::from_secs(5);
const BETWEEN_EVENTS: Duration = Duration::from_millis(500);

/// What is where, how fast, and for how long still.
const BAR: &str = "{wide_bar} {bytes} of {total_bytes}  {msg}";

/// Where a download's progress goes.
enum DownloadReport {
    /// Events on stdout; the time of the last one. What they have no word for is said on stderr.
    Json(Option<Instant>, Waits),
    Bar(ProgressBar),
    /// Lines on stderr; the time of the last one.
    Lines(Option<Instant>, Waits),
}

impl DownloadReport {
    fn new(json: bool) -> Self {
        if json {
            Self::Json(None, Waits::new())
        } else if io::stderr().is_terminal() {
            let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
            Self::Bar(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style))
        } else {
            Self::Lines(None, Waits::new())
        }
    }

    fn tell(&mut self, progress: &DownloadProgress) {
        if progress.state == TransferState::Queued {
            return;
        }
        let is_due = |last: &mut Option<Instant>, between: Duration| {
            let due = progress.state == TransferState::Done || last.is_none_or(|last| last.elapsed() >= between);
            if due {
                *last = Some(Instant::now());
            }
            due
        };
        if let Self::Json(_, waits) | Self::Lines(_, waits) = self {
            match &progress.state {
                TransferState::Waiting { why, .. } => waits.on("waiting", why.as_str()),
                TransferState::Checking => waits.on("checking", "what is here is being checked"),
                TransferState::Queued | TransferState::Fetching | TransferState::Done => waits.over(),
            }
        }
        match self {
            Self::Json(last, _) => {
                if is_due(last, BETWEEN_EVENTS) {
                    // Whoever reads the events may be gone: the download is worth finishing.
                    drop(print(of_progress(progress)));
                }
            }
            Self::Bar(bar) => {
                bar.set_length(progress.of);
                bar.set_position(progress.bytes);
                bar.set_message(doing(progress));
            }
            Self::Lines(last, _) => {
                // What waits is said by the waits.
                let is_under_way = matches!(progress.state, TransferState::Fetching | TransferState::Done);
                if is_under_way && is_due(last, BETWEEN_LINES) {
                    say(&format!("{} of {}  {}", size(progress.bytes), size(progress.of), doing(progress)));
                }
            }
        }
    }

    /// Leaves the terminal as it was. No line about it comes after the next.
    fn end(self) {
        if let Self::Bar(bar) = &self {
            bar.finish_and_clear();
        }
    }
}

fn of_progress(progress: &DownloadProgress) -> serde_json::Value {
    json!({
        "event": "download-progress", "bytes": progress.bytes, "of": progress.of,
        "bytes_per_sec": progress.bytes_per_sec.round(), "secs_left": progress.secs_left.map(f64::round),
        "files": progress.files.iter().filter(|file| file.state == TransferState::Fetching)
            .map(|file| json!({ "path": file.path, "bytes": file.bytes, "of": file.of })).collect::<Vec<_>>(),
    })
}

/// What goes on: `3.1 MB/s, 2 min left`.
fn doing(progress: &DownloadProgress) -> String {
    match &progress.state {
        TransferState::Waiting { why, secs: Some(secs) } => format!("waiting {secs} s: {why}"),
        TransferState::Waiting { why, secs: None } => format!("waiting: {why}"),
        TransferState::Checking => "checking what is here".to_owned(),
        TransferState::Queued => String::new(),
        TransferState::Fetching | TransferState::Done => {
            let rate = format!("{}/s", size(progress.bytes_per_sec as u64));
            progress.secs_left.map_or(String::new(), |secs| match secs.round() as u64 {
                secs if secs < 100 => format!("{rate}, {secs} s left"),
                secs => format!("{rate}, {} min left", secs.div_ceil(60)),
            })
        }
    }
}

/// Bytes as people read them, in the Hub's own units: `3.4 GB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// A line for whoever watches. Nobody is left to tell if stderr is closed.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
