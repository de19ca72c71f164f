//! The rules of the house that a compiler doesn't check: which room may name which, that no two files import each other in a loop,
//! that the drawn diagram is the kept one, which crates are reserved for whom, and how files look.

mod graph;
mod rooms;
mod source;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use graph::Graph;
use rooms::{ROOMS, diagram, room_of, wrong_arrows};

/// Boxes that the diagram may have, without the program itself.
const MAX_BOXES: usize = 12;

/// Lines a file may have.
const MAX_LINES: usize = 500;

/// Crates that only some rooms may name.
const RESERVED: [(&str, &[&str]); 8] = [
    ("hf_hub", &["storage::hub"]),
    ("ureq", &["storage::hub"]),
    ("clap", &["cli", "main"]),
    ("egui", &["app"]),
    ("eframe", &["app"]),
    ("rfd", &["app"]),
    (
        "burn",
        &[
            "schedulers",
            "worker",
            "pipelines",
            "families",
            "models",
            "ops",
            "storage::checkpoint",
            "storage::weights",
            "base",
        ],
    ),
    ("burn_flex", &["ops", "base"]),
];

/// What waits for a disk, for another thread or for the clock: functions by a segment of their path, methods by name and arguments.
const WAITING_PATHS: [&str; 7] = ["fs", "File", "block_on", "sleep", "sysinfo", "rayon", "spawn_blocking"];
const WAITING_METHODS: [(&str, usize); 12] = [
    ("recv", 0),
    ("recv_timeout", 1),
    ("join", 0),
    ("lock", 0),
    ("wait", 1),
    ("read_dir", 0),
    ("exists", 0),
    ("is_file", 0),
    ("is_dir", 0),
    ("metadata", 0),
    ("canonicalize", 0),
    ("par_iter", 0),
];

/// Files of the window whose code runs on threads that may wait.
const MAY_WAIT: &[&str] = &["app/files/", "app/librarian/", "app/painter/mask/operation.rs"];

/// The Rust files below a folder of the package, with their paths relative to it.
fn files(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    let relative = |path: &Path| path.strip_prefix(&root).expect("it is below").to_string_lossy().replace('\\', "/");
    paths.iter().map(|path| (relative(path), fs::read_to_string(path).expect("sources are text"))).collect()
}

/// The crate as it is.
static CRATE: LazyLock<Graph> = LazyLock::new(|| {
    let files = files("src");
    Graph::read(files.iter().map(|(file, text)| (file.as_str(), text.as_str())))
});

/// The diagram that a document shows, in its first block of text.
fn drawn(document: &str) -> String {
    let lines = document.lines().map(|line| line.trim_start_matches("//!").trim());
    let block = lines.skip_while(|line| *line != "```text").skip(1).take_while(|line| *line != "```");
    block.collect::<Vec<_>>().join("\n")
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rooms_name_only_what_lies_below_them() {
    assert_none(&wrong_arrows(&CRATE, ROOMS));
}

#[test]
fn no_files_import_each_other_in_a_loop() {
    assert_none(&CRATE.loops());
}

#[test]
fn the_drawn_diagram_is_the_one_that_is_kept() {
    for document in ["src/lib.rs", "ARCHITECTURE.md"] {
        let text =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).expect("the document is there");
        assert_eq!(drawn(&text), diagram(ROOMS), "{document} shows another diagram than the rooms make");
    }
    assert!(diagram(ROOMS).lines().count() <= MAX_BOXES + 1, "there are more boxes than a reader takes in");
}

#[test]
fn files_and_folders_that_the_documents_name_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "TESTING.md"] {
        let text = fs::read_to_string(root.join(document)).expect("the document is there");
        let quoted = text.split('`').skip(1).step_by(2);
        let paths: Vec<&str> = quoted
            .filter(|word| {
                ["src/", "tests/", "packaging/", "assets/", "crates/"].iter().any(|top| word.starts_with(top))
            })
            .filter(|path| {
                !path.contains(|letter: char| "*<".contains(letter) || letter == ' ') && !path.contains("NAME")
            })
            .collect();
        let missing: Vec<&&str> = paths.iter().filter(|path| !root.join(path).exists()).collect();
        assert!(missing.is_empty(), "{document} names what isn't there: {missing:?}");
    }
}

#[test]
fn the_rooms_have_no_loop_either() {
    let graph = ROOMS.iter().flat_map(|(room, may)| may.iter().map(move |other| (*room, *other)));
    let graph = petgraph::graphmap::DiGraphMap::<&str, ()>::from_edges(graph);
    assert!(!petgraph::algo::is_cyclic_directed(&graph), "a room may name one that may name it");
}

