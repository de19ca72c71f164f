//! Models whose numbers overflow on the way, with the program itself: tiny checkpoints with a few weights made huge.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use burnisher::storage::gallery;
use safetensors::SafeTensors;
use tempfile::TempDir;

use crate::support::checkpoints::{Checkpoint, Storage, folder};

/// Puts values into a tensor of a weight file, each at its place.
fn patch(file: &Path, tensor: &str, values: &[(usize, f32)]) {
    let mut bytes = fs::read(file).expect("the weights");
    let weights = SafeTensors::deserialize(&bytes).expect("safetensors");
    let data = weights.tensor(tensor).expect("by name").data();
    let start = data.as_ptr() as usize - bytes.as_ptr() as usize;
    for (place, value) in values {
        bytes[start + 4 * place..][..4].copy_from_slice(&value.to_le_bytes());
    }
    fs::write(file, bytes).expect("the copy is written");
}

/// A copy of a checkpoint, for changes.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a file");
        }
    }
}

/// A model whose unet is patched.
fn model(patches: &[(&str, Vec<(usize, f32)>)]) -> TempDir {
    let model = tempfile::tempdir().expect("a folder");
    copy(&folder(Checkpoint::TinySd15, Storage::Whole), model.path());
    let unet = model.path().join("unet/diffusion_pytorch_model.safetensors");
    for (tensor, values) in patches {
        patch(&unet, tensor, values);
    }
    model
}

/// One that overflows at timesteps below 500: the slowest sine of the timestep's embedding, which has 32 values, less what
/// it is at 500, times more than f32 can hold.
fn breaks_below_500() -> TempDir {
    const WIDTH: usize = 32;
    let slowest = 10_000_f64.powf(-15.0 / 16.0);
    let mut row = vec![(WIDTH - 1, -1e30)];
    row.extend((0..WIDTH - 1).map(|place| (place, 0.0)));
    model(&[
        ("time_embedding.linear_1.weight", row),
        ("time_embedding.linear_1.bias", vec![(0, (1e30 * (500.0 * slowest).sin()) as f32)]),
        ("time_embedding.linear_2.weight", vec![(0, 1e11)]),
    ])
}

/// Draws in ten steps of DDIM, at the timesteps 901, 801 and so on: what the program says, and its folder.
fn failed_run(model: &Path, args: &[&str]) -> (String, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = Command::new(env!("CARGO_BIN_EXE_burnisher"));
    program.args(["generate", "--device", "cpu", "--prompt", "a fox", "--scheduler", "ddim", "--steps", "10"]);
    program.args(["--width", "32", "--height", "32", "--output", "out", "--model"]).arg(model).args(args);
    // Where a picture is put aside.
    program.current_dir(folder.path()).env("HOME", folder.path()).env("XDG_STATE_HOME", folder.path());
    program.stdin(Stdio::null());
    let output = program.output().expect("the program starts");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!folder.path().join("out").exists(), "no half picture among the good ones");
    let line = said.lines().last().expect("it says something").to_owned();
    (line, folder)
}

/// Where a picture is put aside.
fn aside(home: &Path) -> PathBuf {
    let state = if cfg!(target_os = "macos") { home.join("Library/Application Support") } else { home.to_owned() };
    state.join("burnisher/rescued")
}

#[test]
#[cfg(unix)]
fn numbers_that_overflow_end_the_run_at_their_step_and_the_picture_so_far_is_kept() {
    let model = breaks_below_500();
    let (said, folder) = failed_run(model.path(), &["--trace", "run.safetensors"]);
    assert!(said.contains("Step 6 of 10 came out as NaN: the model's numbers overflowed"), "{said}");
    assert!(said.contains("--dtype f32") && said.contains("The unfinished picture was put aside as "), "{said}");

    let aside = aside(folder.path());
    let kept: Vec<_> = fs::read_dir(&aside).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    assert!(said.contains(&kept.display().to_string()), "{} in {said}", kept.display());
    let picture = image::open(kept).expect("a PNG").to_rgb8();
    assert_eq!(picture.dimensions(), (32, 32));
    let first = picture.get_pixel(0, 0);
    assert!(picture.pixels().any(|pixel| pixel != first), "something was drawn");
    assert!(gallery::read_recipe(kept).expect("a PNG").is_some(), "with its recipe");

    // The trace has the latents of the good steps, and no others.
    let file = fs::read(folder.path().join("run.safetensors")).expect("a trace");
    let trace = SafeTensors::deserialize(&file).expect("safetensors");
    let mut latents: Vec<_> = trace.names().into_iter().filter(|name| name.starts_with("latents_")).collect();
    latents.sort_unstable();
    assert_eq!(latents, ["latents_0", "latents_1", "latents_2", "latents_3", "latents_4"]);
    for name in latents {
        let data = trace.tensor(name).expect("by name").data();
        let finite = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).is_finite();
        assert!(data.chunks_exact(4).all(finite), "{name}");
    }
}

#[test]
fn a_model_that_is_broken_from_the_start_says_so_at_the_first_step() {
    let model = model(&[("conv_out.bias", vec![(0, 3e38)])]);
    let (said, folder) = failed_run(model.path(), &[]);
    assert!(said.contains("Step 1 of 10 came out as NaN"), "{said}");
    assert!(!said.contains("put aside") && !aside(folder.path()).exists(), "{said}");
}
