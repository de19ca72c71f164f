//! stub
#[derive(Default)]
pub(super) struct Gallery;
pub(super) fn panel(
    _ui: &mut egui::Ui,
    _gallery: &mut Gallery,
    _librarian: &mut super::librarian::Librarian,
    _actions: &mut Vec<super::apply::Action>,
) {
}
