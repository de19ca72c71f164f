//! What files of pictures are called: a pattern of the user's, filled in from the recipe.
//!
//! Whatever the pattern and the prompt say, the result is one plain file name that every file system takes.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::content::request::Recipe;

/// The most bytes of a name without its ending: file systems end names at 255, and a collision adds a number.
const LONGEST: usize = 200;

/// The most bytes that the prompt takes of a name.
const LONGEST_PROMPT: usize = 60;

/// Where a pattern has the picture's number.
const NUMBER: &str = "{number}";

/// A file name with `{number}`, `{seed}`, `{prompt}`, `{model}`, `{sampler}`, `{width}` and `{height}` to be filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NamePattern(pub String);

impl Default for NamePattern {
    /// `00001-42-a-red-heart`.
    fn default() -> Self {
        Self("{number}-{seed}-{prompt}".to_owned())
    }
}

impl NamePattern {
    /// The name of a picture, without its ending. It begins with the number where the pattern doesn't say `{number}`, or says it too
    /// far behind for a name to hold it: names have to differ.
    pub fn fill(&self, number: u64, recipe: &Recipe) -> String {
        let values = values(number, recipe);
        let is_held = |before: &str| replaced(before, &values).len() + digits(number).len() <= LONGEST;
        let mut name = match self.0.split_once(NUMBER) {
            Some((before, _)) if is_held(before) => replaced(&self.0, &values),
            _ => replaced(&format!("{NUMBER}-{}", self.0.replace(NUMBER, "")), &values),
        };
        name.truncate(name.floor_char_boundary(LONGEST));
        // Values may be empty, and a name that begins with a dot is hidden.
        let trimmed = name.trim_matches(|c: char| c.is_whitespace() || "-_. ".contains(c));
        if trimmed.is_empty() { digits(number) } else { trimmed.to_owned() }
    }
}

/// The number of a picture as its name has it.
fn digits(number: u64) -> String {
    format!("{number:05}")
}

