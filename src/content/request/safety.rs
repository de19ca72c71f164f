//! The safety checker's place in a request, and what it found.

use serde::{Deserialize, Serialize};

/// What becomes of a picture that the model's safety checker flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SafetyMode {
    /// It isn't checked.
    Off,
    /// It is kept as it is and shown blurred until the user wants to see it.
    #[default]
    Blur,
    /// It is saved black, as Diffusers returns it.
    Block,
}

impl SafetyMode {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 3] = [Self::Off, Self::Blur, Self::Block];

    /// Its name, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Off => "Off",
            Self::Blur => "Blur",
            Self::Block => "Block",
        }
    }

    /// Whether a picture with this verdict is saved black.
    pub fn withholds(self, verdict: Option<&Verdict>) -> bool {
        self == Self::Block && verdict.is_some_and(|verdict| verdict.flagged)
    }
}

/// What the safety checker says of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether it is one that the checker would withhold.
    pub flagged: bool,
    /// The highest score among the concepts: above 0 a concept is seen. Diffusers rounds it to 3 decimals.
    pub score: f64,
}
