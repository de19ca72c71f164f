//! The layers and the house rules that a compiler doesn't check: which room may name which, which crates are reserved
//! for whom, how long a file may be, and that every module says what it is for.
//!
//! The sources are read as tokens, without comments and literals. Limits: what a macro writes isn't seen.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module at the top of `src`, and what it may name of the others: a module, or one item of a module.
const LAYERS: [(&str, &[&str]); 17] = [
    ("error", &[]),
    ("cancel", &[]),
    ("ops", &["cancel"]),
    ("rng", &["error"]),
    ("device", &["error"]),
    ("models", &["ops", "cancel", "error"]),
    ("schedulers", &["rng", "error"]),
    ("checkpoint", &["cancel", "error"]),
    ("request", &["schedulers::SchedulerKind", "schedulers::SamplingOptions", "error"]),
    ("imaging", &["request", "schedulers::SchedulerKind", "schedulers::SigmaSchedule", "error"]),
    ("gallery", &["request", "imaging", "error"]),
    (
        "settings",
        &[
            "request",
            "checkpoint::ModelRef",
            "device",
            "gallery",
            "schedulers::SchedulerKind",
            "schedulers::SamplingOptions",
            "schedulers::SigmaSchedule",
            "error",
        ],
    ),
    (
        "pipelines",
        &["request", "models", "schedulers", "checkpoint", "imaging", "rng", "device", "ops", "cancel", "error"],
    ),
    (
        "worker",
        &[
            "pipelines",
            "request",
            "checkpoint",
            "gallery",
            "imaging",
            "device",
            "schedulers::SchedulerKind",
            "schedulers::SchedulerConfig",
            "cancel",
            "error",
        ],
    ),
    ("cli", &FRONT),
    ("app", &FRONT),
    ("main", &["cli", "app"]),
];

/// What the command line and the window may name.
const FRONT: [&str; 16] = [
    "worker",
    "request",
    "gallery",
    "settings",
    "imaging::mask",
    "checkpoint",
    "device",
    "schedulers::SchedulerKind",
    "schedulers::SchedulerConfig",
    "schedulers::SamplingOptions",
    "schedulers::SigmaSchedule",
    "schedulers::Setting",
    "schedulers::Swapped",
    "schedulers::Fate",
    "cancel",
    "error",
];

/// Crates, or their modules, that only some files may name: paths below `src`.
const RESERVED: [(&str, &[&str]); 9] = [
    ("hf_hub", &["checkpoint/hub.rs", "checkpoint/hub/"]),
    ("burn_store", &["checkpoint/"]),
    ("burn::store", &["checkpoint/"]),
    ("clap", &["main.rs", "cli/", "cli.rs"]),
    ("anyhow", &["main.rs", "cli/", "cli.rs"]),
    (
        "crossbeam_channel",
        &["worker/", "app/downloads/", "app/librarian/", "app/background.rs", "app/models/finder.rs"],
    ),
    ("egui", &["app/"]),
    ("eframe", &["app/"]),
    ("rfd", &["app/"]),
];

/// Lines a file may have.
const CAP: usize = 500;

/// The Rust files below a folder of the package, with their paths relative to it.
fn sources(folder: &str) -> Vec<(String, String)> {
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

/// Names, `::` and single signs; comments, strings, characters and lifetimes left out.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let skipped = if first.is_whitespace() {
            first.len_utf8()
        } else if let Some(literal) = raw_string(rest) {
            literal
        } else if word > 0 {
            tokens.push(rest[..word].to_owned());
            word
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            string(rest)
        } else if let Some(literal) = character(rest) {
            literal
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            tokens.push(first.to_string());
            first.len_utf8()
        };
        rest = &rest[skipped..];
    }
    tokens
}

/// The length of the string literal that a text begins with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let closes = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// The length of the raw string literal that a text begins with.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let content = after[hashes..].strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - content.len();
    Some(content.find(&closing).map_or(text.len(), |end| start + end + closing.len()))
}

/// The length of the character literal, or of a lifetime's tick, that a text begins with.
fn character(text: &str) -> Option<usize> {
    let after = text.strip_prefix('\'')?;
    let mut characters = after.char_indices();
    let (_, first) = characters.next()?;
    if first == '\\' {
        return after.get(2..)?.find('\'').map(|end| end + 4);
    }
    match characters.next()? {
        (end, '\'') => Some(end + 2),
        _ => Some(1),
    }
}

