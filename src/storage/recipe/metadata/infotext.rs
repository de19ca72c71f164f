//! The parts of AUTOMATIC1111's `parameters` text: two prompts, `Key: value` pairs, and what stands after them.
//!
//! The web UI writes the pairs on one last line (`create_infotext` in `modules/processing.py`). What others make of that is
//! read as well: more lines after it (the templates of Dynamic Prompts), pairs on several lines, everything on a single line,
//! labels in other case, full-width colons, and any ends of lines.

use std::ops::Range;

/// The label of the negative prompt, without its colon.
const NEGATIVE_PROMPT: &str = "negative prompt";

/// The key that pairs usually begin with.
const STEPS: &str = "steps";

/// Keys that a line of pairs may begin with.
const FIRST_KEYS: [&str; 19] = [
    STEPS,
    "sampler",
    "schedule type",
    "scheduler",
    "cfg scale",
    "seed",
    "size",
    "model hash",
    "model",
    "vae hash",
    "vae",
    "denoising strength",
    "clip skip",
    "hires upscale",
    "hires upscaler",
    "lora hashes",
    "ti hashes",
    "rng",
    "version",
];

/// The most places of a text that are tried as the beginning of its settings or of its negative prompt.
const MOST_PLACES: usize = 100;

/// Fewer pairs than this are no settings but words with a colon.
const FEWEST_PAIRS: usize = 3;

/// The parts of a text.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Infotext {
    pub(super) prompt: String,
    /// `None` if nothing is said of it.
    pub(super) negative_prompt: Option<String>,
    /// Keys and values; values may be empty.
    pub(super) pairs: Vec<(String, String)>,
    /// What stands after the pairs.
    pub(super) rest: String,
}

impl Infotext {
    /// Splits a text; `None` if it has no settings.
    pub(super) fn of(text: &str) -> Option<Self> {
        let text = with_plain_ends(text);
        let SettingsBlock { at, pairs } = settings(&text)?;
        let (prompt, negative_prompt) = split_prompts(without_joint(text.get(..at.start)?));
        Some(Self { prompt, negative_prompt, pairs, rest: text.get(at.end..)?.trim().to_owned() })
    }

    /// Splits a text that has prompts and no settings.
    pub(super) fn of_prompts(text: &str) -> Self {
        let (prompt, negative_prompt) = split_prompts(&with_plain_ends(text));
        Self { prompt, negative_prompt, ..Self::default() }
    }

    /// Returns the value of a key, if it isn't empty.
    pub(super) fn value(&self, key: &str) -> Option<String> {
        let mut values = self.pairs.iter().filter(|(known, _)| known.eq_ignore_ascii_case(key));
        values.find_map(|(_, value)| Some(value.trim()).filter(|value| !value.is_empty()).map(str::to_owned))
    }
}

/// A text without blanks and zeros at its ends, whose lines end as on Unix.
fn with_plain_ends(text: &str) -> String {
    let is_blank = |c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}';
    text.trim_matches(is_blank).replace("\r\n", "\n").replace('\r', "\n")
}

/// The pairs of a text, and where they stand in it.
struct SettingsBlock {
    at: Range<usize>,
    pairs: Vec<(String, String)>,
}

/// Finds the settings: the last lines that begin with `Steps`, else the first `Steps` within a line, else the last lines that
/// begin with another key. A text after them may look like pairs, and a prompt may have been copied with its settings.
fn settings(text: &str) -> Option<SettingsBlock> {
    let lines = lines(text);
    let from = |start: usize| block(text, &lines, start);
    let is_steps_line = |line: &&Range<usize>| first_key(text, line).as_deref() == Some(STEPS);
    let own = lines.iter().rev().filter(is_steps_line).take(MOST_PLACES).find_map(|line| from(line.start));
    // Lines of pairs in a row are taken from the first of them.
    let is_key_line = |index: usize| lines.get(index).is_some_and(|line| begins_with_a_key(text, line));
    let begins = |index: &usize| is_key_line(*index) && index.checked_sub(1).is_none_or(|before| !is_key_line(before));
    let first_lines = || (0..lines.len()).rev().filter(begins).take(MOST_PLACES);
    let others = || first_lines().find_map(|index| from(lines.get(index)?.start));
    own.or_else(|| labels(text, STEPS).take(MOST_PLACES).find_map(|label| from(label.start))).or_else(others)
}

/// The pairs from a place in a line on, and on the lines that go on with them: a comma ends the line before, or they begin
/// with a key. `None` if there are too few.
fn block(text: &str, lines: &[Range<usize>], start: usize) -> Option<SettingsBlock> {
    let first = lines.partition_point(|line| line.end <= start);
    let mut joined = text.get(start..lines.get(first)?.end)?.trim_end().to_owned();
    let mut end = lines.get(first)?.end;
    for line in lines.get(first + 1..)? {
        let key = first_key(text, line);
        if key.as_deref() == Some(STEPS) || !(joined.ends_with(',') || begins_with_a_key(text, line)) {
            break;
        }
        if !joined.ends_with(',') {
            joined.push(',');
        }
        joined.push(' ');
        joined.push_str(text.get(line.clone())?.trim());
        end = line.end;
    }
    let pairs = pairs(&joined);
    (pairs.len() >= FEWEST_PAIRS).then_some(SettingsBlock { at: start..end, pairs })
}

