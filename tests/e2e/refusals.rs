//! What the command line refuses, before anything is loaded: one clear line, and the exit code.

use crate::command_line::{complaint, folder, generate, names, program, refusal, run, text};

#[test]
fn wrong_usage_exits_with_2() {
    let folder = folder();
    for args in [
        &["draw"][..],
        &["generate"],
        &["generate", "--prompt", "a fox", "--steps", "many"],
        &["generate", "--prompt", "a fox", "--width", "-8"],
        &["generate", "--prompt", "a fox", "--task", "inpaint"],
        &["generate", "--prompt", "a fox", "--device", "toaster"],
        &["generate", "--prompt", "a fox", "--dtype", "f8"],
        &["generate", "--prompt", "a fox", "--kernels", "fast"],
        &["generate", "--prompt", "a fox", "--threads", "0"],
        &["generate", "--prompt", "a fox", "--threads", "257"],
        &["generate", "--prompt", "a fox", "--threads", "99999999999999999999999"],
        &["generate", "--prompt", "a fox", "--sigma-schedule", "wavy"],
        &["generate", "--prompt", "a fox", "--timesteps", "999,many"],
        &["generate", "--prompt", "a fox", "--timesteps", "999,1", "--steps", "2"],
        &["generate", "--prompt", "a fox", "--timesteps", "999,1", "--sigmas", "9,0"],
        &["generate", "--prompt", "a fox", "--preview-every", "2"],
        &["generate", "--prompt", "a fox", "--preview-every", "0", "--preview-dir", "."],
        &["inspect"],
    ] {
        let output = run(folder.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("--help"), "{args:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
    }
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_bad_request_is_one_clear_line_before_anything_is_loaded() {
    assert!(refusal(&["--width", "0"]).contains("multiple of 4 above 0, not 0"));
    assert!(refusal(&["--width", "3"]).contains("The nearest is 4"));
    assert!(refusal(&["--height", "98"]).contains("The nearest is 96 or 100"));
    assert!(refusal(&["--height", "99999992"]).contains("the height 99999992 is too large"));
    assert!(refusal(&["--steps", "0"]).contains("the number of steps must be between 1 and 1000, not 0"));
    assert!(refusal(&["--count", "0"]).contains("the number of pictures must be 1 or more"));
    assert!(refusal(&["--guidance-scale", "-1"]).contains("the guidance scale must be between 0 and 1000, not -1"));
    assert!(refusal(&["--guidance-scale", "NaN"]).contains("not NaN"));
    assert!(refusal(&["--guidance-scale", "1e308"]).ends_with("must be between 0 and 1000, not 1e308"));
    assert!(refusal(&["--guidance-rescale", "1e308"]).ends_with("not 1e308"));
    assert!(refusal(&["--eta", "1e308"]).ends_with("not 1e308"));
    assert!(refusal(&["--guidance-rescale", "2"]).contains("the guidance rescale must be between 0 and 1, not 2"));
    assert!(refusal(&["--eta", "1.5"]).contains("eta must be from 0 to 1, not 1.5"));
    assert!(refusal(&["--scheduler", "euler", "--eta", "0.5"]).contains("Euler takes no eta"));
    assert!(refusal(&["--scheduler", "ddim", "--sigma-schedule", "karras"]).contains("It goes with uniform"));
    assert!(refusal(&["--timesteps", "500,900"]).contains("timesteps must fall, and 900 comes after 500"));
    assert!(refusal(&["--sigmas", "1,2,0"]).contains("sigmas must fall"));
    assert!(refusal(&["--scheduler", "lms", "--timesteps", "900,500"]).contains("LMS takes no list of timesteps"));
}

#[test]
fn an_unknown_scheduler_is_refused_with_the_list_of_those_there_are() {
    let complaint = refusal(&["--scheduler", "magic"]);
    for name in ["magic", "ddim", "pndm", "euler", "euler-a", "dpm++2m", "dpm++2m-karras", "ddpm"] {
        assert!(complaint.contains(name), "{name} in {complaint}");
    }
}

#[test]
fn an_unwritable_output_is_found_out_before_anything_is_loaded() {
    assert!(refusal(&["--output", "gone/heart.png"]).contains("there is no such folder: gone"));
    assert!(refusal(&["--output", "gone/for/good"]).contains("there is no such folder: gone/for"));
    assert!(refusal(&["--output", "heart.jpg"]).contains("pictures are written as PNG"));
    assert!(refusal(&["--output", ".png"]).contains("this is the ending of a file without its name: .png"));
    assert!(refusal(&["--trace", "."]).contains("this is a folder, not a file: ."));
    assert!(refusal(&["--trace", "gone/trace.safetensors"]).contains("there is no such folder: gone"));
    assert!(refusal(&["--preview-every", "1", "--preview-dir", "gone/previews"]).contains("there is no such folder"));
    // Nobody writes there, not even root.
    #[cfg(target_os = "linux")]
    assert!(refusal(&["--output", "/proc/heart.png"]).contains("this folder can't be written to: /proc"));
}

#[test]
fn a_model_that_is_not_there_is_one_clear_line() {
    let folder = folder();
    for (args, expected) in [
        (
            ["generate", "--device", "cpu", "--prompt", "a", "--model", "models/fox"].as_slice(),
            "isn't on this machine: models/fox. `burnisher download models/fox` fetches it",
        ),
        (&["generate", "--device", "cpu", "--prompt", "a", "--model", "./models/fox"], "no such model: ./models/fox"),
        (&["generate", "--device", "cpu", "--prompt", "a", "--model", "."], "no model_index.json"),
        (&["inspect", "./models/fox"], "no such model: ./models/fox"),
        (&["inspect", "."], "no model_index.json"),
    ] {
        let complaint = complaint(folder.path(), &run(folder.path(), args));
        assert!(complaint.contains(expected), "{complaint}");
    }
}

#[test]
fn a_size_too_large_for_memory_is_one_clear_line_said_before_it_is_taken() {
    let folder = folder();
    let output = generate(folder.path(), &["--prompt", "a fox", "--width", "32768", "--height", "32768"]);
    let complaint = complaint(folder.path(), &output);
    assert!(complaint.contains("32768 x 32768 is too large") && complaint.contains("smaller size"), "{complaint}");
}

#[test]
fn a_gpu_where_there_is_none_is_one_clear_line() {
    let folder = folder();
    let mut command = program(folder.path(), &["generate", "--prompt", "a fox", "--device", "gpu"]);
    // Vulkan without a driver finds no adapter, whatever the machine has.
    command.env("VK_DRIVER_FILES", "none").env("VK_ICD_FILENAMES", "none").env("WGPU_BACKEND", "vulkan");
    let complaint = complaint(folder.path(), &command.output().expect("the program starts"));
    assert!(complaint.contains("GPU"), "{complaint}");
}