/// What a pattern can say, and what is put in its place.
fn values(number: u64, recipe: &Recipe) -> [(&'static str, String); 7] {
    let request = &recipe.request;
    [
        (NUMBER, digits(number)),
        ("{seed}", request.seeds.first.to_string()),
        ("{prompt}", slug(&request.prompts.prompt, LONGEST_PROMPT)),
        ("{model}", slug(recipe.model.rsplit(['/', '\\']).next().unwrap_or_default(), LONGEST_PROMPT)),
        ("{sampler}", request.sampling.scheduler.map_or(String::new(), |kind| kind.name().to_owned())),
        ("{width}", request.size.width.to_string()),
        ("{height}", request.size.height.to_string()),
    ]
}

/// A pattern with its values, and without what separates folders or what Windows takes in no name.
fn replaced(pattern: &str, values: &[(&str, String)]) -> String {
    let (mut name, mut rest) = (String::new(), pattern);
    while let Some(first) = rest.chars().next() {
        if let Some((key, value)) = values.iter().find(|(key, _)| rest.starts_with(key)) {
            name.push_str(value);
            rest = &rest[key.len()..];
        } else {
            name.push(if first.is_control() || "/\\:*?\"<>|".contains(first) { '-' } else { first });
            rest = &rest[first.len_utf8()..];
        }
    }
    name
}

/// Words as part of a file name: small letters and digits of any script with their marks, joined by hyphens.
///
/// It ends before a word that is too long for it. A word that is too long for any name is cut between two letters: scripts
/// without spaces have such words.
fn slug(text: &str, longest: usize) -> String {
    let mut slug = String::new();
    let letters: Vec<&str> = text.graphemes(true).collect();
    for word in letters.split(|letter| !letter.starts_with(char::is_alphanumeric)).filter(|word| !word.is_empty()) {
        let word: Vec<String> = word.iter().map(|letter| small(letter)).collect();
        let joint = if slug.is_empty() { "" } else { "-" };
        let length: usize = word.iter().map(String::len).sum();
        let room = longest.saturating_sub(slug.len() + joint.len());
        if length <= room {
            slug.push_str(joint);
            slug.extend(word);
            continue;
        }
        if length > longest {
            let mut left = room;
            let fits = |letter: &String| left.checked_sub(letter.len()).map(|rest| left = rest).is_some();
            let start: String = word.into_iter().take_while(fits).collect();
            if !start.is_empty() {
                slug.push_str(joint);
                slug.push_str(&start);
            }
        }
        break;
    }
    slug
}

/// A letter with its marks as a small one, with no more marks than any language has.
fn small(letter: &str) -> String {
    const MOST_BYTES: usize = 24;
    letter.get(..letter.floor_char_boundary(MOST_BYTES)).unwrap_or(letter).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::{Guidance, Prompts, Request, Sampling, Seeds, Size};

    fn recipe(prompt: &str) -> Recipe {
        let request = Request {
            prompts: Prompts::new(prompt),
            sampling: Sampling { steps: 20, ..Sampling::default() },
            guidance: Guidance { scale: 4.0, ..Guidance::default() },
            seeds: Seeds::one(42),
            size: Size::new(64, 96),
            ..Request::default()
        };
        Recipe::of_picture(&request, 0, "/models/sd 1.5")
    }

    fn filled(pattern: &str, prompt: &str) -> String {
        NamePattern(pattern.to_owned()).fill(7, &recipe(prompt))
    }

    #[test]
    fn a_pattern_is_filled_in() {
        assert_eq!(NamePattern::default().fill(7, &recipe("A red heart!")), "00007-42-a-red-heart");
        assert_eq!(filled("{prompt} {width}x{height} {model} {number}", "Fox"), "fox 64x96 sd-1-5 00007");
        assert_eq!(filled("{seed}", "x"), "00007-42", "names have to differ");
        assert_eq!(filled("{number}-{prompt}-{sampler}", ""), "00007");
    }

    #[test]
    fn letters_keep_their_marks_and_words_of_any_length_are_in_the_name() {
        let prompt = |text: &str| slug(text, LONGEST_PROMPT);
        let cat = "\u{e41}\u{e21}\u{e27}\u{e19}\u{e49}\u{e33}";
        for word in [cat, "cafe\u{301}", "हिन्दी", "مَرحبا", "猫が"] {
            assert_eq!(prompt(&format!("{word}, {word}!")), format!("{word}-{word}"));
        }
        assert_eq!(prompt(&"猫".repeat(28)), "猫".repeat(20));
        assert_eq!(prompt(&format!("猫，{}", "犬".repeat(28))), format!("猫-{}", "犬".repeat(18)));
        assert_eq!(prompt(&"x".repeat(300)), "x".repeat(LONGEST_PROMPT));
        assert_eq!(prompt(&"e\u{301}".repeat(100)), "e\u{301}".repeat(20), "no mark is cut off its letter");
        assert_eq!(prompt(&format!("a{} b", "\u{301}".repeat(900))), format!("a{}-b", "\u{301}".repeat(11)));
        assert_eq!(prompt("one two three four five six seven eight nine ten eleven twelve thirteen").len(), 55);
        assert_eq!((prompt("🦊👩‍👩‍👧"), prompt("\u{202e}fox")), (String::new(), "fox".to_owned()));
    }

    #[test]
    fn no_pattern_and_no_prompt_leaves_its_folder_or_is_no_name() {
        for pattern in
            ["../../{number}", "/etc/{prompt}", "C:\\{prompt}", "\0{number}\n", "", "...", "{number}{", "猫{number}"]
        {
            for prompt in ["", "../..", "a/b\\c:d", &"long ".repeat(100), &"猫".repeat(300)] {
                let name = filled(pattern, prompt);
                assert!(!name.is_empty() && name.len() <= LONGEST, "{name}");
                assert!(!name.contains(['/', '\\', ':', '\0', '\n']) && !name.starts_with('.'), "{name}");
            }
        }
        assert!(filled(&"x".repeat(500), "a").len() <= LONGEST);
    }

    #[test]
    fn names_differ_where_the_number_stands_behind_more_than_a_name_holds() {
        for before in ["x".repeat(195), "猫".repeat(70), "{prompt}".repeat(4)] {
            let pattern = NamePattern(format!("{before}-{{number}}"));
            let name = |number| pattern.fill(number, &recipe(&"long".repeat(20)));
            assert_ne!(name(7), name(8), "{before}");
            assert!(name(7).starts_with("00007-") && name(7).len() <= LONGEST, "{}", name(7));
        }
        assert_eq!(filled(&format!("{}{{number}}", "x".repeat(195)), ""), format!("{}00007", "x".repeat(195)));
    }
}
