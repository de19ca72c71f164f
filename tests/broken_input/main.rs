//! Damaged input of every format that is read: samples are mutated by seeds, and read in a process of their own.
//!
//! A fault is a panic, the end of the process, a reading of over 5 seconds, more than 1 GB of memory, a message that no user could read, or a
//! success without cause: a file that was cut and is read as if it were whole. Each input is told by its number alone.
//!
//! ```text
//! cargo test --test broken_input                        some hundred inputs
//! cargo test --test broken_input -- --inputs 10000      as many as are named
//! cargo test --test broken_input -- --only 1234         one of them, which is kept as a file
//! ```
//! An input that was a fault becomes a test of its own, where the reader is.

mod child;
mod formats;
mod hub;
mod models;
mod mutate;
mod parent;
mod pictures;
#[path = "../parity/single_files/files.rs"]
#[expect(dead_code, reason = "the tests of single files use the rest of it")]
mod single_files;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other test binaries use the rest of it")]
mod support;
mod texts;

use std::ops::Range;
use std::process::ExitCode;

/// What memory the reading of one input takes at most is measured here.
#[global_allocator]
static ALLOCATOR: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// How many inputs are read where nobody says it.
const INPUTS: u64 = 800;

/// What is asked for.
enum Asked {
    /// To start processes that read these, and to count the faults.
    Inputs(Range<u64>),
    /// To read these in this process.
    Child(Range<u64>),
    /// To do nothing: tests of other names are asked for.
    Nothing,
}

fn asked() -> Asked {
    let mut asked = Asked::Inputs(0..INPUTS);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|number| number.parse().ok()).expect("a number behind the option");
        match &*word {
            "--inputs" => asked = Asked::Inputs(0..number()),
            "--only" => {
                let only = number();
                asked = Asked::Inputs(only..only + 1);
            }
            "--child" => asked = Asked::Child(number()..number()),
            "--list" => asked = Asked::Nothing,
            // Words of cargo's own harness: options mean nothing here, and a name may be one of another test.
            name if !name.starts_with('-') && !"broken_input".contains(name) => asked = Asked::Nothing,
            _ => {}
        }
    }
    asked
}

fn main() -> ExitCode {
    match asked() {
        Asked::Inputs(inputs) => parent::run(inputs),
        Asked::Child(inputs) => {
            child::run(inputs);
            ExitCode::SUCCESS
        }
        Asked::Nothing => ExitCode::SUCCESS,
    }
}
