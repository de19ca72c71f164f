//! The command line beside a window, and beside itself, on the same settings and folders.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use burnisher::session::Seat;
use burnisher::storage::gallery;

use crate::command_line::folder;

/// Draws into the folder `pictures`, with the settings below `home`.
fn draw(home: &Path, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_burnisher"))
        .args(["generate", "--device", "cpu", "--steps", "1", "--prompt", "a fox", "--seed", "7"])
        .args(args)
        .current_dir(home)
        .env("XDG_CONFIG_HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts")
}

fn content(path: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.map(|path| (path.display().to_string(), fs::read(path).expect("a file"))).collect();
    files.sort();
    files
}

#[test]
#[cfg(target_os = "linux")]
fn the_command_line_draws_beside_a_window_and_leaves_its_settings_and_queue_alone() {
    let home = folder();
    let config = home.path().join("burnisher");
    let _window = Seat::take(config.join("settings.json"));
    for name in ["settings.json", "session.journal"] {
        fs::write(config.join(name), "what the window keeps").expect("written");
    }
    let before = content(&config);
    let mut drawn = draw(home.path(), &["--output", "fox.png"]);
    assert!(drawn.wait().expect("it ends").success());
    assert!(home.path().join("fox.png").is_file());
    assert_eq!(content(&config), before);
}

#[test]
fn programs_that_draw_into_one_folder_at_once_take_no_name_twice() {
    let home = folder();
    let pictures = home.path().join("pictures");
    let programs: Vec<Child> = (0..3).map(|_| draw(home.path(), &["--count", "4", "--output", "pictures"])).collect();
    for mut program in programs {
        assert!(program.wait().expect("it ends").success());
    }
    let mut seeds: Vec<u64> = content(&pictures)
        .iter()
        .map(|(path, _)| gallery::read_recipe(Path::new(path)).expect("a picture").expect("ours").request.seeds.first)
        .collect();
    seeds.sort_unstable();
    assert_eq!(seeds, [7, 8, 9, 10].map(|seed| [seed; 3]).concat(), "each picture has a file of its own");
}
