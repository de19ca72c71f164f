//! Finding pictures by words.
//!
//! Every word must occur somewhere in the prompt, the negative prompt, the model or the sampler's label, in whatever
//! case, whichever app drew it; a picture that says nothing is found by its file's name. Words are found inside others too: `fox` finds
//! `foxes`.

use std::sync::Arc;

use crate::storage::gallery::item::Item;

/// What to look for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Words, divided by spaces; none fits everything.
    pub words: String,
    /// Only what the user marked.
    pub favourites_only: bool,
}

impl Query {
    /// Whether everything fits.
    pub fn is_empty(&self) -> bool {
        !self.favourites_only && self.words.trim().is_empty()
    }

    /// Those that fit, in their order.
    pub(super) fn filter(&self, items: &[Arc<Item>]) -> Vec<Arc<Item>> {
        if self.is_empty() {
            return items.to_vec();
        }
        let words = self.words.to_lowercase();
        let words: Vec<_> = words.split_whitespace().collect();
        let fits = |item: &&Arc<Item>| {
            (item.favourite || !self.favourites_only) && words.iter().all(|word| item.haystack.contains(word))
        };
        items.iter().filter(fits).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::content::request::Recipe;
    use crate::storage::gallery::listing::Folder;
    use crate::storage::gallery::testing::{foreign_file, png_file, recipe};

    /// The names of the pictures that fit.
    fn found(words: &str) -> Vec<String> {
        let temporary = tempfile::tempdir().expect("a folder");
        let write = |name: &str, recipe: Option<&Recipe>| {
            std::fs::write(temporary.path().join(name), png_file(8, 8, recipe)).expect("written");
        };
        let mut fox = recipe("A red FOX, jumping\nover a hen");
        fox.model = "models/Landscape-v2".into();
        write("fox.png", Some(&fox));
        write("owl.png", Some(&recipe("eine Eule im ÄTHER")));
        write("Holiday photo.png", None);
        std::fs::write(temporary.path().join("castle.png"), foreign_file()).expect("written");
        let mut folder = Folder::open(temporary.path().to_owned(), Path::new("/nowhere"));
        folder.scan().expect("a folder");
        while folder.unread() > 0 {
            folder.read_some(std::time::Duration::from_secs(10));
        }
        let query = Query { words: words.into(), favourites_only: false };
        let mut names: Vec<_> = folder.listing(&query).items.iter().map(|item| item.name()).collect();
        names.sort();
        names
    }

    #[test]
    fn every_word_must_occur_in_whatever_case_and_order() {
        assert_eq!(found("hen Fox"), ["fox.png"]);
        assert_eq!(found("fox owl"), [""; 0]);
        assert_eq!(found("äther"), ["owl.png"]);
        assert_eq!(found("fo jump"), ["fox.png"]);
        assert_eq!(found("  ").len(), 4);
    }

    #[test]
    fn negative_prompt_model_and_sampler_are_looked_through() {
        assert_eq!(found("blurry"), ["fox.png", "owl.png"]);
        assert_eq!(found("landscape"), ["fox.png"]);
        assert_eq!(found("euler a fox"), ["fox.png"]);
    }

    #[test]
    fn a_picture_without_a_recipe_is_found_by_its_name_and_no_other_is() {
        assert_eq!(found("holiday"), ["Holiday photo.png"]);
        assert_eq!(found("fox.png"), [""; 0]);
    }

    #[test]
    fn pictures_of_other_apps_are_found_by_what_they_say() {
        for words in ["castle", "v1-5 ddim", "automatic1111"] {
            assert_eq!(found(words), ["castle.png"], "{words}");
        }
    }
}
