use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;

fn playlist(uids: impl IntoIterator<Item = u32>) -> String {
    let items: Vec<String> = uids
        .into_iter()
        .map(|uid| {
            format!(
                r#"{{"uid":{uid},"media":{{"title":"Film {uid}","id":"{}"}}}}"#,
                "x".repeat(150)
            )
        })
        .collect();
    format!("[{}]", items.join(","))
}

/// What a reader makes of a layout.
fn read(layout: &Layout) -> Result<String, ListError> {
    let manifest = Manifest::read(layout.manifest.as_bytes())?;
    let stored: BTreeMap<&str, &str> = layout
        .parts
        .iter()
        .map(|part| (part.name.as_str(), part.json.as_str()))
        .collect();
    let parts: Vec<&str> = manifest
        .parts
        .iter()
        .map(|name| stored[name.as_str()])
        .collect();
    manifest.join(&parts)
}

fn names(list: &str) -> HashSet<String> {
    let layout = split(list, "1", Limits::default()).unwrap();
    layout.parts.into_iter().map(|part| part.name).collect()
}

#[test]
fn a_long_list_is_read_back_as_it_was() {
    let list = playlist(0..10_000);
    let layout = split(&list, "3", Limits::default()).unwrap();
    assert!(layout.parts.len() > 50, "{}", layout.parts.len());
    assert!(layout.parts.iter().all(|part| part.json.len() <= 64 << 10));
    assert!(layout.manifest.len() < 64 << 10);
    assert_eq!(read(&layout).unwrap(), list);
}

#[test]
fn one_move_changes_few_parts() {
    let before = names(&playlist(0..4000));
    let moved = (0..4000).filter(|uid| *uid != 17).chain([17]);
    let after = names(&playlist(moved));
    let new = after.difference(&before).count();
    assert!(new <= 3, "{new} of {}", after.len());
    let in_front = [5000].into_iter().chain(0..4000);
    assert!(names(&playlist(in_front)).difference(&before).count() <= 2);
}

#[test]
fn an_empty_list_and_a_short_one_are_in_the_manifest() {
    for list in ["[]", r#"[{"name":"ann"}]"#] {
        let layout = split(list, "1", Limits::default()).unwrap();
        assert!(layout.parts.is_empty());
        assert_eq!(read(&layout).unwrap(), list);
    }
}

#[test]
fn equal_parts_are_stored_once() {
    let entry = format!("\"{}\"", "x".repeat(60 << 10));
    let list = format!("[{entry},{entry},{entry}]");
    let layout = split(&list, "1", Limits::default()).unwrap();
    assert_eq!(layout.parts.len(), 1);
    assert_eq!(read(&layout).unwrap(), list);
}

#[test]
fn an_entry_too_large_for_a_value_is_left_out_and_counted() {
    let list = format!(r#"[1,"{}",2]"#, "x".repeat(2000));
    let layout = split(&list, "1", Limits::for_values_up_to(1000)).unwrap();
    assert_eq!(layout.omitted, 1);
    assert_eq!(read(&layout).unwrap(), "[1,2]");
    assert_eq!(
        Manifest::read(layout.manifest.as_bytes()).unwrap().omitted,
        1
    );
}

#[test]
fn what_is_no_list_or_no_manifest_is_told() {
    assert!(matches!(
        split("{}", "1", Limits::default()),
        Err(ListError::NotAList(_))
    ));
    assert!(matches!(
        Manifest::read(b"[]"),
        Err(ListError::NotAManifest(_))
    ));
    assert!(matches!(
        Manifest::read(br#"{"layout":2,"entries":0,"bytes":2}"#),
        Err(ListError::UnknownLayout(2))
    ));
    let layout = split(&playlist(0..100), "1", Limits::default()).unwrap();
    let manifest = Manifest::read(layout.manifest.as_bytes()).unwrap();
    assert!(matches!(
        manifest.join(&["[1]"]),
        Err(ListError::PartsDoNotFit)
    ));
}

#[test]
fn parts_that_the_manifest_does_not_name_are_told() {
    let layout = split(&playlist(0..200), "1", Limits::default()).unwrap();
    let manifest = Manifest::read(layout.manifest.as_bytes()).unwrap();
    let parts: Vec<&str> = layout.parts.iter().map(|part| part.json.as_str()).collect();
    assert!(parts.len() > 1 && manifest.names(&parts));
    assert!(!manifest.names(&parts[1..]));
    let changed = parts[0].replacen("1", "2", 1);
    let others = [&[changed.as_str()], &parts[1..]].concat();
    assert!(!manifest.names(&others));
}

proptest! {
    #[test]
    fn any_list_is_read_back_as_it_was(
        entries in proptest::collection::vec("[a-z\"\\\\é]{0,300}", 0..200),
        largest in 1500usize..5000,
    ) {
        let list = serde_json::to_string(&entries).unwrap();
        let layout = split(&list, "9", Limits::for_values_up_to(largest)).unwrap();
        prop_assert!(layout.parts.iter().all(|part| part.json.len() <= largest));
        prop_assert_eq!(read(&layout).unwrap(), list);
    }
}
