//! The list of models on this computer: searched, sorted, and one of them chosen.

use std::cmp::Reverse;
use std::path::PathBuf;

use egui::{Button, EventFilter, Key, Label, RichText, Sense};
use egui_extras::{Column, TableBuilder, TableRow};

use crate::app::action::{Action, ModelAction};
use crate::app::theme;
use crate::base::model_ref::ModelRef;
use crate::storage::library::{ItemState, LibraryItem, size_text};

/// The height of a row in points.
const ROW: f32 = 26.0;

/// By what models are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    #[default]
    Name,
    Size,
    Age,
}

impl Sort {
    pub(crate) const ALL: [Self; 3] = [Self::Name, Self::Size, Self::Age];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Name => "By name",
            Self::Size => "Largest first",
            Self::Age => "Newest first",
        }
    }
}

/// What was found, and what of it is shown.
#[derive(Debug, Default)]
pub(crate) struct ModelList {
    items: Vec<LibraryItem>,
    /// What was found the last time is shown until the first of this time comes.
    is_old: bool,
    /// What is searched for.
    pub(crate) words: String,
    pub(crate) sort: Sort,
    chosen: Option<Name>,
    /// Whether the keyboard goes to the chosen one, which may be out of sight.
    wants_focus: bool,
    /// The items that are shown, in order, and what they were chosen by.
    shown: Vec<usize>,
    shown_by: Option<(String, Sort, usize)>,
}

/// What tells an item from others.
#[derive(Clone, Debug, PartialEq)]
struct Name(Option<ModelRef>, Option<PathBuf>);

impl Name {
    fn of(item: &LibraryItem) -> Self {
        Self(item.model.clone(), item.path.clone())
    }
}

impl ModelList {
    /// All that was found.
    pub(crate) fn items(&self) -> &[LibraryItem] {
        &self.items
    }

    /// Models are looked for again.
    pub(crate) fn begin(&mut self) {
        self.is_old = true;
    }

    /// All are found.
    pub(crate) fn end(&mut self) {
        if std::mem::take(&mut self.is_old) {
            self.items.clear();
        }
    }

    /// One was found.
    pub(crate) fn add(&mut self, item: LibraryItem) {
        if std::mem::take(&mut self.is_old) {
            self.items.clear();
        }
        self.items.push(item);
        self.shown_by = None;
    }

    /// More is known of one.
    pub(crate) fn replace(&mut self, item: LibraryItem) {
        if let Some(old) = self.items.iter_mut().find(|old| Name::of(old) == Name::of(&item)) {
            *old = item;
        }
    }

    /// The chosen one.
    pub(crate) fn chosen(&self) -> Option<&LibraryItem> {
        let key = self.chosen.as_ref()?;
        self.items.iter().find(|item| Name::of(item) == *key)
    }

    /// Where in the list the chosen one is, if it is shown.
    fn place(&self) -> Option<usize> {
        let key = self.chosen.as_ref()?;
        self.shown.iter().position(|at| self.items.get(*at).is_some_and(|item| Name::of(item) == *key))
    }

