//! The command line: for scripts, servers and tests. `generate` is a client of the session, as the window is.
//!
//! Exit codes: 0 done, 1 failed (one clear line on stderr), 2 wrong usage, 130 interrupted. Names and codes stay stable.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PathBufValueParser, PossibleValuesParser, TypedValueParser};
use clap::{CommandFactory, Parser, Subcommand};
use log::LevelFilter;

use crate::base::device::verdicts_of_user;
use crate::base::error::Result;
use crate::base::files::state_folder;
use crate::base::{crash, logging, system};
use crate::worker::{Guard, guard_gpus};

mod check_gpu;
mod devices;
mod document;
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
mod waits;

use shell::Ended;

/// How long a GPU may take for the check of one kind of kernels, tuning included.
const CHECK_LIMIT: Duration = Duration::from_mins(1);

/// Draws pictures with Stable Diffusion, on this computer.
#[derive(Parser)]
#[command(name = "burnisher", version, after_help = "Without a command, the window opens.")]
struct Cli {
    /// How much is written into the log: off, error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info", value_parser = level(), hide_possible_values = true)]
    log_level: LevelFilter,
    #[command(subcommand)]
    command: Option<CliCommand>,
    /// A picture to look at in the window, or a model to use there: a folder or a file
    #[arg(value_parser = existing())]
    file: Option<PathBuf>,
}

/// Reads the path of a file or a folder that is there; from anywhere.
fn existing() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| {
        if path.exists() {
            std::path::absolute(path).map_err(|cause| cause.to_string())
        } else {
            Err("there is no such command, and no such file".to_owned())
        }
    })
}

/// Reads a level by its name.
fn level() -> impl TypedValueParser<Value = LevelFilter> {
    let names = PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"]);
    names.try_map(|name| name.parse::<LevelFilter>())
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
    /// Compute on a GPU and compare with the CPU
    #[command(hide = true)]
    CheckGpu(check_gpu::CheckGpuArgs),
    /// Write the manual pages and the completions of shells
    #[command(hide = true)]
    Document(document::DocumentArgs),
}

/// Runs the command that the program's arguments ask for; without one, `window`, with the file to begin with.
pub fn run(window: impl FnOnce(Option<PathBuf>) -> Result<()>) -> ExitCode {
    let Cli { log_level, command, file } = Cli::parse();
    // What it does to a driver, and a driver to it, is its caller's to tell: it writes no log, and leaves no report of a crash.
    if let Some(CliCommand::CheckGpu(args)) = &command {
        return code_of(check_gpu::run(args));
    }
    let state = state_folder();
    let logging = logging::start(&state, log_level);
    crash::keep_reports(&state);
    let name = command.as_ref().map_or("the window", CliCommand::name);
    log::info!("{} starts: {name}; {}; {}", system::version(), system::parts(), system::system());
    if let Ok(program) = std::env::current_exe() {
        guard_gpus(Guard { program, limit: CHECK_LIMIT, kept: verdicts_of_user() });
    }
    let ended = match command {
        None => window(file).map(|()| Ended::Done),
        Some(CliCommand::Generate(args)) => generate::run(&args),
        Some(CliCommand::Inspect(args)) => inspect::run(&args),
        Some(CliCommand::Download(args)) => download::run(&args),
        Some(CliCommand::Devices(args)) => devices::run(&args),
        Some(CliCommand::Models(args)) => models::run(&args),
        Some(CliCommand::CheckGpu(args)) => check_gpu::run(&args),
        Some(CliCommand::Document(args)) => document::run(&args, Cli::command()),
    };
    let code = code_of(ended);
    log::info!("{name} ends: {code:?}");
    drop(logging);
    code
}

/// The exit code of a command; a failure is told.
fn code_of(ended: Result<Ended>) -> ExitCode {
    match ended {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::Interrupted) => ExitCode::from(Ended::INTERRUPTED),
        Err(error) => {
            log::error!("{error}");
            // Nobody is left to tell if stderr is closed.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

impl CliCommand {
    /// Its name on the command line.
    fn name(&self) -> &'static str {
        match self {
            Self::Generate(_) => "generate",
            Self::Inspect(_) => "inspect",
            Self::Download(_) => "download",
            Self::Devices(_) => "devices",
            Self::Models(_) => "models",
            Self::CheckGpu(_) => "check-gpu",
            Self::Document(_) => "document",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_window_begins_with_a_file_that_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fox.png");
        let parsed = || Cli::try_parse_from(["burnisher".as_ref(), path.as_os_str()]);
        let error = parsed().err().expect("there is no file yet").to_string();
        assert!(error.contains("there is no such command, and no such file"), "{error}");
        fs::write(&path, "").expect("written");
        assert_eq!(parsed().expect("a file").file, Some(path));
    }

    #[cfg(unix)]
    #[test]
    fn the_window_may_begin_with_a_file_whose_path_is_no_text() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(OsStr::from_bytes(b"for\xeat.png"));
        // Some file systems take no such name.
        if fs::write(&path, "").is_ok() {
            let parsed = Cli::try_parse_from(["burnisher".as_ref(), path.as_os_str()]);
            assert_eq!(parsed.expect("a file").file, Some(path));
        }
    }
}
