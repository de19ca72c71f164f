//! Which pictures are chosen, and where the keyboard is. No egui.
//!
//! Pictures are known by their paths, so that a choice stays with its pictures when others come and go; what is no
//! longer listed is no longer chosen, so that nothing unseen is deleted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::storage::gallery::listing::Item;

/// A move of the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    Left,
    Right,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

/// The shape of the grid in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// 1 or more.
    pub(crate) columns: usize,
    /// Whole rows that are seen at once, 1 or more.
    pub(crate) rows_seen: usize,
}

/// What is chosen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// Where the keyboard is: the picture, and its place in the listing.
    cursor: Option<(PathBuf, usize)>,
    /// Where it was before: what the picture under the cursor is compared with.
    previous: Option<PathBuf>,
    /// Where a range begins.
    anchor: Option<PathBuf>,
    chosen: BTreeSet<PathBuf>,
}

impl Selection {
    /// The place of the cursor in the listing.
    pub(crate) fn cursor(&self) -> Option<usize> {
        self.cursor.as_ref().map(|(_, at)| *at)
    }

    /// Whether a picture is chosen.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        self.chosen.contains(path)
    }

    /// How many are chosen.
    pub(crate) fn len(&self) -> usize {
        self.chosen.len()
    }

    /// Those that are chosen, in the order of the listing.
    pub(crate) fn chosen<'a>(&self, items: &'a [Arc<Item>]) -> Vec<&'a Arc<Item>> {
        match (&self.cursor, self.chosen.len()) {
            (_, 0) => Vec::new(),
            (Some((path, at)), 1) if self.chosen.contains(path) => items.get(*at).into_iter().collect(),
            _ => items.iter().filter(|item| self.chosen.contains(&item.path)).collect(),
        }
    }

    /// The two to compare: those that are chosen, or the one on the canvas with the one under the cursor, or the one
    /// that was under the cursor before with it.
    pub(crate) fn pair(&self, items: &[Arc<Item>], shown: Option<&Path>) -> Option<[PathBuf; 2]> {
        if self.chosen.len() == 2
            && let [first, second] = self.chosen(items)[..]
        {
            return Some([first.path.clone(), second.path.clone()]);
        }
        let (path, _) = self.cursor.as_ref()?;
        let others = [shown, self.previous.as_deref()];
        let other = others.into_iter().flatten().find(|other| *other != path.as_path())?;
        Some([other.to_owned(), path.clone()])
    }

    /// Chooses one picture alone.
    pub(crate) fn choose(&mut self, items: &[Arc<Item>], at: usize) {
        let Some(item) = items.get(at) else { return };
        self.chosen = [item.path.clone()].into();
        self.anchor = Some(item.path.clone());
        self.move_to(item, at);
    }

    /// Chooses a picture beside the others, or no longer.
    pub(crate) fn toggle(&mut self, items: &[Arc<Item>], at: usize) {
        let Some(item) = items.get(at) else { return };
        if !self.chosen.remove(&item.path) {
            self.chosen.insert(item.path.clone());
        }
        self.anchor = Some(item.path.clone());
        self.move_to(item, at);
    }

    /// Chooses everything from where the choice began.
    pub(crate) fn extend(&mut self, items: &[Arc<Item>], at: usize) {
        let Some(item) = items.get(at) else { return };
        let anchor = self.anchor.as_ref().and_then(|anchor| items.iter().position(|item| item.path == *anchor));
        let anchor = anchor.unwrap_or(at);
        let range = items.get(anchor.min(at)..=anchor.max(at)).unwrap_or_default();
        self.chosen = range.iter().map(|item| item.path.clone()).collect();
        self.move_to(item, at);
    }

    /// Chooses everything.
    pub(crate) fn choose_all(&mut self, items: &[Arc<Item>]) {
        self.chosen = items.iter().map(|item| item.path.clone()).collect();
    }

    /// Moves by the keyboard.
    pub(crate) fn step(&mut self, items: &[Arc<Item>], motion: Motion, shape: Shape, extends: bool) {
        let Some(last) = items.len().checked_sub(1) else { return };
        let Shape { columns, rows_seen } = shape;
        let at = self.cursor().unwrap_or(0).min(last);
        let to = match motion {
            Motion::Left => at.saturating_sub(1),
            Motion::Right => at + 1,
            Motion::Up => at.checked_sub(columns).unwrap_or(at),
            // From above a gap in the last row, to its end.
            Motion::Down if at / columns < last / columns => at + columns,
            Motion::Down => at,
            Motion::PageUp => at.checked_sub(columns * rows_seen).unwrap_or(at % columns),
            Motion::PageDown => at + columns * rows_seen,
            Motion::First => 0,
            Motion::Last => last,
        };
        let to = if self.cursor.is_some() { to.min(last) } else { at };
        if extends { self.extend(items, to) } else { self.choose(items, to) }
    }

    /// Goes on with another listing: what isn't in it is no longer chosen, and the cursor keeps its picture, or its
    /// place if that is gone.
    pub(crate) fn follow(&mut self, items: &[Arc<Item>]) {
        // One picture alone goes with the cursor.
        if self.chosen.len() > 1 || self.cursor.is_none() {
            let listed = items.iter().filter(|item| self.chosen.contains(&item.path));
            self.chosen = listed.map(|item| item.path.clone()).collect();
        }
        let Some((path, at)) = self.cursor.take() else { return };
        // As bytes: a path's own comparison takes ten times as long.
        if let Some(at) = items.iter().position(|item| item.path.as_os_str() == path.as_os_str()) {
            self.cursor = Some((path, at));
        } else if let Some(last) = items.len().checked_sub(1) {
            self.choose(items, at.min(last));
        } else {
            self.chosen.clear();
        }
    }

    fn move_to(&mut self, item: &Item, at: usize) {
        let before = self.cursor.replace((item.path.clone(), at));
        if let Some((path, _)) = before.filter(|(path, _)| *path != item.path) {
            self.previous = Some(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::panels::gallery::testing::items;

    const SHAPE: Shape = Shape { columns: 4, rows_seen: 2 };

    fn names(selection: &Selection, items: &[Arc<Item>]) -> Vec<String> {
        selection.chosen(items).iter().map(|item| item.name()).collect()
    }

    #[test]
    fn the_keyboard_moves_in_the_grid_and_stays_within() {
        let items = items(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        let mut selection = Selection::default();
        let mut go = |motion| {
            selection.step(&items, motion, SHAPE, false);
            selection.cursor().expect("a cursor")
        };
        assert_eq!(go(Motion::Right), 0, "the first move takes the first picture");
        assert_eq!([go(Motion::Left), go(Motion::Up), go(Motion::Right)], [0, 0, 1]);
        assert_eq!([go(Motion::Down), go(Motion::Down), go(Motion::Down)], [5, 9, 9]);
        assert_eq!([go(Motion::Right), go(Motion::PageUp), go(Motion::PageUp)], [9, 1, 1]);
        assert_eq!([go(Motion::Right), go(Motion::Right), go(Motion::Down), go(Motion::Down)], [2, 3, 7, 9]);
        assert_eq!([go(Motion::First), go(Motion::PageDown), go(Motion::PageDown)], [0, 8, 9]);
        assert_eq!([go(Motion::First), go(Motion::Last)], [0, 9]);
    }

    #[test]
    fn an_empty_gallery_has_nowhere_to_go() {
        let mut selection = Selection::default();
        for motion in [Motion::Left, Motion::Down, Motion::Last] {
            selection.step(&[], motion, SHAPE, true);
        }
        assert_eq!((selection.cursor(), selection.len()), (None, 0));
    }

    #[test]
    fn ranges_grow_from_where_they_began_and_single_pictures_come_and_go() {
        let items = items(&["0", "1", "2", "3", "4"]);
        let mut selection = Selection::default();
        selection.choose(&items, 3);
        selection.extend(&items, 1);
        assert_eq!(names(&selection, &items), ["1", "2", "3"]);
        selection.step(&items, Motion::Last, SHAPE, true);
        assert_eq!(names(&selection, &items), ["3", "4"]);
        selection.toggle(&items, 0);
        selection.toggle(&items, 3);
        assert_eq!(names(&selection, &items), ["0", "4"]);
        selection.choose_all(&items);
        assert_eq!(selection.len(), 5);
    }

    #[test]
    fn a_choice_stays_with_its_pictures_when_others_come() {
        let mut selection = Selection::default();
        selection.choose(&items(&["a", "b"]), 1);
        let more = items(&["new", "a", "b"]);
        selection.follow(&more);
        assert_eq!((selection.cursor(), names(&selection, &more)), (Some(2), vec!["b".to_owned()]));
    }

    #[test]
    fn what_is_no_longer_listed_is_no_longer_chosen_and_its_neighbour_is() {
        let before = items(&["a", "b", "c"]);
        let mut selection = Selection::default();
        selection.choose(&before, 1);
        let after = items(&["a", "c"]);
        selection.follow(&after);
        assert_eq!(names(&selection, &after), ["c"]);
        selection.choose_all(&after);
        let rest = items(&["a"]);
        selection.follow(&rest);
        assert_eq!(names(&selection, &rest), ["a"]);
        selection.follow(&[]);
        assert_eq!((selection.cursor(), selection.len()), (None, 0));
    }

    #[test]
    fn two_chosen_pictures_are_compared_or_the_one_here_with_that_on_the_canvas_or_the_one_before() {
        let items = items(&["a", "b", "c"]);
        let paths = |selection: &Selection, shown: Option<&str>| {
            let pair = selection.pair(&items, shown.map(Path::new));
            pair.map(|pair| pair.map(|path| path.display().to_string()))
        };
        let mut selection = Selection::default();
        assert_eq!(paths(&selection, Some("x")), None);
        selection.choose(&items, 2);
        assert_eq!(paths(&selection, None), None);
        assert_eq!(paths(&selection, Some("c")), None);
        assert_eq!(paths(&selection, Some("x")), Some(["x".to_owned(), "c".to_owned()]));
        selection.choose(&items, 0);
        assert_eq!(paths(&selection, Some("a")), Some(["c".to_owned(), "a".to_owned()]));
        selection.toggle(&items, 1);
        assert_eq!(paths(&selection, Some("x")), Some(["a".to_owned(), "b".to_owned()]));
    }
}
