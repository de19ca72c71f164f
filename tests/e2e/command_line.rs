//! The program itself, on the bundled model and the CPU: exit codes, what it prints, what it leaves behind.

use std::fs;
use std::io::{BufRead, BufReader, Cursor};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use burnisher::content::imaging::png_text;
use burnisher::schedulers::SchedulerKind;
use burnisher::storage::gallery;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The program, in `folder`.
pub(crate) fn program(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_burnisher"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    // The log isn't the user's own.
    command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

pub(crate) fn run(folder: &Path, args: &[&str]) -> Output {
    program(folder, args).output().expect("the program starts")
}

/// `generate` on the CPU in two steps.
pub(crate) fn generate(folder: &Path, args: &[&str]) -> Output {
    run(folder, &[&["generate", "--device", "cpu", "--steps", "2"], args].concat())
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

/// What stdout says, of a run that went well.
pub(crate) fn stdout(output: &Output) -> &str {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The events of a run with `--json` that went well.
pub(crate) fn events(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The one line that a failed run says, which left nothing behind.
pub(crate) fn complaint(folder: &Path, output: &Output) -> String {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(text(&output.stdout), "");
    assert_eq!(names(folder), [""; 0]);
    let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!((errors.len(), said.lines().last()), (1, errors.last().copied()), "one clear line, the last: {said}");
    errors[0].to_owned()
}

/// The one line for a request that is refused before anything is loaded.
pub(crate) fn refusal(args: &[&str]) -> String {
    let folder = folder();
    let output = run(folder.path(), &[&["generate", "--prompt", "a fox"], args].concat());
    let complaint = complaint(folder.path(), &output);
    assert_eq!(text(&output.stderr).lines().count(), 1, "{complaint}");
    complaint
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_display_the_window_says_what_to_do() {
    let folder = folder();
    let mut program = program(folder.path(), &[]);
    program.env("HOME", folder.path()).env_remove("XDG_CONFIG_HOME").env_remove("XDG_CACHE_HOME");
    program.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
    let output = program.output().expect("the program starts");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("there is no display to open it on") && said.contains("burnisher generate"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_picture_lands_in_the_current_folder_and_its_path_on_stdout() {
    let folder = folder();
    let output = generate(folder.path(), &["--prompt", "a red heart in 3d style", "--seed", "1"]);
    let path = stdout(&output).trim_end();
    assert_eq!(names(folder.path()), ["00001-1-a-red-heart-in-3d-style.png"]);
    assert!(folder.path().join(path).is_file(), "{path}");
    let progress = text(&output.stderr);
    assert!(progress.contains("seed 1") && progress.contains("step 2 of 2"), "{progress}");
    let picture = image::open(folder.path().join(path)).expect("a PNG");
    assert_eq!((picture.width(), picture.height()), (64, 64), "the checkpoint's size");
}

#[test]
fn what_is_left_open_comes_from_the_model_and_the_seed_from_chance() {
    let folder = folder();
    let seeds = ["a.png", "b.png"].map(|name| {
        let args = ["generate", "--device", "cpu", "--prompt", "a fox", "--output", name];
        let output = run(folder.path(), &args);
        stdout(&output);
        let recipe = gallery::read_recipe(&folder.path().join(name)).expect("a PNG").expect("with a recipe");
        let request = recipe.request;
        assert_eq!(
            (request.sampling.steps, request.guidance.scale, request.size.width, request.size.height),
            (20, 4.0, 64, 64)
        );
        assert_eq!(request.sampling.scheduler.map(SchedulerKind::name), Some("ddim"));
        assert!(text(&output.stderr).contains(&format!("seed {}", request.seeds.first)), "{}", text(&output.stderr));
        request.seeds.first
    });
    assert_ne!(seeds[0], seeds[1]);
}

#[test]
fn the_picture_carries_the_request_that_drew_it() {
    let folder = folder();
    let args = [
        "--prompt",
        "a fox, 猫",
        "--negative-prompt",
        "blue: dark",
        "--scheduler",
        "euler-a",
        "--guidance-scale",
        "3.5",
        "--guidance-rescale",
        "0.5",
        "--seed",
        "18446744073709551615",
        "--width",
        "48",
        "--height",
        "32",
        "--json",
        "--output",
        "fox.png",
    ];
    let events = events(&generate(folder.path(), &args));
    let request = &events.iter().find(|event| event["event"] == "job-started").expect("a start")["request"];
    let expected = json!({
        "task": { "name": "text-to-image" }, "prompt": "a fox, 猫", "negative_prompt": "blue: dark",
        "scheduler": "euler-a", "steps": 2, "guidance_scale": 3.5, "guidance_rescale": 0.5,
        "seed": u64::MAX, "width": 48, "height": 32, "count": 1,
    });
    assert_eq!(*request, expected);
    let path = folder.path().join("fox.png");
    let recipe = gallery::read_recipe(&path).expect("a PNG").expect("with a recipe");
    let mut stored = expected;
    stored["version"] = json!(2);
    assert_eq!(serde_json::to_value(&recipe.request).expect("JSON"), stored);
    assert_eq!((&*recipe.model, &*recipe.app_version), ("bundled", env!("CARGO_PKG_VERSION")));

    let texts = png_text::read_texts(Cursor::new(fs::read(path).expect("a file"))).expect("a PNG");
    let parameters = &texts.iter().find(|(keyword, _)| keyword == "parameters").expect("the web UI's text").1;
    let expected = format!(
        "a fox, 猫\nNegative prompt: blue: dark\nSteps: 2, Sampler: Euler a, CFG scale: 3.5, Seed: {}, Size: 48x32, \
         Model: bundled, RNG: CPU, Version: Burnisher {}",
        u64::MAX,
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(*parameters, expected);
}

/// Draws a fox as asked: the recipe's request, and the picture.
fn fox(folder: &Path, args: &[&str]) -> (Value, image::RgbImage) {
    let args = [&["generate", "--device", "cpu", "--prompt", "a fox", "--seed", "1", "--output", "fox.png"], args];
    stdout(&run(folder, &args.concat()));
    let path = folder.join("fox.png");
    let recipe = gallery::read_recipe(&path).expect("a PNG").expect("with a recipe");
    let picture = image::open(&path).expect("a PNG").to_rgb8();
    fs::remove_file(path).expect("it was there");
    (serde_json::to_value(recipe.request).expect("JSON"), picture)
}

#[test]
fn what_is_asked_of_a_sampler_is_done_and_stands_in_the_recipe() {
    let folder = folder();
    let fox = |args: &[&str]| fox(folder.path(), args);
    let (_, plain) = fox(&["--steps", "4"]);
    let (request, noisier) = fox(&["--steps", "4", "--eta", "0.8"]);
    assert_eq!(request["sampling"], json!({ "eta": 0.8 }));
    assert_ne!(plain, noisier);

    let (request, by_option) = fox(&["--steps", "4", "--scheduler", "euler", "--sigma-schedule", "karras"]);
    assert_eq!(request["sampling"], json!({ "sigma_schedule": "karras" }));
    let (request, by_name) = fox(&["--steps", "4", "--scheduler", "euler-karras"]);
    assert_eq!((request.get("sampling"), by_option), (None, by_name));

    let (request, _) = fox(&["--scheduler", "euler", "--sigmas", "14,3,0.5,0"]);
    assert_eq!((&request["steps"], &request["sampling"]), (&json!(3), &json!({ "sigmas": [14.0, 3.0, 0.5, 0.0] })));
}

#[test]
fn timesteps_of_ones_own_are_those_that_the_model_is_asked_at() {
    let folder = folder();
    let args = ["--scheduler", "ddpm", "--timesteps", "990,500,20", "--trace", "fox.safetensors"];
    let (request, _) = fox(folder.path(), &args);
    assert_eq!((&request["steps"], &request["sampling"]), (&json!(3), &json!({ "timesteps": [990.0, 500.0, 20.0] })));
    let file = fs::read(folder.path().join("fox.safetensors")).expect("a trace");
    let trace = safetensors::SafeTensors::deserialize(&file).expect("safetensors");
    let expected = [990.0_f32, 500.0, 20.0].map(f32::to_le_bytes).concat();
    assert_eq!(trace.tensor("timesteps").expect("by name").data(), expected);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_the_next_picture_the_next_seed() {
    let folder = folder();
    let pair = generate(folder.path(), &["--prompt", "a fox", "--seed", "5", "--count", "2", "--output", "pair"]);
    let paths: Vec<_> = stdout(&pair).lines().map(|path| folder.path().join(path)).collect();
    assert_eq!(names(&folder.path().join("pair")), ["00001-5-a-fox.png", "00002-6-a-fox.png"]);
    for (seed, path) in ["5", "6"].iter().zip(&paths) {
        let single = format!("{seed}.png");
        stdout(&generate(folder.path(), &["--prompt", "a fox", "--seed", seed, "--output", &single]));
        let bytes = |path: &Path| fs::read(path).expect("a file");
        assert_eq!(bytes(path), bytes(&folder.path().join(single)), "seed {seed}");
    }
    assert_ne!(fs::read(&paths[0]).expect("a file"), fs::read(&paths[1]).expect("a file"));
}

#[test]
fn json_tells_every_event_in_order_and_nothing_else() {
    let folder = folder();
    let output = generate(folder.path(), &["--prompt", "a fox", "--json", "--count", "2", "--output", "fox.png"]);
    // On a busy machine the model takes longer than nothing is said.
    assert!(text(&output.stderr).lines().all(|line| line.starts_with("waiting: ")), "{}", text(&output.stderr));
    let told: Vec<String> = events(&output)
        .iter()
        .map(|event| {
            let name = event["event"].as_str().expect("a name");
            match name {
                "job-phase" => format!("{}:{}", event["picture"], event["phase"].as_str().expect("a phase")),
                "job-step" => format!("{}:{}/{}", event["picture"], event["step"], event["steps"]),
                "picture-saved" => format!("saved {}", event["path"].as_str().expect("a path")),
                "job-ended" => format!("{} {}", event["outcome"], event["paths"]),
                _ => name.to_owned(),
            }
        })
        .collect();
    let picture = |k: usize, path: &str| {
        let steps = ["encoding", "denoising", "1/2", "2/2", "decoding", "saving"].map(|what| format!("{k}:{what}"));
        [steps.to_vec(), vec![format!("saved {path}")]].concat()
    };
    let expected = [
        ["model-loading", "model-loaded", "job-started"].map(str::to_owned).to_vec(),
        picture(0, "fox.png"),
        picture(1, "fox-2.png"),
        vec![r#""finished" ["fox.png","fox-2.png"]"#.to_owned()],
    ];
    assert_eq!(told, expected.concat());
}

#[test]
fn previews_are_written_every_so_many_steps() {
    let folder = folder();
    let args = ["--prompt", "a fox", "--steps", "4", "--seed", "9", "--output", "fox.png"];
    let args = [&["generate", "--device", "cpu"], &args[..], &["--preview-every", "2", "--preview-dir", "previews"]];
    stdout(&run(folder.path(), &args.concat()));
    let previews = folder.path().join("previews");
    assert_eq!(names(&previews), ["9-0002.png", "9-0004.png"]);
    let open = |path: &Path| image::open(path).expect("a PNG").to_rgb8();
    assert_eq!(open(&previews.join("9-0002.png")).dimensions(), (64, 64));
    // DDIM with set_alpha_to_one ends on the prediction itself.
    assert_eq!(open(&previews.join("9-0004.png")), open(&folder.path().join("fox.png")));
}

#[test]
fn a_trace_holds_the_numbers_inside_the_run() {
    let folder = folder();
    let args =
        ["--prompt", "a fox", "--seed", "3", "--count", "2", "--trace", "fox.safetensors", "--output", "fox.png"];
    stdout(&generate(folder.path(), &args));
    let file = fs::read(folder.path().join("fox.safetensors")).expect("a trace");
    let trace = safetensors::SafeTensors::deserialize(&file).expect("safetensors");
    let mut names = trace.names();
    names.sort_unstable();
    let expected = ["image", "initial_latents", "latents_0", "latents_1", "prompt_embeds", "timesteps"];
    assert_eq!(names, expected);
    for (name, shape) in [
        ("initial_latents", &[2, 4, 16, 16][..]),
        ("latents_1", &[2, 4, 16, 16]),
        ("prompt_embeds", &[4, 32, 128]),
        ("timesteps", &[2]),
        ("image", &[2, 64, 64, 3]),
    ] {
        let tensor = trace.tensor(name).expect("by name");
        assert_eq!((tensor.dtype(), tensor.shape()), (safetensors::Dtype::F32, shape), "{name}");
    }
    let image = trace.tensor("image").expect("by name");
    let second = image.data()[64 * 64 * 3 * 4..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let bytes: Vec<u8> = second.map(burnisher::content::imaging::pixels::u8_from_unit).collect();
    assert_eq!(image::open(folder.path().join("fox-2.png")).expect("a PNG").to_rgb8().into_raw(), bytes);
}

#[test]
fn a_preview_that_cannot_be_written_costs_a_note_and_not_the_picture() {
    let folder = folder();
    // Something lies where the first preview goes.
    fs::create_dir_all(folder.path().join("previews/9-0001.png")).expect("a folder");
    let args = [
        "--prompt",
        "a fox",
        "--seed",
        "9",
        "--output",
        "fox.png",
        "--preview-every",
        "1",
        "--preview-dir",
        "previews",
    ];
    let drawn = generate(folder.path(), &args);
    assert_eq!(stdout(&drawn).trim(), "fox.png");
    let notes: Vec<&str> = text(&drawn.stderr).lines().filter(|line| line.starts_with("note: ")).collect();
    let [note] = notes[..] else { panic!("once: {notes:?}") };
    assert!(note.contains("No more previews are made of this job: this is a folder, not a file"), "{note}");
    let told = events(&generate(folder.path(), &[&args[..], &["--json"]].concat()));
    assert_eq!(told.iter().filter(|event| event["event"] == "job-note").count(), 1);
    assert_eq!(told.last().expect("an end")["outcome"], "finished");
}

#[cfg(unix)]
#[test]
fn a_trace_that_cannot_be_written_costs_a_note_and_not_the_picture() {
    let folder = folder();
    // No file may grow beyond 40 KiB, which the picture doesn't need: writing the trace fails as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 40; exec \"$0\" generate --device cpu --prompt 'a fox' --steps 2 \
                  --output fox.png --trace fox.safetensors";
    let mut command = Command::new("bash");
    command.args(["-c", script, env!("CARGO_BIN_EXE_burnisher")]).current_dir(folder.path()).stdin(Stdio::null());
    let drawn = command.output().expect("bash starts");
    assert_eq!(stdout(&drawn).trim(), "fox.png");
    assert!(
        text(&drawn.stderr).contains("note: The trace of this run couldn't be written: "),
        "{}",
        text(&drawn.stderr)
    );
    assert_eq!(names(folder.path()), ["fox.png"]);
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_one_clear_line_and_leaves_nothing_behind() {
    let home = folder();
    let folder = folder();
    // No file may grow beyond 1 KiB: writes fail as on a full disk, also for root and on every file system.
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" generate --device cpu --prompt 'a fox' --steps 2";
    let mut command = Command::new("bash");
    command.args(["-c", script, env!("CARGO_BIN_EXE_burnisher")]).current_dir(folder.path()).stdin(Stdio::null());
    command.env("HOME", home.path()).env("XDG_STATE_HOME", home.path());
    let complaint = complaint(folder.path(), &command.output().expect("bash starts"));
    assert!(complaint.contains("can't write"), "{complaint}");
}

/// A run with `--json` that has told its first step.
#[cfg(unix)]
fn stepping(folder: &Path) -> (Child, impl Iterator<Item = Value>) {
    let args = ["generate", "--device", "cpu", "--prompt", "a fox", "--steps", "1000", "--json"];
    let mut child =
        program(folder, &args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
    let stdout = child.stdout.take().expect("it is piped");
    let mut events = BufReader::new(stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(&line.expect("a line")).expect("a line of JSON"));
    assert!(events.any(|event| event["event"] == "job-step"), "no step");
    (child, events)
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_cleanly_with_130_and_leaves_no_file() {
    let folder = folder();
    let (mut child, events) = stepping(folder.path());
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let last = events.last().expect("an end is told");
    assert_eq!(last, json!({ "event": "job-ended", "job": 1, "outcome": "cancelled" }));
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(names(folder.path()), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_ends_the_run() {
    let folder = folder();
    let (mut child, events) = stepping(folder.path());
    drop(events);
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn inspect_tells_what_the_model_is_made_of() {
    let folder = folder();
    let output = run(folder.path(), &["inspect", "bundled"]);
    for part in
        ["StableDiffusionPipeline {", "AutoencoderKL", "UNet2DConditionModel", "\"v_prediction\"", "CLIPTextModel"]
    {
        assert!(stdout(&output).contains(part), "{part} in {}", stdout(&output));
    }
    for part in ["sampler ddim, with all that DDIMScheduler has in force:", "  prediction_type = \"v_prediction\"\n"] {
        assert!(stdout(&output).contains(part), "{part} in {}", stdout(&output));
    }
    let output = run(folder.path(), &["inspect", "bundled", "--json"]);
    let json: Value = serde_json::from_str(stdout(&output)).expect("JSON");
    assert_eq!((&json["class_name"], &json["sampler"]["name"]), (&json!("StableDiffusionPipeline"), &json!("ddim")));
    let settings = json["sampler"]["settings"].as_array().expect("a list");
    let expected = json!({ "key": "prediction_type", "value": "v_prediction", "origin": "checkpoint" });
    assert!(settings.contains(&expected), "{settings:?}");
    assert_eq!((&json["memory"]["fits"], &json["memory"]["lent"]), (&json!(true), &json!([])));
}

#[test]
fn the_cpu_is_among_the_devices() {
    let folder = folder();
    let output = run(folder.path(), &["devices"]);
    assert!(stdout(&output).lines().any(|line| line[2..].starts_with("cpu ")), "{}", stdout(&output));
    let output = run(folder.path(), &["devices", "--json"]);
    let json: Value = serde_json::from_str(stdout(&output)).expect("JSON");
    assert!(json.as_array().expect("a list").iter().any(|device| device["id"] == "cpu"), "{json}");
}
