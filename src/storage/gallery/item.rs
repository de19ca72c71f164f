//! A picture of the folder, as its file's header describes it.

use std::cmp::{Ordering, Reverse};
use std::path::PathBuf;
use std::time::SystemTime;

use crate::content::request::Recipe;
use crate::storage::gallery::header::{Foreign, Header};
use crate::storage::gallery::stamp::Stamp;

/// A picture of the folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The file.
    pub path: PathBuf,
    /// When it last changed.
    pub modified: SystemTime,
    /// Its length.
    pub bytes: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// What drew it, if the file says so in our own words.
    pub recipe: Option<Recipe>,
    /// What drew it, in another app's words.
    pub foreign: Option<Foreign>,
    /// Whether the user marked it.
    pub favourite: bool,
    /// What a search looks through.
    pub(super) haystack: Box<str>,
    /// The number that the name begins with, which tells the order of pictures saved within one tick of the clock.
    number: u64,
}

impl Item {
    pub(super) fn new(path: PathBuf, stamp: Stamp, header: Header, favourite: bool) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = name.split_once('-').and_then(|(number, _)| number.parse().ok()).unwrap_or(0);
        let haystack = haystack(&header, &name);
        let Header { width, height, recipe, foreign } = header;
        let (modified, bytes) = (stamp.modified(), stamp.bytes);
        Self { path, modified, bytes, width, height, recipe, foreign, favourite, haystack, number }
    }

    /// What it was to show, whoever drew it.
    pub fn prompt(&self) -> Option<&str> {
        let own = self.recipe.as_ref().map(|recipe| &*recipe.request.prompts.prompt);
        own.or_else(|| self.foreign.as_ref().map(|foreign| &*foreign.prompt))
    }

    /// The file's name, with signs in place of what is no text.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(super) fn newest_first(&self, other: &Self) -> Ordering {
        let key = |item: &Self| Reverse((item.modified, item.number));
        key(self).cmp(&key(other)).then_with(|| self.path.cmp(&other.path))
    }
}

/// What is looked through for a picture: its words in small letters. Lines keep a word from reaching across.
fn haystack(header: &Header, name: &str) -> Box<str> {
    let text = match header {
        Header { recipe: Some(Recipe { request, model, .. }), .. } => {
            let sampler = request.sampling.scheduler.map_or("", |kind| kind.label());
            [&*request.prompts.prompt, &*request.prompts.negative_prompt, model, sampler].join("\n")
        }
        Header { foreign: Some(Foreign { app, prompt, negative_prompt, model, sampler }), .. } => {
            [&**prompt, negative_prompt, model, sampler, app].join("\n")
        }
        _ => name.to_owned(),
    };
    text.to_lowercase().into_boxed_str()
}
