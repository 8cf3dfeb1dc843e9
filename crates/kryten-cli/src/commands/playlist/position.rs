//! Which item a number means. Pure.

use kryten_protocol::event::playlist::Item;

use crate::output::printable;

/// From here on a number is a UID by itself, as for the Python command line.
const FIRST_UID: i64 = 1000;

/// An item that a number means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) uid: i64,
    pub(super) title: String,
}

impl Found {
    pub(super) fn uid(uid: i64) -> Self {
        Self {
            uid,
            title: format!("UID {uid}"),
        }
    }
}

/// Whether a number is a UID and no position.
pub(super) fn is_uid(number: i64, says_so: bool) -> bool {
    says_so || number >= FIRST_UID
}

/// The item at a position, counted from 1.
pub(super) fn find(items: &[Item], position: i64) -> anyhow::Result<Found> {
    let at = usize::try_from(position)
        .ok()
        .and_then(|at| at.checked_sub(1));
    let Some(item) = at.and_then(|at| items.get(at)) else {
        let advice = match items.iter().find(|item| item.uid == position) {
            Some(item) => format!("; for the item with this UID, {}, give --uid", title(item)),
            None => String::new(),
        };
        anyhow::bail!(
            "Position {position} out of range (playlist has {} items){advice}",
            items.len()
        );
    };
    Ok(Found {
        uid: item.uid,
        title: title(item),
    })
}

fn title(item: &Item) -> String {
    match item.media.title.as_str() {
        "" => "Unknown".to_owned(),
        title => printable(title),
    }
}

#[cfg(test)]
mod tests {
    use kryten_protocol::event::media::Media;

    use super::*;

    fn items() -> Vec<Item> {
        let item = |uid, title: &str| Item {
            uid,
            media: Media {
                title: title.to_owned(),
                ..Media::default()
            },
            ..Item::default()
        };
        vec![item(7001, "One"), item(38, ""), item(7003, "Three")]
    }

    #[test]
    fn positions_count_from_one() {
        let found = find(&items(), 1).unwrap();
        assert_eq!((found.uid, found.title.as_str()), (7001, "One"));
        assert_eq!(find(&items(), 2).unwrap().title, "Unknown");
        for position in [0, -1, 4, i64::MIN] {
            let error = find(&items(), position).unwrap_err().to_string();
            assert!(error.contains("(playlist has 3 items)"), "{error}");
        }
    }

    #[test]
    fn a_small_uid_that_is_no_position_is_told() {
        let error = find(&items(), 38).unwrap_err().to_string();
        assert!(error.ends_with("Unknown, give --uid"), "{error}");
        assert!(is_uid(1000, false) && is_uid(38, true) && !is_uid(38, false));
    }
}
