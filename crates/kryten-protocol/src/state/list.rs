//! The layout of a list of any size in KV: a manifest that names small parts.
//!
//! A list stands under its own key as long as it fits into one value, as the originals write it. Besides, and whatever
//! its size, it stands in this layout. Each part is a JSON array of some entries, stored under a name made of its
//! contents, so a part is never changed: a change of the list writes the few parts that are new and then the manifest,
//! and whoever reads the manifest finds exactly the parts of one moment. A short list is in the manifest itself.
//!
//! Where a part ends is decided by the entries around it and not by their number, so that an entry that goes or comes
//! changes one part and leaves all others as they are.
//!
//! ```
//! use kryten_protocol::state::list::{Limits, Manifest, split};
//!
//! let layout = split(r#"[{"name":"ann"},{"name":"bob"}]"#, "7", Limits::default())?;
//! let manifest = Manifest::read(layout.manifest.as_bytes())?;
//! assert_eq!((manifest.entries, manifest.parts.len()), (2, 0));
//! assert_eq!(manifest.join(&[])?, r#"[{"name":"ann"},{"name":"bob"}]"#);
//! # Ok::<(), kryten_protocol::state::list::ListError>(())
//! ```

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The number of this layout; a reader that meets another one falls back to the list's own key.
pub const LAYOUT: u32 = 1;

/// The key of the manifest of the list under `key`.
pub fn manifest_key(key: &str) -> String {
    format!("{key}.manifest")
}

/// The key of a part; `name` as the manifest has it.
pub fn part_key(key: &str, name: &str) -> String {
    format!("{key}.part.{name}")
}

/// The beginning of the keys of all parts that a term has written, or of all terms.
pub fn parts_prefix(key: &str, term: Option<&str>) -> String {
    match term {
        Some(term) => format!("{key}.part.{term}."),
        None => format!("{key}.part."),
    }
}

/// Sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A list of at most this size is in the manifest.
    pub inline: usize,
    /// No part ends before it has this size.
    pub smallest_part: usize,
    /// No part is larger, unless it is a single entry.
    pub largest_part: usize,
    /// An entry larger than this is left out.
    pub largest_entry: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inline: 4 << 10,
            smallest_part: 4 << 10,
            largest_part: 64 << 10,
            largest_entry: 512 << 10,
        }
    }
}

impl Limits {
    /// The usual limits, lowered where a value may have at most `largest_value` bytes.
    pub fn for_values_up_to(largest_value: usize) -> Self {
        let usual = Self::default();
        let part = largest_value.max(64);
        Self {
            inline: usual.inline.min(part / 2),
            smallest_part: usual.smallest_part.min(part / 8),
            largest_part: usual.largest_part.min(part),
            largest_entry: usual.largest_entry.min(part - 2),
        }
    }
}

/// What stands under the manifest's key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// [`LAYOUT`].
    pub layout: u32,
    /// How many entries the list has here.
    pub entries: usize,
    /// The length of the whole list as one JSON array, in bytes.
    pub bytes: usize,
    /// Entries that are left out because one alone is too large for a value.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: usize,
    /// A short list, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Box<RawValue>>,
    /// The names of the parts in the list's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// One part: its name and its JSON array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name: the writer's term and a digest of the contents.
    pub name: String,
    /// A JSON array of some entries.
    pub json: String,
}

/// A list as it is to be written: the parts first, then the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The manifest as JSON.
    pub manifest: String,
    /// All parts that it names, each once.
    pub parts: Vec<Part>,
    /// Entries that are left out.
    pub omitted: usize,
}

