//! `kryten kv tree`: keys by what they begin with.

use std::collections::BTreeMap;

use kryten_client::KvBucket;
use kryten_protocol::state::list::{self, Manifest};
use serde_json::{Value, json};

use super::arguments::Tree;
use crate::output;
use crate::paint::Paint;
use crate::size;

pub(super) async fn run(bucket: &KvBucket, args: &Tree, is_json: bool) -> anyhow::Result<()> {
    let values = bucket.get_all_with_prefix(&args.prefix).await?;
    let values = values.into_iter().map(|(key, value)| (key, value.to_vec()));
    let leaves = match args.parts {
        true => plain(values),
        false => with_lists(values.collect()),
    };
    let mut root = Branch::default();
    for (key, leaf) in leaves {
        root.add(&key, leaf, &args.separators);
    }
    let depth = args.depth.unwrap_or(u32::MAX);
    if is_json {
        let mut tree = root.as_json(depth);
        tree["bucket"] = bucket.name().into();
        output::json(&tree)?;
        return Ok(());
    }
    let paint = Paint::stdout();
    let totals = root.totals();
    output::line(&format!(
        "{}  {}",
        paint.strong(bucket.name()),
        paint.faint(&totals.shown())
    ))?;
    let mut lines = Vec::new();
    root.draw("", depth, paint, &mut lines);
    for line in lines {
        output::line(&line)?;
    }
    Ok(())
}

/// A key's value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Leaf {
    Value {
        bytes: usize,
    },
    /// A list that the robot keeps in a manifest and parts besides its own key.
    List {
        entries: usize,
        parts: usize,
        bytes: usize,
        stored: usize,
    },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Totals {
    keys: usize,
    bytes: usize,
}

impl Totals {
    fn shown(self) -> String {
        let keys = if self.keys == 1 { "key" } else { "keys" };
        format!("{} {keys}, {}", self.keys, shown(self.bytes))
    }
}

#[derive(Debug, Default)]
struct Branch {
    leaf: Option<Leaf>,
    children: BTreeMap<String, Branch>,
}

impl Branch {
    fn add(&mut self, key: &str, leaf: Leaf, separators: &str) {
        let mut branch = self;
        for segment in key.split_inclusive(|character| separators.contains(character)) {
            branch = branch.children.entry(segment.to_owned()).or_default();
        }
        branch.leaf = Some(leaf);
    }

    fn totals(&self) -> Totals {
        let own = match &self.leaf {
            None => Totals::default(),
            Some(Leaf::Value { bytes } | Leaf::List { stored: bytes, .. }) => Totals {
                keys: 1,
                bytes: *bytes,
            },
        };
        self.children
            .values()
            .map(Branch::totals)
            .fold(own, |sum, child| Totals {
                keys: sum.keys + child.keys,
                bytes: sum.bytes + child.bytes,
            })
    }

    /// A branch that has nothing but one other is drawn with it on one line.
    fn joined<'a>(&'a self, name: &str) -> (String, &'a Self) {
        let mut name = name.to_owned();
        let mut branch = self;
        while branch.leaf.is_none() && branch.children.len() == 1 {
            let Some((next, child)) = branch.children.first_key_value() else {
                break;
            };
            name.push_str(next);
            branch = child;
        }
        (name, branch)
    }

    fn draw(&self, indent: &str, depth: u32, paint: Paint, lines: &mut Vec<String>) {
        let last = self.children.len().saturating_sub(1);
        for (at, (name, child)) in self.children.iter().enumerate() {
            let (corner, below) = if at == last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            let (name, child) = child.joined(name);
            let name = output::printable(&name);
            let told = match &child.leaf {
                Some(Leaf::Value { bytes }) => shown(*bytes),
                Some(Leaf::List {
                    entries,
                    parts: 0,
                    bytes,
                    ..
                }) => {
                    format!("{}, a list of {entries}", shown(*bytes))
                }
                Some(Leaf::List {
                    entries,
                    parts,
                    bytes,
                    ..
                }) => {
                    format!("{}, a list of {entries} in {parts} parts", shown(*bytes))
                }
                None => child.totals().shown(),
            };
            let name = match child.children.is_empty() {
                true => name,
                false => paint.name(&name),
            };
            lines.push(format!(
                "{}{name}  {}",
                paint.faint(&format!("{indent}{corner}")),
                paint.faint(&told)
            ));
            if depth > 1 {
                child.draw(&format!("{indent}{below}"), depth - 1, paint, lines);
            }
        }
    }

    fn as_json(&self, depth: u32) -> Value {
        let totals = self.totals();
        let mut tree = json!({"keys": totals.keys, "bytes": totals.bytes});
        match &self.leaf {
            Some(Leaf::Value { bytes }) => tree["value"] = json!({"bytes": bytes}),
            Some(Leaf::List {
                entries,
                parts,
                bytes,
                ..
            }) => {
                tree["list"] = json!({"entries": entries, "parts": parts, "bytes": bytes});
            }
            None => {}
        }
        if depth > 0 && !self.children.is_empty() {
            let children = self.children.iter();
            let children: serde_json::Map<String, Value> = children
                .map(|(name, child)| (name.clone(), child.as_json(depth - 1)))
                .collect();
            tree["children"] = children.into();
        }
        tree
    }
}

