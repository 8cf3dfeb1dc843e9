//! A log file that begins anew when it is full, and keeps some of the old ones.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How large a log grows, and how many old ones are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rotation {
    /// In bytes; 0 for no end.
    pub(crate) size: u64,
    pub(crate) keep: u32,
}

/// `kryten.log`, with `kryten.log.1` before it, `kryten.log.2` before that, and so on.
pub(super) struct RotatingFile {
    path: PathBuf,
    file: File,
    written: u64,
    rotation: Rotation,
}

impl RotatingFile {
    pub(super) fn open(path: &Path, rotation: Rotation) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append(path)?;
        Ok(Self {
            written: file.metadata()?.len(),
            path: path.to_owned(),
            file,
            rotation,
        })
    }

    /// A file that cannot be moved is written on: a log that is too long is better than none.
    fn rotate(&mut self) {
        let older = |number: u32| {
            let mut name = self.path.as_os_str().to_owned();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        let moved = match self.rotation.keep {
            0 => fs::remove_file(&self.path),
            keep => {
                for number in (1..keep).rev() {
                    // One that is not there yet has nothing to be moved.
                    let _ = fs::rename(older(number), older(number + 1));
                }
                fs::rename(&self.path, older(1))
            }
        };
        if let Ok(file) = moved.and_then(|()| append(&self.path)) {
            self.file = file;
        }
        self.written = 0;
    }
}

impl Write for RotatingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let is_full = self.written > 0 && self.written.saturating_add(length) > self.rotation.size;
        if self.rotation.size > 0 && is_full {
            self.rotate();
        }
        // Whole lines, so that none is torn between two files.
        self.file.write_all(line)?;
        self.written = self.written.saturating_add(length);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_full_file_is_put_away_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/kryten.log");
        let rotation = Rotation { size: 10, keep: 2 };
        for line in [
            "one 678\n",
            "two\n",
            "three 678 and more than fits\n",
            "four\n",
        ] {
            let mut file = RotatingFile::open(&path, rotation).unwrap();
            file.write_all(line.as_bytes()).unwrap();
        }
        let folder = path.parent().unwrap();
        assert_eq!(
            names(folder),
            ["kryten.log", "kryten.log.1", "kryten.log.2"]
        );
        let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(text("kryten.log"), "four\n");
        assert_eq!(text("kryten.log.1"), "three 678 and more than fits\n");
        assert_eq!(text("kryten.log.2"), "two\n");
    }

    #[test]
    fn a_size_of_zero_has_no_end_and_keeping_none_removes() {
        let folder = tempfile::tempdir().unwrap();
        for (size, keep, text) in [(0, 2, "onetwo"), (3, 0, "two")] {
            let path = folder.path().join(format!("{size}.log"));
            let mut file = RotatingFile::open(&path, Rotation { size, keep }).unwrap();
            file.write_all(b"one").unwrap();
            file.write_all(b"two").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names(folder.path()), ["0.log", "3.log"]);
    }
}
