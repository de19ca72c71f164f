//! The command line: the same worker as the window's, for scripts, servers and tests.
//!
//! Exit codes: 0 done, 1 failed (one clear line on stderr), 2 wrong usage, 130 interrupted. Names and codes stay stable.

use std::fmt;
use std::io::{self, Write};
use std::process::{self, ExitCode};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};

mod devices;
mod download;
mod fields;
mod generate;
mod inspect;
mod json;
mod memory_limit;
mod models;
mod report;
mod task;

/// Draws pictures with Stable Diffusion, on this computer.
#[derive(Parser)]
#[command(name = "burnisher", version, after_help = "Without a command, the window opens.")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Draw pictures
    Generate(Box<generate::Args>),
    /// Show what a model is made of
    Inspect(inspect::Args),
    /// Fetch a model from the Hugging Face Hub
    Download(download::DownloadArgs),
    /// List the devices that can draw
    Devices(devices::Args),
    /// List the models on this computer
    Models(models::ModelsArgs),
}

/// How a command ended, other than by failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Done,
    Interrupted,
}

impl Ended {
    /// The exit code of a program that Ctrl-C ended: 128 and the signal's number.
    const INTERRUPTED: u8 = 130;
}

/// Runs the command that the program's arguments ask for; without one, `window`.
pub fn run(window: impl FnOnce() -> Result<()>) -> ExitCode {
    let ended = match Cli::parse().command {
        None => window().map(|()| Ended::Done),
        Some(Command::Generate(args)) => generate::run(&args),
        Some(Command::Inspect(args)) => inspect::run(&args),
        Some(Command::Download(args)) => download::run(&args),
        Some(Command::Devices(args)) => devices::run(&args),
        Some(Command::Models(args)) => models::run(&args),
    };
    match ended {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::Interrupted) => ExitCode::from(Ended::INTERRUPTED),
        Err(error) => {
            // Nobody is left to tell if stderr is closed.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Ends the program as for arguments that can't be understood.
fn wrong_usage(command: &str, kind: ErrorKind, message: &str) -> ! {
    let mut program = Cli::command();
    // Fills in the program's name before the command's.
    program.build();
    let command = program.find_subcommand_mut(command).map(|command| command.error(kind, message));
    command.unwrap_or_else(|| Cli::command().error(kind, message)).exit()
}

/// Prints a line on stdout. It is there at once, also in a pipe.
///
/// # Errors
/// Whoever read stdout is gone, or its disk is full.
fn print(line: impl fmt::Display) -> Result<()> {
    writeln!(io::stdout(), "{line}").map_err(|cause| Error::new("can't write to stdout").caused_by(cause))
}

/// Cancels the work on the first Ctrl-C and ends the program on the second.
fn cancel_on_interrupt(cancel: &CancelToken) -> Result<()> {
    let cancel = cancel.clone();
    let interrupted = move || {
        if cancel.is_cancelled() {
            process::exit(Ended::INTERRUPTED.into());
        }
        cancel.cancel();
    };
    ctrlc::set_handler(interrupted).map_err(|cause| Error::new("can't listen for Ctrl-C").caused_by(cause))
}