fn plain(values: impl Iterator<Item = (String, Vec<u8>)>) -> BTreeMap<String, Leaf> {
    values
        .map(|(key, value)| (key, Leaf::Value { bytes: value.len() }))
        .collect()
}

/// Each list in parts becomes one leaf, under the key of the list.
fn with_lists(mut values: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Leaf> {
    let manifests: Vec<(String, Manifest)> = values
        .iter()
        .filter_map(|(key, value)| {
            let list = key.strip_suffix(".manifest")?;
            (list::manifest_key(list) == *key).then_some(())?;
            Some((list.to_owned(), Manifest::read(value).ok()?))
        })
        .collect();
    let mut lists = BTreeMap::new();
    for (key, manifest) in manifests {
        let parts = list::parts_prefix(&key, None);
        let manifest_key = list::manifest_key(&key);
        let mut stored = 0;
        values.retain(|other, value| {
            let is_of_list = *other == key || *other == manifest_key || other.starts_with(&parts);
            stored += if is_of_list { value.len() } else { 0 };
            !is_of_list
        });
        lists.insert(
            key,
            Leaf::List {
                entries: manifest.entries,
                parts: manifest.parts.len(),
                bytes: manifest.bytes,
                stored,
            },
        );
    }
    lists.extend(plain(values.into_iter()));
    lists
}

fn shown(bytes: usize) -> String {
    size::shown(u64::try_from(bytes).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(keys: &[&str], depth: u32) -> String {
        let mut root = Branch::default();
        for key in keys {
            root.add(key, Leaf::Value { bytes: 10 }, ".:/");
        }
        let mut lines = vec![root.totals().shown()];
        root.draw("", depth, Paint::plain(), &mut lines);
        lines.join("\n")
    }

    #[test]
    fn keys_branch_after_dots_colons_and_slashes() {
        let keys = [
            "user:bob",
            "user:ann",
            "user:",
            "a.b.c.d",
            "plain",
            "two\nlines",
            "..",
            "ü/x",
        ];
        insta::assert_snapshot!(drawn(&keys, u32::MAX), @r"
        8 keys, 80 B
        ├─ ..  10 B
        ├─ a.b.c.d  10 B
        ├─ plain  10 B
        ├─ two\x0Alines  10 B
        ├─ user:  10 B
        │  ├─ ann  10 B
        │  └─ bob  10 B
        └─ ü/x  10 B
        ");
        insta::assert_snapshot!(drawn(&["a.b", "a.c", "a.d.e"], 1), @r"
        3 keys, 30 B
        └─ a.  3 keys, 30 B
        ");
        assert_eq!(drawn(&[], 9), "0 keys, 0 B");
    }

    #[test]
    fn a_list_in_parts_is_one_leaf() {
        let long = format!(
            "[{}]",
            vec![r#"{"uid":1,"title":"a film"}"#; 2000].join(",")
        );
        let layout = list::split(&long, "7", list::Limits::default()).unwrap();
        let mut values = BTreeMap::from([
            ("items".to_owned(), Vec::new()),
            ("items.manifest".to_owned(), layout.manifest.into_bytes()),
            ("other.manifest".to_owned(), b"no manifest".to_vec()),
        ]);
        for part in &layout.parts {
            values.insert(
                list::part_key("items", &part.name),
                part.json.clone().into_bytes(),
            );
        }
        let leaves = with_lists(values);
        assert_eq!(
            leaves.keys().collect::<Vec<_>>(),
            ["items", "other.manifest"]
        );
        assert!(
            matches!(leaves["items"], Leaf::List { entries: 2000, bytes, .. } if bytes == long.len())
        );
    }
}
