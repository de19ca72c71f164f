//! The CLIP tokenizer against transformers' (`tests/golden/tokenizer`), and on folders that are broken.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burnisher::base::error::{Error, Result};
use burnisher::content::text::Tokenizer;
use burnisher::content::text::clip_tokenizer::ClipTokenizer;
use serde::Deserialize;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Deserialize)]
struct Golden {
    model_max_length: usize,
    pad: u32,
    counts: Vec<usize>,
    ids: Vec<Vec<u32>>,
}

fn read_json<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = Path::new(ROOT).join("tests/golden/tokenizer").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// CLIP's vocabulary with the special tokens of a folder in `tests/golden/tokenizer`.
fn clip(name: &str) -> ClipTokenizer {
    let folder = Path::new(ROOT).join("tests/golden/tokenizer").join(name);
    let vocabulary = Path::new(ROOT).join("assets/clip");
    ClipTokenizer::from_files(&folder, &|file| {
        Ok([&folder, &vocabulary].iter().find_map(|at| fs::read(at.join(file)).ok()))
    })
    .expect("the tokenizer opens")
}

fn bundled_folder() -> PathBuf {
    Path::new(ROOT).join("assets/models/pictogram-64/tokenizer")
}

fn assert_equals_golden(tokenizer: &ClipTokenizer, name: &str) {
    let prompts: Vec<String> = read_json("prompts.json");
    let golden = read_json::<BTreeMap<String, Golden>>("ids.json").remove(name).expect("a golden for this tokenizer");
    assert!(prompts.len() >= 200 && golden.ids.len() == prompts.len() && golden.counts.len() == prompts.len());
    assert_eq!(tokenizer.limit(), golden.model_max_length - 2);
    for ((prompt, ids), count) in prompts.iter().zip(&golden.ids).zip(&golden.counts) {
        let mut padded = ids.clone();
        padded.resize(golden.model_max_length, golden.pad);
        assert_eq!(tokenizer.encode(prompt).expect("ids"), padded, "{name}: {prompt:?}");
        assert_eq!(tokenizer.count(prompt).expect("a count").tokens, *count, "{name}: {prompt:?}");
    }
}

#[test]
fn stable_diffusion_1_gets_the_ids_of_transformers() {
    assert_equals_golden(&clip("sd15"), "sd15");
}

#[test]
fn stable_diffusion_2_is_padded_with_exclamation_marks() {
    assert_equals_golden(&clip("sd21"), "sd21");
}

#[test]
fn a_folder_saved_by_a_newer_transformers_gets_the_same_ids_as_there() {
    assert_equals_golden(&clip("resaved"), "resaved");
}

#[derive(Deserialize)]
struct Added {
    prompts: Vec<String>,
    cases: Vec<AddedCase>,
}

#[derive(Deserialize)]
struct AddedCase {
    name: String,
    /// What lies in the folder in the place of sd15's.
    files: BTreeMap<String, serde_json::Value>,
    #[serde(flatten)]
    golden: Golden,
}

#[test]
fn words_added_to_a_vocabulary_get_the_ids_of_transformers_wherever_they_are_named() {
    let Added { prompts, cases } = read_json("added.json");
    assert_eq!(cases.len(), 8);
    let folders = ["tests/golden/tokenizer/sd15", "assets/clip"].map(|folder| Path::new(ROOT).join(folder));
    for AddedCase { name, files, golden } in cases {
        let read = |file: &str| {
            let over = files.get(file).map(|content| content.to_string().into_bytes());
            Ok(over.or_else(|| folders.iter().find_map(|at| fs::read(at.join(file)).ok())))
        };
        let tokenizer = ClipTokenizer::from_files(Path::new("some/tokenizer"), &read).expect("the tokenizer opens");
        for ((prompt, ids), count) in prompts.iter().zip(&golden.ids).zip(&golden.counts) {
            let mut padded = ids.clone();
            padded.resize(golden.model_max_length, golden.pad);
            assert_eq!(tokenizer.encode(prompt).expect("ids"), padded, "{name}: {prompt:?}");
            assert_eq!(tokenizer.count(prompt).expect("a count").tokens, *count, "{name}: {prompt:?}");
        }
    }
}

