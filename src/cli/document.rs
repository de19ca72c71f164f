//! `burnisher document`, for packages: manual pages and shell completions, made from the definitions of the command line.

use std::fs;
use std::path::PathBuf;

use clap::ValueEnum;
use clap_complete::Shell;

use crate::base::error::Result;
use crate::base::files;
use crate::cli::shell::Ended;

/// The arguments of `document`.
#[derive(clap::Args)]
pub(super) struct DocumentArgs {
    /// The folder to write into; it is made if it isn't there
    folder: PathBuf,
}

/// Writes a manual page for the program and for each command, and the completions of every shell.
pub(super) fn run(args: &DocumentArgs, mut command: clap::Command) -> Result<Ended> {
    let folder = &args.folder;
    let failed = |cause| files::folder_error(folder, cause);
    fs::create_dir_all(folder).map_err(failed)?;
    let name = command.get_name().to_owned();
    for shell in Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut command, &name, folder).map_err(failed)?;
    }
    // There is a page for each command, also for the list of commands without its own.
    clap_mangen::generate_to(command.disable_help_subcommand(true), folder).map_err(failed)?;
    Ok(Ended::Done)
}
