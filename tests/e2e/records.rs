//! What the program says of itself: its log, and what it waits for.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use burnisher::content::imaging::png_text;

use crate::command_line::{folder, text};

/// The program of a user whose home is `home`.
fn program_of(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_burnisher"));
    command.args(args).current_dir(home).env("HOME", home).stdin(Stdio::null());
    for (name, folder) in [("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config")] {
        command.env(name, home.join(folder));
    }
    command
}

fn draw(home: &Path, more: &[&str]) -> Output {
    let args = ["generate", "--device", "cpu", "--steps", "2", "--prompt", "a secret fox"];
    let output: &[&str] = if more.contains(&"--output") { &[] } else { &["--output", "fox.png"] };
    program_of(home, &[&args, output, more].concat()).output().expect("it starts")
}

#[test]
fn the_log_says_what_was_done_and_holds_no_prompt_and_no_home() {
    let home = folder();
    let path = home.path().join("state/burnisher/burnisher.log");
    let model = home.path().join("models/gone");
    let gone = model.display().to_string();
    assert_eq!(draw(home.path(), &["--log-level", "trace"]).status.code(), Some(0));
    assert_eq!(draw(home.path(), &["--model", &gone]).status.code(), Some(1));
    let log = fs::read_to_string(&path).expect("a log");
    for said in [
        concat!("Burnisher ", env!("CARGO_PKG_VERSION"), " starts: generate"),
        "the device is open: ",
        "StableDiffusionPipeline is loaded",
        "job 1 begins: text-to-image, 64 x 64, 2 steps",
        "job 1: step 2 of 2 took",
        "job 1 is done: 1 pictures",
        "ERROR cli: ",
        "~/models/gone",
    ] {
        assert!(log.contains(said), "{said} isn't said: {log}");
    }
    let home = home.path().display().to_string();
    for private in [home.as_str(), "secret", "fox"] {
        assert!(!log.contains(private), "{private} is said: {log}");
    }
}

#[test]
fn a_log_that_is_off_is_not_written_and_one_that_cannot_be_keeps_nobody_from_drawing() {
    let home = folder();
    assert_eq!(draw(home.path(), &["--log-level", "off"]).status.code(), Some(0));
    assert!(!home.path().join("state").exists());
    fs::write(home.path().join("state"), "a file in its place").expect("written");
    assert_eq!(draw(home.path(), &[]).status.code(), Some(0));
    assert_eq!(draw(home.path(), &["--log-level", "loud"]).status.code(), Some(2));
}

#[test]
fn a_picture_to_be_shared_holds_no_path() {
    let home = folder();
    assert_eq!(draw(home.path(), &[]).status.code(), Some(0));
    let first = home.path().join("fox.png").display().to_string();
    assert_eq!(draw(home.path(), &["--image", &first, "--output", "second.png"]).status.code(), Some(0));
    let file = BufReader::new(File::open(home.path().join("second.png")).expect("a picture"));
    let texts = png_text::read_texts(file).expect("its texts");
    assert!(texts.iter().any(|(keyword, text)| keyword == png_text::BURNISHER && text.contains("hash")), "{texts:?}");
    let home = home.path().display().to_string();
    for (keyword, text) in &texts {
        assert!(!text.contains(&home) && !text.contains("fox.png"), "{keyword}: {text}");
    }
}

#[test]
fn the_command_line_says_that_a_gpu_is_being_tuned_and_stdout_stays_pure() {
    let home = folder();
    let args = ["generate", "--device", "gpu", "--prompt", "a fox", "--steps", "1", "--json"];
    let mut program = program_of(home.path(), &args);
    // Mesa's software Vulkan, the only GPU here, is looked for in the system's folders alone.
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines().map_while(Result::ok);
    let said = lines.find(|line| line.starts_with("waiting: the GPU is being tuned for this size"));
    child.kill().expect("killed");
    let output = child.wait_with_output().expect("it ends");
    assert!(said.is_some(), "{}", text(&output.stdout));
    for line in text(&output.stdout).lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}