/// Why a list cannot be read or written in this layout.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The text is no JSON array.
    #[error("the value is no JSON array: {0}")]
    NotAList(#[source] serde_json::Error),
    /// The text is no manifest.
    #[error("the manifest cannot be read: {0}")]
    NotAManifest(#[source] serde_json::Error),
    /// A later layout.
    #[error("the manifest has layout {0}, but this program knows {LAYOUT}; update it")]
    UnknownLayout(u32),
    /// A part is missing or is none.
    #[error("the parts do not make the list that the manifest describes")]
    PartsDoNotFit,
}

/// Lays a list out; `term` is the writer's, so that parts of different writers have different names.
///
/// # Errors
/// [`ListError::NotAList`].
pub fn split(list: &str, term: &str, limits: Limits) -> Result<Layout, ListError> {
    let entries: Vec<&RawValue> = serde_json::from_str(list).map_err(ListError::NotAList)?;
    let all = entries.len();
    let kept: Vec<&str> = entries
        .iter()
        .map(|entry| entry.get())
        .filter(|entry| entry.len() <= limits.largest_entry)
        .collect();
    let bytes =
        2 + kept.iter().map(|entry| entry.len()).sum::<usize>() + kept.len().saturating_sub(1);
    let mut manifest = Manifest {
        layout: LAYOUT,
        entries: kept.len(),
        bytes,
        omitted: all - kept.len(),
        list: None,
        parts: Vec::new(),
    };
    let mut parts = Vec::new();
    if bytes <= limits.inline {
        let inline = RawValue::from_string(array(&kept)).map_err(ListError::NotAList)?;
        manifest.list = Some(inline);
    } else {
        for group in groups(&kept, limits) {
            let json = array(group);
            let name = format!("{term}.{}", digest(json.as_bytes()));
            // Two equal parts have one name; once is enough.
            if !manifest.parts.contains(&name) {
                parts.push(Part {
                    name: name.clone(),
                    json,
                });
            }
            manifest.parts.push(name);
        }
    }
    Ok(Layout {
        manifest: serde_json::to_string(&manifest).map_err(ListError::NotAManifest)?,
        parts,
        omitted: manifest.omitted,
    })
}

impl Manifest {
    /// Reads what stands under the manifest's key.
    ///
    /// # Errors
    /// [`ListError::NotAManifest`], [`ListError::UnknownLayout`].
    pub fn read(value: &[u8]) -> Result<Self, ListError> {
        let manifest: Self = serde_json::from_slice(value).map_err(ListError::NotAManifest)?;
        if manifest.layout != LAYOUT {
            return Err(ListError::UnknownLayout(manifest.layout));
        }
        Ok(manifest)
    }

    /// Whether these are the parts that it names, by what is in them; given in the manifest's order.
    pub fn names(&self, parts: &[&str]) -> bool {
        let is_named = |(name, part): (&String, &&str)| {
            let named = name.rsplit_once('.').map(|(_, digest)| digest);
            named == Some(digest(part.as_bytes()).as_str())
        };
        self.parts.len() == parts.len() && self.parts.iter().zip(parts).all(is_named)
    }

    /// Puts the list together again from its parts, which are given in the manifest's order.
    ///
    /// # Errors
    /// [`ListError::PartsDoNotFit`] when there are too many or too few, or the sizes differ.
    pub fn join(&self, parts: &[&str]) -> Result<String, ListError> {
        if let Some(list) = &self.list {
            return Ok(list.get().to_owned());
        }
        if parts.len() != self.parts.len() {
            return Err(ListError::PartsDoNotFit);
        }
        let mut joined = String::with_capacity(self.bytes);
        joined.push('[');
        for part in parts {
            let inner = part
                .strip_prefix('[')
                .and_then(|part| part.strip_suffix(']'))
                .ok_or(ListError::PartsDoNotFit)?;
            if joined.len() > 1 {
                joined.push(',');
            }
            joined.push_str(inner);
        }
        joined.push(']');
        if joined.len() != self.bytes {
            return Err(ListError::PartsDoNotFit);
        }
        Ok(joined)
    }
}

fn array(entries: &[&str]) -> String {
    format!("[{}]", entries.join(","))
}

/// On average one entry of this many ends a part.
const ENDS_ONE_IN: u32 = 32;

fn groups<'a>(entries: &'a [&'a str], limits: Limits) -> impl Iterator<Item = &'a [&'a str]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut size = 2;
        let mut count = 0;
        for entry in rest {
            if count > 0 && size + entry.len() + 1 > limits.largest_part {
                break;
            }
            size += entry.len() + 1;
            count += 1;
            if size >= limits.smallest_part && ends_a_part(entry) {
                break;
            }
        }
        let (group, others) = rest.split_at(count);
        rest = others;
        Some(group)
    })
}

/// Decided by the entry alone, so that parts after a change end where they ended before it.
fn ends_a_part(entry: &str) -> bool {
    let mut hash: u32 = 0x811c_9dc5;
    for byte in entry.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    // The upper bits of this hash are better mixed than the lower ones.
    (hash >> 16).is_multiple_of(ENDS_ONE_IN)
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..12])
}

#[cfg(test)]
mod tests;
