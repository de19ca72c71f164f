//! Files on the clipboard. What else it has, egui tells of.

/// Returns the files that a file manager put on the clipboard. It takes a while.
pub(crate) fn copied_files() -> Vec<std::path::PathBuf> {
    arboard::Clipboard::new().and_then(|mut clipboard| clipboard.get().file_list()).unwrap_or_default()
}
