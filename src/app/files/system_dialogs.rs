//! Whether the system has file dialogs. On Linux they are somebody else's programs, and may be missing: with a bare window manager,
//! in a container, under WSL.

/// Returns whether a file dialog can appear.
#[cfg(not(target_os = "linux"))]
pub(super) async fn are_there() -> bool {
    true
}

/// Returns whether a file dialog can appear: one of the desktop's portal, or one of zenity.
#[cfg(target_os = "linux")]
pub(super) async fn are_there() -> bool {
    has_program("zenity") || has_portal().await.is_ok()
}

/// Whether a program of this name lies in the search path.
#[cfg(target_os = "linux")]
fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Asks the portal which version of the file dialogs it has: it has none without a backend of the desktop.
#[cfg(target_os = "linux")]
async fn has_portal() -> zbus::Result<()> {
    let bus = zbus::Connection::session().await?;
    let property = ("org.freedesktop.portal.FileChooser", "version");
    let (portal, object) = ("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop");
    bus.call_method(Some(portal), object, Some("org.freedesktop.DBus.Properties"), "Get", &property).await.map(drop)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_name_in_the_search_path() {
        assert!(has_program("sh"));
        assert!(!has_program("no-such-program-anywhere"));
    }
}
