//! Key-value buckets whose keys are any text.
//!
//! A bucket is opened by those who use it ([`KvBucket::open`], which never creates) and created by its one owner
//! ([`KvBucket::open_or_create`]). The methods of [`KvBucket`] are strict: a missing key is `Ok(None)`, a failed read
//! is an error. [`forgiving`] has the helpers that log and never fail. [`KvCache`] holds a bucket in memory for those who
//! read often, [`TypedBucket`] reads and writes values of one type.

mod bucket;
mod cache;
mod config;
mod erase;
mod error;
pub mod forgiving;
mod key;
mod list;
mod locks;
mod many;
mod read;
mod swapped;
mod ttl;
mod typed;
mod update;
mod watch;
mod write;

pub use bucket::KvBucket;
pub use cache::{CacheChange, CacheChanges, CacheError, CacheOptions, CacheState, KvCache};
pub use config::{BucketConfig, BucketInfo, Storage};
pub use error::KvError;
pub use key::{key_of, stored_name};
pub(crate) use locks::KeyLocks;
pub use read::{Entry, Operation};
pub use typed::{TypedBucket, TypedEntry, TypedValues};
pub use watch::{KvWatch, WatchItem};
pub use write::PutOptions;