/// Where the lines of a text stand, without their ends; blank lines are left out.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let all = text.split_inclusive('\n').map(|line| {
        let at = start..start + line.trim_end().len();
        start += line.len();
        at
    });
    all.filter(|line| !line.is_empty()).collect()
}

/// What a line says before its first colon, in small letters.
fn first_key(text: &str, line: &Range<usize>) -> Option<String> {
    let (key, _) = text.get(line.clone())?.split_once(COLONS)?;
    Some(key.trim().to_lowercase())
}

fn begins_with_a_key(text: &str, line: &Range<usize>) -> bool {
    first_key(text, line).is_some_and(|key| FIRST_KEYS.contains(&key.as_str()))
}

/// The colons between a key and its value: an ordinary one, and that of Chinese and Japanese keyboards.
const COLONS: [char; 2] = [':', '：'];

/// Where a label with its colon stands in a text, in any case; not within a longer word.
fn labels<'a>(text: &'a str, label: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    // As long as the text, byte for byte.
    let small = text.to_ascii_lowercase();
    let starts: Vec<usize> = small.match_indices(label).map(|(start, _)| start).collect();
    starts.into_iter().filter_map(move |start| {
        let is_within_a_word = text.get(..start)?.chars().next_back().is_some_and(char::is_alphanumeric);
        let after = text.get(start + label.len()..)?;
        let colon = after.trim_start_matches(' ');
        let first = colon.chars().next().filter(|c| COLONS.contains(c) && !is_within_a_word)?;
        Some(start..text.len() - colon.len() + first.len_utf8())
    })
}

/// The prompt and, if there is a label for it, the negative prompt. A label that begins a line counts before others.
fn split_prompts(text: &str) -> (String, Option<String>) {
    let line_before = |at: usize| text.get(..at).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
    let begins_a_line = |label: &Range<usize>| line_before(label.start).trim().is_empty();
    let begins = labels(text, NEGATIVE_PROMPT).take(MOST_PLACES).find(begins_a_line);
    let label = begins.or_else(|| labels(text, NEGATIVE_PROMPT).next());
    let Some(label) = label else { return (text.to_owned(), None) };
    let negative = text.get(label.end..).unwrap_or_default().trim();
    let prompt = without_joint(text.get(..label.start).unwrap_or_default());
    (prompt.to_owned(), Some(negative.to_owned()))
}

/// A prompt without what joins it to the next part: the end of its line or, where that goes on, a full stop or a comma.
fn without_joint(prompt: &str) -> &str {
    let line = prompt.trim_end_matches([' ', '\t']);
    if let Some(before) = line.strip_suffix('\n') {
        return before;
    }
    line.strip_suffix(['.', ',']).unwrap_or(line).trim_end()
}

/// The `Key: value` pairs of a line. A value in quotes is a JSON string, and may hold commas.
fn pairs(line: &str) -> Vec<(String, String)> {
    let (mut pairs, mut rest) = (Vec::new(), line);
    while let Some((before, after)) = rest.split_once(COLONS) {
        let key = key_at_end(before);
        let after = after.trim_start();
        let (value, next) = quoted(after).unwrap_or_else(|| {
            let (value, next) = after.split_once(',').unwrap_or((after, ""));
            (value.trim().to_owned(), next)
        });
        if let Some(key) = key {
            pairs.push((key.to_owned(), value));
            rest = next;
        } else {
            rest = after;
        }
    }
    pairs
}

/// The key that a text ends with: two characters or more, of letters, digits, `_`, `-`, `/` and spaces.
fn key_at_end(text: &str) -> Option<&str> {
    let is_other = |c: char| !(c.is_alphanumeric() || "_-/ ".contains(c));
    let start = text.char_indices().rev().find(|(_, c)| is_other(*c)).map_or(0, |(at, c)| at + c.len_utf8());
    let key = text.get(start..)?.trim_matches([' ', '-', '/']);
    (key.chars().count() > 1).then_some(key)
}