/// The paths of a `use` tree, or of a plain path, that begins at `at`; each as its segments joined by `::`.
fn paths(tokens: &[String], at: usize) -> (Vec<String>, usize) {
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    if token(at) == "{" {
        let (mut found, mut next) = (Vec::new(), at + 1);
        while !token(next).is_empty() && token(next) != "}" {
            if token(next) == "," {
                next += 1;
                continue;
            }
            let (inner, after) = paths(tokens, next);
            found.extend(inner);
            next = after.max(next + 1);
        }
        return (found, next + 1);
    }
    let continues =
        |text: &str| text == "{" || text == "*" || text.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if token(at + 1) == "::" && continues(token(at + 2)) {
        let (inner, next) = paths(tokens, at + 2);
        return (inner.into_iter().map(|path| format!("{}::{path}", token(at))).collect(), next);
    }
    // `use a::b as c`
    let renamed = token(at + 1) == "as";
    (vec![token(at).to_owned()], if renamed { at + 3 } else { at + 1 })
}

/// Every path that a file names and that begins with a name, not in the middle of another path.
fn named_paths(source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let begins = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at)).map_or("", String::as_str);
        let after = tokens.get(at + 1).map_or("", String::as_str);
        before != "::" && before != "." && (after == "::" || before == "use")
    };
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if begins(at) {
            let (named, next) = paths(&tokens, at);
            found.extend(named);
            at = next;
        } else {
            at += 1;
        }
    }
    found
}

/// Whether a path is that of a module or item, or of something inside it.
fn is_within(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The module at the top of `src` that a file belongs to.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

#[test]
fn rooms_name_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for (file, source) in sources("src").iter().filter(|(file, _)| file != "lib.rs") {
        let room = room(file);
        let (_, allowed) = LAYERS
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{room} has no place in the layers"));
        for path in named_paths(source) {
            if let Some(inside) = path.strip_prefix("crate::").or_else(|| path.strip_prefix("burnisher::"))
                && !is_within(inside, room)
                && !allowed.iter().any(|module| is_within(inside, module))
            {
                wrong.push(format!("src/{file} names {inside}"));
            }
            if path.contains("super::super") {
                wrong.push(format!("src/{file} climbs by {path}: say crate::"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn reserved_crates_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for (file, source) in sources("src") {
        for path in named_paths(&source) {
            for (reserved, places) in RESERVED {
                if is_within(&path, reserved) && !places.iter().any(|place| file.starts_with(place)) {
                    wrong.push(format!("src/{file} names {path}"));
                }
            }
            let is_front = ["cli", "app", "main"].contains(&room(&file));
            let is_burn = ["burn", "cubecl"].iter().any(|name| path == *name || path.starts_with(&format!("{name}::")))
                || path.starts_with("burn_");
            if is_front && is_burn {
                wrong.push(format!("src/{file} names {path}: the front doesn't know what computes"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What waits: for a disk, for another thread, for the clock.
const WAITING: [&str; 10] =
    ["fs", "File", "recv", "recv_timeout", "block_on", "sleep", "read_dir", "exists", "is_file", "is_dir"];

/// Where the window's threads are that may wait, and its tests.
const MAY_WAIT: [&str; 6] = [
    "app/background.rs",
    "app/downloads/token.rs",
    "app/gallery/testing.rs",
    "app/gallery/tests.rs",
    "app/librarian/",
    "app/models/finder.rs",
];

#[test]
fn the_windows_thread_never_waits() {
    let mut wrong = Vec::new();
    for (file, source) in sources("src") {
        if room(&file) != "app" || MAY_WAIT.iter().any(|place| file.starts_with(place)) {
            continue;
        }
        let tokens = tokens(&source);
        let called = tokens.windows(2).filter(|pair| ["(", "::"].contains(&pair[1].as_str()));
        // `ModelRef::File(..)` is a name alone.
        let called = called.filter(|pair| pair[0] != "File" || pair[1] == "::");
        let waits = called.filter(|pair| WAITING.contains(&pair[0].as_str()));
        wrong.extend(waits.map(|pair| format!("src/{file} calls {}", pair[0])));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests"] {
        for (file, source) in sources(folder) {
            let lines = source.lines().count();
            if lines > CAP {
                wrong.push(format!("{folder}/{file} has {lines} lines, {CAP} are allowed"));
            }
            if !source.starts_with("//! ") {
                wrong.push(format!("{folder}/{file} doesn't open with what it is for"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rules are worth what the reading of paths is worth.
#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let source = r##"
        //! crate::comment
        /* crate::comment */
        use crate::error::{Error, Result as R};
        use crate::{models::{self, unet::*}, rng};
        use burn;
        fn f<'a>(x: &'a str) -> crate::request::Request {
            let _ = ("crate::string \" crate::string", r#"crate::raw"#, '"', '\'', b'"');
            std::mem::take::<crate::checkpoint::ModelRef>(x); x.burn::<u8>()
        }
    "##;
    assert_eq!(
        named_paths(source),
        [
            "crate::error::Error",
            "crate::error::Result",
            "crate::models::self",
            "crate::models::unet::*",
            "crate::rng",
            "burn",
            "crate::request::Request",
            "std::mem::take",
            "crate::checkpoint::ModelRef",
        ]
    );
    assert!(is_within("models::unet", "models") && !is_within("models_of", "models"));
}
