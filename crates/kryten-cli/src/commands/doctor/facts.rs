//! What the doctor has seen, before anybody says what it means.

use kryten_client::kv::BucketInfo;

/// Everything that was seen.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) files: Vec<File>,
    /// `None` where the files left nothing to connect with.
    pub(super) connection: Option<Connection>,
    pub(super) jetstream: Option<JetStream>,
    /// When the private server of `kryten up` writes to the disk, from its configuration.
    pub(super) sync_interval: Option<String>,
    pub(super) stream: Option<Stream>,
    pub(super) channels_known: usize,
    pub(super) buckets: Vec<Bucket>,
    /// Buckets that nothing of today reads or writes.
    pub(super) dead_buckets: Vec<String>,
    pub(super) lists: Vec<List>,
    pub(super) robot: Option<Service>,
    pub(super) channels: Vec<Channel>,
    /// Channels that were asked for and that no robot serves.
    pub(super) unserved: Vec<String>,
    pub(super) userstats: Option<Service>,
    pub(super) wants_userstats: bool,
    pub(super) clocks: Vec<Clock>,
    pub(super) ports: Vec<Port>,
    pub(super) disks: Vec<Disk>,
    pub(super) min_free: u64,
}

/// A configuration file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) purpose: String,
    pub(super) problems: Vec<String>,
    pub(super) warnings: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Connection {
    Failed {
        why: String,
        kind: NoConnection,
    },
    Stands {
        address: String,
        version: String,
        max_payload: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoConnection {
    /// The context itself could not be made.
    Settings,
    Away,
    Credentials,
    Tls,
    Slow,
}

#[derive(Debug)]
pub(super) enum JetStream {
    Off,
    NoPermission(String),
    Failed(String),
    On { storage: u64, limit: Option<u64> },
}

#[derive(Debug)]
pub(super) enum Stream {
    Missing {
        overlapping: Vec<String>,
    },
    NoPermission(String),
    Failed(String),
    There {
        name: String,
        messages: u64,
        differences: Vec<String>,
    },
}

#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) channel: String,
    pub(super) name: String,
    pub(super) state: BucketState,
}

#[derive(Debug)]
pub(super) enum BucketState {
    /// With a bucket that differs in upper and lower case alone.
    Missing {
        similar: Option<String>,
    },
    NotABucket,
    /// The channel's name is none.
    NoName,
    NoPermission(String),
    Failed(String),
    There {
        info: Box<BucketInfo>,
        usual_size: usize,
    },
}

/// A list of a channel's state.
#[derive(Debug)]
pub(super) struct List {
    pub(super) channel: String,
    /// As people say it, such as `playlist`.
    pub(super) what: &'static str,
    pub(super) bytes: usize,
}

/// A service as it answered.
#[derive(Debug)]
pub(super) enum Service {
    Absent,
    Silent,
    NoPermission(String),
    Failed(String),
    Answers {
        version: String,
        problem: Option<String>,
        lag: Option<u64>,
    },
}

/// A channel as its robot tells it.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) name: String,
    pub(super) is_in: bool,
    pub(super) stands_by: bool,
    /// Why it was given up, or is not there now.
    pub(super) trouble: Option<String>,
    /// Whether the robot no longer tries.
    pub(super) is_given_up: bool,
    pub(super) rank: Option<f64>,
}

/// Somebody else's clock.
#[derive(Debug)]
pub(super) struct Clock {
    pub(super) whose: String,
    /// How much it is ahead of ours.
    pub(super) ahead_seconds: f64,
}

/// A port that a service is to listen on.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) service: &'static str,
    pub(super) key: &'static str,
    pub(super) address: String,
    pub(super) state: PortState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PortState {
    Free,
    /// The service that it is for answers there.
    Served,
    Taken,
    /// No permission to listen, or no such address.
    Unusable,
}

/// The disk below a folder.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) what: &'static str,
    pub(super) path: String,
    pub(super) free: u64,
}
