//! What the command line refuses, before anything is loaded: one clear line, and the exit code.

use image::{GrayImage, Luma};

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
        &["generate", "--prompt", "a fox", "--memory-limit", "NaN"],
        &["generate", "--prompt", "a fox", "--memory-limit=-1"],
        &["generate", "--prompt", "a fox", "--count", "99999999999999999999999"],
        &["generate", "--prompt", "a fox", "--image", "a.png", "--mask-grow", "4294967296"],
        &["generate", "--prompt", "a fox", "--image", "a.png", "--only-masked=-1"],
        &["generate", "--prompt", "a fox", "--image", "a.png", "--extend=-1,0,0,0"],
        &["inspect"],
        &["inspect", "bundled", "--width=-1"],
        &["inspect", "bundled", "--memory-limit", "inf"],
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
fn values_without_sense_are_one_clear_line_however_small_the_picture_is() {
    let pictures = folder();
    for side in [1, 64] {
        let path = |name: &str| pictures.path().join(format!("{side}-{name}.png")).display().to_string();
        let (image, mask) = (path("image"), path("mask"));
        for path in [&image, &mask] {
            GrayImage::from_pixel(side, side, Luma([255])).save(path).expect("a PNG");
        }
        let inpaint = |args: &[&str]| {
            let folder = folder();
            let base = ["--prompt", "a fox", "--image", &image, "--mask", &mask];
            let output = generate(folder.path(), &[&base, args].concat());
            (folder, output)
        };
        for (args, expected) in [
            ("--mask-blur=NaN", "the mask's blur must be between 0 and 512 pixels, not NaN"),
            ("--mask-blur=1e308", "not 1e308"),
            ("--mask-blur=-1", "not -1"),
            ("--mask-grow=2147483647", "the mask can grow by 512 pixels at most either way, not by 2147483647"),
            ("--mask-grow=-2147483648", "not by -2147483648"),
            ("--only-masked=18446744073709551615", "at most 32768 pixels around the mask can be drawn with it"),
            ("--extend=18446744073709551615,0,18446744073709551615,0", "the extended picture is too large"),
            ("--extend=16384,16384,16384,16384", "the extended picture is too large"),
            ("--strength=inf", "the strength must be between 0 and 1, not inf"),
            ("--strength=1e-320", "A strength of 1e-320 is too small"),
            ("--count=18446744073709551615", "the number of pictures must be 10000 or less"),
            ("--memory-limit=1e-320", "is too large: it takes about"),
        ] {
            let (folder, output) = inpaint(&[args]);
            let complaint = complaint(folder.path(), &output);
            assert!(complaint.contains(expected) && complaint.len() < 250, "{args}: {complaint}");
        }
        let (_folder, output) = inpaint(&["--mask-grow=512", "--mask-blur=512", "--only-masked=32768"]);
        assert_eq!(output.status.code(), Some(0), "the largest values: {}", text(&output.stderr));
    }
}

#[test]
fn a_size_that_no_picture_has_is_not_planned_for() {
    let folder = folder();
    for (args, expected) in [
        ("--width=18446744073709551615", "the width 18446744073709551615 is too large"),
        ("--height=4294967296", "the height 4294967296 is too large"),
        ("--width=0", "the width must be above 0, not 0"),
    ] {
        let complaint = complaint(folder.path(), &run(folder.path(), &["inspect", "bundled", "--device", "cpu", args]));
        assert!(complaint.contains(expected), "{complaint}");
    }
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
