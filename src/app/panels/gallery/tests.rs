//! The gallery's window driven by the names of its parts, on real files and a real librarian.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use egui::{Key, Modifiers, Role};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::app::action::GalleryAction;
use crate::app::librarian::{Librarian, LibrarianNews, spawn};
use crate::app::panels::gallery::panel::pictures_ui;
use crate::app::panels::gallery::state::{Gallery, GalleryView};
use crate::app::panels::gallery::testing::items;
use crate::app::stage::compare::{self, Compared};
use crate::base::error::Error;
use crate::content::request::{Field, Patch};
use crate::session::GalleryNews;
use crate::session::gallery::GalleryDesk;
use crate::storage::gallery::listing::Listing;
use crate::storage::gallery::testing::{foreign_file, png_file, recipe};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);

struct Window {
    temporary: tempfile::TempDir,
    gallery: Gallery,
    compared: Option<Compared>,
    view: GalleryView,
    librarian: Librarian,
    desk: GalleryDesk,
    actions: Vec<GalleryAction>,
}

impl Window {
    fn ui(&mut self, ui: &mut egui::Ui) {
        while let Some(news) = self.librarian.news() {
            self.gallery.hear(ui.ctx(), &news);
            if let (LibrarianNews::Comparison { paths, comparison }, Some(compared)) = (&news, &mut self.compared) {
                compared.put(ui.ctx(), paths, comparison);
            }
        }
        while let Some(news) = self.desk.news() {
            self.gallery.hear_folder(&news);
        }
        if self.compared.is_some() {
            compare::ui(ui, &mut self.compared);
        } else {
            let Self { gallery, view, librarian, .. } = self;
            for action in pictures_ui(ui, gallery, view, librarian, None) {
                match action {
                    GalleryAction::Search(query) => self.desk.search(query),
                    other => self.actions.push(other),
                }
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temporary.path().join("pictures").join(name)
    }
}

/// A window on a folder with a picture for each prompt, the first the newest.
fn window(prompts: &[&str]) -> Harness<'static, Window> {
    let temporary = tempfile::tempdir().expect("a folder");
    fs::create_dir(temporary.path().join("pictures")).expect("a folder");
    let librarian = spawn(temporary.path().join("cache"), Arc::new(|| {})).expect("threads");
    let desk = GalleryDesk::spawn(temporary.path().join("cache"), Arc::new(|| {})).expect("a thread");
    let (gallery, view, actions) = (Gallery::default(), GalleryView::default(), Vec::new());
    let window = Window { temporary, gallery, compared: None, view, librarian, desk, actions };
    for (at, prompt) in prompts.iter().enumerate() {
        let path = window.path(&format!("{at}.png"));
        fs::write(&path, png_file(64, 64, Some(&recipe(prompt)))).expect("written");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 - at as u64);
        fs::File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("a time");
    }
    window.desk.watch(window.path(""));
    let builder = Harness::builder().with_size([700.0, 500.0]);
    let mut harness = builder.build_ui_state(|ui, window: &mut Window| window.ui(ui), window);
    if !prompts.is_empty() {
        until(&mut harness, |harness| harness.state().gallery.listing.total == prompts.len());
    }
    harness
}