    /// Chooses another one, so many rows further down.
    fn walk(&mut self, rows: isize) {
        let last = self.shown.len().saturating_sub(1);
        let to = self.place().unwrap_or(0).saturating_add_signed(rows).min(last);
        let item = self.shown.get(to).and_then(|at| self.items.get(*at));
        self.chosen = item.map(Name::of);
        self.wants_focus = true;
    }

    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.choose_shown();
        self.shown.is_empty()
    }

    /// How many there are, in words.
    pub(crate) fn count(&self) -> String {
        let (shown, all) = (self.shown.len(), self.items.len());
        let models = if all == 1 { "1 found".to_owned() } else { format!("{all} found") };
        if shown == all { models } else { format!("{shown} of {models}") }
    }

    /// Brings what is shown up to date.
    fn choose_shown(&mut self) {
        let by = (self.words.to_lowercase(), self.sort, self.items.len());
        if self.shown_by.as_ref() == Some(&by) {
            return;
        }
        let words: Vec<&str> = by.0.split_whitespace().collect();
        let fits = |item: &LibraryItem| {
            let texts = [&*item.name, item.family_text(), item.kind_text(), item.app.label(), item.state.word()];
            let text = format!("{} {}", texts.join(" "), item.precision_text()).to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        let items = &self.items;
        let mut shown: Vec<usize> = items.iter().enumerate().filter(|(_, item)| fits(item)).map(|(at, _)| at).collect();
        let name = |at: &usize| items.get(*at).map(|item| (item.name.to_lowercase(), item.path.clone()));
        shown.sort_by_cached_key(name);
        let item = |at: &usize| items.get(*at);
        match self.sort {
            Sort::Name => {}
            Sort::Size => shown.sort_by_key(|at| Reverse(item(at).map(|item| item.bytes))),
            Sort::Age => shown.sort_by_key(|at| Reverse(item(at).and_then(|item| item.modified))),
        }
        self.shown = shown;
        self.shown_by = Some(by);
    }
}

/// A sign for whether a model can be used; the word stands beside it.
pub(crate) fn sign(state: &ItemState) -> &'static str {
    match state {
        ItemState::Whole => "✔",
        ItemState::Partial { .. } => "⬇",
        ItemState::Broken { .. } => "⚠",
        ItemState::NotOpenable { .. } => "✖",
    }
}

/// What the user does in the list.
enum Doing {
    Choose(Name),
    /// Go so many rows further down.
    Walk(isize),
    /// Draw with it.
    Use(ModelRef),
}

/// The list, which is one stop of the Tab key; inside, the arrows go from row to row. `used` is the model in use.
pub(crate) fn ui(ui: &mut egui::Ui, list: &mut ModelList, used: &ModelRef, actions: &mut Vec<Action>) {
    list.choose_shown();
    let (place, wants_focus) = (list.place(), std::mem::take(&mut list.wants_focus));
    let table = TableBuilder::new(ui)
        .id_salt("models")
        .striped(true)
        .sense(Sense::CLICK)
        .auto_shrink(false)
        .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
        .column(Column::remainder().at_least(140.0).clip(true))
        .column(Column::exact(180.0).clip(true))
        .column(Column::exact(70.0).clip(true))
        .column(Column::exact(64.0))
        .column(Column::exact(110.0).clip(true))
        .column(Column::exact(104.0));
    let table = if let Some(row) = place.filter(|_| wants_focus) { table.scroll_to_row(row, None) } else { table };
    let table = table.header(22.0, |mut header| {
        for name in ["Name", "Family", "Numbers", "Size", "Where", "State"] {
            header.col(|ui| {
                if name == "Name" {
                    // The names below are buttons.
                    ui.add_space(ui.spacing().button_padding.x);
                }
                ui.weak(name);
            });
        }
    });
    let mut doing = None;
    table.body(|body| {
        body.rows(ROW, list.shown.len(), |mut row| {
            let Some(item) = list.shown.get(row.index()).and_then(|at| list.items.get(*at)) else { return };
            let stands = match place {
                Some(place) if place == row.index() => Stands::Chosen { wants_focus },
                None if row.index() == 0 => Stands::First,
                _ => Stands::Aside,
            };
            row.set_selected(matches!(stands, Stands::Chosen { .. }));
            row_ui(&mut row, item, stands, item.model.as_ref() == Some(used), &mut doing);
            let response = row.response();
            if let Some(clicked) = clicked(&response, item) {
                doing = Some(clicked);
            }
        });
    });
    match doing {
        Some(Doing::Choose(key)) => list.chosen = Some(key),
        Some(Doing::Walk(rows)) => list.walk(rows),
        Some(Doing::Use(model)) => actions.extend([ModelAction::Use(model).into(), Action::CloseDialog]),
        None => {}
    }
}

