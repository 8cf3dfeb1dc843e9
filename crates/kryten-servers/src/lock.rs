//! Keeps two servers from using one data folder.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::server::ServerError;

/// A server whose parent was just killed holds the lock until it is dead too; that takes a moment.
const PATIENCE: Duration = Duration::from_secs(2);

/// A lock on a data folder. The server's process holds it with us, so that it lasts as long as either lives.
#[derive(Debug)]
pub(crate) struct StoreLock {
    file: File,
    path: std::path::PathBuf,
}

impl StoreLock {
    pub(crate) async fn take(data_dir: &Path) -> Result<Self, ServerError> {
        let path = data_dir.join("lock");
        let prepare = |source| ServerError::Prepare {
            path: path.clone(),
            source,
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(prepare)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file, path }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(ServerError::StoreLocked {
                        path: data_dir.to_owned(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(prepare(source)),
            }
        }
    }

    /// The lock for the server's process.
    pub(crate) fn file(&self) -> Result<File, ServerError> {
        self.file
            .try_clone()
            .map_err(|source| ServerError::Prepare {
                path: self.path.clone(),
                source,
            })
    }
}
