//! What a full frame mended although no event had announced it.

/// The list that had drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DriftKind {
    /// Users in the channel.
    Users,
    /// Emotes.
    Emotes,
    /// Playlist items.
    Playlist,
}

impl DriftKind {
    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Emotes => "emotes",
            Self::Playlist => "playlist",
        }
    }
}

/// A difference between the state and a full frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drift {
    /// Which list.
    pub kind: DriftKind,
    /// Entries that CyTube has and we had not.
    pub missing: usize,
    /// Entries that we had and CyTube has not.
    pub extra: usize,
    /// Entries that differed, or stood elsewhere.
    pub changed: usize,
}

impl Drift {
    /// `None` when nothing differs.
    pub fn when(kind: DriftKind, missing: usize, extra: usize, changed: usize) -> Option<Self> {
        (missing + extra + changed > 0).then_some(Self {
            kind,
            missing,
            extra,
            changed,
        })
    }
}