/// How a row stands among the others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// It is the chosen one, which Tab goes to, or to which the keyboard goes at once.
    Chosen {
        wants_focus: bool,
    },
    /// None is chosen, and Tab goes to the first.
    First,
    Aside,
}

fn row_ui(row: &mut TableRow<'_, '_>, item: &LibraryItem, stands: Stands, is_used: bool, doing: &mut Option<Doing>) {
    // Dimmed is what can't be used, which its sign and word say as well.
    let is_dim = !matches!(item.state, ItemState::Whole);
    let text = |text: String| if is_dim { RichText::new(text).weak() } else { RichText::new(text) };
    let cell = |ui: &mut egui::Ui, shown: String| drop(ui.add(Label::new(text(shown)).truncate()));
    row.col(|ui| {
        let name = if is_used { format!("{} (in use)", item.name) } else { item.name.clone() };
        let sense = if stands == Stands::Aside { Sense::CLICK } else { Sense::click() };
        // The row's own ground says that it is chosen.
        let button = Button::selectable(false, text(name)).truncate().sense(sense);
        let response = ui.add(button).accessible_name(spoken(item));
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_selected(matches!(stands, Stands::Chosen { .. })));
        let response = match item.state.why() {
            Some(why) => response.on_hover_text(why),
            None => response,
        };
        if stands == (Stands::Chosen { wants_focus: true }) {
            response.request_focus();
        }
        if response.has_focus() {
            let arrows = EventFilter { vertical_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
            *doing = walked(ui).map(Doing::Walk).or(doing.take());
        }
        *doing = clicked(&response, item).or(doing.take());
    });
    let family = match (item.kind_text(), item.family_text()) {
        ("Model", family) => family.to_owned(),
        (kind, "") => kind.to_owned(),
        (kind, family) => format!("{kind} · {family}"),
    };
    row.col(|ui| cell(ui, family));
    row.col(|ui| cell(ui, item.precision_text()));
    row.col(|ui| cell(ui, size_text(item.bytes)));
    row.col(|ui| cell(ui, item.app.label().to_owned()));
    row.col(|ui| {
        let shown = format!("{} {}", sign(&item.state), item.state.word());
        let is_bad = matches!(item.state, ItemState::Broken { .. } | ItemState::Partial { .. });
        let color = theme::palette(ui).error;
        ui.label(if is_bad { RichText::new(shown).color(color) } else { text(shown) });
    });
}

/// What a click means: once to choose, twice to use.
fn clicked(response: &egui::Response, item: &LibraryItem) -> Option<Doing> {
    let model = item.model.clone().filter(|_| item.is_usable() && response.double_clicked());
    model.map(Doing::Use).or_else(|| response.clicked().then(|| Doing::Choose(Name::of(item))))
}

/// How many rows the keyboard goes down.
fn walked(ui: &egui::Ui) -> Option<isize> {
    const PAGE: isize = 10;
    let keys = [
        (Key::ArrowDown, 1),
        (Key::ArrowUp, -1),
        (Key::PageDown, PAGE),
        (Key::PageUp, -PAGE),
        (Key::Home, isize::MIN),
        (Key::End, isize::MAX),
    ];
    ui.input(|input| keys.into_iter().find(|(key, _)| input.key_pressed(*key)).map(|(_, rows)| rows))
}

/// What a screen reader says of a row: the only text that tells two models of one name apart.
fn spoken(item: &LibraryItem) -> String {
    let facts = [item.kind_text(), item.family_text()].map(str::to_owned);
    let facts = facts.into_iter().chain([item.precision_text(), size_text(item.bytes), item.state.word().to_owned()]);
    let facts = facts.filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(", ");
    let place = item.path.as_ref().map_or(String::new(), |path| format!(", {}", path.display()));
    format!("{}: {facts}{place}", item.name)
}
