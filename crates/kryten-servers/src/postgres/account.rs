//! PostgreSQL refuses to run as root: then it runs as `nobody`, in a folder of its own.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Gid, Uid, User, chown, geteuid};

/// Whom the server runs as; `None` where that is ourselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    other: Option<(Uid, Gid)>,
}

impl Account {
    pub(super) fn find() -> io::Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self { other: None });
        }
        let nobody = User::from_name("nobody")?;
        let nobody = nobody.ok_or_else(|| io::Error::other("there is no user nobody"))?;
        Ok(Self {
            other: Some((nobody.uid, nobody.gid)),
        })
    }

    /// Makes a folder that belongs to the account alone.
    pub(super) fn make_folder(self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
        self.give(path)
    }

    /// Gives a file or folder to the account.
    pub(super) fn give(self, path: &Path) -> io::Result<()> {
        if let Some((user, group)) = self.other {
            chown(path, Some(user), Some(group))?;
        }
        Ok(())
    }

    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // It wants to know where it is, and may not read ours.
        command.current_dir("/");
        if let Some((user, group)) = self.other {
            command.uid(user.as_raw()).gid(group.as_raw());
        }
        command
    }

    /// The programs where the account can run them: where they are, or copied into a folder.
    pub(super) fn within_reach(self, programs: &Path, folder: &Path) -> io::Result<PathBuf> {
        let programs = programs.canonicalize()?;
        let is_open = |path: &Path| fs::metadata(path).is_ok_and(|of| of.mode() & 0o001 != 0);
        if self.other.is_none() || programs.ancestors().all(is_open) {
            return Ok(programs);
        }
        let (root, copy) = (
            programs.parent().unwrap_or(&programs),
            folder.join("server"),
        );
        copy_folder(root, &copy)?;
        Ok(copy.join("bin"))
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            // Not needed to run it.
            if entry.file_name() != "include" {
                copy_folder(&entry.path(), &target)?;
            }
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
