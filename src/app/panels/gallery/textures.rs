//! The thumbnails that are in the GPU's memory: those seen last, within a limit.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use egui::{ColorImage, Context, TextureHandle, TextureOptions};

use crate::base::error::Result;
use crate::storage::gallery::listing::Item;

/// What the textures may take: more than a 4K screen full of thumbnails.
const LIMIT_BYTES: usize = 128 << 20;

/// The thumbnails at hand.
#[derive(Default)]
pub(crate) struct Textures {
    held: HashMap<PathBuf, Held>,
    bytes: usize,
    /// What the librarian was asked for, and of which time the picture was.
    wanted: HashMap<PathBuf, SystemTime>,
    /// Frames drawn so far.
    frame: u64,
}

struct Held {
    modified: SystemTime,
    texture: Result<TextureHandle>,
    bytes: usize,
    /// The frame that showed it last.
    seen: u64,
}

impl Textures {
    /// A picture's thumbnail or why there is none; `None` if it isn't here yet. An outdated one has to do meanwhile.
    pub(crate) fn see(&mut self, path: &Path) -> Option<&Result<TextureHandle>> {
        let held = self.held.get_mut(path)?;
        held.seen = self.frame;
        Some(&held.texture)
    }

    /// Whether there is a thumbnail of the picture as it is now.
    pub(crate) fn is_fresh(&self, item: &Item) -> bool {
        self.held.get(&item.path).is_some_and(|held| held.modified == item.modified)
    }

    /// What to ask the librarian for, now that these are missing; `None` if that was asked for already.
    pub(crate) fn ask<'a>(&mut self, missing: impl Iterator<Item = &'a Item> + Clone) -> Option<Vec<PathBuf>> {
        if missing.clone().all(|item| self.wanted.get(&item.path) == Some(&item.modified)) {
            return None;
        }
        self.wanted = missing.clone().map(|item| (item.path.clone(), item.modified)).collect();
        Some(missing.map(|item| item.path.clone()).collect())
    }

    /// Takes a thumbnail that was asked for. One that no longer is may have become outdated.
    pub(crate) fn put(&mut self, ctx: &Context, path: &Path, image: &Result<ColorImage>) {
        let Some(modified) = self.wanted.remove(path) else { return };
        let bytes = image.as_ref().map_or(0, |image| image.pixels.len() * 4);
        let texture = match image {
            Ok(image) => Ok(ctx.load_texture("thumbnail", image.clone(), TextureOptions::LINEAR)),
            Err(error) => Err(error.clone()),
        };
        self.bytes += bytes;
        let before = self.held.insert(path.to_owned(), Held { modified, texture, bytes, seen: self.frame });
        self.bytes -= before.map_or(0, |held| held.bytes);
    }

    /// Forgets one, which looks different now.
    pub(crate) fn forget(&mut self, path: &Path) {
        if let Some(held) = self.held.remove(path) {
            self.bytes = self.bytes.saturating_sub(held.bytes);
        }
        self.wanted.remove(path);
    }

    /// Forgets what couldn't be made: the folder was away, and is back.
    pub(crate) fn forget_failures(&mut self) {
        self.held.retain(|_, held| held.texture.is_ok());
        self.wanted.clear();
    }

    /// Ends a frame: lets go of what was seen longest ago if there is too much.
    pub(crate) fn end_frame(&mut self) {
        self.frame += 1;
        if self.bytes <= LIMIT_BYTES {
            return;
        }
        let mut oldest: Vec<_> = self.held.iter().map(|(path, held)| (held.seen, path.clone())).collect();
        oldest.sort_unstable();
        for (seen, path) in oldest {
            if self.bytes <= LIMIT_BYTES / 4 * 3 || seen + 1 >= self.frame {
                break;
            }
            self.bytes -= self.held.remove(&path).map_or(0, |held| held.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use egui::Color32;

    use super::*;
    use crate::app::panels::gallery::testing::items;
    use crate::base::error::Error;

    fn image() -> ColorImage {
        ColorImage::filled([256, 256], Color32::RED)
    }

    #[test]
    fn the_same_is_not_asked_for_twice() {
        let items = items(&["a", "b", "c"]);
        let (ctx, mut textures) = (Context::default(), Textures::default());
        let ask = |textures: &mut Textures, range: std::ops::Range<usize>| {
            let missing = items[range].iter().map(|item| &**item).filter(|item| item.name() != "gone");
            textures.ask(missing).map(|paths| paths.len())
        };
        assert_eq!(ask(&mut textures, 0..2), Some(2));
        assert_eq!(ask(&mut textures, 0..2), None);
        textures.put(&ctx, &items[0].path, &Ok(image()));
        assert_eq!(ask(&mut textures, 1..2), None, "the rest is under way");
        assert_eq!(ask(&mut textures, 1..3), Some(2));
        assert_eq!(ask(&mut textures, 0..0), None);
    }

    #[test]
    fn an_outdated_thumbnail_stays_until_the_next_is_here() {
        let mut items = items(&["a"]);
        let (ctx, mut textures) = (Context::default(), Textures::default());
        textures.ask(std::iter::once(&*items[0]));
        textures.put(&ctx, &items[0].path, &Ok(image()));
        assert!(textures.is_fresh(&items[0]));
        std::sync::Arc::make_mut(&mut items[0]).modified += std::time::Duration::from_secs(1);
        assert!(!textures.is_fresh(&items[0]));
        assert!(textures.see(&items[0].path).is_some());
        assert!(textures.ask(std::iter::once(&*items[0])).is_some());
        textures.put(&ctx, &items[0].path, &Err(Error::new("broken")));
        assert!(textures.is_fresh(&items[0]));
        assert!(textures.see(&items[0].path).is_some_and(Result::is_err));
        assert_eq!(textures.bytes, 0);
    }

    #[test]
    fn memory_stays_bounded_and_what_is_seen_stays() {
        let names: Vec<_> = (0..2000).map(|k| k.to_string()).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let items = items(&names);
        let (ctx, mut textures) = (Context::default(), Textures::default());
        for page in items.chunks(50) {
            textures.see(&items[0].path);
            textures.ask(page.iter().map(|item| &**item));
            for item in page {
                textures.put(&ctx, &item.path, &Ok(image()));
            }
            textures.end_frame();
            assert!(textures.bytes <= LIMIT_BYTES);
        }
        assert!(textures.is_fresh(&items[0]), "it was seen in every frame");
        assert!(!textures.is_fresh(&items[60]));
        assert!(textures.is_fresh(&items[1999]));
        assert!(ctx.tex_manager().read().num_allocated() < 600, "and the GPU's memory is given back");
    }
}