#[test]
fn the_bundled_vocabulary_gets_the_ids_of_transformers() {
    assert_equals_golden(&ClipTokenizer::open(&bundled_folder()).expect("the tokenizer opens"), "pictogram-64");
}

#[test]
fn vocab_and_merges_do_without_tokenizer_json() {
    let folder = bundled_folder();
    let read = |file: &str| Ok(if file == "tokenizer.json" { None } else { fs::read(folder.join(file)).ok() });
    assert_equals_golden(&ClipTokenizer::from_files(&folder, &read).expect("the tokenizer opens"), "pictogram-64");
}

#[test]
fn the_largest_id_and_the_length_of_a_prompt_are_known() {
    let tokenizer = clip("sd15");
    assert_eq!((tokenizer.largest_id(), tokenizer.limit()), (49407, 75));
}

/// A tokenizer of a handful of tokens, in files that a test may replace.
fn tiny_files() -> BTreeMap<&'static str, Vec<u8>> {
    let vocab = r#"{"a": 0, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4}"#;
    BTreeMap::from([("vocab.json", vocab.into()), ("merges.txt", b"#version: 0.2\na b</w>\n".to_vec())])
}

fn open(files: &BTreeMap<&'static str, Vec<u8>>) -> Result<ClipTokenizer> {
    ClipTokenizer::from_files(Path::new("some/tokenizer"), &|name| Ok(files.get(name).cloned()))
}

fn error_with(name: &'static str, content: &str) -> Error {
    let mut files = tiny_files();
    files.insert(name, content.into());
    open(&files).expect_err("a broken folder is refused")
}