#[test]
fn reserved_crates_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for source in CRATE.sources() {
        let room = room_of(&source.module, ROOMS).unwrap_or("");
        for path in source.imports.values().chain(&source.paths).chain(&source.globs) {
            let reserved = RESERVED
                .iter()
                .filter(|(name, rooms)| path.first().is_some_and(|first| first == name) && !rooms.contains(&room));
            let is_local = path.first().is_some_and(|first| source.items.contains(first));
            wrong.extend(
                reserved
                    .filter(|_| !is_local && path.len() > 1)
                    .map(|_| format!("src/{} names {}", source.file, path.join("::"))),
            );
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_windows_thread_never_waits() {
    let mut wrong = Vec::new();
    for source in CRATE.sources().filter(|source| room_of(&source.module, ROOMS) == Some("app")) {
        if MAY_WAIT.iter().any(|place| source.file.starts_with(place)) {
            continue;
        }
        let paths = source.paths.iter().filter(|path| path.len() > 1);
        let waiting = paths.filter(|path| {
            path[..path.len() - 1].iter().chain(path.last()).any(|segment| WAITING_PATHS.contains(&segment.as_str()))
        });
        // `ModelRef::File(..)` is a name alone.
        let waiting = waiting.filter(|path| path.last().is_none_or(|last| last != "File"));
        wrong.extend(waiting.map(|path| format!("src/{} names {}", source.file, path.join("::"))));
        let methods =
            source.methods.iter().filter(|(name, arguments)| WAITING_METHODS.contains(&(name.as_str(), *arguments)));
        wrong.extend(methods.map(|(name, _)| format!("src/{} calls {name}", source.file)));
    }
    assert_none(&wrong);
}

#[test]
fn a_type_name_means_one_thing() {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for source in CRATE.sources() {
        for name in &source.types {
            places.entry(name).or_default().push(&source.file);
        }
    }
    places.retain(|_, files| files.len() > 1);
    assert_none(&places.iter().map(|(name, files)| format!("{name}: {}", files.join(", "))).collect::<Vec<_>>());
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests"] {
        for (file, source) in files(folder) {
            let lines = source.lines().count();
            if lines > MAX_LINES {
                wrong.push(format!("{folder}/{file} has {lines} lines, {MAX_LINES} are allowed"));
            }
            if !source.starts_with("//! ") {
                wrong.push(format!("{folder}/{file} doesn't open with what it is for"));
            }
            if source.contains("super::super") && folder == "src" {
                wrong.push(format!("{folder}/{file} climbs two levels: say crate::"));
            }
        }
    }
    assert_none(&wrong);
}

/// What the rules are worth: each is seen to fail on a small crate that breaks it.
mod planted {
    use super::*;

    const SOUND: [(&str, &str); 5] = [
        ("lib.rs", "pub mod low; pub mod high;"),
        ("low/mod.rs", "mod leaf; pub use leaf::Leaf; pub mod other;"),
        ("low/leaf.rs", "pub struct Leaf; #[cfg(test)] mod tests { use crate::high::Top; }"),
        ("low/other.rs", "use super::Leaf; pub fn other() -> Leaf { Leaf }"),
        ("high.rs", "use crate::low::{self, Leaf as L}; pub struct Top(L); pub fn top() { low::other::other(); }"),
    ];
    const TWO: &[(&str, &[&str])] = &[("high", &["low"]), ("low", &[])];

    fn with(changed: &str, text: &'static str) -> Graph {
        Graph::read(SOUND.iter().map(|&(file, sound)| (file, if file == changed { text } else { sound })))
    }

    #[test]
    fn a_sound_crate_passes() {
        let graph = Graph::read(SOUND);
        assert_eq!((graph.loops(), wrong_arrows(&graph, TWO)), (vec![], vec![]));
    }

    #[test]
    fn a_loop_is_found_through_a_re_export() {
        let graph = with("low/leaf.rs", "pub struct Leaf(fn() -> super::Leaf); fn f() { super::other::other(); }");
        assert_eq!(graph.loops(), ["2 files in a loop:\n  low/leaf.rs -> low/other.rs\n  low/other.rs -> low/leaf.rs"]);
    }

    #[test]
    fn a_child_that_needs_its_parent_is_a_loop_if_the_parent_needs_it() {
        let text = "mod leaf; use leaf::Leaf; pub mod other; pub struct Own(Leaf);";
        let graph = Graph::read(SOUND.iter().map(|&(file, sound)| match file {
            "low/mod.rs" => (file, text),
            "low/leaf.rs" => (file, "pub struct Leaf(Option<Box<super::Own>>);"),
            _ => (file, sound),
        }));
        assert_eq!(graph.loops(), ["2 files in a loop:\n  low/leaf.rs -> low/mod.rs\n  low/mod.rs -> low/leaf.rs"]);
    }

    #[test]
    fn an_arrow_upwards_is_found_wherever_it_hides() {
        for text in [
            "use crate::high::Top; pub struct Leaf(Top);",
            "pub struct Leaf(crate::high::Top);",
            "use crate::high; pub struct Leaf; fn f() { high::top(); }",
            "pub struct Leaf; fn f() { println!(\"{}\", crate::high::top()); }",
        ] {
            let wrong = wrong_arrows(&with("low/leaf.rs", text), TWO);
            assert!(wrong.iter().any(|line| line.starts_with("src/low/leaf.rs names")), "{text}: {wrong:?}");
        }
    }

    #[test]
    fn a_file_in_no_room_is_found() {
        let wrong = wrong_arrows(&Graph::read(SOUND), &[("low", &[])]);
        assert_eq!(wrong, ["src/high.rs is in no room"]);
    }

    #[test]
    fn a_stale_diagram_differs() {
        let document = "//! ```text\n//! high -> low\n//! low\n//! ```\n";
        assert_eq!(drawn(document), diagram(TWO));
        assert_ne!(drawn(document), diagram(&[("high", &["low"]), ("middle", &["low"]), ("low", &[])]));
        assert_ne!(drawn(document), diagram(&[("high", &[]), ("low", &[])]));
    }
}

#[test]
fn tuning_results_are_kept_in_a_file_and_not_in_a_database() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).expect("committed");
    let turso =
        lock.split("[[package]]").find(|package| package.contains("name = \"turso\"\n")).expect("burn asks for it");
    assert!(!turso.contains("source ="), "burn wants another version than crates/turso has: {turso}");
    assert!(!lock.contains("name = \"turso_core\""), "the real database is back");
}
