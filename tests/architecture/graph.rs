//! Which file of the crate depends on which other: names are followed through imports and re-exports to the file that defines them.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use crate::source::{Path, Source};

/// Re-exports that are followed for one name. Longer chains are loops of re-exports.
const MAX_HOPS: usize = 16;

/// The files of a crate.
pub(crate) struct Graph {
    sources: BTreeMap<Path, Source>,
}

/// A name that a file uses, and the file that defines it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dependency<'a> {
    pub from: &'a Source,
    pub to: &'a Source,
    /// The path as it is written.
    pub path: &'a Path,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file
    }
}
impl Eq for Source {}
impl PartialOrd for Source {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Source {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.file.cmp(&other.file)
    }
}

impl Graph {
    /// Reads files: each with its path below `src` and its text.
    pub(crate) fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let sources = files.into_iter().map(|(file, text)| Source::parse(file, text));
        let mut sources: BTreeMap<Path, Source> = sources.map(|source| (source.module.clone(), source)).collect();
        let for_tests: Vec<Path> = sources.values().flat_map(|source| source.test_modules.clone()).collect();
        sources.retain(|module, _| !for_tests.iter().any(|test| module.starts_with(test)));
        Self { sources }
    }

    /// Returns all files.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }

    /// Returns what files use of other files. Passing a name on (`pub use`) isn't a use of it.
    pub(crate) fn dependencies(&self) -> BTreeSet<Dependency<'_>> {
        let mut found = BTreeSet::new();
        for from in self.sources() {
            for path in from.private_imports.iter().chain(&from.globs).chain(&from.paths) {
                if let Some(to) = self.definition(from, path, MAX_HOPS).filter(|to| *to != from) {
                    found.insert(Dependency { from, to, path });
                }
            }
        }
        found
    }

    /// Returns the groups of files that import each other in a loop, each as lines `file -> file`.
    pub(crate) fn loops(&self) -> Vec<String> {
        let dependencies = self.dependencies();
        let edges = dependencies.iter().map(|dependency| (dependency.from.file.as_str(), dependency.to.file.as_str()));
        let graph = DiGraphMap::<&str, ()>::from_edges(edges);
        let groups = tarjan_scc(&graph).into_iter().filter(|group| group.len() > 1);
        let shown = groups.map(|group| {
            let members: BTreeSet<&str> = group.into_iter().collect();
            let inside = graph.all_edges().filter(|(from, to, ())| members.contains(from) && members.contains(to));
            let mut lines: Vec<_> = inside.map(|(from, to, ())| format!("  {from} -> {to}")).collect();
            lines.sort();
            format!("{} files in a loop:\n{}", members.len(), lines.join("\n"))
        });
        shown.collect()
    }

    /// Returns the file that defines what a path names; `None` for modules, other crates and local names.
    fn definition(&self, from: &Source, path: &[String], hops: usize) -> Option<&Source> {
        let hops = hops.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        let mut module = from.module.clone();
        let rest = match first.as_str() {
            "crate" | "burnisher" => {
                module.clear();
                rest
            }
            "self" => rest,
            "super" => {
                module.pop();
                let ups = rest.iter().take_while(|segment| *segment == "super").count();
                module.truncate(module.len().saturating_sub(ups));
                &rest[ups..]
            }
            _ if from.imports.get(first).is_some_and(|import| import[0] != *first || import.len() > 1) => {
                let import = from.imports.get(first)?;
                return self.definition(from, &[import, rest].concat(), hops);
            }
            _ if self.child(&module, first).is_some() || from.items.contains(first) => path,
            _ => return self.through_globs(from, path, hops),
        };
        self.descend(module, rest, hops)
    }

    /// Follows a path from a module down to the file that defines its first name that isn't a module.
    fn descend(&self, mut module: Path, mut rest: &[String], hops: usize) -> Option<&Source> {
        while let Some(child) = rest.first().and_then(|segment| self.child(&module, segment)) {
            module = child;
            rest = &rest[1..];
        }
        let (source, name) = (self.sources.get(&module)?, rest.first()?);
        if source.items.contains(name) {
            return Some(source);
        }
        if let Some(import) = source.imports.get(name) {
            return self.definition(source, &[import, &rest[1..]].concat(), hops);
        }
        self.through_globs(source, rest, hops).or(Some(source))
    }

    fn through_globs(&self, source: &Source, path: &[String], hops: usize) -> Option<&Source> {
        let opened = source.globs.iter().filter_map(|glob| {
            let path = [glob, path].concat();
            let found = self.definition(source, &path, hops)?;
            found.items.contains(path.last()?).then_some(found)
        });
        opened.into_iter().next()
    }

    fn child(&self, module: &[String], name: &str) -> Option<Path> {
        let child = [module, &[name.to_owned()]].concat();
        self.sources.contains_key(&child).then_some(child)
    }
}