#[test]
fn what_a_vocabulary_lacks_is_read_as_the_unknown_token() {
    let mut files = tiny_files();
    files.insert("tokenizer_config.json", br#"{"model_max_length": 6}"#.to_vec());
    let tokenizer = open(&files).expect("a small vocabulary is fine");
    assert_eq!(tokenizer.encode("ab").expect("ids"), [3, 2, 4, 4, 4, 4]);
    assert_eq!(tokenizer.encode("AB a").expect("ids"), [3, 2, 4, 4, 4, 4]);
}

#[test]
fn an_endless_limit_is_read_as_clips_own() {
    let mut files = tiny_files();
    files.insert("tokenizer_config.json", br#"{"model_max_length": 1000000000000000019884624838656}"#.to_vec());
    assert_eq!(open(&files).expect("a huge limit is fine").limit(), 75);
}

#[test]
fn a_folder_that_lacks_a_file_is_refused_by_that_files_name() {
    for name in ["vocab.json", "merges.txt"] {
        let mut files = tiny_files();
        files.remove(name);
        let message = open(&files).expect_err("a file is missing").to_string();
        assert!(message.contains(name) && message.contains("some/tokenizer"), "{message}");
    }
}

#[test]
fn malformed_files_are_refused_by_name() {
    let cases = [
        ("vocab.json", ""),
        ("vocab.json", "[]"),
        ("vocab.json", r#"{"a": -1}"#),
        ("vocab.json", r#"{"a": 4294967296}"#),
        ("vocab.json", "{\"\\ud800\": 1}"),
        ("merges.txt", "a b</w> c\n"),
        ("merges.txt", "a\n"),
        ("tokenizer_config.json", "{"),
        ("tokenizer_config.json", r#"{"bos_token": 5}"#),
        ("special_tokens_map.json", "\"text\""),
        ("added_tokens.json", "[]"),
        ("tokenizer.json", "{}"),
        ("tokenizer.json", r#"{"model": {"vocab": {"a": 0}, "merges": ["a"]}}"#),
    ];
    for (name, content) in cases {
        let message = error_with(name, content).to_string();
        assert!(message.contains(name) && message.contains("malformed"), "{name} {content}: {message}");
    }
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n";
    for name in ["vocab.json", "merges.txt", "tokenizer_config.json", "added_tokens.json"] {
        let message = error_with(name, pointer).to_string();
        let told = message.contains(name) && message.contains("which Git LFS hasn't fetched yet");
        assert!(told && message.contains("git lfs pull"), "{message}");
    }
    let message = error_with("merges.txt", "").to_string();
    assert!(message.contains("merges.txt is empty"), "{message}");
    let mut files = tiny_files();
    files.insert("merges.txt", vec![0xff, b' ', 0xfe]);
    let message = open(&files).expect_err("no text").to_string();
    assert!(message.contains("merges.txt is malformed"), "{message}");
}

#[test]
fn a_vocabulary_that_contradicts_itself_is_refused_with_the_token() {
    let cases = [
        ("vocab.json", "{}", "a"),
        ("vocab.json", r#"{"a": 0, "b</w>": 1, "<|startoftext|>": 3, "<|endoftext|>": 4}"#, "ab</w>"),
        ("vocab.json", r#"{"a": 0, "b</w>": 1, "ab</w>": 2}"#, "<|endoftext|>"),
        (
            "vocab.json",
            r#"{"a": 4294967295, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4}"#,
            "4294967295",
        ),
        ("merges.txt", "a c</w>\n", "c</w>"),
    ];
    for (name, content, token) in cases {
        let message = error_with(name, content).to_string();
        assert!(message.contains(token), "{content}: {message}");
    }
}

#[test]
fn a_limit_that_is_none_is_refused() {
    for limit in ["0", "1", "-3", "1e9"] {
        let message = error_with("tokenizer_config.json", &format!("{{\"model_max_length\": {limit}}}")).to_string();
        assert!(message.contains("model_max_length"), "{message}");
    }
}

#[test]
fn a_prompt_is_cut_where_its_text_as_typed_stops_being_read() {
    let tokenizer = clip("sd15");
    let measure = |prompt: &str| {
        let count = tokenizer.count(prompt).expect("a count");
        (count.tokens, count.cut_at)
    };
    assert_eq!(measure(""), (0, None));
    assert_eq!(measure(&"a ".repeat(75)), (75, None));
    assert_eq!(measure(&"a ".repeat(76)), (76, Some(2 * 75)));
    assert_eq!(measure(&"A ".repeat(76)), (76, Some(2 * 75)));
    // `e` and its accent are one letter once they are composed, and `İ` becomes longer in lower case.
    for word in ["fox", "FOX", "ÉTÉ", "e\u{301}t\u{301}", "İstanbul", "東京", "🦊", "A\u{300}", "don't", "\u{FDFA}"]
    {
        let prompt = format!("\n {}", format!("{word} \t").repeat(90));
        let (tokens, cut) = measure(&prompt);
        let cut = cut.unwrap_or_else(|| panic!("{word}: {tokens} tokens fit"));
        let each = tokens / 90;
        assert_eq!((tokens % 90, cut <= prompt.len()), (0, true), "{word}");
        // The words that are read whole, and the one that is read in part.
        let (whole, part) = (tokenizer.limit() / each, tokenizer.limit() % each);
        let start = 2 + whole * (word.len() + 2);
        if part == 0 {
            assert_eq!(cut, start, "{word}");
            assert_eq!(
                tokenizer.encode(&prompt[..cut]).expect("ids"),
                tokenizer.encode(&prompt).expect("ids"),
                "{word}"
            );
        } else {
            assert!((start + 1..=start + word.len()).contains(&cut), "{word}: {cut}, where it begins at {start}");
            assert!(prompt.is_char_boundary(cut), "{word}");
        }
    }
}

#[test]
fn what_is_beyond_the_cut_makes_no_difference() {
    let tokenizer = clip("sd15");
    let mut cut_prompts = 0;
    for prompt in read_json::<Vec<String>>("prompts.json") {
        let long = format!("{prompt} a,b. {prompt} ").repeat(40);
        let Some(cut) = tokenizer.count(&long).expect("a count").cut_at else { continue };
        let ids = tokenizer.encode(&long).expect("ids");
        let other = format!("{}{}", &long[..cut], if long[..cut].ends_with(' ') { "fox" } else { &long[cut..] });
        assert_eq!(tokenizer.encode(&other).expect("ids"), ids, "{prompt:?} cut at {cut}");
        cut_prompts += 1;
    }
    assert!(cut_prompts > 150, "{cut_prompts}");
}
