//! Key-value buckets whose keys are any text.
//!
//! A bucket is opened by those who use it ([`KvBucket::open`], which never creates) and created by its one owner
//! ([`KvBucket::open_or_create`]). The methods of [`KvBucket`] are strict: a missing key is `Ok(None)`, a failed read
//! is an error. [`forgiving`] has the helpers that log and never fail.

mod bucket;
mod error;
pub mod forgiving;
mod watch;

pub use bucket::{BucketConfig, Entry, KvBucket, Operation, PutOptions, Storage};
pub use error::KvError;
pub use watch::{KvWatch, WatchItem};
