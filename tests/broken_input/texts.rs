//! What is kept beside the preferences, and the texts of tokenizers.

use std::fs;
use std::path::{Path, PathBuf};

use burnisher::base::error::{Error, Result};
use burnisher::base::model_ref::ModelRef;
use burnisher::content::request::{ImageRef, Request, Task};
use burnisher::content::text::Tokenizer;
use burnisher::content::text::clip_tokenizer::ClipTokenizer;
use burnisher::session::settings::{Draft, Settings};
use burnisher::session::{Waiting, journal};
use burnisher::storage::gallery::favourites;
use burnisher::storage::recipe::local_files::LocalFiles;
use flate2::Crc;

use crate::formats::Format;
use crate::pictures::Place;
use crate::support::checkpoints::{Checkpoint, Storage, folder};

/// What a tokenizer is tried with.
const PROMPTS: [&str; 3] = ["a fox in the snow, 35mm", "", "\u{1f98a} f\u{e4}rben \u{96ea}"];

pub(crate) fn formats() -> Vec<Format> {
    let settings = Place::new("settings.json");
    let bytes = Place::new("session.journal");
    let entry = Place::new("session.journal");
    let marks = Place::new(".burnisher-favourites.json");
    let known = Place::new("local-files.jsonl");
    let mut formats = vec![
        Format::json("settings", vec![sample_settings()], move |bytes| {
            let (read, error) = Settings::load(settings.with(bytes));
            // What was read is written again.
            read.save(&settings.folder().join("again.json"))?;
            error.map_or(Ok(()), Err)
        }),
        // Its last entry may be cut by a crash; the others hold.
        Format::binary("journal", vec![sample_journal()], move |content| {
            journal::read(&bytes.with(content).with_file_name("settings.json")).map(drop)
        })
        .readable_when_cut(),
        Format::json("entry of the journal", entries(), move |json| {
            let json = String::from_utf8_lossy(json).replace('\n', " ");
            let mut sum = Crc::new();
            sum.update(json.as_bytes());
            let line = format!("{:08x} {json}\n", sum.sum());
            let path = entry.with(&[line.as_bytes(), &sample_journal()].concat()).with_file_name("settings.json");
            journal::read(&path).map(drop)
        }),
        Format::json("favourites", vec![br#"{"favourites":["a.png","b c.png"]}"#.to_vec()], move |bytes| {
            let folder = marks.with(bytes).parent().expect("a folder").to_owned();
            favourites::read(&folder).map(drop)
        }),
        Format::text("places of pictures", vec![places()], move |bytes| {
            let path = known.with(bytes);
            let hash = Some("0".repeat(64));
            let image = ImageRef { hash, hint: None };
            let task = Task::ImageToImage { image, strength: 0.5 };
            let mut request = Request { start: task.into(), ..Request::default() };
            LocalFiles::at(path.to_owned()).locate(&mut request, None);
            Ok(())
        }),
    ];
    let tokenizer = folder(Checkpoint::TinySd15, Storage::Whole).join("tokenizer");
    for name in ["vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"] {
        let sample = fs::read(tokenizer.join(name)).expect("a file");
        let tokenizer = tokenizer.clone();
        let read = move |bytes: &[u8]| tokenized(&tokenizer, name, bytes);
        formats.push(match name {
            "merges.txt" => Format::text(name, vec![sample], read),
            _ => Format::json(name, vec![sample], read),
        });
    }
    formats
}

/// Reads a tokenizer in which one file is this, and splits prompts.
fn tokenized(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let read = |asked: &str| {
        if asked == name {
            return Ok(Some(bytes.to_vec()));
        }
        match fs::read(folder.join(asked)) {
            Ok(content) => Ok(Some(content)),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(Error::new("a file of the test can't be read").caused_by(cause)),
        }
    };
    let tokenizer = ClipTokenizer::from_files(folder, &read)?;
    for prompt in PROMPTS {
        let ids = tokenizer.encode(prompt)?;
        assert!(ids.iter().all(|id| *id <= tokenizer.largest_id()), "an id lies beyond the largest one");
        tokenizer.count(prompt)?;
    }
    Ok(())
}

fn sample_settings() -> Vec<u8> {
    serde_json::to_vec_pretty(&Settings::default()).expect("JSON")
}

/// A journal with everything in it.
fn sample_journal() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.json");
    let kept = journal::Kept {
        draft: Draft::default(),
        history: vec!["a fox".to_owned(), "a b\u{e4}r".to_owned()],
        queue: vec![(serde_json::from_str("7").expect("a key"), Waiting::new(ModelRef::Bundled, Request::default()))],
    };
    journal::write(&settings, &kept).expect("written");
    fs::read(journal::path_beside(&settings)).expect("a file")
}

/// Its entries, without their sums.
fn entries() -> Vec<Vec<u8>> {
    let journal = String::from_utf8(sample_journal()).expect("a text");
    journal.lines().filter_map(|line| Some(line.split_once(' ')?.1.as_bytes().to_vec())).collect()
}

fn places() -> Vec<u8> {
    let line = |digit: &str, path: &str| serde_json::json!({ "hash": digit.repeat(64), "path": PathBuf::from(path) });
    format!("{}\n{}\n", line("0", "/nowhere/a.png"), line("1", "b.png")).into_bytes()
}
