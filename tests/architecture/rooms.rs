//! The rooms of the crate, what each may name, and the diagram of the boxes that is made of them.

use std::collections::BTreeSet;

use crate::graph::Graph;

/// Each room, and the rooms that it may name. A room is a folder or a file at the top of `src`, or inside a box.
pub(crate) const ROOMS: &[(&str, &[&str])] = &[
    ("main", &["cli", "app"]),
    (
        "app",
        &[
            "session",
            "worker",
            "pipelines",
            "families",
            "schedulers",
            "storage::gallery",
            "storage::hub",
            "storage::library",
            "storage::checkpoint",
            "storage::recipe",
            "content::imaging",
            "content::request",
            "content::text",
            "base",
        ],
    ),
    (
        "cli",
        &[
            "session",
            "worker",
            "pipelines",
            "families",
            "schedulers",
            "storage::gallery",
            "storage::hub",
            "storage::library",
            "storage::checkpoint",
            "storage::recipe",
            "content::imaging",
            "content::request",
            "content::text",
            "base",
        ],
    ),
    (
        "session",
        &[
            "worker",
            "pipelines",
            "families",
            "schedulers",
            "storage::gallery",
            "storage::hub",
            "storage::library",
            "storage::checkpoint",
            "storage::recipe",
            "content::imaging",
            "content::request",
            "content::text",
            "base",
        ],
    ),
    (
        "worker",
        &[
            "pipelines",
            "families",
            "schedulers",
            "ops",
            "storage::checkpoint",
            "storage::gallery",
            "storage::recipe",
            "content::imaging",
            "content::request",
            "content::text",
            "base",
        ],
    ),
    (
        "pipelines",
        &[
            "families",
            "models",
            "schedulers",
            "ops",
            "storage::checkpoint",
            "content::imaging",
            "content::request",
            "content::text",
            "base",
        ],
    ),
    (
        "families",
        &[
            "models",
            "schedulers",
            "ops",
            "storage::checkpoint",
            "storage::weights",
            "content::imaging",
            "content::request",
            "content::text",
            "base",
        ],
    ),
    ("models", &["ops", "base"]),
    ("ops", &["base"]),
    ("storage::gallery", &["storage::recipe", "content::imaging", "content::request", "base"]),
    ("storage::library", &["storage::hub", "storage::checkpoint", "storage::weights", "base"]),
    ("storage::hub", &["storage::checkpoint", "base"]),
    ("storage::checkpoint", &["storage::weights", "content::request", "base"]),
    ("storage::weights", &["base"]),
    ("storage::recipe", &["schedulers", "content::imaging", "content::request", "base"]),
    ("content::request", &["schedulers", "content::imaging", "base"]),
    ("content::imaging", &["base"]),
    ("content::text", &["base"]),
    ("schedulers", &["base"]),
    ("base", &[]),
];

/// The room that a module belongs to.
pub(crate) fn room_of<'a>(module: &[String], rooms: &[(&'a str, &[&str])]) -> Option<&'a str> {
    let inside = |room: &str| {
        let segments: Vec<&str> = room.split("::").collect();
        module.len() >= segments.len() && module.iter().zip(&segments).all(|(a, b)| a == b)
    };
    rooms.iter().map(|(room, _)| *room).find(|room| inside(room))
}

/// Returns each name that a room must not use.
pub(crate) fn wrong_arrows(graph: &Graph, rooms: &[(&str, &[&str])]) -> Vec<String> {
    let mut wrong = BTreeSet::new();
    for dependency in graph.dependencies() {
        let (Some(from), Some(to)) = (room_of(&dependency.from.module, rooms), room_of(&dependency.to.module, rooms))
        else {
            continue;
        };
        let may = rooms.iter().find(|(room, _)| *room == from).is_some_and(|(_, may)| may.contains(&to));
        if from != to && !may {
            wrong.insert(format!("src/{} names {} of {to}", dependency.from.file, dependency.path.join("::")));
        }
    }
    let nowhere = graph.sources().filter(|source| {
        let holds_code = !source.items.is_empty() || !source.paths.is_empty();
        holds_code && !source.module.is_empty() && room_of(&source.module, rooms).is_none()
    });
    wrong.extend(nowhere.map(|source| format!("src/{} is in no room", source.file)));
    wrong.into_iter().collect()
}

/// Draws the boxes as text: a line each, with the boxes that it may name.
pub(crate) fn diagram(rooms: &[(&str, &[&str])]) -> String {
    let of = |room: &str| room.split("::").next().unwrap_or(room).to_owned();
    let mut boxes: Vec<String> = Vec::new();
    for (room, _) in rooms {
        if !boxes.contains(&of(room)) {
            boxes.push(of(room));
        }
    }
    let width = boxes.iter().map(String::len).max().unwrap_or(0);
    let lines = boxes.iter().map(|name| {
        let named: BTreeSet<String> = rooms
            .iter()
            .filter(|(room, _)| of(room) == *name)
            .flat_map(|(_, may)| may.iter().map(|room| of(room)))
            .filter(|other| other != name)
            .collect();
        let named: Vec<&str> = boxes.iter().map(String::as_str).filter(|other| named.contains(*other)).collect();
        let inside: Vec<&str> = rooms.iter().filter_map(|(room, _)| room.strip_prefix(&format!("{name}::"))).collect();
        let inside = if inside.is_empty() { String::new() } else { format!("  ({})", inside.join(", ")) };
        let line =
            if named.is_empty() { format!("{name:width$}") } else { format!("{name:width$} -> {}", named.join(", ")) };
        format!("{}{inside}", line.trim_end())
    });
    lines.collect::<Vec<_>>().join("\n")
}
