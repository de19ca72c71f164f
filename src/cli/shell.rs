//! What all commands do alike: how they end, print and are interrupted.

use std::fmt;
use std::io::{self, Write};
use std::process;

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::sync::Wake;

/// How a command ended, other than by failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Done,
    Interrupted,
}

impl Ended {
    /// The exit code of a program that Ctrl-C ended: 128 and the signal's number.
    pub(super) const INTERRUPTED: u8 = 130;
}

/// Prints a line on stdout. It is there at once, also in a pipe.
///
/// # Errors
/// Whoever read stdout is gone, or its disk is full.
pub(super) fn print(line: impl fmt::Display) -> Result<()> {
    writeln!(io::stdout(), "{line}").map_err(|cause| Error::new("can't write to stdout").caused_by(cause))
}

/// Cancels the work on the first Ctrl-C, wakes who waits for it, and ends the program on the second.
pub(super) fn cancel_on_interrupt(cancel: &CancelToken, wake: Wake) -> Result<()> {
    let cancel = cancel.clone();
    let interrupted = move || {
        if cancel.is_cancelled() {
            process::exit(Ended::INTERRUPTED.into());
        }
        cancel.cancel();
        wake();
    };
    ctrlc::set_handler(interrupted).map_err(|cause| Error::new("can't listen for Ctrl-C").caused_by(cause))
}
