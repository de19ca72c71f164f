//! Reads inputs one after the other, and tells of each before and after.

use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use burnisher::base::error::Error;

use crate::ALLOCATOR;
use crate::formats::{Format, all};
use crate::mutate::Mutation;

/// The most that the reading of an input may take.
const SLOW: Duration = Duration::from_secs(5);

/// How often an input is read until it is called slow.
const TRIES: usize = 3;

/// The most memory that the reading of an input may take, in bytes.
const LARGEST: usize = 1_000_000_000;

/// The longest message that anyone reads, in letters.
const LONGEST_MESSAGE: usize = 1500;

/// Reads these inputs. Lines: `begin`, its number and format; then `read`, `refused` or `fault`, its number and what there is to say.
pub(crate) fn run(inputs: Range<u64>) {
    // Panics are told as faults. What decoders of other crates do inside is caught by the program, and no news.
    std::panic::set_hook(Box::new(|_| {}));
    let formats = all();
    let is_kept = inputs.end - inputs.start == 1;
    for number in inputs {
        // The readers' threads have stacks of this size in the program, too.
        let told = thread::scope(|scope| {
            let reader = thread::Builder::new().stack_size(2 << 20);
            let work = || read(number, &formats[(number % formats.len() as u64) as usize], is_kept);
            reader.spawn_scoped(scope, work).expect("a thread").join()
        });
        println!("{}", told.unwrap_or_else(|_| format!("fault\t{number}\tthe harness itself panicked")));
    }
}

fn read(number: u64, format: &Format, is_kept: bool) -> String {
    let mut rng = fastrand::Rng::with_seed(number);
    let sample = &format.samples[rng.usize(..format.samples.len())];
    let others: Vec<&[u8]> = format.samples.iter().map(Vec::as_slice).collect();
    let mutation = Mutation::of(&mut rng, sample, &others, format.is_text);
    println!("begin\t{number}\t{}", format.name);
    if is_kept {
        keep(number, &mutation);
    }
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let mut read;
    let mut tries = 0;
    // A machine that is busy with other things isn't the input's fault.
    let took = loop {
        let began = Instant::now();
        read = catch_unwind(AssertUnwindSafe(|| (format.read)(&mutation.bytes)));
        tries += 1;
        if began.elapsed() <= SLOW || tries == TRIES {
            break began.elapsed();
        }
    };
    let memory = ALLOCATOR.peak_usage().saturating_sub(before);
    let fault = match &read {
        Err(payload) => Some(format!("it panics: {}", text_of(payload.as_ref()))),
        Ok(_) if took > SLOW => Some(format!("it takes {:.1} s", took.as_secs_f32())),
        Ok(_) if memory > LARGEST => Some(format!("it takes {} MB of memory", memory / 1_000_000)),
        Ok(Ok(())) if format.cut_is_refused && mutation.cut > format.tail => {
            Some("it was cut, and is read as if it were whole".to_owned())
        }
        Ok(Ok(())) => None,
        Ok(Err(error)) => unreadable(error),
    };
    match (fault, read) {
        (Some(fault), _) => format!("fault\t{number}\t{} ({})", fault.escape_debug(), mutation.what),
        (None, Ok(Err(error))) => format!("refused\t{number}\t{}", error.to_string().escape_debug()),
        _ => format!("read\t{number}\t"),
    }
}

/// What is wrong with a message.
fn unreadable(error: &Error) -> Option<String> {
    let message = error.to_string();
    let letters = message.chars().count();
    if message.chars().any(char::is_control) {
        return Some(format!("its message has control characters: {message}"));
    }
    if letters > LONGEST_MESSAGE {
        return Some(format!("its message has {letters} letters: {}", message.chars().take(200).collect::<String>()));
    }
    None
}

fn text_of(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("without a word").to_owned()
}

/// Keeps an input for whoever looks for its fault.
fn keep(number: u64, mutation: &Mutation) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken-input");
    let path = folder.join(number.to_string());
    fs::create_dir_all(&folder).and_then(|()| fs::write(&path, &mutation.bytes)).expect("cargo's folder is writable");
    eprintln!("{}: {}", path.display(), mutation.what);
}
