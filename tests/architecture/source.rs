//! Reads Rust sources with `syn`: what each file defines, imports and names. Test modules are left out.
//!
//! Limits: names that a macro's expansion makes are not seen, names in its arguments are; methods are told by name alone.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::visit::{self, Visit};

/// A path as its segments.
pub(crate) type Path = Vec<String>;

/// What one file holds.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// The file, relative to `src`.
    pub file: String,
    /// Its module, `[]` for the crate's root.
    pub module: Path,
    /// Names that `use` brings in, with their paths.
    pub imports: BTreeMap<String, Path>,
    /// Modules that `use x::*` opens.
    pub globs: Vec<Path>,
    /// Paths of imports that are not passed on with `pub`.
    pub private_imports: Vec<Path>,
    /// Paths that the code names.
    pub paths: BTreeSet<Path>,
    /// Names that the file defines at its top.
    pub items: BTreeSet<String>,
    /// Structs, enums, traits and type aliases.
    pub types: Vec<String>,
    /// Methods that are called, each with its number of arguments.
    pub methods: BTreeSet<(String, usize)>,
    /// Child modules in files of their own that are there for tests only.
    pub test_modules: Vec<Path>,
}

impl Source {
    /// Reads a file.
    pub(crate) fn parse(file: &str, text: &str) -> Self {
        let mut module: Path = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
            module.pop();
        }
        let mut source = Self { file: file.to_owned(), module, ..Self::default() };
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file} is Rust: {error}"));
        source.visit_file(&parsed);
        for item in &parsed.items {
            match item {
                syn::Item::Mod(child) if is_test(item) => {
                    source.test_modules.push([&source.module[..], &[child.ident.unraw().to_string()]].concat());
                }
                _ if is_test(item) => {}
                _ => source.items.extend(name(item)),
            }
        }
        source
    }

    fn import(&mut self, tree: &syn::UseTree, before: &[String], passed_on: bool) {
        let with = |name: &syn::Ident| [before, &[name.unraw().to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.import(&path.tree, &with(&path.ident), passed_on),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.import(item, before, passed_on)),
            syn::UseTree::Glob(_) => self.globs.push(before.to_vec()),
            syn::UseTree::Name(name) if name.ident == "self" => {
                self.add(before.last().cloned().unwrap_or_default(), before.to_vec(), passed_on);
            }
            syn::UseTree::Name(name) => self.add(name.ident.unraw().to_string(), with(&name.ident), passed_on),
            syn::UseTree::Rename(renamed) => {
                self.add(renamed.rename.unraw().to_string(), with(&renamed.ident), passed_on);
            }
        }
    }

    fn add(&mut self, name: String, path: Path, passed_on: bool) {
        if !passed_on {
            self.private_imports.push(path.clone());
        }
        self.imports.insert(name, path);
    }

    /// Takes the paths in a macro's arguments.
    fn tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut colons) = (Path::new(), 0);
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.paths.insert(std::mem::take(&mut path));
                    }
                    path.push(name.unraw().to_string());
                    colons = 0;
                }
                TokenTree::Punct(sign) if sign.as_char() == ':' => colons += 1,
                other => {
                    self.paths.insert(std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.paths.insert(path);
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if is_test(item) {
            return;
        }
        if is_type(item) {
            self.types.extend(name(item));
        }
        visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &[], !matches!(item.vis, syn::Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.paths.insert(path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.visit_path(&called.path);
        self.tokens(called.tokens.clone());
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.methods.insert((call.method.to_string(), call.args.len()));
        visit::visit_expr_method_call(self, call);
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

/// Whether an item is there for tests only.
fn is_test(item: &syn::Item) -> bool {
    let attributes = match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        let is_cfg = attribute.path().is_ident("cfg");
        is_cfg && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn is_type(item: &syn::Item) -> bool {
    use syn::Item::{Enum, Struct, Trait, Type, Union};
    matches!(item, Enum(_) | Struct(_) | Trait(_) | Type(_) | Union(_))
}

fn name(item: &syn::Item) -> Option<String> {
    let name = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.unraw().to_string())
}
