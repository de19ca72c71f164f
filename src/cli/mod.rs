//! The command line: for scripts, servers and tests. `generate` is a client of the session, as the window is.
//!
//! Exit codes: 0 done, 1 failed (one clear line on stderr), 2 wrong usage, 130 interrupted. Names and codes stay stable.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::base::error::Result;

mod devices;
mod download;
mod fields;
mod generate;
mod inspect;
mod json;
mod memory_limit;
mod model_arg;
mod models;
mod report;
mod shell;
mod task;

use shell::Ended;

/// Draws pictures with Stable Diffusion, on this computer.
#[derive(Parser)]
#[command(name = "burnisher", version, after_help = "Without a command, the window opens.")]
struct Cli {
    #[command(subcommand)]
    command: Option<CliCommand>,
}

#[derive(Subcommand)]
enum CliCommand {
    /// Draw pictures
    Generate(Box<generate::GenerateArgs>),
    /// Show what a model is made of
    Inspect(inspect::InspectArgs),
    /// Fetch a model from the Hugging Face Hub
    Download(download::DownloadArgs),
    /// List the devices that can draw
    Devices(devices::DevicesArgs),
    /// List the models on this computer
    Models(models::ModelsArgs),
}

/// Runs the command that the program's arguments ask for; without one, `window`.
pub fn run(window: impl FnOnce() -> Result<()>) -> ExitCode {
    let ended = match Cli::parse().command {
        None => window().map(|()| Ended::Done),
        Some(CliCommand::Generate(args)) => generate::run(&args),
        Some(CliCommand::Inspect(args)) => inspect::run(&args),
        Some(CliCommand::Download(args)) => download::run(&args),
        Some(CliCommand::Devices(args)) => devices::run(&args),
        Some(CliCommand::Models(args)) => models::run(&args),
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
