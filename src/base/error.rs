//! The one error type of the library: a headline, what caused it, and what to do about it.
//!
//! Every failure ends up in front of a person, so an [`Error`] is written for one. Code that has to act on a
//! failure (rather than show it) gets a type of its own where it is raised.

use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in words for the user. Cheap to clone, so that an event can carry it.
#[derive(Clone, Debug)]
pub struct Error {
    headline: String,
    advice: Option<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// The longest headline, cause or advice, in letters. Whatever a damaged file holds may be quoted in one.
const LONGEST_PART: usize = 500;

impl Error {
    /// An error that says what is wrong: message first, the path it is about last. What a file put into it is made one line of readable length.
    pub fn new(headline: impl Into<String>) -> Self {
        Self { headline: readable(headline.into()), advice: None, source: None }
    }

    /// Says in front of the headline what the error is about.
    #[must_use]
    pub fn about(mut self, what: impl fmt::Display) -> Self {
        self.headline = format!("{what}: {}", self.headline);
        self
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(readable(advice.into()));
        self
    }

    /// Adds the lower-level error that caused this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// What is wrong, without causes and advice.
    pub fn headline(&self) -> &str {
        &self.headline
    }

    /// What is wrong as a sentence, with a capital at its beginning.
    pub fn sentence(&self) -> String {
        let mut letters = self.headline.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
    }

    /// What to do about it, if there is something to do.
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// The causes, outermost first.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            // One of ours writes its own causes, too, and they come next.
            let text = match cause.downcast_ref::<Self>() {
                Some(Self { headline, advice: None, .. }) => headline.clone(),
                Some(Self { headline, advice: Some(advice), .. }) => format!("{headline}. {advice}"),
                None => cause.to_string(),
            };
            causes.push(readable(text));
            next = cause.source();
        }
        causes
    }
}

/// Makes one line of a text, without control characters, and leaves out the middle of one that nobody would read to its end.
fn readable(text: String) -> String {
    let mut line = text;
    if line.chars().any(char::is_control) {
        let words = line.split(|letter: char| letter.is_control() || letter == ' ').filter(|word| !word.is_empty());
        line = words.collect::<Vec<_>>().join(" ");
    }
    let letters = line.chars().count();
    if letters > LONGEST_PART {
        let half = LONGEST_PART / 2;
        let begin: String = line.chars().take(half).collect();
        let end: String = line.chars().skip(letters - half).collect();
        line = format!("{begin} … {end}");
    }
    line
}

impl fmt::Display for Error {
    /// One line: the headline, its causes, then the advice.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline)?;
        for cause in self.causes() {
            write!(f, ": {cause}")?;
        }
        if let Some(advice) = &self.advice {
            write!(f, ". {advice}")?;
        }
        Ok(())
    }
}

impl Serialize for Error {
    /// Its headline, causes and advice.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Error", 3)?;
        fields.serialize_field("headline", &self.headline)?;
        fields.serialize_field("causes", &self.causes())?;
        fields.serialize_field("advice", &self.advice)?;
        fields.end()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_quotes_a_damaged_file_is_one_line() {
        let error = Error::new("a.yaml is no config:\n  --> <input>\0\n")
            .caused_by(Error::new("expected 3\n"))
            .advise("See\tline 2");
        assert_eq!(error.to_string(), "a.yaml is no config: --> <input>: expected 3. See line 2");
    }

    #[test]
    fn a_headline_becomes_a_sentence_with_a_capital() {
        assert_eq!(["the disk", "", "ö"].map(|headline| Error::new(headline).sentence()), ["The disk", "", "Ö"]);
    }

    #[test]
    fn each_cause_is_said_once() {
        let inner = Error::new("no folder").caused_by(std::io::Error::other("read-only")).advise("Choose another");
        let error = Error::new("nothing is kept").caused_by(inner);
        assert_eq!(error.to_string(), "nothing is kept: no folder. Choose another: read-only");
        assert_eq!(error.causes(), ["no folder. Choose another", "read-only"]);
    }

    #[test]
    fn the_middle_of_a_very_long_message_is_left_out() {
        let error = Error::new(format!("invalid type: {}, expected a number", "\u{e9}".repeat(100_000)));
        let message = error.to_string();
        assert!(message.starts_with("invalid type: \u{e9}") && message.ends_with(", expected a number"), "{message}");
        assert!(message.chars().count() <= LONGEST_PART + 3);
        let path = format!("Can't read {}", "/folder".repeat(60));
        assert_eq!(Error::new(path.clone()).to_string(), path, "a long path is left whole");
    }
}
