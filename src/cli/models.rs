//! `burnisher models`: the models on this computer, wherever they lie.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::path_text::{all_shown, shown};
use crate::base::stop::{Outcome, Stop};
use crate::cli::shell::{Ended, print};
use crate::cli::waits::Waits;
use crate::families;
use crate::session::settings::Settings;
use crate::storage::library::{self, Duplicates, ItemState, LibraryItem, Places, Soundness, size_text};

/// Where to look, and how closely.
#[derive(clap::Args)]
pub(super) struct ModelsArgs {
    /// Look in these folders, and nowhere else [default: where models usually lie, and the folders added in the window]
    #[arg(value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    /// Find files with the same content, too; files of the same length are read whole
    #[arg(long)]
    duplicates: bool,
    /// Compare models of the Hub with their checksums; all of them are read whole
    #[arg(long)]
    verify: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Returns what came of work that nothing here cancels.
fn unstopped<T>(outcome: Outcome<T>) -> Result<T> {
    outcome.map_err(|stop| match stop {
        Stop::Failed(error) => error,
        Stop::Cancelled => Error::new("The reading of the models was stopped"),
    })
}

/// Prints one model a line, or all as JSON.
pub(super) fn run(args: &ModelsArgs) -> Result<Ended> {
    let cancel = CancelToken::new();
    let waits = Waits::until_dropped("models are being looked for");
    let (mut items, mut troubles) = library::list(&args.places(), families::ALL, &cancel)?;
    drop(waits);
    let mut verdicts = vec![None; items.len()];
    if args.verify {
        for (item, verdict) in items.iter_mut().zip(&mut verdicts) {
            let bar = ReadingReport::new(format!("checking {}", item.name));
            let found = unstopped(library::verify(item, &cancel, &mut |done, of| bar.show(done, of)))?;
            *item = item.clone().verified(&found);
            *verdict = Some(found);
        }
    }
    let mut duplicates = None;
    if args.duplicates {
        let bar = ReadingReport::new("comparing files".to_owned());
        let (found, failed) = unstopped(library::find_duplicates(&items, &cancel, &mut |done, of| bar.show(done, of)))?;
        troubles.extend(failed);
        duplicates = Some(found);
    }
    if args.json {
        let models: Vec<_> =
            items.iter().zip(&verdicts).map(|(item, verdict)| of_item(item, verdict.as_ref())).collect();
        let mut all =
            json!({ "models": models, "troubles": troubles.iter().map(Error::to_string).collect::<Vec<_>>() });
        if let Some(found) = &duplicates {
            all["duplicates"] = found.iter().map(of_duplicates).collect();
        }
        let text = serde_json::to_string_pretty(&all);
        print(text.map_err(|cause| Error::new("The list can't be written as JSON").caused_by(cause))?)?;
    } else {
        table(&items)?;
        for group in duplicates.iter().flatten() {
            print(format!("\n{} {} times:", size_text(group.bytes), group.files.len()))?;
            group.files.iter().try_for_each(|file| print(format!("  {}", file.display())))?;
        }
        for error in &troubles {
            // Nobody is left to tell if stderr is closed.
            let _ = writeln!(io::stderr(), "warning: {error}");
        }
    }
    let damaged: Vec<&LibraryItem> =
        items.iter().zip(&verdicts).filter(|(_, verdict)| is_damaged(verdict.as_ref())).map(|(item, _)| item).collect();
    if damaged.is_empty() { Ok(Ended::Done) } else { Err(differs(&damaged)) }
}

fn is_damaged(verdict: Option<&Soundness>) -> bool {
    matches!(verdict, Some(Soundness::Damaged(_)))
}

/// What is said of models that aren't what the Hub gave. A download keeps what is there, so what is damaged has to go first.
fn differs(damaged: &[&LibraryItem]) -> Error {
    let names: Vec<&str> = damaged.iter().map(|item| &*item.name).collect();
    let files = damaged.iter().flat_map(|item| &item.damaged).map(|file| file.display().to_string());
    let files: Vec<String> = files.collect();
    Error::new(format!("The checksum differs from the Hub's: {}", names.join(", ")))
        .advise(format!("Remove {}, and `burnisher download` fetches it again", files.join(" and ")))
}

impl ModelsArgs {
    fn places(&self) -> Places {
        if self.folders.is_empty() {
            let (settings, _) = Settings::load(&Settings::path_of_user());
            Places::of_user(settings.model_folders)
        } else {
            Places::only(self.folders.clone())
        }
    }
}

/// A line a model, in columns; below it, what is wrong with it.
fn table(items: &[LibraryItem]) -> Result<()> {
    let place =
        |item: &LibraryItem| item.path.as_ref().map_or("built in".to_owned(), |path| path.display().to_string());
    let row = |item: &LibraryItem| {
        let what = match (item.kind_text(), item.family_text()) {
            ("Model", family) => family.to_owned(),
            (kind, family) => format!("{kind} {family}").trim_end().to_owned(),
        };
        let state = item.state.word().to_owned();
        [item.name.clone(), what, item.precision_text(), size_text(item.bytes), state, item.app.label().to_owned()]
    };
    let heads = ["NAME", "FAMILY", "NUMBERS", "SIZE", "STATE", "APP"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(heads).chain(items.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 6] = std::array::from_fn(width);
    for (number, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        let item = number.checked_sub(1).and_then(|number| items.get(number));
        let last = item.map_or("WHERE".to_owned(), place);
        print(format!("{}  {last}", cells.collect::<Vec<_>>().join("  ")))?;
        if let Some(why) = item.and_then(|item| item.state.why()) {
            print(format!("    {why}"))?;
        }
    }
    Ok(())
}

/// An item for scripts.
fn of_item(item: &LibraryItem, verdict: Option<&Soundness>) -> Value {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).ok();
    let mut value = json!({
        "name": item.name,
        "model": item.model,
        "path": item.path.as_deref().map(shown),
        "kind": item.kind,
        "family": item.architecture.map_or("unknown", |architecture| architecture.name),
        "precisions": item.precisions,
        "bytes": item.bytes,
        "app": item.app.name(),
        "state": match item.state {
            ItemState::Whole => "whole",
            ItemState::Partial { .. } => "partial",
            ItemState::Broken { .. } => "broken",
            ItemState::NotOpenable { .. } => "not_openable",
        },
        "usable": item.is_usable(),
        "why": item.state.why(),
        "repair": item.repair().map(|repair| repair.id.to_string()),
        "modified": item.modified.and_then(seconds),
    });
    if let Some(verdict) = verdict {
        value["verified"] = match verdict {
            Soundness::Sound(_) => json!(true),
            Soundness::Damaged(_) => json!(false),
            Soundness::Unknown => Value::Null,
        };
    }
    value
}

fn of_duplicates(group: &Duplicates) -> Value {
    json!({ "bytes": group.bytes, "sha256": group.sha256, "files": all_shown(&group.files) })
}

/// How far a long reading is, on stderr: a bar where it is a terminal, and else a line from time to time.
enum ReadingReport {
    Bar(ProgressBar),
    Lines(Waits, String),
}

impl ReadingReport {
    fn new(what: String) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines(Waits::new(), what);
        }
        let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes} of {total_bytes}, {eta} left");
        let bar = ProgressBar::new(0).with_message(what);
        Self::Bar(style.map(|style| bar.clone().with_style(style)).unwrap_or(bar))
    }

    fn show(&self, done: u64, of: u64) {
        match self {
            Self::Bar(bar) => {
                bar.set_length(of);
                bar.set_position(done);
            }
            Self::Lines(waits, what) => {
                waits.on("reading", format!("{what}, {} of {}", size_text(done), size_text(of)));
            }
        }
    }
}

impl Drop for ReadingReport {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