/// Draws frames until something is so.
fn until(harness: &mut Harness<'static, Window>, is_so: impl Fn(&Harness<'static, Window>) -> bool) {
    let end = Instant::now() + DEADLINE;
    loop {
        harness.run();
        if is_so(harness) {
            return;
        }
        assert!(Instant::now() < end, "it isn't so within the deadline: {:?}", names(harness));
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What the pictures that are laid out are called.
fn names(harness: &Harness<'static, Window>) -> Vec<String> {
    let cells = harness.query_all_by_role(Role::ListBoxOption);
    cells.map(|cell| cell.accesskit_node().label().expect("a name")).collect()
}

/// Puts the keyboard on the first picture.
fn focus_first(harness: &mut Harness<'static, Window>) {
    harness.query_all_by_role(Role::ListBoxOption).next().expect("a picture").focus();
    harness.run();
}

fn press(harness: &mut Harness<'static, Window>, key: Key) {
    harness.key_press(key);
    harness.run();
}

/// What the user wanted done since the last time.
fn actions(harness: &mut Harness<'static, Window>) -> Vec<GalleryAction> {
    std::mem::take(&mut harness.state_mut().actions)
}

#[test]
fn pictures_are_named_by_their_prompts_and_a_click_shows_one() {
    let mut harness = window(&["a red fox", "a hen\nin two lines"]);
    assert_eq!(names(&harness), ["a red fox, picture 1 of 2", "a hen in two lines, picture 2 of 2"]);
    harness.get_by_label_contains("a hen in").click();
    harness.run();
    let (path, name) = (harness.state().path("1.png"), "a hen in two lines".to_owned());
    assert_eq!(actions(&mut harness), [GalleryAction::Show { path, name }]);
    assert!(harness.query_by_label("2 pictures").is_some());
}

#[test]
fn the_search_box_finds_words_and_is_cleared() {
    let mut harness = window(&["a red fox", "a hen"]);
    harness.get_by_label("Search pictures").focus();
    harness.run();
    harness.get_by_label("Search pictures").type_text("FOX");
    until(&mut harness, |harness| names(harness) == ["a red fox, picture 1 of 1"]);
    assert!(harness.query_by_label("1 of 2 pictures").is_some());
    press(&mut harness, Key::Enter);
    assert!(harness.get_by_label("a red fox, picture 1 of 1").is_focused());
    harness.get_by_label("Search pictures").focus();
    harness.run();
    harness.get_by_label("Search pictures").type_text("es");
    until(&mut harness, |harness| harness.query_by_label("No picture fits").is_some());
    harness.get_by_label("Show all").click();
    until(&mut harness, |harness| names(harness).len() == 2);
    assert!(harness.query_by_label("Clear").is_none());
}

#[test]
fn favourites_are_told_by_a_word_and_filtered_by() {
    let mut harness = window(&["a red fox", "a hen"]);
    let path = harness.state().path("1.png");
    harness.state_mut().desk.set_favourite(vec![path], true).expect("room");
    until(&mut harness, |harness| names(harness)[1] == "a hen, picture 2 of 2, favourite");
    harness.get_by_label("Favourites").click();
    until(&mut harness, |harness| names(harness) == ["a hen, picture 1 of 1, favourite"]);
}

#[test]
fn the_keyboard_goes_through_the_pictures() {
    let prompts: Vec<_> = (0..40).map(|at| format!("prompt {at}")).collect();
    let prompts: Vec<_> = prompts.iter().map(String::as_str).collect();
    let mut harness = window(&prompts);
    focus_first(&mut harness);
    let focused = |harness: &Harness<'static, Window>| {
        let mut cells = harness.query_all_by_role(Role::ListBoxOption);
        cells.find(egui_kittest::Node::is_focused).and_then(|cell| cell.accesskit_node().label()).expect("a focus")
    };
    press(&mut harness, Key::ArrowRight);
    assert_eq!(focused(&harness), "prompt 1, picture 2 of 40");
    press(&mut harness, Key::End);
    assert_eq!(focused(&harness), "prompt 39, picture 40 of 40");
    press(&mut harness, Key::PageUp);
    press(&mut harness, Key::Home);
    assert_eq!(focused(&harness), "prompt 0, picture 1 of 40");
    press(&mut harness, Key::Enter);
    let first = harness.state().path("0.png");
    let name = "prompt 0".to_owned();
    assert_eq!(actions(&mut harness), [GalleryAction::Show { path: first.clone(), name }]);
    press(&mut harness, Key::Period);
    assert_eq!(actions(&mut harness), [GalleryAction::SetFavourite(vec![first.clone()], true)]);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
    harness.run();
    let second = harness.state().path("1.png");
    press(&mut harness, Key::C);
    assert_eq!(actions(&mut harness), [GalleryAction::Compare([first.clone(), second.clone()])]);
    press(&mut harness, Key::Delete);
    assert_eq!(actions(&mut harness), [GalleryAction::Delete(vec![first, second])]);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.run();
    press(&mut harness, Key::Delete);
    let [GalleryAction::Delete(all)] = &actions(&mut harness)[..] else { panic!("all are deleted") };
    assert_eq!(all.len(), 40);
}

#[test]
fn after_a_deletion_the_keyboard_goes_on_with_the_neighbour() {
    let mut harness = window(&["a fox", "a hen", "a cat"]);
    focus_first(&mut harness);
    press(&mut harness, Key::ArrowRight);
    press(&mut harness, Key::Delete);
    let path = harness.state().path("1.png");
    assert_eq!(actions(&mut harness), [GalleryAction::Delete(vec![path.clone()])]);
    // What the session does then, but for the bin.
    fs::remove_file(path).expect("removed");
    until(&mut harness, |harness| names(harness).len() == 2);
    harness.run();
    assert!(harness.get_by_label("a cat, picture 2 of 2").is_focused());
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run();
    assert_eq!(actions(&mut harness), [GalleryAction::UndoDelete]);
}

#[test]
fn letters_in_the_search_box_do_nothing_to_pictures() {
    let mut harness = window(&["a fox"]);
    harness.get_by_label_contains("a fox").click();
    harness.run();
    actions(&mut harness);
    harness.get_by_label("Search pictures").focus();
    harness.run();
    for key in [Key::Delete, Key::Period, Key::C, Key::Enter] {
        press(&mut harness, key);
    }
    assert_eq!(actions(&mut harness), []);
}

#[test]
fn of_a_hundred_thousand_pictures_only_those_in_view_are_laid_out() {
    let mut harness = window(&["a fox"]);
    // Another one, which knows of no folder.
    let cache = harness.state().path("cache");
    harness.state_mut().desk = GalleryDesk::spawn(cache, Arc::new(|| {})).expect("a thread");
    let names: Vec<_> = (0..100_000).map(|at| at.to_string()).collect();
    let items = items(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let listing = Listing { total: items.len(), items, ..Listing::default() };
    harness.state_mut().gallery.hear_folder(&GalleryNews::Listing(Arc::new(listing)));
    harness.run();
    assert!(self::names(&harness).len() < 60);
    focus_first(&mut harness);
    press(&mut harness, Key::End);
    assert!(self::names(&harness).contains(&"99999, picture 100000 of 100000".to_owned()));
    assert!(self::names(&harness).len() < 60);
}

#[test]
fn a_picture_says_how_it_was_made_and_its_parts_are_copied() {
    let mut harness = window(&["a red fox"]);
    harness.get_by_label_contains("picture 1 of 1").click();
    harness.run();
    for shown in ["a red fox", "blurry", "42", "bundled", "Euler a", "20", "4", "64 × 64"] {
        assert!(harness.query_all_by_label(shown).next().is_some(), "{shown}");
    }
    harness.get_by_label("Copy prompt").click();
    harness.get_by_label("Open folder").click_accesskit();
    harness.run();
    let path = harness.state().path("0.png");
    let wanted = [GalleryAction::CopyText("a red fox".into()), GalleryAction::OpenFolder(path)];
    assert_eq!(actions(&mut harness)[1..], wanted);
}

#[test]
fn settings_are_taken_over_whole_or_in_part() {
    let mut harness = window(&["a red fox"]);
    harness.get_by_label_contains("picture 1 of 1").click();
    harness.run();
    actions(&mut harness);
    let all = recipe("a red fox").patch();
    let seed = Patch::default().with(Field::Seed, |request| request.seeds.first = 42);
    let prompt = all.only(&[Field::Prompt, Field::NegativePrompt]);
    for (label, patch) in [("Reuse all settings", all), ("Reuse seed", seed), ("Reuse prompt", prompt)] {
        harness.get_by_label(label).click();
        harness.run();
        let wanted = GalleryAction::Reuse { title: label.to_owned(), patch: Box::new(patch) };
        assert_eq!(actions(&mut harness), [wanted]);
    }
}

#[test]
fn a_picture_of_another_app_says_what_it_knows_and_offers_its_settings() {
    let mut harness = window(&["a fox"]);
    let path = harness.state().path("other.png");
    fs::write(&path, foreign_file()).expect("written");
    until(&mut harness, |harness| names(harness).len() == 2);
    harness.get_by_label("a castle, picture 1 of 2").click();
    harness.run();
    assert!(harness.query_by_label("v1-5").is_some());
    harness.get_by_label("Reuse its settings…").click();
    harness.run();
    assert_eq!(actions(&mut harness)[1..], [GalleryAction::Import(path)]);
}

#[test]
fn a_picture_that_says_nothing_offers_nothing() {
    let mut harness = window(&["a fox"]);
    fs::write(harness.state().path("photo.png"), png_file(64, 64, None)).expect("written");
    until(&mut harness, |harness| names(harness).len() == 2);
    harness.get_by_label("photo.png, picture 1 of 2").click();
    harness.run();
    assert!(harness.get_by_label("Reuse its settings…").accesskit_node().is_disabled());
}

#[test]
fn a_deletion_is_undone_by_a_click() {
    let mut harness = window(&["a fox"]);
    let paths = vec![harness.state().path("a.png"), harness.state().path("b.png")];
    harness.state_mut().gallery.hear_folder(&GalleryNews::Deleted { paths: paths.clone() });
    harness.run();
    assert!(harness.query_by_label("2 pictures in the bin").is_some());
    harness.get_by_label("Undo").click();
    harness.run();
    assert_eq!(actions(&mut harness), [GalleryAction::UndoDelete]);
    harness.state_mut().gallery.hear_folder(&GalleryNews::Restored { paths });
    harness.run();
    assert!(harness.query_by_label("Undo").is_none());
}

#[test]
fn a_folder_that_is_gone_is_said_and_its_pictures_stay() {
    let mut harness = window(&["a fox"]);
    let error = Error::new("the gallery's folder is gone: /x").advise("Bring it back");
    harness.state_mut().gallery.hear_folder(&GalleryNews::FolderGone(error));
    harness.run();
    assert!(harness.query_by_label("the gallery's folder is gone: /x").is_some());
    assert_eq!(names(&harness).len(), 1);
    harness.state_mut().gallery.hear_folder(&GalleryNews::FolderBack);
    harness.run();
    assert!(harness.query_by_label_contains("gone").is_none());
}

#[test]
fn a_picture_that_cannot_be_shown_is_said_to_be_one() {
    let mut harness = window(&["a fox"]);
    let broken = &png_file(64, 64, Some(&recipe("a broken fox")))[..];
    let path = harness.state().path("broken.png");
    fs::write(path, &broken[..broken.len() - 20]).expect("written");
    until(&mut harness, |harness| names(harness).contains(&"a broken fox, picture 1 of 2, can't be shown".to_owned()));
}

#[test]
fn an_empty_gallery_says_what_it_is_for() {
    let mut harness = window(&[]);
    until(&mut harness, |harness| harness.query_by_label("Your pictures appear here").is_some());
}

#[test]
fn two_pictures_are_compared_in_three_ways() {
    let mut harness = window(&["a fox", "a hen"]);
    let pair = [harness.state().path("0.png"), harness.state().path("1.png")];
    let window = harness.state_mut();
    window.librarian.want_comparison(pair.clone());
    window.compared = Some(Compared::new(pair));
    let divider = "Divider between the pictures, in percent";
    until(&mut harness, |harness| harness.query_by_label(divider).is_some());
    let percent = |harness: &Harness<'static, Window>| {
        harness.get_by_label(divider).accesskit_node().numeric_value().expect("a value").round() as i32
    };
    assert_eq!(percent(&harness), 50);
    harness.get_by_label(divider).focus();
    harness.run();
    press(&mut harness, Key::ArrowRight);
    assert_eq!(percent(&harness), 52);
    assert!(harness.query_by_label("Left: 0.png, right: 1.png").is_some());
    harness.get_by_label("Swap").click();
    harness.run();
    assert!(harness.query_by_label("Left: 1.png, right: 0.png").is_some());

    // The line goes where it is dragged; the wheel looks closer and leaves it there.
    let middle = harness.get_by_label(divider).rect().center();
    harness.drag_at(middle);
    harness.run();
    harness.drop_at(middle);
    harness.run();
    assert_eq!(percent(&harness), 50);
    harness.hover_at(middle);
    harness.run();
    let (unit, delta) = (egui::MouseWheelUnit::Point, egui::vec2(0.0, 200.0));
    let (phase, modifiers) = (egui::TouchPhase::Move, Modifiers::NONE);
    let source = egui::MouseWheelSource::Unknown;
    harness.event(egui::Event::MouseWheel { unit, delta, phase, modifiers, source });
    harness.run_steps(40);
    assert_eq!(percent(&harness), 50);
    assert!(harness.state().compared.as_ref().is_some_and(Compared::is_zoomed));

    harness.get_by_label("Difference").click();
    harness.run();
    assert!(harness.query_all_by_label("The pictures are the same").next().is_some());
    harness.get_by_label("Blink").click();
    harness.step();
    harness.step();
    let seen = |harness: &Harness<'static, Window>, what: &str| harness.query_by_label_contains(what).is_some();
    // Its clock runs by a quarter of a second a step.
    for (now, other) in [("First: ", "Second: "), ("Second: ", "First: "), ("First: ", "Second: ")] {
        let steps = (0..20).find(|_| {
            harness.step();
            seen(&harness, now)
        });
        assert!(steps.is_some() && !seen(&harness, other), "they take turns");
    }
    harness.get_by_label("Close").click();
    harness.run_steps(2);
    assert!(harness.state().compared.is_none());
}

#[test]
fn pictures_that_cannot_be_compared_are_said_to_be_so() {
    let mut harness = window(&["a fox"]);
    let pair = [harness.state().path("0.png"), harness.state().path("gone.png")];
    let window = harness.state_mut();
    window.librarian.want_comparison(pair.clone());
    window.compared = Some(Compared::new(pair));
    until(&mut harness, |harness| harness.query_by_label_contains("Can't read").is_some());
}
