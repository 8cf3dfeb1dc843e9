//! The file of a recording: whole lines only, begun anew when it was moved away.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::output::Unprinted;

/// Where lines go.
pub(super) enum Target {
    Stdout(BufWriter<io::Stdout>),
    File {
        path: PathBuf,
        file: BufWriter<File>,
        /// Device and number, by which the file is known.
        identity: (u64, u64),
    },
}

impl Target {
    pub(super) fn open(path: &Path, append: bool) -> anyhow::Result<Self> {
        if super::is_stdout(path) {
            return Ok(Self::Stdout(BufWriter::new(io::stdout())));
        }
        let opened = OpenOptions::new()
            .read(true)
            .append(true)
            .create_new(!append)
            .create(append)
            .mode(0o600)
            .open(path);
        let mut file = match opened {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => anyhow::bail!(
                "{} is there already; give --append to go on at its end, or name another file",
                path.display()
            ),
            opened => opened.with_context(|| named(path))?,
        };
        end_torn_line(&mut file).with_context(|| named(path))?;
        Self::of(path, file)
    }

    fn of(path: &Path, file: File) -> anyhow::Result<Self> {
        let metadata = file.metadata().with_context(|| named(path))?;
        Ok(Self::File {
            path: path.to_owned(),
            file: BufWriter::with_capacity(1 << 16, file),
            identity: (metadata.dev(), metadata.ino()),
        })
    }

    pub(super) fn write(&mut self, line: &str) -> anyhow::Result<()> {
        match self {
            Self::Stdout(out) => Ok(writeln!(out, "{line}").map_err(Unprinted::from)?),
            Self::File { path, file, .. } => writeln!(file, "{line}").with_context(|| named(path)),
        }
    }

    /// Writes out what is waiting, and begins the file anew where it was moved away.
    pub(super) fn look_after(&mut self) -> anyhow::Result<()> {
        self.flush()?;
        let Self::File { path, identity, .. } = self else {
            return Ok(());
        };
        let there = std::fs::metadata(&*path).map(|there| (there.dev(), there.ino()));
        let path = path.clone();
        match there {
            Ok(there) if there == *identity => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| named(&path))
            }
            _ => {
                let fresh = Self::open(&path, true)?;
                std::mem::replace(self, fresh).close()
            }
        }
    }

    /// Everything is on the disk when this returns.
    pub(super) fn close(mut self) -> anyhow::Result<()> {
        self.flush()?;
        match &self {
            Self::Stdout(_) => Ok(()),
            Self::File { path, file, .. } => file.get_ref().sync_all().with_context(|| named(path)),
        }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Stdout(out) => Ok(out.flush().map_err(Unprinted::from)?),
            Self::File { path, file, .. } => file.flush().with_context(|| named(path)),
        }
    }
}

fn named(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// Whoever was killed while it wrote has left half a line; the next one must not be added to it.
fn end_torn_line(file: &mut File) -> io::Result<()> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last != *b"\n" {
        file.write_all(b"\n")?;
    }
    Ok(())
}
