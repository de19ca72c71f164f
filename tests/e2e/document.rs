//! The manual pages and completions that packages carry.

use std::fs;

use crate::command_line::{folder, run, stdout};

#[test]
fn manual_and_completions_know_every_command_and_option() {
    let folder = folder();
    stdout(&run(folder.path(), &["document", "made/here"]));
    let read = |name: &str| {
        fs::read_to_string(folder.path().join("made/here").join(name)).unwrap_or_else(|_| panic!("no {name}"))
    };
    let help = stdout(&run(folder.path(), &["generate", "--help"])).to_owned();
    let options: Vec<_> = help
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .collect();
    assert!(options.contains(&"--prompt"), "{help}");
    let (page, bash, fish) = (read("burnisher-generate.1"), read("burnisher.bash"), read("burnisher.fish"));
    for option in options {
        let name = &option[2..];
        assert!(page.replace("\\-", "-").contains(option), "the page lacks {option}");
        assert!(bash.contains(option), "bash isn't told of {option}");
        assert!(fish.contains(&format!("-l {name}")), "fish isn't told of {option}");
    }
    for command in ["generate", "inspect", "download", "devices", "models"] {
        for name in ["burnisher.1", "burnisher.bash", "_burnisher", "burnisher.fish", "_burnisher.ps1"] {
            assert!(read(name).contains(command), "{name} doesn't know {command}");
        }
        assert!(read(&format!("burnisher-{command}.1")).contains(".SH OPTIONS"));
    }
}

#[test]
fn the_command_for_packages_is_kept_out_of_the_help_and_the_manual() {
    let folder = folder();
    assert!(!stdout(&run(folder.path(), &["--help"])).contains("document"));
    stdout(&run(folder.path(), &["document", "."]));
    let page = fs::read_to_string(folder.path().join("burnisher.1")).expect("the page");
    assert!(!page.contains("document"), "{page}");
    assert!(!folder.path().join("burnisher-document.1").exists());
}
