//! All phases of the check, each in a process of its own with a limit, and what they found in one JSON file.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Tells a phase that its results are wanted as JSON, too.
const WANTED: &str = "BURNISHER_GPU_CHECK_JSON";

/// The arguments of each phase, and the seconds that it may take: under eight minutes in all.
const PHASES: [(&str, u64); 14] = [
    ("adapter", 10),
    ("parity portable f16", 35),
    ("parity native f16", 35),
    ("pass step native f16", 45),
    ("pass decode native f16", 35),
    ("pass step portable f16", 45),
    ("pass decode portable f16", 35),
    ("pass decode-1024 native f16", 35),
    ("operations native f16", 35),
    ("operations portable f16", 35),
    ("torch f16", 20),
    ("operations native f32", 25),
    ("operations portable f32", 25),
    ("pass step-xl native f16", 35),
];

/// Prints a result as a line of JSON if the report is being made.
pub(crate) fn tell(result: &Value) {
    if std::env::var_os(WANTED).is_some() {
        println!("{result}");
    }
}

/// Runs all phases, and writes what is known after each of them.
pub(crate) fn run(file: &Path) {
    let begun = Instant::now();
    let mut phases = Vec::new();
    for (phase, seconds) in PHASES {
        println!("\n== {phase}");
        phases.push(one(phase, Duration::from_secs(seconds)));
        let report =
            json!({ "version": env!("CARGO_PKG_VERSION"), "seconds": begun.elapsed().as_secs(), "phases": phases });
        fs::write(file, serde_json::to_vec_pretty(&report).expect("JSON")).expect("the report is written");
    }
    println!("\n{:<28} {:>8} result", "phase", "seconds");
    for phase in &phases {
        println!(
            "{:<28} {:>8.1} {}",
            text(&phase["phase"]),
            phase["seconds"].as_f64().unwrap_or(0.0),
            text(&phase["end"])
        );
    }
    println!("\nwritten: {}", file.display());
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Runs a phase, shows what it says and keeps its results.
fn one(phase: &str, limit: Duration) -> Value {
    let begun = Instant::now();
    let this = std::env::current_exe().expect("this program");
    let mut child =
        Command::new(this).args(phase.split(' ')).env(WANTED, "1").stdout(Stdio::piped()).spawn().expect("it starts");
    let stdout = child.stdout.take().expect("a pipe");
    let read = move || {
        let mut results = Vec::new();
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            match serde_json::from_str::<Value>(&line) {
                Ok(result) if result.is_object() => results.push(result),
                _ => println!("{line}"),
            }
        }
        results
    };
    let reader = thread::Builder::new().name("phase".to_owned()).spawn(read).expect("a thread");
    let end = wait(&mut child, begun + limit);
    let results = reader.join().expect("no panic");
    println!("{end}");
    json!({ "phase": phase, "seconds": begun.elapsed().as_secs_f64(), "end": end, "results": results })
}

/// Waits for a process, and ends it when its time is over.
fn wait(child: &mut Child, until: Instant) -> String {
    loop {
        match child.try_wait().expect("it was started") {
            Some(status) if status.success() => return "done".into(),
            Some(status) => return format!("failed: {status}"),
            None if Instant::now() > until => {
                child.kill().expect("it runs");
                child.wait().expect("it was ended");
                return "took too long".into();
            }
            None => thread::sleep(Duration::from_millis(20)),
        }
    }
}
