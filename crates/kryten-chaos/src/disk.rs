//! A small disk that can be full: a file system in memory of its own, where mounting is allowed.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A mounted folder; unmounted on drop.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// One of so many MiB; `None` where mounting is not allowed.
    pub(crate) fn mount(folder: &Path, mebibytes: u32) -> anyhow::Result<Option<Self>> {
        fs::create_dir_all(folder)?;
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"])
            .arg(folder)
            .stderr(Stdio::null());
        let is_mounted = mount.status().is_ok_and(|status| status.success());
        Ok(is_mounted.then(|| Self {
            folder: folder.to_owned(),
        }))
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }

    /// Takes what room is left, to the last byte.
    pub(crate) fn fill(&self) -> anyhow::Result<()> {
        let mut filler = File::create(self.filler())?;
        for size in [1 << 20, 4096, 1] {
            let block = vec![0; size];
            while filler.write_all(&block).is_ok() {}
        }
        Ok(())
    }

    pub(crate) fn free(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.filler())?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Those who still have files open keep them.
        let mut unmount = Command::new("umount");
        let _ = unmount.arg("-l").arg(&self.folder).status();
    }
}
