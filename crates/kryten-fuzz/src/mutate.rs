//! Mangles recorded input: as JSON, by its structure, and as bytes.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

use crate::generate;

/// Mangles a recorded message a few times, rarely makes another from nothing; mostly by structure, then as bytes.
pub(crate) fn message(random: &mut StdRng, corpus: &[Value]) -> Vec<u8> {
    let mut message = one_json(random, corpus);
    for _ in 0..random.random_range(0..5) {
        mangle(random, &mut message, corpus);
    }
    let mut text = written(random, &message).into_bytes();
    if random.random_ratio(1, 4) {
        bytes(random, &mut text);
    }
    text
}

/// A recorded value, or one from nothing.
pub(crate) fn one_json(random: &mut StdRng, corpus: &[Value]) -> Value {
    match corpus.choose(random) {
        Some(value) if random.random_ratio(19, 20) => value.clone(),
        _ => generate::json(random),
    }
}

/// JSON text; numbers that no type of ours can hold are put into the text, since a value cannot hold them either.
fn written(random: &mut StdRng, value: &Value) -> String {
    const ODD: [&str; 7] = [
        "1e999",
        "-0",
        "123456789012345678901234567890",
        "1E-400",
        "0.1e1",
        "-1e308",
        "1e21",
    ];
    let text = value.to_string();
    if !random.random_ratio(1, 8) {
        return text;
    }
    let odd = ODD.choose(random).copied().unwrap_or("1");
    let places: Vec<usize> = text.match_indices("null").map(|(at, _)| at).collect();
    match places.choose(random) {
        Some(at) => format!("{}{odd}{}", &text[..*at], &text[at + 4..]),
        None => text,
    }
}

/// One change of structure somewhere inside.
pub(crate) fn mangle(random: &mut StdRng, value: &mut Value, corpus: &[Value]) {
    let place = somewhere(random, value);
    match random.random_range(0..8) {
        0 => *place = swapped(random, place),
        1 => drop_one(random, place),
        2 => *place = nested(random, place.take()),
        3 => *place = odd_number(random),
        4 => *place = Value::from(odd_text(random)),
        5 => *place = generate::json(random),
        6 => double_one(random, place),
        _ => {
            let mut other = one_json(random, corpus);
            *place = somewhere(random, &mut other).clone();
        }
    }
}

/// A value inside, at any depth.
fn somewhere<'a>(random: &mut StdRng, value: &'a mut Value) -> &'a mut Value {
    let size = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if size == 0 || random.random_ratio(1, 4) {
        return value;
    }
    let at = random.random_range(0..size);
    match value {
        Value::Array(items) => somewhere(random, &mut items[at]),
        Value::Object(fields) => {
            let field = fields.values_mut().nth(at);
            somewhere(random, field.expect("the object has more than `at` fields"))
        }
        other => other,
    }
}

/// The same in another type, as sloppy programs write it.
fn swapped(random: &mut StdRng, value: &Value) -> Value {
    match value {
        Value::String(text) => match random.random_range(0..3) {
            0 => text
                .parse::<f64>()
                .map_or(Value::Null, |number| json!(number)),
            1 => json!([text]),
            _ => json!({ "text": text }),
        },
        Value::Number(number) => match random.random_range(0..3) {
            0 => json!(number.to_string()),
            1 => json!(number.as_f64().map(|float| float + 0.5)),
            _ => json!(number.as_i64().map(i64::wrapping_neg)),
        },
        Value::Bool(flag) => match random.random_range(0..2) {
            0 => json!(i64::from(*flag)),
            _ => json!(flag.to_string()),
        },
        Value::Null => json!(""),
        Value::Array(items) => {
            let keyed = items.iter().enumerate();
            Value::Object(
                keyed
                    .map(|(at, item)| (at.to_string(), item.clone()))
                    .collect(),
            )
        }
        Value::Object(fields) => fields.values().cloned().collect(),
    }
}

fn drop_one(random: &mut StdRng, value: &mut Value) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            items.remove(random.random_range(0..items.len()));
        }
        Value::Object(fields) if !fields.is_empty() => {
            let at = random.random_range(0..fields.len());
            let name = fields.keys().nth(at).cloned().unwrap_or_default();
            fields.shift_remove(&name);
        }
        other => *other = Value::Null,
    }
}

fn double_one(random: &mut StdRng, value: &mut Value) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let item = items[random.random_range(0..items.len())].clone();
            items.push(item);
        }
        Value::Object(fields) if !fields.is_empty() => {
            let at = random.random_range(0..fields.len());
            let copied = fields
                .iter()
                .nth(at)
                .map(|(name, field)| (name.clone(), field.clone()));
            if let Some((name, field)) = copied {
                let other = match random.random_range(0..3) {
                    0 => name.to_uppercase(),
                    1 => format!("{name} "),
                    _ => odd_text(random),
                };
                fields.insert(other, field);
            }
        }
        other => *other = json!([other.clone(), other.clone()]),
    }
}

/// Deeper than anybody expects, and deeper than the JSON parser takes.
fn nested(random: &mut StdRng, mut value: Value) -> Value {
    let depth = [3, 20, 110, 140].choose(random).copied().unwrap_or(3);
    for _ in 0..depth {
        value = match random.random_bool(0.5) {
            // By hand: `json!` would write the whole value anew each time.
            true => Value::Array(vec![value]),
            false => Value::Object(Map::from_iter([("payload".to_owned(), value)])),
        };
    }
    value
}

fn odd_number(random: &mut StdRng) -> Value {
    let odd = [
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1.5),
        json!(-0.0),
        json!(f64::MAX),
        json!(f64::MIN_POSITIVE),
        json!(9_007_199_254_740_993_i64),
        json!(1e15),
        json!(2.1e10),
        json!(253_402_300_800_000_i64),
        json!(-62_135_596_800_001_i64),
    ];
    odd.choose(random).cloned().unwrap_or_default()
}

/// Text that looks harmless and is not.
pub(crate) fn odd_text(random: &mut StdRng) -> String {
    const ODD: [&str; 22] = [
        "",
        " ",
        "\0",
        "\u{feff}",
        "\u{202e}abc",
        "\u{2028}",
        "\u{85}",
        "İ",
        "ẞ",
        "ﬁ",
        "🤣",
        "e\u{301}",
        "a.b",
        "*",
        ">",
        "\r\n",
        "NaN",
        "-Infinity",
        "9999-12-31T23:59:60Z",
        "2026-02-30",
        "+262143-12-31T00:00:00Z",
        "=2E",
    ];
    match random.random_range(0..8) {
        0 => "x".repeat(random.random_range(1..5000)),
        1 => generate::text(random),
        _ => ODD.choose(random).copied().unwrap_or_default().to_owned(),
    }
}

/// Mangles text as bytes.
pub(crate) fn bytes(random: &mut StdRng, text: &mut Vec<u8>) {
    for _ in 0..random.random_range(1..4) {
        if text.is_empty() {
            text.push(random.random());
            continue;
        }
        let at = random.random_range(0..text.len());
        let end = text.len().min(at + random.random_range(1..9));
        match random.random_range(0..5) {
            0 => text[at] = random.random(),
            1 => drop(text.drain(at..end)),
            2 => text.truncate(at),
            3 => {
                let piece = text[at..end].to_vec();
                let to = random.random_range(0..=text.len());
                text.splice(to..to, piece);
            }
            _ => text.insert(at, *b"{}[]\",:\\0-e.".choose(random).unwrap_or(&b'"')),
        }
    }
}
