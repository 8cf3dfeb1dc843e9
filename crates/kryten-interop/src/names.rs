//! The public names of our libraries, from their sources.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use syn::{ImplItem, Item, TraitItem, Type, Visibility};

/// The crates that a bot's author uses.
const CRATES: [&str; 3] = ["kryten-client", "kryten-protocol", "kryten-testkit"];

/// Every public item as a path: modules, and a type before its members.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeSet<String>);

impl Names {
    /// Reads the sources in the folder of all crates.
    pub(crate) fn read(crates: &Path) -> anyhow::Result<Self> {
        let mut names = Self::default();
        for name in CRATES {
            names.folder(&crates.join(name).join("src"))?;
        }
        Ok(names)
    }

    /// Whether there is an item of this path, or one whose path ends with it.
    pub(crate) fn has(&self, path: &str) -> bool {
        let end = format!("::{path}");
        self.0
            .iter()
            .any(|name| name == path || name.ends_with(&end))
    }

    fn folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                self.folder(&path)?;
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path)?;
                let file = syn::parse_file(&text).with_context(|| path.display().to_string())?;
                // The file's own name is enough to tell apart what has the same name in two modules.
                let module = path
                    .file_stem()
                    .and_then(|stem| stem.to_str())
                    .unwrap_or_default();
                self.items(module, &file.items);
            }
        }
        Ok(())
    }

    fn add(&mut self, module: &str, path: &str) {
        self.0.insert(format!("{module}::{path}"));
    }

    fn items(&mut self, module: &str, items: &[Item]) {
        for item in items {
            match item {
                Item::Fn(item) if is_public(&item.vis) => {
                    self.add(module, &item.sig.ident.to_string())
                }
                Item::Const(item) if is_public(&item.vis) => {
                    self.add(module, &item.ident.to_string())
                }
                Item::Mod(item) => {
                    self.add(module, &item.ident.to_string());
                    let items = item.content.as_ref().map(|(_, items)| items.as_slice());
                    self.items(&item.ident.to_string(), items.unwrap_or_default());
                }
                Item::Struct(item) if is_public(&item.vis) => {
                    self.add(module, &item.ident.to_string());
                    for field in item.fields.iter().filter(|field| is_public(&field.vis)) {
                        if let Some(name) = &field.ident {
                            self.add(module, &format!("{}::{name}", item.ident));
                        }
                    }
                }
                Item::Enum(item) if is_public(&item.vis) => {
                    self.add(module, &item.ident.to_string());
                    for variant in &item.variants {
                        self.add(module, &format!("{}::{}", item.ident, variant.ident));
                    }
                }
                Item::Trait(item) if is_public(&item.vis) => {
                    self.add(module, &item.ident.to_string());
                    for method in &item.items {
                        if let TraitItem::Fn(method) = method {
                            self.add(module, &format!("{}::{}", item.ident, method.sig.ident));
                        }
                    }
                }
                // The one that makes the events: each is a name, a variant with its payload, and a sentence.
                Item::Macro(item) if item.mac.path.is_ident("events") => {
                    let text = item.mac.tokens.to_string();
                    for variant in text.split('"').skip(2).step_by(4) {
                        let name = variant.split('(').next().unwrap_or_default().trim();
                        self.add(module, &format!("Event::{name}"));
                    }
                }
                Item::Impl(item) if item.trait_.is_none() => {
                    let Type::Path(of) = &*item.self_ty else {
                        continue;
                    };
                    let Some(of) = of.path.segments.last() else {
                        continue;
                    };
                    for member in &item.items {
                        let name = match member {
                            ImplItem::Fn(method) if is_public(&method.vis) => &method.sig.ident,
                            ImplItem::Const(item) if is_public(&item.vis) => &item.ident,
                            _ => continue,
                        };
                        self.add(module, &format!("{}::{name}", of.ident));
                    }
                }
                _ => {}
            }
        }
    }
}

/// The text of all sources and tests, to look for a function in.
pub(crate) fn text_of_all(folder: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            text += &text_of_all(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &std::fs::read_to_string(&path)?;
        }
    }
    Ok(text)
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}
