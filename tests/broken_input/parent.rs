//! Starts the process that reads the inputs, again after each one that ended it, and counts the faults.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

/// After so long without a word the process hangs. It tells of an input that takes over 5 seconds itself; this is for one that never ends.
const HANGS: Duration = Duration::from_secs(90);

/// How the inputs of a format were read.
#[derive(Default)]
struct Counts {
    read: usize,
    refused: usize,
    faults: Vec<(u64, String)>,
}

/// Reads these inputs, and prints what came of them.
pub(crate) fn run(inputs: Range<u64>) -> ExitCode {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let mut next = inputs.start;
    while next < inputs.end {
        let mut process = start(next..inputs.end);
        let lines = lines_of(&mut process);
        let mut now = None;
        let mut hangs = false;
        loop {
            match lines.recv_timeout(HANGS) {
                Ok(line) => match line.splitn(3, '\t').collect::<Vec<_>>()[..] {
                    ["begin", number, format] => {
                        let number = number.parse().expect("a number");
                        now = Some((number, format.to_owned()));
                    }
                    [end @ ("read" | "refused" | "fault"), _, what] => {
                        if let Some((number, format)) = now.take() {
                            let counts = counts.entry(format).or_default();
                            next = number + 1;
                            match end {
                                "read" => counts.read += 1,
                                "refused" => counts.refused += 1,
                                _ => counts.faults.push((number, what.to_owned())),
                            }
                        }
                    }
                    _ => {}
                },
                Err(RecvTimeoutError::Timeout) => {
                    hangs = true;
                    break;
                }
                Err(_) => break,
            }
        }
        let _ = process.kill();
        let ended = process.wait().expect("the process ended");
        let mut said = String::new();
        let _ = process.stderr.take().expect("its stderr").read_to_string(&mut said);
        match now {
            Some((number, format)) => {
                let last = said.lines().rev().take(3).collect::<Vec<_>>().join(" / ");
                let what = if hangs { "it hangs".to_owned() } else { format!("it ended the process: {ended}: {last}") };
                counts.entry(format).or_default().faults.push((number, what));
                next = number + 1;
            }
            None if ended.success() => {}
            None => panic!("the process ended between two inputs: {ended}\n{said}"),
        }
    }
    tell(&counts)
}

fn start(inputs: Range<u64>) -> Child {
    let program = std::env::current_exe().expect("the path of this program");
    let numbers = [inputs.start.to_string(), inputs.end.to_string()];
    let mut command = Command::new(program);
    command.arg("--child").args(numbers).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the process starts")
}

fn lines_of(process: &mut Child) -> Receiver<String> {
    let (send, receive) = bounded(1000);
    let stdout = BufReader::new(process.stdout.take().expect("its stdout"));
    let pass_on = move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line));
    thread::Builder::new().name("lines".to_owned()).spawn(pass_on).expect("a thread");
    receive
}

fn tell(counts: &BTreeMap<String, Counts>) -> ExitCode {
    println!("{:<24} {:>7} {:>8} {:>7}", "format", "read", "refused", "faults");
    for (format, Counts { read, refused, faults }) in counts {
        println!("{format:<24} {read:>7} {refused:>8} {:>7}", faults.len());
    }
    let mut is_sound = true;
    for (format, (number, what)) in
        counts.iter().flat_map(|(format, counts)| counts.faults.iter().map(move |f| (format, f)))
    {
        println!("fault: input {number} ({format}): {what}");
        is_sound = false;
    }
    if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
