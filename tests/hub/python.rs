//! The cache as Python lays it out: `tests/golden/hub/cache.txt` is one that `huggingface_hub` made of the same model from
//! the same server (`interop.py`).

use std::fs;
use std::path::Path;

use crate::stage::{MODEL, Stage, entries};

/// What a cache has below a folder: names, what links point to, and what refs say.
fn listing(cache: &Path, folder: &Path, lines: &mut Vec<String>) {
    for path in entries(folder) {
        let name = path.strip_prefix(cache).expect("it is below").display().to_string();
        if let Ok(target) = fs::read_link(&path) {
            lines.push(format!("{name} -> {}", target.display()));
        } else if path.is_dir() {
            listing(cache, &path, lines);
        } else if name.contains("/refs/") || name == "CACHEDIR.TAG" {
            lines.push(format!("{name}: {:?}", fs::read_to_string(&path).expect("text")));
        } else {
            lines.push(format!("{name}: {} bytes", path.metadata().expect("there").len()));
        }
    }
}

#[test]
#[cfg(unix)]
fn the_cache_is_laid_out_as_python_does_it() {
    let stage = Stage::new();
    stage.download(MODEL).expect("a model");
    let mut lines = Vec::new();
    listing(&stage.cache(), &stage.cache(), &mut lines);
    lines.sort();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/hub/cache.txt");
    let golden = fs::read_to_string(golden).expect("interop.py has been run");
    assert_eq!(lines, golden.lines().collect::<Vec<_>>());
}

/// A Hub for Python to ask: prints its address and serves until stdin ends. `interop.py` runs this one by name.
#[test]
#[ignore = "it serves until it is told to stop"]
fn serve() {
    let stage = Stage::new();
    println!("serving at {}", stage.server.endpoint());
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line).is_ok_and(|read| read > 0) {}
}
