//! Keys of buckets: any text is stored under a name that can be sent, and read back as it was.

use kryten_client::kv::{key_of, stored_name};
use rand::rngs::StdRng;

use super::{is_legal, must};

pub(super) fn make(random: &mut StdRng) -> Vec<u8> {
    // Names of channels make good keys, and bad ones.
    super::subject::make(random)
}

pub(super) fn check(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    for key in [&*text].into_iter().chain(text.split('\n')) {
        // A name that somebody else has stored.
        let _ = key_of(key);
        let Some(name) = stored_name(key) else {
            must(key.is_empty() || key.len() > 1000, || {
                format!("{key:?} is refused")
            })?;
            continue;
        };
        must(is_legal(&name), || {
            format!("{key:?} is stored as {name:?}, which cannot be sent")
        })?;
        let read = key_of(&name);
        must(read == key, || {
            format!("{key:?} is read back as {read:?} from {name:?}")
        })?;
    }
    Ok(())
}
