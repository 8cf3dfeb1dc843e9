//! Where two JSON values differ, as pointers.

use std::collections::BTreeSet;

use serde_json::Value;

/// The pointers at which one is not as the other; what is only in one of them is one difference, however deep.
pub(super) fn differences(theirs: &Value, ours: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect("", theirs, ours, &mut found);
    found
}

fn collect(at: &str, theirs: &Value, ours: &Value, found: &mut BTreeSet<String>) {
    let (Value::Object(theirs), Value::Object(ours)) = (theirs, ours) else {
        if theirs != ours && !same_number(theirs, ours) {
            found.insert(at.to_owned());
        }
        return;
    };
    for name in theirs.keys().chain(ours.keys()) {
        let at = format!("{at}/{name}");
        match (theirs.get(name), ours.get(name)) {
            (Some(theirs), Some(ours)) => collect(&at, theirs, ours, found),
            _ => {
                found.insert(at);
            }
        }
    }
}

/// `30` and `30.0` are the same number to every reader.
fn same_number(theirs: &Value, ours: &Value) -> bool {
    match (theirs.as_f64(), ours.as_f64()) {
        (Some(theirs), Some(ours)) => theirs.to_bits() == ours.to_bits(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_has_its_pointer() {
        let theirs = json!({"command": "jump", "args": {"uid": 3, "a": 1}, "n": 30});
        let ours = json!({"command": "jump", "args": {"uid": "3"}, "meta": {"x": 1}, "n": 30.0});
        let found: Vec<_> = differences(&theirs, &ours).into_iter().collect();
        assert_eq!(found, ["/args/a", "/args/uid", "/meta"]);
        assert!(differences(&json!([1, {}]), &json!([1, {}])).is_empty());
        assert_eq!(differences(&json!([1]), &json!({})).len(), 1);
    }
}
