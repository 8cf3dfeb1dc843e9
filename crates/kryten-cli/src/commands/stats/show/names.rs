//! Aliases and phrases.

use serde_json::Value;

use super::rows;
use crate::output::printable;
use crate::screen::{Grid, Screen, column, text};

/// `alias.list`.
pub(crate) fn aliases(screen: Screen, by_owner: &Value) -> String {
    let mut grid = Grid::new([column("user"), column("aliases").cut()]);
    for (owner, aliases) in by_owner.as_object().into_iter().flatten() {
        grid.row([printable(owner), joined(aliases)]);
    }
    match grid.is_empty() {
        true => "Nobody has an alias; `kryten stats alias add USER ALIAS` gives one.".to_owned(),
        false => grid.draw(screen),
    }
}

/// `alias.get`.
pub(crate) fn aliases_of(name: &str, aliases: &Value) -> String {
    match rows(aliases) {
        [] => format!("{} has no alias.", printable(name)),
        _ => joined(aliases),
    }
}

/// `alias.find`.
pub(crate) fn owner(alias: &str, owner: &Value) -> String {
    match owner.is_null() {
        true => format!("{} is nobody's alias.", printable(alias)),
        false => text(owner),
    }
}

/// `phrase.list`, one a line.
pub(crate) fn phrases(_screen: Screen, list: &Value) -> String {
    match rows(list) {
        [] => "No phrase counts as thanks.".to_owned(),
        list => list.iter().map(text).collect::<Vec<_>>().join("\n"),
    }
}

/// A change that was made, in the service's own words.
pub(crate) fn changed(data: &Value) -> String {
    format!("✓ {}", text(&data["message"]))
}

fn joined(list: &Value) -> String {
    rows(list).iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn aliases_stand_beside_their_owners() {
        let list = json!({"Alice": ["al", "ally"], "BOB": ["bobby"]});
        insta::assert_snapshot!(aliases(Screen::pipe(), &list), @r#"
        user   aliases
        Alice  al, ally
        BOB    bobby
        "#);
        assert!(aliases(Screen::pipe(), &json!({})).starts_with("Nobody has an alias"));
        assert_eq!(aliases_of("Alice", &list["Alice"]), "al, ally");
        assert_eq!(aliases_of("Zed", &json!([])), "Zed has no alias.");
        assert_eq!(owner("al", &json!("Alice")), "Alice");
        assert_eq!(owner("zz", &Value::Null), "zz is nobody's alias.");
        assert_eq!(
            phrases(Screen::pipe(), &json!(["haha", "lol"])),
            "haha\nlol"
        );
        assert_eq!(changed(&json!({"message": "Added"})), "✓ Added");
    }
}