/// A JSON string that a text begins with, and what follows the comma after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut strings = serde_json::Deserializer::from_str(text.starts_with('"').then_some(text)?).into_iter::<String>();
    let value = strings.next()?.ok()?;
    let after = text.get(strings.byte_offset()..)?.trim_start();
    let next = if after.is_empty() { after } else { after.strip_prefix(',')? };
    Some((value, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: &str = "Steps: 40, Sampler: DPM++ 2M Karras, Seed: 7, Model: photon_v1, Version: 1.6.0";

    fn parts(text: &str) -> Infotext {
        Infotext::of(text).unwrap_or_else(|| panic!("{text:?} has settings"))
    }

    /// The prompts, and that the settings are all of [`PAIRS`].
    fn prompts(text: &str) -> (String, Option<String>) {
        let parts = parts(text);
        assert_eq!(parts.pairs, pairs(PAIRS), "{text:?}");
        (parts.prompt, parts.negative_prompt)
    }

    fn both(prompt: &str, negative: &str) -> (String, Option<String>) {
        (prompt.to_owned(), Some(negative.to_owned()))
    }

    #[test]
    fn quoted_values_keep_their_commas_and_garbage_is_passed_over() {
        let line = r#"Steps: 20, Lora hashes: "a: 1, b: 2", {"type":"x"}, : , Model: "broken, x: 1, Size: 8x8, Tail"#;
        let expected = [("Steps", "20"), ("Lora hashes", "a: 1, b: 2"), ("Model", "\"broken"), ("Size", "8x8")];
        let read = pairs(line);
        for (key, value) in expected {
            assert!(read.contains(&(key.to_owned(), value.to_owned())), "{key}: {read:?}");
        }
    }

    #[test]
    fn lines_after_the_settings_belong_to_no_prompt() {
        let templates = ["Template: {a|b} fox\nin {snow|rain}", "Negative Template: xx: a, yy: b, zz: c", "\nnotes"];
        for template in templates {
            for end in ["\n", "\r\n", "\r"] {
                let text =
                    format!("a fox in snow\nNegative prompt: blurry\n{PAIRS}\n{template}\n\n").replace('\n', end);
                assert_eq!(prompts(&text), both("a fox in snow", "blurry"), "{text:?}");
                assert_eq!(parts(&text).rest, template.trim());
                let text = format!("a fox\n{PAIRS}\n{template}").replace('\n', end);
                assert_eq!(prompts(&text), ("a fox".to_owned(), None), "{text:?}");
            }
        }
    }

    #[test]
    fn settings_on_several_lines_are_read_together() {
        for (at, separator) in [(", ", ",\n"), (", ", "\n"), (", Seed", "\nSeed")] {
            let wrapped = format!("a fox\nNegative prompt: blurry\n{}", PAIRS.replace(at, separator));
            assert_eq!(prompts(&wrapped), both("a fox", "blurry"), "{wrapped:?}");
        }
    }

    #[test]
    fn a_prompt_of_several_lines_may_look_like_settings() {
        let prompt =
            "Size: huge, Model: a woman, Seed: of doubt,\n  Steps: few,\n\nten steps: one, two: three, four: five";
        assert_eq!(prompts(&format!("{prompt}\nNegative prompt: x\ny\n{PAIRS}")), both(prompt, "x\ny"));
        let copied = format!("a fox\n{PAIRS}");
        assert_eq!(prompts(&format!("{copied}\nNegative prompt: x\n{PAIRS}")), both(&copied, "x"));
    }

    #[test]
    fn everything_on_one_line_is_told_apart() {
        for (joint, end) in [(".", "."), (". ", "."), (", ", ","), (" ", ""), ("\n", "\n")] {
            let text = format!("a fox, photo{joint}Negative prompt: blurry, ugly{end}{PAIRS}");
            // Without anything between them, the last word would be longer.
            let text = if end.is_empty() { text.replace("Steps", " Steps") } else { text };
            assert_eq!(prompts(&text), both("a fox, photo", "blurry, ugly"), "{text:?}");
        }
        assert_eq!(prompts(&format!("a fox.{PAIRS}")), ("a fox".to_owned(), None));
    }

    #[test]
    fn labels_are_read_in_any_case_and_with_a_colon_of_any_width() {
        for label in ["Negative Prompt:", "negative prompt :", "NEGATIVE PROMPT：", "Negative prompt："] {
            assert_eq!(prompts(&format!("a fox\n{label} blurry\n{PAIRS}")), both("a fox", "blurry"), "{label}");
        }
        assert_eq!(parts("a fox\nSTEPS: 20, sampler：Euler, cfg Scale: 7").value("CFG scale").as_deref(), Some("7"));
        let word = format!("a fox\nTheNegative prompt: x\n{PAIRS}");
        assert_eq!(prompts(&word), ("a fox\nTheNegative prompt: x".to_owned(), None));
    }

    #[test]
    fn zeros_and_blanks_at_the_ends_are_no_part_of_it() {
        let text = format!("\u{feff} a fox\n{PAIRS}\0\0 \n\0");
        assert_eq!((prompts(&text), parts(&text).rest), (("a fox".to_owned(), None), String::new()));
        assert_eq!(parts("\0 Steps: 20, Size: 512x512, Seed: 1\0").value("Seed").as_deref(), Some("1"));
    }

    #[test]
    fn an_empty_value_is_none() {
        let parts = parts("a.Negative prompt: b.Steps: 20, Sampler: , CFG scale: , Seed: , Model: ");
        assert_eq!((parts.prompt.as_str(), parts.negative_prompt.as_deref()), ("a", Some("b")));
        assert_eq!(
            ["Steps", "Sampler", "Seed", "Model"].map(|key| parts.value(key)),
            [Some("20".into()), None, None, None]
        );
    }
}
